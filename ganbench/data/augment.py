"""Augmentation of a whole batch at once, on its device.

Random numbers come from the device's global generator, which the host's checkpoints cover; nothing is copied to the
CPU. Each function takes and returns float32 [N, C, H, W] and leaves the values' range as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ganbench.errors import UnknownNameError

MAX_ROTATION_DEGREES = 20.0
CROP_FRACTION = 1 / 8


def flip(images: Tensor) -> Tensor:
    """Mirror each image left to right with probability 1/2."""
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(mirrored, images.flip(3), images)


def rotate(images: Tensor) -> Tensor:
    """Turn each square image about its centre by an angle from U(-20°, 20°); bilinear, the border repeated outside."""
    angles = (torch.rand(len(images), device=images.device) * 2 - 1) * math.radians(MAX_ROTATION_DEGREES)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    theta = torch.stack((cos, -sin, zero, sin, cos, zero), dim=1).view(-1, 2, 3)
    grid = affine_grid(theta, list(images.shape), align_corners=False)  # [N, H, W, 2]
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def crop(images: Tensor) -> Tensor:
    """Shift each image by whole pixels, up to 1/8 of its side each way: pad by repeating the border, then crop."""
    num_images, channels, height, width = images.shape
    rows = _shifted(num_images, height, images.device)[:, None, :, None]
    columns = _shifted(num_images, width, images.device)[:, None, None, :]
    shape = (num_images, channels, height, width)
    return images.gather(2, rows.expand(shape)).gather(3, columns.expand(shape))


def _shifted(num_images: int, size: int, device: torch.device) -> Tensor:
    """Indices int64 [num_images, size] along one axis, each row moved by its own random offset and kept inside."""
    reach = max(1, round(size * CROP_FRACTION))
    offsets = torch.randint(-reach, reach + 1, (num_images, 1), device=device)
    return (torch.arange(size, device=device) + offsets).clamp_(0, size - 1)


AUGMENTATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"flip": flip, "rotate": rotate, "crop": crop}


def augmentations(names: Sequence[str]) -> tuple[Callable[[Tensor], Tensor], ...]:
    """The functions of these names, in this order. Raises UnknownNameError."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    return tuple(AUGMENTATIONS[name] for name in names)
