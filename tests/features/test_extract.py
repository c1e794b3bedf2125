"""Features are extracted once per content and extractor, whatever the batches."""

import os
import shutil
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data import listing
from ganbench.data.read import open_images
from ganbench.errors import GanbenchError
from ganbench.features.extract import BATCH_SIZE, FeatureCache, default_cache_root, extract
from ganbench.types import ExtractorIdentity, ImageSet


class Averages:
    """Extractor with a mean and a spread per channel as features."""

    def __init__(self, identity=None, logits=True):
        self.identity = identity or ExtractorIdentity("averages", "abc", "none")
        self.batches = []
        self.has_logits = logits

    def __call__(self, images):
        assert images.dtype == torch.uint8
        self.batches.append(len(images))
        values = images.float().flatten(2)
        features = torch.cat([values.mean(2), values.std(2)], dim=1)
        return features, features * 2 if self.has_logits else None


def extract_one(images, extractor, cache=None, **options):
    return extract(images, [extractor], cache, **options)[0]


def image_set(n, seed=0, name="set"):
    return ImageSet(name, np.random.default_rng(seed).integers(0, 256, (n, 8, 6, 3), dtype=np.uint8))


def test_images_pass_in_fixed_batches_in_order_and_channels_first():
    images, extractor, seen = image_set(BATCH_SIZE + 5), Averages(), []
    features = extract_one(images, extractor, progress=lambda done, total: seen.append((done, total)))
    assert extractor.batches == [BATCH_SIZE, 5]
    assert seen == [(BATCH_SIZE, BATCH_SIZE + 5), (BATCH_SIZE + 5, BATCH_SIZE + 5)]
    np.testing.assert_allclose(features.features[:, :3], images.images.mean(axis=(1, 2)), rtol=1e-5)
    assert features.features.dtype == features.logits.dtype == np.float32


@pytest.mark.parametrize("logits", [True, False])
def test_the_second_time_comes_from_the_cache(tmp_path, logits):
    images, cache = image_set(7), FeatureCache(tmp_path)
    first = extract_one(images, Averages(logits=logits), cache)
    again, seen = Averages(logits=logits), []
    second = extract_one(replace(images, name="renamed"), again, cache, progress=lambda *step: seen.append(step))
    assert again.batches == []
    assert seen == [(7, 7)]
    np.testing.assert_array_equal(first.features, second.features)
    assert (second.logits is not None) == logits


def key_without_resize(images, identity):
    return (images.sha256, identity.name, identity.weights_sha256)


def key_without_content(images, identity):
    return (images.name, identity)


def key_without_count(images, identity):
    return (ImageSet("", images.images[:5]).sha256, identity)


IDENTITY = ExtractorIdentity("net", "abc", "96px")
CHANGES = {
    "resize": (image_set(8), replace(IDENTITY, resize="64px")),
    "weights": (image_set(8), replace(IDENTITY, weights_sha256="def")),
    "name": (image_set(8), replace(IDENTITY, name="other")),
    "content": (image_set(8, seed=1), IDENTITY),
    "count": (ImageSet("set", image_set(8).images[:5]), IDENTITY),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_cache_key_holds_all_that_changes_the_features(tmp_path, change):
    path = FeatureCache(tmp_path).path
    assert path(image_set(8), IDENTITY) != path(*CHANGES[change])


@pytest.mark.parametrize(
    ("wrong_key", "change"),
    [(key_without_resize, "resize"), (key_without_content, "content"), (key_without_count, "count")],
)
def test_the_wrong_keys_are_told_apart_by_these_changes(wrong_key, change):
    assert wrong_key(image_set(8), IDENTITY) == wrong_key(*CHANGES[change])


@pytest.mark.parametrize("damage", [b"", b"not a zip", "truncate", "other count"])
def test_an_unreadable_cache_file_is_replaced(tmp_path, damage, caplog):
    images, cache = image_set(7), FeatureCache(tmp_path)
    expected = extract_one(images, Averages(), cache)
    path = cache.path(images, Averages().identity)
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:-30])
    elif damage == "other count":
        with path.open("wb") as file:
            np.savez(file, features=np.zeros((3, 6), np.float32))
    else:
        path.write_bytes(damage)
    extractor = Averages()
    features = extract_one(images, extractor, cache)
    assert extractor.batches == [7]
    assert str(path) in caplog.text
    np.testing.assert_array_equal(features.features, expected.features)
    again = Averages()
    extract_one(images, again, cache)
    assert again.batches == []
    assert [found for found in cache.folder.rglob("*") if found.is_file()] == [path]


def test_a_failed_write_leaves_no_file_and_loses_nothing_else(tmp_path, monkeypatch, caplog):
    cache = FeatureCache(tmp_path)
    monkeypatch.setattr(np, "savez", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("disk full")))
    assert len(extract_one(image_set(3), Averages(), cache).features) == 3
    assert "disk full" in caplog.text
    assert not any(found.is_file() for found in cache.folder.rglob("*"))


class Counted(ImageSet):
    """Counts how often its images are gone through."""

    passes: ClassVar = []

    def batches(self, size):
        self.passes.append(size)
        return super().batches(size)


def test_several_extractors_share_one_pass_and_only_the_lacking_ones_compute(tmp_path):
    images, cache = Counted("set", image_set(70).images), FeatureCache(tmp_path)
    images.passes.clear()
    nets = [Averages(ExtractorIdentity(name, "abc", "none")) for name in ("first", "second", "third")]
    alone = extract(images, nets[1:2], cache)
    together = extract(images, nets, cache)
    assert len(images.passes) == 2
    assert [net.batches for net in nets] == [[64, 6]] * 3
    np.testing.assert_array_equal(together[1].features, alone[0].features)


def test_features_without_logits_do_not_serve_an_extractor_that_has_them(tmp_path):
    images, cache = image_set(5), FeatureCache(tmp_path)
    assert extract_one(images, Averages(logits=False), cache).logits is None
    assert extract_one(images, Averages(), cache).logits is not None
    poorer = Averages(logits=False)
    extract_one(images, poorer, cache)
    assert poorer.batches == []


def test_features_that_are_not_finite_are_refused_and_not_kept(tmp_path):
    class Broken(Averages):
        def __call__(self, images):
            features, logits = super().__call__(images)
            features[2, 1] = float("nan")
            return features, logits

    cache = FeatureCache(tmp_path)
    with pytest.raises(GanbenchError, match="'averages' gives numbers that are not finite, first for image 2"):
        extract_one(image_set(5), Broken(), cache)
    assert not any(found.is_file() for found in tmp_path.rglob("*"))


def test_networks_run_in_full_float32_and_leave_the_callers_settings():
    class Looking(Averages):
        def __call__(self, images):
            seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
            return super().__call__(images)

    seen = []
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
            extract_one(image_set(5), Looking())
            assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    assert seen == [(False, False)]


def test_what_is_derived_is_computed_once_and_tied_to_content_and_extractor(tmp_path):
    cache, calls = FeatureCache(tmp_path), []

    def compute():
        calls.append(1)
        return {"mean": np.arange(3.0)}

    for images, name in ((image_set(5), "gaussian"), (image_set(5), "gaussian"), (image_set(5, seed=1), "gaussian")):
        np.testing.assert_array_equal(cache.derived(images, IDENTITY, name, compute)["mean"], [0, 1, 2])
    cache.derived(image_set(5), replace(IDENTITY, resize="64px"), "gaussian", compute)
    cache.derived(image_set(5), IDENTITY, "radii", compute)
    assert len(calls) == 4


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    place = tmp_path / "photos"
    place.mkdir()
    for i, image in enumerate(image_set(6).images):
        Image.fromarray(image).save(place / f"{i}.png")
        os.utime(place / f"{i}.png", (1e9, 1e9))
    return place


def test_an_unchanged_folder_is_known_again_without_opening_its_images(tmp_path, folder, monkeypatch):
    cache = FeatureCache(tmp_path / "cache")
    first = extract_one(open_images(folder, None), Averages(), cache)
    opened = []
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: opened.append(args))
    again = open_images(folder, None)
    second = extract_one(again, Averages(), cache)
    assert again.shape == (6, 8, 6, 3)
    assert opened == []
    np.testing.assert_array_equal(first.features, second.features)


def test_a_changed_folder_is_read_anew(tmp_path, folder):
    cache = FeatureCache(tmp_path / "cache")
    first = extract_one(open_images(folder, None), Averages(), cache)
    Image.fromarray(image_set(1, seed=9).images[0]).save(folder / "3.png")
    second = extract_one(open_images(folder, None), Averages(), cache)
    changed = (first.features != second.features).any(axis=1)
    assert changed.tolist() == [False, False, False, True, False, False]


def test_a_copied_folder_is_found_by_its_content(tmp_path, folder):
    cache = FeatureCache(tmp_path / "cache")
    extract_one(open_images(folder, None), Averages(), cache)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    extractor = Averages()
    extract_one(open_images(copy, None), extractor, cache)
    assert extractor.batches == []


def test_the_cache_root_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    assert default_cache_root() == tmp_path
    monkeypatch.delenv("GANBENCH_CACHE")
    assert "ganbench" in str(default_cache_root())
