"""What a trial leaves beside its metrics, made from the images and features of its evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganbench.features.arithmetic import exact_arithmetic
from ganbench.features.choose import choose_extractor
from ganbench.metrics.inputs import MetricInputs
from ganbench.results.schema import Trial
from ganbench.results.store import NEIGHBOURS_FILE
from ganbench.run.best_samples import write_best
from ganbench.run.by_class import write_by_class
from ganbench.run.class_timeline import write_class_timeline
from ganbench.run.evidence import neighbour_distances, write_bins, write_birthday, write_copies
from ganbench.run.job import TrialJob
from ganbench.run.latent_arithmetic import write_arithmetic
from ganbench.run.measure import Measurement, save_neighbours
from ganbench.seeding import derive_seed
from ganbench.types import MetricResult, MetricUnavailableError

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


# By metric, what shows what it saw.
EVIDENCE: dict[str, Callable[[Path, MetricInputs, MetricResult], None]] = {
    "ndb": write_bins,
    "birthday": write_birthday,
    "copies": write_copies,
}


def write_trial_files(job: TrialJob, trial: Trial, measured: Measurement, progress: Progress) -> None:
    """Write the files that this kind of trial has, each whole or not at all; the log says why one is not there.

    Classes need labels, and a metric for which the classifier is trained anyway. The real images' row has its classes
    only; controls have no timeline and no arithmetic. Points have none of these files: their samples show all.
    """
    inputs, results = measured.inputs, measured.evaluation.results
    if not isinstance(inputs, MetricInputs):
        return
    stages: dict[str, Callable[[], None]] = {
        f"images of {name}": partial(write, job.folder, inputs, results[name])
        for name, write in EVIDENCE.items()
        if name in results
    }
    if measured.neighbours:
        stages["neighbours"] = lambda: save_neighbours(
            job.folder / NEIGHBOURS_FILE, measured.neighbours, neighbour_distances(inputs, results)
        )
    if job.classifies and trial.role == "model":
        stages["classes"] = lambda: write_class_timeline(job.folder, inputs.images, trial.num_steps, progress)
    if trial.role != "reference" and job.has_features:
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
