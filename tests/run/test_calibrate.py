"""A small calibration with a cheap extractor, end to end: what is measured is what an evaluation would say."""

import json
import shutil

import numpy as np
import pytest
import torch

from ganbench.errors import UsageError
from ganbench.features.extract import FeatureCache
from ganbench.metrics.evaluate import EvaluationContext, evaluate
from ganbench.metrics.point_modes import good_share
from ganbench.registry import load_registry
from ganbench.report.calibration_page import gather, write_calibration
from ganbench.results.calibration import CALIBRATION_FILE, MEASUREMENTS_FILE, REPETITIONS_FILE, Calibration
from ganbench.results.sensitivity import responses
from ganbench.results.store import read_record
from ganbench.run.calibrate import calibrate, tasks_of
from ganbench.run.calibration_lab import ImageLab, measure, plant
from ganbench.run.calibration_plan import CalibrationRequest, plan_calibration
from ganbench.run.calibration_repeats import covered_with_rare
from ganbench.run.faults import FAULTS
from ganbench.types import Dataset, DatasetInfo, DataSpec, ExtractorIdentity, ExtractorInfo, ImageSet

NUM_IMAGES, NUM_CLASSES = 1000, 5
CHEAP = ("fid", "precision", "recall", "class_recall", "class_coverage", "copies", "authenticity", "nn_feature")


class Tiny:
    """Features: the image at 4 x 4 pixels."""

    identity = ExtractorIdentity("tiny", "00" * 32, "4 px")
    has_logits = False

    def __call__(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1), None


def blobs(path, resolution, root):
    """Grey squares at a place of the image that tells their class, of many shades, on noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(NUM_CLASSES, size=NUM_IMAGES)
    images = rng.integers(0, 60, (NUM_IMAGES, 12, 12, 1))
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 4, 4:8] += rng.integers(60, 190, (1, 1, 1))
    images = images.astype(np.uint8)
    spec = DataSpec("image", 1, 12, num_classes=NUM_CLASSES)
    train, test = ImageSet("train", images[:600], labels[:600]), ImageSet("test", images[600:], labels[600:])
    return Dataset("blobs", spec, train, test, tuple("abcde"))


def plain(path, resolution, root):
    data = blobs(path, resolution, root)
    splits = [ImageSet(split.name, split.images) for split in (data.train, data.test)]
    return Dataset("plain", DataSpec("image", 1, 12), *splits)


@pytest.fixture(scope="module")
def registry():
    found = load_registry()
    found.extractors["tiny"] = ExtractorInfo(
        "tiny", "Tiny", lambda device: Tiny(), lambda: None, 16, logits_missing=lambda: "tiny has no logits"
    )
    found.datasets["blobs"] = DatasetInfo("blobs", "Blobs", blobs)
    found.datasets["plain"] = DatasetInfo("plain", "Blobs without labels", plain)
    return found


def ask(tmp_path, **changes):
    settings = {
        "dataset": "blobs", "faults": ("drop", "copy", "labels", "blur"), "metrics": CHEAP, "num_samples": (60,),
        "num_seeds": (3,), "repetitions": 0, "extractor": "tiny", "out": tmp_path / "out",
    }  # fmt: skip
    return CalibrationRequest(**settings | changes)


@pytest.fixture
def run(registry, tmp_path):
    def start(**changes):
        request = ask(tmp_path, **changes)
        page = calibrate(request, registry=registry, device="cpu", cache=FeatureCache(tmp_path / "cache"))
        return page.parent

    return start


@pytest.fixture(scope="module")
def done(registry, tmp_path_factory):
    """A finished calibration; tests only read it, or copy it first."""
    tmp_path = tmp_path_factory.mktemp("done")
    calibrate(ask(tmp_path, repetitions=3), registry=registry, device="cpu", cache=FeatureCache(tmp_path / "cache"))
    return tmp_path / "out"


def answers(folder):
    return {(r.metric, r.fault): r for r in responses(gather(folder))}


def test_dropped_classes_take_recall_and_leave_precision(done):
    found = answers(done)
    assert found["recall", "drop"].direction == "worse"
    assert found["precision", "drop"].blind
    assert found["class_recall", "drop"].seen_from == 1
    assert found["fid", "drop"].direction == "worse"


def test_copies_are_seen_as_such_and_never_hurt_fid(done):
    found = answers(done)
    assert found["copies", "copy"].direction == "worse"
    assert found["authenticity", "copy"].direction == "down"
    assert found["fid", "copy"].direction in (None, "better")


def test_wrong_labels_change_only_what_reads_labels(done):
    found = answers(done)
    assert found["class_coverage", "labels"].sizes[-1].shift < -0.1
    assert found["class_recall", "labels"].direction != "worse"  # strangers make the balls round samples larger
    assert found["fid", "labels"].blind
    lines = {(m.fault, m.size, m.seed): m for m in gather(done).measured}
    for (fault, _, seed), item in lines.items():
        if fault == "labels":
            clean = lines["clean", 0.0, seed]
            changed = {name for name in CHEAP if item.values[name] != clean.values[name]}
            assert changed <= {"class_recall", "class_coverage"}


def test_the_files_hold_everything_and_the_page_opens_alone(done):
    stored = read_record(done / CALIBRATION_FILE, Calibration)
    page = (done / "index.html").read_text()
    assert stored == gather(done)
    assert stored.plan.data.name == "blobs"
    assert stored.plan.extractor.name == "tiny"
    assert [item.num_repetitions for item in stored.repeated] == [3] * 5  # of copies: clean and four shares
    assert "Dropped classes" in page
    assert "<script src" not in page
    assert 'href="http' not in page
    assert page.count("<svg") == len(CHEAP)


def test_a_killed_calibration_goes_on_where_it_stopped(done, registry, tmp_path):
    shutil.copytree(done, tmp_path / "out")
    path = tmp_path / "out" / MEASUREMENTS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]) + lines[-3][:40])  # torn by the kill
    steps, told, request = [], [], ask(tmp_path, repetitions=3)
    cache = FeatureCache(done.parent / "cache")
    calibrate(request, registry=registry, device="cpu", cache=cache, tell=told.append, on_step=steps.append)
    again, first = ([json.loads(line) for line in text] for text in (path.read_bytes().splitlines(), lines))
    for item in (*again, *first):
        item.pop("seconds")
    assert again == first
    measured = [step for step in steps if "seed" in step.text]
    assert [step.done for step in measured] == [len(lines) - 3, len(lines) - 2, len(lines) - 1]
    assert measured[0].seconds_left is None
    assert measured[-1].seconds_left > 0
    assert len((tmp_path / "out" / REPETITIONS_FILE).read_bytes().splitlines()) == 5  # none was done again


def test_another_configuration_in_the_folder_is_refused(run):
    run(metrics=("nn_feature",), faults=("copy",))
    with pytest.raises(
        UsageError, match=r"another configuration:\n  metrics: .*\n  named: .*\nChoose another --out"
    ) as error:
        run(metrics=("recall",), faults=("copy",))
    assert "num_seeds" not in str(error.value)


@pytest.mark.slow
def test_what_is_measured_is_what_an_evaluation_says(registry, tmp_path):
    plan = plan_calibration(ask(tmp_path, metrics=(*CHEAP, "modes", "label_accuracy", "kid", "ndb", "ct")), registry)
    lab = ImageLab(plan, FeatureCache(tmp_path), "cpu", lambda text, done, total: None)
    data = plan.data
    sides = [
        ImageSet(n, data.samples[rows], data.classes[rows]) for n, rows in (("r", data.reference), ("h", data.heldout))
    ]
    dataset = Dataset("blobs", DataSpec("image", 1, 12, num_classes=NUM_CLASSES), *sides, tuple("abcde"))
    for fault, size in ((FAULTS["drop"], 2.0), (FAULTS["copy"], 0.2), (FAULTS["labels"], 0.5)):
        planted = plant(data, fault, size, 60, 1)
        samples = ImageSet("s", data.samples[planted.rows], planted.labels, tuple("abcde"))
        reference = ImageSet("r", sides[0].images, sides[0].labels, tuple("abcde"))
        context = EvaluationContext(dataset=dataset, heldout=sides[1], cache=FeatureCache(tmp_path))
        expected = evaluate(samples, reference, plan.metrics, plan.extractor, context).results
        found = measure(lab, plan, fault, size, 60, 1)
        assert not found.unavailable
        for name, value in found.values.items():
            assert value == pytest.approx(expected[name].value, rel=1e-6, abs=1e-9), name


def test_damaged_images_are_measured_as_such(run):
    found = answers(run(faults=("blur", "noise", "jpeg"), metrics=("fid",)))
    assert found["fid", "blur"].direction == "worse"
    assert found["fid", "noise"].seen_from is not None


@pytest.mark.slow
def test_intervals_hold_the_classes_that_are_covered_though_rare(registry, tmp_path):
    request = ask(tmp_path, faults=("drop", "rare"), metrics=("modes",), num_samples=(100,), repetitions=40)
    calibrate(request, registry=registry, device="cpu", cache=FeatureCache(tmp_path / "cache"))
    found = {(item.fault, item.size): item for item in gather(tmp_path / "out").repeated}
    assert [found["rare", size].truth for size in (0.3, 0.1, 0.03, 0.01)] == [5, 5, 3, 3]
    assert all(item.num_inside >= 0.9 * item.num_repetitions for item in found.values())
    assert len(found) == 8  # clean once, three numbers of dropped classes, four rarities


def test_the_clean_generator_covers_all_classes_also_where_only_rare_ones_are_planted(registry):
    for dataset, num_classes in (("grid25", 25), ("blobs", NUM_CLASSES)):
        request = CalibrationRequest(dataset=dataset, faults=("rare",), num_samples=(100,), extractor="tiny")
        data = plan_calibration(request, registry).data
        assert covered_with_rare(0.0, data, 10000) == pytest.approx(num_classes)


def test_of_points_as_many_modes_are_covered_as_the_samples_show_on_average(registry):
    data = plan_calibration(CalibrationRequest(dataset="grid25", faults=("rare",)), registry).data
    rng, shares = np.random.default_rng(0), np.repeat([0.03, 1.0], [12, 13])
    drawn = rng.multinomial(round(500 * good_share(2)), shares / shares.sum(), 2000)
    assert covered_with_rare(0.03, data, 500) == pytest.approx((drawn > 0).sum(axis=1).mean(), abs=0.1)


@pytest.mark.slow
def test_points_are_calibrated_by_their_modes(registry, tmp_path):
    request = CalibrationRequest(
        dataset="ring8", num_samples=(500,), num_seeds=(3,), repetitions=20, out=tmp_path / "ring"
    )
    folder = calibrate(request, registry=registry, device="cpu").parent
    found = answers(folder)
    assert found["modes", "drop"].seen_from == 1
    assert found["hq_ratio", "stray"].direction == "worse"
    assert found["hq_ratio", "duplicate"].seen_from is None
    for item in gather(folder).repeated:
        assert item.metric == "modes"
        assert item.num_inside >= 0.9 * item.num_repetitions


def test_sizes_that_the_data_cannot_give_are_left_out_and_told(registry, tmp_path):
    plan = plan_calibration(ask(tmp_path, num_samples=(60, 5000)), registry)
    assert plan.record.num_samples == [60]
    assert plan.record.notes == [
        "n = 5,000: left out, since blobs leaves 600 samples for fake generators, and at least 3 sets of that size are "
        "needed."
    ]
    with pytest.raises(UsageError, match=r"expected at least 3 times --num-samples 5,000"):
        plan_calibration(ask(tmp_path, num_samples=(5000,)), registry)


def test_without_labels_the_faults_of_classes_are_left_out(registry, tmp_path):
    plan = plan_calibration(ask(tmp_path, dataset="plain", faults=()), registry)
    assert [fault.name for fault in plan.faults] == ["copy", "duplicate", "blur", "noise", "jpeg"]
    assert plan.record.notes == ["drop, balance, rare, labels: not planted, since the data have no labels."]
    with pytest.raises(UsageError, match="none of the faults"):
        plan_calibration(ask(tmp_path, dataset="plain", faults=("drop",)), registry)


def test_metrics_that_cannot_be_calibrated_are_named_with_the_reason(registry, tmp_path):
    left_out = plan_calibration(ask(tmp_path, metrics=()), registry).record.left_out
    assert "calibrate with --extractor dinov2" in left_out["fd_dinov2"]
    assert left_out["is"] == "tiny has no logits"
    assert "generator" in left_out["ppl"]
    assert "name it with --metrics" in left_out["cas"]
    assert "cas" not in plan_calibration(ask(tmp_path, metrics=("cas",)), registry).record.left_out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": (1,)}, "--num-samples 1: expected 2 or more"),
        ({"num_seeds": (1,)}, "--seeds: expected 2 or more"),
        ({"faults": ("drops",)}, "unknown fault 'drops'. Did you mean drop"),
        ({"metrics": ("is",)}, "no metric can be calibrated: is: tiny has no logits"),
    ],
)
def test_wrong_requests_are_told(registry, tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        plan_calibration(ask(tmp_path, **changes), registry)


def test_a_folder_of_something_else_is_no_calibration(tmp_path):
    with pytest.raises(UsageError, match=r"holds no configuration\.json"):
        write_calibration(tmp_path)


def test_seeds_draw_disjoint_sets_as_long_as_the_pool_lasts(registry, tmp_path):
    data = plan_calibration(ask(tmp_path), registry).data
    sets = [set(data.deal(60, seed).clean().rows) for seed in range(8)]
    assert all(not a & b for i, a in enumerate(sets[:6]) for b in sets[:i])
    assert sets[6] & sets[0] != sets[6]  # drawn anew
    assert not set(data.pool) & {*data.reference, *data.heldout}


def test_dear_metrics_are_measured_of_few_samples_only(registry, tmp_path):
    plan = plan_calibration(ask(tmp_path, metrics=(), num_samples=(20, 60), dear_up_to=20), registry)
    assert "vendi" in [info.id for info in plan.metrics_at(20, 0)]
    assert "vendi" not in [info.id for info in plan.metrics_at(20, 9)]
    assert "vendi" not in [info.id for info in plan.metrics_at(60, 0)]
    assert len(list(tasks_of(plan))) == len({task.key for task in tasks_of(plan)})
