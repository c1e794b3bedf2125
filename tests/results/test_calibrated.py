"""What a board is told of its ranking number, from stored calibrations."""

import pytest

from ganbench.results.board import build_board
from ganbench.results.calibrated import Sensitivity, Summary, calibration_note, stored_summaries, summarise
from ganbench.results.calibration import Calibration, CalibrationPlan, DataRecord, FaultRecord, Measured, MetricFacts
from ganbench.results.schema import ExtractorRecord
from ganbench.results.sensitivity import responses

LITE = ExtractorRecord(name="lite0", weights_sha256="ab" * 32, resize="bilinear-96")
OTHER = LITE.model_copy(update={"name": "other"})
LABEL = "FID · lite0"
DIGITS = "cd" * 32


def line(num_samples=500, **changes):
    settings = {"metric": "fid", "seen": ["3 dropped classes", "blur of 1 px"], "better": [], "blind": ["wrong labels"]}
    return Sensitivity(num_samples=num_samples, **settings | changes)


def summary(*lines, extractor=LITE):
    return Summary(
        data="digits", sha256=DIGITS, covers=["mnist"], extractor=extractor, num_classes=10, sensitivities=lines
    )


def note(num_samples=500, dataset="mnist", extractor=LITE, summaries=None, sha256="00" * 32):
    return calibration_note("fid", LABEL, num_samples, dataset, sha256, extractor, summaries or [summary(line())])


def test_the_note_says_what_is_seen_and_what_is_not():
    assert note() == (
        "Calibration (digits, n = 500): FID · lite0 sees faults from 3 dropped classes and blur of 1 px on; it does "
        "not see wrong labels. All metrics: docs/calibration.md."
    )


def test_the_nearest_calibrated_number_below_the_boards_counts():
    lines = [line(), line(2000, seen=["1 dropped class"], blind=[], better=["50% copied"])]
    assert "n = 500)" in note(1999, summaries=[summary(*lines)])
    found = note(10000, summaries=[summary(*lines)])
    assert "n = 2,000)" in found
    assert "sees faults from 1 dropped class on; it improves with 50% copied." in found


def test_what_was_not_calibrated_is_not_known_and_the_command_is_told():
    assert note(499) == (
        "Calibration: which faults FID · lite0 sees with 499 samples is not known; "
        "`ganbench calibrate --dataset mnist` finds out."
    )
    assert "sees on cifar10 data is not known" in note(dataset="cifar10")
    assert "sees with other is not known" in note(extractor=OTHER)
    assert "`ganbench calibrate --dataset folder:…` finds out" in note(dataset="folder:/home/me/photos")
    assert "/home/me" not in note(dataset="folder:/home/me/photos")


def test_no_command_is_advised_that_is_refused():
    assert note(dataset="stacked-mnist").endswith("not known; images made of several others cannot be calibrated on.")


def test_files_are_known_by_their_hash_whatever_their_name():
    assert note(dataset="npz:digits.npz", sha256=DIGITS).startswith("Calibration (digits, n = 500)")
    assert "sees on npz data is not known" in note(dataset="npz:digits.npz")


def test_a_number_without_extractor_is_known_from_any_calibration_of_the_data():
    assert note(extractor=None).startswith("Calibration (digits, n = 500)")


def test_nothing_seen_is_said():
    assert "sees none of the planted faults" in note(summaries=[summary(line(seen=[]))])


def test_a_board_carries_the_note(make):
    results = make.results(make.fid("dcgan", 10.0), make.fid("gan", 20.0))
    results.run.configuration["benchmark"]["data"] = {"dataset": "pebbles"}
    (found,) = [text for text in build_board(results).notes if text.startswith("Calibration")]
    assert found.startswith("Calibration: which faults FID · lite0 sees on pebbles data is not known")


def calibration():
    """FID at two numbers of samples: dropped classes are seen from 2 on, copies make it better, noise is not seen."""
    sizes = {"drop": [1.0, 2.0], "copy": [0.5], "noise": [8.0]}
    means = {("drop", 1.0): 10.1, ("drop", 2.0): 20.0, ("copy", 0.5): 5.0, ("noise", 8.0): 10.0}
    words = {"drop": "{:g} dropped", "copy": "{:.0%} copied", "noise": "{:g} levels"}
    faults = [
        FaultRecord(name=n, title=n.title(), unit="", sizes=[{"size": s, "words": words[n].format(s)} for s in of])
        for n, of in sizes.items()
    ]
    data = DataRecord(
        name="digits", kind="image", sha256="", num_classes=10, num_reference=5, num_heldout=5, num_pool=9
    )
    plan = CalibrationPlan(
        ganbench_version="0", created="2026-01-01", configuration={}, configuration_sha256="", extractor=LITE,
        data=data, faults=faults, metrics=[MetricFacts(id="fid", title="FID", label=LABEL, higher_is_better=False)],
        num_samples=[500], num_seeds={500: 3}, clean_seeds={500: 3}, left_out={},
    )  # fmt: skip
    clean = [("clean", 0.0, 10.0)]
    measured = [
        Measured(fault=fault, size=size, num_samples=500, seed=seed, values={"fid": mean + 0.1 * (seed - 1)})
        for fault, size, mean in [*clean, *((*key, mean) for key, mean in means.items())]
        for seed in range(3)
    ]
    return Calibration(plan=plan, measured=measured, repeated=[])


def test_a_summary_has_each_fault_once():
    data = calibration()
    (found,) = summarise(data, responses(data), ["digits"]).sensitivities
    assert found == line(seen=["2 dropped"], better=["50% copied"], blind=["noise"])


def test_a_largest_size_that_is_missing_says_nothing():
    data = calibration()
    kept = [item for item in data.measured if (item.fault, item.size) != ("drop", 2.0)]
    assert "drop" not in [r.fault for r in responses(data.model_copy(update={"measured": kept}))]


def test_the_stored_summaries_can_be_read():
    for item in stored_summaries():
        assert item.sensitivities
        assert len(item.sha256) == 64


@pytest.mark.parametrize("name", ["mnist5k", "ring8"])
def test_no_note_names_a_folder(name):
    assert "/" not in calibration_note("fid", "FID", 500, name, "", None).replace("docs/", "")
