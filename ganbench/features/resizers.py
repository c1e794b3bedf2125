"""Ways of resizing images for a feature extractor. The way decides the score, so it is part of an extractor's identity.

All of them take images uint8 [N, C, H, W] and keep N and C. Sources:

- `tf1_bilinear`: TensorFlow 1's `resize_bilinear` (corners not aligned, no antialiasing), inside the graph that defined
  FID; the arithmetic is torch-fidelity's, step by step, so that results are equal bit for bit on a CPU.
- `antialiased`: Pillow's filters on float images ('F' mode), as in clean-fid (Parmar et al. 2022, arXiv:2104.11222) and
  StudioGAN. Computed by PyTorch's filter of the same definition, which takes whole batches; in float64, since its
  float32 weights are off by up to 0.01 grey levels, and then within one rounding of float32 of Pillow's.
  (Apple's MPS has no float64: there it is float32, with that error.)
- `pillow_bicubic`: Pillow itself on 8-bit images, rounded to 8 bits after each axis, as the preprocessing of the
  transformers (DINOv2, CLIP) was published. It runs on the CPU: images on another device go there and back.

The first two widen each value to 4 or 8 bytes, so they take a batch in pieces of about PIECE_BYTES; an image's pixels
are the same in any piece.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

PIECE_BYTES = 64 * 2**20  # of input in the precision that it is resized in


def tf1_bilinear(images: Tensor, size: int) -> Tensor:
    """Float32 [N, C, size, size] in [0, 255]: each pixel blends the two source pixels at floor(i * scale) and after it.

    Rows keep their own blend between columns, made once a source row; the differences to the next row are also taken
    before rows are repeated. That is the same sum of the same roundings as blending each pixel's four neighbours.
    """
    if images.shape[2:] == (size, size):
        return images.float()
    return _in_pieces(images, 4, partial(_tf1_bilinear, size=size))


def _tf1_bilinear(images: Tensor, size: int) -> Tensor:
    height, width = images.shape[2:]
    pixels = images.to(torch.float32, memory_format=torch.contiguous_format)
    left, right, across = _tf1_grid(width, size, images.device)
    columns = pixels.index_select(3, left)  # [N, C, H, size]
    columns = columns + (pixels.index_select(3, right) - columns) * across
    above, _, down = _tf1_grid(height, size, images.device)
    steps = columns.index_select(2, torch.arange(1, height + 1, device=images.device).clamp_max(height - 1)) - columns
    return steps.index_select(2, above).mul_(down[:, None]).add_(columns.index_select(2, above))


def _tf1_grid(source: int, target: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Lower and upper source index int64 [target] and the weight of the upper one, float32 [target]."""
    scale = torch.full((), source / target, dtype=torch.float32, device=device)  # a copy from the host would wait
    position = torch.arange(target, dtype=torch.float32, device=device) * scale
    lower = position.long()
    return lower, (lower + 1).clamp_max(source - 1), position - lower.float()


def antialiased(images: Tensor, size: int, mode: Literal["bicubic", "bilinear"]) -> Tensor:
    """Float32 [N, C, size, size], clipped to [0, 255] (the cubic overshoots), not rounded to whole grey levels."""
    if images.shape[2:] == (size, size):
        return images.float()
    precision = torch.float32 if images.device.type == "mps" else torch.float64
    return _in_pieces(images, precision.itemsize, partial(_antialiased, size=size, mode=mode, precision=precision))


def _antialiased(images: Tensor, size: int, mode: Literal["bicubic", "bilinear"], precision: torch.dtype) -> Tensor:
    pixels = images.to(precision, memory_format=torch.contiguous_format)
    resized = F.interpolate(pixels, (size, size), mode=mode, antialias=True, align_corners=False)
    return resized.float().clamp_(0, 255)


def _in_pieces(images: Tensor, bytes_per_value: int, resize: Callable[[Tensor], Tensor]) -> Tensor:
    """`resize` of a few images at a time, together."""
    step = max(1, PIECE_BYTES // (bytes_per_value * images[0].numel()))
    if step >= len(images):
        return resize(images)
    first = resize(images[:step])
    together = first.new_empty((len(images), *first.shape[1:]))
    together[:step] = first
    for start in range(step, len(images), step):
        together[start : start + step] = resize(images[start : start + step])
    return together


def pillow_bicubic(images: Tensor, size: int, crop: bool = False) -> Tensor:
    """Uint8 [N, C, size, size]; what is not square is stretched, or with `crop` first cut to its central square."""
    height, width = images.shape[2:]
    if crop:
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        images = images[:, :, top : top + side, left : left + side]
    channels = images.flatten(0, 1).cpu().numpy()  # Pillow, too, resizes each channel by itself
    resized = [
        np.asarray(Image.fromarray(channel).resize((size, size), Image.Resampling.BICUBIC)) for channel in channels
    ]
    return torch.from_numpy(np.stack(resized)).view(*images.shape[:2], size, size).to(images.device)
