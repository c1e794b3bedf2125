"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020, arXiv:2006.10738).

The same kinds of change are drawn for real images and for fakes, in the discriminator's and in the generator's step,
and gradients flow through them to the generator. Strengths are the paper's: brightness by ±0.5 in the range [-1, 1],
saturation × U(0, 2), contrast × U(0.5, 1.5); shifts by up to 1/8 of the side, zeros outside; a square hole of half the
side, whose middle lies anywhere in the image; halves of a pixel are rounded up. Random numbers come from the device's
global generator. Images float [N, C, H, W] in and out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganbench.errors import UsageError

MAX_SHIFT, HOLE = 1 / 8, 1 / 2


def color(images: Tensor) -> Tensor:
    """Brightness, saturation and contrast, in this order; grey images have no saturation to change."""
    images = images + _uniform(images) - 0.5
    grey = images.mean(dim=1, keepdim=True)
    images = (images - grey) * (_uniform(images) * 2) + grey
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (_uniform(images) + 0.5) + mean


def translation(images: Tensor) -> Tensor:
    """Shifts by whole pixels, zeros coming in."""
    num_images, _, height, width = images.shape
    rows, row_inside = _shifted(images, num_images, height)
    columns, column_inside = _shifted(images, num_images, width)
    moved = images.gather(2, rows[:, None, :, None].expand_as(images))
    moved = moved.gather(3, columns[:, None, None, :].expand_as(images))
    return moved * (row_inside[:, None, :, None] & column_inside[:, None, None, :])


def cutout(images: Tensor) -> Tensor:
    """A square hole of zeros whose centre lies anywhere in the image."""
    num_images, _, height, width = images.shape
    in_rows, in_columns = (_hole(images, num_images, size) for size in (height, width))
    return images * ~(in_rows[:, None, :, None] & in_columns[:, None, None, :])


POLICIES: dict[str, Callable[[Tensor], Tensor]] = {"color": color, "translation": translation, "cutout": cutout}


def diff_augment(policy: str) -> Callable[[Tensor], Tensor]:
    """The changes named in `policy`, such as "color,translation"; none for "".

    Raises UsageError for another name and, when it is applied, for points.
    """
    names = [name.strip() for name in policy.split(",") if name.strip()]
    for name in names:
        if name not in POLICIES:
            raise UsageError(f"option diffaugment: expected names out of {', '.join(POLICIES)}, got '{name}'.")

    def apply(images: Tensor) -> Tensor:
        if names and images.dim() != 4:
            raise UsageError(f"option diffaugment: '{policy}' changes images; leave it empty for points.")
        for name in names:
            images = POLICIES[name](images)
        return images

    return apply


def _uniform(images: Tensor) -> Tensor:
    """U(0, 1) for each image, [N, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


def _pixels(length: float) -> int:
    """Rounded, halves up; Python's `round` takes them to the nearest even number."""
    return int(length + 0.5)


def _shifted(images: Tensor, num_images: int, size: int) -> tuple[Tensor, Tensor]:
    """For each image the source index of every place along one axis, [N, size], and whether it lies inside."""
    reach = max(1, _pixels(size * MAX_SHIFT))
    offsets = torch.randint(-reach, reach + 1, (num_images, 1), device=images.device)
    places = torch.arange(size, device=images.device) + offsets
    return places.clamp(0, size - 1), (places >= 0) & (places < size)


def _hole(images: Tensor, num_images: int, size: int) -> Tensor:
    """Whether a place along one axis lies in the image's hole, bool [N, size]."""
    length = max(1, _pixels(size * HOLE))
    num_middles = size + 1 - length % 2  # between pixels and at the borders, or on pixels where the length is odd
    first = torch.randint(0, num_middles, (num_images, 1), device=images.device) - length // 2
    places = torch.arange(size, device=images.device)
    return (places >= first) & (places < first + length)
