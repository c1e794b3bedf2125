"""Between stored pixels and network values, and pictures of many images.

A pixel v in {0, …, 255} and a network value x in [-1, 1] belong together by x = v / 127.5 - 1, in float32. The way back
is v = round((x + 1) * 127.5), half to even, after clamping x to [-1, 1]. All 256 values come back exactly.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ganbench.errors import DataError, UsageError


def to_float(images: Tensor) -> Tensor:
    """Images uint8 of any shape → float32 in [-1, 1], on the same device."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> npt.NDArray[np.uint8]:
    """Images float [N, C, H, W] in [-1, 1] → uint8 [N, H, W, C]; values outside are clamped.

    Raises:
        DataError: Some values are NaN, as after training that diverged.
    """
    images = images.detach().to(torch.float32)
    if bool(images.isnan().any()):
        broken = int(images.isnan().flatten(1).any(dim=1).sum())
        raise DataError(f"{broken} of {len(images)} images hold NaN: expected numbers in [-1, 1]. Training diverged.")
    pixels = images.clamp(-1.0, 1.0).add(1.0).mul_(127.5).round_().to(torch.uint8)
    pixels = pixels.permute(0, 2, 3, 1)  # [N, H, W, C]
    return np.ascontiguousarray(pixels.cpu().numpy())


def image_grid(images: npt.NDArray[np.uint8], columns: int, padding: int = 2) -> Image.Image:
    """Lay images uint8 [N, H, W, C] out row by row on white, `padding` pixels between them and around.

    Raises:
        UsageError: No images, or fewer than one column.
    """
    num_images, height, width, channels = images.shape
    if num_images < 1 or columns < 1:
        raise UsageError(f"a grid needs at least one image and one column, got {num_images} and {columns}.")
    columns = min(columns, num_images)
    rows = -(-num_images // columns)
    cell_height, cell_width = height + padding, width + padding
    shape = (rows * cell_height + padding, columns * cell_width + padding, channels)
    canvas = np.full(shape, 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top = padding + index // columns * cell_height
        left = padding + index % columns * cell_width
        canvas[top : top + height, left : left + width] = image
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG beside `path` and move it into place, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        image.save(beside, format="PNG")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
