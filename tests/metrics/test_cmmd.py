"""CMMD against a double loop, torch-fidelity's kernel, a closed form and wrong forms; its memory and its interval."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from torch_fidelity.metric_kid import kernel_rbf, mmd2

from ganbench.metrics.cmmd import CMMD, discrepancy, unit_rows
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.types import FeatureSet, ImageSet


def embeddings(n, dim=8, seed=0, shift=0.0):
    return unit_rows(np.random.default_rng(seed).normal(size=(n, dim)) + shift)


def by_definition(x, y, width=2 * 10.0**2):
    def mean(a, b):
        return np.mean([[np.exp(-np.square(p - q).sum() / width) for q in b] for p in a])

    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


def wrong_width(x, y):
    """Divides by sigma squared, not by twice that."""
    return by_definition(x, y, width=10.0**2)


def wrong_without_own_pairs(x, y):
    return discrepancy(x, y).unbiased


def wrong_root(x, y):
    return 1000 * np.sqrt(by_definition(x, y) / 1000)


def wrong_single_precision(x, y):
    return float(1000 * (kernel(x, x).mean() + kernel(y, y).mean() - 2 * kernel(x, y).mean()))


def kernel(x, y):
    return np.exp(-cdist(x, y, "sqeuclidean").astype(np.float16) / np.float16(200))


X, Y = embeddings(40), embeddings(30, seed=1, shift=0.4)


def test_agrees_with_the_double_loop():
    assert discrepancy(X, Y).value == pytest.approx(by_definition(X, Y), rel=1e-9)


@pytest.mark.parametrize("wrong", [wrong_width, wrong_without_own_pairs, wrong_root, wrong_single_precision])
def test_the_wrong_forms_are_rejected(wrong):
    assert wrong(X, Y) != pytest.approx(by_definition(X, Y), rel=1e-3)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_agrees_with_torch_fidelitys_kernel(estimator):
    x, y = embeddings(1100, 16), embeddings(1100, 16, seed=1, shift=0.1)  # more rows than one block
    kernels = (kernel_rbf(a, b, kid_kernel_rbf_sigma=10.0) for a, b in ((x, x), (x, y), (y, y)))
    ours = discrepancy(x, y)
    expected = 1000 * mmd2(*kernels, mmd_est=estimator)
    assert (ours.value if estimator == "biased" else ours.unbiased) == pytest.approx(expected, rel=1e-8)


def test_agrees_with_the_closed_form_for_gaussians():
    dim, sigma, a, b, shift = 3, 1.5, 1.0, 0.6, 0.8
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, dim)) * a, rng.normal(size=(3000, dim)) * b + shift

    def expected(var, gap):
        return (sigma**2 / (sigma**2 + var)) ** (dim / 2) * np.exp(-dim * gap**2 / (2 * (sigma**2 + var)))

    value = 1000 * (expected(2 * a**2, 0) + expected(2 * b**2, 0) - 2 * expected(a**2 + b**2, shift))
    ours = discrepancy(x, y, sigma)
    assert ours.unbiased == pytest.approx(value, abs=4 * ours.standard_error)
    assert 4 * ours.standard_error < 0.1 * value


def test_equal_sets_are_at_distance_zero_and_order_does_not_matter():
    assert discrepancy(X, X).value == pytest.approx(0, abs=1e-9)
    assert discrepancy(X[::-1], Y).value == pytest.approx(discrepancy(X, Y).value, rel=1e-9)


def test_the_error_is_the_spread_over_new_samples():
    reference = embeddings(200, seed=99, shift=0.5)
    results = [discrepancy(embeddings(80, seed=seed), reference) for seed in range(100)]
    spread = np.std([r.value for r in results], ddof=1)
    assert np.mean([r.standard_error for r in results]) == pytest.approx(spread, rel=0.2)


def test_no_matrix_of_all_pairs_is_held():
    x = embeddings(6000, 4)
    tracemalloc.start()
    discrepancy(x, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 6000**2 / 2  # bytes; all pairs take 288 MB


def test_embeddings_are_scaled_to_unit_length_and_own_their_extractor():
    features = {"samples": (X * 7).astype(np.float32), "reference": (Y * 0.2).astype(np.float32)}
    sets = [ImageSet(name, np.zeros((len(x), 8, 8, 3), np.uint8)) for name, x in features.items()]
    shared = MetricInputs(ImageInputs(sets[0], sets[1], sets[1]), lambda source: FeatureSet(features[source.name]))
    result = CMMD.compute(shared)
    assert result.value == pytest.approx(by_definition(X, Y), rel=1e-4)
    assert (result.num_samples, result.num_reference) == (40, 30)
    assert result.details["unbiased"] == pytest.approx(discrepancy(X, Y).unbiased, rel=1e-4)
    assert CMMD.extractor == "clip"
