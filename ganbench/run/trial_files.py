"""What a trial leaves beside its metrics, made from the images and features of its evaluation."""

from __future__ import annotations

from collections.abc import Callable

from ganbench.features.arithmetic import exact_arithmetic
from ganbench.metrics.inputs import MetricInputs
from ganbench.results.schema import Trial
from ganbench.run.class_timeline import write_class_timeline
from ganbench.run.job import TrialJob

Progress = Callable[[str, int, int], None]


def write_trial_files(job: TrialJob, trial: Trial, inputs: MetricInputs, progress: Progress) -> None:
    """Write the files that this kind of trial has. Each is written whole or not at all."""
    with exact_arithmetic():
        write_class_timeline(job.folder, inputs.images, trial.num_steps, progress)
