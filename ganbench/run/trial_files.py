"""What a trial leaves beside its metrics, made from the images and features of its evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from ganbench.features.arithmetic import exact_arithmetic
from ganbench.features.choose import choose_extractor
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.point_inputs import PointInputs
from ganbench.results.schema import Trial
from ganbench.run.best_samples import write_best
from ganbench.run.by_class import write_by_class
from ganbench.run.class_timeline import write_class_timeline
from ganbench.run.job import TrialJob
from ganbench.run.latent_arithmetic import write_arithmetic
from ganbench.seeding import derive_seed
from ganbench.types import MetricUnavailableError

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


def write_trial_files(job: TrialJob, trial: Trial, inputs: MetricInputs | PointInputs, progress: Progress) -> None:
    """Write the files that this kind of trial has, each whole or not at all; the log says why one is not there.

    Classes need labels, and a metric for which the classifier is trained anyway. The real images' row has its classes
    only; controls have no timeline and no arithmetic. Points have none of these files: their samples show all.
    """
    if isinstance(inputs, PointInputs):
        return
    stages: dict[str, Callable[[], None]] = {}
    if job.classifies and trial.role == "model":
        stages["classes"] = lambda: write_class_timeline(job.folder, inputs.images, trial.num_steps, progress)
    if trial.role != "reference":
        stages["best samples"] = lambda: write_best(job.folder, inputs)
    if job.classifies:
        stages["rows by class"] = lambda: write_by_class(job.folder, inputs, _fid_label(job), progress)
    if job.classifies and trial.role == "model" and not job.variant.info.uses_labels(job.dataset.spec):
        stages["latent arithmetic"] = lambda: _arithmetic(job, inputs, progress)
    with exact_arithmetic():
        for name, write in stages.items():
            progress(name, 0, 1)
            try:
                write()
            except MetricUnavailableError as error:
                log.warning("no %s: %s", name, error)


def _arithmetic(job: TrialJob, inputs: MetricInputs, progress: Progress) -> None:
    sampler = job.sampler(job.trained(), derive_seed("arithmetic", job.seed))
    write_arithmetic(job.folder, sampler, inputs.images, partial(progress, "latent arithmetic"))


def _fid_label(job: TrialJob) -> str:
    extractor, _ = choose_extractor(job.run.configuration["extractor"], list(job.registry.extractors.values()))
    return "FID" if extractor.canonical else f"FID · {extractor.name}"
