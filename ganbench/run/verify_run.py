"""What is checked of a run beside its trials: that run.json is whole and unchanged, and that the board follows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ganbench.config import Benchmark, explain_validation, sha256_of
from ganbench.errors import UsageError
from ganbench.results.board import BOARD_FILE, BOARD_TABLE, board_csv, build_board
from ganbench.results.recomputed import compare_boards
from ganbench.results.schema import Board, Run
from ganbench.results.store import RUN_FILE, read_record, read_run


class _Configuration(BaseModel):
    """What run.json must hold for its trials to be measured again; it may hold more."""

    model_config = ConfigDict(extra="ignore")

    benchmark: Benchmark
    seeds: int = 1
    device: str
    options: Mapping[str, Any]
    plugins: Mapping[str, str]
    dataset_sha256: str
    extractor: str
    metrics: list[str]


def check_configuration(run: Run) -> None:
    """Raises UsageError that names each field of run.json's configuration that is missing or malformed."""
    try:
        _Configuration.model_validate(run.configuration)
    except ValidationError as error:
        raise UsageError(
            f"{RUN_FILE}: its configuration is not one that `ganbench run` writes: {explain_validation(error)}"
        ) from error


def run_problems(run: Run) -> list[str]:
    """In what run.json contradicts itself."""
    problems = []
    if sha256_of(run.configuration) != run.configuration_sha256:
        problems.append(f"{RUN_FILE}: its configuration is not the one whose hash it names: it was changed")
    if run.protocol != run.configuration["benchmark"].get("protocol", run.protocol):
        problems.append(f"{RUN_FILE}: names protocol {run.protocol}, but its benchmark another one")
    return problems


def board_problems(folder: Path, tolerance: float) -> list[str]:
    """Whether leaderboard.json and leaderboard.csv are the board that follows from the trials' files."""
    try:
        board = build_board(read_run(folder))
        return [*_json_problems(folder / BOARD_FILE, board, tolerance), *_csv_problems(folder / BOARD_TABLE, board)]
    except UsageError as error:
        return [f"{BOARD_FILE} cannot be checked: {error}"]


def _json_problems(path: Path, board: Board, tolerance: float) -> list[str]:
    if not path.is_file():
        return [f"{path.name} is missing"]
    return [
        f"{path.name}: {part.place} is {part.stored}, but {part.recomputed} by the trials' files"
        for part in compare_boards(read_record(path, Board), board, tolerance)
    ]


def _csv_problems(path: Path, board: Board) -> list[str]:
    if not path.is_file():
        return [f"{path.name} is missing"]
    stored, again = path.read_text(encoding="utf-8", errors="replace").split("\n"), board_csv(board).split("\n")
    differing = [i for i in range(max(len(stored), len(again))) if stored[i : i + 1] != again[i : i + 1]]
    if not differing:
        return []
    return [f"{path.name}: line {differing[0] + 1} is not the one that follows from the trials' files"]
