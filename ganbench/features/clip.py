"""CLIP ViT-L/14 at 336 px as a feature extractor, for CMMD.

Papers: Radford et al. 2021, arXiv:2103.00020 (network); Jayasumana et al. 2024, arXiv:2401.09603 (CMMD). Reference
code: Google's cmmd, whose preprocessing this is: the central square, Pillow's bicubic resize of the 8-bit image to
336 x 336, CLIP's mean and deviation; the feature is the image embedding scaled to length 1.

The network is torch-fidelity's copy of OpenAI's image tower; its own preprocessing (TensorFlow 1's bilinear, no
scaling to length 1) is not used. Of OpenAI's file only the tensors are read; half precision becomes float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from math import isqrt
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_fidelity.feature_extractor_clip import VisionTransformer

from ganbench.features.resizers import pillow_bicubic
from ganbench.features.weights import file_sha256, require_weights
from ganbench.types import ExtractorIdentity

_HEAD_WIDTH = 64
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Clip:
    """Images uint8 [N, C, H, W] → embeddings float32 [N, 768] of length 1; there are no logits."""

    has_logits = False

    def __init__(self, device: str) -> None:
        path = require_weights("clip")
        state = read_state(path)
        self.resolution = resolution_of(state)
        self._network = load_network(state).to(device)
        self.identity = ExtractorIdentity("clip", file_sha256(path), f"{self.resolution}px-crop-pil-bicubic-uint8")
        self._mean, self._std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (_MEAN, _STD))
        self._device = device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, None]:
        """Features of one batch, on the extractor's device."""
        return F.normalize(self._network(self.prepare(images)), dim=1), None

    def prepare(self, images: Tensor) -> Tensor:
        """The network's input, float32 [N, 3, 336, 336]."""
        pixels = pillow_bicubic(images, self.resolution, crop=True).to(self._device).float().div_(255)
        return (pixels - self._mean) / self._std  # grey is repeated to RGB


def read_state(path: Path) -> dict[str, Tensor]:
    """The image tower's tensors of OpenAI's TorchScript archive, as float32, without the prefix `visual.`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, but that is the published format
        archive = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    state = archive.state_dict()
    return {key.removeprefix("visual."): value.float() for key, value in state.items() if key.startswith("visual.")}


def resolution_of(state: Mapping[str, Tensor]) -> int:
    """The side in pixels of the images that the position embeddings are for."""
    return int(state["conv1.weight"].shape[-1]) * isqrt(state["positional_embedding"].shape[0] - 1)


def load_network(state: Mapping[str, Tensor]) -> nn.Module:
    """The image tower in evaluation mode; its sizes are read from the tensors."""
    width, _, patch, _ = state["conv1.weight"].shape
    with torch.device("meta"):  # no random initialisation
        network: nn.Module = VisionTransformer(
            input_resolution=resolution_of(state),
            patch_size=patch,
            width=width,
            layers=sum(key.endswith(".attn.in_proj_weight") for key in state),
            heads=width // _HEAD_WIDTH,
            output_dim=state["proj"].shape[1],
        )
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
