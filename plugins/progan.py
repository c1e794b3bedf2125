"""ProGAN: Karras, Aila, Laine, Lehtinen 2018, "Progressive growing of GANs for improved quality, stability, variation".

Paper: https://arxiv.org/abs/1710.10196. Both networks begin at 4x4 (28 px: at 7x7) and double their resolution as they
train; a new one fades in. Two 3x3 convolutions at each, nearest-neighbour doubling, mean pooling, LeakyReLU 0.2, 1x1
convolutions from and to pixels, linear output; pixel norm in the generator, on the latent too; the deviation of the
minibatch as a map of the critic's last block; equalised learning rates. WGAN-GP's loss with the drift term
0.001·E[D(x)²]; Adam at 1e-3, betas 0 and 0.99; one step each. The averaged generator that the paper samples from is the
host's option `ema`.

Deliberate differences: each resolution gets an equal share of the budget, half of it to fade in, where the paper shows
800,000 images in each half (the first has no fade, the last keeps what is left); one batch size for all; Adam's moments
are kept when a resolution is added (the paper is silent, the authors' code forgets them). Maps double from `width` at
full resolution up to 8·width, 512 with width 64; the paper has 512 up to 32 px whatever the size, and half as many at
each doubling above. Samples taken early are enlarged to full resolution; all are clipped to [-1, 1]. Every layer exists
from the start and counts as a parameter; those from and to pixels of lower resolutions are idle at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import ADAM, ITERATION, LATENT, NETWORKS, Fake, alternate, feature_maps, gan_with_adams
from ganbench.models.critics import gradient_penalty
from ganbench.models.diffaugment import diff_augment
from ganbench.models.drift import DriftingWasserstein
from ganbench.models.equalized import MinibatchDeviation, PixelNorm, equalized_
from ganbench.models.growing import Stage, doubled, faded, halved, real_at, stage_at
from ganbench.models.layers import DOUBLED_RESOLUTIONS, leaky_relu, upsampling_plan
from ganbench.models.options import at_least_zero, count, option
from ganbench.types import Options

OPTIONS = (
    option("width", 64, NETWORKS.help["width"])
    | option("growing", True, "begin at the lowest resolution and double it; false: train at full resolution only")
    | option("penalty_weight", 10.0, "λ: weight of the gradient penalty in the critic's loss")
    | (ADAM | LATENT | ITERATION).but(lr=1e-3, beta1=0.0, beta2=0.99, latent_dim=512)
)


def convolved(wide: int, narrow: int) -> list[nn.Module]:
    """A 3x3 convolution and its activation."""
    return [nn.Conv2d(wide, narrow, 3, padding=1), leaky_relu()]


class Generator(nn.Module):
    """A block of two convolutions for each resolution, `maps` from the lowest up, and a layer from each to pixels."""

    def __init__(self, channels: int, base: int, maps: list[int], latent_dim: int) -> None:
        super().__init__()
        start = nn.ConvTranspose2d(latent_dim, maps[0], base)
        first = [PixelNorm(), nn.Unflatten(1, (latent_dim, 1, 1)), start, leaky_relu(), PixelNorm()]
        blocks = [[*first, *convolved(maps[0], maps[0]), PixelNorm()]]
        for coarse, fine in pairwise(maps):
            pair = *convolved(coarse, fine), PixelNorm(), *convolved(fine, fine), PixelNorm()
            blocks.append([nn.Upsample(scale_factor=2), *pair])
        self.blocks = equalized_(nn.ModuleList(nn.Sequential(*block) for block in blocks))
        self.to_pixels = equalized_(nn.ModuleList(nn.Conv2d(each, channels, 1) for each in maps), gain=1.0)

    def forward(self, latents: Tensor, stage: Stage) -> Tensor:
        """Latents [N, latent_dim] → images [N, C, R, R] of the stage's resolution."""
        features = below = latents
        for block in self.blocks[: stage.level + 1]:
            below, features = features, block(features)
        images: Tensor = self.to_pixels[stage.level](features)
        if not stage.fading:
            return images
        return faded(doubled(self.to_pixels[stage.level - 1](below)), images, stage.alpha)


class Critic(nn.Module):
    """The generator's mirror; its last block sees how alike the images of the batch are."""

    def __init__(self, channels: int, base: int, maps: list[int]) -> None:
        super().__init__()
        lowest, score = maps[0], equalized_(nn.Linear(maps[0], 1), gain=1.0)
        last = [nn.Conv2d(lowest, lowest, base), leaky_relu(), nn.Flatten(), score, nn.Flatten(0)]
        blocks = [[MinibatchDeviation(), *convolved(lowest + 1, lowest), *last]]
        for coarse, fine in pairwise(maps):
            blocks.append([*convolved(fine, fine), *convolved(fine, coarse), nn.AvgPool2d(2)])
        self.blocks = equalized_(nn.ModuleList(nn.Sequential(*block) for block in blocks))
        pixels = (nn.Sequential(nn.Conv2d(channels, each, 1), leaky_relu()) for each in maps)
        self.from_pixels = equalized_(nn.ModuleList(pixels))

    def forward(self, images: Tensor, stage: Stage) -> Tensor:
        """Images [N, C, R, R] of the stage's resolution → scores [N]."""
        features: Tensor = self.blocks[stage.level](self.from_pixels[stage.level](images))
        if stage.fading:
            features = faded(self.from_pixels[stage.level - 1](halved(images)), features, stage.alpha)
        for level in reversed(range(stage.level)):
            features = self.blocks[level](features)
        return features


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="progan",
        title="ProGAN",
        paper="https://arxiv.org/abs/1710.10196",
        description="Grows from 4x4 pixels to full resolution while it trains; Wasserstein loss with gradient penalty.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks with all their levels, and their Adams."""
    at_least_zero(options, "penalty_weight")
    base, num_doublings = upsampling_plan(spec.resolution)
    maps = feature_maps(count(options, "width"), num_doublings + 1)[::-1]
    generator = Generator(spec.channels, base, maps, count(options, "latent_dim"))
    return gan_with_adams(generator, Critic(spec.channels, base, maps), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration, on real images averaged down to the present resolution."""
    stage, augment = _stage(gan), diff_augment(str(gan.options["diffaugment"]))
    critic, weight = partial(gan.discriminator, stage=stage), float(gan.options["penalty_weight"])
    return alternate(
        gan,
        (replace(batch, real=real_at(batch.real, stage)) for batch in batches),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(len(batch.real)), stage)),
        judge=lambda images, labels: critic(images),
        objective=DriftingWasserstein(drift=1e-3),
        penalty=lambda real, fake: weight * gradient_penalty(critic, augment(real), augment(fake.samples)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents at full resolution, whatever the stage."""
    stage = _stage(gan)
    images: Tensor = gan.generator(latents, stage)
    return doubled(images.float(), stage.doublings_left).clamp(-1.0, 1.0)


def _stage(gan: GAN) -> Stage:
    return stage_at(gan.progress if gan.options["growing"] else 1.0, num_levels=len(gan.generator.blocks))
