import numpy as np
import pytest

from ganbench.data import stacked as module
from ganbench.data.stacked import load_stacked_mnist, load_stacked_npz, stacked
from ganbench.errors import DataError
from ganbench.registry import load_registry
from ganbench.types import Dataset, DataSpec, ImageSet


def digits(num_classes=10, channels=1, labelled=True, per_class=3):
    """Class k is grey level 20 k, so that every channel tells its class."""
    labels = np.repeat(np.arange(num_classes), per_class)
    images = np.broadcast_to((20 * labels % 256).astype(np.uint8)[:, None, None, None], (len(labels), 8, 8, channels))
    names = tuple(map(str, range(num_classes)))
    spec = DataSpec("image", channels, 8, num_classes=num_classes if labelled else None)
    splits = [ImageSet(f"d:{split}", images.copy(), labels if labelled else None) for split in ("train", "test")]
    return Dataset("d", spec, *splits, names)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(module, "NUM_TRAIN", 500)
    monkeypatch.setattr(module, "NUM_TEST", 300)


def test_the_class_is_the_digits_of_the_three_channels(few):
    data = stacked("s", digits())
    assert data.spec == DataSpec("image", 3, 8, num_classes=1000)
    assert (data.train.shape, data.test.shape) == ((500, 8, 8, 3), (300, 8, 8, 3))
    seen = data.train.images[:, 0, 0].astype(int) // 20  # [N, 3]
    assert (seen @ [100, 10, 1] == data.train.labels).all()
    assert data.class_names[705] == "705"
    assert data.channels_of is not None


def test_the_draws_are_the_same_each_time_and_differ_between_the_splits(few):
    first, second = stacked("s", digits()), stacked("s", digits())
    assert first.sha256 == second.sha256
    assert not np.array_equal(first.train.labels[:300], first.test.labels)


def test_train_images_are_of_train_digits_only(few):
    source = digits()
    other = ImageSet("d:test", source.test.images + 3, source.test.labels)
    data = stacked("s", Dataset("d", source.spec, source.train, other, source.class_names))
    assert set(np.unique(data.train.images) % 20) == {0}
    assert set(np.unique(data.test.images) % 20) == {3}


def test_all_classes_are_about_equally_frequent():
    data = load_stacked_mnist(None, None, module.Path("nowhere"))
    assert len(data.train) == 128_000
    assert len(data.test) == 26_000
    counts = np.bincount(data.train.labels, minlength=1000)
    assert counts.min() > 80
    assert abs(counts - 128).max() < 60
    assert "5,000" in data.note


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": 3}, "expected grey images with labels, .* got colour images with labels"),
        ({"labelled": False}, "got grey images without labels"),
        ({"num_classes": 11}, "at most 10 classes, 11 would make 1,331"),
    ],
)
def test_what_cannot_be_stacked_is_refused(wrong, message):
    with pytest.raises(DataError, match=message):
        stacked("s", digits(**wrong))


def test_a_file_of_digits_is_stacked(few, tmp_path):
    source = digits(num_classes=2, per_class=5)
    path = tmp_path / "digits.npz"
    np.savez(path, images=source.train.images, labels=source.train.labels)
    data = load_stacked_npz(str(path), None, tmp_path)
    assert data.spec.num_classes == 8
    assert data.note == "Made of 10 images."


def test_full_mnist_is_taken_where_it_is_there(few, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "load_stored", lambda name, resolution, root: digits() if root == tmp_path else None)
    assert "70,000" in load_stacked_mnist(None, None, tmp_path).note


def test_both_are_offered_by_name():
    datasets = load_registry().datasets
    assert datasets["stacked-mnist"].form == "stacked-mnist"
    assert datasets["stacked-npz"].form == "stacked-npz:PATH"
