"""The two Keras DCGANs of the reports: layers and counts by their tables, options, training at every size."""

import math
from importlib import import_module

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganbench.errors import UsageError
from ganbench.models.keras_layers import glorot_init_, same_conv, same_conv_transpose
from ganbench.types import Batch, DataSpec

SPATIAL = {nn.Conv2d: "conv", nn.ConvTranspose2d: "up"}


def plugin(name):
    return import_module(f"ganbench_plugins.{name}")


def build(name, channels=1, resolution=28, device="meta", **options):
    with torch.device(device):
        options = {**plugin(name).ganbench_model().options, **options}
        return plugin(name).ganbench_build(DataSpec("image", channels, resolution), options)


def table(network):
    """(kind, in, out, kernel, stride, bias), (dense, in, out, bias), (BN, maps), (LeakyReLU, slope), (Dropout, p)."""
    rows = []
    for layer in network.modules():
        if type(layer) in SPATIAL:
            sizes = layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0]
            rows.append((SPATIAL[type(layer)], *sizes, layer.bias is not None))
        elif isinstance(layer, nn.Linear):
            rows.append(("dense", layer.in_features, layer.out_features, layer.bias is not None))
        elif isinstance(layer, nn.BatchNorm2d):
            rows.append(("BN", layer.num_features))
        elif isinstance(layer, nn.LeakyReLU):
            rows.append(("LeakyReLU", layer.negative_slope))
        elif isinstance(layer, nn.Dropout):
            rows.append(("Dropout", layer.p))
        elif isinstance(layer, nn.SELU | nn.Tanh):
            rows.append(type(layer).__name__)
    return rows


def num_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def num_keras_parameters(module):
    """Keras counts batch norm's running mean and variance too (not torch's count of batches)."""
    return num_parameters(module) + sum(b.numel() for b in module.buffers() if b.is_floating_point())


def weighted(network):
    return [layer for layer in network if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


def sides_of_maps(network, values):
    sides = []
    for layer in network:
        values = layer(values)
        if values.dim() == 4 and values.shape[-1] not in sides[-1:]:
            sides.append(values.shape[-1])
    return sides


def test_selu_generator_is_the_reports():
    generator = build("dcgan_selu").generator
    assert table(generator) == [
        ("dense", 100, 6272, True),
        ("BN", 128),
        ("up", 128, 64, 5, 2, True),
        "SELU",
        ("BN", 64),
        ("up", 64, 1, 5, 2, True),
        "Tanh",
    ]
    assert num_keras_parameters(generator) == 840_705
    assert num_parameters(generator) == 840_321
    assert [num_parameters(layer) for layer in weighted(generator)] == [633_472, 204_864, 1_601]
    assert sides_of_maps(generator, torch.empty(2, 100, device="meta")) == [7, 14, 28]


def test_selu_discriminator_is_the_reports():
    discriminator = build("dcgan_selu").discriminator
    after = [("LeakyReLU", 0.2), ("Dropout", 0.4)]
    assert table(discriminator) == [
        ("conv", 1, 64, 5, 2, True),
        *after,
        ("conv", 64, 128, 5, 2, True),
        *after,
        ("dense", 6272, 1, True),
    ]
    assert num_parameters(discriminator) == num_keras_parameters(discriminator) == 212_865
    assert [num_parameters(layer) for layer in weighted(discriminator)] == [1_664, 204_928, 6_273]
    assert sides_of_maps(discriminator, torch.empty(2, 1, 28, 28, device="meta")) == [14, 7]


@pytest.mark.parametrize(("resolution", "base", "maps"), [(32, 4, [64, 32, 16]), (64, 4, [128, 64, 32, 16])])
def test_selu_halves_more_often_at_other_sizes(resolution, base, maps):
    gan = build("dcgan_selu", 3, resolution, width=16)
    assert table(gan.generator)[0] == ("dense", 100, maps[0] * base**2, True)
    assert [row[2] for row in table(gan.generator) if row[0] == "up"] == [*maps[1:], 3]
    assert [row[2] for row in table(gan.discriminator) if row[0] == "conv"] == maps[::-1]
    assert table(gan.discriminator)[-1] == ("dense", maps[0] * base**2, 1, True)


def test_selu_trains_by_rmsprop_as_keras_does():
    gan = build("dcgan_selu", lr_discriminator=3e-4)
    rates = {name: optimizer.defaults["lr"] for name, optimizer in gan.optimizers.items()}
    assert rates == {"generator": 1e-3, "discriminator": 3e-4}
    assert {type(optimizer) for optimizer in gan.optimizers.values()} == {torch.optim.RMSprop}
    assert {optimizer.defaults["alpha"] for optimizer in gan.optimizers.values()} == {0.9}
    assert {norm.momentum for norm in gan.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.01}
    assert gan.latent == "normal"
    assert build("dcgan_selu", latent="uniform").latent == "uniform"


@pytest.mark.parametrize(("option", "value"), [("rho", 1.0), ("lr", -1.0), ("label_smoothing", 2.0), ("width", 0)])
def test_selu_refuses_values_out_of_range(option, value):
    with pytest.raises(UsageError, match=option):
        build("dcgan_selu", **{option: value})


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("resolution", "sides"), [(32, [2, 4, 8, 16, 32]), (128, [8, 16, 32, 64, 128])])
def test_dropout_networks_are_the_reports(kernel, resolution, sides):
    gan = build("dcgan_dropout", 3, resolution, kernel=kernel)
    leaky = ("LeakyReLU", 0.2)
    expected = [("dense", 100, 512 * sides[0] ** 2, True), leaky]
    for coarse, fine in ((512, 512), (512, 256), (256, 128), (128, 64)):
        expected += [("up", coarse, fine, kernel, 2, False), ("BN", fine), leaky]
    assert table(gan.generator) == [*expected, ("up", 64, 3, kernel, 1, True), "Tanh"]
    assert sides_of_maps(gan.generator, torch.empty(2, 100, device="meta")) == sides
    expected = []
    for fine, coarse in ((3, 64), (64, 128), (128, 256), (256, 512)):
        expected += [("conv", fine, coarse, kernel, 2, True), leaky, ("Dropout", 0.3)]
    assert table(gan.discriminator) == [*expected, ("dense", 512 * sides[0] ** 2, 1, True)]
    assert sides_of_maps(gan.discriminator, torch.empty(2, 3, resolution, resolution, device="meta")) == sides[3::-1]


def test_dropout_rounds_halves_up():
    gan = build("dcgan_dropout", resolution=28)
    assert sides_of_maps(gan.generator, torch.empty(2, 100, device="meta")) == [2, 4, 7, 14, 28]
    assert sides_of_maps(gan.discriminator, torch.empty(2, 1, 28, 28, device="meta")) == [14, 7, 4, 2]


def test_dropout_has_biases_where_no_norm_follows():
    gan = build("dcgan_dropout", norm_generator="none", norm_discriminator="batch")
    assert [row[-1] for row in table(gan.generator) if row[0] == "up"] == [True] * 5
    assert [row[-1] for row in table(gan.discriminator) if row[0] == "conv"] == [True, False, False, False]


def test_dropout_defaults_are_version_2_and_version_1_is_a_matter_of_options():
    second = build("dcgan_dropout", device="cpu")
    assert {o.defaults["lr"] for o in second.optimizers.values()} == {2e-4}
    assert {o.defaults["betas"] for o in second.optimizers.values()} == {(0.5, 0.999)}
    first = build("dcgan_dropout", device="cpu", lr=1e-4, beta1=0.9, label_smoothing=0.0, init="glorot")
    assert {o.defaults["betas"] for o in first.optimizers.values()} == {(0.9, 0.999)}
    layer, plain = second.discriminator[6], first.discriminator[6]  # the third convolution, 128 → 256 maps
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    fans = layer.weight.shape[1] * 9 + layer.weight.shape[0] * 9
    assert plain.weight.abs().max().item() == pytest.approx(math.sqrt(6 / fans), rel=1e-3)
    assert plain.weight.std().item() == pytest.approx(math.sqrt(2 / fans), rel=0.02)
    best = build("dcgan_dropout", resolution=64, kernel=5, lr_discriminator=4e-5)
    assert best.optimizers["discriminator"].defaults["lr"] == pytest.approx(
        best.optimizers["generator"].defaults["lr"] / 5
    )


def test_dropout_smooths_real_targets_to_nine_tenths():
    module = plugin("dcgan_dropout")
    real = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.manual_seed(1)
    gan = build("dcgan_dropout", device="cpu", width=4)
    out = module.ganbench_train(gan.train(), iter([Batch(real)]), 0)
    on_real = -(0.9 * F.logsigmoid(out["real_logits"]) + 0.1 * F.logsigmoid(-out["real_logits"])).mean()
    torch.testing.assert_close(out["loss_d"], on_real - F.logsigmoid(-out["fake_logits"]).mean())


@pytest.mark.parametrize(("option", "value"), [("kernel", 4), ("init", "zeros"), ("dropout", 1.5)])
def test_dropout_refuses_values_that_are_not_offered(option, value):
    with pytest.raises(UsageError, match=f"option {option}: expected .* got"):
        build("dcgan_dropout", **{option: value})


@pytest.mark.parametrize("name", ["dcgan_selu", "dcgan_dropout"])
@pytest.mark.parametrize(("channels", "resolution"), [(1, 28), (3, 28), (3, 32), (1, 64), (3, 64), (3, 128)])
def test_trains_and_samples(name, channels, resolution):
    torch.manual_seed(0)
    gan = build(name, channels, resolution, device="cpu", width=2).train()
    out = plugin(name).ganbench_train(gan, iter([Batch(torch.rand(4, *(channels, resolution, resolution)))]), 0)
    assert all(value.isfinite().all() for value in out.values())
    assert out["real_logits"].shape == out["fake_logits"].shape == (4,)
    with torch.no_grad():
        samples = plugin(name).ganbench_sample(gan.eval(), gan.sample_latents(3), None)
    assert samples.shape == (3, channels, resolution, resolution)
    assert samples.dtype is torch.float32
    assert samples.abs().max() <= 1


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [7, 8])
def test_same_layers_are_keras_own_up_to_a_reflection(kernel, side):
    """Keras pads ⌊p/2⌋ before and ⌈p/2⌉ after, p what a side of ⌈S/2⌉ needs; the transpose is that map's gradient."""
    coarse = -(-side // 2)
    padding = (coarse - 1) * 2 + kernel - side
    before, after = padding // 2, padding - padding // 2
    conv = same_conv(2, 3, kernel)
    images = torch.randn(1, 2, side, side, requires_grad=True)
    padded = F.pad(images.flip(2, 3), (before, after, before, after))
    keras = F.conv2d(padded, conv.weight.flip(2, 3), conv.bias, 2)
    torch.testing.assert_close(conv(images), keras.flip(2, 3))
    up = same_conv_transpose(3, 2, kernel, odd=bool(side % 2), bias=False)
    up.weight.data = conv.weight.data
    maps = torch.randn(1, 3, coarse, coarse)
    (gradient,) = torch.autograd.grad(keras, images, maps.flip(2, 3))
    torch.testing.assert_close(up(maps), gradient)


def test_glorot_leaves_norms_alone_and_zeroes_biases():
    network = glorot_init_(nn.Sequential(nn.Linear(300, 200), nn.BatchNorm2d(4), nn.ConvTranspose2d(8, 4, 5)))
    bounds = [math.sqrt(6 / 500), None, math.sqrt(6 / (25 * 12))]
    assert network[0].weight.abs().max().item() == pytest.approx(bounds[0], rel=1e-3)
    assert network[2].weight.abs().max().item() == pytest.approx(bounds[2], rel=2e-2)
    assert not network[0].bias.any()
    assert not network[2].bias.any()
    assert torch.equal(network[1].weight, torch.ones(4))
