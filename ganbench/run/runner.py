"""Carrying a plan out: one run folder, its trials, the board and the report. Run again, it goes on where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganbench.errors import UsageError
from ganbench.report import write_report
from ganbench.results.board import BOARD_FILE, BOARD_TABLE, write_board
from ganbench.results.schema import Board, Role, Run, Trial, TrialError
from ganbench.results.store import RUN_FILE, TRIAL_FILE, read_record, read_run, trial_folder, write_record
from ganbench.run.events import Event
from ganbench.run.executor import TrialTask
from ganbench.run.plan import RunPlan, RunRequest
from ganbench.types import REFERENCE_ROW

LOG_FILE, LOCK_FILE = "log.txt", ".lock"
TRIAL_PATIENCE_SECONDS = 120.0
MAX_DIFFERENCES = 12
RUN_ITEMS = {RUN_FILE, BOARD_FILE, BOARD_TABLE, LOCK_FILE, "trials", "report"}


@dataclass(frozen=True)
class RunOutcome:
    """What a run ended with."""

    folder: Path
    board: Board
    report: Path
    num_trials: int
    num_failed: int


@dataclass(frozen=True)
class PlannedTrial:
    """A trial and whether it is already done."""

    task: TrialTask
    done: bool


def execute(
    plan: RunPlan,
    request: RunRequest,
    on_start: Callable[[Path, list[PlannedTrial]], None],
    on_event: Callable[[TrialTask, Event], None],
) -> RunOutcome:
    """Run what is not done yet, then write the board and the report. Raises UsageError if the folder is another run's.

    On KeyboardInterrupt the trials have saved their checkpoints and the board shows what there is; the same command
    goes on from there.
    """
    folder = (request.out or plan.default_folder).resolve()
    with locked(folder):
        _wait_for_trials(folder)
        _settle(folder, plan.run, request.fresh)
        trials = [PlannedTrial(task, _is_done(task)) for task in _tasks(folder, plan)]
        on_start(folder, trials)
        try:
            _run_trials(plan, request, trials, on_event)
        finally:
            board = write_board(read_run(folder))
            report = write_report([folder], sections=list(plan.registry.report_sections.values()))
    failed = sum(1 for planned in trials if not _is_done(planned.task))
    return RunOutcome(folder, board, report, len(trials), failed)


def locked(folder: Path) -> FileLock:
    """The held lock of a folder, made if missing. Raises UsageError where another process holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: no folder can be made there ({error.strerror}); choose another.") from error
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        return lock.acquire().lock
    except Timeout:
        raise UsageError(f"{folder}: another ganbench works in this folder; wait for it, or choose --out.") from None


def _settle(folder: Path, planned: Run, fresh: bool) -> None:
    """Make sure that `folder` holds `planned`: written now, or there already in the same configuration."""
    path = folder / RUN_FILE
    if fresh and path.exists():
        _refuse_strangers(folder, RUN_ITEMS)
        _delete_run(folder)
    if not path.exists():
        _refuse_strangers(folder, {LOCK_FILE})
        write_record(path, planned)
        return
    stored = read_record(path, Run)
    if stored.configuration_sha256 == planned.configuration_sha256:
        return
    differences = describe_differences(_common(stored, planned), _common(planned, stored))
    left_out = len(differences) - MAX_DIFFERENCES
    shown = [*differences[:MAX_DIFFERENCES], *([f"and {left_out} more"] if left_out > 0 else [])]
    raise UsageError(
        f"{folder} holds a run of another configuration:\n  " + "\n  ".join(shown) + "\n"
        "Choose another --out, ask for the same configuration, or pass --fresh to delete that run and start over."
    )


def _common(run: Run, other: Run) -> dict[str, Any]:
    """The run's configuration without what only its own models have: that those differ is one difference, told once."""
    configuration = dict(run.configuration)
    for key in ("variants", "options", "host_options", "plugins"):
        models = configuration.get(key, {})
        configuration[key] = {name: value for name, value in models.items() if name in other.configuration.get(key, {})}
    return configuration


def _refuse_strangers(folder: Path, own: set[str]) -> None:
    """Nothing is written into, or deleted from, a folder that holds something that no run wrote."""
    leftovers = tuple(f".{name}." for name in RUN_ITEMS)  # a file half written when a run was killed
    names = sorted(item.name for item in folder.iterdir())
    strangers = [name for name in names if name not in own and not name.startswith(leftovers)]
    if strangers:
        raise UsageError(
            f"{folder}: holds {strangers[0]}, which is not of a run; choose another --out or move it away."
        )


def _delete_run(folder: Path) -> None:
    """Delete what a run wrote, run.json last: a kill in between leaves a folder that is still known as a run."""
    for name in ("trials", "report"):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
    for name in (BOARD_FILE, BOARD_TABLE, RUN_FILE):
        (folder / name).unlink(missing_ok=True)


def _wait_for_trials(folder: Path) -> None:
    """A trial whose parent was killed saves its checkpoint and ends; nothing is deleted or started before that."""
    for lock in folder.glob(f"trials/*/seed-*/{LOCK_FILE}"):
        try:
            with FileLock(lock, timeout=TRIAL_PATIENCE_SECONDS):
                pass
        except Timeout:
            raise UsageError(
                f"{lock.parent}: a trial of an earlier run still works here; wait for it or end it."
            ) from None


def describe_differences(stored: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One line for each value that differs, such as `benchmark.training.budget: 60kimg there, 5kimg asked for`."""
    lines = []
    for key in sorted({*stored, *asked}):
        there, now = stored.get(key, "nothing"), asked.get(key, "nothing")
        if isinstance(there, Mapping) and isinstance(now, Mapping):
            lines += describe_differences(there, now, f"{prefix}{key}.")
        elif there != now:
            lines.append(f"{prefix}{key}: {there} there, {now} asked for")
    return lines


def _tasks(folder: Path, plan: RunPlan) -> Iterable[TrialTask]:
    """The held-out real images first, since they fill the caches that the others share; then seed by seed."""
    pairs = [(REFERENCE_ROW, 0), *((plugin, seed) for seed in range(plan.benchmark.seeds) for plugin in plan.plugins)]
    for plugin, seed in pairs:
        yield TrialTask(folder, plugin, seed, trial_folder(folder, plugin, seed) / LOG_FILE)


def _is_done(task: TrialTask) -> bool:
    path = trial_folder(task.run_folder, task.plugin, task.seed) / TRIAL_FILE
    return path.exists() and read_record(path, Trial).status == "done"


def _run_trials(
    plan: RunPlan, request: RunRequest, trials: list[PlannedTrial], on_event: Callable[[TrialTask, Event], None]
) -> None:
    executor = plan.registry.executors[request.executor]
    waiting = [planned.task for planned in trials if not planned.done]

    def listen(task: TrialTask, event: Event) -> None:
        if event.kind == "failed":
            _record_failure(task, event, _role(plan, task.plugin))
        on_event(task, event)

    first = [task for task in waiting if task.plugin == REFERENCE_ROW]
    executor.run(first, 1, listen)
    executor.run([task for task in waiting if task not in first], request.jobs, listen)


def _role(plan: RunPlan, plugin: str) -> Role:
    if plugin == REFERENCE_ROW:
        return "reference"
    return "control" if plan.registry.variant(plan.run.configuration["variants"][plugin]).info.control else "model"


def _record_failure(task: TrialTask, event: Event, role: Role) -> None:
    """Make trial.json say "failed" also when the process died too suddenly to say so itself."""
    path = trial_folder(task.run_folder, task.plugin, task.seed) / TRIAL_FILE
    trial = (
        read_record(path, Trial)
        if path.exists()
        else Trial(plugin=task.plugin, seed=task.seed, role=role, status="pending")
    )
    if trial.status != "failed":
        error = TrialError(stage=event.stage or trial.status, type="ProcessEnded", message=event.text)
        write_record(path, trial.model_copy(update={"status": "failed", "error": error}))
