"""Images of the page: sample grids, pairs of neighbours and the host's snapshots, as files beside it or inside it."""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganbench.report.view import Picture
from ganbench.report.words import slug
from ganbench.results.store import write_bytes

Pixels = npt.NDArray[np.uint8]

GRID_SIZE = 64  # samples shown; never chosen, always the first
MAX_CLASS_ROWS = 20
MAX_PAIRS = 8
TILE_PIXELS = 56  # images smaller than this are shown enlarged by a whole factor


class Assets:
    """Where pictures go: numbered files in `folder`, or data URIs if it is None."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._count = 0

    def add(self, name: str, png: bytes) -> str:
        """Keep a PNG; return the `src` under which the page finds it."""
        if self._folder is None:
            return "data:image/png;base64," + base64.b64encode(png).decode()
        self._count += 1
        path = self._folder / f"{self._count:03d}-{slug(name)}.png"
        write_bytes(path, png)
        return f"{self._folder.name}/{path.name}"


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file; none if it is missing or damaged."""
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}


def sample_grid(assets: Assets, path: Path, name: str) -> Picture | None:
    """The first samples of samples.npz, uint8 [N, H, W, C], in the order drawn; with labels, one class a row."""
    arrays = load_arrays(path)
    images = arrays.get("images")
    if not _are_images(images) or len(images) == 0:
        return None
    labels = arrays.get("labels")
    if labels is not None and len(np.unique(labels)) <= MAX_CLASS_ROWS:
        classes = np.unique(labels)
        columns = min(10, *(int((labels == label).sum()) for label in classes)) if len(classes) > 1 else 8
        rows = [images[labels == label][:columns] for label in classes]
        caption = f"Uncurated: the first {columns} samples of each class, one class a row."
        tiles = np.concatenate(rows)
    else:
        tiles, columns = images[:GRID_SIZE], 8
        caption = f"Uncurated: the first {len(tiles)} of {len(images):,} samples, in the order drawn."
    alt = f"Grid of {len(tiles)} images by {name}"
    picture = _picture(assets, f"{name} samples", tile(tiles, columns), images.shape[1])
    return replace(picture, alt=alt, caption=caption)


def neighbour_pairs(assets: Assets, path: Path, name: str) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """Sample and nearest training image side by side: the closest pairs, then pairs drawn at random, nearest first.

    `closest` in the file tells the two apart; without it all pairs count as closest.
    """
    arrays = load_arrays(path)
    samples, neighbours, distances = (arrays.get(key) for key in ("samples", "neighbours", "feature_distance"))
    if not _are_images(samples) or not _are_images(neighbours) or distances is None:
        return (), ()
    perceptual = arrays.get("lpips_distance")
    is_closest = arrays.get("closest", np.ones(len(samples), bool))
    closest: list[Picture] = []
    drawn: list[Picture] = []
    for i in np.argsort(distances, kind="stable"):
        group = closest if is_closest[i] else drawn
        if len(group) == MAX_PAIRS:
            continue
        pair = tile(np.stack([samples[i], neighbours[i]]), 2)
        caption = f"{distances[i]:#.3g}" + (f" · LPIPS {perceptual[i]:.3f}" if perceptual is not None else "")
        alt = f"A sample by {name} and its nearest training image, feature distance {distances[i]:.3g}"
        picture = _picture(assets, f"{name} neighbour", pair, samples.shape[1])
        group.append(replace(picture, alt=alt, caption=caption))
    return tuple(closest), tuple(drawn)


def stored_picture(assets: Assets, path: Path, alt: str, caption: str = "") -> Picture | None:
    """A PNG that the host wrote; None if it is missing or damaged."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            image.verify()
    except (OSError, SyntaxError, ValueError):  # Pillow raises SyntaxError for a broken PNG
        return None
    scale = 2 if width <= 330 else 1
    return Picture(
        assets.add(f"{path.parent.parent.parent.name} {path.stem}", content),
        alt,
        width * scale,
        height * scale,
        caption,
    )


def tile(images: Pixels, columns: int) -> Pixels:
    """Images uint8 [N, H, W, C] as one RGBA picture of `columns` columns with transparent gaps of one pixel."""
    num_images, height, width, channels = images.shape
    rows = -(-num_images // columns)
    canvas = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 4), np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        spot = canvas[top : top + height, left : left + width]
        spot[..., :3] = image if channels == 3 else image[..., :1]
        spot[..., 3] = 255
    return canvas


def _are_images(array: Any) -> TypeGuard[Pixels]:
    return isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.ndim == 4 and array.shape[3] in (1, 3)


def _picture(assets: Assets, name: str, pixels: Pixels, tile_height: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", optimize=True)
    scale = max(1, round(TILE_PIXELS / tile_height))
    height, width = pixels.shape[:2]
    return Picture(assets.add(name, buffer.getvalue()), name, width * scale, height * scale)
