from __future__ import annotations

from xml.etree import ElementTree

from ganbench.report.charts import MAX_POINTS, class_chart, training_charts


def test_only_what_was_logged_is_drawn():
    charts = training_charts([{"step": 1, "loss_g": 2.0}, {"step": 2, "loss_g": 1.0}])
    assert [chart.title for chart in charts] == ["Losses"]
    assert charts[0].description == "Losses: generator from 2 to 1."
    assert training_charts([]) == ()


def test_heldout_values_and_further_losses_are_in_the_chart():
    (chart,) = training_charts([{"step": 1, "loss_d": 2.0, "heldout_loss_d": 3.0, "loss_d_class": 0.5}])
    assert "discriminator, held-out from 3 to 3" in chart.description
    assert "d class from 0.5" in chart.description


def test_null_values_and_odd_lines_are_passed_over():
    lines = [
        {"step": 1, "d_recall": None},
        {"d_recall": 0.1},
        {"step": 2, "d_recall": 0.5},
        {"step": 3, "d_recall": "x"},
    ]
    (chart,) = training_charts(lines)
    assert "from 0.5 to 0.5" in chart.description


def test_long_curves_are_thinned():
    def size(num_lines):
        (chart,) = training_charts([{"step": i, "images_per_second": (i * 37) % 101} for i in range(num_lines)])
        return len(chart.svg)

    assert size(50 * MAX_POINTS) < 1.2 * size(MAX_POINTS)


def test_charts_are_plain_svg_in_the_colours_of_the_page():
    for chart in (*training_charts([{"step": 1, "loss_d": 2.0}]), class_chart([5, 0], [0.5, 0.5], ["<a>", "$b_"])):
        root = ElementTree.fromstring(chart.svg.replace("xlink:href", "href"))  # noqa: S314
        assert root.get("role") == "img"
        assert "http" not in chart.svg
        assert "#0" not in chart.svg  # no colour of its own, so that it is legible in light and dark
        assert "currentColor" in chart.svg


def test_missing_classes_are_named():
    assert class_chart([5, 0, 5], [0.3, 0.3, 0.4], ["a", "b", "c"]).description.endswith("Without any sample: b.")


def test_many_classes_are_drawn_without_names():
    chart = class_chart([1] * 200, [1 / 200] * 200, [f"class {i}" for i in range(200)])
    assert "class 17" not in chart.svg
