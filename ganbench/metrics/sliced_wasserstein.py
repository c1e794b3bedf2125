"""Sliced Wasserstein distance of image patches (SWD): how alike textures are, at each scale, without any network.

Paper: Karras et al. 2018, arXiv:1710.10196, section 5. Reference code: tkarras/progressive_growing_of_gans
`metrics/sliced_wasserstein.py`.

Both sets are taken apart into Laplacian pyramids. At each level 128 patches of 7 x 7 pixels are drawn from each image,
and each channel of a set's patches is brought to mean 0 and standard deviation 1. Projected onto a random direction
of length 1, the two sets of patches have the Wasserstein-1 distance mean |a_(i) - b_(i)| of their sorted values; the
mean over 4 x 128 directions, times 1000, is the level's distance, and the mean over the levels the value.

Choices: levels are halved down to 16 pixels, so images below 32 pixels have one level, which is the image itself.
At most 16,384 images a side, as in the paper, and as many on one side as on the other: what is left out is drawn by the
seed. The places of an image's patches are drawn from the hash of its pixels and the seed, so the value does not depend
on the order of the images, and equal sets are at distance 0. A channel without any variance is not divided. Sides that
are no powers of 2 are allowed. One level is held at a time, so images are read once per level; 16,384 colour images
need 2.5 GB of patches.

Interval: delta method over the generated images, from the Kantorovich potentials of 16 directions per level (with the
share of each image in its set's means and standard deviations), plus the Monte-Carlo error of the directions, from
their 4 repeats. The upward bias at small n stays in the value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganbench.metrics.image_inputs import describe_shape
from ganbench.metrics.intervals import normal_interval
from ganbench.metrics.patches import (
    PATCH_SIDE,
    PATCHES_PER_IMAGE,
    Array,
    Patches,
    Vector,
    collect_patches,
    divisor,
    image_moments,
    num_levels,
    projected,
)
from ganbench.types import ImageSource, MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_REPEATS, DIRECTIONS_PER_REPEAT = 4, 128
MAX_IMAGES = 16384
SCALE = 1000.0
CI_METHOD = "delta method (Kantorovich potentials) over the generated images, plus Monte-Carlo error of the directions"
_ERROR_DIRECTIONS = 16
_BLOCK_DIRECTIONS = 16


class LevelDistance(NamedTuple):
    """Distance by each repeat's directions, `repeats` [4], and the `influence` [N] of each sample on the distance.

    `channels`: what the normalisation took away, each side's mean and deviation of each channel, in grey levels.
    """

    repeats: Vector
    influence: Vector
    channels: dict[str, dict[str, list[float]]]


def sliced_distance(samples: Patches, reference: Patches, directions: Array) -> Vector:
    """Wasserstein-1 distance along each direction [C * 49, S], float64 [S], of two equally many patches."""
    distances = []
    for start in range(0, directions.shape[1], _BLOCK_DIRECTIONS):
        block = directions[:, start : start + _BLOCK_DIRECTIONS]
        ours, theirs = projected(samples, block), projected(reference, block)
        ours.sort(axis=1)
        theirs.sort(axis=1)
        distances.append(np.abs(ours - theirs).mean(axis=1, dtype=np.float64))
    return np.concatenate(distances)


def image_influence(samples: Patches, reference: Patches, directions: Array) -> Vector:
    """First-order influence of each image of `samples` on the mean distance along the directions, float64 [N].

    An image counts by the Kantorovich potential of its patches, and by its share in the means and deviations that all
    patches of the samples are normalised with. Constants are left out: only differences between images have a meaning.
    """
    num_patches, num_channels, _ = samples.values.shape
    std = divisor(samples.std)
    shift, spread = image_moments(samples)  # [N, C]
    influence = np.zeros(len(shift))
    for direction, ours, theirs in zip(
        directions.T, projected(samples, directions), projected(reference, directions), strict=True
    ):
        potential, slope = kantorovich_potential(ours.astype(np.float64), theirs.astype(np.float64))
        weights = direction.reshape(num_channels, -1)  # [C, 49]
        pull = np.tensordot(slope.astype(np.float32), samples.values, 1) / num_patches  # mean of slope x patch, [C, 49]
        pull = (pull - slope.mean() * samples.mean[:, None]) / std[:, None]
        influence += potential.reshape(-1, PATCHES_PER_IMAGE).mean(axis=1)
        influence -= shift @ (slope.mean() * weights.sum(axis=1)) + spread @ (weights * pull).sum(axis=1)
    return np.asarray(influence / directions.shape[1])


def kantorovich_potential(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    """Potential, and its slope, of the Wasserstein-1 distance of a [P] and b [P], at each value of a.

    The potential is minus the integral of sign(F_a - F_b): what moving mass there changes. The slope is the sign of
    a_(i) - b_(i).
    """
    merged = np.concatenate([a, b])
    order = np.argsort(merged, kind="stable")
    ordered, from_a = merged[order], order < len(a)
    lead = np.cumsum(np.where(from_a, 1, -1))[:-1]  # P (F_a - F_b) between each value and the next
    climb = np.concatenate([[0.0], -np.cumsum(np.sign(lead) * np.diff(ordered))])
    potential, slope = np.empty(len(a)), np.empty(len(a))
    potential[order[from_a]] = climb[from_a]
    slope[order[from_a]] = np.sign(ordered[from_a] - ordered[~from_a])
    return potential, slope


def level_distance(samples: ImageSource, reference: ImageSource, level: int, levels: int, seed: int) -> LevelDistance:
    """Distance of two equally large sets of images at one level, before it is multiplied by 1000."""
    ours, theirs = (collect_patches(images, level, levels, seed) for images in (samples, reference))
    dim = ours.values.shape[1] * PATCH_SIDE**2
    directions = np.random.default_rng([seed, level]).normal(size=(dim, NUM_REPEATS * DIRECTIONS_PER_REPEAT))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    distances = sliced_distance(ours, theirs, directions).reshape(NUM_REPEATS, DIRECTIONS_PER_REPEAT)
    influence = image_influence(ours, theirs, directions[:, :_ERROR_DIRECTIONS])
    sides = {"samples": ours, "reference": theirs}
    channels = {side: {"mean": one.mean.tolist(), "std": one.std.tolist()} for side, one in sides.items()}
    return LevelDistance(distances.mean(axis=1), influence, channels)


def compute_sliced_wasserstein(inputs: MetricInputs) -> MetricResult:
    """Mean over the levels of the distance of samples and reference."""
    samples, reference = _equally_many(inputs.images.samples, inputs.images.reference, inputs.seed)
    levels = num_levels(samples.shape)
    measured = [level_distance(samples, reference, level, levels, inputs.seed) for level in range(levels)]
    repeats = SCALE * np.mean([m.repeats for m in measured], axis=0)
    influence = SCALE * np.mean([m.influence for m in measured], axis=0)
    error = math.sqrt(influence.var(ddof=1) / len(influence) + repeats.var(ddof=1) / NUM_REPEATS)
    side = min(samples.shape[1:3])
    sizes = [str(-(-side // 2**level)) for level in range(levels)]
    by_level = {size: SCALE * float(m.repeats.mean()) for size, m in zip(sizes, measured, strict=True)}
    value = float(repeats.mean())
    details = {
        "levels": by_level,
        "channels": {size: m.channels for size, m in zip(sizes, measured, strict=True)},
        "standard_error": error,
        "patches_per_image": PATCHES_PER_IMAGE,
    }
    return MetricResult(value, normal_interval(value, error), CI_METHOD, len(samples), len(reference), details)


def _equally_many(samples: ImageSource, reference: ImageSource, seed: int) -> tuple[ImageSource, ImageSource]:
    ours, theirs = describe_shape(samples.shape[1:]), describe_shape(reference.shape[1:])
    if ours != theirs:
        raise MetricUnavailableError(
            f"patches: samples are {ours} and the reference {theirs}; both must have one shape: resize one of them"
        )
    if min(samples.shape[1:3]) < PATCH_SIDE:
        raise MetricUnavailableError(f"patches have {PATCH_SIDE} x {PATCH_SIDE} pixels, images only {ours}")
    size = min(len(samples), len(reference), MAX_IMAGES)
    return _subset(samples, size, seed), _subset(reference, size, seed)


def _subset(images: ImageSource, size: int, seed: int) -> ImageSource:
    if len(images) == size:
        return images
    return images.subset(np.sort(np.random.default_rng(seed).permutation(len(images))[:size]))


SLICED_WASSERSTEIN = MetricInfo(
    id="sliced_wasserstein",
    title="Sliced Wasserstein",
    compute=compute_sliced_wasserstein,
    higher_is_better=False,
    needs=("reference",),
    uses_extractor=False,
    default=False,
    description="How different small patches of samples and real images are distributed, averaged over scales.",
    range="0 and up, in thousandths of a standard deviation; above 0 for two real sets as well",
    bounds=(0, None),
    interval="Delta method over the generated images, plus the error of drawing directions; not the bias at small n.",
    choices="128 patches of 7 x 7 pixels per image and level, 512 directions, levels down to 16 pixels; "
    "at most 16,384 images, equally many on both sides. As in the paper, each side's patches are brought to mean 0 and "
    "deviation 1 in each channel by themselves; what that takes away stands in the details.",
    cost="No network. Seconds for 1,000 images, minutes and 2.5 GB for 16,384 colour images.",
    limits="Sees textures, not whether a whole image makes sense, and not a colour cast, brightness or contrast that "
    "all images of a side share: compare the channels' means and deviations in the details. Biased upwards at small "
    "n: compare only equal n and equal image sizes. Below 32 pixels there is one level only.",
    paper="https://arxiv.org/abs/1710.10196",
    reference_code="https://github.com/tkarras/progressive_growing_of_gans (metrics/sliced_wasserstein.py)",
)
