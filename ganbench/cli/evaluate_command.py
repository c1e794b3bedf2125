"""`ganbench evaluate`: measure images from any source against real ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ganbench.errors import UsageError
from ganbench.results.schema import MetricsFile
from ganbench.results.store import write_record
from ganbench.run.evaluation import evaluate

SECONDS_BETWEEN_LINES = 20.0  # of progress, where the output is no terminal
Report = Callable[[str, int, int], None]


def evaluate_and_show(samples: str, reference: str, json_file: Path | None, **settings: Any) -> int:
    """Measure, print the table and write the JSON if asked; `settings` are those of `ganbench.evaluate`.

    Returns the exit code: 1 where no metric could be computed.
    """
    console = Console()
    _check_json_path(json_file)

    def tell(text: str) -> None:
        console.print(text, style="yellow" if text.startswith("note:") else "", markup=False, highlight=False)

    with _progress(console) as report:
        metrics = evaluate(samples, reference, tell=tell, progress=report, **settings)
    if metrics.metrics:
        console.print(metrics_table(metrics))
    for name, record in metrics.metrics.items():
        if "note" in record.details:
            tell(f"note: {name}: {record.details['note']}")
    _say_what_is_missing(console, metrics.unavailable)
    if json_file is not None:
        write_record(json_file, metrics)
        console.print(f"JSON: {json_file}", highlight=False, soft_wrap=True)
    return 0 if metrics.metrics else 1


@contextmanager
def _progress(console: Console) -> Iterator[Report]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("reading images", total=None)
        yield lambda text, done, total: progress.update(bar, description=text, completed=done, total=total)


def _lines(console: Console) -> Report:
    last = time.monotonic()

    def report(text: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            console.print(f"{text}: {done} of {total}", markup=False, highlight=False)

    return report


def _check_json_path(path: Path | None) -> None:
    """Find out before hours of work that the numbers could not be written."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"--json {path}: is a folder; name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"--json {path}: there is no folder {path.parent}; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {path}: {path.parent} cannot be written to; choose another place.")


def metrics_table(metrics: MetricsFile) -> Table:
    """Every number with its interval and both n; how an interval was made, and the seconds, stand in the JSON."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", min_width=len("efficientnet-lite0"))
    for column in ("", "value", "95 % interval", "n", "n real"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in metrics.metrics.values():
        interval = "–" if record.ci95 is None else f"{record.ci95[0]:.4g} – {record.ci95[1]:.4g}"
        arrow = {True: "↑", False: "↓", None: ""}[record.higher_is_better]
        table.add_row(
            escape(record.label), arrow, f"{record.value:.5g}", interval, str(record.num_samples),
            str(record.num_reference or "–"),
        )  # fmt: skip
    return table


def _say_what_is_missing(console: Console, unavailable: Mapping[str, str]) -> None:
    """Each reason once, with the metrics that it keeps from being computed."""
    metrics: dict[str, list[str]] = {}
    for name, why in unavailable.items():
        metrics.setdefault(why, []).append(name)
    for why, names in metrics.items():
        console.print(f"not computed: {', '.join(names)}: {why}", markup=False, highlight=False)
