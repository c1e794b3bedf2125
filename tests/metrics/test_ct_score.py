"""C_T: z scores as scipy's, the sum over cells by its definition, and samples of known kind."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, norm

from ganbench.metrics import ct_score
from ganbench.metrics.ct_score import CT_SCORE, Placed, copying_score, counted_cells, number_of_cells, place, z_score
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError

DIM = 8


def normal(n, seed, dim=DIM):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def inputs_of(samples, heldout, train, seed=0):
    features = {"samples": samples, "train": train, "heldout": heldout}
    source = {
        name: ImageSet(name, np.zeros((len(values), 2, 2, 1), np.uint8))
        for name, values in features.items()
        if values is not None
    }
    images = ImageInputs(source["samples"], source["train"], source["train"], source.get("heldout"), seed=seed)
    return MetricInputs(images, lambda images: FeatureSet(features[images.name]))


def scipy_z(samples, heldout):
    result = mannwhitneyu(samples, heldout, alternative="two-sided", method="asymptotic", use_continuity=False)
    sign = np.sign(result.statistic - len(samples) * len(heldout) / 2)
    return sign * norm.isf(result.pvalue / 2)


@pytest.mark.parametrize("decimals", [12, 1, 0])
def test_z_scores_are_those_of_scipy_with_and_without_ties(decimals):
    rng = np.random.default_rng(0)
    samples, heldout = rng.standard_normal(70).round(decimals), (rng.standard_normal(45) + 0.4).round(decimals)
    assert z_score(samples, heldout) == pytest.approx(scipy_z(samples, heldout), rel=1e-9)
    assert z_score(samples, heldout) < 0


def test_equal_distances_tell_nothing():
    assert z_score(np.zeros(30), np.zeros(20)) == 0


def test_cells_and_weights_follow_the_definition():
    samples, heldout, train = normal(600, 0), normal(500, 1) * 1.1, normal(900, 2)
    ours = place(samples, heldout, train, num_cells=3, seed=0)
    centres = np.unique(ours[0].cells)
    assert len(centres) == 3
    total = 0.0
    train_cells = place(train, heldout, train, num_cells=3, seed=0)[0].cells  # a training image's own cell
    for cell in centres:
        inside = train[train_cells == cell]
        near = [cdist(x[p.cells == cell], inside).min(axis=1) for x, p in zip((samples, heldout), ours, strict=True)]
        assert np.allclose(ours[0].distances[ours[0].cells == cell], near[0])
        total += scipy_z(*near) * (ours[1].cells == cell).mean()
    assert copying_score(*ours, centres)[0] == pytest.approx(total, rel=1e-6)


def test_cells_with_few_images_are_left_out():
    cells = np.repeat([0, 1, 2], [30, 19, 40])
    samples, heldout = Placed(cells, np.arange(89.0)), Placed(np.repeat([0, 1, 3], [20, 50, 30]), np.arange(100.0))
    assert counted_cells(samples, heldout).tolist() == [0]
    assert counted_cells(heldout, heldout).tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    ("counts", "cells"), [((10_000, 10_000, 50_000), 50), ((1000, 400, 60_000), 2), ((30, 30, 30), 1), ((1, 1, 1), 1)]
)
def test_the_number_of_cells_follows_the_smallest_set(counts, cells):
    assert number_of_cells(*counts) == cells


@pytest.mark.parametrize("seed", range(3))
def test_fresh_samples_are_near_0(seed):
    result = CT_SCORE.compute(
        inputs_of(normal(1000, 10 * seed), normal(1000, 10 * seed + 1), normal(1500, 10 * seed + 2))
    )
    assert abs(result.value) < 1.5
    assert result.ci95[0] < result.value < result.ci95[1]
    assert result.details["num_cells_counted"] == 5


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_copies_are_far_below_0(noise):
    train = normal(1500, 0)
    result = CT_SCORE.compute(inputs_of(train[:1000] + noise * normal(1000, 1), normal(1000, 2), train))
    assert result.value < -10
    assert result.ci95[1] < -3


def test_noised_samples_are_far_above_0():
    train = normal(1500, 0)
    result = CT_SCORE.compute(inputs_of(train[:1000] + 1.5 * normal(1000, 1), normal(1000, 2), train))
    assert result.ci95[0] > 3


def test_copies_in_one_region_show_in_that_cell():
    train = np.concatenate([normal(1000, 0), normal(1000, 1) + 30])
    heldout = np.concatenate([normal(300, 2), normal(300, 3) + 30])
    samples = np.concatenate([train[:300], normal(300, 4) + 30])
    placed = place(samples, heldout, train, num_cells=2, seed=0)
    _, scores = copying_score(*placed, counted_cells(*placed))
    assert min(scores) < -10
    assert abs(max(scores)) < 4


def test_the_interval_covers_what_new_samples_give(monkeypatch):
    """The bootstrap's width is that of C_T over fresh samples and held-out images, for one training set."""
    monkeypatch.setattr(ct_score, "NUM_RESAMPLES", 60)
    train, values, widths = normal(400, 0), [], []
    for seed in range(1, 61):
        result = CT_SCORE.compute(inputs_of(1.1 * normal(250, 2 * seed), normal(250, 2 * seed + 1), train))
        values.append(result.value)
        widths.append(result.ci95[1] - result.ci95[0])
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(values), rel=0.35)


def test_a_seed_fixes_it():
    arrays = normal(500, 0), normal(500, 1), normal(700, 2)
    assert CT_SCORE.compute(inputs_of(*arrays)) == CT_SCORE.compute(inputs_of(*arrays))


def test_without_held_out_images_it_says_how_to_give_them():
    with pytest.raises(MetricUnavailableError, match="--heldout REF"):
        CT_SCORE.compute(inputs_of(normal(100, 0), None, normal(100, 1)))


def test_too_few_images_are_refused():
    with pytest.raises(MetricUnavailableError, match="19 held-out images"):
        CT_SCORE.compute(inputs_of(normal(100, 0), normal(19, 1), normal(100, 2)))


def test_every_cell_holds_a_training_image():
    """Few different training images: k-means leaves centres that none is nearest to, and distances there were NaN."""
    train = np.repeat(normal(3, 0), 200, axis=0)
    placed = place(normal(400, 1), normal(400, 2), train, num_cells=20, seed=0)
    for one in placed:
        assert np.isfinite(one.distances).all()
        assert len(np.unique(one.cells)) <= 3


def test_training_images_that_are_all_alike_are_refused():
    with pytest.raises(MetricUnavailableError, match="all training images have the same features"):
        CT_SCORE.compute(inputs_of(normal(100, 0), normal(100, 1), np.ones((300, DIM), np.float32)))


def test_the_card_tells_what_copies_do_at_200_images_a_cell():
    train, scores = normal(4000, 0, 32), []
    for share in (0, 0.2, 1):
        samples = normal(200, 1, 32)
        samples[: int(200 * share)] = train[: int(200 * share)]
        placed = place(samples, normal(200, 2, 32), train, num_cells=1, seed=0)
        scores.append(copying_score(*placed, np.array([0]))[0])
    assert scores[1] - scores[0] == pytest.approx(-0.18 * 20, abs=0.5)
    assert scores[2] == pytest.approx(-18, abs=1)
