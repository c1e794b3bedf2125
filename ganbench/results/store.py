"""Reading and writing the files of a run. Files are written beside and moved into place, so none is ever half there."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ganbench.config import explain_validation
from ganbench.errors import GanbenchError, UsageError
from ganbench.results.schema import SCHEMA_VERSION, MetricsFile, Record, Run, Trial

RUN_FILE = "run.json"
TRIAL_FILE = "trial.json"
METRICS_FILE = "metrics.json"
HISTORY_FILE = "history.jsonl"
SAMPLES_FILE = "samples.npz"
NEIGHBOURS_FILE = "neighbours.npz"
SNAPSHOT_FOLDER = "snapshots"
INTERPOLATION_FILE = "interpolation.png"  # in the snapshot folder
CLASSES_FILE = "classes.jsonl"  # shares of the classes while training
BEST_FILE = "best.npz"
BY_CLASS_FILE, BY_CLASS_TABLE = "by_class.npz", "by_class.json"
BINS_FILE, BIRTHDAY_FILE, COPIES_FILE = "ndb_bins.npz", "birthday.npz", "copies.npz"  # images behind these metrics
ARITHMETIC_FILE, ARITHMETIC_TABLE = "arithmetic.npz", "arithmetic.json"

AnyRecord = TypeVar("AnyRecord", bound=Record)


@dataclass(frozen=True)
class TrialResults:
    """All that one trial left behind; `metrics` is None until it was evaluated, `history` empty until it trained."""

    folder: Path
    trial: Trial
    metrics: MetricsFile | None = None
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class RunResults:
    """A run as read from its folder; trials in order of plugin, then seed."""

    path: Path
    run: Run
    trials: list[TrialResults]


def trial_folder(run_folder: Path, plugin: str, seed: int) -> Path:
    """Where the files of one trial lie."""
    return run_folder / "trials" / plugin / f"seed-{seed}"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part; the folder is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o644)  # mkstemp gives 0600, which a shared results folder could not use
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value; numbers that are not finite become null, since JSON has no word for them."""
    write_bytes(path, (json.dumps(_finite(value), indent=1, ensure_ascii=False) + "\n").encode())


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, for `read_history`; values that are not finite become null."""
    text = "".join(json.dumps(_finite(line), ensure_ascii=False) + "\n" for line in lines)
    write_bytes(path, text.encode())


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as a compressed .npz without pickles."""
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def write_record(path: Path, record: Record) -> None:
    """Write a record. Raises GanbenchError where a number that must be finite is not: the file could not be read."""
    content = _finite(record.model_dump(mode="json"))
    try:
        type(record).model_validate(content)
    except ValidationError as error:
        raise GanbenchError(
            f"{path}: not written, since it would be unreadable: {explain_validation(error)}"
        ) from error
    write_json(path, content)


def read_record(path: Path, kind: type[AnyRecord]) -> AnyRecord:
    """Read a record and check every field. Raises UsageError that names the file and what to do."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; expected the {path.name} that `ganbench run` writes.") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: not readable as JSON ({error}); restore it or run this benchmark anew.") from error
    version = content.get("schema_version", 1) if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UsageError(
            f"{path}: from a newer ganbench (schema {version}; this one reads up to {SCHEMA_VERSION}); upgrade it."
        )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path}: not a valid {path.name}: {explain_validation(error)}; restore it or run this benchmark anew."
        ) from error


def read_run(path: Path) -> RunResults:
    """Read a whole run folder. Raises UsageError if it is none or a file in it is malformed."""
    path = path.parent if path.name == RUN_FILE else path
    if not (path / RUN_FILE).is_file():
        raise UsageError(f"{path}: not a run folder (it holds no {RUN_FILE}); give the folder named by `ganbench run`.")
    run = read_record(path / RUN_FILE, Run)
    trials = [read_trial(file.parent) for file in path.glob(f"trials/*/seed-*/{TRIAL_FILE}")]
    return RunResults(path, run, sorted(trials, key=lambda item: (item.trial.plugin, item.trial.seed)))


def read_trial(folder: Path) -> TrialResults:
    """Read one trial's folder."""
    metrics = folder / METRICS_FILE
    return TrialResults(
        folder=folder,
        trial=read_record(folder / TRIAL_FILE, Trial),
        metrics=read_record(metrics, MetricsFile) if metrics.exists() else None,
        history=read_history(folder / HISTORY_FILE),
    )


def append_history(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line to a history; a last line torn by a kill is cut off first. Values not finite become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        file.write((json.dumps(_finite(dict(line)), ensure_ascii=False) + "\n").encode())


def read_history(path: Path) -> list[dict[str, Any]]:
    """All lines of a history, none if the file is missing; a torn last line is ignored.

    Raises:
        UsageError: a line before the last is not a JSON object.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is empty or torn
    history = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise UsageError(f"{path}, line {number}: not a JSON object; delete that line or run this trial anew.")
        history.append(value)
    return history


def keep_history_until(path: Path, step: int) -> None:
    """Drop the lines after `step` (and a torn one), which a resumed training will write again."""
    if path.exists():
        write_lines(path, [line for line in read_history(path) if line["step"] <= step])


def _finite(value: Any) -> Any:
    """The same JSON value with null in place of NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
