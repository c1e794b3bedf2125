"""PacGAN: Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks".

Paper: https://arxiv.org/abs/1712.04086. The discriminator judges `packing` samples at once, all real or all fake, laid
beside each other along the channels. A generator that makes few different samples is given away by its packs, however
good each sample is. Nothing else changes: D's first layer is m times as wide, and all others stay.

The pairs of networks are the paper's: on points (rings and grids of Gaussians) dense ones, with maxout in D and batch
norm in G, latents of 2 normal values there; on images DCGAN's. On points its authors' code has Adam at 1e-4 with β1 0.8
and batches of 100: set lr, beta1, latent_dim.

A pack is made of samples that stand together in the batch. Chosen here: a batch of the host's N samples makes N / m
packs, so that every model of a benchmark is shown as many samples a step; the authors' code draws N packs, m times as
many samples. A batch that m does not divide is refused. With DiffAugment each sample of a pack is changed by itself.
Logits are those of packs, [N / m].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.errors import UsageError
from ganbench.models import (
    GAME,
    NonSaturating,
    alternate,
    count,
    gan_with_adams,
    option,
    plain_fakes,
    targets_of,
)
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.mlps import check_points
from ganbench.models.pairs import PAIR, networks
from ganbench.types import Options

PACKING = option("packing", 2, "m: how many samples the discriminator judges at once")
OPTIONS = PAIR | GAME.without("joint_batch") | PACKING


class Packed(nn.Module):
    """A discriminator of packs: samples [N, C, ...] are laid beside each other, m in a pack, before its layers."""

    def __init__(self, layers: nn.Module, packing: int) -> None:
        super().__init__()
        self.layers, self.packing = layers, packing

    def forward(self, samples: Tensor) -> Tensor:
        """Samples [N, C, ...] → logits [N / m]; `layers` gets [N / m, m·C, ...]. Raises UsageError for a rest."""
        if len(samples) % self.packing:
            raise UsageError(
                f"option packing: packs of {self.packing} cannot be made of a batch of {len(samples)}; choose a batch "
                "size that it divides."
            )
        packs = samples.reshape(len(samples) // self.packing, -1, *samples.shape[2:])
        logits: Tensor = self.layers(packs)
        return logits


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="pacgan",
        title="PacGAN",
        paper="https://arxiv.org/abs/1712.04086",
        description="The discriminator judges several samples at once, so that repetition shows; images or points.",
        data_kinds=("image", "points"),
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks, weights from N(0, 0.02), and their Adams. Raises UsageError for values that are not offered."""
    check_points(spec, options, OPTIONS.defaults)
    packing = count(options, "packing")
    generator, layers = networks(spec, options, packing)
    return gan_with_adams(generator, Packed(layers, packing), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration; every logit is one of a pack."""
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
