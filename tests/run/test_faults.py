"""Every fault plants what it says, and nothing at size 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.run.faults import (
    FAULTS,
    Deal,
    add_noise,
    blur,
    compress,
    copy_training,
    drop_classes,
    mislabel,
    repeat_samples,
    skew_classes,
    stray,
    thin_classes,
)

NUM_CLASSES = 10
RNG = np.random.default_rng


@pytest.fixture
def deal():
    """100 training rows, 900 rows to draw from, ten classes evenly: row i is of class i % 10."""
    return Deal(np.arange(100, 1000), np.arange(100), 200, np.arange(1000) % NUM_CLASSES)


@pytest.mark.parametrize("num_dropped", [1, 3, 9])
def test_dropped_classes_are_gone_and_the_others_fill_their_place(deal, num_dropped):
    planted = drop_classes(deal, num_dropped, RNG(0))
    counts = np.bincount(planted.labels, minlength=NUM_CLASSES)
    assert len(planted.rows) == 200
    assert (counts == 0).sum() == num_dropped
    assert (deal.classes[planted.rows] == planted.labels).all()


def test_a_larger_drop_holds_the_smaller_one(deal):
    few, many = (set(drop_classes(deal, size, RNG(3)).labels) for size in (2, 5))
    assert many < few


@pytest.mark.parametrize(("share", "count"), [(0.01, 2), (0.2, 40), (0.5, 100)])
def test_copies_are_training_rows_each_once(deal, share, count):
    planted = copy_training(deal, share, RNG(0))
    copied = planted.rows[planted.rows < 100]
    assert len(copied) == len(set(copied)) == count
    assert len(set(planted.rows)) == 200


@pytest.mark.parametrize(("share", "count"), [(0.01, 2), (0.2, 40), (1.0, 200)])
def test_wrong_labels_are_all_wrong_and_rows_stay(deal, share, count):
    planted = mislabel(deal, share, RNG(0))
    assert (planted.rows == deal.clean().rows).all()
    assert (planted.labels != deal.classes[planted.rows]).sum() == count


@pytest.mark.parametrize("ratio", [2, 4, 16])
def test_the_balance_has_the_asked_ratio(deal, ratio):
    deal = Deal(np.arange(100, 60000), deal.reference, 5000, np.arange(60000) % NUM_CLASSES)
    counts = np.bincount(skew_classes(deal, ratio, RNG(1)).labels, minlength=NUM_CLASSES)
    assert counts.sum() == 5000
    assert counts.max() / counts.min() == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize("share", [0.3, 0.1, 0.03])
def test_half_of_the_classes_come_so_much_less_often(share):
    deal = Deal(np.arange(100, 100000), np.arange(100), 40000, np.arange(100000) % NUM_CLASSES)
    counts = np.sort(np.bincount(thin_classes(deal, share, RNG(2)).labels, minlength=NUM_CLASSES))
    rare, usual = counts[:5], counts[5:]
    assert counts.sum() == 40000
    assert rare.sum() / usual.sum() == pytest.approx(share, rel=0.1)
    assert usual.min() > 3 * usual.std() + rare.max()


@pytest.mark.parametrize(("share", "different"), [(0.1, 180), (0.6, 80), (0.9, 20)])
def test_duplicates_leave_so_many_different_samples(deal, share, different):
    rows = repeat_samples(deal, share, RNG(0)).rows
    assert len(rows) == 200
    assert len(set(rows)) == different
    assert set(rows) <= set(deal.clean().rows)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if fault.plant], ids=lambda fault: fault.name)
@given(seed=st.integers(0, 1000), size=st.sampled_from([0.0, 0.03, 0.4]), num_samples=st.integers(2, 80))
@settings(max_examples=25, deadline=None)
def test_planting_depends_on_the_seed_alone(fault, seed, size, num_samples):
    deal = Deal(np.arange(50, 300), np.arange(50), num_samples, np.arange(300) % 5)
    size = {"drop": round(size * 5), "balance": 1 + size * 10, "rare": 1 - size}.get(fault.name, size)
    clean = size == (1 if fault.name in ("balance", "rare") else 0)
    first, again = (fault.plant(deal, size, RNG(seed)) for _ in range(2))
    assert (first.rows == again.rows).all()
    assert len(first.rows) == len(first.labels) == num_samples
    if clean and fault.name != "balance":
        assert (first.rows == deal.clean().rows).all()
        assert (first.labels == deal.clean().labels).all()


def test_too_few_samples_are_repeated():
    deal = Deal(np.arange(10, 40), np.arange(10), 20, np.arange(40) % 10)
    rows = drop_classes(deal, 9, RNG(0)).rows
    assert len(rows) == 20
    assert len(set(rows)) == 3


def test_sizes_of_dropped_classes_are_counts():
    assert FAULTS["drop"].sizes_for(10) == (1, 2, 3, 5, 7)
    assert FAULTS["drop"].sizes_for(2) == (1,)
    assert FAULTS["drop"].sizes_for(1) == ()
    assert FAULTS["copy"].sizes_for(10) == (0.01, 0.05, 0.2, 0.5)
    assert FAULTS["drop"].word(3) == "3 dropped classes"
    assert FAULTS["copy"].word(0.05) == "5% copied"


@pytest.fixture
def images():
    return RNG(0).integers(0, 256, (6, 12, 12, 3)).astype(np.uint8)


def test_blur_keeps_the_mean_and_takes_the_variance(images):
    blurred = blur(images, 1.5, RNG(0))
    assert blurred.dtype == np.uint8
    assert blurred.mean() == pytest.approx(images.mean(), rel=0.05)
    assert blurred.std() < images.std() / 3
    even = np.full((2, 9, 9, 1), 77, np.uint8)
    assert (blur(even, 2, RNG(0)) == even).all()


def test_noise_has_the_asked_deviation():
    grey = np.full((20, 32, 32, 1), 128, np.uint8)
    noisy = add_noise(grey, 8, RNG(0)).astype(float)
    assert noisy.std() == pytest.approx(8, rel=0.03)
    assert noisy.mean() == pytest.approx(128, abs=0.3)
    assert add_noise(np.zeros_like(grey), 64, RNG(0)).min() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_worse_at_lower_quality(channels):
    smooth = np.linspace(0, 255, 32)[None, :, None, None] * np.ones((3, 1, 32, channels))
    images = np.clip(smooth + RNG(0).normal(0, 20, (3, 32, 32, channels)), 0, 255).astype(np.uint8)
    errors = [np.square(compress(images, q, RNG(0)).astype(float) - images).mean() for q in (90, 40, 15)]
    assert errors == sorted(errors)
    assert errors[0] > 0


def test_stray_points_are_the_asked_share_and_in_the_box():
    points = RNG(0).normal(0, 0.01, (5000, 2)).astype(np.float32)
    moved = stray(points, 0.2, RNG(1))
    changed = (moved != points).any(axis=1)
    assert changed.mean() == pytest.approx(0.2, abs=0.02)
    assert (moved >= points.min(axis=0)).all()
    assert (moved <= points.max(axis=0)).all()
    assert moved.dtype == np.float32


def test_faults_have_sizes_that_rise_in_strength():
    for fault in FAULTS.values():
        assert (fault.plant is None) != (fault.damage is None)
        rising = [-size for size in fault.sizes] if fault.name in ("jpeg", "rare") else list(fault.sizes)
        assert rising == sorted(rising)
