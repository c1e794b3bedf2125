"""LSGAN: Mao et al. 2017, "Least squares generative adversarial networks".

Paper: https://arxiv.org/abs/1611.04076. The discriminator has no sigmoid; its output is drawn by least squares to b = 1
for real samples and to a = 0 for fakes, and the generator draws it to c = 1 (eq. 9), each with the factor ½. A fake
that is on the right side but far from the border still has a gradient, which the cross-entropy's sigmoid takes away.

Chosen here: the networks, latents and Adam of DCGAN, whose rate of 2e-4 the paper has for characters (for scenes 1e-3),
and on points the dense networks of PacGAN (arXiv:1712.04086). Smoothed and noisy targets move a and b, never c. The
logits reported are of the output clamped into (0, 1), so that an output above ½ counts as "real".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import GAME, alternate, gan_with_adams, plain_fakes, targets_of
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.least_squares import LeastSquares
from ganbench.models.mlps import check_points
from ganbench.models.pairs import PAIR, networks
from ganbench.types import Options

OPTIONS = PAIR | GAME


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="lsgan",
        title="LSGAN",
        paper="https://arxiv.org/abs/1611.04076",
        description="DCGAN with least squares in place of cross-entropy; images or points.",
        data_kinds=("image", "points"),
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks, weights from N(0, 0.02), and their Adams. Raises UsageError for values that are not offered."""
    check_points(spec, options, OPTIONS.defaults)
    return gan_with_adams(*networks(spec, options), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with least squares."""
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda samples, labels: gan.discriminator(samples),
        objective=LeastSquares(targets_of(gan.options)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images or points of these latents."""
    samples: Tensor = gan.generator(latents)
    return samples.float()
