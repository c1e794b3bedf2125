"""`ganbench calibrate`: which metrics notice which planted fault, from which size on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from ganbench.errors import UsageError
from ganbench.report.calibration_page import gather
from ganbench.report.calibration_tables import shares, table
from ganbench.results.calibration import Calibration
from ganbench.results.sensitivity import responses
from ganbench.run.calibrate import Step, calibrate
from ganbench.run.calibration_plan import CalibrationRequest

SECONDS_BETWEEN_LINES = 20.0  # of progress, where the output is no terminal
STYLES = {"seen": "green", "wrong": "red", "describes": "blue"}


def calibrate_and_show(device: str, **settings: Any) -> int:
    """Measure what is not there yet, then print the tables. Returns the exit code."""
    console = Console()
    for name in ("num_samples", "num_seeds"):
        settings[name] = _numbers(settings[name], "--num-samples" if name == "num_samples" else "--seeds")
    request = CalibrationRequest(**settings)

    def tell(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with _steps(console) as on_step:
        page = calibrate(request, device=device, tell=tell, on_step=on_step)
    _show(console, gather(page.parent))
    console.print(f"Report:   {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _numbers(texts: Sequence[str], option: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(text) for text in texts)
    except ValueError as error:
        raise UsageError(f"{option} {','.join(texts)}: expected whole numbers, comma-separated.") from error
    if not numbers:
        raise UsageError(f"{option} is empty: expected whole numbers, comma-separated.")
    return numbers


def _show(console: Console, calibration: Calibration) -> None:
    """Seen from which size on, for each number of samples; then how often intervals held what was planted."""
    found = responses(calibration)
    for num_samples in calibration.plan.num_samples:
        shown = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, title=f"seen from, n = {num_samples:,}", title_justify="left"
        )
        shown.add_column("metric", overflow="fold")
        for fault in calibration.plan.faults:
            shown.add_column(fault.name, justify="right")
        for line in table(calibration, found, num_samples):
            cells = (
                f"[{STYLES[c.kind]}]{escape(c.text)}[/]" if c.kind in STYLES else escape(c.text) for c in line.cells
            )
            shown.add_row(escape(line.metric.id), *cells)
        console.print(shown)
    console.print(
        "–: blind.  !: better with the fault.  ↗ ↘: describes only.  ~: does not move one way.", highlight=False
    )
    for share in shares(calibration):
        item = share.item
        console.print(
            f"{item.metric}, {share.words}, n = {item.num_samples:,}: the interval held {item.truth:.4g} in "
            f"{share.share:.1%} of {item.num_repetitions} repetitions",
            highlight=False,
        )


@contextmanager
def _steps(console: Console) -> Iterator[Callable[[Step], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    last = -SECONDS_BETWEEN_LINES
    columns = TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[text]}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None, text="")

        def on_step(step: Step) -> None:
            nonlocal last
            left = "" if step.seconds_left is None else f" · {_duration(step.seconds_left)} left"
            text = f"{step.done:,}/{step.total:,}{left}"
            progress.update(bar, description=escape(step.text), completed=step.done, total=step.total, text=text)
            if not console.is_terminal and time.monotonic() - last >= SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                console.print(f"      {step.text} · {text}", markup=False, highlight=False, soft_wrap=True)

        yield on_step


def _duration(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}" if minutes >= 60 else f"{minutes}:{second:02d}"
