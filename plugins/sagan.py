"""SAGAN: Zhang, Goodfellow, Metaxas, Odena 2019, "Self-attention generative adversarial networks".

Paper: https://arxiv.org/abs/1805.08318. Residual networks with self-attention in both, on maps of 32x32 (below 64 px,
of half the image's side), spectral norm in both, the hinge loss, and two rates: Adam at 1e-4 for the generator and 4e-4
for the discriminator, betas 0 and 0.9, one step each. A report on CelebA faces and giraffes wished for it. On labelled
data the generator has conditional batch norm and the discriminator a projection (Miyato 2018, arXiv:1802.05637); on
data without labels both are left out.

The paper shows no layers; they follow the authors' code. Generator: 128 normal values → dense 4x4 → blocks that double,
their maps 16, 8, 4, 2 and 1 times the width (64) at 128 px → plain batch norm, ReLU, conv 3x3, tanh. Discriminator:
blocks that halve, to the same maps in reverse, one more that does not halve, ReLU, sum over places, dense. Smaller
images have fewer blocks, the widest left out; 28 px starts at 7x7. Weights are drawn by Glorot's rule, uniform.

Deliberate differences: the class scores of the projection are normalised as a dense layer on the one-hot label; biases
that batch norm takes out are absent; the attention is the paper's, without the code's pooling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import ADAM, BALANCE, ITERATION, LATENT, NETWORKS, alternate, gan_with_adams, labelled_fakes
from ganbench.models.attention import SelfAttention, attention_level
from ganbench.models.hinge import Hinge
from ganbench.models.keras_layers import glorot_init_
from ganbench.models.layers import DOUBLED_RESOLUTIONS, spectral_norm_, upsampling_plan
from ganbench.models.options import count, option, share
from ganbench.models.residual import ConditionalBatchNorm, DownBlock, UpBlock
from ganbench.models.style import discriminator_style, generator_style
from ganbench.types import Options

SAGAN = option("attention", True, "self-attention in both networks; false: none, to see what it does") | option(
    "spectral_norm_generator", True, "divide each weight of the generator by its largest singular value"
)
STYLE = NETWORKS.without("norm_generator", "norm_discriminator", "dropout").but(
    spectral_norm=True, activation_discriminator="relu"
)
OPTIONS = (STYLE | SAGAN | ADAM | LATENT | ITERATION | BALANCE).but(
    lr=1e-4, lr_discriminator=4e-4, beta1=0.0, beta2=0.9, latent_dim=128
)


class Generator(nn.Module):
    """A dense layer to `maps[0]` maps, then blocks that double, to the other `maps`."""

    def __init__(self, spec: DataSpec, options: Options, maps: list[int]) -> None:
        super().__init__()
        base, style = upsampling_plan(spec.resolution).base, generator_style({**NETWORKS.defaults, **options})
        momentum = share(options, "batch_norm_momentum")
        dense = nn.Linear(count(options, "latent_dim"), maps[0] * base**2)
        self.start = nn.Sequential(dense, nn.Unflatten(1, (maps[0], base, base)))
        block = partial(UpBlock, activation=style.activation, num_classes=spec.num_classes, momentum=momentum)
        self.blocks = nn.ModuleList(block(coarse, fine) for coarse, fine in pairwise(maps))
        self.attends_before = attention_level(spec.resolution, base)
        self.attention = SelfAttention(maps[self.attends_before]) if options["attention"] else nn.Identity()
        self.norm = ConditionalBatchNorm(maps[-1], None, momentum)
        self.end = nn.Sequential(style.activation(), nn.Conv2d(maps[-1], spec.channels, 3, padding=1), *style.output())
        glorot_init_(self)
        if options["spectral_norm_generator"]:
            spectral_norm_(self)

    def forward(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Latents [N, latent_dim], labels [N] where the data have some → images [N, C, R, R]."""
        features = self.start(latents)
        for i, block in enumerate(self.blocks):
            features = block(self.attention(features) if i == self.attends_before else features, labels)
        images: Tensor = self.end(self.norm(features, None))
        return images


class Discriminator(nn.Module):
    """Blocks to `maps` in reverse, the last of which does not halve, and a dense layer on the sums over places."""

    def __init__(self, spec: DataSpec, options: Options, maps: list[int]) -> None:
        super().__init__()
        base, style = upsampling_plan(spec.resolution).base, discriminator_style({**NETWORKS.defaults, **options})
        self.rescale = nn.Sequential(*style.input())
        first, *others = pairwise([spec.channels, *reversed(maps)])
        blocks = [DownBlock(*first, style.activation, first=True)]
        blocks += [DownBlock(*each, style.activation, halving=each is not others[-1]) for each in others]
        self.blocks, self.activation = nn.ModuleList(blocks), style.activation()
        level = attention_level(spec.resolution, base)
        self.attends_before = len(maps) - 1 - level
        self.attention = SelfAttention(maps[level + 1]) if options["attention"] else nn.Identity()
        self.head = nn.Linear(maps[0], 1)
        self.projection = None if spec.num_classes is None else nn.Linear(spec.num_classes, maps[0], bias=False)
        style.finished(glorot_init_(self))

    def forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Images [N, C, R, R], labels [N] where the data have some → outputs [N], positive for "real"."""
        features = self.rescale(images)
        for i, block in enumerate(self.blocks):
            features = block(self.attention(features) if i == self.attends_before else features)
        sums = self.activation(features).sum(dim=(2, 3))  # [N, maps]
        outputs: Tensor = self.head(sums).squeeze(1)
        if self.projection is not None and labels is not None:
            classes = self.projection(F.one_hot(labels, self.projection.in_features).to(sums.dtype))
            outputs = outputs + (sums * classes).sum(dim=1)
        return outputs


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="sagan",
        title="SAGAN",
        paper="https://arxiv.org/abs/1805.08318",
        description="Residual networks with self-attention and spectral norm in both; hinge loss, two rates.",
        conditional="if labelled",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams."""
    width, num_doublings = count(options, "width"), upsampling_plan(spec.resolution).num_doublings
    narrowing = [width * min(2**level, 16) for level in reversed(range(num_doublings))]
    maps = [narrowing[0], *narrowing]
    return gan_with_adams(Generator(spec, options, maps), Discriminator(spec, options, maps), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with the hinge loss; both networks are told the labels, if there are any."""
    return alternate(gan, batches, generate=partial(labelled_fakes, gan), judge=gan.discriminator, objective=Hinge())


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents and labels."""
    images: Tensor = gan.generator(latents, labels)
    return images.float()
