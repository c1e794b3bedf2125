"""Precision, recall, density and coverage against torch-fidelity, prdc and oracles."""

import contextlib
import io

import numpy as np
import prdc
import pytest
import torch
from torch_fidelity.metric_prc import prc_features_to_metric

from ganbench.metrics import inputs as module
from ganbench.metrics.density_coverage import COVERAGE, compute_coverage, compute_density, coverage, density
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.precision_recall import RECALL, compute_precision, compute_recall, precision, recall
from ganbench.protocols import Protocol
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def clusters(classes, n, seed, dim=32, spread=10):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(10, dim)) * spread
    return (centres[rng.permutation(np.resize(classes, n))] + rng.normal(size=(n, dim))).astype(np.float32)


REAL, FAKE = clusters(range(10), 500, 0), clusters([0, 1, 2, 3, 4, 5, 6], 400, 1) * np.float32(1.05)
PLANE, HALF = clusters(range(10), 500, 0, 2, 100), clusters(range(5), 500, 2, 2, 100)


def by_torch_fidelity(fake, real, k=3):
    tensors = (torch.from_numpy(x) for x in (fake, real))
    result = prc_features_to_metric(
        *tensors, prc_neighborhood=k, prc_batch_size=1000, save_cpu_ram=False, verbose=False
    )
    return result["precision"], result["recall"]


def by_prdc(fake, real, k=5):
    with contextlib.redirect_stdout(io.StringIO()):
        return prdc.compute_prdc(real, fake, nearest_k=k)


def wrong_swapped(fake, real):
    return recall(fake, real), precision(fake, real)


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_and_recall_agree_with_torch_fidelity(k, dtype):
    fake, real = FAKE.astype(dtype), REAL.astype(dtype)
    expected = by_torch_fidelity(fake, real, k)
    assert (precision(fake, real, k), recall(fake, real, k)) == pytest.approx(expected, rel=1e-6)


def test_density_and_coverage_agree_with_prdc():
    expected = by_prdc(FAKE, REAL)
    assert density(FAKE, REAL) == pytest.approx(expected["density"], rel=1e-6)
    assert coverage(FAKE, REAL) == pytest.approx(expected["coverage"], rel=1e-6)


def inputs(fake, real, **settings):
    protocol = Protocol("p", "P", **settings)
    images = ImageInputs(blank(len(fake)), blank(len(real)), blank(len(real)), protocol=protocol)
    features = {len(fake): FeatureSet(fake), len(real): FeatureSet(real)}
    return MetricInputs(images, lambda source: features[len(source)])


def blank(n):
    return ImageSet("blank", np.zeros((n, 2, 2, 1), np.uint8))


def test_the_metrics_share_one_pass_and_agree_with_the_functions(monkeypatch):
    passes = []
    count = module.ball_counts
    monkeypatch.setattr(module, "ball_counts", lambda *arguments: passes.append(1) or count(*arguments))
    shared = inputs(FAKE, REAL)
    assert compute_precision(shared).value == precision(FAKE, REAL)
    assert compute_recall(shared).value == recall(FAKE, REAL)
    assert compute_density(shared).value == pytest.approx(density(FAKE, REAL), rel=1e-12)
    assert compute_coverage(shared).value == coverage(FAKE, REAL)
    assert passes == [1]


@pytest.mark.parametrize(("k", "surface"), [(3, "<="), (5, "<"), (1, "<=")])
def test_k_and_surface_are_the_protocols_and_stand_in_the_details(k, surface):
    real, fake = grid(60, 0), grid(50, 1)
    shared = inputs(fake, real, manifold_k=k, manifold_surface=surface)
    for compute, function in ((compute_precision, precision), (compute_recall, recall)):
        result = compute(shared)
        assert result.value == function(fake, real, k, surface)
        assert result.details == {"k": k, "surface": surface}


def grid(n, seed):
    return np.random.default_rng(seed).integers(-3, 4, (n, 3)).astype(np.float32)


def test_studiogans_density_is_prdcs_and_its_precision_with_the_surface_left_out_too():
    shared = inputs(FAKE, REAL, manifold_k=5, manifold_surface="<", density_k=5)
    expected = by_prdc(FAKE, REAL)
    assert compute_precision(shared).value == pytest.approx(expected["precision"])
    assert compute_recall(shared).value == pytest.approx(expected["recall"])


def test_fewer_images_than_k_lower_k_and_say_so():
    shared = inputs(FAKE[:3], REAL[:5])
    assert compute_precision(shared).details == {"k": 3, "surface": "<="}
    assert compute_recall(shared).details["k"] == 2
    assert compute_recall(shared).details["note"] == "k = 2 instead of 3, since there are only 3 samples"
    for compute in (compute_density, compute_coverage):
        result = compute(shared)
        assert result.details["k"] == 4
        assert result.details["note"] == "k = 4 instead of 5, since there are only 5 reference images"
    few = compute_precision(inputs(FAKE, REAL[:3]))
    assert few.details["note"] == "k = 2 instead of 3, since there are only 3 reference images"
    assert few.value == precision(FAKE, REAL[:3], 2)


def test_a_single_image_has_no_neighbourhood():
    for compute in (compute_precision, compute_density, compute_coverage):
        with pytest.raises(MetricUnavailableError, match="at least 2 reference images, got 1"):
            compute(inputs(FAKE, REAL[:1]))
    with pytest.raises(MetricUnavailableError, match="at least 2 samples, got 1"):
        compute_recall(inputs(FAKE[:1], REAL))


def test_densitys_interval_is_cut_off_at_zero_and_none_without_spread():
    far = REAL[:40] + np.float32(1000)
    assert (compute_density(inputs(far, REAL)).value, compute_density(inputs(far, REAL)).ci95) == (0, None)
    far[0] = REAL[0]
    low, high = compute_density(inputs(far, REAL)).ci95
    assert low == 0 < high
    assert compute_density(inputs(FAKE[:1], REAL)).ci95 is None


def test_the_intervals_say_whose_draw_they_take_as_given():
    shared = inputs(FAKE, REAL)
    for compute in (compute_recall, compute_coverage):
        assert "the samples are taken as given" in compute(shared).ci95_method
    for compute in (compute_precision, compute_density):
        assert "the real images' manifold is taken as given" in compute(shared).ci95_method
    for card in (RECALL, COVERAGE):
        assert "the samples taken as given" in card.interval


def test_half_of_the_classes_have_full_precision_and_half_the_recall():
    assert precision(HALF, PLANE) > 0.85
    assert recall(HALF, PLANE) == pytest.approx(0.5, abs=0.06)
    assert density(HALF, PLANE) == pytest.approx(1, abs=0.2)
    assert coverage(HALF, PLANE) == pytest.approx(0.5, abs=0.05)


def test_the_swapped_form_is_rejected():
    swapped_precision, swapped_recall = wrong_swapped(HALF, PLANE)
    assert swapped_precision < 0.55
    assert swapped_recall > 0.85


def test_the_surface_counts_for_precision_and_not_for_density():
    """Reals at 0, 1, 2, 3: with k = 1 every radius is 1. A sample at -1 lies on the surface of one ball."""
    real, sample = np.arange(4, dtype=np.float32)[:, None], np.array([[-1.0]], np.float32)
    assert precision(sample, real, k=1) == 1
    assert density(sample, real, k=1) == 0


def test_copies_of_the_real_images_have_precision_and_coverage_one():
    assert precision(REAL, REAL) == recall(REAL, REAL) == coverage(REAL, REAL) == 1


def test_samples_far_away_score_zero():
    far = REAL + np.float32(1000)
    assert precision(far, REAL) == recall(far, REAL) == density(far, REAL) == coverage(far, REAL) == 0


def test_all_equal_images_score_as_the_surface_says():
    samples, real = np.ones((30, 16), np.float32), np.ones((40, 16), np.float32)
    expected = by_prdc(samples, real)
    assert expected == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    assert precision(samples, real, 5, "<") == recall(samples, real, 5, "<") == 0
    assert density(samples, real) == coverage(samples, real) == 0
    assert precision(samples, real, 5, "<=") == recall(samples, real, 5, "<=") == 1
