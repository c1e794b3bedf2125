"""Two runs, or the models of one: verdicts by planted numbers, and what must not be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.errors import UnknownNameError
from ganbench.results.board import build_board
from ganbench.results.comparison import compare_models, compare_runs


def seeds(make, plugin, values, half=0.1, metric="fid", **changes):
    return [make.trial(plugin, {metric: make.metric(v, half, **changes)}, seed) for seed, v in enumerate(values)]


def run(make, name, *trials, num_seeds=3, configuration=None):
    results = make.results(*trials, path=Path(name), seeds=num_seeds)
    results.run.configuration.update(configuration or {})
    return results


def verdicts(comparison):
    return {(test.a, test.metric): test.verdict for test in comparison.tests}


def test_a_planted_difference_is_told_and_noise_is_not(make):
    """`steady` moves by 0.2 with a spread of 1, `better` falls by 20, `worse` rises by 20."""
    spread = (-1.0, 0.0, 1.0)
    before = {"steady": 50.0, "better": 50.0, "worse": 50.0}
    after = {"steady": 50.2, "better": 30.0, "worse": 70.0}
    a, b = (
        run(make, name, *[t for plugin, mean in means.items() for t in seeds(make, plugin, [mean + s for s in spread])])
        for name, means in (("a", before), ("b", after))
    )
    found = compare_runs(a, b)
    assert verdicts(found) == {
        ("steady", "fid"): "no difference beyond noise", ("better", "fid"): "better", ("worse", "fid"): "worse",
    }  # fmt: skip
    assert [test.a for test in found.worse] == ["worse"]
    (test,) = found.worse
    assert (test.value_a, test.value_b, test.difference) == (50.0, 70.0, 20.0)
    assert test.p_holm == pytest.approx(3 * test.p_value)  # the smallest of three, twice
    assert test.effect == pytest.approx(0.7978846 * 20)  # J(4) · 20 / 1
    assert found.runs == ["a", "b"]


def test_the_direction_of_the_metric_decides_what_is_better(make):
    def one(name, value):
        metrics = {
            "fid": make.metric(value, 0.1), "is": make.metric(value, 0.1, True, "IS"),
            "nn": make.metric(value, 0.1, None, "NN"),
        }  # fmt: skip
        return run(make, name, make.trial("m", metrics), num_seeds=1)

    found = compare_runs(one("a", 5.0), one("b", 9.0))
    assert verdicts(found) == {("m", "fid"): "worse", ("m", "is"): "better", ("m", "nn"): "different"}


def test_more_metrics_ask_for_more_of_each(make):
    def one(name, shift):
        metrics = {f"m{i}": make.metric(5.0 + shift * (i == 0), 1.0) for i in range(10)}
        return run(make, name, make.trial("m", metrics), num_seeds=1)

    a, b = one("a", 0.0), one("b", 1.6)  # 2.2 standard errors: p = 0.03
    assert verdicts(compare_runs(a, b, ["m0"])) == {("m", "m0"): "worse"}
    assert set(verdicts(compare_runs(a, b)).values()) == {"no difference beyond noise"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": "vtgan-2019"}, "protocol (ganbench-v1: first run; vtgan-2019: second run)"),
        ({"num_samples": 50}, "number of samples (100: first run; 50: second run)"),
        ({"extractor": None}, "extractor (lite0"),
    ],
)
def test_numbers_that_were_not_made_alike_cannot_be_compared(make, changes, words):
    a = run(make, "a", make.fid("m", 50), make.fid("n", 50), num_seeds=1)
    b = run(make, "b", make.trial("m", {"fid": make.metric(90.0, **changes)}), make.fid("n", 80), num_seeds=1)
    found = compare_runs(a, b)
    assert verdicts(found) == {("m", "fid"): "cannot be compared", ("n", "fid"): "worse"}
    (refused, tested) = found.tests
    assert words in refused.reason
    assert (refused.p_value, refused.p_holm, refused.ci95, refused.effect) == (None, None, None, None)
    assert tested.p_holm == tested.p_value  # what was not tested takes no part in the correction


def test_other_data_cannot_be_compared(make):
    def one(name, sha256):
        item = make.fid("m", 50)
        item.metrics.provenance["dataset"] = {"sha256": sha256 * 64}
        return run(make, name, item, num_seeds=1)

    (test,) = compare_runs(one("a", "1"), one("b", "2")).tests
    assert test.reason == "data (111111111111: first run; 222222222222: second run)"


def test_models_that_did_not_end_as_planned_are_not_compared(make):
    a = run(make, "a", *seeds(make, "m", (1, 2, 3)), *seeds(make, "gone", (1, 2, 3)), *seeds(make, "n", (1, 2, 3)))
    failed = make.trial("m", seed=2, status="failed")
    b = run(make, "b", *seeds(make, "m", (90, 91)), failed, *seeds(make, "n", (1, 2, 3)), *seeds(make, "new", (1,)))
    found = compare_runs(a, b)
    assert {test.a for test in found.tests} == {"n"}
    assert found.not_compared == {
        "gone": "only in the first run",
        "m": "in the second run: 2 of 3 seeds done, so not ranked; seed 2: failed while training: ValueError: no luck",
        "new": "only in the second run",
    }


def test_controls_and_real_images_are_not_models(make):
    a = run(make, "a", make.fid("noise", 300), make.fid("real", 3), make.fid("m", 50), num_seeds=1)
    assert {test.a for test in compare_runs(a, a).tests} == {"m"}


def test_the_settings_that_differ_are_named(make):
    a = run(make, "a", make.fid("m", 50), num_seeds=1, configuration={"options": {"m": {"lr": 0.1}}, "x": "1" * 64})
    b = run(make, "b", make.fid("m", 50), num_seeds=1, configuration={"options": {"m": {"lr": 0.2}}, "x": "2" * 64})
    b.run.configuration["benchmark"]["description"] = "other words"
    assert compare_runs(a, b).differences == ["options.m.lr: 0.1 → 0.2", f"x: {'1' * 12} → {'2' * 12}"]


def test_an_unknown_metric_is_refused_with_those_that_there_are(make):
    a = run(make, "a", make.fid("m", 50), num_seeds=1)
    with pytest.raises(UnknownNameError, match=r"'fidd'.*Did you mean fid"):
        compare_runs(a, a, ["fidd"])
    with pytest.raises(UnknownNameError, match="Known: fid"):
        compare_models(a, ["kid"])


def test_the_models_of_one_run_are_compared_as_on_its_board(make):
    results = run(make, "a", make.fid("x", 90), make.fid("y", 50), make.fid("z", 50.5), num_seeds=1)
    found, board = compare_models(results), build_board(results)
    assert found.tests == board.tests
    assert [(test.a, test.b, test.verdict) for test in found.tests] == [
        ("y", "z", "no difference beyond noise"), ("y", "x", "worse"), ("z", "x", "worse"),
    ]  # fmt: skip


def test_models_of_one_run_whose_numbers_were_not_made_alike_cannot_be_compared(make):
    other = make.trial("y", {"fid": make.metric(90.0, num_samples=7)})
    (test,) = compare_models(run(make, "a", make.fid("x", 50), other, num_seeds=1)).tests
    assert (test.verdict, test.reason) == ("cannot be compared", "number of samples (100: x; 7: y)")


def test_a_number_that_some_seeds_lack_is_not_compared(make):
    """A past bug: where one seed of three gave no number, the other two stood for the model."""
    half = [make.trial("m", {"fid": make.metric(v)}, seed=i) for i, v in enumerate((10.0, 11.0))]
    b = run(make, "b", *half, make.trial("m", {"is": make.metric(2.0, higher=True)}, seed=2))
    found = compare_runs(run(make, "a", *seeds(make, "m", [50.0, 51.0, 52.0])), b)
    assert verdicts(found) == {("m", "fid"): "cannot be compared"}
    assert found.tests[0].reason == "number of seeds that it could be measured of (second run: 2 of 3 seeds)"
    assert found.tests[0].p_value is None
