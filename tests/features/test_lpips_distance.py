"""LPIPS with the package's heads and a trunk from a file; here the trunk is random."""

from dataclasses import replace

import lpips
import numpy as np
import pytest
import torch
import torchvision

from ganbench.errors import WeightsError
from ganbench.features import weights
from ganbench.features.lpips import LpipsDistance
from ganbench.features.weights import missing_weights


@pytest.fixture
def trunk(tmp_path, monkeypatch):
    torch.manual_seed(3)
    network = torchvision.models.alexnet(weights=None)
    path = tmp_path / "alexnet-owt-7be5be79.pth"
    torch.save(network.state_dict(), path)
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    entry = replace(weights.WEIGHTS["alexnet"], sha256="")
    monkeypatch.setattr(weights, "WEIGHTS", {"alexnet": entry})
    return network


def pictures(n, size, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, channels), dtype=np.uint8)


def test_agrees_with_the_package_on_the_same_trunk(trunk):
    reference = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    state = {f"slice{i}.{k}": v for i, ks in enumerate(([0], [3], [6], [8], [10]), 1) for k, v in _layer(trunk, ks[0])}
    reference.net.load_state_dict(state)
    a, b = pictures(3, 64), pictures(3, 64, seed=1)
    with torch.no_grad():
        expected = reference(*(torch.tensor(x).permute(0, 3, 1, 2) / 127.5 - 1 for x in (a, b))).flatten()
    np.testing.assert_allclose(LpipsDistance()(a, b), expected.numpy(), rtol=1e-5)


def _layer(network, index):
    return [(f"{index}.{name}", value) for name, value in network.features[index].state_dict().items()]


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


def test_a_missing_trunk_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "alexnet-owt-7be5be79.pth" in (missing_weights("alexnet") or "")
    with pytest.raises(WeightsError, match="GANBENCH_WEIGHTS"):
        LpipsDistance()
