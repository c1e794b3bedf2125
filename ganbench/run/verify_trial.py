"""Recomputing the numbers of one trial from its stored samples, and finding what is missing or was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ganbench.errors import GanbenchError, UsageError
from ganbench.features.extract import FeatureCache
from ganbench.results.recomputed import Comparison, compare_records
from ganbench.results.schema import MetricsFile, Trial
from ganbench.results.store import METRICS_FILE, RUN_FILE, SAMPLES_FILE, TRIAL_FILE, read_record
from ganbench.run.checkpoint import LAST
from ganbench.run.job import TrialJob
from ganbench.run.measure import measure_trial
from ganbench.types import REFERENCE_ROW, ImageSet, PointSet, SampleSet

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class VerifiedTrial:
    """What came out for one trial; `skipped` says why there was nothing to verify, where it is not finished."""

    plugin: str
    seed: int
    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def agrees(self) -> bool:
        """Whether nothing differs and nothing is missing."""
        return not self.problems and all(item.agreement != "differs" for item in self.comparisons)


class TrialExamination:
    """One trial: reads its files, recomputes its numbers and gathers what is wrong."""

    def __init__(self, job: TrialJob, cache: FeatureCache, tolerance: float, progress: Progress) -> None:
        self.job, self.cache, self.tolerance, self.progress = job, cache, tolerance, progress
        self.problems: list[str] = []

    def run(self) -> VerifiedTrial:
        """What came out."""
        outcome = partial(VerifiedTrial, self.job.plugin, self.job.seed)
        if not self.job.folder.is_dir():
            return outcome(problems=("it was planned, but there is nothing of it: not begun, or removed",))
        trial = self._read(TRIAL_FILE, Trial)
        if trial is not None and trial.status != "done":
            return outcome(skipped=f"its status is '{trial.status}', so there is nothing to verify")
        metrics, samples = self._read(METRICS_FILE, MetricsFile), self._samples()
        if trial is not None:
            self._check_provenance(trial, metrics, samples)
        comparisons = self._compare(metrics, samples) if metrics is not None and samples is not None else []
        return outcome(tuple(comparisons), tuple(self.problems))

    def _read(self, name: str, kind: Any) -> Any:
        path = self.job.folder / name
        try:
            if path.is_file():
                return read_record(path, kind)
            self.problems.append(f"{name} is missing")
        except UsageError as error:
            self.problems.append(str(error))
        return None

    def _samples(self) -> SampleSet | None:
        path, wants_points = self.job.folder / SAMPLES_FILE, self.job.dataset.spec.kind == "points"
        try:
            with np.load(path, allow_pickle=False) as stored:
                array, labels = stored["points" if wants_points else "images"], stored.get("labels")
            if wants_points and array.dtype == np.float32 and array.ndim == 2:
                return PointSet(self.job.plugin, array, labels)
            if not wants_points and array.dtype == np.uint8 and array.ndim == 4:
                return ImageSet(self.job.plugin, array, labels)
            wanted = "points float32 [N, D]" if wants_points else "images uint8 [N, H, W, C]"
            self.problems.append(f"{SAMPLES_FILE} holds {array.dtype} {array.shape}, not {wanted}")
        except FileNotFoundError:
            self.problems.append(f"{SAMPLES_FILE} is missing")
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            self.problems.append(f"{SAMPLES_FILE} cannot be read: {error}")
        return None

    def _check_provenance(self, trial: Trial, metrics: MetricsFile | None, samples: SampleSet | None) -> None:
        """All names and hashes in the files must be those of the folder, of run.json and of the samples."""
        run, job = self.job.run, self.job
        if (trial.plugin, trial.seed) != (job.plugin, job.seed):
            self.problems.append(f"{TRIAL_FILE} is of {trial.plugin}, seed {trial.seed}: the folder was renamed")
        expected = {"configuration_sha256": run.configuration_sha256, "dataset": run.configuration["dataset_sha256"]}
        if samples is not None:
            expected["samples_sha256"] = samples.sha256
        owners = {"dataset": "the data of run.json", "samples_sha256": SAMPLES_FILE, "configuration_sha256": RUN_FILE}
        named = {TRIAL_FILE: trial.provenance} | ({METRICS_FILE: metrics.provenance} if metrics is not None else {})
        for file, provenance in named.items():
            for key, sha256 in expected.items():
                value = provenance.get(key)
                found = value.get("sha256") if isinstance(value, dict) else value
                if found != sha256:
                    self.problems.append(
                        f"{file} names {short_hash(found)} as hash of {owners[key]}, which has {short_hash(sha256)}"
                    )

    def _compare(self, metrics: MetricsFile, samples: SampleSet) -> list[Comparison]:
        stored, configuration = metrics.metrics, self.job.run.configuration
        for name in configuration.get("metrics", ()):
            if name not in stored and name not in metrics.unavailable:
                self.problems.append(f"{name} was planned, but {METRICS_FILE} does not have it")
        hidden = [name for name in metrics.unavailable if self._needs_no_weights(name)]
        names = [name for name in stored if self._can_be_measured(name)] + hidden
        if not names:
            return []
        run = self.job.run.model_copy(update={"configuration": configuration | {"metrics": names}})
        try:
            measured = measure_trial(replace(self.job, run=run), samples, self.cache, self.progress)
        except GanbenchError as error:
            self.problems.append(f"nothing can be recomputed: {error}")
            return []
        again = measured.to_file(run.protocol, {})
        self.problems += [
            f"{name} cannot be recomputed: {why}" for name, why in again.unavailable.items() if name in stored
        ]
        self.problems += [
            f"{name} is said to be unavailable, but it is {again.metrics[name].value:.6g}"
            for name in hidden
            if name in again.metrics
        ]
        return [
            compare_records(name, stored[name], again.metrics[name], self.tolerance)
            for name in stored
            if name in again.metrics
        ]

    def _needs_no_weights(self, name: str) -> bool:
        """Whether a metric does not depend on weights that one machine may have and another not."""
        info = self.job.registry.metrics.get(name)
        optional = {"lpips", "lpips-vgg16", "logits", "generator"}
        return info is not None and info.extractor is None and not optional & set(info.needs)

    def _can_be_measured(self, name: str) -> bool:
        info = self.job.registry.metrics.get(name)
        if info is None:
            self.problems.append(f"{name} cannot be recomputed: no metric of that name is installed here")
            return False
        lacks_generator = "generator" in info.needs and not (self.job.folder / "checkpoints" / LAST).is_file()
        if lacks_generator and self.job.plugin != REFERENCE_ROW:
            self.problems.append(f"{name} cannot be recomputed: it needs the trained model, and its checkpoint is gone")
            return False
        return True


def short_hash(sha256: object) -> str:
    """As much of a hash as tells two apart for the eye."""
    return f"{str(sha256)[:12]}…" if sha256 else "nothing"
