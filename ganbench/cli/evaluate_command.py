"""`ganbench evaluate`: measure images from any source against real ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
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


def evaluate_and_show(samples: str, reference: str, json_file: Path | None, **settings: Any) -> None:
    """Measure, print the table and write the JSON if asked; `settings` are those of `ganbench.evaluate`."""
    console = Console()
    _check_json_path(json_file)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("reading images", total=None)

        def tell(text: str) -> None:
            style = "yellow" if text.startswith("note:") else ""
            progress.console.print(text, style=style, markup=False, highlight=False)

        metrics = evaluate(
            samples, reference, tell=tell,
            progress=lambda text, done, total: progress.update(bar, description=text, completed=done, total=total),
            **settings,
        )  # fmt: skip
    console.print(metrics_table(metrics))
    _say_what_is_missing(console, metrics.unavailable)
    if json_file is not None:
        write_record(json_file, metrics)
        console.print(f"JSON: {json_file}", highlight=False, soft_wrap=True)


def _check_json_path(path: Path | None) -> None:
    """Find out before hours of work that the numbers could not be written."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"--json {path}: is a folder; name a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {path}: {path.parent} cannot be written to; choose another place.")


def metrics_table(metrics: MetricsFile) -> Table:
    """Every number with its interval, both n and seconds; how an interval was made stands in the JSON."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", min_width=len("efficientnet-lite0 ↓"))
    for column in ("value", "95 % interval", "n", "n real", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in metrics.metrics.values():
        interval = "–" if record.ci95 is None else f"{record.ci95[0]:.4g} – {record.ci95[1]:.4g}"
        arrow = {True: " ↑", False: " ↓", None: ""}[record.higher_is_better]
        table.add_row(
            escape(record.label) + arrow, f"{record.value:.5g}", interval, str(record.num_samples),
            str(record.num_reference or "–"), f"{record.seconds:.1f}",
        )  # fmt: skip
    return table


def _say_what_is_missing(console: Console, unavailable: Mapping[str, str]) -> None:
    """Each reason once, with the metrics that it keeps from being computed."""
    metrics: dict[str, list[str]] = {}
    for name, why in unavailable.items():
        metrics.setdefault(why, []).append(name)
    for why, names in metrics.items():
        console.print(f"not computed: {', '.join(names)}: {why}", markup=False, highlight=False)
