"""What do all metrics together cost beside the extractor's forward pass?

    python benchmarks/speed/evaluation.py [--images 10000] [--extractor inception] [--rounds 3] [--device cpu]

`forward pass`: the extractor on the samples alone, batch by batch, features kept. `evaluate`: from the samples' images
to IS, FID, KID, precision, recall, density, coverage and nearest neighbours with their intervals, against a reference
that was measured before, as on a board with several models; the samples are new to the cache. The reference's own
share (its mean, covariance and neighbour distances), which is then kept, stands in a row of its own.
Images are random 32 x 32 pictures with smooth structure, as many on both sides. Where of the
Inception only the trunk is here, a random class layer stands in for the published one, so that IS is timed, too.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from timing import describe_machine, interleave, markdown_table

from ganbench.features.choose import choose_extractor
from ganbench.features.extract import FeatureCache, extract
from ganbench.metrics.evaluate import Evaluation, EvaluationContext, evaluate
from ganbench.registry import load_registry
from ganbench.types import Extractor, ExtractorInfo, ImageSet

METRICS = ("fid", "kid", "is", "precision", "recall", "density", "coverage", "nn_feature")
HEADER = ("on {} images", "seconds", "times the forward pass")


def pictures(num_images: int, seed: int) -> ImageSet:
    """Blurred noise with a colour cast, uint8 [N, 32, 32, 3]."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.normal(128, 60, (num_images, 3, 6, 6)).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 255).byte()
    return ImageSet(f"pictures-{seed}", fine.permute(0, 2, 3, 1).contiguous().numpy())


def load(info: ExtractorInfo, device: str) -> Extractor:
    """The extractor, with class logits in any case."""
    if info.name != "inception" or info.logits_missing() is None:
        return info.load(device)
    from ganbench.features.inception import Inception, InceptionWeights, load_inception  # noqa: PLC0415

    classes = torch.randn(1008, 2048) / 45, torch.zeros(1008)
    return Inception(device, weights=InceptionWeights(load_inception().layers, classes))


def measure(info: ExtractorInfo, num_images: int, num_rounds: int, device: str, folder: Path) -> list[list[str]]:
    """Rows of the table."""
    samples, reference = pictures(num_images, 0), pictures(num_images, 1)
    network = load(info, device)
    known = load_registry().metrics
    metrics = [known[name] for name in METRICS]
    prepared = FeatureCache(folder / "prepared")
    extract(reference, [network], prepared, device)
    start = time.perf_counter()
    evaluate(reference, reference, metrics, _loaded(info, network), EvaluationContext(device=device, cache=prepared))
    reference_seconds = time.perf_counter() - start

    def run() -> Evaluation:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            root = Path(place) / "cache"
            shutil.copytree(prepared.root, root)
            context = EvaluationContext(device=device, cache=FeatureCache(root))
            return evaluate(samples, reference, metrics, _loaded(info, network), context)

    timings = interleave(
        {"forward pass": lambda: extract(samples, [network], None, device), "evaluate": run}, num_rounds, warm_up=False
    )
    forward, last = timings["forward pass"], timings["evaluate"].result
    assert isinstance(last, Evaluation)
    rows = [[name, str(t.spread), str(forward.speedup(t))] for name, t in timings.items()]
    rows += [[f"of which {name}", f"{seconds:.2f}", ""] for name, seconds in last.seconds.items()]
    share = reference_seconds / forward.spread.median
    return [*rows, ["the reference against itself, once", f"{reference_seconds:.2f}", f"{share:.2f}"]]


def _loaded(info: ExtractorInfo, network: Extractor) -> ExtractorInfo:
    """The extractor as it is, already loaded: loading is not what is timed."""
    return ExtractorInfo(
        info.name, info.title, lambda device: network, info.missing, info.feature_dim, info.canonical
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> list[list[str]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--extractor", default="inception")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args(arguments)
    info, _ = choose_extractor(chosen.extractor, list(load_registry().extractors.values()))
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(info, chosen.images, chosen.rounds, chosen.device, Path(folder))
    print(describe_machine())
    print(f"{info.name}, {len(METRICS)} metrics, {chosen.rounds} rounds\n")
    print(markdown_table([HEADER[0].format(f"{chosen.images:,}"), *HEADER[1:]], rows))
    return rows


if __name__ == "__main__":
    main()
