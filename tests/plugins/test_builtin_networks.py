"""Each network's layers against the tables of its paper or report."""

from importlib import import_module

import pytest
import torch
from torch import nn

from ganbench.types import DataSpec


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
