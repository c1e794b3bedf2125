"""Layers and sizes that several variants need."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import spectral_norm

from ganbench.errors import UsageError
from ganbench.types import DataSpec

relu = partial(nn.ReLU, inplace=True)
leaky_relu = partial(nn.LeakyReLU, 0.2, inplace=True)

Network = TypeVar("Network", bound=nn.Module)


def mlp(in_dim: int, out_dim: int, hidden: int = 128, num_hidden: int = 2) -> nn.Sequential:
    """Dense layers with ReLU between: [N, in_dim] → [N, out_dim], through `num_hidden` layers of `hidden` units."""
    layers: list[nn.Module] = []
    for _ in range(num_hidden):
        layers += [nn.Linear(in_dim, hidden), nn.ReLU()]
        in_dim = hidden
    return nn.Sequential(*layers, nn.Linear(in_dim, out_dim))


class UpsamplingPlan(NamedTuple):
    """A square image of `base` pixels a side, doubled `num_doublings` times, has the wanted resolution."""

    base: int
    num_doublings: int


_PLANS = {base << k: UpsamplingPlan(base, k) for base in (4, 7) for k in range(1, 8)}
DOUBLED_RESOLUTIONS = tuple(sorted(size for size in _PLANS if size <= 512))


def upsampling_plan(resolution: int) -> UpsamplingPlan:
    """How to reach `resolution` by doublings, at least one, from 4 or 7 pixels: 28 = 7·2², 64 = 4·2⁴.

    Raises:
        UsageError: Neither fits; the message lists resolutions that do.
    """
    if resolution not in _PLANS:
        fitting = ", ".join(map(str, DOUBLED_RESOLUTIONS))
        raise UsageError(f"resolution {resolution}: this network doubles a small map; choose one of {fitting}.")
    return _PLANS[resolution]


def halved_sizes(resolution: int, smallest: int) -> list[int]:
    """Sizes from at most `smallest` up to `resolution`, each half of the next, rounded up: 28 → [2, 4, 7, 14, 28]."""
    sizes = [resolution]
    while sizes[0] > smallest:
        sizes.insert(0, (sizes[0] + 1) // 2)
    return sizes


def feature_maps(width: int, num_layers: int) -> list[int]:
    """Maps of each hidden layer from the highest resolution down: `width`, then twice as many, up to 8·width."""
    if width < 1:
        raise UsageError(f"width {width}: a layer needs at least one map.")
    return [width * min(2**level, 8) for level in range(num_layers)]


def require_classes(spec: DataSpec, plugin: str) -> int:
    """Number of classes of labelled data. Raises UsageError for data without labels."""
    if spec.num_classes is None:
        raise UsageError(f"{plugin} is conditional and these data have no labels; choose a labelled dataset.")
    return spec.num_classes


def label_maps(labels: Tensor, num_classes: int, size: int) -> Tensor:
    """Labels int64 [N] as constant one-hot maps float32 [N, num_classes, size, size], to be stacked on an image."""
    one_hot = F.one_hot(labels, num_classes).float()
    return one_hot[:, :, None, None].expand(-1, -1, size, size)


def spectral_norm_(network: Network) -> Network:
    """Divide each convolution and dense weight by its largest singular value (Miyato 2018, arXiv:1802.05957).

    One power iteration in each forward pass in training mode, none in evaluation mode. Returns the network.
    """
    for module in list(network.modules()):
        if isinstance(module, _ConvNd | nn.Linear):
            spectral_norm(module, dim=1 if isinstance(module, nn.ConvTranspose2d) else 0)
    return network


class MinibatchDiscrimination(nn.Module):
    """Tells a discriminator how alike the samples of a batch are (Salimans 2016, arXiv:1606.03498, section 3.2).

    With M_i = x_i T ∈ R^{B,C} for the features x_i ∈ R^A: o(x_i)_b = Σ_j exp(-‖M_{i,b} - M_{j,b}‖₁), over all j of the
    batch, i itself included (as the paper writes; it adds 1). Output: the features with o appended.

    Args:
        num_features: A.
        num_kernels: B.
        kernel_dim: C; the paper's image models use 5.

    T is drawn from N(0, std), std 0.02. The distances are taken in float32.
    """

    def __init__(self, num_features: int, num_kernels: int, kernel_dim: int = 5, std: float = 0.02) -> None:
        super().__init__()
        self.kernel_shape = (num_kernels, kernel_dim)
        self.weight = nn.Parameter(torch.empty(num_features, num_kernels * kernel_dim).normal_(0.0, std))

    def forward(self, features: Tensor) -> Tensor:
        """[N, A] → [N, A + B]."""
        rows = (features @ self.weight).float().view(-1, *self.kernel_shape).transpose(0, 1)  # [B, N, C]
        distances = torch.cdist(rows, rows, p=1.0)  # [B, N, N]
        closeness = torch.exp(-distances).sum(2).T  # [N, B]
        return torch.cat([features, closeness.to(features.dtype)], dim=1)
