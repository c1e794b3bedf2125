"""WGAN-GP: Gulrajani et al. 2017, "Improved training of Wasserstein GANs".

Paper: https://arxiv.org/abs/1704.00028. Algorithm 1: in place of clipped weights, the critic pays 10·(‖∇D(x̂)‖₂ - 1)² at
points x̂ drawn evenly between a real sample and a fake; 5 steps of the critic for each of the generator's; Adam at 1e-4
with β = (0, 0.9). The penalty is about each sample alone, so the critic has no batch norm but layer norm, which the
paper recommends; batch norm there is refused. `wasserstein` is the estimate of the distance that the paper plots:
mean D(x) - mean D(G(z)) before the critic's last step of an iteration, without the penalty.

Chosen here: the networks of DCGAN (the paper tries them among others; its best results are of ResNets), 128 normal
values as latents as in the authors' code, no decay of the rates, and on points the dense networks of PacGAN
(arXiv:1712.04086), whose discriminator has no norm. With DiffAugment the penalty is taken between augmented samples,
since those are what the critic sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    ADAM,
    ITERATION,
    LATENT,
    Fake,
    alternate,
    chosen,
    gan_with_adams,
    option,
    plain_fakes,
)
from ganbench.models.critics import Wasserstein, gradient_penalty
from ganbench.models.diffaugment import diff_augment
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.mlps import check_points
from ganbench.models.options import at_least_zero
from ganbench.models.pairs import PAIR, networks
from ganbench.types import Options

CRITIC = option("norm_discriminator", "layer", "instance, layer or none between the critic's layers") | option(
    "penalty_weight", 10.0, "λ: weight of the gradient penalty in the critic's loss"
)
OPTIONS = (PAIR | ADAM | LATENT | ITERATION.without("joint_batch") | CRITIC).but(
    lr=1e-4, beta1=0.0, beta2=0.9, n_critic=5, latent_dim=128
)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="wgan-gp",
        title="WGAN-GP",
        paper="https://arxiv.org/abs/1704.00028",
        description="Wasserstein distance with a penalty on the critic's slope; images or points.",
        data_kinds=("image", "points"),
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks, weights from N(0, 0.02), and their Adams. Raises UsageError for batch norm in the critic."""
    check_points(spec, options, OPTIONS.defaults)
    chosen(options, "norm_discriminator", ("instance", "layer", "none"))  # batch norm would mix the samples
    at_least_zero(options, "penalty_weight")
    return gan_with_adams(*networks(spec, options), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The critic's steps, each with the penalty, then the generator's."""
    weight, augment = float(gan.options["penalty_weight"]), diff_augment(str(gan.options["diffaugment"]))

    def penalty(real: Tensor, fake: Fake) -> Tensor:
        return weight * gradient_penalty(gan.discriminator, augment(real), augment(fake.samples))

    outputs = alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda samples, labels: gan.discriminator(samples),
        objective=Wasserstein(),
        penalty=penalty,
    )
    return outputs | {"wasserstein": -outputs["loss_d_source"]}


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images or points of these latents."""
    samples: Tensor = gan.generator(latents)
    return samples.float()
