"""`ganbench.evaluate` on images from anywhere: paths, datasets, arrays, tensors and iterators give the same numbers."""

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench
from ganbench.data import listing
from ganbench.errors import DataError, UnknownNameError, UsageError, WeightsError

METRICS = ("fid", "precision")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def pictures(n, seed, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, channels), dtype=np.uint8)


def write_folder(folder, images):
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{i:04d}.png")
    return folder


SAMPLES, REFERENCE = pictures(40, 0), pictures(30, 1)


def values(result):
    return {name: record.value for name, record in result.metrics.items()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    result = ganbench.evaluate(SAMPLES, REFERENCE, metrics=METRICS, cache=tmp_path_factory.mktemp("cache"))
    assert set(result.metrics) == set(METRICS)
    return values(result)


def in_batches(images):
    for start in range(0, len(images), 7):
        yield torch.tensor(images[start : start + 7]).permute(0, 3, 1, 2)


FORMS = {
    "nchw array": lambda images, folder: images.transpose(0, 3, 1, 2),
    "tensor": lambda images, folder: torch.tensor(images).permute(0, 3, 1, 2),
    "iterator": lambda images, folder: in_batches(images),
    "folder": lambda images, folder: write_folder(folder / "pictures", images),
    "image set": lambda images, folder: ganbench.ImageSet("mine", images),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_numbers_of_the_array(form, expected, tmp_path):
    result = ganbench.evaluate(FORMS[form](SAMPLES, tmp_path), REFERENCE, metrics=METRICS)
    assert values(result) == expected


def test_float_tensors_say_their_range(expected):
    floats = torch.tensor(SAMPLES).permute(0, 3, 1, 2) / 127.5 - 1
    assert values(ganbench.evaluate(floats, REFERENCE, metrics=METRICS, value_range=(-1, 1))) == expected
    with pytest.raises(DataError, match="value_range"):
        ganbench.evaluate(floats, REFERENCE, metrics=METRICS)


def test_the_record_has_all_that_is_needed_to_judge_a_number(tmp_path):
    folder = write_folder(tmp_path / "real", REFERENCE)
    told = []
    result = ganbench.evaluate(SAMPLES, folder, metrics="fid, is", tell=told.append)
    fid = result.metrics["fid"]
    assert fid.label == "FID · efficientnet-lite0"
    assert (fid.num_samples, fid.num_reference, fid.protocol) == (40, 30, "ganbench-v1")
    assert fid.extractor.resize
    assert len(fid.extractor.weights_sha256) == 64
    assert result.provenance["reference"] == {
        "name": str(folder), "sha256": ganbench.ImageSet("", REFERENCE).sha256, "num": 30,
    }  # fmt: skip
    assert any("efficientnet-lite0" in text and "weights fetch inception" in text for text in told)
    assert any("n = 40 is small" in text for text in told)


def test_the_second_evaluation_leaves_the_reference_alone(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "real", REFERENCE)
    monkeypatch.setattr(listing, "SETTLED_NS", 0)
    first = ganbench.evaluate(SAMPLES, folder, metrics=METRICS)
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: pytest.fail("an image was opened"))
    assert values(ganbench.evaluate(SAMPLES, folder, metrics=METRICS)) == values(first)


def test_grey_samples_beside_colour_are_repeated_and_said(tmp_path):
    told = []
    result = ganbench.evaluate(pictures(40, 2, channels=1), REFERENCE, metrics=METRICS, tell=told.append)
    assert set(result.metrics) == set(METRICS)
    assert any("grey" in text for text in told)


def test_as_many_samples_as_asked_for_drawn_by_the_seed():
    draws = [ganbench.evaluate(SAMPLES, REFERENCE, metrics=METRICS, num_samples=20, seed=seed) for seed in (0, 0, 1)]
    hashes = [draw.provenance["samples"]["sha256"] for draw in draws]
    assert hashes[0] == hashes[1] != hashes[2]
    assert draws[0].metrics["fid"].num_samples == 20


def test_class_folders_and_labels_serve_the_metrics_that_need_classes(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = rng.integers(0, 60, (60, 16, 16, 3), dtype=np.uint8) + 120 * labels[:, None, None, None].astype(np.uint8)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = tmp_path / "real" / ("dark", "light")[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    result = ganbench.evaluate(images, tmp_path / "real", metrics="intra_fid", labels=labels)
    assert result.metrics["intra_fid"].num_samples == 60
    assert (
        result.metrics["intra_fid"].value
        < ganbench.evaluate(images, tmp_path / "real", metrics="intra_fid", labels=1 - labels)
        .metrics["intra_fid"]
        .value
    )


def test_a_protocol_fixes_extractor_and_n():
    with pytest.raises(WeightsError, match="inception"):
        ganbench.evaluate(SAMPLES, REFERENCE, protocol="vtgan-2019")
    with pytest.raises(UsageError, match="measures with 'inception'"):
        ganbench.evaluate(SAMPLES, REFERENCE, protocol="vtgan-2019", extractor="efficientnet-lite0")
    with pytest.raises(UnknownNameError, match="ganbench-v1"):
        ganbench.evaluate(SAMPLES, REFERENCE, protocol="ganbench-1")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metrics": "fidd"}, "Did you mean fid"),
        ({"extractor": "inceptoin"}, "Did you mean inception"),
        ({"num_samples": 500}, "500 samples were asked for; samples holds 40 images only"),
        ({"num_samples": -3}, "at least 2 samples"),
        ({"num_samples": 0}, "at least 2 samples"),
        ({"seed": -1}, "expected 0 or more"),
        ({"value_range": 1}, r"expected \(black, white\)"),
        ({"heldout": REFERENCE}, "the held-out images are the reference itself"),
        ({"device": "tpu9"}, "--device tpu9"),
        ({"labels": [0, 1]}, "40 integer class labels"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(settings, words):
    with pytest.raises(UsageError, match=words):
        ganbench.evaluate(SAMPLES, REFERENCE, **settings)


def test_images_of_another_size_are_measured_and_said():
    told = []
    small = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    ganbench.evaluate(small, REFERENCE, metrics="fid", tell=told.append)
    assert any("8 x 8 RGB" in text and "16 x 16 RGB" in text for text in told)


def test_a_grey_dataset_serves_rgb_samples_with_all_it_has(tmp_path):
    grey = pictures(60, 3, channels=1)
    np.savez(tmp_path / "grey.npz", images=grey, labels=np.arange(60) % 2)
    rgb = np.repeat(pictures(40, 4, channels=1), 3, axis=3)
    result = ganbench.evaluate(
        rgb, f"npz:{tmp_path}/grey.npz", metrics="nn_feature,authenticity,cas", labels=[0, 1] * 20
    )
    assert set(result.metrics) == {"nn_feature", "authenticity", "cas"}
    assert "heldout_median" in result.metrics["nn_feature"].details


def write_classes(folder, names, seed):
    """Pictures whose brightness is their class."""
    for i, name in enumerate(names):
        place = folder / name
        place.mkdir(parents=True)
        shade = 40 * (ord(name) - ord("a"))
        images = np.random.default_rng(seed + i).integers(shade, shade + 40, (12, 16, 16, 3), dtype=np.uint8)
        for k, image in enumerate(images):
            Image.fromarray(image).save(place / f"{k}.png")
    return folder


def test_heldout_classes_are_matched_by_name(tmp_path):
    reference = write_classes(tmp_path / "real", "abcd", 0)
    heldout = write_classes(tmp_path / "heldout", "bcd", 10)
    samples = write_classes(tmp_path / "samples", "abcd", 20)
    result = ganbench.evaluate(samples, reference, metrics="modes", heldout=heldout)
    assert result.metrics["modes"].details["classifier_test_accuracy"] > 0.9
    other = write_classes(tmp_path / "other", "abe", 30)
    result = ganbench.evaluate(samples, reference, metrics="modes", heldout=other)
    assert "class 'e'" in result.unavailable["modes"]


def test_what_cannot_be_had_is_known_before_a_network_runs():
    stages = []
    result = ganbench.evaluate(
        SAMPLES, REFERENCE, metrics="intra_fid", progress=lambda stage, done, total: stages.append(stage)
    )
    assert "labels" in result.unavailable["intra_fid"]
    assert not any("features" in stage for stage in stages)


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_cache(tmp_path, caplog, expected):
    (tmp_path / "file").write_text("no folder")
    result = ganbench.evaluate(SAMPLES, REFERENCE, metrics=METRICS, cache=tmp_path / "file")
    assert values(result) == expected
    assert caplog.text.count("cannot be written") == 1
