"""Features are extracted once per content and extractor, whatever the batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganbench.features.extract import BATCH_SIZE, FeatureCache, default_cache_root, extract
from ganbench.types import ExtractorIdentity, ImageSet


class Averages:
    """Extractor with a mean and a spread per channel as features."""

    def __init__(self, identity=None, logits=True):
        self.identity = identity or ExtractorIdentity("averages", "abc", "none")
        self.batches = []
        self.logits = logits

    def __call__(self, images):
        assert images.dtype == torch.uint8
        self.batches.append(len(images))
        values = images.float().flatten(2)
        features = torch.cat([values.mean(2), values.std(2)], dim=1)
        return features, features * 2 if self.logits else None


def image_set(n, seed=0, name="set"):
    return ImageSet(name, np.random.default_rng(seed).integers(0, 256, (n, 8, 6, 3), dtype=np.uint8))


def test_images_pass_in_fixed_batches_in_order_and_channels_first():
    images, extractor, seen = image_set(BATCH_SIZE + 5), Averages(), []
    features = extract(images, extractor, progress=lambda done, total: seen.append((done, total)))
    assert extractor.batches == [BATCH_SIZE, 5]
    assert seen == [(BATCH_SIZE, BATCH_SIZE + 5), (BATCH_SIZE + 5, BATCH_SIZE + 5)]
    np.testing.assert_allclose(features.features[:, :3], images.images.mean(axis=(1, 2)), rtol=1e-5)
    assert features.features.dtype == features.logits.dtype == np.float32


@pytest.mark.parametrize("logits", [True, False])
def test_the_second_time_comes_from_the_cache(tmp_path, logits):
    images, cache = image_set(7), FeatureCache(tmp_path)
    first = extract(images, Averages(logits=logits), cache)
    again, seen = Averages(logits=logits), []
    second = extract(replace(images, name="renamed"), again, cache, progress=lambda *step: seen.append(step))
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
    expected = extract(images, Averages(), cache)
    path = cache.path(images, Averages().identity)
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:-30])
    elif damage == "other count":
        with path.open("wb") as file:
            np.savez(file, features=np.zeros((3, 6), np.float32))
    else:
        path.write_bytes(damage)
    extractor = Averages()
    features = extract(images, extractor, cache)
    assert extractor.batches == [7]
    assert str(path) in caplog.text
    np.testing.assert_array_equal(features.features, expected.features)
    again = Averages()
    extract(images, again, cache)
    assert again.batches == []
    assert list(cache.folder.iterdir()) == [path]


def test_a_failed_write_leaves_no_file(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)
    monkeypatch.setattr(np, "savez", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        extract(image_set(3), Averages(), cache)
    assert list(cache.folder.iterdir()) == []


def test_the_cache_root_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    assert default_cache_root() == tmp_path
    monkeypatch.delenv("GANBENCH_CACHE")
    assert "ganbench" in str(default_cache_root())
