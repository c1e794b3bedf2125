"""Planted faults: real samples turned into a fake generator that has one fault of known size.

A fault either picks other samples (`plant`: which rows of the data the generator gives out, and under which labels) or
changes the samples themselves (`damage`). Without a fault the generator is clean: new real samples, as good as any can
be. All draws come from the generator that is passed, and one stream gives nested faults: what is dropped, copied or
doubled by a weak one is so by a stronger one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.types import DataKind

Rows = npt.NDArray[np.int64]
Samples = npt.NDArray[Any]  # images uint8 [N, H, W, C] or points float32 [N, D]
COPIED, DOUBLED = (0.01, 0.05, 0.2, 0.5), (0.1, 0.3, 0.6, 0.9)
DROPPED = (0.1, 0.2, 0.3, 0.5, 0.7)  # of the classes
RARE = (0.3, 0.1, 0.03, 0.01)  # of how often the other classes come


class Planted(NamedTuple):
    """What a fake generator gives out: rows of the data int64 [n], and the classes asked for int64 [n], or None."""

    rows: Rows
    labels: Rows | None


@dataclass(frozen=True)
class Deal:
    """What a fake generator of `num_samples` may draw from: rows of the data.

    `pool`: new real samples in the order of drawing; `reference`: what models learn from; `classes`: of every row.
    """

    pool: Rows
    reference: Rows
    num_samples: int
    classes: Rows | None = None

    def clean(self) -> Planted:
        """The first samples of the pool."""
        return self.of_rows(self.pool[: self.num_samples])

    def of_rows(self, rows: Rows) -> Planted:
        """These rows under their own classes; where they are too few, they are repeated in their order."""
        rows = np.resize(rows, self.num_samples)
        return Planted(rows, None if self.classes is None else self.classes[rows])

    def labelled(self) -> Rows:
        """The classes of all rows; only faults that need labels ask."""
        assert self.classes is not None  # `Fault.needs_labels` says so
        return self.classes


@dataclass(frozen=True)
class Fault:
    """A fault by `name`. `sizes` rise in strength: shares of the classes where `counts_classes`, of the samples where
    `of_samples`.

    `words` words one size, `unit` says what a size counts.
    """

    name: str
    title: str
    unit: str
    words: str
    sizes: Sequence[float]
    plant: Callable[[Deal, float, np.random.Generator], Planted] | None = None
    damage: Callable[[Samples, float, np.random.Generator], Samples] | None = None
    needs_labels: bool = False
    counts_classes: bool = False
    of_samples: bool = False
    data_kinds: Sequence[DataKind] = ("image",)

    def sizes_for(self, num_classes: int) -> tuple[float, ...]:
        """The sizes for data of so many classes, or modes."""
        if not self.counts_classes:
            return tuple(self.sizes)
        counts = (min(max(round(share * num_classes), 1), num_classes - 1) for share in self.sizes)
        return tuple(dict.fromkeys(float(count) for count in counts if count > 0))

    def word(self, size: float) -> str:
        """A size as people are told it, such as `3 dropped classes`."""
        words = self.words.format(size)
        return words.replace("classes", "class") if size == 1 else words


def drop_classes(deal: Deal, num_dropped: float, rng: np.random.Generator) -> Planted:
    """No samples of `num_dropped` classes drawn at random; more of the others in their place."""
    classes = deal.labelled()
    kept = rng.permutation(np.unique(classes[deal.pool]))[int(num_dropped) :]
    return deal.of_rows(deal.pool[np.isin(classes[deal.pool], kept)][: deal.num_samples])


def copy_training(deal: Deal, share: float, rng: np.random.Generator) -> Planted:
    """A share of the samples are training samples, each copied once as long as there are enough of them."""
    rows = deal.clean().rows.copy()
    places, copied = rng.permutation(len(rows)), rng.permutation(deal.reference)
    count = round(share * len(rows))
    rows[places[:count]] = np.resize(copied, count)
    return deal.of_rows(rows)


def mislabel(deal: Deal, share: float, rng: np.random.Generator) -> Planted:
    """A share of the samples were asked for as another class, drawn by the classes' shares among the others."""
    rows, classes = deal.clean().rows, deal.labelled()
    labels, places = classes[rows], rng.permutation(len(rows))
    given = classes[rng.permutation(deal.reference)]
    for place in places[: round(share * len(rows))]:
        labels[place] = rng.choice(given[given != labels[place]])
    return Planted(rows, labels)


def skew_classes(deal: Deal, ratio: float, rng: np.random.Generator) -> Planted:
    """Shares of the classes fall evenly on a log scale, the largest `ratio` times the smallest, in random order."""
    classes = deal.labelled()[deal.pool]
    order = rng.permutation(np.unique(classes))
    weights = ratio ** -np.linspace(0, 1, len(order))
    ends = np.rint(np.cumsum(weights / weights.sum()) * deal.num_samples).astype(np.int64)
    counts = np.diff(ends, prepend=0)
    parts = [np.resize(deal.pool[classes == label], count) for label, count in zip(order, counts, strict=True)]
    return deal.of_rows(np.concatenate(parts))


def thin_classes(deal: Deal, share: float, rng: np.random.Generator) -> Planted:
    """Half of the classes, drawn at random, come only `share` times as often as they should beside the others."""
    classes = deal.labelled()[deal.pool]
    order = rng.permutation(np.unique(classes))
    rare = np.isin(classes, order[: len(order) // 2])
    return deal.of_rows(deal.pool[~rare | (rng.random(len(rare)) < share)][: deal.num_samples])


def repeat_samples(deal: Deal, share: float, rng: np.random.Generator) -> Planted:
    """A share of the samples are replaced by repeats of the others."""
    rows = deal.clean().rows.copy()
    places, drawn = rng.permutation(len(rows)), rng.random(len(rows))
    count = min(round(share * len(rows)), len(rows) - 1)
    kept = rows[places[count:]]
    rows[places[:count]] = kept[(drawn[:count] * len(kept)).astype(np.int64)]
    return deal.of_rows(rows)


def blur(images: Samples, sigma: float, rng: np.random.Generator) -> Samples:
    """Gaussian blur of `sigma` pixels; the edge is repeated."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  # slow to import

    return _levels(gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"))


def add_noise(images: Samples, sigma: float, rng: np.random.Generator) -> Samples:
    """Gaussian noise of `sigma` grey levels (of 255) on every pixel and channel."""
    return _levels(images + sigma * rng.standard_normal(images.shape, np.float32))


def compress(images: Samples, quality: float, rng: np.random.Generator) -> Samples:
    """Saved as JPEG of this quality (1 to 95) and read again."""
    from PIL import Image  # noqa: PLC0415

    changed = np.empty(images.shape, np.uint8)
    for i, image in enumerate(images):
        file = BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "JPEG", quality=int(quality))
        changed[i] = np.asarray(Image.open(file)).reshape(image.shape)
    return changed


def stray(points: Samples, share: float, rng: np.random.Generator) -> Samples:
    """A share of the points lie anywhere in the box round all points."""
    strays = rng.uniform(points.min(axis=0), points.max(axis=0), points.shape).astype(np.float32)
    moved = rng.random(len(points)) < share
    return np.where(moved[:, None], strays, points)


def _levels(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


_BOTH: Sequence[DataKind] = ("image", "points")
FAULTS = {
    fault.name: fault
    for fault in (
        Fault("drop", "Dropped classes", "classes without any sample", "{:g} dropped classes", DROPPED,
              plant=drop_classes, needs_labels=True, counts_classes=True, data_kinds=_BOTH),
        Fault("balance", "Shifted class balance", "largest share of a class over the smallest", "class ratio {:g}",
              (2, 4, 8, 16), plant=skew_classes, needs_labels=True, data_kinds=_BOTH),
        Fault("rare", "Rare classes", "how often half of the classes come, over the others",
              "half of the classes thinned to {:.0%}", RARE, plant=thin_classes, needs_labels=True, data_kinds=_BOTH),
        Fault("copy", "Copied training samples", "share of samples that are training samples", "{:.0%} copied", COPIED,
              plant=copy_training, of_samples=True, data_kinds=_BOTH),
        Fault("duplicate", "Duplicated samples", "share of samples that repeat others", "{:.0%} repeated", DOUBLED,
              plant=repeat_samples, of_samples=True, data_kinds=_BOTH),
        Fault("labels", "Wrong labels", "share of samples of another class than asked for", "{:.0%} mislabelled",
              COPIED, plant=mislabel, needs_labels=True, of_samples=True),
        Fault("blur", "Blur", "standard deviation of the Gaussian in pixels", "blur of {:g} px", (0.3, 0.5, 1, 2),
              damage=blur),
        Fault("noise", "Noise", "standard deviation in grey levels of 255", "noise of {:g} levels", (2, 8, 24, 64),
              damage=add_noise),
        Fault("jpeg", "JPEG", "quality", "JPEG quality {:g}", (90, 70, 40, 15), damage=compress),
        Fault("stray", "Stray points", "share of points anywhere in the box of the data", "{:.0%} astray", COPIED,
              damage=stray, data_kinds=("points",)),
    )
}  # fmt: skip
