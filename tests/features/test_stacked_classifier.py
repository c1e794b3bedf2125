import numpy as np
import pytest

from ganbench.features import stacked_classifier as module
from ganbench.features.stacked_classifier import StackedClassifier, classifier_of
from ganbench.metrics.modes import num_covered, see
from ganbench.types import Dataset, DataSpec, ImageSet


class Grey:
    """Reads class k from grey level 20 k; wrong on the share 1 - accuracy of the images, where it says k + 1."""

    num_classes, test_accuracy, sha256 = 10, 0.9, "abc"
    confusion = (90 * np.eye(10) + 10 * np.roll(np.eye(10), 1, axis=1)).astype(np.int64)

    def predict(self, images):
        assert images.shape[3] == 1
        return images.images[:, 0, 0, 0].astype(np.int64) // 20

    def probabilities(self, images):
        return np.eye(10, dtype=np.float32)[self.predict(images)] * 0.9 + np.float32(0.01)


def images_of(codes):
    channels = np.stack([codes // 100, codes // 10 % 10, codes % 10], axis=1)
    pixels = (20 * channels).astype(np.uint8)[:, None, None, :]
    return ImageSet("s", np.broadcast_to(pixels, (len(codes), 4, 4, 3)).copy())


def test_each_channel_is_read_by_itself():
    codes = np.random.default_rng(0).integers(0, 1000, 5000)  # more than one batch
    assert (StackedClassifier(Grey()).predict(images_of(codes)) == codes).all()
    assert StackedClassifier(Grey()).predict(images_of(codes[:0])).shape == (0,)


def test_probabilities_are_products_and_name_the_same_class():
    codes = np.array([0, 123, 999])
    probabilities = StackedClassifier(Grey()).probabilities(images_of(codes))
    assert probabilities.shape == (3, 1000)
    assert probabilities.argmax(axis=1).tolist() == codes.tolist()
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert probabilities[1, 123] == pytest.approx(0.91**3)
    assert probabilities[1, 124] == pytest.approx(0.91**2 * 0.01)


def test_an_image_is_recognised_with_the_product_of_the_chances():
    classifier = StackedClassifier(Grey())
    assert classifier.test_accuracy == pytest.approx(0.9**3)
    shares = classifier.confusion / classifier.confusion.sum(axis=1, keepdims=True)
    assert shares[123, 123] == pytest.approx(0.9**3)
    assert shares[123, 234] == pytest.approx(0.1**3)
    assert classifier.confusion.sum(axis=1) == pytest.approx(100)  # no more is known than of one channel
    assert classifier.facts["stack_shape"] == [10, 10, 10]
    assert classifier.facts["channel_test_accuracy"] == 0.9


def test_modes_that_only_errors_show_are_not_covered():
    """500 of 1,000 modes, and a tenth of the digits misread: one sample a mode counts far more."""
    rng, classifier = np.random.default_rng(0), StackedClassifier(Grey())
    true = rng.integers(0, 500, 26_000)
    digits = np.stack([true // 100, true // 10 % 10, true % 10])
    read = (digits + (rng.random(digits.shape) < 0.1)) % 10
    counts = np.bincount([100, 10, 1] @ read, minlength=1000)
    assert (counts > 0).sum() > 580
    seen = see(counts, classifier.confusion, np.full(1000, 1 / 1000), classifier.prior)
    low, value, high = (
        num_covered(seen.estimate.shares + shift, seen.real) for shift in (-seen.margin, 0, seen.margin)
    )
    assert low <= 500 <= high
    assert abs(value - 500) <= 25


def test_a_model_of_one_mode_is_known_to_have_few():
    """Slips of one or two channels may show its neighbours, slips of all three at once are next to none."""
    classifier = StackedClassifier(Grey())
    slips = classifier.confusion[888] / classifier.confusion[888].sum()
    counts = np.random.default_rng(0).multinomial(26_000, slips)
    seen = see(counts, classifier.confusion, np.full(1000, 1 / 1000), classifier.prior)
    assert num_covered(seen.estimate.shares, seen.real) <= 5
    assert num_covered(seen.estimate.shares + seen.margin, seen.real) < 400  # 1,000 with errors spread evenly
    assert (classifier.confusion + classifier.prior).sum(axis=1) == pytest.approx(101)


def test_a_stacked_dataset_has_the_classifier_of_its_channels(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "trained_classifier", lambda dataset, *rest: asked.append(dataset) or Grey())
    plain = Dataset("d", DataSpec("image", 1, 4, num_classes=10), images_of(np.arange(3)), images_of(np.arange(3)))
    whole = Dataset("s", DataSpec("image", 3, 4, num_classes=1000), plain.train, plain.test, channels_of=plain)
    assert isinstance(classifier_of(whole, None), StackedClassifier)
    assert isinstance(classifier_of(plain, None), Grey)
    assert asked == [plain, plain]
