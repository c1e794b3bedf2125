"""GAN: Goodfellow et al. 2014, "Generative adversarial nets", with dense networks, for images and for points.

Paper: https://arxiv.org/abs/1406.2661. The generator has ReLU layers and a sigmoid at its end, the discriminator maxout
layers with dropout; the generator minimises -log D(G(z)), which does not saturate (section 3). On points the generator
ends in a linear layer.

The sizes are those of the authors' code for MNIST, as the paper has none: two layers of 1200 ReLU, two layers of 240
maxout units of 5 pieces, dropout 0.5; so is the spread of the first weights on images, that of U(-0.05, 0.05) in the
generator and of U(-0.005, 0.005) in the discriminator. Chosen here: latents of 100 normal values, normal weights, no
dropout of the pixels themselves, and Adam at DCGAN's settings in place of stochastic gradients with momentum. The
discriminator returns logits, and the sigmoid is part of the loss.

The networks of PacGAN's rings and grids (arXiv:1712.04086) are these options: latent_dim 2, norm_generator batch,
units_generator 400, layers_generator 4, units_discriminator 200, layers_discriminator 3, dropout 0, lr 1e-4, beta1 0.8.
On points the first weights are from N(0, 0.02), as theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import GAME, NETWORKS, NonSaturating, alternate, gan_with_adams, option, plain_fakes, targets_of
from ganbench.models.mlps import PERCEPTRONS, check_points, perceptrons
from ganbench.types import Options

NORM = option("norm_generator", "none", "batch, layer or none between the generator's layers")
OPTIONS = (PERCEPTRONS | NETWORKS.without("width", "activation_discriminator", "norm_discriminator") | NORM | GAME).but(
    units_generator=1200,
    layers_generator=2,
    units_discriminator=240,
    layers_discriminator=2,
    pixel_range="[0,1]",
    dropout=0.5,
)
STDS_ON_IMAGES, STDS_ON_POINTS = (0.05 / 3**0.5, 0.005 / 3**0.5), (0.02, 0.02)  # generator's, discriminator's


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="gan",
        title="GAN",
        paper="https://arxiv.org/abs/1406.2661",
        description="The first: dense networks, maxout and dropout in the discriminator; images or points.",
        data_kinds=("image", "points"),
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for values that are not offered."""
    check_points(spec, options, OPTIONS.defaults)
    stds = STDS_ON_IMAGES if spec.kind == "image" else STDS_ON_POINTS
    return gan_with_adams(*perceptrons(spec, options, stds), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """A step of the discriminator on real samples and fakes, then one of the generator."""
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda samples, labels: gan.discriminator(samples),
        objective=NonSaturating(targets_of(gan.options)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images or points of these latents."""
    samples: Tensor = gan.generator(latents)
    return samples.float()
