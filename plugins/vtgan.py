"""VT-GAN: AC-GAN with minibatch discrimination and smoothed labels; with all three options off it trains as `acgan`.

Papers: AC-GAN (Odena 2017, https://arxiv.org/abs/1610.09585); minibatch discrimination and label smoothing (Salimans
2016, https://arxiv.org/abs/1606.03498). The recipe is a report's that set it against AC-GAN on CIFAR-10; networks, loss
and what was chosen where the report is silent are those of `acgan`. On top of it:

`minibatch_discrimination`: 30 kernels on the last maps, appended to them before both heads. The discriminator sees real
    and fake images in separate batches, so reals are compared with reals and fakes with fakes. The kernel dimension is
    Salimans' 5. It costs time: by the report, 350 epochs with it take as long as 520 without.
`label_smoothing`, `class_smoothing`: labels of real images are smoothed. With ε the smoothing, the right one of k
    classes has the target 1 - ε(k-1)/k and each other ε/k; k is 2 for the source and the number of classes for the
    class. The report does not say ε; 0.1 was chosen. Fakes are not smoothed, nor is the generator's target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import alternate, gan_with_adams, labelled_fakes, require_classes
from ganbench.models.auxiliary import AUXILIARY, auxiliary_networks, auxiliary_objective
from ganbench.types import Options

OPTIONS = AUXILIARY.but(minibatch_discrimination=True, label_smoothing=0.1, class_smoothing=0.1)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="vtgan",
        title="VT-GAN",
        paper="https://arxiv.org/abs/1610.09585",
        description="AC-GAN with minibatch discrimination and label smoothing.",
        conditional=True,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    generator, discriminator = auxiliary_networks(spec, require_classes(spec, "vtgan"), options)
    return gan_with_adams(generator, discriminator, options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with source and class losses; real images first, then fakes, in batches of their own."""
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
