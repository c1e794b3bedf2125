"""Sliced Wasserstein: pyramid and distance by plain definitions, SciPy and wrong forms; influence by differences."""

import numpy as np
import pytest
from scipy.ndimage import convolve, gaussian_filter
from scipy.stats import wasserstein_distance

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.patches import PATCHES_PER_IMAGE, Patches, collect_patches, laplacian_level, num_levels
from ganbench.metrics.sliced_wasserstein import (
    SLICED_WASSERSTEIN,
    image_influence,
    kantorovich_potential,
    level_distance,
    sliced_distance,
)
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError

RNG = np.random.default_rng(0)
FILTER = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def textures(n, side=32, seed=0, channels=3):
    """Smooth noise: neighbouring pixels are alike, as in photos."""
    noise = np.random.default_rng(seed).normal(size=(n, side, side, channels))
    smooth = gaussian_filter(noise, (0, 1.5, 1.5, 0), mode="wrap")
    return np.clip(128 + 250 * smooth, 0, 255).astype(np.uint8)


def patches_of(values):
    return Patches(values, values.mean(axis=(0, 2), dtype=float), values.std(axis=(0, 2), dtype=float))


def random_patches(n, seed, shift=0.0, channels=2):
    rng = np.random.default_rng(seed)
    return patches_of((rng.gamma(2 + shift, size=(n, channels, 49)) + shift).astype(np.float32))


def directions(dim, count, seed=0):
    raw = np.random.default_rng(seed).normal(size=(dim, count))
    return (raw / np.linalg.norm(raw, axis=0)).astype(np.float32)


def measure(samples, reference, seed=0):
    sets = ImageSet("samples", samples), ImageSet("reference", reference)
    images = ImageInputs(sets[0], sets[1], sets[1], seed=seed)
    return SLICED_WASSERSTEIN.compute(MetricInputs(images, lambda _: FeatureSet(np.zeros((1, 1), np.float32))))


def normalised(patches):
    whole = (patches.values - patches.mean[:, None]) / patches.std[:, None]
    return whole.reshape(len(whole), -1)


def test_distances_agree_with_scipy_along_every_direction():
    a, b, lines = random_patches(500, 0), random_patches(500, 1, shift=1.0), directions(98, 20)
    expected = [wasserstein_distance(normalised(a) @ d, normalised(b) @ d) for d in lines.T]
    np.testing.assert_allclose(sliced_distance(a, b, lines), expected, rtol=1e-4)


def wrong_unsorted(a, b, lines):
    return np.abs(normalised(a) @ lines - normalised(b) @ lines).mean(axis=0)


def wrong_squared(a, b, lines):
    return np.square(np.sort(normalised(a) @ lines, axis=0) - np.sort(normalised(b) @ lines, axis=0)).mean(axis=0)


def wrong_normalised_together(a, b, lines):
    both = patches_of(np.concatenate([a.values, b.values]))
    return sliced_distance(*(Patches(x.values, both.mean, both.std) for x in (a, b)), lines)


def wrong_channels_together(a, b, lines):
    a, b = (Patches(x.values, np.full(2, x.values.mean()), np.full(2, x.values.std())) for x in (a, b))
    return sliced_distance(a, b, lines)


@pytest.mark.parametrize("wrong", [wrong_unsorted, wrong_squared, wrong_normalised_together, wrong_channels_together])
def test_the_wrong_forms_are_rejected(wrong):
    a, b, lines = random_patches(500, 0), random_patches(500, 1, shift=1.0), directions(98, 20)
    a = patches_of(a.values * np.array([1, 5], np.float32)[:, None])
    assert wrong(a, b, lines).mean() != pytest.approx(sliced_distance(a, b, lines).mean(), rel=0.05)


@pytest.mark.parametrize(("side", "levels"), [(16, 1), (28, 1), (31, 1), (32, 2), (63, 2), (64, 3), (128, 4), (8, 1)])
def test_levels_go_down_to_16_pixels(side, levels):
    assert num_levels((10, side, side + 1, 3)) == levels


def test_the_finest_levels_hold_what_the_next_one_misses():
    images = textures(2, 64)
    levels = [laplacian_level(images, level, 3) for level in range(3)]
    assert [level.shape[1] for level in levels] == [64, 32, 16]
    small = np.stack([convolve(images[0, ..., c].astype(float), FILTER, mode="mirror")[::2, ::2] for c in range(3)], -1)
    spaced = np.zeros((64, 64, 3))
    spaced[::2, ::2] = small
    large = np.stack([convolve(spaced[..., c], 4 * FILTER, mode="mirror") for c in range(3)], -1)
    np.testing.assert_allclose(levels[0][0], images[0] - large, atol=1e-3)


def test_odd_sides_have_levels_too():
    assert laplacian_level(textures(1, 35), 0, 2).shape == (1, 35, 35, 3)
    assert laplacian_level(textures(1, 35), 1, 2).shape == (1, 18, 18, 3)


def test_a_flat_image_has_nothing_but_its_coarsest_level():
    flat = np.full((1, 32, 32, 1), 77, np.uint8)
    np.testing.assert_allclose(laplacian_level(flat, 0, 2), 0, atol=1e-4)
    np.testing.assert_allclose(laplacian_level(flat, 1, 2), 77, rtol=1e-6)


def test_patches_are_cut_from_the_images_with_their_statistics():
    images = textures(300, 12)  # more than one batch
    patches = collect_patches(ImageSet("a", images), 0, 1, 0)
    assert patches.values.shape == (300 * PATCHES_PER_IMAGE, 3, 49)
    windows = np.lib.stride_tricks.sliding_window_view(images[299], (7, 7), axis=(0, 1)).reshape(36, 3, 49)
    last = patches.values[-PATCHES_PER_IMAGE:]
    found = (last[:, None] == windows).all(axis=(2, 3))
    assert found.any(axis=1).all()  # each is a window of its own image
    assert found.any(axis=0).mean() > 0.8  # from all over it
    np.testing.assert_allclose(patches.mean, patches.values.mean(axis=(0, 2), dtype=float))
    np.testing.assert_allclose(patches.std, patches.values.std(axis=(0, 2), dtype=float))


def test_equal_sets_are_at_distance_zero_in_any_order():
    images = textures(20)
    assert measure(images, images).value == 0
    assert measure(images[::-1], images).value == pytest.approx(0, abs=1e-3)


def test_the_order_of_the_images_does_not_matter():
    a, b = textures(20), textures(20, seed=1)
    assert measure(a[RNG.permutation(20)], b).value == pytest.approx(measure(a, b).value, rel=1e-4)


def test_the_size_of_batches_does_not_matter(monkeypatch):
    a, b = textures(20), textures(20, seed=1)
    expected = measure(a, b).value
    monkeypatch.setattr("ganbench.metrics.patches._BATCH_PIXELS", 3 * 32 * 32 * 3)
    assert measure(a, b).value == pytest.approx(expected, rel=1e-6)


def test_blur_shows_at_the_finest_level_most():
    a, b = textures(40, 64), textures(40, 64, seed=1)
    blurred = gaussian_filter(a, (0, 1.2, 1.2, 0))
    sharp, dull = measure(a, b).details["levels"], measure(blurred, b).details["levels"]
    added = [dull[level] - sharp[level] for level in ("64", "32", "16")]
    assert added[0] > 3 * max(added[1:])


def test_brightness_and_contrast_of_each_channel_are_normalised_away_but_not_the_shape_of_its_distribution():
    a, lines = random_patches(500, 0), directions(98, 20)
    brighter = patches_of(a.values * np.array([2, 5], np.float32)[:, None] + np.array([30, -10], np.float32)[:, None])
    np.testing.assert_allclose(sliced_distance(a, brighter, lines), 0, atol=1e-5)
    assert sliced_distance(a, patches_of(a.values**2), lines).min() > 1e-2


def test_more_different_sets_are_further():
    b, stripes = textures(30, seed=1), textures(30)
    stripes[:, ::4] = 0
    assert measure(stripes, b).value > 2 * measure(textures(30), b).value


def test_the_potential_is_what_moving_mass_changes():
    a, b = RNG.normal(size=50), RNG.normal(size=50) + 0.3
    potential, slope = kantorovich_potential(a, b)
    even, step = np.ones(50), 1e-6
    changes = [
        wasserstein_distance(a, b, even + step * one) - wasserstein_distance(a, b, even - step * one)
        for one in np.eye(50)
    ]
    expected = 50 * np.array(changes) / (2 * step)
    np.testing.assert_allclose(potential - potential.mean(), expected - expected.mean(), atol=1e-4)
    moved = [(wasserstein_distance(a + 1e-7 * one, b) - wasserstein_distance(a, b)) * 50 / 1e-7 for one in np.eye(50)]
    np.testing.assert_allclose(slope, moved, atol=1e-4)


def test_the_influence_is_the_derivative_by_each_images_weight():
    """Patches of four images against others, with the weighted means and deviations that normalise them."""
    ours, theirs = random_patches(4 * PATCHES_PER_IMAGE, 0), random_patches(4 * PATCHES_PER_IMAGE, 1, shift=0.5)
    shifted = ours.values + np.arange(4, dtype=np.float32).repeat(PATCHES_PER_IMAGE)[:, None, None]
    ours, lines = patches_of(shifted), directions(98, 3)

    def distance(weights):
        each = np.repeat(weights / weights.sum(), PATCHES_PER_IMAGE) / PATCHES_PER_IMAGE
        values = ours.values.astype(float)
        mean = np.einsum("p,pck->c", each, values) / 49
        std = np.sqrt(np.einsum("p,pck->c", each, np.square(values - mean[:, None])) / 49)
        flat = ((values - mean[:, None]) / std[:, None]).reshape(len(values), -1)
        return np.mean([wasserstein_distance(flat @ d, normalised(theirs) @ d, each) for d in lines.T])

    step = 1e-4
    slopes = np.array([distance(np.ones(4) + step * one) - distance(np.ones(4) - step * one) for one in np.eye(4)])
    slopes *= 4 / (2 * step)
    influence = image_influence(ours, theirs, lines)
    np.testing.assert_allclose(influence - influence.mean(), slopes - slopes.mean(), atol=0.01 * np.abs(slopes).max())


def test_the_error_is_the_spread_over_new_samples():
    reference = ImageSet("reference", textures(40, 16, seed=999, channels=1))
    dark = [textures(40, 16, seed=seed, channels=1) ** 2 // 255 for seed in range(40)]
    results = [level_distance(ImageSet("samples", images), reference, 0, 1, 0) for images in dark]
    spread = np.std([r.repeats.mean() for r in results], ddof=1)
    errors = [np.sqrt(r.influence.var(ddof=1) / 40) for r in results]
    assert np.mean(errors) == pytest.approx(spread, rel=0.4)


def test_the_larger_set_is_cut_to_the_smaller_one_by_the_seed():
    a, b = textures(12), textures(30, seed=1)
    result = measure(a, b)
    chosen = np.sort(np.random.default_rng(0).permutation(30)[:12])
    assert (result.num_samples, result.num_reference) == (12, 12)
    assert result.value == measure(a, b[chosen]).value
    assert result.value != measure(a, b, seed=1).value
    assert result.ci95[0] < result.value < result.ci95[1]


def test_flat_images_give_a_number():
    flat = np.full((3, 16, 16, 1), 9, np.uint8)
    shades = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((3, 32, 32, 1), np.uint8)
    assert measure(flat, flat).value == 0
    assert measure(shades * 77, 7 + shades * 31).details["levels"]["32"] == pytest.approx(0, abs=1e-2)  # not rounding
    assert np.isfinite(measure(flat, textures(3, 16, channels=1)).value)


@pytest.mark.parametrize(
    ("samples", "reference", "message"),
    [
        (textures(2), textures(2, 16), "samples are 32 x 32 RGB and the reference 16 x 16 RGB"),
        (textures(2), textures(2, channels=1), "samples are 32 x 32 RGB and the reference 32 x 32 grey"),
        (textures(2, 6), textures(2, 6), "patches have 7 x 7 pixels, images only 6 x 6 RGB"),
    ],
)
def test_images_that_cannot_be_compared_are_named(samples, reference, message):
    with pytest.raises(MetricUnavailableError, match=message):
        measure(samples, reference)


def test_the_details_hold_what_the_normalisation_takes_away():
    """The distance is blind to a cast that all images share; the channels' means and deviations show it."""
    reference = textures(12)
    cast = (reference // 2 + np.array([0, 60, 120])).astype(np.uint8)
    result = measure(cast, reference)
    assert result.value < measure(textures(12, seed=5), reference).value  # other textures, no cast
    assert list(result.details["channels"]) == list(result.details["levels"]) == ["32", "16"]
    level = result.details["channels"]["16"]  # the coarsest: the images themselves, halved
    shift = np.subtract(level["samples"]["mean"], np.divide(level["reference"]["mean"], 2))
    np.testing.assert_allclose(shift, [0, 60, 120], atol=6)
    np.testing.assert_allclose(level["samples"]["std"], np.divide(level["reference"]["std"], 2), rtol=0.1)
