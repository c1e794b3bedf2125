"""Showing a run as it goes: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ganbench.run.events import Event
from ganbench.run.executor import TrialTask
from ganbench.run.runner import PlannedTrial

LINE_EVERY_SECONDS = 10.0
RATE = "_per_second"  # ends the name of a value: `images_per_second`, `points_per_second`


def describe(event: Event) -> str:
    """What a progress event says: `training 12.3/60 kimg · step 190 · 812 images/s · loss_d 1.20 · 0:58 left`."""
    if event.stage != "training":
        return f"{event.text} {event.done:g}/{event.total:g}".strip()
    parts = [f"{event.done:.3g}/{event.total:g} {event.text}"]
    values = dict(event.values)
    step, left = values.pop("step", None), values.pop("seconds_left", None)
    rates = {name: values.pop(name) for name in list(values) if name.endswith(RATE)}
    if step is not None and event.text != "steps":
        parts.append(f"step {step:.0f}")
    parts += [f"{rate:.0f} {name.removesuffix(RATE)}/s" for name, rate in rates.items() if rate is not None]
    parts += [f"{name} {value:.2f}" for name, value in values.items() if value is not None]
    if left is not None:
        parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
    return " · ".join(parts)


class Display:
    """Base of both displays: names trials and words what happened to them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.several_seeds = False
        self.num_trials = self.num_ended = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was found."""

    def on_start(self, folder: Path, trials: list[PlannedTrial]) -> None:
        """Called once before the first trial."""
        self.several_seeds = any(planned.task.seed > 0 for planned in trials)
        self.num_trials = len(trials)
        done = self.num_ended = sum(planned.done for planned in trials)
        self.console.print(f"Folder:   {folder}", highlight=False, soft_wrap=True)
        if done:
            self.console.print(f"{done} of {self.num_trials} trials are done already.", highlight=False)

    def on_event(self, task: TrialTask, event: Event) -> None:
        """Called for each event of each trial."""
        if event.kind == "note":
            text = escape(f"{self.name(task)} · {event.text}")
            self.console.print(f"      {text}", style="yellow", highlight=False, soft_wrap=True)
        elif event.kind in ("done", "failed", "interrupted"):
            self.num_ended += 1
            self.console.print(f"{self.count()} {self.name(task)}: {self.ending(task, event)}", highlight=False)

    def count(self) -> str:
        """`[3/6]`, safe for rich's markup."""
        return escape(f"[{self.num_ended}/{self.num_trials}]")

    def name(self, task: TrialTask) -> str:
        """The trial's name; the seed only where there are several."""
        return f"{task.plugin} seed {task.seed}" if self.several_seeds else task.plugin

    def ending(self, task: TrialTask, event: Event) -> str:
        """How a trial ended."""
        if event.kind == "failed":
            return f"[red]failed[/red]: {escape(event.text)}\n      log: {escape(str(task.log_path))}"
        return event.kind


class Bars(Display):
    """A live bar for each running trial."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[text]}"),
            console=console, transient=True,
        )  # fmt: skip
        self._bars: dict[TrialTask, TaskID] = {}
        self._progress.start()

    def stop(self) -> None:
        """Take the bars away."""
        self._progress.stop()

    def on_event(self, task: TrialTask, event: Event) -> None:
        """Move the trial's bar."""
        if task not in self._bars:
            self._bars[task] = self._progress.add_task(self.name(task), total=None, text="starting")
        bar = self._bars[task]
        if event.kind == "stage":
            self._progress.update(
                bar, description=f"{self.name(task)} · {event.stage}", total=None, completed=0, text=""
            )
        elif event.kind == "progress":
            self._progress.update(bar, completed=event.done, total=event.total, text=describe(event))
        elif event.kind != "note":
            self._progress.remove_task(self._bars.pop(task))
        super().on_event(task, event)


class Lines(Display):
    """A line per stage and every few seconds, for logs and CI."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last_line: dict[TrialTask, float] = {}

    def on_event(self, task: TrialTask, event: Event) -> None:
        """Print what is new enough."""
        now = time.monotonic()
        if event.kind == "stage":
            self._last_line[task] = now
            self._print(f"      {self.name(task)} · {event.stage}")
        elif event.kind == "progress" and now - self._last_line.get(task, 0.0) >= LINE_EVERY_SECONDS:
            self._last_line[task] = now
            self._print(f"      {self.name(task)} · {event.stage} · {describe(event)}")
        super().on_event(task, event)

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def make_display(console: Console) -> Display:
    """Bars on a terminal, lines elsewhere."""
    return Bars(console) if console.is_terminal else Lines(console)
