"""Growing networks from low to high resolution while they train (Karras 2018, arXiv:1710.10196, sections 2 and A.1).

The budget is shared equally among the resolutions. Each but the first fades in over the first half of its share, its
weight alpha rising linearly from 0 to 1, and is stabilised over the second half.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Stage(NamedTuple):
    """How far growing has come: the newest resolution is the first one doubled `level` times, and counts `alpha`.

    These are numbers of the host: what a step computes depends on them, but it never waits for the device.
    """

    level: int
    alpha: float
    doublings_left: int  # until full resolution

    @property
    def fading(self) -> bool:
        """Whether the resolution below still counts."""
        return self.alpha < 1.0


def stage_at(progress: float, num_levels: int) -> Stage:
    """The stage at `progress`, the share of the budget spent, in [0, 1]; at 1 the last one is complete."""
    shares = progress * num_levels
    level = min(int(shares), num_levels - 1)
    alpha = 1.0 if level == 0 else min(1.0, 2.0 * (shares - level))
    return Stage(level, alpha, num_levels - 1 - level)


def doubled(images: Tensor, times: int = 1) -> Tensor:
    """Each pixel repeated: [N, C, H, W] → [N, C, H·2^times, W·2^times]."""
    return F.interpolate(images, scale_factor=2.0**times, mode="nearest") if times else images


def halved(images: Tensor, times: int = 1) -> Tensor:
    """Means of squares of pixels: [N, C, H, W] → [N, C, H/2^times, W/2^times]."""
    return F.avg_pool2d(images, 2**times) if times else images


def faded(below: Tensor, newest: Tensor, alpha: float) -> Tensor:
    """(1 - alpha) · below + alpha · newest, of the same shape."""
    return torch.lerp(below, newest, alpha)


def real_at(images: Tensor, stage: Stage) -> Tensor:
    """Real images as the discriminator is shown them at `stage`, [N, C, R, R] → [N, C, R', R'].

    Averaged down to the stage's resolution; while it fades in, mixed with themselves at half of that resolution, so
    that they are as sharp as the generator's.
    """
    images = halved(images, stage.doublings_left)
    return faded(doubled(halved(images)), images, stage.alpha) if stage.fading else images
