"""Pictures of a trial that are put together from several of its files, or chosen by a rule that they state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganbench.report.charts import place_words
from ganbench.report.pictures import Arrays, Assets, Pixels, are_images, draw, load_arrays, load_json, snapshot_paths
from ganbench.report.view import Picture
from ganbench.results.store import ARITHMETIC_FILE, ARITHMETIC_TABLE, BEST_FILE, TrialResults

SNAPSHOT_PADDING = 2  # pixels between the images of a snapshot and around them
BEST_COLUMNS = 8
REALISM = (
    "Realism is how deep a sample lies among the real images: the largest ratio of a real image's radius (to its "
    "nearest others) to the sample's distance from it, without the real images of larger radius than the median "
    "(Kynkäänniemi et al. 2019)."
)


def three_stages(
    assets: Assets, item: TrialResults, samples: Arrays, real: Arrays, num_classes: int
) -> tuple[Picture, ...]:
    """Samples before training, at its end, and real images, in as many tiles each; the first two from the snapshots.

    The columns of the real images are the classes of the snapshots' where the model was asked for classes (its samples
    have labels) and the real images have labels. Nothing where snapshots or real images are missing, nor for a control,
    which is not trained.
    """
    paths, images = snapshot_paths(item.folder), real.get("images")
    if item.trial.role != "model" or len(paths) < 2 or not are_images(images):
        return ()
    (first_step, first), (last_step, last) = paths[0], paths[-1]
    grids = [_cut(path, images.shape[1], images.shape[2]) for path in (first, last)]
    columns = min(grid.shape[1] for grid in grids)
    rows = min(*(grid.shape[0] for grid in grids), len(images) // max(1, columns))
    if rows * columns == 0:
        return ()
    labels = real.get("labels") if "labels" in samples else None
    start, end = (place_words(item.history, step) for step in (first_step, last_step))
    stages = (
        ("Untrained" if first_step == 0 else f"At {start}", grids[0][:rows, :columns]),
        (f"Trained: {end}", grids[1][:rows, :columns]),
        ("Real, held out", images[_in_columns(labels, columns, rows, num_classes)]),
    )
    name, size = f"{item.trial.plugin}, seed {item.trial.seed}", images.shape[1:3]
    return tuple(
        draw(
            assets,
            f"{name} stage",
            tiles.reshape(-1, *size, tiles.shape[-1]),
            columns,
            f"Grid of images of {name}: {words}",
            words,
        )
        for words, tiles in stages
    )


def best_samples(assets: Assets, folder: Path, num_samples: int, name: str) -> tuple[Picture | None, str]:
    """The samples of highest realism, best first, from best.npz, or why there is no telling them.

    Where all have the same realism in the three digits that are shown, none is better than another.
    """
    arrays = load_arrays(folder / BEST_FILE)
    images, realism = arrays.get("images"), arrays.get("realism")
    if not are_images(images) or realism is None or len(images) == 0:
        return None, ""
    of = f" of {num_samples:,}" if num_samples else ""
    scores = [f"{score:.3g}" if np.isfinite(score) else "infinite (a copy)" for score in (realism[0], realism[-1])]
    if len(images) > 1 and scores[0] == scores[1]:
        return None, f"There is no best: the first {len(images)}{of} samples by realism all have the same, {scores[0]}."
    caption = f"Chosen: the {len(images)} best{of} samples, best first. Realism from {' to '.join(scores)}. {REALISM}"
    alt = f"The {len(images)} most realistic samples by {name}"
    return draw(assets, f"{name} best", images, BEST_COLUMNS, alt, caption), ""


def latent_arithmetic(assets: Assets, folder: Path, name: str) -> tuple[tuple[Picture, ...], str]:
    """Rows of a, b, c and a - b + c from arithmetic.npz, and the rule by which they were made."""
    images = load_arrays(folder / ARITHMETIC_FILE).get("images")
    table = load_json(folder / ARITHMETIC_TABLE)
    rows = table.get("rows") or []
    if not are_images(images) or not rows or len(images) != sum(map(len, rows)):
        return (), ""
    pictures = []
    for i, words in enumerate(rows):
        *terms, result = (str(word).replace(" - ", " − ") for word in words)
        caption = f"{', '.join(terms)} → {result}"
        tiles = images[i * len(words) : (i + 1) * len(words)]
        alt = f"Latent arithmetic by {name}: {caption}"
        pictures.append(draw(assets, f"{name} arithmetic", tiles, len(words), alt, caption))
    return tuple(pictures), str(table.get("rule", ""))


def _cut(path: Path, height: int, width: int) -> Pixels:
    """The images of a snapshot, uint8 [rows, columns, H, W, C]; none for a picture of another form."""
    none = np.zeros((0, 0, height, width, 1), np.uint8)
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
    except (OSError, SyntaxError, ValueError):  # Pillow raises SyntaxError for a broken PNG
        return none
    pixels = pixels[SNAPSHOT_PADDING:, SNAPSHOT_PADDING:]
    step_y, step_x = height + SNAPSHOT_PADDING, width + SNAPSHOT_PADDING
    if pixels.dtype != np.uint8 or pixels.shape[0] % step_y or pixels.shape[1] % step_x:
        return none
    grid = pixels.reshape(len(pixels) // step_y, step_y, pixels.shape[1] // step_x, step_x, -1)
    return grid.transpose(0, 2, 1, 3, 4)[:, :, :height, :width]


def _in_columns(labels: npt.NDArray[Any] | None, columns: int, rows: int, num_classes: int) -> npt.NDArray[np.intp]:
    """Indices [rows * columns] that put class `column % num_classes` into each column, as the host's snapshots have it.

    Simply the first ones without labels, and where a class has too few images.
    """
    first = np.arange(rows * columns)
    if labels is None or num_classes == 0:
        return first
    chosen = np.empty((rows, columns), np.intp)
    for column in range(columns):
        turn, label = divmod(column, num_classes)
        which = np.flatnonzero(labels == label)[turn * rows : (turn + 1) * rows]
        if len(which) < rows:
            return first
        chosen[:, column] = which
    return chosen.reshape(-1)
