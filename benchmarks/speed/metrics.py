"""How long do the metrics take once features are there, ours and those of the libraries that people use today?

    pip install torch-fidelity pytorch-fid clean-fid torchmetrics prdc
    python benchmarks/speed/metrics.py [--rounds 5] [--sizes 500,1000,5000] [--features FILE.npy]

Every library gets the same two sets of float32 features [n, 2048] in memory and ends with its number; they take turns
(see timing.py), and a ratio is taken round by round. Features are drawn (rectified, correlated, of falling variance,
like an Inception's) unless a file holds some: its first and second half are compared. For FID there are two lines of
ours: the value alone, which is what the others give, and with the standard error that ganbench always shows.
Statistics of the reference are computed anew each time, though ganbench keeps them. "error" is the relative difference
from the sum of singular values of the centred features' product in float64 (FID), or from float64 throughout (KID).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from timing import Timing, describe_machine, interleave, markdown_table

from ganbench.metrics.fid import fit_gaussian, frechet, frechet_distance_with_error
from ganbench.metrics.kid import kernel_distance
from ganbench.metrics.neighbours import Balls, ball_counts, nearest

DIM = 2048
OURS = "ganbench"
PACKAGES = ("torch-fidelity", "pytorch-fid", "clean-fid", "torchmetrics", "prdc", "numpy", "scipy", "faiss-gpu")
HEADER = ("metric", "library", "n", "seconds", "ganbench is faster by", "error")
Features = npt.NDArray[np.float32]
Pair = tuple[Features, Features]


def draw_features(num_images: int) -> Pair:
    """Two sets of rectified features of correlated Gaussians whose variance falls, the second a little shifted."""
    rng = np.random.default_rng(0)
    decay = np.arange(1, DIM + 1, dtype=np.float32) ** -0.7
    mixing = rng.standard_normal((DIM, DIM), dtype=np.float32) * decay[:, None] / 2
    bias = 0.3 * rng.standard_normal(DIM, dtype=np.float32)
    drawn = [rng.standard_normal((num_images, DIM), dtype=np.float32) @ mixing + bias for _ in range(2)]
    return np.maximum(drawn[0] * 1.05 + np.float32(0.02), 0), np.maximum(drawn[1], 0)


def read_features(path: Path, num_images: int) -> Pair:
    """The first rows of both halves of a stored array [N, 2048]."""
    features = np.load(path).astype(np.float32)
    half = len(features) // 2
    if num_images > half:
        raise SystemExit(f"{path} holds {len(features)} rows, too few for two sets of {num_images}")
    return features[:num_images], features[half : half + num_images]


def our_fid(samples: Features, reference: Features) -> float:
    return frechet(fit_gaussian(samples), fit_gaussian(reference))


def our_fid_with_error(samples: Features, reference: Features) -> float:
    return frechet_distance_with_error(samples, reference)[0]


def torch_fidelity_fid(samples: Features, reference: Features) -> float:
    module = importlib.import_module("torch_fidelity.metric_fid")
    first, second = (module.fid_features_to_statistics(torch.from_numpy(x)) for x in (samples, reference))
    return float(module.fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"])


def pytorch_fid_fid(samples: Features, reference: Features) -> float:
    distance = importlib.import_module("pytorch_fid.fid_score").calculate_frechet_distance
    moments = [f(x) for x in (samples, reference) for f in (partial(np.mean, axis=0), partial(np.cov, rowvar=False))]
    return float(distance(*moments))


def clean_fid_fid(samples: Features, reference: Features) -> float:
    return float(importlib.import_module("cleanfid.fid").fid_from_feats(samples, reference))


class _Identity(torch.nn.Module):
    num_features = DIM

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def torchmetrics_fid(samples: Features, reference: Features) -> float:
    metric = importlib.import_module("torchmetrics.image.fid").FrechetInceptionDistance(feature=_Identity())
    metric.update(torch.from_numpy(reference), real=True)
    metric.update(torch.from_numpy(samples), real=False)
    return float(metric.compute())


def our_kid(samples: Features, reference: Features) -> float:
    return kernel_distance(samples, reference, subset_size=min(1000, len(samples))).value


def torch_fidelity_kid(samples: Features, reference: Features) -> float:
    module = importlib.import_module("torch_fidelity.metric_kid")
    result = module.kid_features_to_metric(
        torch.from_numpy(samples),
        torch.from_numpy(reference),
        kid_subsets=100,
        kid_subset_size=min(1000, len(samples)),
        rng_seed=2020,
        verbose=False,
    )
    return float(result["kernel_inception_distance_mean"])


def our_manifolds(samples: Features, reference: Features) -> tuple[float, ...]:
    """Precision and recall (k = 3, <=), density and coverage (k = 5, <)."""
    of_reference, of_samples = nearest(reference, reference, 6)[0], nearest(samples, samples, 4)[0]
    families = [
        Balls("b", of_reference[:, 3], "<="),
        Balls("a", of_samples[:, 3], "<="),
        Balls("b", of_reference[:, 5], "<"),
    ]
    precision, recall, density = ball_counts(samples, reference, families)
    shares = [(count > 0).mean() for count in (precision.per_a, recall.per_b, density.per_b)]
    return float(shares[0]), float(shares[1]), float(density.per_a.mean() / 5), float(shares[2])


def torch_fidelity_precision_recall(samples: Features, reference: Features) -> tuple[float, float]:
    module = importlib.import_module("torch_fidelity.metric_prc")
    result = module.prc_features_to_metric(
        torch.from_numpy(samples),
        torch.from_numpy(reference),
        prc_neighborhood=3,
        prc_batch_size=10000,
        save_cpu_ram=False,
        verbose=False,
    )
    return float(result["precision"]), float(result["recall"])


def prdc_all(samples: Features, reference: Features) -> tuple[float, ...]:
    """prdc's four numbers, all with k = 5 and <."""
    with contextlib.redirect_stdout(io.StringIO()):
        result = importlib.import_module("prdc").compute_prdc(reference, samples, nearest_k=5)
    return tuple(float(result[name]) for name in ("precision", "recall", "density", "coverage"))


FID_CONTEST = {
    OURS: our_fid,
    f"{OURS}, with standard error": our_fid_with_error,
    "torch-fidelity": torch_fidelity_fid,
    "pytorch-fid": pytorch_fid_fid,
    "clean-fid": clean_fid_fid,
    "torchmetrics": torchmetrics_fid,
}
KID_CONTEST = {OURS: our_kid, "torch-fidelity": torch_fidelity_kid}
MANIFOLD_CONTEST = {
    f"{OURS}: all four": our_manifolds,
    "torch-fidelity: precision, recall": torch_fidelity_precision_recall,
    "prdc: all four": prdc_all,
}


def exact_fid(samples: Features, reference: Features) -> float:
    """FID by the singular values of the product of both centred sets, in float64."""
    means = [x.mean(axis=0, dtype=np.float64) for x in (samples, reference)]
    centred = [(x - mean) / np.sqrt(len(x) - 1) for x, mean in zip((samples, reference), means, strict=True)]
    # R of x = QR stands for x: the product's singular values are the same
    roots = [np.asarray(np.linalg.qr(x, mode="r")) if len(x) > DIM else x for x in centred]
    overlap = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return float(np.square(means[0] - means[1]).sum() + sum(np.square(x).sum() for x in centred) - 2 * overlap)


def exact_kid(samples: Features, reference: Features) -> float:
    return kernel_distance(
        samples.astype(np.float64), reference.astype(np.float64), subset_size=min(1000, len(samples))
    ).value


def contest(
    metric: str, functions: Mapping[str, Callable[..., Any]], pair: Pair, num_rounds: int, exact: float | None
) -> list[list[str]]:
    """Rows of the table for one metric at one n."""
    able = {name: partial(function, *pair) for name, function in functions.items() if installed(name)}
    timings = interleave(able, num_rounds)
    ours = next(iter(timings.values()))
    return [row(metric, name, len(pair[0]), timing, ours, exact) for name, timing in timings.items()]


def installed(name: str) -> bool:
    """Whether a contestant's library is there; says so where it is not."""
    library = name.partition(":")[0].partition(",")[0]
    found = importlib.util.find_spec({"clean-fid": "cleanfid"}.get(library, library.replace("-", "_"))) is not None
    if not found:
        print(f"{library} is left out: it is not installed")
    return found


def row(metric: str, name: str, num_images: int, timing: Timing, ours: Timing, exact: float | None) -> list[str]:
    error = "" if exact is None else f"{abs(timing.result / exact - 1):.0e}"
    ratio = "" if timing is ours else str(ours.speedup(timing))
    return [metric, name, str(num_images), str(timing.spread), ratio, error]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="500,1000,5000")
    parser.add_argument("--features", type=Path, help=".npy, float32 [N, 2048], in place of drawn ones")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # peers call what their libraries have since renamed
    rows: list[list[str]] = []
    sizes = [int(size) for size in arguments.sizes.split(",")]
    for size in sizes:
        pair = read_features(arguments.features, size) if arguments.features else draw_features(size)
        rows += contest("FID", FID_CONTEST, pair, arguments.rounds, exact_fid(*pair))
        if size == max(sizes):
            rows += contest("KID", KID_CONTEST, pair, arguments.rounds, exact_kid(*pair))
            rows += contest("manifolds", MANIFOLD_CONTEST, pair, arguments.rounds, None)
    print(describe_machine(PACKAGES))
    print(f"{arguments.rounds} rounds; median (least to most)\n")
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
