"""One trial, in a process of its own: build, train, sample, measure. `python -m ganbench.run.trial RUN PLUGIN SEED`.

All that decides the result stands in RUN/run.json; nothing is passed any other way. The process can be killed at any
moment: run again, it goes on from the last checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

import ganbench
from ganbench.data.batches import BatchStream
from ganbench.data.pixels import image_grid, save_png, to_uint8
from ganbench.data.sources import in_memory
from ganbench.errors import GanbenchError
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.models import GAN
from ganbench.registry import source_sha256
from ganbench.results.schema import Cost, Parameters, Trial, TrialError
from ganbench.results.store import (
    HISTORY_FILE,
    INTERPOLATION_FILE,
    METRICS_FILE,
    SAMPLES_FILE,
    SNAPSHOT_FOLDER,
    TRIAL_FILE,
    read_history,
    trial_folder,
    write_arrays,
    write_record,
)
from ganbench.run.checkpoint import weights_sha256
from ganbench.run.class_timeline import NUM_PROBE_SAMPLES, save_probe
from ganbench.run.diversity import NUM_SAMPLES, DiversityMeter
from ganbench.run.events import Event, EventWriter
from ganbench.run.job import TrialJob
from ganbench.run.measure import measure_trial, save_samples
from ganbench.run.monitor import Line
from ganbench.run.sampling import INTERPOLATION_COLUMNS, interpolation
from ganbench.run.training import Interrupted, Progress, Trainer, num_parameters
from ganbench.run.training_warnings import training_warnings
from ganbench.run.trial_files import write_trial_files
from ganbench.run.watch import TrainingWatch
from ganbench.seeding import derive_seed, seed_everything
from ganbench.types import REFERENCE_ROW, ImageSet, ImageSource, PointSet, SampleSet

SNAPSHOT_COLUMNS, SNAPSHOT_ROWS = 10, 8
NUM_SNAPSHOT_POINTS = 500
SHOWN_VALUES = ("loss_d", "loss_g", "d_recall")  # in the progress line; the history has all
LOCK_PATIENCE_SECONDS = 60.0


class TrialProcess:
    """Runs one job through its stages and keeps trial.json true at every moment."""

    def __init__(self, job: TrialJob, emit: Callable[[Event], None]) -> None:
        self.job, self.emit = job, emit
        self.stop = threading.Event()
        self._watch: TrainingWatch | None = None
        self._told: set[str] = set()  # signs of which a note was made
        role = "reference" if job.plugin == REFERENCE_ROW else "model"
        if job.plugin != REFERENCE_ROW and job.variant.info.control:
            role = "control"
        self.trial = Trial(
            plugin=job.plugin, seed=job.seed, role=role, status="pending",  # type: ignore[arg-type]
            options={
                **job.run.configuration["options"].get(job.plugin, {}),
                **job.run.configuration["host_options"].get(job.plugin, {}),
            },
            provenance=self._provenance(),
        )  # fmt: skip

    def run(self) -> int:
        """All stages; how it ended stands in trial.json. Returns the exit code: 0 unless the trial failed."""
        try:
            samples = self._reference_samples() if self.trial.role == "reference" else self._model_samples()
            self._evaluate(samples)
            self._update(status="done")
            self.emit(Event("done"))
        except Interrupted:
            self._update(status="interrupted")
            self.emit(Event("interrupted"))
        except Exception as error:
            known = isinstance(error, GanbenchError)
            message = str(error) if known else f"{type(error).__name__}: {error}"
            failure = TrialError(
                stage=self.trial.status, type=type(error).__name__, message=message, traceback=traceback.format_exc()
            )
            self._update(status="failed", error=failure)
            traceback.print_exc()
            self.emit(Event("failed", stage=failure.stage, text=message))
            return 1
        return 0

    # Stages

    def _model_samples(self) -> SampleSet:
        self._enter("training")
        gan, trainer = self._build()
        trainer.run()
        self._update(
            num_steps=trainer.step, num_images=trainer.batches.num_images, resumed_at=trainer.resumed_at,
            cost=Cost(
                training_seconds=trainer.seconds,
                images_per_second=trainer.batches.num_images / max(trainer.seconds, 1e-9),
                peak_memory_mib=_peak_memory_mib(self.job.device), device=_device_name(self.job.device),
            ),
        )  # fmt: skip
        self._enter("sampling")
        start = time.perf_counter()
        with trainer.averaged_weights():
            self._update(provenance=self.trial.provenance | {"weights_sha256": weights_sha256(gan)})
            samples = self._sample(gan)
        self._add_cost(sampling_seconds=time.perf_counter() - start)
        return samples

    def _build(self) -> tuple[GAN, Trainer]:
        job = self.job
        gan = job.build()
        self._update(
            parameters=Parameters(
                generator=num_parameters(gan.generator), discriminator=num_parameters(gan.discriminator)
            )
        )
        seed_everything(derive_seed(job.plugin, job.seed, "train"))
        # Every plugin of one training seed sees the same images in the same order.
        stream = self._stream(job.dataset.train, derive_seed("data", job.seed))
        heldout = self._stream(job.dataset.test, derive_seed("heldout", job.seed)) if len(job.dataset.test) else None
        trainer = Trainer(
            job.variant, gan, stream, job.training, job.folder, heldout=heldout,
            configuration_sha256=job.run.configuration_sha256,
            warn=self._warn, report=self._report_progress, should_stop=self.stop.is_set,
        )  # fmt: skip
        trainer.snapshot = lambda step: self._snapshot(trainer, gan, step)
        if self.trial.role == "model":
            trainer.diversity = self._diversity(trainer, gan)
        if self.trial.role == "model" and job.classifies:
            trainer.probe = lambda step: self._probe_classes(trainer, gan, step)
        return gan, trainer

    def _stream(self, split: ImageSource | PointSet, seed: int) -> BatchStream:
        samples = split.points if isinstance(split, PointSet) else in_memory(split).images
        return BatchStream(
            samples, split.labels, batch_size=self.job.training.batch_size, seed=seed, device=self.job.device,
            augment=self.job.augment,
        )  # fmt: skip

    def _snapshot(self, trainer: Trainer, gan: GAN, step: int) -> None:
        sampler = self.job.sampler(gan, derive_seed("snapshot", self.job.seed))
        path = self.job.folder / SNAPSHOT_FOLDER / f"step-{step:07d}"
        if self.job.dataset.spec.kind == "points":
            labels = self.job.evaluation_labels(NUM_SNAPSHOT_POINTS)
            with trainer.averaged_weights():
                write_arrays(path.with_suffix(".npz"), {"points": sampler.points(NUM_SNAPSHOT_POINTS, labels)})
            return
        num_samples = SNAPSHOT_COLUMNS * SNAPSHOT_ROWS
        num_classes = self.job.dataset.spec.num_classes
        labels = np.arange(num_samples) % SNAPSHOT_COLUMNS % num_classes if num_classes else None  # a class a column
        with trainer.averaged_weights():
            grid = image_grid(sampler.images(num_samples, labels), SNAPSHOT_COLUMNS)
        save_png(grid, path.with_suffix(".png"))

    def _probe_classes(self, trainer: Trainer, gan: GAN, step: int) -> None:
        sampler = self.job.sampler(gan, derive_seed("classes", self.job.seed, step))
        with trainer.averaged_weights():
            images = sampler.images(NUM_PROBE_SAMPLES, self.job.evaluation_labels(NUM_PROBE_SAMPLES))
        save_probe(self.job.folder, step, trainer.epochs, images)

    def _diversity(self, trainer: Trainer, gan: GAN) -> Callable[[], Mapping[str, Tensor]]:
        sampler = self.job.sampler(gan, derive_seed("diversity", self.job.seed))
        meter = DiversityMeter(sampler, self.job.evaluation_labels(NUM_SAMPLES), self.job.dataset.train)

        def measure() -> Mapping[str, Tensor]:
            with trainer.averaged_weights():
                return meter()

        return measure

    def _sample(self, gan: GAN) -> SampleSet:
        job, num_samples = self.job, self.job.benchmark.evaluation.num_samples
        labels = job.evaluation_labels(num_samples)
        sampler = job.sampler(gan, derive_seed("evaluation", job.seed))
        samples = sampler.samples(job.plugin, num_samples, labels, partial(self._progress, "samples"))
        if isinstance(samples, ImageSet):
            strip = to_uint8(interpolation(job.sampler(gan, derive_seed("interpolation", job.seed)), labels))
            save_png(image_grid(strip, INTERPOLATION_COLUMNS), job.folder / SNAPSHOT_FOLDER / INTERPOLATION_FILE)
        return samples

    def _reference_samples(self) -> SampleSet:
        """Held-out real samples, as many as every plugin gives, in a fixed random order."""
        test = self.job.dataset.test
        num_samples = min(self.job.benchmark.evaluation.num_samples, len(test))
        chosen = np.random.default_rng(derive_seed("reference", self.job.seed)).permutation(len(test))[:num_samples]
        if isinstance(test, PointSet):
            return replace(test.subset(chosen), name=REFERENCE_ROW)
        labels = None if test.labels is None else test.labels[chosen]
        return ImageSet(REFERENCE_ROW, test.take(chosen), labels)

    def _evaluate(self, samples: SampleSet) -> None:
        job = self.job
        save_samples(job.folder / SAMPLES_FILE, samples)
        self._update(provenance=self.trial.provenance | {"samples_sha256": samples.sha256})
        self._enter("evaluating")
        start = time.perf_counter()
        evaluation = measure_trial(job, samples, FeatureCache(default_cache_root()), self._progress)
        metrics = evaluation.to_file(job.run.protocol, self.trial.provenance)
        write_record(job.folder / METRICS_FILE, metrics)
        write_trial_files(job, self.trial, evaluation, self._progress)
        warnings = training_warnings(job.folder, job.dataset.class_names)
        self._update(warnings=warnings)
        self._note([text for text in warnings if _sign(text) not in self._told])
        self._add_cost(evaluation_seconds=time.perf_counter() - start)

    # Telling

    def _enter(self, stage: Any) -> None:
        if self.stop.is_set():
            raise Interrupted
        self._update(status=stage)
        self.emit(Event("stage", stage=stage))

    def _progress(self, text: str, done: int, total: int) -> None:
        if self.stop.is_set():
            raise Interrupted
        self.emit(Event("progress", stage=self.trial.status, done=done, total=total, text=text))

    def _report_progress(self, now: Progress) -> None:
        shown = {key: value for key, value in now.line.items() if key in SHOWN_VALUES}
        values = shown | {
            "step": now.step,
            "seconds_left": now.seconds_left,
            f"{self.job.run.things}_per_second": now.images_per_second,
        }
        self.emit(Event("progress", stage="training", done=now.done, total=now.total, text=now.unit, values=values))

    def _warn(self, line: Line) -> tuple[str, ...]:
        """Say once, and have written into the history, what this line shows first; a resumed trial says it again."""
        if self._watch is None:
            self._watch = TrainingWatch(read_history(self.job.folder / HISTORY_FILE))
            self._note(self._watch.present)
        new = self._watch.add(line)
        self._note(new)
        return new

    def _note(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._told.add(_sign(warning))
            self.emit(Event("note", text=warning))

    def _update(self, **changes: Any) -> None:
        self.trial = self.trial.model_copy(update=changes)
        write_record(self.job.folder / TRIAL_FILE, self.trial)

    def _add_cost(self, **changes: float) -> None:
        self._update(cost=self.trial.cost.model_copy(update=changes))

    def _provenance(self) -> dict[str, Any]:
        run = self.job.run
        return {
            "configuration_sha256": run.configuration_sha256,
            "dataset": {"name": self.job.benchmark.data.dataset, "sha256": run.configuration["dataset_sha256"]},
            "plugin": next((p.model_dump() for p in run.plugins if p.name == self.job.plugin), None),
            "ganbench_version": ganbench.__version__,
            "ganbench_source_sha256": source_sha256(ganbench),
            "torch_version": torch.__version__,
        }


def _sign(warning: str) -> str:
    """What a warning is about: the words that it begins with (`ganbench.report.signs`)."""
    return warning.partition(":")[0]


def _peak_memory_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return 0.0
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def _stop_with_parent(process: TrialProcess) -> None:
    """Standard input ends when the parent does: then save and go, so that no trial is left running alone.

    Only training has something to save; what the other stages write is written whole or not at all.
    """
    sys.stdin.buffer.read()
    process.stop.set()
    if process.trial.status != "training":
        os._exit(1)


def main(arguments: list[str]) -> int:
    """Run the trial named on the command line. Returns the exit code."""
    run_folder, plugin, seed = Path(arguments[0]), arguments[1], int(arguments[2])
    emit = EventWriter()
    folder = trial_folder(run_folder, plugin, seed)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=LOCK_PATIENCE_SECONDS):
            job = TrialJob.read(run_folder, plugin, seed)
            torch.set_num_threads(job.run.environment["num_threads"])
            process = TrialProcess(job, emit)

            def on_signal(number: int, frame: FrameType | None) -> None:
                process.stop.set()

            signal.signal(signal.SIGTERM, on_signal)
            threading.Thread(target=_stop_with_parent, args=(process,), daemon=True).start()
            return process.run()
    except Timeout:
        emit(Event("failed", text=f"another process still works in {folder}; wait for it or end it."))
    except Exception as error:
        traceback.print_exc()
        emit(Event("failed", text=str(error)))
    return 1


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # no waiting for threads of libraries
