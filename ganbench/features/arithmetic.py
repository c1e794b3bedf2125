"""Networks that measure compute in full float32, whatever training or the caller has set.

PyTorch lets convolutions on newer GPUs round their inputs to 10 bits (TF32) unless told otherwise; numbers would then
depend on the device, and a perceptual path of steps of 1e-4 would drown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """No TF32, no autocast, deterministic cuDNN inside the block; the caller's settings come back after it."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
            torch.autocast("cuda", enabled=False),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
