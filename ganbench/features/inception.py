"""The canonical Inception v3 of FID, KID and IS: TensorFlow's graph of 2015-12-05, in three ways of resizing.

Papers: Heusel et al. 2017, arXiv:1706.08500 (FID); Salimans et al. 2016, arXiv:1606.03498 (IS). The blocks are
torch-fidelity's, with its patches for TensorFlow's pooling.

| name | resize to 299 px | pixels | logits | whose protocol |
|---|---|---|---|---|
| inception | TensorFlow 1's bilinear | (x - 128) / 128 | without bias | torch-fidelity; the original code |
| inception-clean | antialiased bicubic on floats | (x - 128) / 128 | without bias | clean-fid (arXiv:2104.11222) |
| inception-friendly | antialiased bilinear on floats | x / 127.5 - 1 | with bias | StudioGAN's "friendly" resizer |

Grey images are repeated to RGB. Logits without bias are what every port since the first has used for the Inception
Score; StudioGAN's network adds the bias and scales pixels in its own way, and both are kept.

Weights: the full file, or the convolutions alone (`inception-trunk`), which give the same features and no logits. The
hash in the identity is that of the convolutions' tensors (float32 weight, beta, mean, var of each, in the order of
torch-fidelity's state dict) and not of a file, so both files stand for one extractor if their convolutions are equal
bit for bit.

For speed each batch norm (gamma 1, epsilon 1e-3) is folded into its convolution, in float64, and tensors lie
channels-last; features agree with torch-fidelity's to float32 rounding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import (
    BasicConv2d,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE_1,
    InceptionE_2,
)

from ganbench.errors import WeightsError
from ganbench.features.folding import fold_batch_norm
from ganbench.features.resizers import antialiased, tf1_bilinear
from ganbench.features.weights import (
    ConvolutionTensors,
    find_weights,
    load_inception_trunk,
    missing_weights,
    require_weights,
)
from ganbench.types import ExtractorIdentity

RESOLUTION = 299
_EPSILON = 1e-3


@dataclass(frozen=True)
class Preprocessing:
    """How images become the network's input: `resize(images, size)` → a new float32 tensor in [0, 255], then
    (x - centre) / scale.
    """

    resize: Callable[[Tensor, int], Tensor]
    resize_name: str  # stands in the identity
    centre: float = 128.0
    scale: float = 128.0
    biased_logits: bool = False


PREPROCESSINGS = {
    "inception": Preprocessing(tf1_bilinear, "299px-tf1-bilinear"),
    "inception-clean": Preprocessing(partial(antialiased, mode="bicubic"), "299px-pil-bicubic-antialias-float"),
    "inception-friendly": Preprocessing(
        partial(antialiased, mode="bilinear"), "299px-pil-bilinear-antialias-float-255", 127.5, 127.5, True
    ),
}


class InceptionWeights(NamedTuple):
    """The 94 convolutions in order, and the class layer's weight [1008, 2048] and bias [1008] where they are known."""

    layers: Sequence[ConvolutionTensors]
    classes: tuple[Tensor, Tensor] | None


class Inception:
    """Images uint8 [N, C, H, W] → pool features float32 [N, 2048] and logits float32 [N, 1008] (None without them).

    `name` is one of PREPROCESSINGS. Without `weights` they are loaded; raises WeightsError with the remedy where
    neither weights file is there.
    """

    def __init__(self, device: str, name: str = "inception", weights: InceptionWeights | None = None) -> None:
        layers, classes = weights or load_inception()
        self._preprocessing = PREPROCESSINGS[name]
        self.identity = ExtractorIdentity(name, trunk_sha256(layers), self._preprocessing.resize_name)
        self.has_logits = classes is not None
        self._device = device
        self._trunk = inception_trunk(layers).to(device).to(memory_format=torch.channels_last)
        self._classes = tuple(tensor.to(device) for tensor in classes) if classes else None

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features and logits of one batch; results are on the extractor's device."""
        features: Tensor = self._trunk(self.prepare(images)).mean(dim=(2, 3))  # [N, 2048, 8, 8] → [N, 2048]
        if self._classes is None:
            return features, None
        weight, bias = self._classes
        return features, F.linear(features, weight, bias if self._preprocessing.biased_logits else None)

    def prepare(self, images: Tensor) -> Tensor:
        """The network's input, float32 [N, 3, 299, 299], channels-last."""
        how = self._preprocessing
        pixels = how.resize(images.to(self._device), RESOLUTION).sub_(how.centre).div_(how.scale)
        return pixels.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def load_inception() -> InceptionWeights:
    """What is here: the full file, else the trunk."""
    path = find_weights("inception")
    if path is not None:
        return read_full_file(path)
    if find_weights("inception-trunk"):
        return InceptionWeights(load_inception_trunk(require_weights("inception-trunk")), None)
    raise WeightsError(missing_weights("inception") or "inception")


def read_full_file(path: Path) -> InceptionWeights:
    """The state dict of torch-fidelity and pytorch-fid. Raises WeightsError where a batch norm has a gamma."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    names = [key.removesuffix(".conv.weight") for key in state if key.endswith(".conv.weight")]
    if any((state[f"{name}.bn.weight"] != 1).any() for name in names):
        raise WeightsError(f"{path} is not TensorFlow's Inception of 2015-12-05: its batch norms have a gamma")
    parts = ("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    layers = [ConvolutionTensors(*(state[f"{name}.{part}"] for part in parts)) for name in names]
    return InceptionWeights(layers, (state["fc.weight"], state["fc.bias"]))


def trunk_sha256(layers: Sequence[ConvolutionTensors]) -> str:
    """Hash of all tensors as little-endian float32: weight, beta, mean and var of each convolution in turn."""
    digest = hashlib.sha256()
    for layer in layers:
        for tensor in layer:
            digest.update(tensor.contiguous().numpy().astype("<f4").data)
    return digest.hexdigest()


def inception_trunk(layers: Sequence[ConvolutionTensors]) -> nn.Sequential:
    """The network up to its last block: float32 [N, 3, 299, 299] → [N, 2048, 8, 8]; children 0 to 3 are the stem."""
    with torch.device("meta"):  # no random initialisation
        trunk = nn.Sequential(
            BasicConv2d(3, 32, kernel_size=3, stride=2),
            BasicConv2d(32, 32, kernel_size=3),
            BasicConv2d(32, 64, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2),  # [N, 64, 73, 73]
            BasicConv2d(64, 80, kernel_size=1),
            BasicConv2d(80, 192, kernel_size=3),
            nn.MaxPool2d(3, stride=2),  # [N, 192, 35, 35]
            *(InceptionA(channels, pool_features=pool) for channels, pool in ((192, 32), (256, 64), (288, 64))),
            InceptionB(288),  # [N, 768, 17, 17]
            *(InceptionC(768, channels_7x7=middle) for middle in (128, 160, 160, 192)),
            InceptionD(768),  # [N, 1280, 8, 8]
            InceptionE_1(1280),
            InceptionE_2(2048),
        )
    places = [
        (parent, name, child)
        for parent in trunk.modules()
        for name, child in parent.named_children()
        if isinstance(child, BasicConv2d)
    ]
    for (parent, name, block), layer in zip(places, layers, strict=True):
        block.conv.weight = nn.Parameter(layer.weight, requires_grad=False)
        fold_batch_norm(block.conv, layer.mean, layer.var, layer.beta, gamma=None, epsilon=_EPSILON)
        setattr(parent, name, nn.Sequential(block.conv, nn.ReLU(inplace=True)))
    return trunk.eval()
