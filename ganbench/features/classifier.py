"""A small classifier trained on a dataset's own labels: it says which class a generated image shows.

An own recipe, in the place of the MNIST classifiers behind the published mode counts (Salimans et al. 2016;
Srivastava et al. 2017): five 3 x 3 convolutions with batch norm, global average pooling; Adam with a one-cycle
schedule; shifts by up to 2 pixels. Images above 32 px are averaged down to 32 batch by batch, so that memory holds
small ones only. Its accuracy on the held-out images stands beside every number that comes from it, and its confusion of
their classes corrects what it counts. It is trained once per dataset and kept on disk; `train_classifier_on` trains the
same recipe on any labelled images and keeps nothing. Images need 4 pixels a side, which two halvings leave one of.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.config import sha256_of
from ganbench.errors import DataError
from ganbench.features.arithmetic import exact_arithmetic
from ganbench.types import Dataset, ImageSource, MetricUnavailableError

log = logging.getLogger(__name__)

RECIPE = "cnn5-v1"  # part of the cache key: raise it with every change of network, schedule or augmentation
MIN_RESOLUTION, MAX_RESOLUTION = 4, 32
_BATCH_SIZE = 50
_MIN_STEPS, _EPOCHS, _MAX_STEPS = 600, 6, 6000
_SHIFT = 2
_PREPARED_AT_ONCE = 250
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Classifier:
    """A trained classifier. `test_accuracy` is in [0, 1]; `sha256` is the hash of its weights.

    `confusion` int64 [num_classes, num_classes] counts the held-out images by class (row) and predicted class (column).
    """

    network: nn.Module
    num_classes: int
    test_accuracy: float
    confusion: npt.NDArray[np.int64]
    sha256: str
    device: str

    @property
    def prior(self) -> None:
        """How its errors may be other than the held-out images show: evenly (`ganbench.metrics.class_shares`)."""

    @property
    def facts(self) -> dict[str, Any]:
        """What stands beside each number that comes from it."""
        return {"classifier_test_accuracy": self.test_accuracy, "classifier_sha256": self.sha256}

    def predict(self, images: ImageSource) -> npt.NDArray[np.int64]:
        """The most likely class of each image, int64 [N]; only classes seen in training are named."""
        return predict_classes(self.network, images, self.device)

    def probabilities(self, images: ImageSource) -> npt.NDArray[np.float32]:
        """How likely it takes each class to be for each image, float32 [N, num_classes]; rows sum to 1."""
        return class_probabilities(self.network, images, self.device)


def trained_classifier(
    dataset: Dataset, cache_root: Path | None, device: str = "cpu", progress: Progress | None = None
) -> Classifier:
    """The classifier of this dataset: from `cache_root`/classifiers, or trained now (`progress(step, num_steps)`).

    With None for `cache_root` it is trained anew and not kept.

    Raises DataError where the dataset has no labels, MetricUnavailableError where images are below 4 pixels.
    """
    labels = _labels(dataset, dataset.train)
    num_classes = dataset.spec.num_classes or int(labels.max()) + 1
    path = cache_root / "classifiers" / f"{sha256_of([dataset.sha256, num_classes, RECIPE])}.pt" if cache_root else None
    stored = _load(path) if path else None
    if stored is None:
        stored = _train(dataset, num_classes, device, progress)
        if path:
            _store(path, stored)
    with torch.device("meta"):  # no random initialisation
        network = _SmallCNN(dataset.spec.channels, num_classes)
    network.load_state_dict(stored["state"], assign=True)
    network.eval().requires_grad_(False).to(device)
    confusion = stored["confusion"].numpy()
    return Classifier(network, num_classes, stored["test_accuracy"], confusion, _hash_state(stored["state"]), device)


def train_classifier_on(
    images: ImageSource,
    labels: npt.NDArray[np.int64],
    num_classes: int,
    *,
    device: str = "cpu",
    seed: int = 0,
    progress: Progress | None = None,
) -> nn.Module:
    """A network trained on these images and class numbers int64 [N] in [0, num_classes), ready for `predict_classes`.

    The same data and seed give the same weights: own generators, deterministic kernels in full float32. Needs N >= 1.
    Raises MetricUnavailableError where a side is below 4 pixels.
    """
    _require_size(images)
    targets = torch.tensor(labels).to(device)
    with torch.random.fork_rng(devices=_cuda_devices(device)), exact_arithmetic():
        torch.manual_seed(seed)
        network = _SmallCNN(images.shape[3], num_classes).to(device)
        network.seen.copy_(torch.bincount(targets, minlength=num_classes) > 0)
        _fit(network, _prepare_all(images, device), targets, torch.Generator().manual_seed(seed), progress)
    return network.eval()


def predict_classes(network: nn.Module, images: ImageSource, device: str = "cpu") -> npt.NDArray[np.int64]:
    """The most likely class of each image, int64 [N]. Raises MetricUnavailableError where a side is below 4 pixels."""
    parts = [logits.argmax(dim=1) for logits in _logits(network, images, device)]
    return torch.cat(parts).numpy() if parts else np.zeros(0, np.int64)


def class_probabilities(network: nn.Module, images: ImageSource, device: str = "cpu") -> npt.NDArray[np.float32]:
    """Softmax of the logits, float32 [N, K], N >= 1. Raises MetricUnavailableError where a side is below 4 pixels."""
    return torch.cat([logits.softmax(dim=1) for logits in _logits(network, images, device)]).numpy()


@torch.inference_mode()
def _logits(network: nn.Module, images: ImageSource, device: str) -> list[Tensor]:
    """Logits [B, K] of the images, batch by batch, on the CPU."""
    _require_size(images)
    with exact_arithmetic():
        return [network(_prepare(batch, device)).cpu() for batch in images.batches(_PREPARED_AT_ONCE)]


def _require_size(images: ImageSource) -> None:
    _, height, width, _ = images.shape
    if min(height, width) < MIN_RESOLUTION:
        raise MetricUnavailableError(
            f"the classifier needs images of {MIN_RESOLUTION} pixels a side or more, got {height} x {width}: "
            "enlarge them"
        )


def _cuda_devices(device: str) -> list[torch.device]:
    return [torch.device(device)] if torch.device(device).type == "cuda" else []


def _labels(dataset: Dataset, split: ImageSource) -> npt.NDArray[np.int64]:
    if split.labels is None or len(split) == 0:
        raise DataError(f"dataset '{dataset.name}': no labelled images in '{split.name}', so no classifier can be made")
    return split.labels


class _SmallCNN(nn.Module):
    """Images float32 [N, C, H, W] in [-1, 1] → logits [N, num_classes]; classes without training images get -inf."""

    seen: Tensor

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        widths = [channels, 16, 32, 32, 64, 64]
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            if i in (0, 2):
                layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], num_classes)
        self.register_buffer("seen", torch.ones(num_classes, dtype=torch.bool))

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(pixels).mean(dim=(2, 3)))
        return logits.masked_fill(~self.seen, float("-inf"))


def _train(dataset: Dataset, num_classes: int, device: str, progress: Progress | None) -> dict[str, Any]:
    """Weights, test accuracy and confusion."""
    labels = _labels(dataset, dataset.train)
    network = train_classifier_on(dataset.train, labels, num_classes, device=device, progress=progress)
    predicted = predict_classes(network, dataset.test, device)
    true = _labels(dataset, dataset.test)
    accuracy = float((predicted == true).mean())
    log.info("classifier of %s: test accuracy %.4f", dataset.name, accuracy)
    state = {key: value.cpu() for key, value in network.state_dict().items()}
    return {"state": state, "test_accuracy": accuracy, "confusion": _confusion(true, predicted, num_classes)}


def _confusion(true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], num_classes: int) -> Tensor:
    """Counts int64 [K, K] by class and predicted class, without images of classes that it does not have."""
    known = true < num_classes
    pairs = true[known] * num_classes + predicted[known]
    return torch.from_numpy(np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes))


def _fit(
    network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator, progress: Progress | None
) -> None:
    batch_size = min(_BATCH_SIZE, len(images))
    num_steps = min(max(_MIN_STEPS, _EPOCHS * len(images) // batch_size), _MAX_STEPS)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=num_steps)
    network.train()
    order = torch.empty(0, dtype=torch.int64)
    for step in range(num_steps):
        if len(order) < batch_size:
            order = torch.randperm(len(images), generator=generator)
        batch, order = order[:batch_size].to(images.device), order[batch_size:]
        pixels = _shifted(images[batch], generator)
        loss = F.cross_entropy(network(pixels), labels[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if progress is not None and ((step + 1) % 20 == 0 or step + 1 == num_steps):
            progress(step + 1, num_steps)


def _shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image [C, H, W] moved by its own -2..2 pixels down and right; the edge is repeated."""
    height, width = images.shape[2:]
    padded = F.pad(images, [_SHIFT] * 4, mode="replicate")
    shifts = torch.randint(0, 2 * _SHIFT + 1, (2, len(images)), generator=generator).to(images.device)
    rows = shifts[0, :, None] + torch.arange(height, device=images.device)  # [N, H]
    columns = shifts[1, :, None] + torch.arange(width, device=images.device)  # [N, W]
    index = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _prepare(images: npt.NDArray[np.uint8], device: str) -> Tensor:
    """Images uint8 [N, H, W, C] → float32 [N, C, H, W] in [-1, 1].

    32 x 32 where a side was above 32, so a smaller other side is enlarged: 16 x 64 becomes 32 x 32.
    """
    pixels = torch.tensor(images).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    if max(pixels.shape[2:]) > MAX_RESOLUTION:
        pixels = F.adaptive_avg_pool2d(pixels, MAX_RESOLUTION)
    return pixels.contiguous(memory_format=torch.channels_last)


def _prepare_all(images: ImageSource, device: str) -> Tensor:
    parts = [_prepare(batch, device) for batch in images.batches(_PREPARED_AT_ONCE)]
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def _hash_state(state: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(state.items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(value.numpy()).tobytes())
    return digest.hexdigest()


def _load(path: Path) -> dict[str, Any] | None:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        log.warning("classifier cache: %s is unreadable (%s); training anew", path, error)
        return None
    if "confusion" not in stored:
        log.info("classifier cache: %s does not hold the confusion of its classes; training anew", path)
        return None
    return dict(stored)


def _store(path: Path, stored: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        torch.save(stored, file)
    Path(name).replace(path)
