"""Images by their place in a bank: the same source as the images in memory, and two banks make one."""

import numpy as np
import pytest

from ganbench.features.classifier import Classifier
from ganbench.metrics.inputs import Neighbours
from ganbench.run.known_images import Bank, Drawn, known_classifier
from ganbench.types import FeatureSet, ImageSet


def make_bank(num_images, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (num_images, 8, 8, 1)).astype(np.uint8)
    features = FeatureSet(rng.normal(size=(num_images, 3)).astype(np.float32))
    indexes, distances = rng.integers(9, size=num_images), rng.random(num_images)
    return Bank(images, features, rng.integers(2, size=num_images), Neighbours(indexes, distances))


@pytest.fixture
def drawn():
    return Drawn("samples", make_bank(20, 0), np.array([3, 3, 7, 1]), np.array([0, 1, 0, 1]), ("a", "b"))


def test_a_drawn_set_is_the_same_source_as_its_images_in_memory(drawn):
    same = ImageSet("samples", drawn.bank.images[[3, 3, 7, 1]], drawn.labels)
    assert len(drawn) == 4
    assert drawn.shape == same.shape
    assert drawn.sha256 == same.sha256
    assert (np.concatenate(list(drawn.batches(3))) == same.images).all()
    part = drawn.subset(np.array([2, 0]))
    assert (part.take(np.arange(2)) == same.images[[2, 0]]).all()
    assert part.labels.tolist() == [0, 0]


def test_a_drawn_set_knows_whether_its_labels_were_read(drawn):
    drawn.take(np.array([0]))
    assert not drawn.labels_read
    assert drawn.labels is not None
    assert drawn.labels_read


def test_two_banks_make_one():
    first, second = make_bank(4, 0), make_bank(3, 1)
    both = first.joined(second)
    rows = np.array([6, 0])
    assert (both.images[rows] == [second.images[2], first.images[0]]).all()
    assert (both.features_of(rows).features == [second.features.features[2], first.features.features[0]]).all()
    assert both.predicted[rows].tolist() == [second.predicted[2], first.predicted[0]]
    assert both.neighbours_of(rows).indexes.tolist() == [second.neighbours.indexes[2], first.neighbours.indexes[0]]
    assert both.features_of(rows).logits is None


def test_the_classifier_looks_classes_up_and_is_tested_on_the_heldout_images(drawn):
    bank = drawn.bank
    truth = np.array([0, 1, 1])
    heldout = Drawn("heldout", bank, np.array([10, 11, 12]), truth)
    known = known_classifier(Classifier(None, 2, 0.5, np.zeros((2, 2), np.int64), "ab", "cpu"), heldout)
    assert known.predict(drawn).tolist() == bank.predicted[[3, 3, 7, 1]].tolist()
    seen = bank.predicted[[10, 11, 12]]
    assert known.test_accuracy == (seen == truth).mean()
    assert known.confusion.sum() == 3
    assert known.confusion[0, seen[0]] == 1
    assert known.facts["classifier_sha256"] == "ab"
