"""Fewer training images: how many of each class, which, and in what order; groups that stay whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ganbench.config import DataSection
from ganbench.data.read import open_images
from ganbench.data.sources import in_memory
from ganbench.data.splits import grouped_halves, limited, stratified_halves
from ganbench.errors import DataError
from ganbench.types import Dataset, DataSpec, ImageSet


def dataset_of(labels):
    """Images whose first pixels hold their number."""
    count = len(labels)
    images = np.zeros((count, 4, 4, 1), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(count), 256)
    train = ImageSet("d:train", images, np.asarray(labels, dtype=np.int64))
    return Dataset("d", DataSpec("image", 1, 8, num_classes=10), train, ImageSet("d:test", images[:2]), ("a", "b"))


def numbers(images):
    return images.images[:, 0, 0, 0].astype(int) * 256 + images.images[:, 0, 1, 0]


def test_shares_of_classes_by_hand():
    """70 : 20 : 10 of 26 is 18.2 : 5.2 : 2.6, so the last one is rounded up; labels go with their images."""
    labels = np.repeat([0, 1, 2], [70, 20, 10])
    few = limited(dataset_of(labels), 26).train
    assert np.bincount(few.labels).tolist() == [18, 5, 3]
    assert labels[numbers(few)].tolist() == few.labels.tolist()
    assert len(set(numbers(few))) == 26


@given(st.lists(st.integers(0, 4), min_size=3, max_size=80), st.data())
def test_each_class_has_its_share_rounded(labels, data):
    num_train = data.draw(st.integers(2, len(labels) - 1))
    few = limited(dataset_of(labels), num_train).train
    assert len(few) == num_train
    exact = np.bincount(labels, minlength=5) * num_train / len(labels)
    assert (np.abs(np.bincount(few.labels, minlength=5) - exact) < 1).all()


def test_the_choice_is_the_published_one():
    """Gold: another would make stored results incomparable."""
    few = limited(dataset_of(np.arange(1000) % 10), 20).train
    assert numbers(few).tolist()[:8] == [993, 859, 298, 553, 672, 971, 27, 231]
    assert np.bincount(few.labels).tolist() == [2] * 10
    assert few.labels.tolist() != sorted(few.labels.tolist())


def test_the_rest_of_the_dataset_stays():
    whole = dataset_of(np.arange(50) % 5)
    few = limited(whole, 20)
    assert few.test is whole.test
    assert (few.name, few.spec, few.class_names, few.train.name) == ("d", whole.spec, whole.class_names, "d:train")
    assert len({whole.sha256, few.sha256, limited(whole, 21).sha256}) == 3
    assert limited(dataset_of(np.arange(50) % 5), 20).sha256 == few.sha256


@pytest.mark.parametrize("num_train", [None, 50, 51])
def test_a_limit_that_is_not_reached_leaves_all(num_train):
    whole = dataset_of(np.arange(50) % 5)
    assert limited(whole, num_train) is whole


def test_without_labels_and_from_files(tmp_path):
    whole = dataset_of(np.zeros(40))
    np.save(tmp_path / "x.npy", whole.train.images)
    few = limited(Dataset("d", whole.spec, open_images(tmp_path / "x.npy"), whole.test), 10).train
    assert few.labels is None
    np.testing.assert_array_equal(in_memory(few).images, limited(whole, 10).train.images)


def test_num_train_of_a_suite():
    assert DataSection(dataset="mnist").num_train is None
    assert DataSection(dataset="mnist", num_train=20000).num_train == 20000
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        DataSection(dataset="mnist", num_train=1)


# --- groups ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=2, max_size=60), st.integers(0, 2**32 - 1))
def test_groups_stay_whole(samples, seed):
    names, labels = zip(
        *samples, *((group, 0) for group in range(10, 14)), strict=True
    )  # four more groups of one class
    groups = np.array([list(dict.fromkeys(names)).index(name) for name in names])
    first, second = grouped_halves(np.array(labels), groups, seed, "d")
    assert sorted([*first, *second]) == list(range(len(groups)))
    assert not set(groups[first]) & set(groups[second])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_groups_of_one_are_divided_as_samples_are(labels, seed):
    labels = np.array([*labels, 0, 0, 0, 0])
    wanted = stratified_halves(labels, len(labels), seed, "d")
    for half, other in zip(grouped_halves(labels, np.arange(len(labels)), seed, "d"), wanted, strict=True):
        assert half.tolist() == other.tolist()


def test_groups_are_even_in_the_class_of_most_of_their_members():
    labels = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1])  # of each group: 1, 1, 0, 0
    first, _ = grouped_halves(labels, np.repeat(np.arange(4), 3), 5, "d")
    assert len(first) == 6
    assert sorted(labels[first].tolist()) == [0, 0, 0, 1, 1, 1]


def test_one_group_cannot_be_halved():
    with pytest.raises(DataError, match=r"d: too few images: 5 to train on and 0 held out; .*at least 4 photos"):
        grouped_halves(None, np.zeros(5, dtype=np.int64), 0, "d")
