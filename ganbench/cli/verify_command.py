"""`ganbench verify`: recompute a run's numbers and show each beside the stored one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ganbench.errors import UsageError
from ganbench.results.recomputed import Comparison, Part
from ganbench.results.store import write_json
from ganbench.run.verify import Verification, verify
from ganbench.run.verify_trial import VerifiedTrial

EXIT_AGREES, EXIT_DIFFERS = 0, 1
MAX_PARTS = 6  # of one number that are shown; the JSON has all
STYLES = {"exact": "", "within tolerance": "yellow", "differs": "red"}


def verify_and_show(path: Path, device: str, cached: bool, tolerance: float, json_file: Path | None) -> int:
    """Verify with progress, print a table a trial and what is wrong. Returns the exit code."""
    if not 0 <= tolerance < 1:
        raise UsageError(f"--tolerance {tolerance}: expected a relative difference from 0 to below 1, such as 1e-6.")
    if json_file is not None and json_file.is_dir():
        raise UsageError(f"--json {json_file}: is a folder; name a file.")
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("reading the run", total=None)
        verification = verify(
            path, device, cached, tolerance,
            lambda text, done, total: progress.update(bar, description=text, completed=done, total=total),
        )  # fmt: skip
    for trial in verification.trials:
        _show_trial(console, trial)
    for problem in verification.problems:
        console.print(problem, style="red", markup=False, highlight=False)
    console.print(_summary(verification), markup=False, highlight=False)
    if json_file is not None:
        write_json(json_file, verification_json(verification))
        console.print(f"JSON: {json_file}", highlight=False, soft_wrap=True)
    return EXIT_AGREES if verification.agrees else EXIT_DIFFERS


def verification_json(verification: Verification) -> dict[str, Any]:
    """The content of `--json FILE`; `parts` are what else of a record is not exactly equal."""
    return {
        "schema_version": 1,
        "run": str(verification.folder),
        "agrees": verification.agrees,
        "device": verification.device,
        "cached": verification.cached,
        "tolerance": verification.tolerance,
        "problems": list(verification.problems),
        "trials": [_trial_json(trial) for trial in verification.trials],
    }


def _trial_json(trial: VerifiedTrial) -> dict[str, Any]:
    return {
        "plugin": trial.plugin,
        "seed": trial.seed,
        "agrees": trial.agrees,
        "skipped": trial.skipped,
        "problems": list(trial.problems),
        "metrics": {item.metric: _comparison_json(item) for item in trial.comparisons},
    }


def _comparison_json(item: Comparison) -> dict[str, Any]:
    parts = [vars(part) for part in item.parts]
    return {key: value for key, value in vars(item).items() if key != "metric"} | {
        "difference": item.difference,
        "parts": parts,
    }


def _show_trial(console: Console, trial: VerifiedTrial) -> None:
    name = f"{trial.plugin}, seed {trial.seed}"
    if trial.skipped:
        console.print(f"{name}: {trial.skipped}", style="yellow", markup=False, highlight=False)
        return
    if trial.comparisons:
        table = Table(title=escape(name), title_justify="left")
        table.add_column("metric", overflow="fold")
        for column in ("stored", "recomputed", "difference"):
            table.add_column(column, justify="right")
        table.add_column("")
        for item in trial.comparisons:
            _add_rows(table, item)
        console.print(table)
    for problem in trial.problems:
        console.print(f"{name}: {problem}", style="red", markup=False, highlight=False)


def _add_rows(table: Table, item: Comparison) -> None:
    difference = "0" if item.difference == 0 else f"{item.difference:.2g}"
    table.add_row(
        escape(item.metric), f"{item.stored:.8g}", f"{item.recomputed:.8g}", difference, item.agreement,
        style=STYLES[item.agreement],
    )  # fmt: skip
    shown = [part for part in item.parts if part.agreement == "differs"]
    for part in shown[:MAX_PARTS]:
        name = escape(f"  {item.metric}: {part.place}")
        table.add_row(name, _words(part.stored), _words(part.recomputed), _gap(part), part.agreement, style="red")
    if len(shown) > MAX_PARTS:
        table.add_row(f"  and {len(shown) - MAX_PARTS} more", "", "", "", "differs", style="red")


def _words(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.8g}" if isinstance(value, float) else escape(str(value)[:24])


def _gap(part: Part) -> str:
    numbers = [value for value in (part.stored, part.recomputed) if isinstance(value, int | float)]
    return f"{numbers[1] - numbers[0]:.2g}" if len(numbers) == 2 else ""


def _summary(verification: Verification) -> str:
    items = [item for trial in verification.trials for item in trial.comparisons]
    verified = sum(1 for trial in verification.trials if trial.comparisons)
    counts = [
        f"{sum(1 for item in items if item.agreement == agreement)} {words}"
        for agreement, words in (
            ("exact", "exactly"),
            (
                "within tolerance",
                f"within {verification.tolerance:g}, since last digits depend on processor and threads",
            ),
        )
        if any(item.agreement == agreement for item in items)
    ]
    num_equal = sum(1 for item in items if item.agreement != "differs")
    told = f"{num_equal} of {len(items)} numbers of {verified} trials agree" + (
        f" ({', '.join(counts)})" * bool(counts)
    )
    num_problems = len(verification.problems) + sum(len(trial.problems) for trial in verification.trials)
    if num_problems:
        told += f"; {num_problems} problem{'s' * (num_problems > 1)} told above"
    return f"{told}: {'verified' if verification.agrees else 'NOT verified'}."
