"""Recomputing the numbers of a run from its stored samples, with the settings that it recorded.

What is checked, for every finished trial and the row of real images: that its files are there and name the same hashes,
that samples.npz holds the samples that trial.json names, that the data are those of the run, and that each number of
metrics.json comes out again: its value, interval, counts, extractor, protocol and the numbers in its details. For a
whole run also that every planned trial is there, and that the board, both files of it, follows from the trials' files.

Features are extracted anew, into a cache that lasts as long as the verification: numbers that come from yesterday's
features would verify little. Whether a sample came from the model is not checked, since that would need its training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch

from ganbench.config import DataSection
from ganbench.errors import UsageError
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.registry import Registry, load_registry
from ganbench.results.recomputed import TOLERANCE
from ganbench.results.schema import Run
from ganbench.results.store import RUN_FILE, read_record
from ganbench.run.job import TrialJob, load_data
from ganbench.run.plan import resolve_device
from ganbench.run.verify_run import board_problems, check_configuration, run_problems
from ganbench.run.verify_trial import Progress, TrialExamination, VerifiedTrial, short_hash
from ganbench.types import REFERENCE_ROW, AnyDataset


@dataclass(frozen=True)
class Verification:
    """What came out for a run, or for one trial of it; `problems` are those of no single trial."""

    folder: Path
    device: str
    cached: bool
    tolerance: float
    trials: tuple[VerifiedTrial, ...]
    problems: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs and nothing is missing."""
        return not self.problems and all(trial.agrees for trial in self.trials)


@dataclass(frozen=True)
class _StoredTrial(TrialJob):
    """A trial whose data were loaded, and compared with the run's, before."""

    data: AnyDataset

    @cached_property
    def dataset(self) -> AnyDataset:
        return self.data


def verify(
    path: Path,
    device: str = "auto",
    cached: bool = False,
    tolerance: float = TOLERANCE,
    progress: Progress = lambda stage, done, total: None,
) -> Verification:
    """Recompute the numbers of a run, or of one trial.

    Args:
        path: A run's folder, or RUN/trials/PLUGIN/seed-K.
        device: Where networks run; "auto" is the device of the run where it can be used here, else the CPU.
        cached: Take features from the user's cache where they are there.
        tolerance: Relative difference up to which numbers count as equal.
        progress: Called with (stage, done, total).

    Raises:
        UsageError: `path` holds no run, or run.json is malformed, or its data or metrics cannot be had here.
        WeightsError: The weights of the run's extractor are missing.
    """
    folder, only = _locate(path)
    run = read_record(folder / RUN_FILE, Run)
    check_configuration(run)
    chosen = _device(device, run)
    problems = run_problems(run)
    registry = load_registry(
        tuple(file for file in map(Path, run.environment.get("plugin_files", ())) if file.is_file())
    )
    dataset, problem = _dataset(run, registry)
    places = [only] if only is not None else _places(folder, run)
    if problem:
        return Verification(folder, chosen, cached, tolerance, (), (*problems, problem))
    trials = []
    with _cache(cached) as cache, _threads(run):
        for plugin, seed in places:
            job = _StoredTrial(folder, plugin, seed, _on_device(run, chosen), registry, dataset)
            tell = partial(_tell, progress, f"{plugin}, seed {seed}: ")
            trials.append(TrialExamination(job, cache, tolerance, tell).run())
    board = board_problems(folder, tolerance) if only is None else []
    return Verification(folder, chosen, cached, tolerance, tuple(trials), (*problems, *board))


def _locate(path: Path) -> tuple[Path, tuple[str, int] | None]:
    """The run's folder, and the trial in it that was named, if one was."""
    folder = path.parent if path.name == RUN_FILE else path
    if (folder / RUN_FILE).is_file():
        return folder, None
    trial = folder.resolve()
    seed = trial.name.removeprefix("seed-")
    run_folder = trial.parent.parent.parent
    if trial.parent.parent.name == "trials" and seed.isdigit() and (run_folder / RUN_FILE).is_file() and trial.is_dir():
        return run_folder, (trial.parent.name, int(seed))
    raise UsageError(
        f"{path}: no run here; expected a folder with {RUN_FILE}, as `ganbench run` writes it, or one of its trials: "
        "RUN/trials/PLUGIN/seed-K."
    )


def _places(folder: Path, run: Run) -> list[tuple[str, int]]:
    """Every trial that was planned or is there: the reference first, then in the order of the plan."""
    seeds = range(int(run.configuration.get("seeds", 1)))
    planned = [(REFERENCE_ROW, 0), *((plugin, seed) for seed in seeds for plugin in run.configuration["plugins"])]
    found = [
        (path.parent.name, int(path.name.removeprefix("seed-")))
        for path in sorted(folder.glob("trials/*/seed-*"))
        if path.name.removeprefix("seed-").isdigit()
    ]
    return list(dict.fromkeys((*planned, *found)))


def _dataset(run: Run, registry: Registry) -> tuple[AnyDataset, str]:
    """The run's data, and what is wrong with them."""
    data = DataSection.model_validate(run.configuration["benchmark"]["data"])
    dataset = load_data(data, registry)
    recorded = run.configuration["dataset_sha256"]
    if dataset.sha256 == recorded:
        return dataset, ""
    return dataset, (
        f"the data are different: '{data.dataset}' has hash {short_hash(dataset.sha256)} here, and "
        f"{short_hash(recorded)} in {RUN_FILE}. Numbers can be recomputed on the same data only"
    )


def _device(asked: str, run: Run) -> str:
    if asked != "auto":
        return resolve_device(asked)
    try:
        return resolve_device(str(run.configuration["device"]))
    except UsageError:
        return "cpu"


def _on_device(run: Run, device: str) -> Run:
    return run.model_copy(update={"configuration": run.configuration | {"device": device}})


@contextmanager
def _cache(cached: bool) -> Iterator[FeatureCache]:
    """The user's cache, or one beside it that is deleted in the end."""
    root = default_cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with nullcontext(str(root)) if cached else tempfile.TemporaryDirectory(dir=root, prefix="verify-") as place:
        yield FeatureCache(Path(place))


@contextmanager
def _threads(run: Run) -> Iterator[None]:
    """As many threads as the trials had: sums in another order would differ in their last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(int(run.environment.get("num_threads", before)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tell(progress: Progress, trial: str, text: str, done: int, total: int) -> None:
    progress(trial + text, done, total)
