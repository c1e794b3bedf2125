"""Patches of images at each level of their Laplacian pyramid: what the sliced Wasserstein distance compares.

Paper: Karras et al. 2018, arXiv:1710.10196, section 5; Burt and Adelson 1983 (the pyramid). Reference code:
tkarras/progressive_growing_of_gans `metrics/sliced_wasserstein.py`. The 5 x 5 binomial filter is applied as two passes
of 5 numbers each, with mirrored borders; sides that are no powers of 2 are allowed.
"""

from __future__ import annotations

import math
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.types import ImageSource

PATCH_SIDE = 7
PATCHES_PER_IMAGE = 128
MIN_RESOLUTION = 16
_BATCH_PIXELS = 2**22
_ROUNDING = 1e-3  # of a grey level: what float32 leaves of a flat image at the finer levels is less
_PYRAMID_FILTER = np.array([1, 4, 6, 4, 1], np.float32) / 16
Array = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]


class Patches(NamedTuple):
    """Patches of a set at one level: `values` float32 [P, C, 49] with the `mean` [C] and `std` [C] of each channel."""

    values: Array
    mean: Vector
    std: Vector


def num_levels(shape: tuple[int, ...]) -> int:
    """Levels of images [..., H, W, C]: one, and one more for each halving that leaves 16 pixels."""
    side = min(shape[-3:-1])
    return 1 + max(int(math.log2(side / MIN_RESOLUTION)), 0)


def laplacian_level(images: npt.NDArray[np.generic], level: int, levels: int) -> Array:
    """Level `level` of the Laplacian pyramid with `levels` levels, float32 [N, H/2^level, W/2^level, C]."""
    current = images.astype(np.float32)  # [N, H, W, C]
    for _ in range(level):
        current = _halved(current)
    if level == levels - 1:
        return current
    return current - _doubled(_halved(current), current.shape)


def collect_patches(images: ImageSource, level: int, levels: int, seed: int) -> Patches:
    """128 patches of each image at one level; their places follow from the image's pixels, the level and the seed."""
    num_images, height, width, channels = images.shape
    values = np.empty((num_images, PATCHES_PER_IMAGE, channels, PATCH_SIDE**2), np.float32)
    sums, squares, done = np.zeros(channels), np.zeros(channels), 0
    for batch in images.batches(max(1, min(256, _BATCH_PIXELS // (height * width * channels)))):
        drawn = _draw(laplacian_level(batch, level, levels), [[seed, level, zlib.crc32(i.tobytes())] for i in batch])
        sums += drawn.sum(axis=(0, 1, 3), dtype=np.float64)
        squares += np.square(drawn, dtype=np.float64).sum(axis=(0, 1, 3))
        values[done : done + len(batch)] = drawn
        done += len(batch)
    count = num_images * PATCHES_PER_IMAGE * PATCH_SIDE**2
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return Patches(values.reshape(-1, channels, PATCH_SIDE**2), mean, std)


def projected(patches: Patches, directions: Array) -> Array:
    """Normalised patches along directions [C * 49, S]: [S, P]. The normalisation is put into the directions."""
    scale = np.repeat(1 / divisor(patches.std), PATCH_SIDE**2)
    weights = directions * scale[:, None]
    offset = np.repeat(patches.mean, PATCH_SIDE**2) @ weights
    flat = patches.values.reshape(len(patches.values), -1)
    return np.asarray(weights.T.astype(np.float32) @ flat.T - offset[:, None].astype(np.float32))


def image_moments(patches: Patches) -> tuple[Vector, Vector]:
    """Each image's own mean, and half its mean square less 1, after the set's normalisation: [N, C] each."""
    by_image = patches.values.reshape(-1, PATCHES_PER_IMAGE, *patches.values.shape[1:])  # [N, 128, C, 49]
    count = by_image.shape[1] * by_image.shape[3]
    means = by_image.mean(axis=(1, 3), dtype=np.float64)
    squares = np.einsum("npck,npck->nc", by_image, by_image) / count
    std = divisor(patches.std)
    shift = (means - patches.mean) / std
    spread = (squares - 2 * patches.mean * means + patches.mean**2) / std**2 - 1
    return shift, spread / 2


def divisor(std: Vector) -> Vector:
    """What channels are divided by: their deviation, or 1 where they have none but rounding."""
    return np.where(std > _ROUNDING, std, 1.0)


def _draw(images: Array, seeds: list[list[int]]) -> Array:
    """Patches [N, 128, C, 49] of images [N, H, W, C], at places drawn from each image's own seeds."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH_SIDE, PATCH_SIDE), axis=(1, 2))
    size = (len(images), PATCHES_PER_IMAGE)
    rows, columns = np.empty(size, np.int64), np.empty(size, np.int64)
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        rows[i] = rng.integers(windows.shape[1], size=PATCHES_PER_IMAGE)
        columns[i] = rng.integers(windows.shape[2], size=PATCHES_PER_IMAGE)
    return windows[np.arange(len(images))[:, None], rows, columns].reshape(*size, images.shape[3], -1)


def _halved(images: Array) -> Array:
    return _smoothed(images, 1)[:, ::2, ::2]


def _doubled(images: Array, shape: tuple[int, ...]) -> Array:
    """Twice as large, cut to `shape` where its sides are odd."""
    spaced = np.zeros(shape, np.float32)
    spaced[:, ::2, ::2] = images
    return _smoothed(spaced, 2)


def _smoothed(images: Array, gain: float) -> Array:
    from scipy.ndimage import convolve1d  # noqa: PLC0415  # slow to import

    for axis in (1, 2):
        images = convolve1d(images, _PYRAMID_FILTER * gain, axis=axis, mode="mirror")
    return images
