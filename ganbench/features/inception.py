"""The canonical Inception v3 of FID, KID and IS: TensorFlow's 2015-12-05 graph as ported by torch-fidelity.

Papers: Heusel et al. 2017, arXiv:1706.08500 (FID); Salimans et al. 2016, arXiv:1606.03498 (IS). The network, its
TF1-exact bilinear resize to 299 px and its scaling (x - 128) / 128 are torch-fidelity's own; grey is repeated to RGB.
Logits are the ones without bias (`logits_unbiased`), as every port since the first has used for the Inception Score.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.features.weights import file_sha256, require_weights
from ganbench.types import ExtractorIdentity


class Inception:
    """Images uint8 [N, C, H, W] → pool features float32 [N, 2048] and logits float32 [N, 1008]."""

    def __init__(self, device: str) -> None:
        path = require_weights("inception")
        self.identity = ExtractorIdentity("inception", file_sha256(path), "299px-tf1-bilinear")
        with torch.random.fork_rng(devices=[]):  # its random initialisation is not the caller's affair
            network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
            )
        self._network = network.to(device)
        self._device = device

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of one batch; results are on the extractor's device."""
        features, logits = self._network(images.to(self._device).expand(-1, 3, -1, -1))
        return features, logits
