"""The 10 x 10 x 10 modes of stacked digits as ten squares, one a first digit; second digits down, third ones across."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ganbench.metrics.modes import COVERED_SHARE
from ganbench.report.class_charts import MIDDLE
from ganbench.report.drawing import GRID, INK, drawn, svg
from ganbench.report.view import Chart

COLUMNS = 5  # squares beside each other
GAP = 1.6  # cells between squares, with the digit's name in it
STRAY = (0x88, 0x88, 0x88, 0x60)  # seen, but too rarely to count
FAINTEST = 0.3  # opacity of a covered mode: it must not look like an empty cell
Floats = npt.NDArray[np.float64]


class Stack(NamedTuple):
    """Modes by first, second and third digit, [A, B, C]: share over the real share, and whether any sample shows it."""

    ratio: Floats
    seen: npt.NDArray[np.bool_]

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Those that the metric `modes` counts."""
        return np.asarray(self.ratio >= COVERED_SHARE * (1 - 1e-9))


def stack_of(details: dict[str, Any]) -> Stack | None:
    """From the details of the metric `modes`; None where the classes are not stacked from three channels."""
    shape, arrays = details.get("stack_shape"), [details.get(key) for key in ("shares", "real_shares", "counts")]
    if not isinstance(shape, list) or len(shape) != 3 or any(len(array or ()) != np.prod(shape) for array in arrays):
        return None
    shares, real, counts = (np.array(array, float).reshape(shape) for array in arrays)
    ratio = np.divide(shares, real, out=np.zeros(shape), where=real > 0)
    return Stack(ratio, counts > 0)


def stack_chart(stack: Stack) -> Chart:
    """A cell a mode: empty where no sample shows it, grey where too few do, else stronger with its share."""
    num_covered, num_seen, total = int(stack.covered.sum()), int(stack.seen.sum()), stack.seen.size
    by_digit = ", ".join(f"{i}: {part.sum()}" for i, part in enumerate(stack.covered))
    words = f"{num_covered} of {total:,} modes covered, {num_seen} seen in one sample or more. By the first digit: "
    words += f"{by_digit}."
    rows = -(-len(stack.ratio) // COLUMNS)
    height, width = stack.ratio.shape[1:]
    with drawn("third digit (blue)", "second digit (green)", height=0.4 + 0.85 * rows) as (figure, axes):
        for i, block in enumerate(_pixels(stack)):
            row, column = divmod(i, COLUMNS)
            _draw_block(axes, block, column * (width + GAP), row * (height + GAP), f"red {i}")
        axes.set_xlim(-0.2, COLUMNS * (width + GAP) - GAP + 0.2)
        axes.set_ylim(rows * (height + GAP) - GAP + 0.2, -GAP)
        axes.set_aspect("equal")
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return Chart("Modes covered: three digits, 0 to 9 each", svg(figure, words), words)


def _pixels(stack: Stack) -> npt.NDArray[np.uint8]:
    """[A, B, C, 4]: colour and opacity of each mode."""
    pixels = np.zeros((*stack.ratio.shape, 4), np.uint8)
    pixels[stack.seen] = STRAY
    opacity = FAINTEST + (1 - FAINTEST) * (stack.ratio / 2).clip(0, 1)
    strength = np.round(255 * opacity[..., None]).astype(np.uint8)
    coloured = np.concatenate([np.broadcast_to(np.array(MIDDLE, np.uint8), (*stack.ratio.shape, 3)), strength], axis=-1)
    pixels[stack.covered] = coloured[stack.covered]
    return pixels


def _draw_block(axes: Axes, pixels: npt.NDArray[np.uint8], left: float, top: float, name: str) -> None:
    height, width = pixels.shape[:2]
    axes.imshow(pixels, interpolation="none", aspect="auto", extent=(left, left + width, top + height, top))
    axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=GRID, linewidth=0.6))
    axes.text(left + width / 2, top - 0.3, name, color=INK, ha="center", va="bottom", fontsize=7)


def stack_words(stack: Stack, details: dict[str, Any], num_samples: int) -> str:
    """How to read the chart, and by whose word."""
    accuracy = details.get("channel_test_accuracy")
    told = f" A digit is told by a classifier that is right on {accuracy:.2%} of held-out digits." if accuracy else ""
    return (
        f"{int(stack.covered.sum())} of {stack.seen.size:,} modes covered by {num_samples:,} samples; "
        f"{int((stack.seen & ~stack.covered).sum())} more (grey) are seen so rarely that the classifier's slips may "
        f"account for them.{told} A mode counts from a tenth of its real share on; a cell is as strong as its share, "
        "full from twice the real share on."
    )
