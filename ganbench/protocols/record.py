"""What a protocol is: the settings in which published numbers are known to differ, and the published numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class PublishedRow:
    """One line of a published table, as its authors print it: `values` by metric id, such as {"fid": "22.29 ± 0.06"}.

    `differs` says in which setting this row departs from its protocol; empty where it does not.
    """

    model: str
    values: Mapping[str, str]
    differs: str = ""


@dataclass(frozen=True)
class Reference:
    """The real images that a protocol compares with: `num` images of `resolution` pixels, one split of a dataset.

    As text: `CIFAR-10, the training split, 50,000 images`.
    """

    dataset: str  # as `ganbench datasets` calls it
    title: str
    split: Literal["train", "test"]
    num: int
    resolution: int

    def __str__(self) -> str:
        split = {"train": "training", "test": "test"}[self.split]
        return f"{self.title}, the {split} split, {self.num:,} images"


CIFAR10_TRAIN = Reference("cifar10", "CIFAR-10", "train", 50_000, 32)


@dataclass(frozen=True)
class Protocol:
    """How metrics are computed. `notes` tell, by topic, what the authors did otherwise than what is done here."""

    name: str
    title: str
    description: str = ""
    source: str = ""  # whose protocol it is
    extractor: str = "auto"
    reference: Reference | None = None  # what the samples are compared with; None: what the user names
    num_samples: int | None = None  # None: as many as there are
    metrics: Sequence[str] = ()  # empty: the default ones
    is_splits: int = 10
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    manifold_k: int = 3  # improved precision and recall
    manifold_surface: Literal["<=", "<"] = "<="  # whether the surface of a ball is inside
    density_k: int = 5  # density and coverage, whose balls never include their surface
    sampling_seeds: int = 1  # sets of samples of one trained model that the published means and ± are over
    published: Sequence[PublishedRow] = ()
    published_notes: str = ""
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
