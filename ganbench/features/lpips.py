"""LPIPS 0.1: a perceptual distance between two images, with the AlexNet or the VGG16 trunk.

Paper: Zhang et al. 2018, arXiv:1801.03924. Scaling, layers and heads are those of the package `lpips`; the trunk is
taken from its weights file and never downloaded. Images below 64 px on a side are first enlarged to 64 (bilinear,
antialiased), since AlexNet's strides leave nothing of smaller ones; grey is repeated to RGB.

The distance is a sum over layers of the mean over places of Σ_c w_c (a_c - b_c)², with a and b scaled to length 1 over
channels and w ≥ 0. So it is the squared Euclidean distance of per-image vectors, which hold each layer's values times
sqrt(w_c / places): `embed` gives those vectors, for images that are compared with many others. Networks compute in full
float32 on every device.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import lpips
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from lpips import pretrained_networks
from torch import Tensor, nn

from ganbench.features.arithmetic import exact_arithmetic
from ganbench.features.weights import load_lpips_trunk

MIN_RESOLUTION = 64
_MAX_BATCH, _MAX_PIXELS = 64, 2**20  # a batch of larger images is smaller: VGG16's layers take 500 bytes a pixel
Trunk = Literal["alexnet", "vgg16"]
_HEADS = {"alexnet": "alex.pth", "vgg16": "vgg.pth"}


class LpipsDistance:
    """Called with two sets of images uint8 [N, H, W, C] of one shape: distances float32 [N], 0 for equal images.

    Raises WeightsError with the remedy where the trunk's weights are missing.
    """

    def __init__(self, device: str = "cpu", trunk: Trunk = "alexnet") -> None:
        self._network: Any = _load_network(trunk).to(device)
        self._scaling = lpips.ScalingLayer().to(device)
        self._weights = [weight.to(device) for weight in _load_heads(trunk)]
        self._device = device

    @torch.inference_mode()
    def __call__(self, a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Distance of each pair (a[i], b[i])."""
        if a.shape != b.shape:
            raise ValueError(f"LPIPS compares images of one shape, got {a.shape} and {b.shape}")
        size = max(1, min(_MAX_BATCH, _MAX_PIXELS // max(1, a.shape[1] * a.shape[2])))
        parts = [
            self.distance(*(_to_pixels(images[start : start + size]) for images in (a, b))).cpu()
            for start in range(0, len(a), size)
        ]
        return torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)

    @exact_arithmetic()
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance float32 [N] of each pair of images float32 [N, C, H, W] in [-1, 1]; not split into batches."""
        layers = zip(self._layers(a), self._layers(b), strict=True)
        return torch.stack([(x - y).square_().sum(dim=1) for x, y in layers]).sum(dim=0)

    @exact_arithmetic()
    def embed(self, pixels: Tensor) -> Tensor:
        """Vectors float32 [N, D] whose squared Euclidean distance is LPIPS, of images float32 [N, C, H, W] in [-1, 1].

        D is 31,872 for AlexNet at 64 px and grows with the number of pixels.
        """
        return torch.cat(list(self._layers(pixels)), dim=1)

    def _layers(self, pixels: Tensor) -> Iterator[Tensor]:
        """Each layer's part of the vectors, [N, C * H * W]."""
        pixels = _enlarge(pixels.to(self._device)).expand(-1, 3, -1, -1)
        for values, weight in zip(self._network(self._scaling(pixels)), self._weights, strict=True):
            places = values.shape[2] * values.shape[3]
            yield (lpips.normalize_tensor(values) * (weight / places).sqrt()).flatten(1)


def _to_pixels(images: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [N, H, W, C] → float32 [N, C, H, W] in [-1, 1]."""
    return torch.tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def _enlarge(pixels: Tensor) -> Tensor:
    size = [max(MIN_RESOLUTION, side) for side in pixels.shape[2:]]
    if size == list(pixels.shape[2:]):
        return pixels
    return F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)


def _load_network(trunk: Trunk) -> nn.Module:
    """The package's slices of the trunk; it calls torchvision's `features.<i>.weight` `slice<j>.<i>.weight`."""
    state = load_lpips_trunk(trunk)
    build = pretrained_networks.alexnet if trunk == "alexnet" else pretrained_networks.vgg16
    with torch.device("meta"), warnings.catch_warnings():  # no random initialisation
        warnings.simplefilter("ignore", UserWarning)  # the package uses an older name of a torchvision argument
        network: nn.Module = build(pretrained=False, requires_grad=False)
    network.load_state_dict(
        {key: state[f"features.{key.split('.', 1)[1]}"] for key in network.state_dict()}, assign=True
    )
    return network.eval().requires_grad_(False)


def _load_heads(trunk: Trunk) -> list[Tensor]:
    """The learned weight [1, C, 1, 1] of each channel, by layer; none is negative."""
    path = Path(lpips.__file__).parent / "weights" / "v0.1" / _HEADS[trunk]
    heads = torch.load(path, map_location="cpu", weights_only=True)
    return [heads[f"lin{layer}.model.1.weight"] for layer in range(len(heads))]
