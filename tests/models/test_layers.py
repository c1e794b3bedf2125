import pytest
import torch
from torch import nn

from ganbench.errors import UsageError
from ganbench.models import (
    MinibatchDiscrimination,
    adam,
    feature_maps,
    halved_sizes,
    label_maps,
    mlp,
    normal_init_,
    require_classes,
    spectral_norm_,
    upsampling_plan,
)
from ganbench.types import DataSpec


@pytest.mark.parametrize(
    ("resolution", "plan"), [(28, (7, 2)), (32, (4, 3)), (64, (4, 4)), (128, (4, 5)), (8, (4, 1)), (56, (7, 3))]
)
def test_upsampling_plan_reaches_the_resolution(resolution, plan):
    assert upsampling_plan(resolution) == plan
    assert plan[0] * 2 ** plan[1] == resolution


@pytest.mark.parametrize("resolution", [0, 4, 7, 30, 100])
def test_other_resolutions_are_refused_with_the_list_of_those_that_work(resolution):
    with pytest.raises(UsageError, match=rf"resolution {resolution}: .*28, 32, .*64, .*128"):
        upsampling_plan(resolution)


@pytest.mark.parametrize(
    ("resolution", "sizes"), [(28, [2, 4, 7, 14, 28]), (32, [2, 4, 8, 16, 32]), (30, [2, 4, 8, 15, 30]), (2, [2])]
)
def test_halved_sizes_round_up(resolution, sizes):
    assert halved_sizes(resolution, smallest=2) == sizes


def test_feature_maps_double_up_to_eight_times():
    assert feature_maps(64, 5) == [64, 128, 256, 512, 512]
    with pytest.raises(UsageError, match="width 0"):
        feature_maps(0, 2)


def test_label_maps_are_one_hot_and_constant():
    maps = label_maps(torch.tensor([1, 0]), 3, 2)
    assert maps.shape == (2, 3, 2, 2)
    assert maps[0, :, 0, 0].tolist() == [0, 1, 0]
    assert maps[1].amax((1, 2)).tolist() == maps[1].amin((1, 2)).tolist() == [1, 0, 0]


def test_unlabelled_data_are_refused_by_name():
    assert require_classes(DataSpec("image", num_classes=10), "sncgan") == 10
    with pytest.raises(UsageError, match="sncgan is conditional"):
        require_classes(DataSpec("image"), "sncgan")


def test_mlp_has_the_asked_layers():
    shapes = [tuple(layer.weight.shape) for layer in mlp(2, 5, hidden=7, num_hidden=3) if isinstance(layer, nn.Linear)]
    assert shapes == [(7, 2), (7, 7), (7, 7), (5, 7)]


def test_minibatch_discrimination_follows_the_formula():
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(6, num_kernels=3, kernel_dim=2, std=0.5)
    x = torch.randn(4, 6)
    rows = (x @ layer.weight).view(4, 3, 2)
    expected = torch.zeros(4, 3)
    for i in range(4):
        for j in range(4):
            for b in range(3):
                expected[i, b] += torch.exp(-(rows[i, b] - rows[j, b]).abs().sum())
    out = layer(x)
    assert torch.equal(out[:, :6], x)
    torch.testing.assert_close(out[:, 6:], expected)


def test_minibatch_discrimination_tells_equal_samples_from_different_ones():
    layer = MinibatchDiscrimination(4, num_kernels=2, std=5.0)
    same, different = layer(torch.ones(8, 4)), layer(10 * torch.randn(8, 4))
    torch.testing.assert_close(same[:, 4:], torch.full((8, 2), 8.0))
    assert different[:, 4:].max() < 8.0


def test_minibatch_discrimination_has_the_gradient_of_the_formula():
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(3, num_kernels=2, kernel_dim=2, std=1.0)
    x, weights = torch.randn(4, 3, requires_grad=True), torch.randn(4, 2)
    rows = (x @ layer.weight).view(4, 2, 2)
    closeness = torch.exp(-(rows[:, None] - rows[None]).abs().sum(3)).sum(1)
    (expected,) = torch.autograd.grad((closeness * weights).sum(), x)
    (actual,) = torch.autograd.grad((layer(x)[:, 3:] * weights).sum(), x)
    torch.testing.assert_close(actual, expected)


def test_spectral_norm_makes_the_largest_singular_value_one():
    torch.manual_seed(0)
    network = spectral_norm_(
        normal_init_(nn.Sequential(nn.Conv2d(3, 8, 4), nn.ConvTranspose2d(8, 5, 4), nn.Linear(6, 4)))
    )
    for layer in network:
        for _ in range(100):  # each access in training mode is one power iteration
            weight = layer.weight
        matrix = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
        assert torch.linalg.matrix_norm(matrix.flatten(1), ord=2).item() == pytest.approx(1.0, abs=1e-3)


def test_normal_init_draws_the_papers_weights():
    torch.manual_seed(0)
    network = normal_init_(nn.Sequential(nn.Conv2d(16, 64, 4), nn.BatchNorm2d(4096), nn.Linear(64, 64)))
    conv, norm, dense = network
    for layer, mean in ((conv, 0.0), (norm, 1.0), (dense, 0.0)):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert layer.weight.mean().item() == pytest.approx(mean, abs=0.002)
    assert not any(layer.bias.any() for layer in network)


@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("meta", False)])
def test_adam_is_fused_where_torch_can(device, fused):
    optimizer = adam(nn.Linear(2, 2, device=device), 1e-3)
    assert optimizer.defaults["fused"] is fused
    assert optimizer.defaults["betas"] == (0.5, 0.999)
