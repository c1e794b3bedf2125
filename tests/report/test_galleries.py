"""Pictures from several files: the three stages, best samples, latent arithmetic, and the table of the classes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganbench.data.pixels import image_grid
from ganbench.report.class_table import MAX_ROWS, class_table
from ganbench.report.galleries import best_samples, latent_arithmetic, three_stages
from ganbench.report.pictures import Assets
from ganbench.results.schema import MetricRecord, Trial
from ganbench.results.store import TrialResults


def plain(values, side=8, channels=1):
    """Images [N, side, side, channels], each of one grey level."""
    return np.asarray(values, np.uint8)[:, None, None, None] * np.ones((len(values), side, side, channels), np.uint8)


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "out" / "assets")


@pytest.fixture
def levels(tmp_path):
    """The grey level of each tile of 8 pixels of a picture, [rows, columns]; -1 where there is none."""

    def read(picture, side=8):
        shown = np.asarray(Image.open(tmp_path / "out" / picture.src)).astype(int)[:: side + 1, :: side + 1]
        return np.where(shown[..., 3] > 0, shown[..., 0], -1).tolist()

    return read


@pytest.fixture
def item(tmp_path):
    """A trial with snapshots of 2 x 4 tiles: levels 0 to 7 at step 0, 100 to 107 at step 50, 200 to 207 at step 90."""
    (tmp_path / "snapshots").mkdir()
    for step, level in ((0, 0), (50, 100), (90, 200)):
        image_grid(plain(range(level, level + 8)), 4).save(tmp_path / f"snapshots/step-{step:07d}.png")
    trial = Trial(plugin="gan", seed=0, role="model", status="done")
    return TrialResults(tmp_path, trial, history=[{"step": 90, "epoch": 4.5}])


def test_first_and_last_snapshot_stand_beside_as_many_real_images(item, assets, levels):
    stages = three_stages(assets, item, {}, {"images": plain(range(50, 70))}, 0)
    assert [stage.caption for stage in stages] == ["Untrained", "Trained: step 90, epoch 4.5", "Real, held out"]
    assert [levels(stage) for stage in stages] == [
        [[0, 1, 2, 3], [4, 5, 6, 7]],
        [[200, 201, 202, 203], [204, 205, 206, 207]],
        [[50, 51, 52, 53], [54, 55, 56, 57]],
    ]


def test_real_images_stand_in_the_columns_of_the_classes_that_the_model_was_asked_for(item, assets, levels):
    labels = np.array([2, 1, 0, 0, 1, 2, 0, 0, 1, 2])
    real = {"images": plain(10 * labels + np.arange(10)), "labels": labels}
    asked = {"labels": labels}
    # 3 classes in 4 columns: the last column is class 0 again, with the next of its images
    assert levels(three_stages(assets, item, asked, real, 3)[2]) == [[2, 11, 20, 6], [3, 14, 25, 7]]
    assert levels(three_stages(assets, item, {}, real, 3)[2])[0] == [20, 11, 2, 3]  # in their order
    short = {name: array[:9] for name, array in real.items()}  # class 2 has one image too few from here on
    short["labels"] = np.where(np.arange(9) == 5, 1, short["labels"])
    assert levels(three_stages(assets, item, asked, short, 3)[2])[0] == [20, 11, 2, 3]


def test_few_real_images_leave_rows_away_from_all_stages(item, assets, levels):
    stages = three_stages(assets, item, {}, {"images": plain(range(5))}, 0)
    assert [len(levels(stage)) for stage in stages] == [1, 1, 1]


@pytest.mark.parametrize(
    "real", [{}, {"images": plain([1] * 8, side=9)}, {"images": plain([1, 2])}, {"images": np.zeros((9, 2))}]
)
def test_without_matching_real_images_there_are_no_stages(item, assets, real):
    assert three_stages(assets, item, {}, real, 0) == ()


def test_a_damaged_snapshot_makes_no_stages(item, assets):
    (item.folder / "snapshots/step-0000090.png").write_bytes(b"no picture")
    assert three_stages(assets, item, {}, {"images": plain(range(8))}, 0) == ()


def test_the_best_samples_stand_in_their_order_with_the_rule(tmp_path, assets, levels):
    np.savez(tmp_path / "best.npz", images=plain(range(10)), realism=np.linspace(2, 1.1, 10), index=np.arange(10))
    picture, _ = best_samples(assets, tmp_path, 2500, "gan")
    assert levels(picture) == [list(range(8)), [8, 9, *[-1] * 6]]
    assert picture.caption.startswith(
        "Chosen: the 10 best of 2,500 samples, best first. Realism from 2 to 1.1. Realism"
    )
    np.savez(tmp_path / "best.npz", images=plain([1]), realism=np.array([np.inf]), index=np.arange(1))
    assert "Realism from infinite (a copy) to" in best_samples(assets, tmp_path, 2500, "gan")[0].caption


@pytest.mark.parametrize(("realism", "words"), [([1.2404, 1.2396], "1.24"), ([np.inf, np.inf], "infinite (a copy)")])
def test_samples_of_the_same_realism_have_no_best(tmp_path, assets, realism, words):
    np.savez(tmp_path / "best.npz", images=plain(range(2)), realism=np.array(realism), index=np.arange(2))
    picture, why = best_samples(assets, tmp_path, 2500, "gan")
    assert picture is None
    assert why == f"There is no best: the first 2 of 2,500 samples by realism all have the same, {words}."


def test_a_control_has_no_stages(item, assets):
    control = replace(item, trial=item.trial.model_copy(update={"role": "control"}))
    assert three_stages(assets, control, {}, {"images": plain(range(8))}, 0) == ()


def test_arithmetic_has_a_picture_a_row(tmp_path, assets, levels):
    np.savez(tmp_path / "arithmetic.npz", images=plain(range(8)))
    rows = [["3", "5", "8", "3 - 5 + 8"], ["cat", "dog", "frog", "cat - dog + frog"]]
    (tmp_path / "arithmetic.json").write_text(json.dumps({"rule": "By means.", "rows": rows}))
    pictures, rule = latent_arithmetic(assets, tmp_path, "gan")
    assert [levels(picture) for picture in pictures] == [[[0, 1, 2, 3]], [[4, 5, 6, 7]]]
    assert pictures[0].caption == "3, 5, 8 → 3 − 5 + 8"
    assert rule == "By means."
    np.savez(tmp_path / "arithmetic.npz", images=plain(range(7)))
    assert latent_arithmetic(assets, tmp_path, "gan") == ((), "")


def write_classes(folder, fids, labels, told="seen"):
    classes = [
        {"name": f"c{i}", "num_samples": 5, "share": 0.1, "fid": fid, "fid_label": "FID · x", "label_accuracy": None}
        for i, fid in enumerate(fids)
    ]
    np.savez(folder / "by_class.npz", labels=np.asarray(labels))
    (folder / "by_class.json").write_text(json.dumps({"labels": told, "classes": classes}))


def test_classes_are_sorted_by_fid_with_their_own_first_samples(tmp_path, assets, levels):
    labels = [2, 0, 1, 2, 0, *[2] * 9]
    write_classes(tmp_path, [30.0, None, 4.5], labels)
    table = class_table(assets, tmp_path, {"images": plain(range(14))}, "gan")
    assert [(row.name, row.fid) for row in table.rows] == [("c2", "4.500"), ("c0", "30"), ("c1", "")]
    assert [levels(row.strip)[0] for row in table.rows[:2]] == [[0, 3, 5, 6, 7, 8, 9, 10], [1, 4, *[-1] * 6]]
    assert table.fid_label == "FID · x"
    assert "the one that the classifier sees in it" in table.caption
    assert not table.has_accuracy


def test_a_class_that_the_modes_do_not_count_is_marked_with_the_rule(tmp_path, assets):
    write_classes(tmp_path, [30.0, 4.5], [0, 1])
    table = class_table(assets, tmp_path, {}, "gan", ["c0"])
    assert [(row.name, row.missing) for row in table.rows] == [("c1", False), ("c0", True)]
    assert "Missing: its share, corrected for the classifier's errors, is below a tenth of" in table.caption
    assert "Missing" not in class_table(assets, tmp_path, {}, "gan").caption


def test_recall_and_coverage_within_each_class_stand_with_their_intervals(tmp_path, assets):
    write_classes(tmp_path, [30.0, 4.5], [0, 1])
    found = {
        "c0": {"value": 0.5, "num_samples": 5, "num_reference": 100},
        "c1": {"value": 0.0, "num_samples": 5, "num_reference": 100},
    }
    record = MetricRecord(
        title="Recall within classes", value=0.25, ci95=None, ci95_method="", higher_is_better=True, num_samples=10,
        num_reference=200, extractor=None, canonical=True, protocol="p", seconds=0.0, details={"per_class": found},
    )  # fmt: skip
    table = class_table(assets, tmp_path, {}, "gan", metrics={"class_recall": record})
    assert [(row.name, row.recall) for row in table.rows] == [("c1", "0.0% (0 – 4)"), ("c0", "50.0% (40 – 60)")]
    assert (table.has_recall, table.has_coverage) == (True, False)
    assert "the share of its real images that lie among its samples" in table.caption
    without = class_table(assets, tmp_path, {}, "gan")
    assert not without.has_recall
    assert "Recall" not in without.caption


def test_a_class_without_samples_has_no_strip(tmp_path, assets):
    write_classes(tmp_path, [1.0, 2.0], [0, 0], told="asked")
    table = class_table(assets, tmp_path, {"images": plain(range(2))}, "gan")
    assert table.rows[1].strip is None
    assert "the one that was asked for" in table.caption


def test_of_many_classes_the_best_and_the_worst_are_shown(tmp_path, assets):
    write_classes(tmp_path, [float(i) for i in range(100)], [])
    table = class_table(assets, tmp_path, {}, "gan")
    assert [row.name for row in table.rows] == [f"c{i}" for i in (*range(20), *range(80, 100))]
    assert len(table.rows) == MAX_ROWS
    assert table.caption.endswith("60 classes between the best and the worst are left out.")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"classes": []}'])
def test_missing_or_damaged_tables_are_left_out(tmp_path, assets, content):
    for name in ("by_class.json", "arithmetic.json"):
        if content is not None:
            (tmp_path / name).write_text(content)
    assert class_table(assets, tmp_path, {}, "gan") is None
    assert latent_arithmetic(assets, tmp_path, "gan") == ((), "")
    assert best_samples(assets, tmp_path, 5, "gan") == (None, "")
