"""LPIPS diversity with a distance of known values: which images are paired, how classes weigh, the interval."""

import numpy as np
import pytest

from ganbench.metrics import lpips_diversity
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.lpips_diversity import (
    LPIPS_DIVERSITY,
    LPIPS_DIVERSITY_WITHIN,
    disjoint_pairs,
    mean_of_groups,
    pair_groups,
)
from ganbench.types import ImageSet, MetricUnavailableError


def pixel_distance(a, b):
    assert len(a) <= lpips_diversity._BATCH_SIZE
    return np.abs(a.astype(np.float32) - b).mean(axis=(1, 2, 3))


def grey(values, labels=None, name="grey"):
    """Images of one grey level each."""
    images = np.broadcast_to(np.asarray(values, np.uint8)[:, None, None, None], (len(values), 2, 2, 1)).copy()
    return ImageSet(name, images, None if labels is None else np.asarray(labels, np.int64))


def inputs_of(samples, reference=None, seed=0):
    reference = reference or grey([0, 0])
    images = ImageInputs(samples, reference, reference, seed=seed)
    images.__dict__["lpips_distance"] = pixel_distance
    images.__dict__["lpips_resolution"] = 64
    return MetricInputs(images, lambda images: pytest.fail("features are not needed"))


def test_pairs_share_no_image_and_their_number_is_bounded():
    rng = np.random.default_rng(0)
    assert sorted(disjoint_pairs(np.arange(100), 50, rng).ravel()) == list(range(100))
    assert disjoint_pairs(np.arange(7), 50, rng).shape == (3, 2)
    assert len(np.unique(disjoint_pairs(np.arange(5000), 2000, rng))) == 4000


def test_pairs_within_classes_have_one_label_and_equal_numbers():
    labels = np.array([0] * 40 + [1] * 100 + [2] + [3] * 6)
    groups = pair_groups(labels, len(labels), 30, seed=0)
    assert [set(labels[group].ravel()) for group in groups] == [{0}, {1}, {3}]
    assert [len(group) for group in groups] == [10, 10, 3]


def test_two_kinds_of_images_differ_half_of_the_time():
    result = LPIPS_DIVERSITY.compute(inputs_of(grey([0, 200] * 3000)))
    assert result.value == pytest.approx(100, abs=4 * 100 / np.sqrt(2000))
    assert result.details["num_pairs"] == 2000
    assert result.ci95[1] - result.ci95[0] == pytest.approx(2 * 1.96 * 100 / np.sqrt(2000), rel=0.01)


def test_equal_images_have_none_and_the_reference_stands_beside():
    result = LPIPS_DIVERSITY.compute(inputs_of(grey([9] * 10), grey([0, 50])))
    assert (result.value, result.ci95) == (0, (0, 0))
    assert result.details["reference_value"] == 50
    assert result.details["reference_ci95"] is None  # a single pair says nothing of its spread
    assert (result.num_samples, result.num_reference) == (10, 2)


def test_a_model_that_shows_one_image_a_class_is_diverse_over_all_and_not_within():
    samples = grey([0] * 50 + [100] * 50, labels=[0] * 50 + [1] * 50)
    assert LPIPS_DIVERSITY.compute(inputs_of(samples)).value > 20
    assert LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples)).value == 0


def test_classes_weigh_the_same_whatever_their_size():
    samples = grey([7] * 200 + [0, 100, 0, 100], labels=[0] * 200 + [1] * 4)
    distances = []
    for seed in range(40):
        result = LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples, seed=seed))
        distances.append(result.value)
    assert set(distances) <= {0, 50}  # class 1 has distance 0 or 100, class 0 always 0
    assert 50 in distances


def test_the_standard_error_within_classes_is_that_of_a_stratified_mean():
    rng = np.random.default_rng(0)
    groups = [rng.normal(i, 1 + i, size) for i, size in enumerate((10, 30, 20))]
    expected = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups)) / 3
    found = mean_of_groups(groups)
    assert found.standard_error == pytest.approx(expected)
    assert found.value == pytest.approx(np.mean([group.mean() for group in groups]))
    assert found.num_pairs == 60


def test_the_interval_covers_the_truth_where_all_pairs_would_be_overconfident():
    """Values uniform on 0..255: the mean difference of two is (256² - 1) / (3 · 256)."""
    rng, truth, covered, naive = np.random.default_rng(1), (256**2 - 1) / (3 * 256), 0, 0
    for _ in range(300):
        values = rng.integers(0, 256, 30)
        result = LPIPS_DIVERSITY.compute(inputs_of(grey(values)))
        covered += result.ci95[0] <= truth <= result.ci95[1]
        every = np.abs(values[:, None] - values)[np.triu_indices(30, 1)]
        naive += abs(every.mean() - truth) <= 1.96 * every.std() / np.sqrt(len(every))  # wrong: pairs share images
    assert covered / 300 > 0.89
    assert naive / 300 < 0.6


def test_a_seed_fixes_the_pairs():
    samples = grey(np.arange(200))
    values = [LPIPS_DIVERSITY.compute(inputs_of(samples, seed=seed)).value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_the_reference_within_classes_needs_its_labels():
    samples = grey([0, 10] * 10, labels=[0, 1] * 10)
    with_labels = LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples, grey([0, 30] * 2, labels=[0, 1] * 2)))
    without = LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples, grey([0, 30] * 2)))
    assert (with_labels.details["reference_value"], with_labels.num_reference) == (0, 4)
    assert "reference_value" not in without.details
    assert without.num_reference is None


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(MetricUnavailableError, match="no class labels"):
        LPIPS_DIVERSITY_WITHIN.compute(inputs_of(grey([0, 1])))
    with pytest.raises(MetricUnavailableError, match="at least 2 samples"):
        LPIPS_DIVERSITY_WITHIN.compute(inputs_of(grey([0, 1], labels=[0, 1])))
    with pytest.raises(MetricUnavailableError, match="at least 2 samples"):
        LPIPS_DIVERSITY.compute(inputs_of(grey([0])))


def test_classes_of_one_sample_are_left_out_and_counted():
    result = LPIPS_DIVERSITY_WITHIN.compute(inputs_of(grey([0, 10] * 10 + [5], labels=[0, 1] * 10 + [2])))
    assert (result.details["num_classes"], result.details["num_classes_of_one_sample"]) == (2, 1)


def test_a_class_with_one_pair_leaves_the_interval():
    """It is taken to vary as the others do."""
    rng = np.random.default_rng(0)
    groups = [rng.normal(0, 2, 10), rng.normal(0, 4, 20), np.array([1.0])]
    spreads = [groups[0].var(ddof=1), groups[1].var(ddof=1)]
    expected = np.sqrt(spreads[0] / 10 + spreads[1] / 20 + np.mean(spreads)) / 3
    assert mean_of_groups(groups).standard_error == pytest.approx(expected)
    assert mean_of_groups(groups[2:]).standard_error is None


def test_the_reference_is_measured_over_the_classes_of_the_samples():
    samples = ImageSet("samples", grey([0, 10] * 2).images, np.array([0, 0, 0, 0]), ("owl",))
    values, labels = [0, 0, 7, 7, 50, 90], [0, 0, 1, 1, 2, 2]
    reference = ImageSet("reference", grey(values).images, np.array(labels), ("cat", "owl", "dog"))
    details = LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples, reference)).details
    assert (details["reference_value"], details["reference_num_classes"]) == (0, 1)  # not (0 + 0 + 40) / 3
    unknown = ImageSet("reference", grey(values).images, np.array(labels), ("cat", "ant", "dog"))
    assert "reference_value" not in LPIPS_DIVERSITY_WITHIN.compute(inputs_of(samples, unknown)).details
