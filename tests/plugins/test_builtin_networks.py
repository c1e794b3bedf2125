"""Each network's layers against the tables of its paper or report."""

from importlib import import_module

import pytest
import torch
from torch import nn

from ganbench.types import Batch, DataSpec


def build(name, channels=3, resolution=32, **options):
    plugin = import_module(f"ganbench_plugins.{name}")
    spec = DataSpec("image", channels, resolution, num_classes=10)
    with torch.device("meta"):  # shapes suffice
        return plugin.ganbench_build(spec, {**plugin.ganbench_model().options, **options})


def table(network):
    """(kind, in, out, kernel, stride, padding, bias) of each convolution and dense layer, other layers by name."""
    rows = []
    for layer in network.modules():
        kind = type(layer).__name__.removeprefix("Parametrized")
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            sizes = layer.kernel_size[0], layer.stride[0], layer.padding[0]
            rows.append((kind, layer.in_channels, layer.out_channels, *sizes, layer.bias is not None))
        elif isinstance(layer, nn.Linear):
            rows.append((kind, layer.in_features, layer.out_features, layer.bias is not None))
        elif isinstance(layer, nn.BatchNorm2d):
            rows.append(("BN", layer.num_features))
        elif isinstance(layer, nn.LeakyReLU):
            rows.append(("LeakyReLU", layer.negative_slope))
        elif isinstance(layer, nn.ReLU | nn.Tanh | nn.Dropout):
            rows.append(kind)
    return rows


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


LEAKY = ("LeakyReLU", 0.2)


def up(wide, narrow):
    return ("ConvTranspose2d", wide, narrow, 4, 2, 1, False)


def down(narrow, wide):
    return ("Conv2d", narrow, wide, 4, 2, 1, False)


def test_dcgan_at_64_px_has_the_reports_layers_and_parameters():
    gan = build("dcgan", resolution=64)
    assert num_parameters(gan.generator) == 3_576_704
    assert num_parameters(gan.discriminator) == 2_765_568
    expected = [("ConvTranspose2d", 100, 512, 4, 1, 0, False), ("BN", 512), "ReLU"]
    for wide, narrow in ((512, 256), (256, 128), (128, 64)):
        expected += [up(wide, narrow), ("BN", narrow), "ReLU"]
    assert table(gan.generator) == [*expected, up(64, 3), "Tanh"]
    expected = [down(3, 64), LEAKY]
    for narrow, wide in ((64, 128), (128, 256), (256, 512)):
        expected += [down(narrow, wide), ("BN", wide), LEAKY]
    assert table(gan.discriminator) == [*expected, ("Conv2d", 512, 1, 4, 1, 0, False)]


@pytest.mark.parametrize(("resolution", "maps"), [(28, [64, 32]), (32, [128, 64, 32]), (128, [256, 256, 128, 64, 32])])
def test_dcgan_doubles_its_width_up_to_eight_times(resolution, maps):
    gan = build("dcgan", channels=1, resolution=resolution, width=32, latent_dim=10)
    first, *others = [row for row in table(gan.generator) if row[0] == "ConvTranspose2d"]
    assert first[:4] == ("ConvTranspose2d", 10, maps[0], 7 if resolution == 28 else 4)
    assert [row[2] for row in others] == [*maps[1:], 1]
    assert [row[2] for row in table(gan.discriminator) if row[0] == "Conv2d"] == [*maps[::-1], 1]


def test_sncgan_on_cifar_takes_labels_as_channels():
    gan = build("sncgan")
    expected = [("ConvTranspose2d", 138, 256, 4, 1, 0, False), ("BN", 256), LEAKY]
    for wide, narrow in ((256, 128), (128, 64)):
        expected += [up(wide, narrow), ("BN", narrow), LEAKY]
    assert table(gan.generator) == [*expected, up(64, 3), "Tanh"]
    expected = [down(13, 64), LEAKY, "Dropout"]
    for narrow, wide in ((64, 128), (128, 256)):
        expected += [down(narrow, wide), ("BN", wide), LEAKY, "Dropout"]
    assert table(gan.discriminator) == [*expected, ("Conv2d", 256, 1, 4, 1, 0, False)]


def test_sncgan_normalises_as_the_report_says():
    gan = build("sncgan", dropout=0.4)
    norms = [layer for layer in gan.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 5
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 1e-5)}
    assert {layer.p for layer in gan.modules() if isinstance(layer, nn.Dropout)} == {0.4}
    parametrized = nn.utils.parametrize.is_parametrized
    assert all(parametrized(m, "weight") for m in gan.discriminator.modules() if isinstance(m, nn.Conv2d))
    assert not any(parametrized(layer) for layer in gan.generator.modules())
    assert not any(isinstance(layer, nn.Dropout) for layer in build("sncgan", dropout=0.0).modules())


def test_sncgan_initialises_the_weights_under_the_spectral_norm():
    plugin = import_module("ganbench_plugins.sncgan")
    gan = plugin.ganbench_build(DataSpec("image", 3, 32, num_classes=10), plugin.ganbench_model().options)
    original = gan.discriminator.layers[3].parametrizations.weight.original
    assert original.std().item() == pytest.approx(0.02, rel=0.05)


def test_vtgan_on_cifar_has_the_reports_discriminator():
    gan = build("vtgan", minibatch_discrimination=False)
    expected, channels = [], 3
    for kernel, stride, filters in ((5, 2, 16), (5, 1, 32), (3, 2, 64), (5, 1, 128), (3, 2, 256), (3, 1, 512)):
        normed = filters not in (16, 512)
        expected.append(("Conv2d", channels, filters, kernel, stride, kernel // 2, not normed))
        expected += [("BN", filters), LEAKY] if normed else [LEAKY]
        channels = filters
    heads = [("Linear", 512 * 4 * 4, 1, True), ("Linear", 512 * 4 * 4, 10, True)]
    assert table(gan.discriminator) == expected + heads


def test_vtgan_on_cifar_has_the_reports_generator():
    gan = build("vtgan")
    expected = [("Linear", 100, 512 * 2 * 2, True), LEAKY]
    for wide, narrow in ((512, 256), (256, 128), (128, 64)):
        expected += [("ConvTranspose2d", wide, narrow, 5, 2, 2, False), ("BN", narrow), LEAKY]
    assert table(gan.generator) == [*expected, ("ConvTranspose2d", 64, 3, 5, 2, 2, True), "Tanh"]
    assert gan.latent == "uniform"
    assert gan.generator.embedding.weight.shape == (10, 100)


def test_vtgan_compares_the_batch_with_30_kernels_of_dimension_5():
    gan = build("vtgan")
    layer = gan.discriminator.layers[-1]
    assert layer.kernel_shape == (30, 5)
    assert layer.weight.shape == (8192, 150)
    assert gan.discriminator.source_head.in_features == gan.discriminator.class_head.in_features == 8192 + 30


@pytest.mark.parametrize(
    ("resolution", "strides", "last_size", "maps"),
    [
        (28, [2, 1, 2, 1, 2, 1], 4, [512, 256, 128, 64]),
        (64, [2, 1, 2, 1, 2, 2], 4, [512, 512, 256, 128, 64]),
        (128, [2, 1, 2, 2, 2, 2], 4, [512, 512, 512, 256, 128, 64]),
    ],
)
def test_vtgan_adapts_to_the_resolution(resolution, strides, last_size, maps):
    gan = build("vtgan", resolution=resolution)
    assert [row[4] for row in table(gan.discriminator) if row[0] == "Conv2d"] == strides
    assert gan.discriminator.source_head.in_features == 512 * last_size**2 + 30
    assert table(gan.generator)[0] == ("Linear", 100, maps[0] * 2 * 2, True)
    assert [row[2] for row in table(gan.generator) if row[0] == "ConvTranspose2d"] == [*maps[1:], 3]


def test_vtgan_scales_every_layer_with_the_width():
    gan = build("vtgan", width=16)
    assert [row[2] for row in table(gan.discriminator) if row[0] == "Conv2d"] == [4, 8, 16, 32, 64, 128]
    assert [row[2] for row in table(gan.generator) if row[0] == "ConvTranspose2d"] == [64, 32, 16, 3]
    assert table(gan.generator)[0] == ("Linear", 100, 128 * 2 * 2, True)


def test_vtgan_smooths_both_heads_on_real_images_only():
    plugin = import_module("ganbench_plugins.vtgan")
    spec = DataSpec("image", 1, 28, num_classes=10)
    torch.manual_seed(0)
    batch = Batch(torch.rand(6, 1, 28, 28) * 2 - 1, torch.arange(6))
    losses = {}
    for smoothing in (0.0, 0.1):
        torch.manual_seed(1)
        gan = plugin.ganbench_build(spec, {**plugin.ganbench_model().options, "width": 8, "label_smoothing": smoothing})
        torch.manual_seed(2)
        losses[smoothing] = plugin.ganbench_train(gan.train(), iter([batch]), 0)
    plain, smooth = losses[0.0], losses[0.1]
    # -t·log p - (1-t)·log(1-p) = softplus(l) - t·l, so a target lowered by 0.05 adds 0.05·l
    expected = plain["loss_d_source"] + 0.05 * plain["real_logits"].mean()
    torch.testing.assert_close(smooth["loss_d_source"], expected)
    assert smooth["loss_d_class"] != plain["loss_d_class"]
