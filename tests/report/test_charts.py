from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from ganbench.metrics.modes import num_covered
from ganbench.report.charts import MAX_POINTS, line_styles, place_words, training_charts
from ganbench.report.class_charts import class_chart, class_timeline, epoch_ticks, missing_classes


def probe(epoch, shares, real=None):
    return {
        "step": 10 * epoch,
        "epoch": epoch,
        "shares": shares,
        "real_shares": real or [1 / len(shares)] * len(shares),
    }


def cells(chart):
    """Opacities [K, T] of the timeline's cells, from the picture in the SVG."""
    data = re.search(r"base64,\s*([^\"]+)", chart.svg)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))[..., 3]


def test_only_what_was_logged_is_drawn():
    charts = training_charts([{"step": 1, "loss_g": 2.0}, {"step": 2, "loss_g": 1.0}])
    assert [chart.title for chart in charts] == ["Losses"]
    assert charts[0].description == "Losses, over generator steps: generator from 2 to 1."
    assert training_charts([]) == ()


def test_losses_on_source_and_class_have_a_chart_each_with_heldout_values():
    line = {"step": 1, "heldout_loss_d_source": 3.0, "heldout_loss_g_class": 0.7}
    line |= dict.fromkeys(("loss_d", "loss_g", "loss_d_source", "loss_g_source", "loss_d_class", "loss_g_class"), 0.5)
    charts = {chart.title: chart.description for chart in training_charts([line | {"loss_d_penalty": 9.0}])}
    assert list(charts) == [
        "Generation losses",
        "Class losses",
        "Other terms of the loss",
        "Losses, all terms together",
    ]
    assert "discriminator, held-out 3;" in charts["Generation losses"]
    assert "generator, held-out 0.7." in charts["Class losses"]
    assert charts["Other terms of the loss"].endswith("over generator steps: d penalty 9.")


def test_a_penalty_alone_does_not_make_generation_losses():
    line = {"step": 1, "loss_d": 3.0, "loss_d_source": 2.0, "loss_d_penalty": 1.0, "loss_g": 5.0, "wasserstein": 2.0}
    charts = {chart.title: chart.description for chart in training_charts([line])}
    assert charts["Losses"].endswith("discriminator 2; generator 5.")
    assert "Estimated Wasserstein distance" in charts


def test_curves_go_over_epochs_where_every_line_tells_them():
    lines = [{"step": 10 * i, "epoch": i / 4, "loss_g": 1.0} for i in range(9)]
    assert "over epochs (80 generator steps in all)" in training_charts(lines)[0].description
    assert "over generator steps" in training_charts([*lines, {"step": 90, "loss_g": 1.0}])[0].description
    assert place_words(lines, 60) == "step 60, epoch 1.5"
    assert place_words([{"step": 60}], 1060) == "step 1,060"


def test_recall_has_a_line_at_99_percent_and_its_warning():
    history = [{"step": step, "d_recall": 0.2, "loss_d": 1.0} for step in range(3)]
    for sign in ("the discriminator wins: from epoch 4 on", "vanishing gradient: from epoch 4 on"):
        losses, recall = training_charts(history, ["collapse: all is lost", sign])
        assert (losses.note, recall.note) == ("", sign)
    assert ">99 %<" in recall.svg
    assert ">99 %<" not in losses.svg


def test_diversity_has_a_line_at_20_percent_and_the_warning_of_a_mode_collapse():
    history = [{"step": step, "diversity": 0.9, "diversity_nearest": 0.1, "d_recall": 0.2} for step in range(3)]
    sign = "mode collapse: from epoch 4 (step 200) to the end samples hardly differ"
    recall, diversity = training_charts(history, ["collapse: 1 is missing", sign])
    assert (recall.note, diversity.note) == ("", sign)
    assert ">20 %<" in diversity.svg
    assert ">1.50<" in diversity.svg  # the same scale on every page, 1 upon it
    assert diversity.description == (
        "Diversity of samples, over generator steps: distance of two samples from 0.9 to 0.9; to the nearest other one "
        "from 0.1 to 0.1."
    )
    assert "With the diversity, 1 is as varied as real data" in line_styles([diversity])


def test_null_values_and_odd_lines_are_passed_over():
    lines = [
        {"step": 1, "d_recall": None},
        {"d_recall": 0.1},
        {"step": 2, "d_recall": 0.5},
        {"step": 3, "d_recall": "x"},
    ]
    (chart,) = training_charts(lines)
    assert chart.description.endswith(": fakes recognised 0.5.")


@pytest.mark.parametrize(("num_lines", "is_drawn"), [(1, False), (2, False), (3, True)])
def test_fewer_than_three_points_are_told_and_not_drawn(num_lines, is_drawn):
    lines = [{"step": step, "loss_g": float(step), "heldout_loss_d": 1.0 if step == 0 else None} for step in range(3)]
    (chart,) = training_charts(lines[:num_lines])
    assert bool(chart.svg) == is_drawn
    assert "generator" in chart.description


def test_styles_are_explained_of_lines_that_are_there():
    lines = [{"step": step, "loss_d": 1.0} for step in range(3)]
    assert line_styles(training_charts(lines)) == ""
    heldout = training_charts([line | {"heldout_loss_d": 1.0} for line in lines])
    assert line_styles(heldout) == "Solid: training data. Dashed: held-out data."
    recall = training_charts([line | {"d_recall": 1.0} for line in lines])
    assert line_styles(recall).startswith("Dotted, with the recall: the share above which")
    assert line_styles(training_charts([lines[0] | {"d_recall": 1.0, "heldout_loss_d": 1.0}])) == ""  # nothing is drawn


def test_long_curves_are_thinned():
    def size(num_lines):
        (chart,) = training_charts([{"step": i, "images_per_second": (i * 37) % 101} for i in range(num_lines)])
        return len(chart.svg)

    assert size(50 * MAX_POINTS) < 1.2 * size(MAX_POINTS)


def test_charts_are_plain_svg_in_the_colours_of_the_page():
    charts = (
        *training_charts([{"step": step, "loss_d": 2.0, "d_recall": 0.5} for step in range(3)]),
        class_chart([5, 0], [0.5, 0.5], ["<a>", "$b_"]),
        class_timeline([probe(i, [0.5, 0.5]) for i in range(3)], ["<a>", "$b_"], []),
    )
    for chart in charts:
        root = ElementTree.fromstring(chart.svg.replace("xlink:href", "href"))  # noqa: S314
        assert root.get("role") == "img"
        assert "http" not in chart.svg
        assert "#0" not in chart.svg  # no colour of its own, so that it is legible in light and dark
        assert "currentColor" in chart.svg


def test_missing_classes_are_named():
    chart = class_chart([5, 0, 5], [0.3, 0.3, 0.4], ["a", "b", "c"])
    assert chart.description.endswith("Missing: b. A class counts from a tenth of its real share on.")
    assert "counts from here" in chart.svg
    every = class_chart([1, 1], [0.5, 0.5], ["a", "b"])
    assert every.description.endswith("Missing: none. A class counts from a tenth of its real share on.")


def test_a_class_is_missing_below_a_tenth_of_its_real_share_as_the_metric_counts():
    shares = np.array([0.049, 0.05, 0.01, 0.0, 0.891])
    real = np.array([0.5, 0.5, 0.1, 0.0, 0.3])  # of the fourth there are no real images
    assert missing_classes(shares, real, list("abcde")) == ["a"]
    assert num_covered(shares, real) == 3
    assert missing_classes(1000 * shares, real, list("abcde")) == ["a"]


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        ([0, 0.08, 0.16, 0.4, 0.8, 1, 1.6, *range(2, 21)], ["0", "1", "3", "8", "12", "16", "20"]),
        ([0, 0.5, 1.07, 2.13, 3.2], ["0", "1", "2", "3"]),
        ([0, 0.03, 0.06, 0.25, 0.5], ["0.0", "0.1", "0.2", "0.5"]),
        (list(range(0, 4000, 1000)), ["0", "1,000", "2,000", "3,000"]),
    ],
)
def test_epochs_below_the_heat_map_are_round_and_stand_where_they_are(epochs, words):
    places, found = epoch_ticks(epochs)
    assert found == words
    numbers = [float(word.replace(",", "")) for word in words]
    assert np.interp(places, np.arange(len(epochs)) + 0.5, epochs) == pytest.approx(numbers)
    assert np.diff(places).min() > 0.5


def test_many_classes_are_drawn_without_names():
    chart = class_chart([1] * 200, [1 / 200] * 200, [f"class {i}" for i in range(200)])
    assert "class 17" not in chart.svg


def test_a_cell_is_as_strong_as_its_share_over_twice_the_real_one():
    lines = [probe(0, [0.75, 0.25, 0.0], [0.75, 0.125, 0.125]), probe(1, [1.0, 0.0, 0.0], [0.75, 0.125, 0.125])]
    warnings = ["collapse: c is missing", "never appeared: b", "the discriminator wins: no"]
    chart = class_timeline(lines, ["a", "b", "c"], warnings)
    assert cells(chart).tolist() == [[128, 170], [255, 0], [0, 0]]  # 255/2, 255*2/3; twice the real share; missing
    assert chart.note == "collapse: c is missing. never appeared: b"
    assert "At the end: a 100.0% (real 75.0%), b 0.0% (real 12.5%), c 0.0% (real 12.5%)." in chart.description


def test_a_long_timeline_is_thinned_and_keeps_its_ends():
    chart = class_timeline([probe(i, [i / 1000, 1 - i / 1000]) for i in range(1001)], ["a", "b"], [])
    assert cells(chart).shape == (2, 60)
    assert cells(chart)[:, [0, -1]].tolist() == [[0, 255], [255, 0]]
    assert "from epoch 0 to 1e+03" in chart.description


@pytest.mark.parametrize("lines", [[], [{"step": 1}], [probe(0, [1.0])], [probe(0, [0.5, 0.5]), probe(1, [1.0])]])
def test_too_few_probes_make_no_timeline(lines):
    assert class_timeline(lines, ["a"], []) is None
