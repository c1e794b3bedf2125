"""LPIPS 0.1 with the AlexNet trunk: a perceptual distance between two images.

Paper: Zhang et al. 2018, arXiv:1801.03924. The heads are those of the package `lpips`; the trunk is torchvision's
AlexNet, taken from its weights file and never downloaded. Images below 64 px on a side are first enlarged to 64
(bilinear, antialiased), since AlexNet's strides leave nothing of smaller ones; grey is repeated to RGB.
"""

from __future__ import annotations

import warnings

import lpips
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.features.weights import require_weights

MIN_RESOLUTION = 64
_BATCH_SIZE = 64


class LpipsDistance:
    """Called with two sets of images uint8 [N, H, W, C] of one shape: distances float32 [N], 0 for equal images.

    Raises WeightsError with the remedy where the trunk's weights are missing.
    """

    def __init__(self, device: str = "cpu") -> None:
        trunk = torch.load(require_weights("alexnet"), map_location="cpu", weights_only=True)
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore", UserWarning)  # the package uses an older name of a torchvision argument
            network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
        _load_trunk(network.net, trunk)
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = device

    @torch.inference_mode()
    def __call__(self, a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Distance of each pair (a[i], b[i])."""
        if a.shape != b.shape:
            raise ValueError(f"LPIPS compares images of one shape, got {a.shape} and {b.shape}")
        batches = range(0, len(a), _BATCH_SIZE)
        distances = [
            self._network(self._prepare(a[i : i + _BATCH_SIZE]), self._prepare(b[i : i + _BATCH_SIZE])).flatten().cpu()
            for i in batches
        ]
        return torch.cat(distances).numpy() if distances else np.zeros(0, np.float32)

    def _prepare(self, images: npt.NDArray[np.uint8]) -> Tensor:
        pixels = torch.tensor(images).to(self._device)
        pixels = pixels.permute(0, 3, 1, 2).float().expand(-1, 3, -1, -1) / 127.5 - 1  # [N, 3, H, W] in [-1, 1]
        size = [max(MIN_RESOLUTION, side) for side in pixels.shape[2:]]
        if size == list(pixels.shape[2:]):
            return pixels
        return F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)


def _load_trunk(net: nn.Module, trunk: dict[str, Tensor]) -> None:
    """Torchvision's `features.<i>.weight` are called `slice<j>.<i>.weight` in the package; the index <i> is shared."""
    own = net.state_dict()
    net.load_state_dict({key: trunk[f"features.{key.split('.', 1)[1]}"] for key in own})
