"""Pictures of points: where each dot and circle stands, what is told of it, and what has no picture."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ganbench.data.points import draw, grid
from ganbench.report.scatter import MARGIN, SIDE, Plane, scatter
from ganbench.results.schema import MetricRecord, MetricsFile, Trial
from ganbench.results.store import TrialResults, write_arrays

CENTRES = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]
SQUARE = grid([0.0, 2.0], 0.1)


def results(folder, centres=CENTRES, role="model"):
    record = MetricRecord(
        title="Modes covered", value=2.0, ci95=None, ci95_method="", higher_is_better=True, num_samples=4,
        num_reference=None, extractor=None, canonical=True, protocol="ganbench-v1", seconds=0.0,
        details={"centres": centres, "sigma": 0.1, "counts": [1]},
    )  # fmt: skip
    trial = Trial(plugin="gan", seed=0, role=role, status="done")
    history = [{"step": 100, "epoch": 2.0}]
    return TrialResults(folder, trial, MetricsFile(metrics={"modes": record}, provenance={}), history)


def dots(svg, name):
    """Places [N, 2] of the dots of one layer, from the relative moves of its path."""
    path = re.search(rf'<path class="{name}" d="([^"]*)"/>', svg)
    moves = re.findall(r"m(-?\d+) (-?\d+)h0", path[1]) if path else []
    return np.cumsum(np.array(moves, int).reshape(-1, 2), axis=0)


def circles(svg, name):
    path = re.search(rf'<path class="{name}" d="([^"]*)"/>', svg)
    return (
        [(float(x) + float(r), float(y)) for x, y, r in re.findall(r"M([\d.]+) ([\d.]+)a([\d.]+)", path[1])]
        if path
        else []
    )


def place(x, y):
    """By hand: the modes' square of side 2 with a margin of 15 % on each side, y upwards."""
    side = 2 * (1 + 2 * MARGIN)
    return (x + 2 * MARGIN) / side * SIDE, SIDE - (y + 2 * MARGIN) / side * SIDE


def test_dots_and_circles_stand_where_the_points_and_modes_are(tmp_path):
    points = np.array([[0.05, 0.0], [2.0, 1.8], [1.0, 1.0], [1.0, 1.5], [9.0, 9.0]], np.float32)
    real = np.array([[0.0, 2.0]], np.float32)
    found = scatter(results(tmp_path), {"points": points}, {"points": real})
    svg = str(found.final.svg)
    np.testing.assert_allclose(dots(svg, "good"), [place(0.05, 0.0), place(2.0, 1.8)], atol=0.51)
    np.testing.assert_allclose(dots(svg, "bad"), [place(1, 1.5), place(1, 1)], atol=0.51)  # sorted; one is outside
    np.testing.assert_allclose(dots(svg, "real"), [place(0, 2)], atol=0.51)
    np.testing.assert_allclose(circles(svg, "covered"), [place(0, 0), place(2, 2)], atol=0.06)
    np.testing.assert_allclose(circles(svg, "missing"), [place(2, 0), place(0, 2)], atol=0.06)
    words = "2 of 4 modes covered, 40.0% of 5 points of high quality, 1 outside the picture"
    assert found.final.title == words
    assert found.final.description == f"gan, seed 0: {words}."
    assert f'aria-label="gan, seed 0: {words}."' in svg


def test_a_cell_has_one_dot_and_points_that_are_no_numbers_have_none(tmp_path):
    points = np.array([[1.0, 1.0]] * 50 + [[np.nan, 0.0], [np.inf, 0.0]], np.float32)
    svg = str(scatter(results(tmp_path), {"points": points}, {}).final.svg)
    assert len(dots(svg, "bad")) == 1
    assert 'class="good"' not in svg
    assert 'class="real"' not in svg


def test_frames_are_the_snapshots_in_order(tmp_path):
    for step in (1000, 20, 100):
        write_arrays(tmp_path / f"snapshots/step-{step:07d}.npz", {"points": draw(SQUARE, 50, step, "x").points})
    (tmp_path / "snapshots" / "step-0000500.npz").write_bytes(b"damaged")
    found = scatter(results(tmp_path), {"points": draw(SQUARE, 50, 0, "x").points}, {})
    places = ["step 20, epoch 0.4", "step 100, epoch 2", "step 1,000, epoch 2"]
    assert [frame.title for frame in found.frames] == [f"{place} · 4 of 4 modes" for place in places]
    assert found.frames[1].description.startswith("gan, seed 0 at step 100, epoch 2: 4 of 4 modes covered, ")
    assert found.final.title.startswith("4 of 4 modes covered")


def test_real_points_are_told_as_such_and_stand_alone(tmp_path):
    points = draw(SQUARE, 50, 0, "x").points
    found = scatter(results(tmp_path, role="reference"), {"points": points}, {"points": points})
    assert found.final.description.startswith("Held-out real points: 4 of 4 modes covered")
    assert 'class="real"' not in found.final.svg


def test_high_quality_is_what_the_metric_counts():
    from ganbench.metrics.point_inputs import PointInputs
    from ganbench.types import DataSpec, PointDataset, PointSet

    points = np.random.default_rng(0).uniform(-1, 3, (500, 2)).astype(np.float32)
    samples = PointSet("x", points)
    counted = PointInputs(samples, PointDataset("x", DataSpec("points", dim=2), samples, samples, SQUARE))
    plane = Plane(SQUARE.centres, SQUARE.sigma, np.zeros(2), 1.0)
    assert plane.good(points.astype(float)).tolist() == (counted.modes >= 0).tolist()
    assert plane.shown(points.astype(float)).tolist() == (counted.counts > 0).tolist()


@pytest.mark.parametrize("points", [None, np.zeros((0, 2)), np.zeros((5, 1)), np.zeros((5, 2, 2))])
def test_what_are_no_points_of_the_plane_has_no_picture(tmp_path, points):
    assert scatter(results(tmp_path), {} if points is None else {"points": points}, {}) is None


def test_without_known_modes_there_is_no_picture(tmp_path):
    points = {"points": np.zeros((5, 2), np.float32)}
    assert scatter(results(tmp_path, centres=[]), points, {}) is None
    assert scatter(replace(results(tmp_path), metrics=None), points, {}) is None
    assert scatter(results(tmp_path, centres=[[0.0, 0.0]]), points, {}).final.title.startswith("1 of 1 modes")
