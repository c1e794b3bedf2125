"""Images of the page: sample grids and the host's snapshots, as files beside it or inside it."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganbench.report.view import Picture
from ganbench.report.words import slug
from ganbench.results.store import SNAPSHOT_FOLDER, write_bytes

Pixels = npt.NDArray[np.uint8]
Arrays = Mapping[str, npt.NDArray[Any]]

GRID_SIZE = 64  # samples shown; never chosen, always the first
MAX_CLASS_ROWS = 20
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


def load_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty if the file is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def sample_grid(assets: Assets, arrays: Arrays, name: str) -> Picture | None:
    """The first samples of samples.npz, uint8 [N, H, W, C], in the order drawn; with labels, one class a row."""
    images = arrays.get("images")
    if not are_images(images) or len(images) == 0:
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
    return draw(assets, f"{name} samples", tiles, columns, f"Grid of {len(tiles)} images by {name}", caption)


def snapshot_paths(folder: Path) -> list[tuple[int, Path]]:
    """The host's grids of fixed latents in a trial's folder with their steps, in order."""
    found = ((re.fullmatch(r"step-(\d+)", path.stem), path) for path in (folder / SNAPSHOT_FOLDER).glob("step-*.png"))
    return sorted((int(match[1]), path) for match, path in found if match)


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


def are_images(array: Any) -> TypeGuard[Pixels]:
    """Whether this is what a file with images should hold: uint8 [N, H, W, C], grey or in colour."""
    return isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.ndim == 4 and array.shape[3] in (1, 3)


def draw(
    assets: Assets, name: str, images: Pixels, columns: int, alt: str, caption: str = "", tile_pixels: int = TILE_PIXELS
) -> Picture:
    """Keep images uint8 [N, H, W, C] as one picture; small ones are shown enlarged by a whole factor."""
    pixels = tile(images, columns)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", optimize=True)
    scale = max(1, round(tile_pixels / images.shape[1]))
    height, width = pixels.shape[:2]
    return Picture(assets.add(name, buffer.getvalue()), alt, width * scale, height * scale, caption)
