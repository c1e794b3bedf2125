"""DINOv2 ViT-L/14 as a feature extractor, for the Fréchet distance on DINOv2 features.

Papers: Oquab et al. 2023, arXiv:2304.07193 (network); Stein et al. 2023, arXiv:2306.04675 (its use for generative
models). Reference code: dgm-eval, whose preprocessing this is: Pillow's bicubic resize of the 8-bit image to 224 x 224
(what is not square is stretched), ImageNet's mean and deviation; the feature is the normalised class token.

The network is timm's vision transformer, since torch hub would download code. The file's position embeddings are for
518 px; they are resampled as Meta's own code does it (bicubic, not antialiased, by a scale of (16 + 0.1) / 37), while
timm's resampling would give other features. Width and depth are read from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import isqrt

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from ganbench.features.resizers import pillow_bicubic
from ganbench.features.weights import file_sha256, require_weights
from ganbench.types import ExtractorIdentity

RESOLUTION = 224
_HEAD_WIDTH = 64
_OFFSET = 0.1  # Meta's guard against a rounding error in the interpolation; the published features have it
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DinoV2:
    """Images uint8 [N, C, H, W] → class tokens float32 [N, 1024]; there are no logits."""

    has_logits = False

    def __init__(self, device: str) -> None:
        path = require_weights("dinov2")
        self.identity = ExtractorIdentity("dinov2", file_sha256(path), f"{RESOLUTION}px-pil-bicubic-uint8")
        self._network = load_network(torch.load(path, map_location="cpu", weights_only=True)).to(device)
        self._mean, self._std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (_MEAN, _STD))
        self._device = device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, None]:
        """Features of one batch, on the extractor's device."""
        features: Tensor = self._network(self.prepare(images))
        return features, None

    def prepare(self, images: Tensor) -> Tensor:
        """The network's input, float32 [N, 3, 224, 224]."""
        pixels = pillow_bicubic(images, RESOLUTION).to(self._device).float().div_(255)
        return (pixels - self._mean) / self._std  # grey is repeated to RGB


def load_network(state: Mapping[str, Tensor]) -> nn.Module:
    """The network for 224 px in evaluation mode, from a state dict in Meta's format."""
    width = state["cls_token"].shape[-1]
    patch = state["patch_embed.proj.weight"].shape[-1]
    with torch.device("meta"):  # no random initialisation
        network: nn.Module = VisionTransformer(
            img_size=RESOLUTION,
            patch_size=patch,
            num_classes=0,
            global_pool="token",
            embed_dim=width,
            depth=1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks.")),
            num_heads=width // _HEAD_WIDTH,
            init_values=1.0,  # layer scale, loaded
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )
    wanted = {key: value for key, value in state.items() if key != "mask_token"}  # of the pretraining
    wanted["pos_embed"] = resample_positions(state["pos_embed"], RESOLUTION // patch)
    network.load_state_dict(wanted, assign=True)
    return network.eval().requires_grad_(False)


def resample_positions(embedding: Tensor, grid: int) -> Tensor:
    """Position embeddings [1, 1 + M * M, width] of an M x M grid of patches → [1, 1 + grid * grid, width]."""
    token, patches = embedding[:, :1], embedding[:, 1:]
    before = isqrt(patches.shape[1])
    if before == grid:
        return embedding
    planes = patches.transpose(1, 2).reshape(1, -1, before, before)  # [1, width, M, M]
    planes = F.interpolate(planes, scale_factor=(grid + _OFFSET) / before, mode="bicubic", align_corners=False)
    return torch.cat([token, planes.flatten(2).transpose(1, 2)], dim=1)
