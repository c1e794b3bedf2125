"""Timing side by side: callables take turns, so that a drift of the machine's speed hits all of them.

    timings = interleave({"peer": run_peer, "ours": run_ours}, num_rounds=5)
    print(timings["ours"].speedup(timings["peer"]))

Each round calls every entry once, and the order turns by one place from round to round. A ratio is taken round by
round and then summarised, since two neighbours in time share the machine's state; medians of far-apart times do not.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum of the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 2 if self.median < 100 else 0
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class Timing:
    """Seconds of one callable, one number a round, and what its last call returned."""

    seconds: Sequence[float]
    result: Any = None

    @property
    def spread(self) -> Spread:
        """Seconds of a call."""
        return spread(self.seconds)

    def rate(self, count: int) -> Spread:
        """`count` things a second."""
        return spread([count / seconds for seconds in self.seconds])

    def speedup(self, peer: Timing) -> Spread:
        """How many times as fast as `peer`, round by round."""
        return spread([theirs / ours for ours, theirs in zip(self.seconds, peer.seconds, strict=True)])


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum."""
    return Spread(statistics.median(values), min(values), max(values))


def interleave(callables: Mapping[str, Callable[[], Any]], num_rounds: int, warm_up: bool = True) -> dict[str, Timing]:
    """Time all callables in turn, `num_rounds` times each, after one untimed call each (`warm_up`).

    Work on a GPU must end inside the callable: let it return values on the CPU, or synchronise.
    """
    names = list(callables)
    results = {name: callables[name]() for name in names} if warm_up else {}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(num_rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            results[name] = callables[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(seconds[name], results[name]) for name in names}


def describe_machine(packages: Sequence[str] = ()) -> str:
    """One line for the head of a table: processor, threads, Python, PyTorch and the versions of `packages`."""
    import torch  # noqa: PLC0415  # the helper serves scripts that need no torch, too

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else _processor()
    parts = [f"{device}, {torch.get_num_threads()} of {os.cpu_count()} threads", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *(f"{name} {_version(name)}" for name in ("torch", *packages))])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as markdown; all columns but the first are aligned to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
