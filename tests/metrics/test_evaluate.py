"""One evaluation from images to records, on a small extractor."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganbench.errors import UsageError
from ganbench.features import classifier
from ganbench.features.extract import FeatureCache
from ganbench.metrics.builtin import ganbench_metrics
from ganbench.metrics.evaluate import EvaluationContext, evaluate
from ganbench.types import Dataset, DataSpec, ExtractorIdentity, ExtractorInfo, ImageSet, MetricInfo, MetricResult

METRICS = {info.id: info for info in ganbench_metrics() if info.default and "image" in info.data_kinds}
LPIPS = {"nn_lpips", "lpips_diversity", "lpips_diversity_within"}


class Patches:
    """Means of 4 x 4 patches, whatever the size of the image, as features and as logits."""

    identity = ExtractorIdentity("patches", "abc", "none")

    def __init__(self, logits=True):
        self.num_images = 0
        self.has_logits = logits

    def __call__(self, images):
        self.num_images += len(images)
        features = torch.nn.functional.adaptive_avg_pool2d(images.float(), 4).mean(1).flatten(1) / 16
        return features, features if self.has_logits else None


def info(extractor):
    return ExtractorInfo("patches", "Patches", load=lambda device: extractor, missing=lambda: None, feature_dim=16)


def squares(n, seed, classes=4, size=28, channels=1):
    """A bright square in one of four corners, the class, on noise."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % classes).astype(np.int64)
    images = rng.integers(0, 100, (n, size, size, channels)).astype(np.uint8)
    half = size // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[row * half : (row + 1) * half, column * half : (column + 1) * half] += 120
    return ImageSet(f"squares-{seed}", images, labels)


TRAIN, HELDOUT, SAMPLES = squares(80, 0), squares(60, 1), squares(64, 2)
DATASET = Dataset("squares", DataSpec("image", 1, 28, num_classes=4), TRAIN, HELDOUT, ("a", "b", "c", "d"))


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr(classifier, "_MIN_STEPS", 30)
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def measure(samples, reference=TRAIN, metrics=tuple(METRICS), extractor=None, **options):
    chosen = [METRICS[name] for name in metrics]
    return evaluate(samples, reference, chosen, info(extractor or Patches()), EvaluationContext(**options))


def test_every_metric_has_a_number_in_its_interval_and_a_time():
    evaluation = measure(SAMPLES, dataset=DATASET, heldout=HELDOUT)
    assert set(evaluation.unavailable) == LPIPS
    assert all("alexnet" in evaluation.unavailable[name] for name in LPIPS)
    assert set(evaluation.results) == set(METRICS) - LPIPS
    assert set(evaluation.seconds) == {*METRICS, "features"}
    assert evaluation.extractors["fid"] == Patches.identity
    assert "modes" not in evaluation.extractors
    assert not evaluation.canonical
    for result in evaluation.results.values():
        low, high = result.ci95
        assert low <= result.value <= high
        assert math.isfinite(result.value)
        assert result.ci95_method
        assert result.num_samples == 64
    assert evaluation.results["modes"].value == 4
    assert evaluation.results["modes"].details["class_names"] == ["a", "b", "c", "d"]


def test_each_image_goes_through_the_network_once_and_then_comes_from_the_cache(tmp_path):
    extractor, cache = Patches(), FeatureCache(tmp_path)
    first = measure(SAMPLES, extractor=extractor, dataset=DATASET, heldout=HELDOUT, cache=cache)
    assert extractor.num_images == len(SAMPLES) + len(TRAIN) + len(HELDOUT)
    again = measure(SAMPLES, extractor=extractor, dataset=DATASET, heldout=HELDOUT, cache=cache)
    assert extractor.num_images == len(SAMPLES) + len(TRAIN) + len(HELDOUT)
    assert again.results == first.results


def test_copies_of_training_images_are_found_out():
    replay = ImageSet("replay", TRAIN.images[::-1].copy())
    evaluation = measure(replay, dataset=DATASET, heldout=HELDOUT, metrics=("fid", "nn_feature"))
    assert evaluation.results["fid"].value == pytest.approx(0, abs=1e-6)
    copied = evaluation.results["nn_feature"]
    assert copied.value == 0
    assert copied.details["share_closer_than_heldout_percentile_1"] == 1
    fresh = measure(SAMPLES, dataset=DATASET, heldout=HELDOUT, metrics=("nn_feature",)).results["nn_feature"]
    assert fresh.value > 0
    assert fresh.details["share_closer_than_heldout_percentile_1"] < 0.2
    for pair in evaluation.neighbours:
        np.testing.assert_array_equal(pair.sample, pair.train)


def test_the_gallery_shows_a_draw_and_the_closest_with_their_images():
    pairs = measure(SAMPLES, metrics=("nn_feature",), dataset=DATASET).neighbours
    drawn, closest = pairs[:16], pairs[16:]
    assert [pair.closest for pair in pairs] == [False] * 16 + [True] * 16
    distances = [pair.feature_distance for pair in closest]
    assert distances == sorted(distances)
    assert max(distances) <= np.median([pair.feature_distance for pair in drawn])
    for pair in pairs:
        np.testing.assert_array_equal(pair.sample, SAMPLES.images[pair.sample_index])
        np.testing.assert_array_equal(pair.train, TRAIN.images[pair.train_index])
        assert pair.lpips is None


def test_a_collapsed_model_covers_one_mode():
    evaluation = measure(squares(40, 3, classes=1), dataset=DATASET, metrics=("modes", "mode_kl", "recall"))
    assert evaluation.results["modes"].value == 1
    assert evaluation.results["mode_kl"].value == pytest.approx(np.log(4), abs=0.2)


def test_without_a_dataset_the_reference_is_the_training_set_and_a_fifth_tests_the_classifier():
    evaluation = measure(SAMPLES, metrics=("modes", "nn_feature"))
    assert evaluation.results["modes"].details["class_names"] == ["0", "1", "2", "3"]
    assert evaluation.results["nn_feature"].num_reference == len(TRAIN)


def test_what_is_missing_is_said_metric_by_metric():
    unlabelled = replace(TRAIN, labels=None)
    evaluation = measure(SAMPLES, unlabelled, ("fid", "modes", "is"), Patches(logits=False))
    assert set(evaluation.results) == {"fid"}
    assert "no labels" in evaluation.unavailable["modes"]
    assert "logits" in evaluation.unavailable["is"]


def test_another_resolution_leaves_features_and_takes_neighbours_and_classifier():
    evaluation = measure(squares(40, 3, size=32), dataset=DATASET, metrics=("fid", "modes", "nn_feature"))
    assert set(evaluation.results) == {"fid"}
    for name in ("modes", "nn_feature"):
        assert "32 x 32 grey" in evaluation.unavailable[name]
        assert "28 x 28 grey" in evaluation.unavailable[name]
    assert evaluation.neighbours == ()


def test_grey_against_colour_is_refused_with_both_shapes():
    with pytest.raises(UsageError, match=r"28 x 28 RGB.*28 x 28 grey"):
        measure(squares(40, 3, channels=3))


@pytest.mark.parametrize("few", [0, 1])
def test_fewer_than_two_images_are_refused_on_either_side(few):
    small = ImageSet("small", SAMPLES.images[:few])
    for sides in ((small, TRAIN), (SAMPLES, small)):
        with pytest.raises(UsageError, match=f"'small' has {few} image"):
            measure(*sides)


@pytest.mark.parametrize("n", [2, 3])
def test_very_few_images_shrink_neighbourhoods_and_subsets_and_say_so(n):
    few = ImageSet("few", SAMPLES.images[:n])
    numeric = ("fid", "kid", "is", "precision", "recall", "density", "coverage", "nn_feature")
    evaluation = measure(few, metrics=numeric)
    assert set(evaluation.results) == set(numeric) - {"is"}
    assert "at least 20 images" in evaluation.unavailable["is"]
    assert evaluation.results["recall"].details["k"] == n - 1
    kid = evaluation.results["kid"].details
    assert kid["subset_size"] == n
    assert "instead of 1000" in kid["note"]
    assert evaluation.results["nn_feature"].ci95 is None
    assert all(math.isfinite(result.value) for result in evaluation.results.values())


def test_progress_names_the_stages_and_the_same_seed_gives_the_same_numbers():
    stages = []
    first = measure(SAMPLES, dataset=DATASET, seed=3, progress=lambda stage, done, total: stages.append(stage))
    assert {"features of squares-2", "features of squares-0", "classifier", "metric fid"} <= set(stages)
    second = measure(SAMPLES, dataset=DATASET, seed=3)
    assert second.results == first.results
    assert [pair.sample_index for pair in second.neighbours] == [pair.sample_index for pair in first.neighbours]


def test_the_metrics_of_the_design_are_offered_once_each():
    ids = [metric.id for metric in ganbench_metrics()]
    assert len(ids) == len(set(ids))
    expected = """is fid fid_infinity kid precision recall density coverage intra_fid fd_dinov2 cmmd lpips_diversity
        lpips_diversity_within ppl sliced_wasserstein vendi nn_feature nn_lpips authenticity ct cas modes mode_kl
        modes_seen label_accuracy ndb birthday class_recall class_coverage copies hq_ratio mixture_kl"""
    assert set(ids) == set(expected.split())


def test_a_metric_of_another_extractor_shares_the_pass_and_bears_its_own_name():
    main, other = Patches(), Patches()
    other_info = replace(info(other), name="other", canonical=True)
    metric = replace(METRICS["fid"], id="fd_other", extractor="other")
    evaluation = evaluate(
        SAMPLES, TRAIN, [METRICS["fid"], metric], info(main), EvaluationContext(extractors={"other": other_info})
    )
    assert main.num_images == other.num_images == len(SAMPLES) + len(TRAIN)
    assert evaluation.canonical == {"fd_other"}
    assert evaluation.results["fd_other"].value == evaluation.results["fid"].value


def test_a_metric_whose_own_extractor_is_missing_says_how_to_get_it():
    lacking = replace(info(Patches()), name="other", missing=lambda: "run this command")
    metric = replace(METRICS["fid"], id="fd_other", extractor="other")
    for extractors, words in (({"other": lacking}, "run this command"), ({}, "no extractor 'other'")):
        context = EvaluationContext(extractors=extractors)
        evaluation = evaluate(SAMPLES, TRAIN, [metric, METRICS["fid"]], info(Patches()), context)
        assert words in evaluation.unavailable["fd_other"]
        assert set(evaluation.results) == {"fid"}


def test_only_what_the_metrics_need_is_extracted():
    extractor = Patches()
    measure(SAMPLES, HELDOUT, metrics=("fid",), extractor=extractor, dataset=DATASET, heldout=HELDOUT)
    assert extractor.num_images == len(SAMPLES) + len(HELDOUT)
    measure(SAMPLES, HELDOUT, metrics=("modes",), extractor=extractor, dataset=DATASET)
    assert extractor.num_images == len(SAMPLES) + len(HELDOUT)


def test_what_is_derived_from_the_reference_is_kept(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)
    first = measure(SAMPLES, metrics=("fid", "precision"), cache=cache)
    names = {path.stem.partition("-")[2] for path in cache.folder.rglob("*.npz")}
    assert names == {"", "gaussian", "self-distances-5"}
    monkeypatch.setattr("ganbench.metrics.inputs.gaussian", lambda features: pytest.fail("computed again"))
    second = measure(SAMPLES, metrics=("fid", "precision"), cache=cache)
    assert second.results == first.results


@pytest.mark.parametrize(("value", "words"), [(float("nan"), "not a finite number"), (None, "ZeroDivisionError")])
def test_a_metric_that_fails_takes_no_other_with_it(value, words):
    def compute(inputs):
        assert inputs.images.samples.name == SAMPLES.name
        return MetricResult(1 / 0 if value is None else value, None, "none", 2)

    broken = MetricInfo(id="broken", title="Broken", compute=compute, higher_is_better=None)
    evaluation = evaluate(SAMPLES, TRAIN, [broken, METRICS["fid"]], info(Patches()))
    assert words in evaluation.unavailable["broken"]
    assert "fid" in evaluation.results
