"""How many images a second go through the extractors, ours and those of the libraries that people use today?

    pip install torch-fidelity pytorch-fid clean-fid torchmetrics timm
    python benchmarks/speed/extractors.py [--images 64] [--rounds 5] [--sizes 32,299] [--device cpu]

All get the same uint8 images and the same weights, and end with features on the CPU; what a library does to an image
(conversion, resize, scaling) is timed with its network, reading files is not. They take turns (see timing.py), and a
ratio is taken round by round. The images lie channels-last in memory, as decoders give them, which some of the peers
keep to their advantage. The last column is the largest difference of a feature from torch-fidelity's: libraries
resize differently, so theirs is not an error. Weights: the Inception's full file or its trunk where `ganbench weights`
has one, else random ones, which cost as much. Of clean-fid, the resizer is joined to its PyTorch network, since its
TorchScript file is a download; it resizes here in the process, image by image, as each of its workers does.

EfficientNet-Lite0 runs against timm's own network on images that are already resized and channels-last: our time holds
the resize from 32 px, timm's does not.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from timing import Timing, describe_machine, interleave, markdown_table
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.errors import WeightsError
from ganbench.features import inception
from ganbench.features.efficientnet import EfficientNetLite0, load_network
from ganbench.features.weights import ConvolutionTensors, require_weights
from ganbench.metrics.fid import fit_gaussian, frechet

PEER = "torch-fidelity"
HEADER = ("Inception features", "pixels", "images/s", f"times {PEER}", f"largest difference from {PEER}")
Extract = Callable[[Tensor], Tensor]  # uint8 [N, 3, H, W] → float32 [N, D] on the CPU


class _Blank(FeatureExtractorInceptionV3):  # type: ignore[misc]  # the package has no types
    """torch-fidelity's network as initialised, for the names and shapes of its state dict."""

    def load_state_dict(self, *_: Any, **__: Any) -> None:
        """Keep what was drawn."""


def inception_state(folder: Path) -> tuple[dict[str, Tensor], str]:
    """A state dict in the published format, and in words where its numbers come from."""
    torch.save({}, folder / "empty.pth")
    blank = _Blank("blank", ["2048"], feature_extractor_weights_path=str(folder / "empty.pth"))
    state: dict[str, Tensor] = blank.state_dict()
    names = [key.removesuffix(".conv.weight") for key in state if key.endswith(".conv.weight")]
    try:
        layers, origin = inception.load_inception().layers, "the published weights"
    except WeightsError:
        layers, origin = [_random_layer(state[f"{name}.conv.weight"]) for name in names], "random weights"
    for name, layer in zip(names, layers, strict=True):
        parts = ("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")
        state |= {f"{name}.{part}": tensor for part, tensor in zip(parts, layer, strict=True)}
    return state, origin


def _random_layer(weight: Tensor) -> ConvolutionTensors:
    zeros = torch.zeros(len(weight))
    return ConvolutionTensors(nn.init.kaiming_normal_(weight.clone(), nonlinearity="relu"), zeros, zeros, zeros + 1)


def torch_fidelity_inception(path: Path, device: str) -> Extract:
    network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    network.to(device)
    return lambda images: network(images.to(device))[0]


def torchmetrics_inception(path: Path, device: str) -> Extract:
    module = importlib.import_module("torchmetrics.image.fid")
    network = module.NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path)).to(device)
    return lambda images: network(images.to(device))


def pytorch_fid_inception(path: Path, device: str) -> Extract:
    network = _seitzers_network("pytorch_fid.inception", path, resize_input=True).to(device)
    return lambda images: network(images.to(device).float() / 255)[0].flatten(1)


def clean_fid_inception(path: Path, device: str) -> Extract:
    network = _seitzers_network("cleanfid.inception_pytorch", path, resize_input=False).to(device)
    resize = importlib.import_module("cleanfid.resize").build_resizer("clean")

    def extract(images: Tensor) -> Tensor:
        resized = [torch.from_numpy(resize(image.permute(1, 2, 0).numpy())) for image in images]
        features: Tensor = network(torch.stack(resized).permute(0, 3, 1, 2).to(device) / 255)[0].flatten(1)
        return features

    return extract


def _seitzers_network(module_name: str, path: Path, resize_input: bool) -> nn.Module:
    """pytorch-fid's network, which clean-fid has a copy of, without its download."""
    module: Any = importlib.import_module(module_name)
    module.load_state_dict_from_url = lambda *_, **__: torch.load(path, weights_only=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # clean-fid uses an older name of a torchvision argument
        network: nn.Module = module.InceptionV3([3], resize_input=resize_input)
    return network.eval()


def our_inception(path: Path, name: str, device: str) -> Extract:
    extractor = inception.Inception(device, name, inception.read_full_file(path))
    return lambda images: extractor(images)[0]


def build_inceptions(device: str, folder: Path) -> tuple[dict[str, Extract], str]:
    """All that are installed, by name, and where their weights come from."""
    state, origin = inception_state(folder)
    path = folder / "inception.pth"
    torch.save(state, path)
    peers = {
        PEER: torch_fidelity_inception,
        "pytorch-fid": pytorch_fid_inception,
        "clean-fid": clean_fid_inception,
        "torchmetrics": torchmetrics_inception,
    }
    extractors: dict[str, Extract] = {}
    for name, build in peers.items():
        try:
            extractors[name] = build(path, device)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    for name in inception.PREPROCESSINGS:
        extractors[f"ganbench {name}"] = our_inception(path, name, device)
    return extractors, origin


def time_extractors(extractors: Mapping[str, Extract], images: Tensor, num_rounds: int) -> dict[str, Timing]:
    """Each extractor on the same images; its result are the features."""

    def bind(extract: Extract) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with torch.inference_mode():
                return extract(images).float().cpu()

        return run

    return interleave({name: bind(extract) for name, extract in extractors.items()}, num_rounds)


def pictures(num_images: int, size: int) -> Tensor:
    """Smooth random images uint8 [N, 3, size, size], channels-last in memory, as decoders give them."""
    noise = torch.rand(num_images, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.interpolate(noise, (size, size), mode="bicubic").clamp(0, 1).mul(255).to(torch.uint8)
    return smooth.contiguous(memory_format=torch.channels_last)


def inception_rows(timings: Mapping[str, Timing], size: int, num_images: int) -> list[list[str]]:
    """Rows of the table, the peer's first."""
    peer = timings[PEER]
    return [
        [
            name,
            str(size),
            str(timing.rate(num_images)),
            str(timing.speedup(peer)),
            f"{(timing.result - peer.result).abs().max():.1e}",
        ]
        for name, timing in timings.items()
    ]


def fid_difference(timings: Mapping[str, Timing]) -> float:
    """Relative difference of our FID from the one of torch-fidelity's features, first half against second half."""
    values = []
    for name in ("ganbench inception", PEER):
        halves = timings[name].result.numpy()
        middle = len(halves) // 2
        values.append(frechet(fit_gaussian(halves[:middle]), fit_gaussian(halves[middle:])))
    return values[0] / values[1] - 1


def efficientnet_rows(num_images: int, num_rounds: int, device: str) -> list[list[str]]:
    """Ours from uint8 32 px images against timm's network alone on prepared ones."""
    ours = EfficientNetLite0(device)
    network = load_network(torch.load(require_weights("efficientnet-lite0"), map_location="cpu", weights_only=True))
    network = network.to(device).to(memory_format=torch.channels_last)
    images = pictures(num_images, 32)
    prepared = ours.prepare(images)
    extractors: dict[str, Extract] = {
        "timm, network alone": lambda _: network(prepared),
        "ganbench efficientnet-lite0, with its resize": lambda x: ours(x)[1],
    }
    timings = time_extractors(extractors, images, num_rounds)
    peer = timings["timm, network alone"]
    return [
        [
            name,
            str(timing.rate(num_images)),
            str(timing.speedup(peer)),
            f"{(timing.result - peer.result).abs().max():.1e}",
        ]
        for name, timing in timings.items()
    ]


def main(arguments: Sequence[str] | None = None) -> dict[str, list[list[str]]]:
    """Print the tables and return their rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64, help="a call: one batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="32,299")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    print(describe_machine((PEER, "pytorch-fid", "clean-fid", "torchmetrics", "timm")))
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        extractors, origin = build_inceptions(options.device, Path(folder))
    print(
        f"batches of {options.images}, {options.rounds} rounds: median (lowest to highest); Inception with {origin}\n"
    )
    for size in (int(size) for size in options.sizes.split(",")):
        timings = time_extractors(extractors, pictures(options.images, size), options.rounds)
        rows += inception_rows(timings, size, options.images)
        print(f"FID at {size} px differs by {fid_difference(timings):.1e} of its value from {PEER}'s features\n")
    print(markdown_table(HEADER, rows), "\n")
    light = efficientnet_rows(options.images, options.rounds, options.device)
    print(
        markdown_table(
            ("EfficientNet-Lite0 at 96 px", "images/s", "times timm", "largest difference of a logit"), light
        )
    )
    return {"inception": rows, "efficientnet": light}


if __name__ == "__main__":
    main()
