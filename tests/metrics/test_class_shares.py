"""Class shares behind an imperfect classifier: exact without noise, and planted ones held by their intervals."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganbench.features import classifier
from ganbench.features.classifier import trained_classifier
from ganbench.metrics.class_shares import corrected_shares
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.modes import MODE_KL, MODES, num_covered
from ganbench.types import Dataset, DataSpec, FeatureSet, ImageSet, MetricUnavailableError

NOISE = 75  # grey levels


def confusing(num_classes, accuracy, seed=0):
    """[K, K]: how often each class (row) is taken for each other, unevenly."""
    rows = np.random.default_rng(seed).dirichlet(np.full(num_classes, 0.3), size=num_classes)
    return (1 - accuracy) * rows + accuracy * np.eye(num_classes)


def planted(num_classes, num_dropped):
    shares = np.ones(num_classes)
    shares[:num_dropped] = 0
    return shares / shares.sum()


def drawn(rates, shares, num_samples, num_heldout, rng):
    """Predicted counts [K] of samples and the held-out confusion [K, K], as by a classifier with these rates."""
    return rng.multinomial(num_samples, shares @ rates), np.array([rng.multinomial(num_heldout, row) for row in rates])


def measured(counts, confusion):
    """Modes and reverse KL of such counts among balanced real images."""
    num_classes = len(counts)
    images = SimpleNamespace(
        predicted_counts=counts,
        real_shares=np.full(num_classes, 1 / num_classes),
        class_names=tuple(map(str, range(num_classes))),
        classifier=SimpleNamespace(confusion=confusion, prior=None, facts={"classifier_test_accuracy": 0.5}),
        samples=range(int(counts.sum())),
        labelled=SimpleNamespace(train=range(100)),
    )
    inputs = SimpleNamespace(images=images, seed=0)
    return MODES.compute(inputs), MODE_KL.compute(inputs)


@pytest.mark.parametrize("num_dropped", [0, 1, 5])
def test_without_noise_the_shares_are_exact(num_dropped):
    rates, shares = confusing(10, 0.65), planted(10, num_dropped)
    confusion = np.round(rates * 10**9).astype(np.int64)
    found = corrected_shares(np.round(10**9 * shares @ rates).astype(np.int64), confusion)
    np.testing.assert_allclose(found.shares, shares, atol=1e-7)


def test_the_covariance_is_that_of_fresh_images_and_classifiers_tests():
    rng, rates, shares = np.random.default_rng(0), confusing(6, 0.7), np.array([1, 2, 3, 3, 2, 1]) / 12
    found = [corrected_shares(*drawn(rates, shares, 3000, 400, rng)) for _ in range(400)]
    spread = np.cov(np.array([one.shares for one in found]).T)
    mean = np.mean([one.covariance for one in found], axis=0)
    np.testing.assert_allclose(np.diag(mean), np.diag(spread), rtol=0.3)
    np.testing.assert_allclose(mean, spread, atol=0.35 * np.diag(spread).max())
    draws = found[0].draws(20000, rng)
    np.testing.assert_allclose(np.cov(draws.T), found[0].covariance, atol=0.1 * np.diag(found[0].covariance).max())


@pytest.mark.parametrize(("num_classes", "num_heldout"), [(10, 1000), (100, 100)])
@pytest.mark.parametrize("dropped_share", [0, 0.1, 0.5])
def test_planted_numbers_lie_in_their_intervals(num_classes, num_heldout, dropped_share):
    """Also with every class there: real held-out images reach a KL of 0."""
    rng, rates = np.random.default_rng(1), confusing(num_classes, 0.65)
    num_dropped = int(dropped_share * num_classes)
    kept, held, repeats = num_classes - num_dropped, np.zeros(2), 20
    truth = kept, np.log(num_classes / kept)
    for _ in range(repeats):
        results = measured(*drawn(rates, planted(num_classes, num_dropped), 3000, num_heldout, rng))
        held += [one.ci95[0] <= number <= one.ci95[1] for one, number in zip(results, truth, strict=True)]
        assert all(one.ci95[0] <= one.value <= one.ci95[1] for one in results)
    assert min(held) >= 0.9 * repeats


def test_counts_as_they_are_miss_absent_classes():
    """Wrong: uncorrected counts find all ten classes where half are missing, and a KL far below log 2."""
    counts, confusion = drawn(confusing(10, 0.65), planted(10, 5), 3000, 1000, np.random.default_rng(2))
    assert num_covered(counts / counts.sum(), np.full(10, 0.1)) >= 9
    modes, kl = measured(counts, confusion)
    assert modes.value <= 6
    assert kl.value == pytest.approx(np.log(2), abs=0.1)


def test_the_interval_knows_how_little_the_held_out_images_tell():
    rng = np.random.default_rng(0)
    widths = [
        modes.ci95[1] - modes.ci95[0]
        for modes, _ in (measured(*drawn(confusing(10, 0.9), planted(10, 5), 10**5, n, rng)) for n in (10, 10**5))
    ]
    assert widths[0] >= 2
    assert widths[1] == 0


def test_classes_that_look_alike_to_the_classifier_are_refused():
    with pytest.raises(MetricUnavailableError, match="confuses some classes wholly"):
        corrected_shares(np.array([1, 1, 1]), np.array([[9, 0, 0], [9, 0, 0], [0, 0, 9]]))


@pytest.fixture(scope="module")
def noisy_digits():
    """Handwritten digits in noise, of which the classifier names about two in three; samples, train, test."""
    pixels, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    images = pixels.reshape(-1, 8, 8, 1).repeat(2, axis=0) * 15
    images = np.clip(images + rng.normal(0, NOISE, images.shape), 0, 255).astype(np.uint8)
    labels = labels.repeat(2).astype(np.int64)
    order = rng.permutation(len(labels))
    parts = {"samples": order[:1200], "train": order[1200:2400], "test": order[2400:]}
    return {name: ImageSet(name, images[part], labels[part]) for name, part in parts.items()}


@pytest.fixture(scope="module")
def trained_on_digits(noisy_digits):
    spec = DataSpec("image", 1, 8, num_classes=10)
    dataset = Dataset("digits", spec, noisy_digits["train"], noisy_digits["test"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "_MIN_STEPS", 150)
        return dataset, trained_classifier(dataset, None)


@pytest.mark.parametrize("dropped", [(), (3,), (0, 2, 4, 6, 8), (5, 6, 7, 8, 9)])
def test_a_poor_classifier_of_real_pictures_does_not_hide_missing_classes(dropped, noisy_digits, trained_on_digits):
    samples, train = noisy_digits["samples"], noisy_digits["train"]
    kept = samples.subset(np.flatnonzero(~np.isin(samples.labels, dropped)))
    inputs = ImageInputs(
        kept, train, train, dataset=trained_on_digits[0], train_classifier=lambda _: trained_on_digits[1]
    )
    metrics = MetricInputs(inputs, lambda _: FeatureSet(np.zeros((1, 1), np.float32)))
    modes, kl = MODES.compute(metrics), MODE_KL.compute(metrics)
    assert 0.5 < modes.details["classifier_test_accuracy"] < 0.8
    assert modes.ci95[0] <= 10 - len(dropped) <= modes.ci95[1]
    assert modes.ci95[0] > 9 - len(dropped)
    assert kl.ci95[0] <= np.log(10 / (10 - len(dropped))) <= kl.ci95[1]


@pytest.mark.parametrize("num_dropped", [0, 1, 30])
def test_a_covered_class_that_few_samples_do_not_show_is_not_surely_missing(num_dropped):
    """A past bug: of 100 classes, 500 samples lack some by chance, and half of the intervals ended below 100."""
    rng, rates = np.random.default_rng(3), confusing(100, 0.98)
    found = [measured(*drawn(rates, planted(100, num_dropped), 500, 500, rng))[0] for _ in range(20)]
    held = sum(one.ci95[0] <= 100 - num_dropped <= one.ci95[1] for one in found)
    assert held >= 18


def test_chance_hides_few_classes_of_a_collapsed_model():
    """2.6 samples expected of each of 1,000 classes at a tenth of its share: ten classes seen may be some more."""
    modes, _ = measured(np.array([2600] * 10 + [0] * 990), np.eye(1000, dtype=np.int64) * 10**6)
    assert (modes.value, modes.ci95[0]) == (10, 10)
    assert 10 <= modes.ci95[1] <= 15
