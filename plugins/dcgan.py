"""DCGAN: Radford, Metz, Chintala 2016, "Unsupervised representation learning with deep convolutional GANs".

Paper: https://arxiv.org/abs/1511.06434. A latent from N(0, I) goes through transposed convolutions with batch norm and
ReLU, tanh at the output; the discriminator is the mirror with strided convolutions and LeakyReLU 0.2. At 64 px with 3
channels and width 64 the generator has 3,576,704 parameters (100 → 512 → 256 → 128 → 64 → 3) and the discriminator
2,765,568. Other resolutions double more or less often, from 4x4 or, for 28 px, from 7x7.

Deliberate differences: latents are normal, where the paper's are uniform; the discriminator returns logits, and the
sigmoid is part of the loss (the same loss, but stable); the generator's step reuses the discriminator's fakes, as the
reference code does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import GAME, NonSaturating, alternate, gan_with_adams, plain_fakes, targets_of
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.pairs import PAIR, networks
from ganbench.types import Options

OPTIONS = PAIR | GAME


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="dcgan",
        title="DCGAN",
        paper="https://arxiv.org/abs/1511.06434",
        description="Strided and transposed convolutions with batch norm; the usual baseline.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks, weights from N(0, 0.02), and their Adams."""
    return gan_with_adams(*networks(spec, options), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """One all-real and one all-fake batch for the discriminator, then the generator's step."""
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda images, labels: gan.discriminator(images),
        objective=NonSaturating(targets_of(gan.options)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents."""
    images: Tensor = gan.generator(latents)
    return images.float()
