"""PacGAN: packs laid out by hand, the paper's networks, and a discriminator that sees repetition."""

import pytest
import torch
from ganbench_plugins import pacgan
from torch import nn

from ganbench.errors import UsageError
from ganbench.models.mlps import Maxout
from ganbench.types import Batch, DataSpec

POINTS, IMAGES = DataSpec("points", dim=2), DataSpec("image", 3, 32)
PAPER = {"latent_dim": 2, "lr": 1e-4, "beta1": 0.8}


def build(spec, **options):
    torch.manual_seed(0)
    return pacgan.ganbench_build(spec, {**pacgan.OPTIONS.defaults, **options})


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_a_pack_is_neighbours_of_the_batch_beside_each_other():
    seen = []
    packed = pacgan.Packed(nn.Identity().requires_grad_(False), 2)
    packed.layers.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    packed(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]))
    assert seen[0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    images = torch.arange(4 * 3 * 2 * 2.0).reshape(4, 3, 2, 2)
    packed(images)
    assert seen[1].shape == (2, 6, 2, 2)
    assert torch.equal(seen[1][1], torch.cat([images[2], images[3]]))


@pytest.mark.parametrize("packing", [1, 2, 4])
def test_only_the_first_layer_of_the_discriminator_grows(packing):
    """Dense sizes by hand: maxout of 5 pieces, 200 units, three times; generator 2 → 4 x 400 → 2 with batch norm."""
    gan = build(POINTS, packing=packing, **PAPER)
    assert num_parameters(gan.discriminator) == (2 * packing + 1) * 1000 + 2 * (201 * 1000) + 201
    assert num_parameters(gan.generator) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 401 * 2
    first = next(layer for layer in gan.discriminator.modules() if isinstance(layer, Maxout))
    assert first.linear.in_features == 2 * packing
    convolutions = [layer for layer in build(IMAGES, packing=packing).discriminator.modules()
                    if isinstance(layer, nn.Conv2d)]  # fmt: skip
    assert [layer.in_channels for layer in convolutions] == [3 * packing, 64, 128, 256]


def test_packs_of_one_are_the_plain_gan():
    gan = build(POINTS, packing=1)
    points = torch.randn(6, 2)
    assert torch.equal(gan.discriminator(points), gan.discriminator.layers(points))


@pytest.mark.parametrize("spec", [POINTS, IMAGES], ids=["points", "images"])
def test_logits_are_of_packs_and_a_rest_is_refused(spec):
    gan = build(spec, packing=4)
    out = pacgan.ganbench_train(gan, iter([Batch(torch.rand(8, *spec.shape) * 2 - 1)]), 0)
    assert out["real_logits"].shape == out["fake_logits"].shape == (2,)
    with pytest.raises(UsageError, match="option packing: packs of 4 cannot be made of a batch of 6"):
        pacgan.ganbench_train(gan, iter([Batch(torch.rand(6, *spec.shape))]), 0)


def test_repetition_shows_in_packs_alone():
    """Real pairs are of two modes at random, fakes repeat one mode within a pack: alike one by one."""
    torch.manual_seed(0)
    accuracy = {}
    for packing in (1, 2):
        layers = nn.Sequential(nn.Linear(2 * packing, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
        discriminator = pacgan.Packed(layers, packing)
        optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
        for _ in range(150):
            signs = torch.randint(0, 2, (64, 1)) * 2.0 - 1
            repeated = (torch.randint(0, 2, (32, 1)) * 2.0 - 1).repeat_interleave(2, 0)
            real, fake = (side + 0.05 * torch.randn(64, 2) for side in (signs, repeated))
            on_real, on_fake = discriminator(real), discriminator(fake)
            loss = nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy[packing] = ((on_real > 0).float().mean() + (on_fake < 0).float().mean()).item() / 2
    assert accuracy[1] < 0.65
    assert accuracy[2] > 0.7  # three quarters at best: half of the real pairs are of one mode
