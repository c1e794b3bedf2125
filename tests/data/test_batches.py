"""The stream of batches: order, state, augmentation, devices."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganbench.data import augment, batches
from ganbench.data.batches import BatchStream
from ganbench.data.pixels import to_float
from ganbench.errors import DataError, UnknownNameError

AUGMENT = ("flip", "rotate", "crop")


def numbered(num_images, size=8, channels=1):
    """Images whose pixels all hold their index, with the index as label."""
    images = np.empty((num_images, size, size, channels), dtype=np.uint8)
    images[:] = np.arange(num_images, dtype=np.uint8)[:, None, None, None]
    return images, np.arange(num_images, dtype=np.int64)


def textured(num_images=20, size=16, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (num_images, size, size, channels), dtype=np.uint8), np.arange(num_images)


def labels_of(stream, count):
    return [next(stream).labels.tolist() for _ in range(count)]


@given(st.integers(1, 30), st.integers(1, 70), st.integers(0, 2**63 - 1))
def test_every_epoch_shows_each_sample_once(num_samples, batch_size, seed):
    stream = BatchStream(*numbered(num_samples), batch_size=batch_size, seed=seed, device="cpu")
    taken = [label for labels in labels_of(stream, 4 * num_samples // batch_size + 1) for label in labels]
    for start in range(0, len(taken) - num_samples + 1, num_samples):
        assert sorted(taken[start : start + num_samples]) == list(range(num_samples))


def test_images_are_scaled_turned_and_keep_their_labels():
    stream = BatchStream(*numbered(50, channels=3), batch_size=16, seed=0, device="cpu")
    for _ in range(10):
        batch = next(stream)
        assert batch.real.shape == (16, 3, 8, 8)
        assert batch.real.dtype == torch.float32
        assert batch.labels.dtype == torch.int64
        assert batch.real.is_contiguous()
        assert torch.equal(batch.real[:, 2, 3, 4], batch.labels / 127.5 - 1)


def test_layout_is_kept():
    images, labels = textured()
    batch = next(BatchStream(images, labels, batch_size=5, seed=0, device="cpu"))
    wanted = torch.from_numpy(images[batch.labels.numpy()]).permute(0, 3, 1, 2)
    assert torch.equal(batch.real, to_float(wanted))


def test_order_comes_from_the_seed_alone():
    def order(seed):
        torch.manual_seed(seed + 100)
        return labels_of(BatchStream(*numbered(50), batch_size=16, seed=seed, device="cpu"), 10)

    assert order(1) == order(1)
    assert order(1) != order(2)
    before = torch.get_rng_state()
    labels_of(BatchStream(*numbered(50), batch_size=16, seed=0, device="cpu"), 10)
    assert torch.equal(torch.get_rng_state(), before)


def test_points_pass_through_unscaled():
    points = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32) * 5
    batch = next(BatchStream(points, None, batch_size=10, seed=0, device="cpu"))
    assert batch.labels is None
    assert sorted(batch.real[:, 0].tolist()) == sorted(points[:, 0].tolist())


@pytest.mark.parametrize("names", [(), AUGMENT])
@pytest.mark.parametrize("taken", [0, 1, 3, 7])
def test_state_goes_on_bit_for_bit(names, taken, tmp_path):
    def stream():
        return BatchStream(*textured(), batch_size=7, seed=3, device="cpu", augment=names)

    torch.manual_seed(0)
    original = stream()
    for _ in range(taken):
        next(original)
    torch.save({"stream": original.state_dict(), "torch": torch.get_rng_state()}, tmp_path / "state.pt")
    wanted = [next(original) for _ in range(10)]

    torch.manual_seed(99)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed = stream()
    next(resumed)
    resumed.load_state_dict(state["stream"])
    torch.set_rng_state(state["torch"])
    for batch in wanted:
        other = next(resumed)
        assert torch.equal(batch.real, other.real)
        assert torch.equal(batch.labels, other.labels)


def test_saved_state_does_not_move_with_the_stream():
    stream = BatchStream(*numbered(10), batch_size=7, seed=0, device="cpu")
    state = stream.state_dict()
    wanted = labels_of(stream, 5)
    stream.load_state_dict(state)
    assert labels_of(stream, 5) == wanted


def test_state_of_another_dataset_is_refused():
    state = BatchStream(*numbered(10), batch_size=7, seed=0, device="cpu").state_dict()
    with pytest.raises(DataError, match="order is of 10 samples, this dataset has 11"):
        BatchStream(*numbered(11), batch_size=7, seed=0, device="cpu").load_state_dict(state)


def test_meta_device_gives_shapes():
    stream = BatchStream(*textured(), batch_size=7, seed=0, device="meta", augment=AUGMENT)
    for _ in range(5):
        batch = next(stream)
        assert (batch.real.device.type, batch.labels.device.type) == ("meta", "meta")
        assert (batch.real.shape, batch.labels.shape) == ((7, 3, 16, 16), (7,))


def test_sets_over_the_limit_stay_on_the_host_in_the_same_order():
    images, labels = textured()
    small = BatchStream(images, labels, batch_size=7, seed=0, device="meta", device_bytes=images.nbytes - 1)
    assert next(small).real.device.type == "meta"
    assert small._samples.device.type == "cpu"
    large = BatchStream(images, labels, batch_size=7, seed=0, device="meta", device_bytes=images.nbytes)
    assert large._samples.device.type == "meta"
    assert batches.DEVICE_BYTES == 4 * 2**30


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((0, 8, 8, 1), np.uint8), "at least one sample"),
        (np.zeros((2, 8, 8), np.uint8), r"got uint8 \[2, 8, 8\]"),
        (np.zeros((2, 8, 8, 1), np.float32), "got float32"),
        (np.zeros((2, 2), np.float64), "got float64"),
    ],
)
def test_other_samples_are_refused(samples, message):
    with pytest.raises(DataError, match=message):
        BatchStream(samples, None, batch_size=2, seed=0, device="cpu")


def test_augmentation_is_for_images_and_known_by_name():
    with pytest.raises(DataError, match=r"augmentation \(flip\) is for images"):
        BatchStream(np.zeros((4, 2), np.float32), None, batch_size=2, seed=0, device="cpu", augment=("flip",))
    with pytest.raises(UnknownNameError, match="Did you mean rotate"):
        BatchStream(*numbered(4), batch_size=2, seed=0, device="cpu", augment=("rotat",))


def test_augmentation_leaves_labels_and_order_alone():
    plain = BatchStream(*textured(), batch_size=7, seed=0, device="cpu")
    changed = BatchStream(*textured(), batch_size=7, seed=0, device="cpu", augment=AUGMENT)
    assert labels_of(plain, 10) == labels_of(changed, 10)


# --- each augmentation ----------------------------------------------------------------------------------------------


def test_flip_mirrors_about_half():
    torch.manual_seed(0)
    images = torch.randn(400, 3, 6, 6)
    flipped = augment.flip(images)
    same = (flipped == images).flatten(1).all(dim=1)
    mirrored = (flipped == images.flip(3)).flatten(1).all(dim=1)
    assert bool((same ^ mirrored).all())
    assert 140 < int(mirrored.sum()) < 260


def test_crop_shifts_by_up_to_an_eighth():
    torch.manual_seed(0)
    ramp = torch.arange(16.0)
    images = (ramp[:, None] * 16 + ramp).expand(500, 1, 16, 16)
    cropped = augment.crop(images)
    rows, columns = cropped[:, 0, 8, 8] // 16 - 8, cropped[:, 0, 8, 8] % 16 - 8
    assert sorted(set(rows.int().tolist())) == [-2, -1, 0, 1, 2]
    assert sorted(set(columns.int().tolist())) == [-2, -1, 0, 1, 2]
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 25  # the two axes move on their own
    index = int((rows == 2).nonzero()[0])
    assert torch.equal(cropped[index, 0, 13], cropped[index, 0, 15])  # beyond the border it is repeated


def test_rotation_stays_within_twenty_degrees_on_both_sides():
    torch.manual_seed(0)
    size = 65
    images = torch.zeros(300, 1, size, size)
    images[:, :, 32, 32:] = 1.0  # a ray from the centre to the right
    turned = augment.rotate(images)
    grid = torch.arange(size, dtype=torch.float32) - 32
    mass = turned[:, 0].sum(dim=(1, 2))
    x, y = (turned[:, 0] * grid).sum(dim=(1, 2)) / mass, (turned[:, 0] * grid[:, None]).sum(dim=(1, 2)) / mass
    degrees = torch.rad2deg(torch.atan2(y, x))
    assert 18 < float(degrees.max()) < 21.5
    assert -21.5 < float(degrees.min()) < -18
    assert torch.allclose(turned[:, 0, 32, 32], torch.ones(300), atol=0.3)  # the centre stays


def test_rotation_keeps_a_constant_image_constant():
    torch.manual_seed(0)
    assert torch.allclose(augment.rotate(torch.full((9, 3, 12, 12), -0.7)), torch.tensor(-0.7), atol=1e-5)


@pytest.mark.parametrize("name", AUGMENT)
def test_augmentations_draw_from_the_global_generator_and_keep_the_range(name):
    images = torch.rand(20, 3, 12, 12) * 2 - 1
    torch.manual_seed(5)
    first = augment.AUGMENTATIONS[name](images)
    second = augment.AUGMENTATIONS[name](images)
    torch.manual_seed(5)
    assert torch.equal(augment.AUGMENTATIONS[name](images), first)
    assert not torch.equal(first, second)
    assert float(first.abs().max()) <= 1 + 1e-6
    assert first.shape == images.shape
