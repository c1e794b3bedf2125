"""The Fréchet distance against closed forms, torch-fidelity and wrong forms; its interval by simulation."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganbench.metrics import fid as module
from ganbench.metrics.fid import (
    GaussianStatistics,
    fit_gaussian,
    frechet,
    frechet_distance,
    frechet_distance_with_error,
    frechet_with_error,
    gaussian,
)
from ganbench.types import FeatureSet


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


def wrong_moments_in_float32(a, b):
    """Sums x and x xᵀ batch by batch in float32, and centres at the end."""
    moments = []
    for x in (a.astype(np.float32), b.astype(np.float32)):
        total, outer = np.zeros(x.shape[1], np.float32), np.zeros((x.shape[1], x.shape[1]), np.float32)
        for start in range(0, len(x), 16):
            batch = x[start : start + 16]
            total, outer = total + batch.sum(axis=0), outer + batch.T @ batch
        mean = total / np.float32(len(x))
        moments += [mean, (outer - len(x) * np.outer(mean, mean)) / np.float32(len(x) - 1)]
    return frechet_distance(*(moment.astype(np.float64) for moment in moments))


def wrong_matrix_root_of_product(a, b):
    """SciPy's root of the product, real part: what the first implementations took."""
    (m1, s1), (m2, s2) = gaussian(a), gaussian(b)
    return np.square(m1 - m2).sum() + np.trace(s1 + s2) - 2 * np.trace(sqrtm(s1 @ s2).real)


def exact(a, b):
    """Independent form in float64: tr (S₁ S₂)^½ is the nuclear norm of the product of the centred data matrices."""
    centred = [(x - x.mean(0, dtype=np.float64)) / np.sqrt(len(x) - 1) for x in (a, b)]
    means = [x.mean(0, dtype=np.float64) for x in (a, b)]
    total = np.square(means[0] - means[1]).sum() + sum(np.square(x).sum() for x in centred)
    return total - 2 * np.linalg.norm(centred[0] @ centred[1].T, "nuc")


A, B = features(80, 12), features(64, 12, seed=1, shift=0.3, scale=1.2)


def test_agrees_with_torch_fidelity():
    assert fid(A, B) == pytest.approx(by_torch_fidelity(A, B), rel=1e-6)
    large = features(300, 64, seed=2).astype(np.float32), features(400, 64, seed=3, shift=0.1).astype(np.float32)
    assert fid(*large) == pytest.approx(by_torch_fidelity(*(x.astype(np.float64) for x in large)), rel=1e-6)


@pytest.mark.parametrize("wrong", [wrong_eigvalsh_of_product, wrong_covariance_over_n, wrong_mean_of_batches])
def test_the_wrong_forms_are_rejected(wrong):
    assert wrong(A, B) != pytest.approx(by_torch_fidelity(A, B), rel=1e-3)


def test_moments_merged_in_float32_are_rejected():
    a, b = A + 300, B + 300
    assert fid(a, b) == pytest.approx(by_torch_fidelity(a, b), rel=1e-6)
    assert wrong_moments_in_float32(a, b) != pytest.approx(by_torch_fidelity(a, b), rel=1e-3)


def test_a_matrix_root_of_the_product_is_rejected_where_images_are_few():
    a = features(20, 200)
    b = a + 1e-3 * features(20, 200, seed=1)  # a pair that is nearly alike: rounding shows in the small distance
    assert fid(a, b) == pytest.approx(exact(a, b), rel=1e-6)
    assert wrong_matrix_root_of_product(a, b) != pytest.approx(exact(a, b), rel=1e-3)


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


SIZES = [(10, 8), (8, 10), (10, 200), (200, 10), (40, 41), (41, 40), (41, 41), (2, 2), (90, 300)]


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_any_number_of_images_beside_the_dimensions_gives_the_right_number_by_every_way(n, m):
    a, b = features(n, 40), features(m, 40, seed=1, shift=0.2)
    value, error = frechet_distance_with_error(a, b)
    assert value == pytest.approx(exact(a, b), rel=1e-7)
    assert np.isfinite(error)
    assert frechet(fit_gaussian(a), fit_gaussian(b)) == pytest.approx(exact(a, b), rel=1e-7)
    assert frechet_distance(*gaussian(a), *gaussian(b)) == pytest.approx(exact(a, b), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_error_is_the_spread_of_the_influence_by_its_definition(n, m):
    """Independent form: T by eigenvectors of S₁, at the samples."""
    a, b = features(n, 40), features(m, 40, seed=1, shift=0.2)
    (m1, s1), (m2, s2) = gaussian(a), gaussian(b)
    values, vectors = np.linalg.eigh(s1)
    kept = values > 1e-12 * values[-1]
    root = (vectors[:, kept] * np.sqrt(values[kept])) @ vectors[:, kept].T
    inverse = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    squares, directions = np.linalg.eigh(root @ s2 @ root)
    transport = inverse @ (directions * np.sqrt(np.clip(squares, 0, None))) @ directions.T @ inverse
    x = a - m1
    influence = 2 * x @ (m1 - m2) + np.einsum("ij,jk,ik->i", x, np.eye(40) - transport, x)
    expected = influence.std(ddof=1) / np.sqrt(n)
    assert frechet_distance_with_error(a, b)[1] == pytest.approx(expected, rel=1e-4)


def test_eigenvalues_that_would_lose_digits_give_way_to_singular_values(monkeypatch):
    """Spectra that fall over ten decades: the roots of rounded eigenvalues show in the value."""
    mixing = np.random.default_rng(5).normal(size=(60, 60)) * np.logspace(0, -10, 60)[:, None]
    a, b = (np.random.default_rng(seed).normal(size=(n, 60)) @ mixing for seed, n in ((0, 50), (1, 55)))
    assert fid(a, b) == pytest.approx(exact(a, b), rel=1e-9)
    monkeypatch.setattr(module, "_TOLERATED_OF_VALUE", 1.0)
    assert fid(a, b) != pytest.approx(exact(a, b), rel=1e-9)


def test_known_statistics_of_the_reference_give_the_same_without_its_images():
    samples = fit_gaussian(A)
    known = frechet_with_error(A, samples, GaussianStatistics(*gaussian(B)))
    assert known == pytest.approx(frechet_distance_with_error(A, B), rel=1e-9)


def test_statistics_agree_with_numpy_in_blocks_and_in_any_order(monkeypatch):
    x = features(500, 7, shift=100).astype(np.float32)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 64)
    mean, covariance = gaussian(x[np.random.default_rng(0).permutation(500)])
    np.testing.assert_allclose(mean, x.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-9)
    blocks = frechet_distance_with_error(x, B[:, :7])
    monkeypatch.undo()
    assert blocks == pytest.approx(frechet_distance_with_error(x, B[:, :7]), rel=1e-9)


def test_features_without_variance_change_nothing():
    dead = np.ones((80, 3)), np.ones((64, 3))
    with_dead = fid(np.hstack([A, dead[0]]), np.hstack([B, dead[1]]))
    assert with_dead == pytest.approx(fid(A, B), rel=1e-9)


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


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dim", [4, 60])
def test_features_that_are_no_numbers_are_refused_by_their_count(bad, dim):
    broken = features(40, dim)
    broken[[3, 7], 2] = bad, -bad
    for pair in ((broken, features(50, dim)), (features(50, dim), broken)):
        with pytest.raises(ValueError, match="NaN or infinity in 2 of 40 images"):
            frechet_distance_with_error(*pair)


def test_samples_without_any_spread_have_no_interval():
    constant, other = np.ones((5, 3), np.float32), np.zeros((6, 3), np.float32)
    for samples, reference in ((constant, constant), (constant, other)):
        shared = SimpleNamespace(
            samples=FeatureSet(samples),
            reference=FeatureSet(reference),
            samples_gaussian=fit_gaussian(samples),
            reference_gaussian=fit_gaussian(reference),
        )
        result = module.compute_fid(shared)
        assert result.value == pytest.approx(0 if reference is samples else 3)
        assert result.ci95 is None
