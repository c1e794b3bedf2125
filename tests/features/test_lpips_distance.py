"""LPIPS with the package's heads against the package itself; here the trunks are random."""

import lpips
import numpy as np
import pytest
import torch

from ganbench.errors import WeightsError
from ganbench.features import lpips as module
from ganbench.features.lpips import LpipsDistance

PACKAGE_NAMES = {"alexnet": "alex", "vgg16": "vgg"}


@pytest.fixture(scope="module")
def packages():
    """The package's own networks with random trunks, by our names."""
    with torch.random.fork_rng(), pytest.warns(UserWarning):
        torch.manual_seed(3)
        return {
            name: lpips.LPIPS(net=theirs, pnet_rand=True, verbose=False).eval()
            for name, theirs in PACKAGE_NAMES.items()
        }


@pytest.fixture
def trunk(packages, monkeypatch):
    """The same trunks under torchvision's names, as the weights table gives them."""

    def load(name):
        state = packages[name].net.state_dict()
        return {f"features.{key.split('.', 1)[1]}": value.clone() for key, value in state.items()}

    monkeypatch.setattr(module, "load_lpips_trunk", load)


def pictures(n, size, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, channels), dtype=np.uint8)


def to_pixels(images):
    return torch.tensor(images).permute(0, 3, 1, 2) / 127.5 - 1


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_agrees_with_the_package_on_the_same_trunk(trunk, packages, name):
    a, b = pictures(3, 64), pictures(3, 64, seed=1)
    with torch.no_grad():
        expected = packages[name](to_pixels(a), to_pixels(b)).flatten()
    distance = LpipsDistance(trunk=name)
    np.testing.assert_allclose(distance(a, b), expected.numpy(), rtol=1e-5)
    torch.testing.assert_close(distance.distance(to_pixels(a), to_pixels(b)), expected, rtol=1e-5, atol=0)


def test_the_package_without_its_heads_is_told_apart(trunk, packages):
    """A wrong form: all channels weigh the same."""
    a, b = pictures(3, 64), pictures(3, 64, seed=1)
    package = packages["alexnet"]
    layers = zip(*(package.net(package.scaling_layer(to_pixels(x))) for x in (a, b)), strict=True)
    normalize = lpips.normalize_tensor
    unweighted = sum((normalize(x) - normalize(y)).square().sum(1).mean((1, 2)) for x, y in layers)
    assert np.abs(unweighted.numpy() / LpipsDistance()(a, b) - 1).min() > 0.1


def test_embeddings_give_the_distance_of_any_two_images(trunk):
    distance, images = LpipsDistance(), pictures(4, 32, channels=1)
    vectors = distance.embed(to_pixels(images))
    assert vectors.shape == (4, 31872)
    found = torch.cdist(vectors[None], vectors[None], compute_mode="donot_use_mm_for_euclid_dist")[0].square()
    for i in range(4):
        np.testing.assert_allclose(found[i], distance(images[[i] * 4], images), rtol=1e-4, atol=1e-7)


def test_large_images_go_in_smaller_batches_and_give_the_same(trunk, monkeypatch):
    distance, a, b = LpipsDistance(), pictures(3, 64), pictures(3, 64, seed=1)
    together, sizes = distance(a, b), []
    layers = distance._layers
    monkeypatch.setattr(module, "_MAX_PIXELS", 2 * 64 * 64)
    monkeypatch.setattr(distance, "_layers", lambda pixels: sizes.append(len(pixels)) or layers(pixels))
    np.testing.assert_allclose(distance(a, b), together, rtol=1e-4)
    assert sizes == [2, 2, 1, 1]


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3)])
def test_equal_images_are_at_zero_and_the_order_does_not_matter(trunk, size, channels):
    distance = LpipsDistance()
    a, b = pictures(2, size, channels), pictures(2, size, channels, seed=1)
    np.testing.assert_array_equal(distance(a, a), 0)
    assert (distance(a, b) > 0).all()
    np.testing.assert_allclose(distance(a, b), distance(b, a), rtol=1e-5)


def test_batches_do_not_change_the_distance(trunk):
    distance, a, b = LpipsDistance(), pictures(70, 16), pictures(70, 16, seed=1)
    np.testing.assert_allclose(distance(a, b)[65], distance(a[65:66], b[65:66])[0], rtol=1e-4)


def test_no_images_give_no_distances(trunk):
    assert LpipsDistance()(pictures(0, 16), pictures(0, 16)).shape == (0,)


def test_different_shapes_are_refused(trunk):
    with pytest.raises(ValueError, match="one shape"):
        LpipsDistance()(pictures(2, 16), pictures(2, 32))


def test_building_it_leaves_the_global_generator_alone(trunk):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    LpipsDistance()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_a_missing_trunk_is_named_with_the_remedy(name, tmp_path, monkeypatch):
    for variable in ("GANBENCH_WEIGHTS", "GANBENCH_CACHE", "TORCH_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(WeightsError, match=f"ganbench weights fetch {name}"):
        LpipsDistance(trunk=name)


def test_the_networks_run_without_tf32(trunk):
    distance, seen = LpipsDistance(), []
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    distance._network.register_forward_hook(
        lambda *_: seen.append((cudnn.enabled, cudnn.allow_tf32, matmul.allow_tf32))
    )
    pixels = to_pixels(pictures(2, 64))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        distance(pictures(2, 64), pictures(2, 64, seed=1))
        distance.distance(pixels, pixels)
        distance.embed(pixels)
        assert cudnn.allow_tf32
    assert seen == [(True, False, False)] * 5
