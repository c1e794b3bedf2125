"""The records that cross module borders. Nothing here imports torch at run time, so listing plugins stays cheap.

Arrays on disk and between stages are NumPy; tensors appear only between the host and a plugin (`Batch`, `GAN`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

API_VERSION = 1
REFERENCE_ROW = "real"  # held-out real images, measured like a plugin; no plugin may have this name

DataKind = Literal["image", "points"]
OptionValue = bool | int | float | str
Options = Mapping[str, OptionValue]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class DataSpec:
    """What a plugin must generate. Images: `channels` and `resolution` (square); points: `dim`."""

    kind: DataKind
    channels: int = 0
    resolution: int = 0
    dim: int = 0
    num_classes: int | None = None  # None: the data have no labels

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as a tensor: (C, H, W) for images, (D,) for points."""
        if self.kind == "image":
            return (self.channels, self.resolution, self.resolution)
        return (self.dim,)


@dataclass(frozen=True)
class Batch:
    """A batch on the training device: `real` float32 [N, C, H, W] in [-1, 1] (or points [N, D]), `labels` int64 [N]."""

    real: Tensor
    labels: Tensor | None = None


@dataclass(frozen=True)
class ModelInfo:
    """What a model plugin says of itself. `options` are the defaults; `option_help` explains each.

    `conditional`: True needs labels, "if labelled" uses them where the data have some. `min_classes`: data must have
    labels of so many classes, though it samples without. `resolutions` are the sides in pixels that its networks can
    make; empty: any.
    """

    name: str
    title: str
    paper: str = ""
    description: str = ""
    conditional: bool | Literal["if labelled"] = False
    min_classes: int = 0
    control: bool = False  # a control is shown on every board but never ranked
    data_kinds: Sequence[DataKind] = ("image",)
    resolutions: Sequence[int] = ()
    options: Options = field(default_factory=dict)
    option_help: Mapping[str, str] = field(default_factory=dict)

    def uses_labels(self, spec: DataSpec) -> bool:
        """Whether a model for these data is told labels, in training and when it samples."""
        return bool(self.conditional) and spec.num_classes is not None


class ImageSource(Protocol):
    """Images that can be gone through in batches: in memory (`ImageSet`) or read from files when they are needed."""

    @property
    def name(self) -> str:
        """How people are told of it."""
        ...

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C), known before any pixel is decoded; C is 1 or 3."""
        ...

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """Class numbers int64 [N], or None."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class number; empty where classes have none."""
        ...

    @property
    def sha256(self) -> str:
        """Hash of the pixels and their shape; goes through all images unless that was done before."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """Hash of the files' names, sizes and times of change, had without reading them; None for images in memory."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def batches(self, size: int) -> Iterator[npt.NDArray[np.uint8]]:
        """All images in order, uint8 [B, H, W, C], B = `size` but for the last."""
        ...

    def take(self, indexes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The images of these indexes, uint8 [len(indexes), H, W, C]."""
        ...

    def subset(self, indexes: npt.NDArray[np.int64]) -> ImageSource:
        """These images, with their labels, as a source of their own."""
        ...


@dataclass(frozen=True)
class ImageSet:
    """Images uint8 [N, H, W, C] in memory (C is 1 or 3), with int64 labels [N] where there are any."""

    name: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    fingerprint: None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        num_images, height, width, channels = self.images.shape
        return num_images, height, width, channels

    @cached_property
    def sha256(self) -> str:
        """Hash of the pixels and their shape; the labels do not enter, since features do not depend on them."""
        digest = hashlib.sha256(repr(self.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        return digest.hexdigest()

    def batches(self, size: int) -> Iterator[npt.NDArray[np.uint8]]:
        """All images in order, uint8 [B, H, W, C]."""
        return (self.images[start : start + size] for start in range(0, len(self), size))

    def take(self, indexes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The images of these indexes."""
        return self.images[indexes]

    def subset(self, indexes: npt.NDArray[np.int64]) -> ImageSet:
        """These images, with their labels."""
        labels = None if self.labels is None else self.labels[indexes]
        return replace(self, images=self.images[indexes], labels=labels)


@dataclass(frozen=True)
class Dataset:
    """Real images: `train` is what models learn from and are measured against, `test` is held out from both.

    `channels_of`: the labelled grey images that each channel is one of; a class is then that of every channel, the
    first channel's changing slowest. `note` is what people should know of these data, in a sentence.
    """

    name: str
    spec: DataSpec
    train: ImageSource
    test: ImageSource
    class_names: tuple[str, ...] = ()
    channels_of: Dataset | None = None
    note: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hash of both splits, pixels and labels."""
        return _hash_of_splits(self.train, self.test)


@dataclass(frozen=True)
class PointSet:
    """Points float32 [N, D], with int64 labels [N] where there are any."""

    name: str
    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def sha256(self) -> str:
        """Hash of the coordinates and their shape, without the labels."""
        digest = hashlib.sha256(repr(self.points.shape).encode())
        digest.update(np.ascontiguousarray(self.points).data)
        return digest.hexdigest()

    def subset(self, indexes: npt.NDArray[np.int64]) -> PointSet:
        """These points, with their labels."""
        labels = None if self.labels is None else self.labels[indexes]
        return replace(self, points=self.points[indexes], labels=labels)


@dataclass(frozen=True)
class Mixture:
    """Gaussians of equal weight: `centres` float64 [K, D], and one standard deviation `sigma` for every axis of each.

    Raises ValueError where two centres are nearer than 6 sigma: the balls of 3 sigma around them, by which points are
    counted, would overlap.
    """

    centres: npt.NDArray[np.float64]
    sigma: float

    def __post_init__(self) -> None:
        gaps = np.linalg.norm(self.centres[:, None] - self.centres, axis=2)
        nearest = gaps[np.triu_indices(len(gaps), 1)].min(initial=np.inf)
        if nearest < 6 * self.sigma:
            raise ValueError(f"two centres are {nearest:g} apart; expected at least 6 sigma, {6 * self.sigma:g}.")


@dataclass(frozen=True)
class PointDataset:
    """Real points in two splits as those of `Dataset`; `mixture` is the law that they are drawn from, if it is one."""

    name: str
    spec: DataSpec
    train: PointSet
    test: PointSet
    mixture: Mixture | None = None
    class_names: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """Hash of both splits, points and labels, and of the mixture that they are measured by."""
        digest = hashlib.sha256(_hash_of_splits(self.train, self.test).encode())
        if self.mixture is not None:
            digest.update(np.ascontiguousarray(self.mixture.centres).tobytes() + repr(self.mixture.sigma).encode())
        return digest.hexdigest()


AnyDataset = Dataset | PointDataset
SampleSet = ImageSet | PointSet  # what a model made


def _hash_of_splits(*splits: ImageSource | PointSet) -> str:
    digest = hashlib.sha256()
    for split in splits:
        digest.update(split.sha256.encode())
        if split.labels is not None:
            digest.update(np.ascontiguousarray(split.labels).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset that can be asked for by `name`, or by `name:PATH` where `takes_path`; `path_word` stands for the path.

    `load(path, resolution, root)` returns the Dataset at `resolution` pixels (None: as stored), or a PointDataset;
    `root` is where downloads are kept. It raises DataError with a remedy.
    """

    name: str
    title: str
    load: Callable[[str | None, int | None, Path], AnyDataset]
    takes_path: bool = False
    source: str = ""
    path_word: str = "PATH"

    @property
    def form(self) -> str:
        """How it is asked for, such as `mnist5k` or `folder:PATH`."""
        return f"{self.name}:{self.path_word}" if self.takes_path else self.name


@dataclass(frozen=True)
class ExtractorIdentity:
    """What makes two feature sets comparable: same network, same weights, same way of resizing."""

    name: str
    weights_sha256: str
    resize: str


@dataclass(frozen=True)
class FeatureSet:
    """Features float32 [N, D] of a set of images and, where the extractor has classes, logits float32 [N, K]."""

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None = None


class Extractor(Protocol):
    """A loaded feature extractor on a device. `has_logits`: whether it gives class logits beside the features."""

    identity: ExtractorIdentity
    has_logits: bool

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Images uint8 [N, C, H, W], C in {1, 3} → features float32 [N, D] and logits [N, K] or None."""
        ...


def _nothing_missing() -> str | None:
    return None


@dataclass(frozen=True)
class ExtractorInfo:
    """An extractor by name. `missing()` says why it cannot be used now and what to do, or is None.

    `logits_missing()` says why it has features but no class logits now, and what to do about it; None where it has.
    """

    name: str
    title: str
    load: Callable[[str], Extractor]  # the argument is the device
    missing: Callable[[], str | None]
    feature_dim: int
    canonical: bool = False  # only the canonical Inception's numbers are called plain FID, KID and IS
    logits_missing: Callable[[], str | None] = _nothing_missing
    resize: str = ""
    paper: str = ""


Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class MetricResult:
    """One number with its 95 % interval (`ci95_method` says how it was made) and the counts behind it.

    `bounds` as in `MetricInfo`, where they depend on the data.
    """

    value: float
    ci95: tuple[float, float] | None
    ci95_method: str
    num_samples: int
    num_reference: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # JSON values only
    bounds: Bounds | None = None


class MetricUnavailableError(Exception):
    """Raised by a metric that cannot be computed here; the text says why and what would make it possible."""


Need = Literal["reference", "train", "heldout", "logits", "labels", "classifier", "lpips", "lpips-vgg16", "generator"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric by id. `compute` gets the shared inputs of one evaluation (`ganbench.metrics.inputs.MetricInputs`).

    For points they are `ganbench.metrics.point_inputs.PointInputs`; `data_kinds` says what it measures.

    `needs`: whose features must be there (reference, train, heldout) and what else. `extractor` names the one extractor
    that the metric is defined on; without it, the evaluation's extractor serves, and gives the number its name unless
    it is the canonical one. The texts make the metric's card. `bounds`: the least and the largest value that the number
    can have, None where there is none or the data decide (`MetricResult.bounds`); intervals over seeds are cut there.
    """

    id: str
    title: str
    compute: Callable[[Any], MetricResult]
    higher_is_better: bool | None  # None: neither, it describes
    needs: Sequence[Need] = ()
    uses_extractor: bool = True
    extractor: str | None = None
    data_kinds: Sequence[DataKind] = ("image",)
    default: bool = True  # part of what is measured when nothing is named; False: dear, or of use to few
    description: str = ""  # one sentence: what the number says
    range: str = ""
    bounds: Bounds = (None, None)
    interval: str = ""  # what the 95 % interval covers and how it is made
    choices: str = ""  # what was decided where papers and codes differ
    cost: str = ""
    limits: str = ""
    paper: str = ""
    reference_code: str = ""


@dataclass(frozen=True)
class ReportSection:
    """A section added to each trial of the HTML report. `render(trial_folder, metrics)` returns HTML or None."""

    title: str
    render: Callable[[Path, Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class ExecutorInfo:
    """A way to run trials. `run(tasks, jobs, on_event)` starts each as a process of its own and waits for all."""

    name: str
    title: str
    run: Callable[..., None]
