"""Datasets by name: mnist5k, the user's folders and arrays, torchvision's downloads."""

import re
import tracemalloc
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ganbench.data import builtin, downloads, files, load, local
from ganbench.data.load import load_dataset, split_suffix
from ganbench.data.splits import stratified_halves
from ganbench.errors import DataError, UnknownNameError, UsageError

INFOS = {info.name: info for info in builtin.ganbench_datasets()}


@pytest.fixture(scope="module")
def mnist5k():
    return load_dataset("mnist5k", INFOS, root=Path("unused"))


def write(path, value=0, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value,) * 3).save(path)


# --- splits ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 2**32 - 1))
def test_halves_are_disjoint_whole_and_even_in_each_class(labels, seed):
    labels = np.array([*labels, 0, 0, 0, 0])
    first, second = stratified_halves(labels, len(labels), seed, "d")
    assert sorted([*first, *second]) == list(range(len(labels)))
    for label in range(5):
        count = int((labels == label).sum())
        assert int((labels[first] == label).sum()) == (count + 1) // 2


def test_halves_are_in_random_order():
    first, _ = stratified_halves(np.repeat(np.arange(10), 100), 1000, 0, "d")
    assert len(set((first[:50] // 100).tolist())) > 5  # any prefix holds a mixture of classes


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (None, "2 to train on and 1 held out; expected at least 2 of each.*give at least 4$"),
        ([0, 0, 1], "2 to train on and 1 held out; .*give at least 4; of a class with an odd number, the odd image"),
        ([0, 1, 2], "3 to train on and 0 held out"),
    ],
)
def test_three_images_cannot_be_halved(labels, told):
    with pytest.raises(DataError, match=f"d: too few images: {told.replace('$', '[.]$')}"):
        stratified_halves(None if labels is None else np.array(labels), 3, 0, "d")
    assert [len(half) for half in stratified_halves(None, 4, 0, "d")] == [2, 2]


def test_mnist5k_split_is_the_published_one(mnist5k):
    """Gold: another permutation would make every stored result incomparable."""
    assert mnist5k.sha256 == "638a74190cc16680f159db60fd10267e907ee73bca6b72677f67b1dd470902cc"
    assert mnist5k.spec.shape == (1, 28, 28)
    assert mnist5k.spec.num_classes == 10
    for split in (mnist5k.train, mnist5k.test):
        assert split.images.shape == (2500, 28, 28, 1)
        assert np.bincount(split.labels).tolist() == [250] * 10


def test_mnist5k_resized():
    dataset = load_dataset("mnist5k", INFOS, 32, Path("unused"))
    assert dataset.train.images.shape == (2500, 32, 32, 1)
    assert dataset.spec.resolution == 32


# --- folder: --------------------------------------------------------------------------------------------------------


def test_folder_with_splits_and_classes(tmp_path):
    for value, name in enumerate(("train/cat/a", "train/dog/b", "train/dog/deep/c", "test/cat/d", "test/dog/e")):
        write(tmp_path / f"{name}.png", value)
    dataset = load_dataset(f"folder:{tmp_path}", INFOS)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.spec.num_classes == 2
    assert dataset.train.labels.tolist() == [0, 1, 1]
    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.train.images[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_folder_of_classes_is_halved_in_each(tmp_path):
    for index in range(8):
        write(tmp_path / f"{'cat' if index < 4 else 'dog'}/{index}.png", index)
    dataset = load_dataset(f"folder:{tmp_path}", INFOS)
    assert sorted(dataset.train.labels.tolist()) == [0, 0, 1, 1]
    for split in (dataset.train, dataset.test):
        assert [int(image[0, 0, 0] >= 4) for image in split.images] == split.labels.tolist()


def test_zip_with_one_folder_around_everything(tmp_path):
    for name in ("train/a", "train/b", "train/c", "test/a", "test/b"):
        write(tmp_path / f"in/data/{name}.png", 1)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in (tmp_path / "in").rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path / "in"))
    dataset = load_dataset(f"folder:{tmp_path / 'x.zip'}", INFOS)
    assert (len(dataset.train), len(dataset.test), dataset.spec.num_classes) == (3, 2, None)


def test_flat_folder_has_no_labels(tmp_path):
    for index in range(5):
        write(tmp_path / f"{index}.png", index)
    dataset = load_dataset(f"folder:{tmp_path}", INFOS)
    assert (len(dataset.train), len(dataset.test)) == (3, 2)
    assert dataset.train.labels is None
    assert dataset.spec.num_classes is None


def test_images_beside_class_folders_are_refused(tmp_path):
    write(tmp_path / "cat/a.png")
    write(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"others beside them, such as b\.png"):
        load_dataset(f"folder:{tmp_path}", INFOS)


def test_images_beside_the_splits_are_refused(tmp_path):
    for name in ("train/a.png", "test/b.png", "val/c.png"):
        write(tmp_path / name)
    with pytest.raises(DataError, match=r"1 images are neither in train nor in test, such as .*c\.png"):
        load_dataset(f"folder:{tmp_path}", INFOS)


def test_images_must_be_square(tmp_path):
    for index in range(4):
        write(tmp_path / f"{index}.png", size=(8, 6))
    with pytest.raises(DataError, match=r"8x6 pixels with 3 channels; models need squares.*--resolution"):
        load_dataset(f"folder:{tmp_path}", INFOS)
    assert load_dataset(f"folder:{tmp_path}", INFOS, 8).spec.shape == (3, 8, 8)


def test_splits_must_agree_in_size(tmp_path):
    for name in "ab":
        write(tmp_path / f"train/{name}.png", size=(8, 8))
        write(tmp_path / f"test/{name}.png", size=(9, 9))
    with pytest.raises(DataError, match=r"train images are 8x8 .*test images 9x9"):
        load_dataset(f"folder:{tmp_path}", INFOS)


@pytest.mark.parametrize(("num_train", "num_test"), [(1, 5), (5, 1)])
def test_each_split_has_two_images(tmp_path, num_train, num_test):
    for split, count in (("train", num_train), ("test", num_test)):
        for index in range(count):
            write(tmp_path / f"in/{split}/{index}.png")
    np.savez(tmp_path / "x.npz", train_images=images_of(num_train), test_images=images_of(num_test))
    for name in ("folder:in", "npz:x.npz"):
        form, _, path = name.partition(":")
        told = f"{num_train} to train on and {num_test} held out; expected at least 2 of each. Add images"
        with pytest.raises(DataError, match=told):
            load_dataset(f"{form}:{tmp_path / path}", INFOS)


def test_photos_of_all_shapes_upright_and_square(tmp_path):
    """Pillow's own `ImageOps.fit` is the reference: centre square, bicubic."""
    rng = np.random.default_rng(0)
    wanted = set()
    for index, (width, height) in enumerate([(150, 300), (300, 150), (128, 128), (40, 30), (90, 500), (131, 129)]):
        exif = Image.Exif()
        exif[0x0112] = index + 3
        path = tmp_path / f"{index}.jpg"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path, exif=exif)
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            wanted.add(ImageOps.fit(upright, (128, 128), Image.Resampling.BICUBIC).tobytes())
    dataset = load_dataset(f"folder:{tmp_path}", INFOS, 128)
    assert (len(dataset.train), len(dataset.test), dataset.spec.shape) == (3, 3, (3, 128, 128))
    assert {image.tobytes() for split in (dataset.train, dataset.test) for image in split.images} == wanted


@pytest.mark.parametrize("name", ["folder:{}", "boxes:{}/boxes.csv"])
def test_memory_holds_the_pixels_once(tmp_path, monkeypatch, name):
    """Wrong: all images at first and then their halves, which takes twice the memory."""
    monkeypatch.setattr(files, "NUM_THREADS", 1)
    for index in range(40):
        write(tmp_path / f"{index}.png", index, (130, 120))
    rows = "".join(f"{index}.png,{x},0,96,96\n" for index in range(40) for x in (0, 20))
    (tmp_path / "boxes.csv").write_text(f"file,x,y,width,height\n{rows}")
    load_dataset(name.format(tmp_path), INFOS, 8)  # what is imported or cached once does not count
    tracemalloc.start()
    try:
        dataset = load_dataset(name.format(tmp_path), INFOS, 256)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    pixels = dataset.train.images.nbytes + dataset.test.images.nbytes
    assert pixels < peak < 1.7 * pixels


# --- npz: -----------------------------------------------------------------------------------------------------------


def images_of(num_images):
    return np.arange(num_images * 64, dtype=np.uint32).astype(np.uint8).reshape(num_images, 8, 8)


@pytest.mark.parametrize(
    "keys", [("train_images", "train_labels", "test_images", "test_labels"), ("x_train", "y_train", "x_test", "y_test")]
)
def test_npz_with_splits(tmp_path, keys):
    arrays = (images_of(4), np.array([7, 3, 7, 3]), images_of(2), np.array([3, 9]))
    np.savez(tmp_path / "x.npz", **dict(zip(keys, arrays, strict=True)))
    dataset = load_dataset(f"npz:{tmp_path / 'x.npz'}", INFOS)
    assert dataset.class_names == ("3", "7", "9")
    assert dataset.train.labels.tolist() == [1, 0, 1, 0]
    assert dataset.test.labels.tolist() == [0, 2]
    np.testing.assert_array_equal(dataset.train.images[..., 0], arrays[0])


def test_npz_of_one_set_is_halved(tmp_path):
    np.savez(tmp_path / "x.npz", images=images_of(10), labels=np.repeat([0, 1], 5))
    dataset = load_dataset(f"npz:{tmp_path / 'x.npz'}", INFOS)
    assert np.bincount(dataset.train.labels).tolist() == [3, 3]
    np.save(tmp_path / "y.npy", images_of(10))
    assert load_dataset(f"npz:{tmp_path / 'y.npy'}", INFOS, 16).train.images.shape == (5, 16, 16, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_images": images_of(4)}, "expected train_images and test_images"),
        ({"test_images": images_of(4)}, "expected train_images and test_images"),
        ({"images": images_of(4), "test_images": images_of(4)}, "expected train_images and test_images"),
        ({"a": images_of(4), "b": images_of(4)}, "it holds a, b"),
        ({}, "it holds no arrays"),
        ({"x_train": images_of(2), "y_train": np.arange(2), "x_test": images_of(2)}, "labels for one split only"),
        ({"images": images_of(4) / 255}, "array images: expected uint8, got float64"),
    ],
)
def test_npz_with_other_contents(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_dataset(f"npz:{tmp_path / 'x.npz'}", INFOS)


# --- torchvision ----------------------------------------------------------------------------------------------------


class Stored:
    """Stands in for a torchvision dataset: there after a download only."""

    downloaded: list[str]

    def __init__(self, root, download, **split):
        self.split = split
        if download:
            self.downloaded.append(str(root))
        if str(root) not in self.downloaded:
            raise RuntimeError("Dataset not found. You can use download=True to download it")


class FakeCIFAR(Stored):
    classes = ("plane", "car")

    def __init__(self, root, train, download):
        super().__init__(root, download, train=train)
        self.data = np.full((4 if train else 2, 32, 32, 3), 5, dtype=np.uint8)
        self.targets = [0, 1, 0, 1] if train else [1, 0]


class FakeSTL(Stored):
    classes = ("bird", "monkey")

    def __init__(self, root, split, download):
        super().__init__(root, download, split=split)
        self.data = np.zeros((3, 3, 96, 96), dtype=np.uint8)
        self.data[:, 0] = 9
        self.labels = np.array([-1, -1, -1] if split == "unlabeled" else [0, 1, 1], dtype=np.int64)


class FakeCelebA(Stored):
    def __init__(self, root, split, download):
        super().__init__(root, download, split=split)
        self.filename = ["1.jpg", "2.jpg"] if split == "train" else ["3.jpg", "4.jpg"]


@pytest.fixture
def fake_torchvision(monkeypatch):
    from torchvision import datasets

    monkeypatch.setattr(Stored, "downloaded", [], raising=False)
    for name, fake in (("CIFAR10", FakeCIFAR), ("STL10", FakeSTL), ("CelebA", FakeCelebA)):
        monkeypatch.setattr(datasets, name, fake)
    return monkeypatch


def test_download_happens_once(tmp_path, fake_torchvision):
    first = load_dataset("cifar10", INFOS, root=tmp_path)
    assert first.class_names == ("plane", "car")
    assert first.train.images.shape == (4, 32, 32, 3)
    assert first.train.labels.tolist() == [0, 1, 0, 1]
    assert first.test.labels.tolist() == [1, 0]
    assert load_dataset("cifar10", INFOS, 16, tmp_path).spec.shape == (3, 16, 16)
    assert Stored.downloaded == [str(tmp_path)]


def test_channels_first_storage_is_turned(tmp_path, fake_torchvision):
    dataset = load_dataset("stl10", INFOS, root=tmp_path)
    assert dataset.train.images.shape == (3, 96, 96, 3)
    assert dataset.train.images[0, 0, 0].tolist() == [9, 0, 0]
    assert dataset.spec.num_classes == 2


def test_unlabelled_stl10_has_no_labels(tmp_path, fake_torchvision):
    dataset = load_dataset("stl10-unlabeled", INFOS, root=tmp_path)
    assert dataset.train.labels is None
    assert dataset.test.labels is None
    assert dataset.spec.num_classes is None


def test_celeba_is_cut_to_its_centre_square(tmp_path, fake_torchvision):
    pixels = np.zeros((218, 178, 3), dtype=np.uint8)
    pixels[20:198] = 200
    folder = tmp_path / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    for name in ("1.jpg", "2.jpg", "3.jpg", "4.jpg"):
        Image.fromarray(pixels).save(folder / name, quality=100)
    dataset = load_dataset("celeba", INFOS, root=tmp_path)
    assert dataset.train.images.shape == (2, 178, 178, 3)
    assert dataset.test.images.shape == (2, 178, 178, 3)
    assert dataset.train.images[:, 8:-8].min() > 190
    assert dataset.spec.num_classes is None
    assert load_dataset("celeba", INFOS, 64, tmp_path).train.images.shape == (2, 64, 64, 3)


@pytest.mark.parametrize("item", downloads.DOWNLOADS, ids=lambda item: item.name)
@pytest.mark.parametrize("failure", [URLError("no route"), RuntimeError("a\nb"), ModuleNotFoundError("gdown")])
def test_failed_download_says_what_to_place_where(tmp_path, monkeypatch, item, failure):
    from torchvision import datasets

    def fail(root, download, **split):
        raise failure if download else RuntimeError("not found")

    monkeypatch.setattr(datasets, item.torchvision_class, fail)
    with pytest.raises(DataError) as caught:
        load_dataset(item.name, INFOS, root=tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{item.name}: not in {tmp_path}")
    assert type(failure).__name__ in message
    assert f"in {tmp_path}" in message.split("by hand")[1]
    assert "GANBENCH_DATA" in message
    assert "\n" not in message


@pytest.mark.parametrize("item", downloads.DOWNLOADS, ids=lambda item: item.name)
def test_torchvision_takes_the_arguments(tmp_path, item):
    """The real classes: an argument that they do not know would be a TypeError, not their "not found"."""
    from torchvision import datasets

    for arguments in (item.train, item.test):
        with pytest.raises(RuntimeError, match="not found"):
            getattr(datasets, item.torchvision_class)(tmp_path, **arguments, download=False)


# --- names ----------------------------------------------------------------------------------------------------------


def test_unknown_name_is_answered_with_close_ones():
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'mnist5'\. Did you mean mnist5k"):
        load_dataset("mnist5", INFOS)


@pytest.mark.parametrize(
    ("text", "form"),
    [("folder", "folder:PATH"), ("folder:", "folder:PATH"), ("npz", "npz:PATH"), ("boxes", "boxes:FILE")],
)
def test_path_is_needed(text, form):
    told = f"as in --dataset {form}. Your own files can be: folder:PATH, boxes:FILE, npz:PATH, stacked-npz:PATH."
    with pytest.raises(DataError, match=re.escape(told)):
        load_dataset(text, INFOS)


@pytest.mark.parametrize("text", ["folder:/no/such/place", "npz:/no/such/place.npz"])
def test_path_must_exist(text):
    with pytest.raises(DataError, match="no such file or folder"):
        load_dataset(text, INFOS)


def test_path_is_not_wanted():
    with pytest.raises(DataError, match="mnist5k takes no path, got 'validation'"):
        load_dataset("mnist5k:validation", INFOS)


@pytest.mark.parametrize("name", ["mnist5k", "mnist"])
def test_impossible_resolution(name, tmp_path):
    with pytest.raises(UsageError, match="resolution 0: expected 1 to"):
        load_dataset(name, INFOS, 0, tmp_path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mnist5k", ("mnist5k", "train")),
        ("mnist5k:train", ("mnist5k", "train")),
        ("mnist5k:test", ("mnist5k", "test")),
        ("folder:a/b", ("folder:a/b", "train")),
        ("folder:a/b:test", ("folder:a/b", "test")),
        ("folder:./test", ("folder:./test", "train")),
        ("test", ("test", "train")),
    ],
)
def test_split_suffix(text, wanted):
    assert split_suffix(text) == wanted


def test_root_of_downloads(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    assert load.default_root() == tmp_path
    monkeypatch.delenv("GANBENCH_DATA")
    assert load.default_root().name == "datasets"


def test_every_dataset_says_what_it_is():
    assert len(INFOS) == len(builtin.ganbench_datasets())
    assert all(info.title and info.source for info in INFOS.values())


def test_listing_datasets_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys; from ganbench.data.builtin import ganbench_datasets as d; d();"
        "print([m for m in ('torch', 'torchvision', 'mlxtend') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("size", "channels", "resize", "convert"), [(8, 1, False, True), (6, 3, True, False), (6, 1, True, True)]
)
def test_splits_that_differ_are_told_what_would_make_them_alike(tmp_path, size, channels, resize, convert):
    """No advice to resize where only the channels differ."""
    train, test = np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, size, size, channels), np.uint8)
    np.savez(tmp_path / "x.npz", train_images=train, test_images=test)
    with pytest.raises(DataError, match="expected the same") as caught:
        local.load_npz(str(tmp_path / "x.npz"), None, tmp_path)
    assert ("--resolution" in str(caught.value)) == resize
    assert ("grey" in str(caught.value)) == convert
