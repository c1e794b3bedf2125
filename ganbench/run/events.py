"""What a trial's process tells its parent: one JSON object a line on its standard output.

Anything that a plugin prints goes to the trial's log instead, since the process keeps the real standard output for
events alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal

EventKind = Literal["stage", "progress", "note", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Event:
    """`kind` "progress" carries `done` of `total` in `stage`, and `values`: losses, seconds left, and what is shown a
    second, as `images_per_second` or `points_per_second`.
    """

    kind: EventKind
    stage: str = ""
    done: float = 0.0
    total: float = 0.0
    text: str = ""
    values: Mapping[str, float | None] = field(default_factory=dict)

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(self.__dict__) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Event | None:
        """The event in `line`, or None when the line is none."""
        try:
            data: dict[str, Any] = json.loads(line)
            return cls(**data)
        except (ValueError, TypeError):
            return None


class EventWriter:
    """Writes events to the process's standard output and sends everything else that is printed to standard error."""

    def __init__(self) -> None:
        self._stream: IO[str] = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def __call__(self, event: Event) -> None:
        """Write one event. When the parent is gone nothing is lost: the signal to stop is on its way."""
        with contextlib.suppress(OSError):
            self._stream.write(event.to_line())
