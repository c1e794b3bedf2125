"""An endless stream of training batches, drawn on the training device by a seeded sampler whose state can be saved.

Images stay uint8 [N, C, H, W] on the device as long as they take at most `DEVICE_BYTES`; larger sets stay in host
memory, and each batch is gathered there, pinned on CUDA, and copied without waiting. Epochs are random permutations,
drawn on the CPU by a generator of the stream's own, so the order of the data is the same on every device and depends
on nothing else that is random. Batches run on across the border of two epochs, so all of them have the same size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganbench.data.augment import augmentations
from ganbench.data.pixels import to_float
from ganbench.errors import DataError
from ganbench.types import Batch

DEVICE_BYTES = 4 * 2**30


class BatchStream(Iterator[Batch]):
    """Batches of `batch_size` samples without end, on `device`.

    Args:
        samples: Images uint8 [N, H, W, C], given to the model as float32 [N, C, H, W] in [-1, 1]; or points
            float32 [N, D], given as they are.
        labels: int64 [N] or None.
        batch_size: Samples in every batch; may exceed N.
        seed: Of the order of the samples.
        device: Where batches are wanted; "meta" gives shapes without data.
        augment: Names out of `ganbench.data.augment.AUGMENTATIONS`, applied in this order; images only.
        device_bytes: The most that the samples may take on the device.

    Raises:
        DataError: No samples, another dtype or shape, or augmentation asked for points.
    """

    def __init__(
        self,
        samples: npt.NDArray[Any],
        labels: npt.NDArray[np.int64] | None,
        *,
        batch_size: int,
        seed: int,
        device: torch.device | str,
        augment: Sequence[str] = (),
        device_bytes: int = DEVICE_BYTES,
    ) -> None:
        self.batch_size = batch_size
        self.device = torch.empty(0, device=device).device  # "cuda" becomes "cuda:0", as tensors call it
        self.num_samples = len(samples)
        self._augment = augmentations(augment)
        self._is_image = _is_image(samples)
        if self._augment and not self._is_image:
            raise DataError(f"augmentation ({', '.join(augment)}) is for images; these samples are points.")
        tensor = torch.from_numpy(np.ascontiguousarray(samples))
        if self._is_image:
            tensor = tensor.permute(0, 3, 1, 2).contiguous()  # [N, C, H, W]
        home = self.device if tensor.nbytes <= device_bytes else torch.device("cpu")
        self._samples = tensor.to(home)
        self._labels = None if labels is None else torch.from_numpy(labels.astype(np.int64)).to(home)
        self._generator = torch.Generator().manual_seed(seed)
        self._start_epoch()

    def __next__(self) -> Batch:
        index = self._take(self.batch_size)
        real = self._gather(self._samples, index)
        if self._is_image:
            real = to_float(real)
        for change in self._augment:
            real = change(real)
        return Batch(real, None if self._labels is None else self._gather(self._labels, index))

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, in tensors and ints: what `load_state_dict` needs to go on bit for bit."""
        return {
            "generator": self._epoch_state.clone(),
            "position": self._position,
            "num_samples": self.num_samples,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken. Raises DataError when that was on another number of samples."""
        if state["num_samples"] != self.num_samples:
            raise DataError(
                f"the saved data order is of {state['num_samples']} samples, this dataset has {self.num_samples}: "
                "it is not the dataset that training began with. Use --fresh to start over."
            )
        self._generator.set_state(state["generator"].cpu())
        self._start_epoch()
        self._position = int(state["position"])

    def _start_epoch(self) -> None:
        self._epoch_state = self._generator.get_state()
        order = torch.randperm(self.num_samples, generator=self._generator)
        if self._samples.is_cuda:
            order = order.pin_memory()
        self._order = order.to(self._samples.device, non_blocking=True)
        self._position = 0

    def _take(self, count: int) -> Tensor:
        """The next `count` indices int64 [count], going on into new epochs as needed."""
        parts: list[Tensor] = []
        while count > 0:
            if self._position == self.num_samples:
                self._start_epoch()
            part = self._order[self._position : self._position + count]
            parts.append(part)
            self._position += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _gather(self, tensor: Tensor, index: Tensor) -> Tensor:
        chosen = tensor.index_select(0, index)
        if chosen.device == self.device:
            return chosen
        if self.device.type == "cuda":
            chosen = chosen.pin_memory()
        return chosen.to(self.device, non_blocking=True)


def _is_image(samples: npt.NDArray[Any]) -> bool:
    """Whether samples are images (else points). Raises DataError when they are neither, or none."""
    if len(samples) == 0:
        raise DataError("a stream of batches needs at least one sample, got none.")
    if samples.dtype == np.uint8 and samples.ndim == 4:
        return True
    if samples.dtype == np.float32 and samples.ndim == 2:
        return False
    raise DataError(
        f"expected images uint8 [N, H, W, C] or points float32 [N, D], got {samples.dtype} {list(samples.shape)}."
    )
