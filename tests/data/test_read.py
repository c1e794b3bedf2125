"""Folders, archives and arrays of images."""

import logging
import os
import random
import time
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ganbench.data import arrays, listing, read
from ganbench.data.read import open_images
from ganbench.errors import DataError, UsageError


def write(path, value=0, size=(4, 4), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value,) * 3).save(path)


def pixels_of(path, resolution=None):
    """All images that a path holds, gone through in batches, as a user of `open_images` does."""
    source = open_images(path, resolution)
    images = np.concatenate(list(source.batches(3)))
    assert images.shape == source.shape
    assert len(images) == len(source)
    return images


def first_pixels(images):
    return images[:, 0, 0, 0].tolist()


def pack(folder, archive):
    with zipfile.ZipFile(archive, "w") as target:
        for path in folder.rglob("*"):
            target.write(path, path.relative_to(folder))
    return archive


names = st.lists(st.text("abcXYZ019_ -", min_size=1, max_size=6), min_size=1, max_size=8, unique_by=str.lower)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, st.randoms())
def test_order_is_that_of_the_names_in_folder_and_zip(tmp_path_factory, stems, shuffler):
    folder = tmp_path_factory.mktemp("images")
    values = {f"{stem}/{stem}.png": index for index, stem in enumerate(stems)}
    paths = list(values)
    shuffler.shuffle(paths)
    for path in paths:
        write(folder / path, values[path])
    wanted = [values[path] for path in sorted(values)]
    assert first_pixels(pixels_of(folder)) == wanted
    assert first_pixels(pixels_of(pack(folder, folder / "all.zip"))) == wanted


@pytest.mark.parametrize("suffix", ["png", "PNG", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"])
def test_every_format_is_found(tmp_path, suffix):
    write(tmp_path / f"deep/er/a.{suffix}", 200)
    images = pixels_of(tmp_path)
    assert images.shape in ((1, 4, 4, 3), (1, 4, 4, 1))  # GIF keeps a grey image grey
    assert abs(int(images[0, 0, 0, 0]) - 200) < 3


def test_grey_folder_has_one_channel(tmp_path):
    write(tmp_path / "a.png", 3, mode="L")
    write(tmp_path / "b.png", 5, mode="L")
    images = pixels_of(tmp_path)
    assert images.shape == (2, 4, 4, 1)
    assert images.flags.c_contiguous
    assert first_pixels(images) == [3, 5]


def test_grey_among_rgb_is_repeated_and_said(tmp_path, caplog):
    write(tmp_path / "a.png", 3, mode="L")
    write(tmp_path / "b.png", 5)
    with caplog.at_level(logging.WARNING):
        images = pixels_of(tmp_path)
    assert images.shape == (2, 4, 4, 3)
    assert images[0, 0, 0].tolist() == [3, 3, 3]
    assert "1 of 2 images are grey" in caplog.text


def test_mixed_sizes_name_two_files_and_the_remedy(tmp_path):
    write(tmp_path / "a.png", size=(4, 4))
    write(tmp_path / "b.png", size=(6, 5))
    message = r"b\.png: has 6x5 pixels; expected 4x4, the size of .*a\.png\. Choose one size with --resolution"
    with pytest.raises(DataError, match=message):
        pixels_of(tmp_path)
    assert pixels_of(tmp_path, 8).shape == (2, 8, 8, 3)


def test_hidden_files_are_left_out(tmp_path):
    write(tmp_path / "a.png")
    write(tmp_path / ".b.png")
    write(tmp_path / ".cache/c.png")
    write(tmp_path / "__MACOSX/d.png")
    assert len(open_images(tmp_path)) == 1
    assert len(open_images(pack(tmp_path, tmp_path / "x.zip"))) == 1


def test_other_files_are_passed_over_with_a_count(tmp_path, caplog):
    write(tmp_path / "a.png")
    (tmp_path / "labels.txt").write_text("1")
    (tmp_path / "notes.md").write_text("2")
    with caplog.at_level(logging.WARNING):
        assert len(open_images(tmp_path)) == 1
    assert "passed over 2 files" in caplog.text


def test_image_format_that_is_not_read_is_an_error(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "b.HEIC").write_bytes(b"x")
    with pytest.raises(DataError, match=r"b\.HEIC: \.heic images are not read"):
        pixels_of(tmp_path)


def test_one_broken_file_is_named(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b\.png: not a readable image"):
        pixels_of(tmp_path)


def test_broken_link_is_named(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"b\.png: cannot be read"):
        pixels_of(tmp_path)


def test_linked_folders_are_followed_once_and_not_in_circles(tmp_path, caplog):
    write(tmp_path / "real/a.png")
    write(tmp_path / "set/b.png")
    (tmp_path / "set/linked").symlink_to(tmp_path / "real")
    (tmp_path / "set/again").symlink_to(tmp_path / "real")
    (tmp_path / "set/circle").symlink_to(tmp_path / "set")
    assert len(open_images(tmp_path / "set")) == 2
    assert [record.message.partition(": ")[0] for record in caplog.records] == [
        str(tmp_path / "set/circle"), str(tmp_path / "set/linked")
    ]  # fmt: skip


def test_a_link_beside_its_target_adds_no_images_and_no_class(tmp_path, caplog):
    for name in ("step_10/cat", "step_10/dog"):
        write(tmp_path / f"set/{name}/a.png")
    (tmp_path / "set/latest").symlink_to(tmp_path / "set/step_10")
    images = open_images(tmp_path / "set")
    assert len(images) == 2
    assert images.class_names == ("cat", "dog")
    assert f"latest: skipped, a link to {tmp_path / 'set/step_10'}" in caplog.text


def test_a_link_deeper_down_takes_no_image_from_the_class_it_leads_to(tmp_path):
    """Wrong: links last within each folder, where that of the first class still comes before the second class."""
    write(tmp_path / "set/cat/0.png")
    write(tmp_path / "set/dog/0.png")
    (tmp_path / "set/cat/link").symlink_to(tmp_path / "set/dog")
    images = open_images(tmp_path / "set")
    assert (images.class_names, images.labels.tolist()) == (("cat", "dog"), [0, 1])


def test_links_into_a_hidden_store_count(tmp_path, caplog):
    for name in ("cat", "dog"):
        write(tmp_path / f"set/.store/{name}/0.png")
        (tmp_path / f"set/{name}").symlink_to(tmp_path / f"set/.store/{name}")
    assert open_images(tmp_path / "set").class_names == ("cat", "dog")
    assert not caplog.records


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["symbolic", "hard"])
def test_two_names_of_one_file_count_twice_and_are_told(tmp_path, caplog, link):
    """A store that keeps equal files once, and links to them, holds as many images as its plain copy."""
    write(tmp_path / ".store/1.png")
    for name in ("a", "b", "c"):
        link(tmp_path / f"{name}.png", tmp_path / ".store/1.png")
    write(tmp_path / "other.png")
    assert len(open_images(tmp_path)) == 4
    told = f"2 images counted again under another name, such as {tmp_path / 'b.png'}, which is {tmp_path / 'a.png'}."
    assert told in caplog.text


def test_a_zip_with_one_name_twice_is_refused(tmp_path):
    write(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.write(tmp_path / "a.png", "x/a.png")
        archive.write(tmp_path / "a.png", "x/a.png")
    with pytest.raises(DataError, match=r"x/a\.png: there are two entries of this name"):
        open_images(tmp_path / "set.zip")


def test_a_zip_of_windows_paths_has_its_class_folders(tmp_path):
    write(tmp_path / "a.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("cat\\0.png", "dog\\0.png"):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, (tmp_path / "a.png").read_bytes())
    assert open_images(tmp_path / "set.zip").class_names == ("cat", "dog")


def test_hidden_images_are_counted_in_a_warning(tmp_path, caplog):
    write(tmp_path / "set/a.png")
    write(tmp_path / "set/.b.png")
    write(tmp_path / "set/.old/c.png")
    (tmp_path / "set/._a.png").write_bytes(b"beside every file that macOS copies")
    assert len(open_images(tmp_path / "set")) == 1
    assert "left out 2 hidden images" in caplog.text


def test_files_of_one_tick_of_the_clock_have_stamps_of_their_own():
    """Two files of one size, written within one tick of a coarse clock; the last is on a file system without inodes."""
    alike = {"st_size": 99, "st_mtime_ns": 10**18, "st_ctime_ns": 10**18}
    places = [("a", 1, 7), ("a", 1, 8), ("a", 2, 7), ("b", 1, 7)]
    stamps = {listing.stamp_of(p, SimpleNamespace(st_dev=dev, st_ino=inode, **alike)) for p, dev, inode in places}
    assert None not in stamps
    assert len(stamps) == 4


@pytest.mark.parametrize("late", ["st_mtime_ns", "st_ctime_ns"])
def test_a_time_of_just_now_gives_no_stamp(late):
    times = {"st_mtime_ns": 10**18, "st_ctime_ns": 10**18}
    numbers = {"st_dev": 1, "st_ino": 2, "st_size": 3}
    assert listing.stamp_of("a", SimpleNamespace(**numbers, **times))
    assert listing.stamp_of("a", SimpleNamespace(**numbers, **times | {late: time.time_ns()})) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_folder_without_permission_is_named(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(DataError, match="locked"):
        pixels_of(tmp_path)


def test_empty_folder_and_missing_path(tmp_path):
    with pytest.raises(DataError, match=r"no images found; looked for \.bmp"):
        pixels_of(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        pixels_of(tmp_path / "gone")


def test_single_image_is_no_set(tmp_path):
    write(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"expected a folder of images, a \.zip"):
        pixels_of(tmp_path / "a.png")


def test_impossible_resolution(tmp_path):
    with pytest.raises(UsageError, match="resolution 0"):
        pixels_of(tmp_path, 0)


def test_damaged_zip_entry_is_named(tmp_path):
    write(tmp_path / "in/a.bmp", 7)
    archive = pack(tmp_path / "in", tmp_path / "x.zip")
    data = bytearray(archive.read_bytes())
    data[80] ^= 255
    archive.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"x\.zip:a\.bmp: cannot be read .*CRC"):
        pixels_of(archive)


def test_truncated_zip(tmp_path):
    write(tmp_path / "in/a.bmp", 7)
    archive = pack(tmp_path / "in", tmp_path / "x.zip")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"x\.zip: not a whole \.zip"):
        pixels_of(archive)


def test_encrypted_zip(tmp_path):
    write(tmp_path / "in/a.png", 7)
    archive = pack(tmp_path / "in", tmp_path / "x.zip")
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    archive.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.png is encrypted"):
        pixels_of(archive)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_archives_never_fail_otherwise(tmp_path, data):
    buffer = BytesIO()
    np.savez_compressed(buffer, images=np.zeros((2, 4, 4), dtype=np.uint8))
    encoded = bytearray(buffer.getvalue())
    for _ in range(4):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    for name in ("x.npz", "x.zip"):
        path = tmp_path / name
        path.write_bytes(bytes(encoded))
        try:
            assert pixels_of(path).shape == (2, 4, 4, 1)
        except DataError as error:
            assert str(path) in str(error)


def test_limits(tmp_path, monkeypatch):
    write(tmp_path / "a.png")
    monkeypatch.setattr(listing, "MAX_FILE_BYTES", 10)
    with pytest.raises(DataError, match=r"a\.png: .* bytes; expected at most 10 in one image"):
        pixels_of(tmp_path)
    write(tmp_path / "b.png")
    monkeypatch.setattr(listing, "MAX_FILE_BYTES", 10_000)
    monkeypatch.setattr(arrays, "MAX_BYTES", 95)
    with pytest.raises(DataError, match=r"2 images of 4x4 pixels take .* smaller --resolution"):
        read.stack_images(listing.list_images(tmp_path), None)


def test_zip_bomb_of_arrays(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", images=np.zeros((100, 8, 8), dtype=np.uint8))
    monkeypatch.setattr(arrays, "MAX_BYTES", 5000)
    with pytest.raises(DataError, match="GiB of arrays"):
        pixels_of(tmp_path / "x.npz")


@given(st.integers(1, 4), st.integers(4, 9), st.integers(4, 9), st.sampled_from([1, 3]), st.data())
def test_array_layouts_agree(num_images, height, width, channels, data):
    images = data.draw(hnp.arrays(np.uint8, (num_images, height, width, channels)))
    np.testing.assert_array_equal(arrays.as_images(images, "a"), images)
    np.testing.assert_array_equal(arrays.as_images(images.transpose(0, 3, 1, 2), "a"), images)
    if channels == 1 and width != 4:
        np.testing.assert_array_equal(arrays.as_images(images[..., 0], "a"), images)


@pytest.mark.parametrize(
    "shape", [(2, 3, 8, 3), (2, 1, 8, 1), (8, 8, 3), (5, 8, 4), (2, 8, 8, 4), (64,), (2, 784), (), (2, 2, 2, 2, 3)]
)
def test_unclear_shapes_are_refused(shape):
    with pytest.raises(DataError, match=r"a: shape .* not clearly"):
        arrays.as_images(np.zeros(shape, dtype=np.uint8), "a")


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.linspace(0, 1, 64, dtype=np.float32), r"x \* 255"),
        (np.linspace(-1, 1, 64), r"\(x \+ 1\) \* 127\.5"),
        (np.linspace(-3, 3, 64), "Scale it"),
        (np.full(64, np.nan), "Scale it"),
        (np.arange(64), r"x\.astype\('uint8'\)"),
        (np.arange(64).astype(np.uint16) * 1000, "Scale it"),
        (np.zeros(64, dtype=bool), "Scale it"),
        (np.zeros(64, dtype=complex), "complex"),
    ],
)
def test_other_types_are_refused_with_the_conversion(array, remedy):
    with pytest.raises(DataError, match=f"a: expected uint8, got .*{remedy}"):
        arrays.as_images(array.reshape(1, 8, 8), "a")


def test_npz_with_labels(tmp_path):
    images = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    np.savez(tmp_path / "x.npz", images=images, labels=np.array([[4], [2]], dtype=np.uint8))
    found = open_images(tmp_path / "x.npz")
    np.testing.assert_array_equal(found.images, images)
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [4, 2]
    assert pixels_of(tmp_path / "x.npz", 4).shape == (2, 4, 4, 3)


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros(2), np.array([-1, 0]), np.eye(2, dtype=int)])
def test_wrong_labels(tmp_path, labels):
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 8, 8), np.uint8), labels=labels)
    with pytest.raises(DataError, match="array labels: "):
        pixels_of(tmp_path / "x.npz")


def test_npy_and_single_unnamed_array(tmp_path):
    images = np.zeros((2, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", images)
    np.savez(tmp_path / "y.npz", images)
    assert pixels_of(tmp_path / "x.npy").shape == (2, 8, 8, 1)
    assert pixels_of(tmp_path / "y.npz").shape == (2, 8, 8, 1)


def test_trial_folder_gives_its_samples(tmp_path):
    np.savez(tmp_path / "samples.npz", images=np.zeros((5, 8, 8, 1), np.uint8))
    write(tmp_path / "snapshots/step.png")
    assert len(open_images(tmp_path)) == 5


def test_npz_of_two_splits_is_a_dataset(tmp_path):
    np.savez(
        tmp_path / "x.npz", train_images=np.zeros((5, 8, 8, 1), np.uint8), test_images=np.zeros((5, 8, 8), np.uint8)
    )
    with pytest.raises(DataError, match=r"test_images, train_images.* name it npz:"):
        pixels_of(tmp_path / "x.npz")


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="plain arrays"):
        pixels_of(tmp_path / "x.npy")


def test_zip_of_images_called_npz(tmp_path):
    write(tmp_path / "in/a.png")
    pack(tmp_path / "in", tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"x\.npz: holds a\.png, which is no array"):
        pixels_of(tmp_path / "x.npz")


def test_empty_array(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((0, 8, 8, 3), np.uint8))
    np.save(tmp_path / "x.npy", np.zeros((0, 8, 8, 3), np.uint8))
    for name in ("x.npz", "x.npy"):
        with pytest.raises(DataError, match="holds no images"):
            pixels_of(tmp_path / name)
    np.savez(tmp_path / "x.npz")
    with pytest.raises(DataError, match="got none"):
        pixels_of(tmp_path / "x.npz")


def test_random_is_not_needed(tmp_path):
    write(tmp_path / "a.png", 1)
    state, random_state = np.random.get_state()[1].copy(), random.getstate()
    pixels_of(tmp_path, 8)
    assert (np.random.get_state()[1] == state).all()
    assert random.getstate() == random_state
