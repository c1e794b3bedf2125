"""What the group NETWORKS does to layers, on the pair of DCGAN and on tensors small enough to work out."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench.errors import UsageError
from ganbench.models import (
    NETWORKS,
    LabelledDiscriminator,
    Style,
    conv_discriminator,
    conv_generator,
    discriminator_style,
    generator_style,
)

VALUES = torch.tensor([-2.0, -0.5, 0.0, 1.5])
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer 2017


def options(**given):
    return {**NETWORKS.defaults, **given}


def convolutions(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def make_pair(resolution=32, **given):
    generator = conv_generator(5, 1, resolution, 4, generator_style(options(**given)))
    return generator, conv_discriminator(1, resolution, 4, discriminator_style(options(**given)))


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: max(x, 0.0)),
        ("leaky_relu", lambda x: x if x > 0 else 0.2 * x),
        ("elu", lambda x: x if x > 0 else math.exp(x) - 1),
        ("selu", lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * (math.exp(x) - 1))),
    ],
)
def test_activations_follow_their_formulas(name, formula):
    expected = torch.tensor([formula(x) for x in VALUES.tolist()])
    for make, option in ((generator_style, "activation_generator"), (discriminator_style, "activation_discriminator")):
        style = make(options(**{option: name}))
        torch.testing.assert_close(style.activation()(VALUES.clone()), expected)


def test_each_network_has_its_own_activation_and_norm():
    generator, discriminator = make_pair(
        activation_generator="elu", activation_discriminator="selu", norm_generator="none", norm_discriminator="layer"
    )
    kinds = [{type(layer).__name__ for layer in network} for network in (generator, discriminator)]
    assert kinds == [{"Unflatten", "ConvTranspose2d", "ELU", "Tanh"}, {"Conv2d", "SELU", "GroupNorm", "Flatten"}]


@pytest.mark.parametrize(("name", "over"), [("batch", (0, 2, 3)), ("instance", (2, 3)), ("layer", (1, 2, 3))])
def test_norms_are_taken_over_the_axes_of_their_names(name, over):
    maps = torch.randn(4, 6, 5, 5) * 3 + 1
    norm = generator_style(options(norm_generator=name)).norm(6)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(6.0))
        norm.bias.fill_(2.0)
    mean, var = maps.mean(over, keepdim=True), maps.var(over, unbiased=False, keepdim=True)
    expected = (maps - mean) / (var + 1e-5).sqrt() * torch.arange(6.0)[:, None, None] + 2
    torch.testing.assert_close(norm(maps), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["batch", "instance", "layer", "none"])
def test_a_layer_has_biases_where_no_norm_follows(name):
    generator, discriminator = make_pair(norm_generator=name, norm_discriminator=name)
    free = name == "none"
    assert [layer.bias is not None for layer in convolutions(generator)] == [free, free, free, False]
    assert [layer.bias is not None for layer in convolutions(discriminator)] == [False, free, free, False]
    norms = [layer for layer in generator if hasattr(layer, "eps")]
    assert len(norms) == (0 if free else 3)


def test_batch_norm_forgets_at_the_given_rate():
    norm = discriminator_style(options(batch_norm_momentum=0.2)).norm(2)
    maps = torch.randn(8, 2, 3, 3) + 5
    norm(maps)
    torch.testing.assert_close(norm.running_mean, 0.2 * maps.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, 0.8 + 0.2 * maps.var((0, 2, 3)))
    assert norm.eps == 1e-5
    generator, discriminator = make_pair(batch_norm_momentum=0.2)
    norms = [layer for network in (generator, discriminator) for layer in network if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.momentum for norm in norms] == [0.2] * 5


def test_dropout_follows_each_activation_of_the_discriminator_alone():
    generator, discriminator = make_pair(dropout=0.3)
    assert not [layer for layer in generator if isinstance(layer, nn.Dropout)]
    places = [i for i, layer in enumerate(discriminator) if isinstance(layer, nn.Dropout)]
    assert len(places) == 3
    assert all(isinstance(discriminator[i - 1], nn.LeakyReLU) for i in places)
    torch.manual_seed(0)
    ones = torch.ones(20_000)
    dropped = discriminator[places[0]](ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.013)
    assert dropped.max().item() == pytest.approx(1 / 0.7)
    assert torch.equal(discriminator.eval()[places[0]](ones), ones)
    assert not [layer for layer in make_pair()[1] if isinstance(layer, nn.Dropout)]


def test_spectral_norm_makes_each_weight_of_the_discriminator_of_norm_one():
    torch.manual_seed(0)
    generator, discriminator = make_pair(spectral_norm=True)
    assert not any(is_parametrized(layer) for layer in generator)
    layers = convolutions(discriminator)
    assert len(layers) == 4
    images = torch.randn(2, 1, 32, 32)
    for _ in range(100):  # one power iteration a pass
        discriminator(images)
    discriminator.eval()
    for layer in layers:
        singular = torch.linalg.svd(layer.weight.detach().flatten(1)).S
        assert singular[0].item() == pytest.approx(1.0, abs=1e-3)
        original = layer.parametrizations.weight.original.detach()
        expected = original / torch.linalg.svd(original.flatten(1)).S[0]
        torch.testing.assert_close(layer.weight.detach(), expected, rtol=2e-3, atol=1e-4)
    assert not any(is_parametrized(layer) for layer in make_pair()[1])


def test_a_sigmoid_end_rescaled_is_the_tanh_of_half_the_logits():
    logits = torch.randn(3, 1, 4, 4) * 3
    tanh, sigmoid = (
        nn.Sequential(*generator_style(options(pixel_range=name)).output()) for name in ("[-1,1]", "[0,1]")
    )
    torch.testing.assert_close(tanh(logits), logits.tanh())
    torch.testing.assert_close(sigmoid(logits), (logits / 2).tanh())
    assert [type(layer).__name__ for layer in sigmoid] == ["Sigmoid", "Rescale"]
    torch.testing.assert_close(sigmoid[0](logits), (sigmoid(logits) + 1) / 2)  # the network itself ends in [0, 1]


@pytest.mark.parametrize(("pixel_range", "scale", "shift"), [("[-1,1]", 1.0, 0.0), ("[0,1]", 0.5, 0.5)])
def test_a_labelled_discriminator_sees_pixels_in_their_range_and_labels_as_they_are(pixel_range, scale, shift):
    style, seen = discriminator_style(options(pixel_range=pixel_range)), []
    discriminator = LabelledDiscriminator(nn.Identity(), 3, style)
    discriminator.layers.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images = torch.rand(2, 1, 4, 4) * 2 - 1
    discriminator(images, torch.tensor([2, 0]))
    assert torch.equal(seen[0][:, :1], images * scale + shift)
    assert torch.equal(seen[0][:, 1:].amax((2, 3)), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    assert torch.equal(seen[0][:, 1:].amin((2, 3)), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))


def test_inputs_are_untouched_in_the_range_of_the_images():
    assert discriminator_style(options()).input() == []
    assert Style().input() == []


@pytest.mark.parametrize(
    ("option", "value", "of"),
    [
        ("activation_generator", "gelu", generator_style),
        ("activation_discriminator", "swish", discriminator_style),
        ("norm_generator", "group", generator_style),
        ("norm_discriminator", "", discriminator_style),
        ("pixel_range", "[0,255]", generator_style),
        ("pixel_range", "[0,255]", discriminator_style),
        ("dropout", 1.5, discriminator_style),
        ("dropout", -0.1, discriminator_style),
        ("batch_norm_momentum", 1.1, generator_style),
        ("batch_norm_momentum", math.nan, discriminator_style),
    ],
)
def test_values_that_are_not_offered_are_refused_by_name(option, value, of):
    with pytest.raises(UsageError, match=f"option {option}: expected"):
        of(options(**{option: value}))
