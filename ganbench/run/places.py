"""How a place in training is called in a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def place(line: Mapping[str, Any]) -> str:
    """`epoch 2.2 (step 90)`, of a line of the history."""
    epoch = line["epoch"]
    rounded = f"{epoch:,.0f}" if epoch >= 10 or epoch == int(epoch) else f"{epoch:.2g}"
    return f"epoch {rounded} (step {line['step']:,})"
