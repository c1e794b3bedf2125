"""Strided layers for networks that work at any resolution: sizes follow `halved_sizes`, each half of the next."""

from __future__ import annotations

from torch import nn


def doubling(in_maps: int, out_maps: int, size: int, kernel: int, *, bias: bool) -> nn.ConvTranspose2d:
    """A transposed convolution of stride 2 that makes maps of `size` pixels a side from half as many, rounded up.

    `kernel` is odd, so that the padding is the same on all sides; an even size is reached by output padding.
    """
    assert kernel % 2 == 1
    even = (size + 1) % 2
    return nn.ConvTranspose2d(in_maps, out_maps, kernel, 2, kernel // 2, output_padding=even, bias=bias)
