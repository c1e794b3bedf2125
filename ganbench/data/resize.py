"""Bringing images to a square resolution: centre crop to a square, then Pillow's antialiased bicubic filter.

Pillow's filter widens with the factor of reduction (antialiasing), as the FID literature asks for [Parmar 2022,
"On Aliased Resizing", arXiv:2104.11222]. An image that has the size already is left untouched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganbench.errors import UsageError

MAX_RESOLUTION = 4096


def check_resolution(resolution: int | None) -> None:
    """Raise UsageError unless `resolution` is None or a possible side length."""
    if resolution is not None and not 1 <= resolution <= MAX_RESOLUTION:
        raise UsageError(f"resolution {resolution}: expected 1 to {MAX_RESOLUTION} pixels.")


def fit_image(image: Image.Image, resolution: int) -> Image.Image:
    """The centre square of `image` (mode L or RGB) at `resolution` pixels a side."""
    if image.size == (resolution, resolution):
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((resolution, resolution), Image.Resampling.BICUBIC, box=box)


def fit_images(images: npt.NDArray[np.uint8], resolution: int | None) -> npt.NDArray[np.uint8]:
    """Images uint8 [N, H, W, C] → uint8 [N, resolution, resolution, C]; None leaves them as they are."""
    if resolution is None or images.shape[1:3] == (resolution, resolution):
        return images
    num_images, _, _, channels = images.shape
    fitted = np.empty((num_images, resolution, resolution, channels), dtype=np.uint8)
    for index, image in enumerate(images):
        picture = Image.fromarray(image[..., 0] if channels == 1 else image)
        fitted[index] = np.asarray(fit_image(picture, resolution)).reshape(resolution, resolution, channels)
    return fitted
