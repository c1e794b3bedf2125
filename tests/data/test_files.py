"""Images read from files when they are needed: the same pixels, numbers and hashes as in memory, or a named error."""

import logging
import os
import shutil
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ganbench.data import array_file, decode, listing, streamed
from ganbench.data import files as files_module
from ganbench.data.array_file import ArrayFile
from ganbench.data.files import ImageFiles, in_order
from ganbench.data.listing import ImageFile, list_images
from ganbench.data.read import open_images
from ganbench.data.rgb import as_rgb
from ganbench.data.streamed import ImageFacts
from ganbench.errors import DataError
from ganbench.types import ImageSet

LONG_AGO = 1_000_000_000_000_000_000  # nanoseconds since 1970


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    """Files written a moment ago count as written long ago."""
    monkeypatch.setattr(listing, "SETTLED_NS", 0)


def random_images(num_images, channels=3, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_images, size, size, channels), dtype=np.uint8)


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(path)


def write_folder(folder, images):
    for index, image in enumerate(images):
        path = folder / f"{index:05d}.png"
        save(image, path)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return folder


def pack(folder, archive, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(archive, "w", compression) as target:
        for path in sorted(folder.rglob("*.png"), reverse=True):
            target.write(path, path.relative_to(folder))
    return archive


def gathered(source, size=7):
    return np.concatenate(list(source.batches(size)))


@pytest.fixture
def no_opening(monkeypatch):
    def fail(self, *args):
        raise AssertionError(f"{self.source} was opened")

    monkeypatch.setattr(ImageFile, "header", fail)
    monkeypatch.setattr(ImageFile, "decode", fail)


@pytest.fixture
def decoded(monkeypatch):
    """The paths that were decoded, in the order of their start."""
    original, paths = ImageFile.decode, []

    def decode(self, resolution):
        paths.append(str(self.path))
        return original(self, resolution)

    monkeypatch.setattr(ImageFile, "decode", decode)
    return paths


# --- what is in is out ----------------------------------------------------------------------------------------------

image_arrays = st.tuples(st.integers(1, 5), st.integers(4, 9), st.integers(4, 9), st.sampled_from([1, 3])).flatmap(
    lambda shape: hnp.arrays(np.uint8, shape)
)


@settings(max_examples=30, deadline=None)
@given(image_arrays, st.integers(1, 6))
def test_every_form_of_the_same_images_gives_the_same(tmp_path_factory, images, size):
    folder = tmp_path_factory.mktemp("in")
    write_folder(folder / "png", images)
    pack(folder / "png", folder / "images.zip")
    np.savez(folder / "a.npz", images)
    np.savez(folder / "b.npz", images=images.transpose(0, 3, 1, 2))
    np.save(folder / "a.npy", images)
    np.save(folder / "b.npy", images.transpose(0, 3, 1, 2))
    np.save(folder / "c.npy", np.asfortranarray(images))
    wanted = ImageSet("wanted", images)
    for name in ("png", "images.zip", "a.npz", "b.npz", "a.npy", "b.npy", "c.npy"):
        source = open_images(folder / name)
        assert source.shape == images.shape, name
        assert len(source) == len(images)
        np.testing.assert_array_equal(gathered(source, size), images, err_msg=name)
        assert source.sha256 == wanted.sha256, name
        assert source.name == name
    shutil.rmtree(folder)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 4))
def test_damage_gives_the_right_pixels_or_an_error_that_names_the_file(tmp_path_factory, data, num_images):
    folder = tmp_path_factory.mktemp("in")
    images = random_images(num_images, size=6, seed=num_images)
    write_folder(folder / "png", images)
    archive = pack(folder / "png", folder / "images.zip", zipfile.ZIP_STORED)
    for path, name in ((folder / "png/00001.png", "00001.png"), (archive, "images.zip")):
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        else:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content))
        try:
            found = gathered(open_images(path if path == archive else folder / "png"), 2)
        except DataError as error:
            assert name in str(error)
        else:
            assert len(found) == num_images or path == archive  # an entry's name may have become a hidden one
            assert all(any(np.array_equal(image, one) for one in images) for image in found)
    shutil.rmtree(folder)


def test_order_is_that_of_the_names_whatever_the_file_system_lists_first(tmp_path, monkeypatch):
    images = random_images(20)
    write_folder(tmp_path / "in", images)
    first = open_images(tmp_path / "in")
    original = os.scandir

    class Backwards:
        def __init__(self, folder):
            self._entries = sorted(original(folder), key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return self._entries

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    second = open_images(tmp_path / "in")
    np.testing.assert_array_equal(gathered(second), images)
    assert second.fingerprint == first.fingerprint is not None


@pytest.mark.parametrize("size", [1, 3, 64, 1000])
@pytest.mark.parametrize("channels", [1, 3])
def test_hash_is_that_of_the_images_in_memory_whatever_the_batches(tmp_path, size, channels):
    images = random_images(70, channels, 4)
    source = open_images(write_folder(tmp_path / "in", images))
    sizes = [len(batch) for batch in source.batches(size)]
    assert sum(sizes) == 70
    assert set(sizes[:-1]) <= {size}
    assert source.is_hashed
    assert source.sha256 == ImageSet("x", images).sha256


def test_hash_is_found_in_the_first_complete_pass(tmp_path, decoded):
    source = open_images(write_folder(tmp_path / "in", random_images(10)))
    for batch in source.batches(3):
        batch[:] = 0  # what is done to a batch does not matter
    assert source.sha256 == ImageSet("x", random_images(10)).sha256
    assert len(decoded) == 10


def test_hash_of_an_unfinished_pass_is_not_taken(tmp_path, decoded):
    source = open_images(write_folder(tmp_path / "in", random_images(10)))
    next(source.batches(3))
    assert not source.is_hashed
    decoded.clear()
    assert source.sha256 == ImageSet("x", random_images(10)).sha256
    assert len(decoded) == 10


@given(st.lists(st.integers(0, 199), max_size=150))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_take_and_subset_in_any_order(hundreds, indexes):
    images, source = hundreds
    chosen = np.array(indexes, dtype=np.int64)
    np.testing.assert_array_equal(source.take(chosen), images[chosen])
    if indexes:
        part = source.subset(chosen)
        np.testing.assert_array_equal(gathered(part), images[chosen])
        assert part.sha256 == ImageSet("x", images).subset(chosen).sha256
        assert part.labels.tolist() == source.labels[chosen].tolist()


@pytest.fixture(scope="module")
def hundreds(tmp_path_factory):
    folder, images = tmp_path_factory.mktemp("hundreds"), random_images(200, size=4)
    for index, image in enumerate(images):
        save(image, folder / f"{'ab'[index >= 90]}/{index:03d}.png")
    return images, open_images(pack(folder, folder / "x.zip"))


def test_zip_is_read_by_several_threads_at_once(hundreds, monkeypatch):
    monkeypatch.setattr(files_module, "NUM_THREADS", 8)
    monkeypatch.setattr(files_module, "PIECE_IMAGES", 1)
    images, source = hundreds
    other = threading.Thread(target=lambda: gathered(source))
    other.start()
    for _ in range(3):
        np.testing.assert_array_equal(gathered(source), images)
    other.join()


def test_resolution(tmp_path):
    write_folder(tmp_path / "in", random_images(2, size=8))
    save(random_images(1, size=12)[0], tmp_path / "in/z.png")
    source = open_images(tmp_path / "in", 6)
    assert source.shape == gathered(source).shape == (3, 6, 6, 3)


def test_grey_among_rgb_is_repeated_and_said_once(tmp_path, caplog):
    save(random_images(1, 1)[0], tmp_path / "a.png")
    save(random_images(1, 3)[0], tmp_path / "b.png")
    source = open_images(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert source.shape == (2, 8, 8, 3)
        np.testing.assert_array_equal(gathered(source)[0], random_images(1, 1)[0].repeat(3, axis=2))
        gathered(source)
    assert caplog.text.count("1 of 2 images are grey") == 1
    assert source.subset(np.array([0])).shape == (1, 8, 8, 1)


# --- classes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "class_names", "labels"),
    [
        (["a.png", "b.png"], (), None),
        (["x/cat/1.png", "x/dog/deep/1.png", "x/dog/2.png"], ("cat", "dog"), [0, 1, 1]),
        (["cat/1.png", "cat/2.png"], (), None),
        (["cat/1.png", "dog/1.png", "stray.png"], (), None),
        (["train/1.png", "test/1.png"], (), None),
        (["test/cat/1.png", "train/cat/1.png", "train/dog/1.png"], ("cat", "dog"), [0, 0, 1]),
        (["train/cat/1.png", "train/dog/1.png"], ("cat", "dog"), [0, 1]),
        (["cat/1.png", "train/1.png"], (), None),
    ],
)
def test_classes_from_folders(tmp_path, paths, class_names, labels):
    for path in paths:
        save(random_images(1)[0], tmp_path / "in" / path)
    for place in (tmp_path / "in", pack(tmp_path / "in", tmp_path / "x.zip")):
        source = open_images(place)
        assert source.class_names == class_names
        assert (None if source.labels is None else source.labels.tolist()) == labels


# --- headers first --------------------------------------------------------------------------------------------------


def test_all_refused_files_are_told_before_anything_is_decoded(tmp_path, decoded):
    write_folder(tmp_path, random_images(10))
    for index in range(5):
        Image.new("CMYK", (8, 8)).save(tmp_path / f"ink{index}.jpg")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError) as caught:
        next(open_images(tmp_path).batches(2))
    assert str(caught.value) == (
        f"5 of 16 images have the colour mode CMYK, such as {tmp_path}/ink0.jpg, {tmp_path}/ink1.jpg, "
        f"{tmp_path}/ink2.jpg. Convert them to RGB by the colour profile. "
        f"1 of 16 images cannot be read: {tmp_path}/text.png. Repair or remove it."
    )
    assert decoded == []


def test_images_of_another_size_are_counted(tmp_path):
    write_folder(tmp_path, random_images(3, size=8))
    for index in range(2):
        save(random_images(1, size=9)[0], tmp_path / f"Large{index}.png")  # these come first, but are fewer
    with pytest.raises(DataError) as caught:
        open_images(tmp_path).shape  # noqa: B018
    assert str(caught.value) == (
        f"2 of 5 images have another size than 8x8 pixels: {tmp_path}/Large0.png, {tmp_path}/Large1.png. "
        "Choose one size with --resolution."
    )


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_damaged_pixels_are_named_when_decoded(tmp_path, kind):
    folder = write_folder(tmp_path / "in", random_images(5))
    content = bytearray((folder / "00003.png").read_bytes())
    content[content.index(b"IDAT") + 30] ^= 1
    (folder / "00003.png").write_bytes(content)
    source = open_images(folder if kind == "folder" else pack(folder, tmp_path / "x.zip"))
    assert source.shape == (5, 8, 8, 3)
    with pytest.raises(DataError, match=r"00003\.png: not a readable image"):
        gathered(source)
    assert not source.is_hashed


def test_file_that_goes_or_changes_meanwhile(tmp_path):
    source = open_images(write_folder(tmp_path, random_images(3)))
    assert source.shape == (3, 8, 8, 3)
    save(random_images(1, size=9)[0], tmp_path / "00001.png")
    with pytest.raises(DataError, match=r"00001\.png: was changed while"):
        gathered(source)
    (tmp_path / "00001.png").unlink()
    with pytest.raises(DataError, match=r"00001\.png: cannot be read"):
        gathered(source)


def test_names_that_are_no_text(tmp_path):
    odd = os.fsdecode(b"caf\xe9.png")
    try:
        save(random_images(1)[0], tmp_path / odd)
    except OSError:
        pytest.skip("this file system takes text only")
    os.utime(tmp_path / odd, ns=(LONG_AGO, LONG_AGO))
    source = open_images(tmp_path)
    assert source.fingerprint is not None
    (tmp_path / odd).write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        gathered(source)
    assert str(caught.value).isprintable()
    str(caught.value).encode()


# --- known again without opening ------------------------------------------------------------------------------------


def test_fingerprint_and_adopted_facts_open_nothing(tmp_path, no_opening):
    images = random_images(4)
    source = open_images(write_folder(tmp_path / "in", images))
    assert len(source.fingerprint) == 64
    assert not source.is_hashed
    source.adopt(ImageFacts((4, 8, 8, 3), "ab"))
    assert source.facts() == ((4, 8, 8, 3), "ab")
    assert source.is_hashed


def test_facts_of_another_number_of_images_are_a_mistake(tmp_path):
    source = open_images(write_folder(tmp_path, random_images(4)))
    with pytest.raises(ValueError, match="expected those of 4 images"):
        source.adopt(ImageFacts((5, 8, 8, 3), "ab"))


@pytest.mark.parametrize("kind", ["folder", "zip", "npy"])
def test_fingerprint_changes_with_all_that_changes_the_pixels(tmp_path, kind):
    folder = write_folder(tmp_path / "in", random_images(4))

    def place():
        if kind == "folder":
            return folder
        path = tmp_path / f"x.{kind}"
        if not path.exists():
            pack(folder, path, zipfile.ZIP_STORED) if kind == "zip" else np.save(path, random_images(4))
            os.utime(path, ns=(LONG_AGO, LONG_AGO))
        return path

    first = open_images(place())
    prints = [first.fingerprint, open_images(place(), 4).fingerprint, first.subset(np.array([0, 2])).fingerprint]
    prints.append(first.subset(np.array([2, 0])).fingerprint)
    assert open_images(place()).fingerprint == first.fingerprint
    changed = folder / "00001.png" if kind == "folder" else place()
    os.utime(changed, ns=(LONG_AGO, LONG_AGO + 1))
    prints.append(open_images(place()).fingerprint)
    # other content of the same size whose time is set back, as archives and copies do
    content = bytearray(changed.read_bytes())
    content[140] ^= 1
    time.sleep(0.02)
    changed.write_bytes(bytes(content))
    os.utime(changed, ns=(LONG_AGO, LONG_AGO))
    prints.append(open_images(place()).fingerprint)
    assert None not in prints
    assert len(set(prints)) == len(prints)


def test_fingerprint_changes_with_a_name(tmp_path):
    folder = write_folder(tmp_path, random_images(4))
    first = open_images(folder).fingerprint
    (folder / "00001.png").rename(folder / "00009.png")
    assert open_images(folder).fingerprint not in (first, None)


@pytest.mark.parametrize("kind", ["folder", "zip", "npy"])
def test_files_changed_just_now_have_no_fingerprint(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(listing, "SETTLED_NS", 2 * 10**9)
    folder = write_folder(tmp_path / "in", random_images(2))  # whose mtime is old, as after a copy that keeps it
    np.save(tmp_path / "x.npy", random_images(2))
    pack(folder, tmp_path / "x.zip")
    path = folder if kind == "folder" else tmp_path / f"x.{kind}"
    assert open_images(path).fingerprint is None
    later = time.time_ns() + 3 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert open_images(path).fingerprint is not None


@pytest.mark.parametrize("kind", ["folder", "zip", "npy"])
def test_equal_names_sizes_and_times_in_two_folders_are_told_apart(tmp_path, kind, monkeypatch):
    """As on a coarse clock: the old fingerprint was of these alone, so that one set's features stood for the other."""
    paths = []
    for index, name in enumerate(("real", "fake")):
        images = random_images(3, seed=index)
        folder = write_folder(tmp_path / name / "in", images // 64 * 64)
        np.save(tmp_path / name / "in.npy", images)
        pack(folder, tmp_path / name / "in.zip", zipfile.ZIP_STORED)
        paths.append(folder if kind == "folder" else tmp_path / name / f"in.{kind}")
    true_stat = os.stat

    def one_tick(path, *, follow_symlinks=True):
        found = true_stat(path, follow_symlinks=follow_symlinks)
        times = {"st_mtime_ns": LONG_AGO, "st_ctime_ns": LONG_AGO, "st_size": 99, "st_mode": found.st_mode}
        return SimpleNamespace(st_dev=found.st_dev, st_ino=found.st_ino, **times)

    monkeypatch.setattr(Path, "stat", one_tick)
    fingerprints = {open_images(path).fingerprint for path in paths}
    assert None not in fingerprints
    assert len(fingerprints) == 2


@pytest.mark.parametrize("place", [200, -1], ids=["first page", "last page"])
def test_a_write_through_a_mapping_that_leaves_the_times_is_seen(tmp_path, monkeypatch, place):
    np.save(tmp_path / "x.npy", random_images(100))
    monkeypatch.setattr(array_file, "stamp_of", lambda path, status: "unchanged")
    before = open_images(tmp_path / "x.npy").fingerprint
    assert open_images(tmp_path / "x.npy").fingerprint == before
    content = bytearray((tmp_path / "x.npy").read_bytes())
    content[place] ^= 1
    (tmp_path / "x.npy").write_bytes(content)
    assert open_images(tmp_path / "x.npy").fingerprint != before


def test_quick_key_is_that_of_the_first_pixels_wherever_they_lie(tmp_path, decoded):
    images = random_images(40)
    folder = write_folder(tmp_path / "a", images)
    key = open_images(folder).quick_key()
    assert len(decoded) == 16
    np.save(tmp_path / "b.npy", images)
    assert open_images(tmp_path / "b.npy").quick_key() == key
    assert open_images(folder).subset(np.arange(39)).quick_key() != key
    images[3, 0, 0, 0] ^= 1
    np.save(tmp_path / "c.npy", images)
    assert open_images(tmp_path / "c.npy").quick_key() != key


def test_large_images_are_hashed_a_few_at_a_time(tmp_path, monkeypatch):
    images = random_images(30)
    source = open_images(write_folder(tmp_path, images))
    sizes = []
    run_through = ImageFiles._run_through
    monkeypatch.setattr(ImageFiles, "_run_through", lambda self, size: sizes.append(size) or run_through(self, size))
    monkeypatch.setattr(streamed, "HASH_BYTES", 5 * images[0].size)
    assert source.sha256 == ImageSet("x", images).sha256
    assert sizes == [5]


def test_subset_is_printed_by_its_own_files_only(tmp_path):
    folder = write_folder(tmp_path, random_images(4))
    before = open_images(folder).subset(np.array([0, 1])).fingerprint
    os.utime(folder / "00003.png", ns=(LONG_AGO, LONG_AGO + 5))
    assert open_images(folder).subset(np.array([0, 1])).fingerprint == before is not None


# --- threads and memory ---------------------------------------------------------------------------------------------


def test_results_come_in_order_however_long_each_takes():
    pauses = np.random.default_rng(0).uniform(0, 0.01, 40)

    def slow(index):
        time.sleep(pauses[index])
        return index

    assert list(in_order(slow, range(40))) == list(range(40))


@pytest.mark.parametrize("ending", ["abandoned", "failed", "finished", "never started"])
def test_no_thread_outlives_its_iterator(tmp_path, ending):
    write_folder(tmp_path, random_images(40))
    source = open_images(tmp_path)
    assert len(source.shape) == 4
    before = threading.active_count()
    batches = source.batches(1)
    if ending == "failed":
        (tmp_path / "00030.png").write_bytes(b"gone")
        with pytest.raises(DataError, match="00030"):
            list(batches)
    elif ending == "finished":
        list(batches)
    elif ending == "abandoned":
        next(batches)
        assert threading.active_count() > before
    del batches
    assert threading.active_count() == before


def test_reading_ahead_is_bounded(tmp_path, decoded, monkeypatch):
    monkeypatch.setattr(files_module, "NUM_THREADS", 2)
    source = open_images(write_folder(tmp_path, random_images(60)))
    batches = source.batches(2)
    next(batches)
    time.sleep(0.2)
    assert len(decoded) <= 2 * (2 * 2 + 1)
    batches.close()


def test_a_pass_needs_memory_for_few_images_only(tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "PIECE_BYTES", 64 * 64 * 3 * 4)
    monkeypatch.setattr(files_module, "NUM_THREADS", 2)
    images = np.zeros((400, 64, 64, 3), dtype=np.uint8)  # 4.9 MB
    source = open_images(write_folder(tmp_path, images))
    gathered(source.subset(np.arange(4)))
    tracemalloc.start()
    for _ in source.batches(8):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5e6


# --- three channels, and arrays in files ----------------------------------------------------------------------------


def test_grey_as_rgb(tmp_path):
    images = random_images(9, 1)
    grey = open_images(write_folder(tmp_path, images))
    source = as_rgb(grey)
    wanted = ImageSet("wanted", images.repeat(3, axis=3))
    assert source.shape == wanted.shape
    np.testing.assert_array_equal(gathered(source, 4), wanted.images)
    assert source.sha256 == wanted.sha256 != grey.sha256
    chosen = np.array([4, 1])
    np.testing.assert_array_equal(source.take(chosen), wanted.images[chosen])
    assert source.subset(chosen).sha256 == wanted.subset(chosen).sha256
    assert source.fingerprint not in (grey.fingerprint, None)
    assert as_rgb(ImageSet("x", images)).fingerprint is None
    assert as_rgb(ImageSet("x", images)).sha256 == wanted.sha256


def test_rgb_stays_as_it_is():
    source = ImageSet("x", random_images(2))
    assert as_rgb(source) is source


def test_array_file_reads_what_is_asked_for(tmp_path):
    """A file of 8 GB, most of it a hole, is opened and a few rows are read."""
    path = tmp_path / "big.npy"
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(2_600_000, 3, 32, 32))
    mapped[2_500_000] = 7
    del mapped
    source = open_images(path)
    assert source.shape == (2_600_000, 32, 32, 3)
    assert source.take(np.array([2_500_000])).max() == 7
    assert next(source.batches(4)).shape == (4, 32, 32, 3)
    assert open_images(path, 16).take(np.array([2_500_000])).shape == (1, 16, 16, 3)


def test_array_file_subset_of_a_subset(tmp_path):
    images = random_images(10)
    np.save(tmp_path / "x.npy", images)
    part = ArrayFile("x", tmp_path / "x.npy").subset(np.array([9, 5, 1])).subset(np.array([2, 0]))
    np.testing.assert_array_equal(gathered(part), images[[1, 9]])
    assert part.sha256 == ImageSet("x", images[[1, 9]]).sha256


def test_array_file_that_is_none(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY and so on")
    with pytest.raises(DataError, match=r"x\.npy: not a readable"):
        open_images(tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", np.zeros((2, 8, 8), np.float32))
    with pytest.raises(DataError, match=r"y\.npy: expected uint8, got float32"):
        open_images(tmp_path / "y.npy")


def test_listing_gives_relative_paths(tmp_path):
    save(random_images(1)[0], tmp_path / "a/b/1.png")
    (file,) = list_images(tmp_path)
    assert file.path.as_posix() == "a/b/1.png"
    assert Path(file.source) == tmp_path / "a/b/1.png"
    assert isinstance(open_images(tmp_path), ImageFiles)


# --- the page of the docs -------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs/inputs.md"


def test_the_page_names_every_ending_and_limit():
    text = PAGE.read_text(encoding="utf-8")
    for ending in sorted(listing.IMAGE_SUFFIXES | listing.OTHER_IMAGES):
        assert f"`{ending}`" in text
    assert f"{decode.MAX_PIXELS:,} pixels or {listing.MAX_FILE_BYTES:,} bytes" in text


def test_the_message_on_the_page_is_the_one_that_comes():
    headers = [decode.Header(64, 64, 3)] * 9_963 + [decode.Header(32, 32, 3)] * 37
    files = [ImageFile(PurePosixPath(f"{index}"), f"{index}", 0, bytes) for index in range(10_000)]
    refused = ImageFiles("faces", files)._of_another_size(headers)
    message = str(decode.refuse_together(refused, 10_000))
    names = ", ".join(f"faces/{number}.png" for number in ("0012", "0044", "0107"))
    wanted = message.replace("9963, 9964, 9965", names)
    assert wanted in " ".join(PAGE.read_text(encoding="utf-8").split())
