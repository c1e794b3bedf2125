"""Running trials: each is a process of its own, so a crash is one failed row and never the end of the run."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganbench.hookspecs import hookimpl
from ganbench.run.events import Event
from ganbench.types import ExecutorInfo


@dataclass(frozen=True)
class TrialTask:
    """One trial to run: `python -m ganbench.run.trial` on `run_folder`, with its log in `log_path`."""

    run_folder: Path
    plugin: str
    seed: int
    log_path: Path

    @property
    def command(self) -> list[str]:
        """The command line of the trial's process."""
        # -P: the folder that the user stands in must not shadow installed packages.
        return [sys.executable, "-P", "-m", "ganbench.run.trial", str(self.run_folder), self.plugin, str(self.seed)]


OnEvent = Callable[[TrialTask, Event], None]


def run_locally(tasks: Sequence[TrialTask], jobs: int, on_event: OnEvent) -> None:
    """Run `tasks`, at most `jobs` at a time, on this machine.

    Events are handed to `on_event` on the calling thread. A process that ends without saying how is reported as
    failed. On KeyboardInterrupt every process is asked to save its checkpoint, waited for, and the interrupt goes on.
    """
    waiting = list(tasks)
    running: dict[TrialTask, subprocess.Popen[str]] = {}
    events: queue.Queue[tuple[TrialTask, Event | None]] = queue.Queue()
    ended: set[TrialTask] = set()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop(0)
                running[task] = _start(task, events)
            task, event = events.get()
            if event is not None:
                if event.kind in ("done", "failed", "interrupted"):
                    ended.add(task)
                on_event(task, event)
                continue
            code = running.pop(task).wait()
            if task not in ended:
                on_event(task, Event("failed", text=_explain_exit(code, task)))
    except KeyboardInterrupt:
        try:
            for task in running:
                on_event(task, Event("note", text="stopping; what is being done is ended or saved first"))
        finally:
            _stop(running.values())
        raise


def _start(task: TrialTask, events: queue.Queue[tuple[TrialTask, Event | None]]) -> subprocess.Popen[str]:
    task.log_path.parent.mkdir(parents=True, exist_ok=True)
    with task.log_path.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            task.command,
            stdin=subprocess.PIPE,  # kept open: its end tells the trial that we are gone
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C reaches the trial through us, once
        )
    threading.Thread(target=_forward, args=(task, process, events), daemon=True).start()
    return process


def _forward(
    task: TrialTask, process: subprocess.Popen[str], events: queue.Queue[tuple[TrialTask, Event | None]]
) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = Event.from_line(line)
        if event is not None:
            events.put((task, event))
    events.put((task, None))


def _stop(processes: Iterable[subprocess.Popen[str]], patience_seconds: float = 60.0) -> None:
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        process.send_signal(signal.SIGTERM)
    for process in alive:
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def _explain_exit(code: int, task: TrialTask) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (the system may have run out of memory)" if name == "SIGKILL" else ""
        return f"the trial's process was killed by {name}{hint}; see {task.log_path}"
    return f"the trial's process ended with code {code} without a result; see {task.log_path}"


def default_num_threads(jobs: int) -> int:
    """CPU threads for each of `jobs` trials that run at the same time."""
    return max(
        1, len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)) // jobs
    )


@hookimpl
def ganbench_executors() -> Sequence[ExecutorInfo]:
    """The executor that every installation has."""
    return [ExecutorInfo(name="local", title="Processes on this machine", run=run_locally)]
