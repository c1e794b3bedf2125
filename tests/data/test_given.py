"""Images handed over in Python: what is taken, what is refused, and that nothing changes on the way."""

import gc
import os
import subprocess
import sys
import tempfile
import tracemalloc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.utils.data import DataLoader, TensorDataset

from ganbench.data.given import as_image_source
from ganbench.data.pixels import to_uint8
from ganbench.errors import DataError
from ganbench.types import ImageSet


def random_images(num_images=10, channels=3, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_images, size, size, channels), dtype=np.uint8)


def gathered(source):
    return np.concatenate(list(source.batches(4)))


def floats(images, low=-1.0, high=1.0):
    """What a network would put out for these pixels, float32 [N, C, H, W]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 * (high - low) + low


# --- arrays and tensors ---------------------------------------------------------------------------------------------


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(4, 8), st.integers(4, 8), st.sampled_from([1, 3])))
)
def test_uint8_comes_back_exactly(images):
    channels_first = images.transpose(0, 3, 1, 2)
    for form in (images, channels_first, torch.from_numpy(images), torch.from_numpy(channels_first.copy())):
        source = as_image_source(form, "mine")
        np.testing.assert_array_equal(gathered(source), images)
        assert source.sha256 == ImageSet("x", images).sha256
        assert source.name == "mine"


@pytest.mark.parametrize("value_range", [(-1, 1), (0, 1), (0, 255), (-0.5, 0.5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_level_survives_as_a_float(value_range, dtype):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    tensor = floats(images, *value_range).to(dtype)
    for form in (tensor, tensor.numpy(), tensor.requires_grad_()):
        np.testing.assert_array_equal(gathered(as_image_source(form, "x", value_range)), images)


def test_half_precision_tensors_are_taken():
    images = random_images()
    found = gathered(as_image_source(floats(images, 0, 1).to(torch.bfloat16), "x", (0, 1)))
    assert np.abs(found.astype(int) - images).max() <= 1


def test_rounding_is_that_of_the_samples_of_a_run():
    tensor = torch.rand(20, 3, 8, 8) * 2 - 1
    np.testing.assert_array_equal(gathered(as_image_source(tensor, "x", (-1, 1))), to_uint8(tensor))
    halves = ((torch.arange(255) + 0.5) / 127.5 - 1).reshape(1, 1, 15, 17).repeat(1, 3, 1, 1)
    np.testing.assert_array_equal(gathered(as_image_source(halves, "x", (-1, 1))), to_uint8(halves))


def test_many_images_are_converted_in_chunks():
    images = random_images(600, size=4)
    np.testing.assert_array_equal(gathered(as_image_source(floats(images), "x", (-1, 1))), images)


def test_floats_without_a_range_are_refused_with_the_call_to_make():
    for form in (floats(random_images()), floats(random_images()).numpy(), iter([floats(random_images())])):
        with pytest.raises(DataError, match=r"mine.*float32.*value_range=\(-1, 1\).*value_range=\(0, 1\)"):
            as_image_source(form, "mine")


@pytest.mark.parametrize(
    ("low", "high", "value_range", "message"),
    [
        (-1, 1, (0, 1), "values from -1 to 1; expected 0 to 1, as value_range says"),
        (0, 255, (0, 1), "values from 0 to 255; expected 0 to 1"),
        (-1.01, 1, (-1, 1), r"values from -1\.01 to 1; expected -1 to 1.*Clip"),
        (-1, float("inf"), (-1, 1), "values from -1 to inf"),
    ],
)
def test_values_outside_the_range_are_refused(low, high, value_range, message):
    tensor = torch.full((2, 3, 8, 8), float(low))
    tensor[1, 0, 0, 0] = high
    with pytest.raises(DataError, match=f"mine: {message}"):
        as_image_source(tensor, "mine", value_range)


def test_what_rounds_to_black_or_white_is_inside():
    tensor = torch.tensor([-1.003, 1.003]).reshape(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert gathered(as_image_source(tensor, "x", (-1, 1)))[:, 0, 0, 0].tolist() == [0, 255]


def test_nan_is_counted():
    tensor = torch.zeros(4, 3, 8, 8)
    tensor[1:3, 0, 0, 0] = float("nan")
    with pytest.raises(DataError, match="mine: 2 of 4 images hold NaN"):
        as_image_source(tensor, "mine", (-1, 1))


@pytest.mark.parametrize(
    ("samples", "value_range", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.int64), None, "expected uint8, got int64"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int32), None, "expected uint8, got int32"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.bool), None, "expected uint8, got bool"),
        (np.zeros((2, 8, 8, 3), np.float32), (1, -1), r"value_range \(1, -1\); expected \(black, white\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), None, "holds no images"),
        (torch.zeros(0, 3, 8, 8), (0, 1), "holds no images"),
        (torch.zeros(()), (0, 1), "holds no images"),
        (np.uint8([3])[0], None, "expected an array, a tensor or an iterable of batches, got numpy.uint8"),
        (np.zeros((3, 8, 8, 3, 2), np.uint8), None, "not clearly"),
        (torch.zeros(2, 4, 8, 8), (0, 1), "not clearly"),
        (5, None, "got int"),
        ("a folder", None, "got str"),
        ({"images": 1}, None, "got dict"),
        (["a"], None, r"batch 0: expected an array or tensor of images, or a pair .*, got str.*numpy\.stack"),
        ([(1, 2)], None, "batch 0: expected an array or tensor"),
        ([], None, "no images: the iterator gave no batch"),
    ],
)
def test_other_things_are_refused(samples, value_range, message):
    with pytest.raises(DataError, match=f"mine.*{message}"):
        as_image_source(samples, "mine", value_range)


def test_a_range_leaves_images_of_8_bits_as_they_are():
    images = random_images()
    np.testing.assert_array_equal(gathered(as_image_source(images, "x", (-1, 1))), images)


def test_labels_of_an_array():
    source = as_image_source(random_images(), "x", labels=list(range(10)))
    assert source.labels.tolist() == list(range(10))
    assert source.labels.dtype == np.int64
    assert as_image_source(random_images(), "x", labels=torch.arange(10)).labels.tolist() == list(range(10))
    with pytest.raises(DataError, match="x: labels: expected 10 integer class labels"):
        as_image_source(random_images(), "x", labels=[1, 2])


def test_a_source_is_given_back():
    source = ImageSet("x", random_images())
    assert as_image_source(source, "other") is source
    with pytest.raises(DataError, match="has its own"):
        as_image_source(source, "other", labels=np.zeros(10, int))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_tensors_on_a_gpu():
    images = random_images(300)
    on_gpu = torch.from_numpy(images).permute(0, 3, 1, 2).cuda()
    np.testing.assert_array_equal(gathered(as_image_source(on_gpu, "x")), images)
    np.testing.assert_array_equal(gathered(as_image_source(floats(images).cuda(), "x", (-1, 1))), images)


def test_tensors_elsewhere_are_moved_a_chunk_at_a_time(monkeypatch):
    """The meta device stands in for a GPU: only its chunks may be asked for their numbers."""
    from ganbench.data import given as module

    images = random_images(600, size=4)
    sizes, numbers = [], iter(np.split(images, [256, 512]))

    def array(samples):
        sizes.append(len(samples))
        return next(numbers)

    monkeypatch.setattr(module, "_array", array)
    source = as_image_source(torch.empty(600, 4, 4, 3, dtype=torch.uint8, device="meta"), "x")
    np.testing.assert_array_equal(gathered(source), images)
    assert sizes == [256, 256, 88]


# --- iterators ------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.booleans(), st.sampled_from([1, 3]))
def test_batches_of_any_size_are_put_together(sizes, labelled, channels):
    images = random_images(sum(sizes), channels)
    parts = np.split(images, np.cumsum(sizes)[:-1])
    labels = np.arange(len(images))
    batches = zip(parts, np.split(labels, np.cumsum(sizes)[:-1]), strict=True) if labelled else iter(parts)
    source = as_image_source(batches, "mine")
    assert source.shape == images.shape
    assert source.sha256 == ImageSet("x", images).sha256
    assert (source.labels is not None) == labelled
    if labelled:
        assert source.labels.tolist() == labels.tolist()
    np.testing.assert_array_equal(gathered(source), images)


def test_a_torch_loader_with_labels_and_without():
    images, labels = random_images(25), torch.arange(25) % 4
    source = as_image_source(DataLoader(TensorDataset(floats(images), labels), batch_size=8), "x", (-1, 1))
    np.testing.assert_array_equal(gathered(source), images)
    assert source.labels.tolist() == labels.tolist()
    source = as_image_source(DataLoader(TensorDataset(floats(images)), batch_size=8), "x", (-1, 1))
    np.testing.assert_array_equal(gathered(source), images)
    assert source.labels is None


def test_a_generator_function_of_a_model():
    def sample():
        for seed in range(3):
            yield floats(random_images(5, seed=seed))

    source = as_image_source(sample(), "x", (-1, 1), labels=np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(gathered(source), np.concatenate([random_images(5, seed=seed) for seed in range(3)]))
    assert source.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (
            [random_images(2, size=8), random_images(2, size=9)],
            r"batch 1: .* \[9, 9, 3\]; those before are \[8, 8, 3\]",
        ),
        ([random_images(2), random_images(2, 1)], "batch 1: .*those before"),
        ([random_images(2), (random_images(2), [0, 1])], "batch 1: some batches have labels, others none"),
        ([(random_images(2), [0, 1]), random_images(2)], "batch 1: some batches have labels, others none"),
        ([(random_images(2), [0, 1, 2])], "batch 0: labels: expected 2 integer"),
        ([random_images(2), random_images(2) / 255], "batch 1: floating-point images"),
        ([random_images(2), np.zeros((0, 8, 8, 3), np.uint8)], "batch 1: holds no images"),
    ],
)
def test_batches_that_do_not_fit_together(batches, message):
    with pytest.raises(DataError, match=f"mine: {message}"):
        as_image_source(iter(batches), "mine")


def test_labels_given_twice():
    with pytest.raises(DataError, match="the batches bring labels, too"):
        as_image_source([(random_images(2), [0, 1])], "mine", labels=[0, 1])


def test_an_error_of_the_generator_comes_through():
    def broken():
        yield random_images(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        as_image_source(broken(), "x")


def test_a_long_iterator_needs_little_memory_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    batch = np.zeros((50, 64, 64, 3), dtype=np.uint8)  # 0.6 MB
    tracemalloc.start()
    source = as_image_source((batch for _ in range(40)), "x")  # 25 MB
    assert source.sha256
    assert sum(len(part) for part in source.batches(64)) == 2000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6
    gone = weakref.ref(source.images)
    assert list(tmp_path.iterdir()) == []
    del source
    gc.collect()
    assert gone() is None


def test_spooled_images_cannot_be_changed():
    source = as_image_source([random_images()], "x")
    with pytest.raises(ValueError, match="read-only"):
        source.images[0] = 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_full_disk_is_told(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "wb", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(DataError, match=r"mine: batch 0: cannot be put into .*TMPDIR"):
        as_image_source([random_images()], "mine")


def test_arrays_do_not_load_torch():
    code = (
        "import sys, numpy as np\n"
        "from ganbench.data.given import as_image_source\n"
        "source = as_image_source([np.zeros((2, 8, 8, 3), np.uint8)], 'x')\n"
        "assert len(source) == 2\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
