"""InfoGAN: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016.

Paper: "InfoGAN: interpretable representation learning by information maximizing generative adversarial nets",
https://arxiv.org/abs/1606.03657. Part of the latent is a code, one of 10 categories and 2 numbers in (-1, 1);
a head Q on the discriminator's trunk guesses the code of each fake, and both networks also minimise its error, which
bounds the information between code and image from below. No labels are used: what the codes come to mean is found.

Networks by the paper's MNIST table (`ganbench.models.infogan`). Discriminator: 4x4 convolutions of stride 2 with 64 and
128 maps, dense 1024; from there the source head, and Q: dense 128, then the codes. Generator: 62 noise values and the
codes, dense 1024, dense to 7x7x128, transposed 4x4 convolutions of stride 2 to 64 maps and to the image. Batch norm on
all hidden layers but the first convolution. Adam with β1 0.5, 1e-3 for the generator and 2e-4 for the discriminator.

In the paper Q may also give a standard deviation; the authors' MNIST experiment fixes it at 1 and weighs both errors by
1, and so it is here. As in their code, Q's head and the trunk are updated by the discriminator's optimiser with the sum
of all errors, the generator by its own; real images enter the adversarial loss only.

Deliberate differences: latents are normal throughout, and the codes are computed from their first 12 values (the
largest of ten names the category, 2Φ(x) - 1 is a number in (-1, 1)), so that a sample depends on its latent alone and
paths between latents are paths between codes; noise is normal, not uniform. The output is tanh on [-1, 1]; the authors'
sigmoid is `pixel_range` [0,1]. LeakyReLU's slope is 0.2. Biases only where no batch norm follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    GAME,
    NETWORKS,
    Fake,
    NonSaturating,
    adams,
    alternate,
    at_least_zero,
    check_game,
    count,
    discriminator_style,
    generator_style,
    option,
    targets_of,
)
from ganbench.models.infogan import CodedGenerator, CodeSizes, InformationMaximizing, ReadingDiscriminator
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.types import Options

OPTIONS = (
    (NETWORKS | GAME)
    .without("norm_generator", "norm_discriminator", "latent")
    .but(latent_dim=62, lr=1e-3, lr_discriminator=2e-4)
    | option("num_codes", 10, "number of values of the categorical code")
    | option("continuous_codes", 2, "number of continuous codes")
    | option("lambda_categorical", 1.0, "weight of the error in reading off the categorical code")
    | option("lambda_continuous", 1.0, "weight of the error in reading off the continuous codes")
)
NORMS = {"norm_generator": "batch", "norm_discriminator": "batch"}  # the table's; dense layers allow no other


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="infogan",
        title="InfoGAN",
        paper="https://arxiv.org/abs/1606.03657",
        description="Finds codes of its own, a category and numbers, that can be read off its images.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams; the latent is `latent_dim` values longer than the codes take."""
    check_game(options)
    objective(options)  # refuses now what the first iteration would
    sizes, width = CodeSizes(count(options, "num_codes"), count(options, "continuous_codes")), count(options, "width")
    latent_dim = sizes.num_coordinates + count(options, "latent_dim")
    styles = {**options, **NORMS}
    generator = CodedGenerator(spec, sizes, latent_dim, width, generator_style(styles))
    discriminator = ReadingDiscriminator(spec, sizes, width, discriminator_style(styles))
    optimizers = adams({"generator": generator, "discriminator": discriminator}, options)
    return GAN(generator, discriminator, latent_dim=latent_dim, optimizers=optimizers, options=options)


def objective(options: Options) -> InformationMaximizing:
    """Source and code losses. Raises UsageError for a weight below 0."""
    return InformationMaximizing(
        NonSaturating(targets_of(options)),
        at_least_zero(options, "lambda_categorical"),
        at_least_zero(options, "lambda_continuous"),
    )


def coded_fakes(gan: GAN, batch: Batch) -> Fake:
    """As many fakes as the batch has reals, with the codes that they were made from."""
    latents = gan.sample_latents(len(batch.real))
    return Fake(gan.generator(latents), gan.generator.sizes.of(latents))


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with the codes' errors; nothing here reads the data's labels, if there are any."""
    return alternate(
        gan,
        batches,
        generate=partial(coded_fakes, gan),
        judge=lambda images, codes: gan.discriminator(images),
        objective=objective(gan.options),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents, whose first values are the codes'."""
    images: Tensor = gan.generator(latents)
    return images.float()
