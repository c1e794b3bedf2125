"""ProGAN: its schedule, its layers against the paper's table and formulas, and growing without a jump."""

import copy
import io
import math
from itertools import pairwise

import pytest
import torch
from ganbench_plugins import progan
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from ganbench.errors import UsageError
from ganbench.models.drift import DriftingWasserstein
from ganbench.models.equalized import MinibatchDeviation, PixelNorm, equalized_
from ganbench.models.growing import Stage, real_at, stage_at
from ganbench.types import Batch, DataSpec

FIRST, LAST = Stage(0, 1.0, 3), Stage(3, 1.0, 0)  # of 4, 8, 16 and 32 px


def build(resolution=32, channels=3, device="cpu", **options):
    torch.manual_seed(0)
    with torch.device(device):
        chosen = {**progan.ganbench_model().options, "width": 4, "latent_dim": 8, **options}
        return progan.ganbench_build(DataSpec("image", channels, resolution), chosen).train()


def batches(size=4, resolution=32, start=0):
    for seed in range(start, start + 100):
        rng = torch.Generator().manual_seed(seed)
        yield Batch(torch.rand(size, 3, resolution, resolution, generator=rng) * 2 - 1)


def train(gan, stream, seed=1):
    torch.manual_seed(seed)
    return progan.ganbench_train(gan, stream, 0)


def big(images, times=2):
    return images.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)


def small(images, times=2):
    return images.unfold(2, times, times).unfold(3, times, times).mean((4, 5))


@pytest.mark.parametrize(
    ("progress", "level", "alpha"),
    [
        (0.0, 0, 1.0), (0.2, 0, 1.0), (0.25, 1, 0.0), (0.3, 1, 0.4), (0.375, 1, 1.0), (0.45, 1, 1.0), (0.5, 2, 0.0),
        (0.75, 3, 0.0), (0.8125, 3, 0.5), (0.875, 3, 1.0), (0.99, 3, 1.0), (1.0, 3, 1.0),
    ],
)  # fmt: skip
def test_each_resolution_has_an_equal_share_half_of_it_fading_in(progress, level, alpha):
    stage = stage_at(progress, num_levels=4)
    assert stage == (level, pytest.approx(alpha), 3 - level)
    assert stage.fading is (alpha < 1)


def test_real_images_are_averaged_down_and_mixed_while_a_resolution_fades_in():
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(real_at(images, LAST), images)
    torch.testing.assert_close(real_at(images, FIRST), small(images, 8))
    expected = 0.7 * big(small(images, 8)) + 0.3 * small(images, 4)
    torch.testing.assert_close(real_at(images, Stage(1, 0.3, 2)), expected)


def test_pixel_norm_is_the_root_mean_square_norm_of_each_places_maps():
    x = torch.randn(3, 5, 2, 4)
    expected = F.rms_norm(x.movedim(1, -1), (5,), eps=1e-8).movedim(-1, 1)
    torch.testing.assert_close(PixelNorm()(x), expected)
    latent = PixelNorm()(torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(latent, torch.tensor([[3.0, 4.0]]) / math.sqrt(12.5))


def test_the_deviation_of_the_batch_is_one_constant_map():
    x = torch.randn(4, 3, 2, 2)
    out = MinibatchDeviation()(x)
    assert torch.equal(out[:, :3], x)
    columns = x.flatten(1).T.tolist()
    deviations = [math.sqrt(sum((v - sum(c) / 4) ** 2 for v in c) / 4 + 1e-8) for c in columns]
    torch.testing.assert_close(out[:, 3], torch.full((4, 2, 2), sum(deviations) / len(deviations)))
    alike = MinibatchDeviation()(x[:1].expand(4, -1, -1, -1))
    torch.testing.assert_close(alike[:, 3], torch.full((4, 2, 2), 1e-4))


def test_equalised_weights_are_normal_and_scaled_by_hes_constant():
    torch.manual_seed(0)
    layers = {nn.Conv2d(64, 32, 3): 64 * 9, nn.Linear(400, 50): 400, nn.ConvTranspose2d(64, 32, 4): 64 * 16}
    for layer, fan_in in layers.items():
        equalized_(layer)
        original = layer.parametrizations.weight.original
        assert original.std().item() == pytest.approx(1.0, abs=0.02)
        assert not layer.bias.any()
        torch.testing.assert_close(layer.weight, original * math.sqrt(2 / fan_in))
    out = layer(torch.randn(100, 64, 1, 1))  # 4x4 from one pixel, where every output has a fan-in of 64
    assert out.std().item() == pytest.approx(math.sqrt(2 / 16), rel=0.05)


def test_a_second_call_keeps_the_gain_of_the_first():
    layer = equalized_(nn.Linear(100, 1), gain=1.0)
    before = layer.weight.clone()
    assert torch.equal(equalized_(nn.Sequential(layer))[0].weight, before)


def test_equal_steps_of_adam_change_every_layer_alike():
    """The reason for the scale: relative to a weight's size, Adam's step is the same in a wide layer and a narrow."""
    changes = []
    for wide in (10, 1000):
        layer = equalized_(nn.Linear(wide, 1))
        layer.parametrizations.weight.original.data.fill_(1.0)
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.ones(1, wide)).sum().backward()
        optimizer.step()
        changes.append((1 - layer.weight / before).mean().item())
    assert changes == pytest.approx([0.01, 0.01], rel=1e-3)


def kernels(network):
    return [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.padding[0])
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]


@pytest.mark.parametrize(
    ("resolution", "maps", "base"), [(32, [512, 256, 128, 64], 4), (28, [256, 128, 64], 7), (16, [256, 128, 64], 4)]
)
def test_layers_are_those_of_the_papers_table(resolution, maps, base):
    gan = build(resolution, device="meta", width=64, latent_dim=512)
    up, down = (
        [(512, maps[0], base, 0), (maps[0], maps[0], 3, 1)],
        [(maps[0] + 1, maps[0], 3, 1), (maps[0], maps[0], base, 0)],
    )
    for coarse, fine in pairwise(maps):
        up += [(coarse, fine, 3, 1), (fine, fine, 3, 1)]
        down += [(fine, fine, 3, 1), (fine, coarse, 3, 1)]
    assert kernels(gan.generator.blocks) == up
    assert kernels(gan.discriminator.blocks) == down
    assert kernels(gan.generator.to_pixels) == [(each, 3, 1, 0) for each in maps]
    assert kernels(gan.discriminator.from_pixels) == [(3, each, 1, 0) for each in maps]
    counted = [sum(i * o * k * k + o for i, o, k, _ in kernels(each)) for each in (gan.generator, gan.discriminator)]
    counted[1] += maps[0] + 1  # the dense layer
    assert [sum(p.numel() for p in each.parameters()) for each in (gan.generator, gan.discriminator)] == counted


def test_norms_activations_and_rates_of_the_paper():
    gan = build()
    kinds = [[type(layer).__name__.removeprefix("Parametrized") for layer in block] for block in gan.generator.blocks]
    pair = ["Conv2d", "LeakyReLU", "PixelNorm"]
    assert kinds[0] == ["PixelNorm", "Unflatten", "ConvTranspose2d", "LeakyReLU", "PixelNorm", *pair]
    assert kinds[1:] == [["Upsample", *pair, *pair]] * 3
    assert not any(isinstance(layer, PixelNorm) for layer in gan.discriminator.modules())
    assert isinstance(gan.discriminator.blocks[0][0], MinibatchDeviation)
    assert {layer.negative_slope for layer in gan.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}
    weighted = [layer for layer in gan.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    assert all(is_parametrized(layer, "weight") for layer in weighted)
    scales = {layer: layer.parametrizations.weight[0].scale for layer in weighted}
    linear = [*gan.generator.to_pixels, gan.discriminator.blocks[0][-2]]
    for layer, scale in scales.items():
        weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
        assert scale == pytest.approx((1.0 if layer in linear else math.sqrt(2)) / math.sqrt(weight[0].numel()))
    for optimizer in gan.optimizers.values():
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (1e-3, (0.0, 0.99))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_new_resolution_begins_where_the_one_below_ended(level):
    gan, latents, images = build(), torch.randn(3, 8), torch.randn(3, 3, 4 << level, 4 << level)
    begun, ended = Stage(level, 0.0, 3 - level), Stage(level - 1, 1.0, 4 - level)
    torch.testing.assert_close(gan.generator(latents, begun), big(gan.generator(latents, ended)))
    torch.testing.assert_close(gan.discriminator(images, begun), gan.discriminator(small(images), ended))


def test_both_networks_fade_linearly():
    gan, latents, fading, faded = build(), torch.randn(3, 8), Stage(2, 0.3, 1), Stage(2, 1.0, 1)
    below = gan.generator(latents, Stage(1, 1.0, 2))
    expected = 0.7 * big(below) + 0.3 * gan.generator(latents, faded)
    torch.testing.assert_close(gan.generator(latents, fading), expected)
    images, critic = torch.randn(3, 3, 16, 16), gan.discriminator
    old = critic.from_pixels[1](small(images))
    new = critic.blocks[2](critic.from_pixels[2](images))
    expected = critic.blocks[0](critic.blocks[1](0.7 * old + 0.3 * new))
    torch.testing.assert_close(critic(images, fading), expected)


def test_the_critics_loss_has_drift_and_its_gradient_penalty():
    scores, game = torch.tensor([1.0, -3.0, 8.0]), DriftingWasserstein(drift=0.5)
    assert game.real(scores, None)["source"].item() == pytest.approx(-2.0 + 0.5 * (1 + 9 + 64) / 3)
    assert game.fake(scores, None)["source"].item() == pytest.approx(2.0)
    assert game.generator(scores, None)["source"].item() == pytest.approx(-2.0)
    assert game.logits(scores) is None


def test_the_iteration_reports_the_papers_loss():
    gan = build(penalty_weight=10.0)
    gan.progress = 0.8  # 32 px, alpha 0.4
    critic, real = copy.deepcopy(gan.discriminator), next(batches()).real
    stage = Stage(3, 0.4, 0)
    torch.manual_seed(1)
    fake = copy.deepcopy(gan.generator)(gan.sample_latents(4), stage).detach()
    shown = 0.6 * big(small(real)) + 0.4 * real
    on_real, on_fake = critic(shown, stage), critic(fake, stage)
    shares = torch.rand(4, 1, 1, 1)
    between = (shares * shown + (1 - shares) * fake).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between, stage).sum(), between)
    penalty = 10 * (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    out = train(gan, batches())
    source = on_fake.mean() - on_real.mean() + 0.001 * on_real.square().mean()
    torch.testing.assert_close(out["loss_d_source"], source.detach())
    torch.testing.assert_close(out["loss_d_penalty"], penalty.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out["loss_d"], (source + penalty).detach(), rtol=1e-4, atol=1e-4)
    assert "real_logits" not in out


def moved(gan, progress):
    before = {key: value.clone() for key, value in gan.named_parameters()}
    gan.progress = progress
    train(gan, batches())
    return {key for key, value in gan.named_parameters() if not torch.equal(value, before[key])}


@pytest.mark.parametrize(
    ("progress", "levels", "pixels"),
    [(0.0, [0], [0]), (0.3, [0, 1], [0, 1]), (0.45, [0, 1], [1]), (1.0, [0, 1, 2, 3], [3])],
)
def test_only_what_a_stage_uses_learns(progress, levels, pixels):
    gan = build()
    used = [f"generator.blocks.{i}." for i in levels] + [f"discriminator.blocks.{i}." for i in levels]
    used += [f"generator.to_pixels.{i}." for i in pixels] + [f"discriminator.from_pixels.{i}." for i in pixels]
    expected = {key for key, _ in gan.named_parameters() if key.startswith(tuple(used))}
    assert moved(gan, progress) == expected


def test_without_growing_the_budget_does_not_matter():
    assert moved(build(growing=False), 0.0) == moved(build(), 1.0)


@pytest.mark.parametrize(("progress", "size"), [(0.0, 4), (0.4, 8), (0.6, 16), (1.0, 32)])
def test_samples_have_full_resolution_from_the_start(progress, size):
    gan = build().eval()
    gan.progress = progress
    gan.generator.to_pixels[-1].bias.data.fill_(0.3)
    samples = progan.ganbench_sample(gan, torch.randn(3, 8), None)
    assert samples.shape == (3, 3, 32, 32)
    assert torch.equal(samples, big(samples[:, :, :: 32 // size, :: 32 // size], 32 // size))
    assert size == 4 or not torch.equal(samples, big(samples[:, :, :: 64 // size, :: 64 // size], 64 // size))


def test_samples_are_clipped_and_what_the_critic_sees_is_not():
    gan = build()
    gan.generator.to_pixels[0].bias.data.fill_(5.0)
    assert progan.ganbench_sample(gan, torch.randn(3, 8), None).max() == 1.0
    assert gan.generator(torch.randn(3, 8), FIRST).max() > 1.0


def test_a_stop_in_the_middle_of_a_fade_does_not_show():
    gan = build()
    for gan.progress in (0.24, 0.28):
        train(gan, batches())
    file = io.BytesIO()
    torch.save(gan.state_dict(), file)
    file.seek(0)
    resumed = build()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.progress == 0.28
    for model in (gan, resumed):
        train(model, batches(start=5))  # still in the fade
        model.progress = 0.5  # and on into the next resolution, whose layers have no moments yet
        train(model, batches(start=6))
    for mine, theirs in zip(gan.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    latents = torch.randn(2, 8)
    assert torch.equal(progan.ganbench_sample(gan, latents, None), progan.ganbench_sample(resumed, latents, None))


def test_at_4_px_it_learns_a_constant_colour():
    gan, colour = build(16, n_critic=1, lr=5e-3), torch.tensor([0.5, -0.5, 0.0])
    real = Batch(colour[None, :, None, None].expand(16, 3, 16, 16).contiguous())
    torch.manual_seed(0)
    for step in range(150):
        progan.ganbench_train(gan, iter([real]), step)
    mean = progan.ganbench_sample(gan, torch.randn(64, 8), None).mean((0, 2, 3))
    torch.testing.assert_close(mean, colour, atol=0.15, rtol=0)


def test_a_negative_penalty_is_refused():
    with pytest.raises(UsageError, match="penalty_weight"):
        build(penalty_weight=-1.0)
