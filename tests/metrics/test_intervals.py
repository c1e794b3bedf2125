"""Intervals against SciPy's and by simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from ganbench.metrics.intervals import (
    median_interval,
    normal_interval,
    occupied_interval,
    sampling_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (817, 1000)])
def test_wilson_agrees_with_scipy(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(successes, trials), (expected.low, expected.high), atol=1e-12)


def test_normal_interval():
    np.testing.assert_allclose(normal_interval(3.0, 0.5), (2.020018, 3.979982), atol=1e-6)


def test_a_sampling_interval_is_cut_off_and_none_without_spread():
    assert sampling_interval(3.0, 0.5) == normal_interval(3.0, 0.5)
    assert sampling_interval(0.5, 0.5, at_least=0.0) == (0.0, normal_interval(0.5, 0.5)[1])
    assert sampling_interval(3.0, 0.0) is None
    assert sampling_interval(0.0, 0.0) is None
    assert sampling_interval(3.0, 1e-15) is None


@pytest.mark.parametrize("n", [6, 25, 200])
def test_the_median_lies_in_its_interval_about_as_often_as_said(n):
    draws = np.random.default_rng(0).exponential(size=(2000, n))
    bounds = np.array([median_interval(row) for row in draws])
    covered = np.mean((bounds[:, 0] <= np.log(2)) & (np.log(2) <= bounds[:, 1]))
    assert 0.93 < covered < 0.99


def test_too_few_values_have_no_median_interval():
    assert median_interval(np.arange(5.0)) is None


@pytest.mark.parametrize(
    ("shares", "num_samples"),
    [
        (np.ones(8), 500),
        (np.repeat([1.0, 0.01], 4), 500),  # each of four rare ones expects 1.2
        (np.repeat([1.0, 0.01], [13, 12]), 500),
        (np.repeat([1.0, 0.002], 4), 500),
        (np.repeat([1.0, 0.01], [7, 1]), 2100),  # one of them expects 3
        (np.repeat([1.0, 0.01], 4), 2400),  # four of them expect 6
        (np.repeat([1.0, 0.0], 4), 500),
        (1 / np.arange(1, 1001), 2000),
        (np.ones(1000), 700),
    ],
)
def test_what_other_samples_occupy_on_average_is_held(shares, num_samples):
    rng, shares = np.random.default_rng(0), shares / shares.sum()
    expected = (1 - (1 - shares) ** num_samples).sum()
    drawn = rng.multinomial(num_samples, shares, 300)
    intervals = np.array([occupied_interval(counts, 0, 0) for counts in drawn])
    held = (intervals[:, 0] <= expected + 1e-6) & (expected - 1e-6 <= intervals[:, 1])
    assert held.mean() >= 0.93
    assert (intervals[:, 1] <= len(shares)).all()
