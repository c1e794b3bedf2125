"""WGAN: Arjovsky, Chintala, Bottou 2017, "Wasserstein GAN".

Paper: https://arxiv.org/abs/1701.07875. Algorithm 1: the critic, DCGAN's discriminator without its sigmoid, takes 5
steps for each of the generator's; after each of them every weight is clipped to [-0.01, 0.01]; RMSprop at 5e-5 for both
networks, since momentum (Adam's β1 > 0) was found to be unstable. `wasserstein` is the estimate of the distance that
the paper plots: mean D(x) - mean D(G(z)) before the critic's last step of an iteration, times a factor that follows
from the clipping.

A report that set it beside DCGAN on CIFAR-10 found it stable and dear. Where both are silent: RMSprop's decay is 0.99
(Torch's default); latents are normal, and scales and shifts of batch norm are clipped too, as in the authors' code.
That code also takes 100 steps of the critic in each of the first 25 iterations and in every 500th; the paper does not
say so, and here they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import ITERATION, LATENT, alternate, option, plain_fakes
from ganbench.models.critics import Wasserstein, clip_weights
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.options import at_least_zero
from ganbench.models.pairs import PAIR, networks
from ganbench.models.rmsprop import RMSPROP, gan_with_rmsprops
from ganbench.types import Options

CLIP = option("clip", 0.01, "largest absolute value of the critic's weights; 0: they are not clipped")
OPTIONS = (PAIR | RMSPROP | LATENT | ITERATION | CLIP).but(lr=5e-5, rho=0.99, n_critic=5)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="wgan",
        title="WGAN",
        paper="https://arxiv.org/abs/1701.07875",
        description="DCGAN that minimises the Wasserstein distance, with a critic of clipped weights.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks, weights from N(0, 0.02), and their RMSprops."""
    at_least_zero(options, "clip")
    return gan_with_rmsprops(*networks(spec, options), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The critic's steps, each followed by the clipping, then the generator's."""
    bound = float(gan.options["clip"])
    outputs = alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda images, labels: gan.discriminator(images),
        objective=Wasserstein(),
        constrain=partial(clip_weights, gan.discriminator, bound) if bound else None,
    )
    return outputs | {"wasserstein": -outputs["loss_d"]}


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents."""
    images: Tensor = gan.generator(latents)
    return images.float()
