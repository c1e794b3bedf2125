"""VAE: the variational autoencoder, the family that GANs are compared with. It has no discriminator.

Paper: Kingma and Welling 2014, "Auto-encoding variational Bayes", https://arxiv.org/abs/1312.6114. An encoder gives the
mean μ and the variance s² of q(z|x) = N(μ, s²) for each image; the decoder, which is this GAN's generator, turns z =
μ + s·ε, ε ~ N(0, I), into the mean of p(x|z) = N(x̂, σ²I). Both minimise, for each image and in nats, with a sample z
an image,

    -ELBO = Σ over pixels of [(x - x̂)² / 2σ² + log σ + ½ log 2π]  +  ½ Σ over latents of [μ² + s² - 1 - log s²]

for pixels in [-1, 1], whatever range the networks work with. `loss_g` is its mean over the batch, and the two sums are
`loss_g_reconstruction` and `loss_g_kl`. Samples are the means x̂ of latents from N(0, I), without the pixels' noise.

Deliberate choices, since the paper's networks are perceptrons: decoder and encoder are DCGAN's generator and the mirror
of it (Radford 2016, arXiv:1511.06434), as are the initialisation and Adam's rates, so that what differs from `dcgan` is
the principle; β1 is 0.9, Adam's own, since nothing here is a game. σ is the same for all pixels and fixed: the smaller,
the more a faithful reconstruction weighs against the prior, the same as a smaller β in β-VAE (β = σ², up to a factor).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, adam, hookimpl
from ganbench.errors import UsageError
from ganbench.models import (
    ADAM,
    LATENT,
    NETWORKS,
    at_least_zero,
    conv_discriminator,
    conv_generator,
    count,
    decay,
    feature_maps,
    generator_style,
    learning_rate,
    normal_init_,
    option,
    upsampling_plan,
)
from ganbench.models.convnets import LEAKY
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.types import Options

OPTIONS = (
    NETWORKS.without("activation_discriminator", "norm_discriminator", "dropout", "spectral_norm")
    | ADAM.without("lr_discriminator").but(beta1=0.9)
    | LATENT.without("latent")
    | option("pixel_std", 0.25, "σ of the likelihood of a pixel in [-1, 1]; the smaller, the less the prior weighs")
)


class VAE(GAN):
    """A decoder in the generator's place, and its encoder."""

    encoder: nn.Module


def make_encoder(spec: DataSpec, latent_dim: int, width: int, pixel_range: str) -> nn.Sequential:
    """Images [N, C, R, R] in [-1, 1] → means and log variances of their latents [N, 2·latent_dim]."""
    base, num_halvings = upsampling_plan(spec.resolution)
    style = replace(LEAKY, pixel_range=pixel_range)
    *trunk, _, _ = conv_discriminator(spec.channels, spec.resolution, width, style)  # less its last layer and Flatten
    head = normal_init_(nn.Conv2d(feature_maps(width, num_halvings)[-1], 2 * latent_dim, base))
    return nn.Sequential(*style.input(), *trunk, head, nn.Flatten())


def reconstruction_error(images: Tensor, means: Tensor, std: float) -> Tensor:
    """-log N(x; x̂, σ²I), summed over pixels, mean over images; images and means [N, ...] → 0-d float32, in nats."""
    squares = ((images.float() - means.float()) / std).square().flatten(1).sum(1)
    num_pixels = images[0].numel()
    return (squares.mean() + num_pixels * math.log(2 * math.pi * std**2)) / 2


def divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, s²) ‖ N(0, I)), mean over images; both [N, latent_dim] → 0-d float32, in nats."""
    mu, log_variance = mu.float(), log_variance.float()
    return (mu.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="vae",
        title="VAE",
        paper="https://arxiv.org/abs/1312.6114",
        description="Variational autoencoder with DCGAN's networks and a Gaussian likelihood; no discriminator.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> VAE:
    """Decoder and encoder with one Adam for both. Raises UsageError for values that are not offered."""
    if not at_least_zero(options, "pixel_std") > 0:
        raise UsageError("option pixel_std: expected a number above 0, got 0.")
    latent_dim, width, style = count(options, "latent_dim"), count(options, "width"), generator_style(options)
    decoder = conv_generator(latent_dim, spec.channels, spec.resolution, width, style)
    encoder = make_encoder(spec, latent_dim, width, style.pixel_range)
    betas = decay(options, "beta1"), decay(options, "beta2")
    both = adam(nn.ModuleList([decoder, encoder]), learning_rate("generator", options), betas)
    gan = VAE(decoder, latent_dim=latent_dim, optimizers={"generator": both}, options=options)
    gan.encoder = encoder
    return gan


@hookimpl
def ganbench_train(gan: VAE, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """One step of both networks down the negative ELBO of a batch."""
    images = next(batches).real
    mu, log_variance = gan.encoder(images).float().chunk(2, dim=1)
    latents = mu + torch.exp(log_variance / 2) * torch.randn_like(mu)
    reconstruction = reconstruction_error(images, gan.generator(latents), float(gan.options["pixel_std"]))
    kl = divergence(mu, log_variance)
    loss = reconstruction + kl
    gan.minimize("generator", loss)
    return {"loss_g": loss.detach(), "loss_g_reconstruction": reconstruction.detach(), "loss_g_kl": kl.detach()}


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Means of the images of these latents."""
    images: Tensor = gan.generator(latents)
    return images.float()
