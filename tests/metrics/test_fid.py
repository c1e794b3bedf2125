"""The Fréchet distance against closed forms, torch-fidelity and wrong forms; its interval by simulation."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganbench.metrics.fid import frechet_distance, frechet_distance_with_error, gaussian


def features(n, dim, seed=0, shift=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(dim, dim)) / np.sqrt(dim)
    return rng.normal(size=(n, dim)) @ mixing * scale + shift


def fid(a, b):
    return frechet_distance_with_error(a, b)[0]


def by_torch_fidelity(a, b):
    statistics = (fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b))
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def wrong_eigvalsh_of_product(a, b):
    """Treats the product of the covariances as if it were symmetric."""
    (m1, s1), (m2, s2) = gaussian(a), gaussian(b)
    root = np.sqrt(np.clip(np.linalg.eigvalsh(s1 @ s2), 0, None)).sum()
    return np.square(m1 - m2).sum() + np.trace(s1 + s2) - 2 * root


def wrong_covariance_over_n(a, b):
    (m1, s1), (m2, s2) = gaussian(a), gaussian(b)
    return frechet_distance(m1, s1 * (1 - 1 / len(a)), m2, s2 * (1 - 1 / len(b)))


def wrong_mean_of_batches(a, b):
    """Averages the covariances of batches of 16."""
    moments = []
    for x in (a, b):
        parts = [gaussian(x[i : i + 16]) for i in range(0, len(x), 16)]
        moments += [np.mean([mean for mean, _ in parts], axis=0), np.mean([cov for _, cov in parts], axis=0)]
    return frechet_distance(*moments)


A, B = features(80, 12), features(64, 12, seed=1, shift=0.3, scale=1.2)


def test_agrees_with_torch_fidelity():
    assert fid(A, B) == pytest.approx(by_torch_fidelity(A, B), rel=1e-6)
    large = features(300, 64, seed=2).astype(np.float32), features(400, 64, seed=3, shift=0.1).astype(np.float32)
    assert fid(*large) == pytest.approx(by_torch_fidelity(*(x.astype(np.float64) for x in large)), rel=1e-6)


@pytest.mark.parametrize("wrong", [wrong_eigvalsh_of_product, wrong_covariance_over_n, wrong_mean_of_batches])
def test_the_wrong_forms_are_rejected(wrong):
    assert wrong(A, B) != pytest.approx(by_torch_fidelity(A, B), rel=1e-3)


def test_commuting_covariances_have_a_closed_form():
    s1, s2, shift = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.0]), np.array([1.0, -2.0, 0.5])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    covariances = (rotation @ np.diag(s) @ rotation.T for s in (s1, s2))
    first, second = covariances
    expected = shift @ shift + np.square(np.sqrt(s1) - np.sqrt(s2)).sum()
    assert frechet_distance(np.zeros(3), first, shift, second) == pytest.approx(expected, rel=1e-12)


def test_equal_sets_are_at_zero_and_a_shift_at_its_square():
    assert fid(A, A) == pytest.approx(0, abs=1e-9)
    assert fid(A, A + np.full(12, 0.5)) == pytest.approx(12 * 0.25, rel=1e-9)


def test_it_is_symmetric():
    assert fid(A, B) == pytest.approx(fid(B, A), rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(10, 8), (10, 200), (2, 2)])
def test_fewer_images_than_dimensions_give_the_right_finite_number(n, m):
    """Independent form: tr (S₁ S₂)^½ is the nuclear norm of the product of the centred data matrices."""
    a, b = features(n, 40), features(m, 40, seed=1, shift=0.2)
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    expected = np.square(a.mean(0) - b.mean(0)).sum() + sum(np.square(x).sum() for x in centred)
    expected -= 2 * np.linalg.norm(centred[0] @ centred[1].T, "nuc")
    value, error = frechet_distance_with_error(a, b)
    assert value == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(error)


def test_constant_features_are_at_the_square_of_their_distance():
    value, error = frechet_distance_with_error(np.zeros((5, 3)), np.ones((5, 3)))
    assert value == pytest.approx(3)
    assert error == 0


def test_float32_features_with_a_large_mean_lose_nothing():
    a, b = A.astype(np.float32) + np.float32(1000), B.astype(np.float32) + np.float32(1000)
    assert fid(a, b) == pytest.approx(by_torch_fidelity(a.astype(np.float64), b.astype(np.float64)), rel=1e-6)


@pytest.mark.parametrize(("dim", "n", "shift", "scale"), [(4, 300, 0.5, 1.2), (16, 200, 0.0, 1.0), (24, 48, 0.2, 1.2)])
def test_the_interval_covers_the_mean_of_repeated_draws(dim, n, shift, scale):
    reference = features(500, dim, seed=1000)
    draws = [frechet_distance_with_error(features(n, dim, i, shift, scale), reference) for i in range(200)]
    values, errors = np.array(draws).T
    covered = np.mean(np.abs(values - values.mean()) < 1.96 * errors)
    assert covered > 0.88
    assert 0.75 < errors.mean() / values.std() < 1.5
