"""The variational autoencoder: ELBO by hand and against torch.distributions, networks, training."""

import copy
import io
import math

import pytest
import torch
from ganbench_plugins import vae
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from ganbench.errors import UsageError
from ganbench.types import Batch, DataSpec

DEFAULTS = vae.ganbench_model().options


def build(channels=1, resolution=28, device="cpu", **options):
    with torch.device(device):
        return vae.ganbench_build(DataSpec("image", channels, resolution), {**DEFAULTS, "width": 4, **options})


def batch(channels=1, resolution=28, size=4):
    return Batch(torch.rand(size, channels, resolution, resolution, generator=torch.Generator().manual_seed(3)) * 2 - 1)


def step(gan, seed=0, real=None):
    torch.manual_seed(seed)
    return vae.ganbench_train(gan, iter([real or batch()]), 0)


def test_divergence_by_hand_and_by_torch():
    mu, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(4.0)]])
    by_hand = ((1 + 1 - 1 - 0) + (4 + 4 - 1 - math.log(4))) / 2
    assert vae.divergence(mu, log_variance).item() == pytest.approx(by_hand)
    mu, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    posterior, prior = Normal(mu, (log_variance / 2).exp()), Normal(torch.zeros(7), torch.ones(7))
    expected = kl_divergence(posterior, prior).sum(1).mean()
    torch.testing.assert_close(vae.divergence(mu, log_variance), expected)
    assert vae.divergence(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 0


@pytest.mark.parametrize("std", [0.25, 1.0, 3.0])
def test_reconstruction_error_is_a_gaussians(std):
    images, means = torch.randn(2, 3, 4, 4, 4)
    likelihood = Independent(Normal(means, std), 3)
    torch.testing.assert_close(vae.reconstruction_error(images, means, std), -likelihood.log_prob(images).mean())
    perfect = vae.reconstruction_error(images, images, std).item()
    assert perfect == pytest.approx(64 * math.log(std * math.sqrt(2 * math.pi)), abs=1e-3)
    assert vae.reconstruction_error(images.bfloat16(), means.bfloat16(), std).dtype is torch.float32


def test_loss_is_the_negative_elbo_of_this_batch():
    torch.manual_seed(1)
    gan = build(latent_dim=5).train()
    before = copy.deepcopy(gan)
    out = step(gan)
    images = batch().real
    mu, log_variance = before.encoder(images).chunk(2, 1)
    torch.manual_seed(0)
    posterior = Normal(mu, (log_variance / 2).exp())
    decoded = before.generator(mu + posterior.scale * torch.randn(4, 5))
    log_likelihood = Normal(decoded, 0.25).log_prob(images).sum((1, 2, 3))
    kl = kl_divergence(posterior, Normal(torch.zeros(5), torch.ones(5))).sum(1)
    torch.testing.assert_close(out["loss_g_reconstruction"], -log_likelihood.mean())
    torch.testing.assert_close(out["loss_g_kl"], kl.mean())
    torch.testing.assert_close(out["loss_g"], (kl - log_likelihood).mean())
    assert set(out) == {"loss_g", "loss_g_reconstruction", "loss_g_kl"}


def test_a_step_moves_decoder_and_encoder_and_there_is_no_discriminator():
    gan = build().train()
    before = copy.deepcopy(gan)
    step(gan)
    changed = [not torch.equal(a, b) for a, b in zip(gan.parameters(), before.parameters(), strict=True)]
    assert all(changed)
    assert gan.discriminator is None
    assert sum(p.numel() for p in gan.encoder.parameters()) > 0


def test_it_learns_one_image_by_heart():
    torch.manual_seed(0)
    gan = build(width=8, latent_dim=4, lr=2e-3).train()
    one = Batch(batch(size=1).real.round().expand(8, -1, -1, -1))
    outs = [step(gan, seed, one) for seed in range(60)]
    perfect = 28 * 28 * math.log(0.25 * math.sqrt(2 * math.pi))
    first, last = outs[0]["loss_g"].item(), outs[-1]["loss_g"].item()
    assert last - perfect < 0.35 * (first - perfect)


def test_a_smaller_deviation_weighs_the_reconstruction_more():
    torch.manual_seed(1)
    wide = build(latent_dim=5, pixel_std=1.0).train()
    narrow = build(latent_dim=5, pixel_std=0.1).train()
    narrow.load_state_dict(copy.deepcopy(wide.state_dict()))
    wide_out, narrow_out = step(wide), step(narrow)
    torch.testing.assert_close(wide_out["loss_g_kl"], narrow_out["loss_g_kl"])
    constant = 28 * 28 * math.log(math.sqrt(2 * math.pi))
    squares = (wide_out["loss_g_reconstruction"] - constant) * 2
    expected = squares / 2 * 100 + constant + 28 * 28 * math.log(0.1)
    torch.testing.assert_close(narrow_out["loss_g_reconstruction"], expected)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_deviation_that_is_none_is_refused(value):
    with pytest.raises(UsageError, match="option pixel_std"):
        build(pixel_std=value)


def test_encoder_mirrors_dcgans_generator():
    gan = build(3, 64, "meta", width=64, latent_dim=100)
    convolutions = [m for m in gan.encoder.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in convolutions] == [
        (3, 64, 4, 2),
        (64, 128, 4, 2),
        (128, 256, 4, 2),
        (256, 512, 4, 2),
        (512, 200, 4, 1),
    ]
    assert [m.bias is not None for m in convolutions] == [False] * 4 + [True]
    assert sum(p.numel() for p in gan.generator.parameters()) == 3_576_704  # DCGAN's


@pytest.mark.parametrize("pixel_range", ["[-1,1]", "[0,1]"])
@pytest.mark.parametrize(("channels", "resolution"), [(1, 28), (3, 32), (3, 64)])
def test_trains_and_samples(channels, resolution, pixel_range):
    gan = build(channels, resolution, width=2, pixel_range=pixel_range).train()
    assert all(value.isfinite() for value in step(gan, real=batch(channels, resolution)).values())
    with torch.no_grad():
        samples = vae.ganbench_sample(gan.eval(), gan.sample_latents(3), None)
    assert samples.shape == (3, channels, resolution, resolution)
    assert samples.abs().max() <= 1


def test_the_encoder_sees_pixels_in_the_chosen_range():
    seen = []
    for pixel_range in ("[-1,1]", "[0,1]"):
        gan = build(pixel_range=pixel_range)
        first = next(m for m in gan.encoder.modules() if isinstance(m, nn.Conv2d))
        first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        gan.encoder(batch().real)
    torch.testing.assert_close(seen[1], (seen[0] + 1) / 2)


def test_resuming_is_exact_and_a_meta_step_runs():
    gan = build().train()
    step(gan)
    file = io.BytesIO()
    torch.save(gan.state_dict(), file)
    file.seek(0)
    resumed = build().train()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    step(gan, 5)
    step(resumed, 5)
    mine, theirs = gan.state_dict(), resumed.state_dict()
    assert [k for k, v in mine.items() if isinstance(v, torch.Tensor) and not torch.equal(v, theirs[k])] == []
    meta = build(device="meta").train()
    assert step(meta, real=Batch(batch().real.to("meta")))["loss_g"].device.type == "meta"
