"""AC-GAN: Odena, Olah, Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs".

Paper: https://arxiv.org/abs/1610.09585. The generator is told a class; the discriminator has a second head that names
the class, of real images and of fakes, and both networks also minimise the cross-entropy of that head. It is here the
AC-GAN that a report set against its VT-GAN on CIFAR-10, with that report's networks (`ganbench.models.auxiliary`):

discriminator: convolutions (kernel, stride, filters) 5,2,16 · 5,1,32 · 3,2,64 · 5,1,128 · 3,2,256 · 3,1,512, batch norm
    on the four between, LeakyReLU after each, then a sigmoid source head and a softmax class head;
generator: uniform latents with the one-hot label, dense to 512 maps of 2x2, transposed 5x5 convolutions of stride 2
    with 256, 128 and 64 maps and batch norm, LeakyReLU, a last one to the image with tanh;
loss: cross-entropy of source and class in both networks, real images first, then fakes, in batches of their own.

The report is silent on the following, the paper's appendix is not: the label is appended to latents of length 100, 110
inputs; Adam at lr 2e-4, one of its three rates, and β1 0.5. Chosen here: one step of each network an iteration; a fake
gets the label of the real image beside it, so classes are as frequent as in the data. The paper's dropout is an option,
off. Turn on `minibatch_discrimination`, `label_smoothing` and `class_smoothing`, and this is VT-GAN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import alternate, gan_with_adams, labelled_fakes, require_classes
from ganbench.models.auxiliary import AUXILIARY, auxiliary_networks, auxiliary_objective
from ganbench.types import Options

OPTIONS = AUXILIARY


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="acgan",
        title="AC-GAN",
        paper="https://arxiv.org/abs/1610.09585",
        description="Told the class; its discriminator also has to name it.",
        conditional=True,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    generator, discriminator = auxiliary_networks(spec, require_classes(spec, "acgan"), options)
    return gan_with_adams(generator, discriminator, options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with source and class losses; the discriminator is not told the class."""
    return alternate(
        gan,
        batches,
        generate=partial(labelled_fakes, gan),
        judge=lambda images, labels: gan.discriminator(images),
        objective=auxiliary_objective(gan.options),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents and labels."""
    images: Tensor = gan.generator(latents, labels)
    return images.float()
