import pytest
import torch
from torch import nn

from ganbench.errors import UsageError
from ganbench.models import LATENT, NETWORKS, Style
from ganbench.models.mlps import PERCEPTRONS, Maxout, maxout_discriminator, perceptron_generator, perceptrons
from ganbench.models.pairs import networks
from ganbench.types import DataSpec

POINTS = DataSpec("points", dim=2)
OPTIONS = (PERCEPTRONS | NETWORKS | LATENT).but(latent_dim=2).defaults


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_maxout_takes_the_largest_piece_of_each_unit():
    layer = Maxout(2, units=2, pieces=3)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0, 0], [0, 2], [0, 1], [1, 1], [-1, 0], [-1, -1]]))
        layer.linear.bias.copy_(torch.tensor([0.0, 0, 0, 0.5, 0, 0]))
    # unit 0: max(x, y, -x); unit 1: max(2y, x + y + 0.5, -x - y)
    values = layer(torch.tensor([[3.0, 1.0], [-2.0, 0.5], [0.0, -4.0]]))
    assert values.tolist() == [[3.0, 4.5], [2.0, 1.5], [0.0, 4.0]]


def test_points_get_pacgans_networks():
    generator, discriminator = networks(POINTS, (NETWORKS | LATENT).but(latent_dim=2).defaults)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert [type(layer) for layer in generator] == [*kinds * 4, nn.Linear]
    linear = [layer for layer in generator if isinstance(layer, nn.Linear)]
    assert [(each.in_features, each.out_features) for each in linear] == [(2, 400), *[(400, 400)] * 3, (400, 2)]
    assert [each.bias is not None for each in linear] == [False, False, False, False, True]
    assert num_parameters(generator) == 2 * 400 + 3 * 400 * 400 + 4 * 800 + 400 * 2 + 2
    assert [type(layer) for layer in discriminator] == [Maxout, Maxout, Maxout, nn.Linear, nn.Flatten]
    assert num_parameters(discriminator) == 3 * 1000 + 2 * 201 * 1000 + 201
    assert generator[3].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert discriminator[1].linear.weight.std().item() == pytest.approx(0.02, rel=0.02)


def test_points_are_not_bounded_and_images_are():
    torch.manual_seed(0)
    style = Style(norm=None)
    for shape, bounded in (((2,), False), ((1, 4, 4), True)):
        generator = perceptron_generator(3, shape, 8, 1, style)
        samples = generator(torch.randn(50, 3) * 1e4)
        assert samples.shape == (50, *shape)
        assert (samples.abs().max() <= 1).item() is bounded


def test_sizes_are_options():
    options = {**OPTIONS, "units_generator": 7, "layers_generator": 2, "units_discriminator": 5, "maxout_pieces": 3}
    generator, discriminator = perceptrons(POINTS, {**options, "layers_discriminator": 1, "norm_generator": "none"})
    assert [(m.in_features, m.out_features) for m in generator if isinstance(m, nn.Linear)] == [(2, 7), (7, 7), (7, 2)]
    assert [m.linear.out_features for m in discriminator if isinstance(m, Maxout)] == [15]
    assert discriminator[0].pieces == 3


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm), ("none", None)])
def test_norms_of_vectors(norm, kind):
    generator, _ = perceptrons(POINTS, {**OPTIONS, "norm_generator": norm, "batch_norm_momentum": 0.3})
    norms = [layer for layer in generator if isinstance(layer, nn.BatchNorm1d | nn.LayerNorm)]
    assert [type(layer) for layer in norms] == ([kind] * 4 if kind else [])
    assert norm != "batch" or {layer.momentum for layer in norms} == {0.3}
    biases = [layer.bias is not None for layer in generator if isinstance(layer, nn.Linear)]
    assert biases == [norm == "none"] * 4 + [True]


def test_dropout_and_spectral_norm_reach_the_discriminator():
    _, discriminator = perceptrons(POINTS, {**OPTIONS, "dropout": 0.3, "spectral_norm": True})
    assert [layer.p for layer in discriminator if isinstance(layer, nn.Dropout)] == [0.3] * 3
    for _ in range(50):
        discriminator(torch.zeros(1, 2))  # each pass is one power iteration
    for layer in discriminator.modules():
        if isinstance(layer, nn.Linear):
            assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, abs=0.02)


def test_a_discriminator_in_unit_range_sees_images_scaled_to_it():
    discriminator = maxout_discriminator((1, 2, 2), 4, 1, 2, Style(pixel_range="[0,1]"))
    seen = []
    discriminator[2].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    discriminator(torch.tensor([[[[-1.0, 0.0], [0.5, 1.0]]]]))
    assert seen[0].tolist() == [[0.0, 0.5, 0.75, 1.0]]


def test_images_of_the_shared_pair_are_dcgans():
    generator, discriminator = networks(DataSpec("image", 3, 64), {**NETWORKS.defaults, "latent_dim": 100})
    assert num_parameters(generator) == 3_576_704
    assert num_parameters(discriminator) == 2_765_568


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm_generator": "instance"}, "option norm_generator: expected one of batch, layer, none"),
        ({"maxout_pieces": 0}, "option maxout_pieces: expected at least 1"),
        ({"layers_discriminator": 0}, "option layers_discriminator: expected at least 1"),
        ({"activation_generator": "tanh"}, "option activation_generator"),
    ],
)
def test_what_is_not_offered_is_refused(change, words):
    with pytest.raises(UsageError, match=words):
        perceptrons(POINTS, {**OPTIONS, **change})
