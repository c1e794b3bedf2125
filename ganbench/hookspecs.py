"""The hooks of ganbench. An entry point in the group `ganbench` names a module that implements some of them.

A model plugin is one entry point with the four model hooks; the host owns the loop, the device, the data, the
checkpoints and the measuring, so a plugin reads like its paper. A whole plugin::

    from torch.nn.functional import binary_cross_entropy_with_logits as bce
    from torch import ones_like, zeros_like
    from ganbench import GAN, ModelInfo, adam, hookimpl, mlp

    @hookimpl
    def ganbench_model():
        return ModelInfo(name="tiny", title="A tiny GAN", data_kinds=("points",), options={"lr": 1e-3})

    @hookimpl
    def ganbench_build(spec, options):
        generator, discriminator = mlp(2, spec.dim), mlp(spec.dim, 1)
        return GAN(generator=generator, discriminator=discriminator, latent_dim=2,
                   optimizers={"generator": adam(generator, options["lr"]),
                               "discriminator": adam(discriminator, options["lr"])})

    @hookimpl
    def ganbench_train(gan, batches, step):
        real = next(batches).real
        fake = gan.generator(gan.sample_latents(len(real)))
        real_logits, fake_logits = gan.discriminator(real), gan.discriminator(fake.detach())
        loss_d = bce(real_logits, ones_like(real_logits)) + bce(fake_logits, zeros_like(fake_logits))
        gan.minimize("discriminator", loss_d)
        judged = gan.discriminator(fake)
        loss_g = bce(judged, ones_like(judged))
        gan.minimize("generator", loss_g)
        return {"loss_d": loss_d, "loss_g": loss_g, "real_logits": real_logits, "fake_logits": fake_logits}

    @hookimpl
    def ganbench_sample(gan, latents, labels):
        return gan.generator(latents)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

from ganbench.types import (
    Batch,
    DatasetInfo,
    DataSpec,
    ExecutorInfo,
    ExtractorInfo,
    MetricInfo,
    ModelInfo,
    Options,
    ReportSection,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.config import Benchmark
    from ganbench.models import GAN

PROJECT = "ganbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

MODEL_HOOKS = ("ganbench_model", "ganbench_build", "ganbench_train", "ganbench_sample")


@hookspec(firstresult=True)
def ganbench_model() -> ModelInfo:
    """Say what this variant is. Called when the plugin is loaded, so it must be cheap: build nothing here.

    Example::

        @hookimpl
        def ganbench_model():
            return ModelInfo(name="tiny", title="A tiny GAN", options={"lr": 1e-3})
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Build networks and optimisers for data of form `spec`.

    The host has seeded every random generator and made the training device the default, so plain
    `torch.nn` modules land where they belong. `options` holds every option of the ModelInfo, the user's values laid
    over the defaults.

    Example::

        @hookimpl
        def ganbench_build(spec, options):
            generator = mlp(2, spec.dim)
            return GAN(generator=generator, latent_dim=2, optimizers={"generator": adam(generator, options["lr"])})
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """Do ONE training iteration: take as many batches as the discriminator's updates need, update the generator once.

    Return 0-d losses (`loss_d`, `loss_g`, any other name) and, where there are any, the discriminator's outputs before
    the sigmoid as `real_logits` and `fake_logits` [N], positive meaning "real"; the host draws D(x), D(G(z)) and D's
    recall from them. Nothing is synchronised with the CPU here: no `.item()`, no printing. `step` counts from 0.

    Example::

        @hookimpl
        def ganbench_train(gan, batches, step):
            real = next(batches).real
            ...
            return {"loss_d": loss_d, "loss_g": loss_g, "real_logits": real_logits, "fake_logits": fake_logits}
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Turn latents [N, latent_dim] (and labels int64 [N] for a conditional model) into float32 [N, C, H, W] in [-1, 1].

    Called in evaluation mode without gradients. A sample must depend on its own latent and label only.

    Example::

        @hookimpl
        def ganbench_sample(gan, latents, labels):
            return gan.generator(latents)
    """
    raise NotImplementedError


@hookspec
def ganbench_datasets() -> Sequence[DatasetInfo]:
    """Offer datasets by name.

    Example::

        @hookimpl
        def ganbench_datasets():
            return [DatasetInfo(name="cats", title="My cats", load=load_cats)]
    """
    raise NotImplementedError


@hookspec
def ganbench_extractors() -> Sequence[ExtractorInfo]:
    """Offer feature extractors by name.

    Example::

        @hookimpl
        def ganbench_extractors():
            return [ExtractorInfo(name="mynet", title="My net", load=load_net, missing=lambda: None, feature_dim=512)]
    """
    raise NotImplementedError


@hookspec
def ganbench_metrics() -> Sequence[MetricInfo]:
    """Offer metrics by id.

    Example::

        @hookimpl
        def ganbench_metrics():
            return [MetricInfo(id="mean_norm", title="Mean norm", compute=mean_norm, higher_is_better=None)]
    """
    raise NotImplementedError


@hookspec
def ganbench_benchmarks() -> Sequence[Benchmark]:
    """Offer benchmarks: what is trained, on which data, for how long and how it is measured.

    Example::

        @hookimpl
        def ganbench_benchmarks():
            return [read_benchmark(Path(__file__).with_name("cats-64.toml"))]
    """
    raise NotImplementedError


@hookspec
def ganbench_report_sections() -> Sequence[ReportSection]:
    """Offer sections that stand below each trial in the HTML report.

    Example::

        @hookimpl
        def ganbench_report_sections():
            return [ReportSection(title="Colours", render=render_colours)]
    """
    raise NotImplementedError


@hookspec
def ganbench_executors() -> Sequence[ExecutorInfo]:
    """Offer ways to run trials, chosen with `ganbench run --executor NAME`.

    Example::

        @hookimpl
        def ganbench_executors():
            return [ExecutorInfo(name="slurm", title="Slurm jobs", run=run_on_slurm)]
    """
    raise NotImplementedError
