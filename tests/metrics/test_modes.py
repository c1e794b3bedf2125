"""Covered classes and reverse KL by hand."""

import numpy as np
import pytest

from ganbench.metrics.modes import num_covered, reverse_kl

EVEN = np.full(4, 0.25)


@pytest.mark.parametrize(
    ("counts", "covered"), [([25, 25, 25, 25], 4), ([100, 0, 0, 0], 1), ([95, 3, 2, 0], 2), ([390, 10, 0, 0], 2)]
)
def test_a_class_is_covered_from_a_tenth_of_its_real_share(counts, covered):
    assert num_covered(np.array(counts), EVEN) == covered


def test_rare_classes_are_held_to_their_own_share_and_absent_ones_do_not_count():
    real = np.array([0.9, 0.1, 0.0])
    assert num_covered(np.array([98, 2, 0]), real) == 2
    assert num_covered(np.array([100, 0, 0]), real) == 1
    assert num_covered(np.array([50, 25, 25]), real) == 2


def test_reverse_kl():
    assert reverse_kl(np.array([5, 5, 5, 5]), EVEN) == 0
    assert reverse_kl(np.array([9, 0, 0, 0]), EVEN) == pytest.approx(np.log(4))
    assert reverse_kl(np.array([3, 1, 0, 0]), EVEN) == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))


def test_the_kl_runs_from_samples_to_real():
    real = np.array([0.8, 0.2])
    assert reverse_kl(np.array([1, 1]), real) == pytest.approx(0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2))


def test_many_counts_at_once():
    counts = np.array([[4, 0, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_array_equal(num_covered(counts, EVEN), [1, 4])
    np.testing.assert_allclose(reverse_kl(counts, EVEN), [np.log(4), 0])
