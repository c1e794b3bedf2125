"""Numbers of different protocols, extractors, data or counts are never averaged, ranked or called the best."""

import pytest

from ganbench.results.alike import describe_runs, differences
from ganbench.results.board import build_board, differing_metrics
from ganbench.results.schema import ExtractorRecord
from ganbench.results.store import read_run, write_record

OTHER = ExtractorRecord(name="lite0", weights_sha256="cd" * 32, resize="bilinear-96")


def with_data(item, sha256):
    metrics = item.metrics.model_copy(update={"provenance": {"dataset": {"name": "d", "sha256": sha256}}})
    return type(item)(item.folder, item.trial, metrics, item.history)


def ranks(board):
    return {row.plugin: row.rank for row in board.rows}


def test_rows_made_alike_do_not_differ(make):
    results = make.results(make.fid("a", 10), make.fid("b", 20), make.fid("real", 1))
    assert differing_metrics(results) == {}
    assert ranks(build_board(results)) == {"a": 1, "b": 2, "real": None}


def test_stored_files_of_two_protocols_are_not_ranked_together(make, tmp_path):
    trials = [make.fid("a", 10), make.trial("b", {"fid": make.metric(20.0, protocol="mimicry-cifar10-v1")})]
    write_record(tmp_path / "run.json", make.run())
    for item in trials:
        write_record(tmp_path / item.folder / "trial.json", item.trial)
        write_record(tmp_path / item.folder / "metrics.json", item.metrics)
    board = build_board(read_run(tmp_path))
    assert ranks(board) == {"a": None, "b": None}
    assert board.warnings == [
        "Nothing is ranked: fid was not measured alike for all rows. They differ in protocol (ganbench-v1: run.json, "
        "a; mimicry-cifar10-v1: b). Run the benchmark again with --fresh."
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"extractor": OTHER}, "weights abababababab, not canonical: a; lite0, bilinear-96, weights cdcdcdcdcdcd"),
        ({"extractor": None}, "extractor (lite0, bilinear-96, weights abababababab, not canonical: a; none: b)"),
        ({"canonical": True}, "not canonical: a; lite0, bilinear-96, weights abababababab: b)"),
        ({"num_samples": 5000}, "number of samples (100: a; 5,000: b)"),
        ({"num_reference": None}, "number of reference images (100: a; none: b)"),
    ],
)
def test_what_differs_is_named(make, changes, words):
    board = build_board(make.results(make.fid("a", 10), make.trial("b", {"fid": make.metric(20.0, **changes)})))
    assert ranks(board) == {"a": None, "b": None}
    assert words in board.warnings[0]


def test_other_data_are_not_ranked_together(make):
    results = make.results(with_data(make.fid("a", 10), "1" * 64), with_data(make.fid("b", 20), "2" * 64))
    assert differences(results, "fid") == {"data": {"1" * 12: ["a"], "2" * 12: ["b"]}}
    assert ranks(build_board(results)) == {"a": None, "b": None}


def test_a_run_that_names_another_protocol_than_its_numbers_is_not_ranked(make):
    results = make.results(make.fid("a", 10), make.fid("b", 20), protocol="vtgan-2019")
    assert differences(results, "fid") == {"protocol": {"vtgan-2019": ["run.json"], "ganbench-v1": ["a", "b"]}}
    assert ranks(build_board(results)) == {"a": None, "b": None}


def test_the_reference_row_may_have_fewer_images_but_no_other_protocol(make):
    fewer = make.trial("real", {"fid": make.metric(2.0, num_samples=40)})
    assert differing_metrics(make.results(fewer, make.fid("a", 10))) == {}
    other = make.trial("real", {"fid": make.metric(2.0, protocol="vtgan-2019")})
    assert ranks(build_board(make.results(other, make.fid("a", 10)))) == {"a": None, "real": None}


def test_training_seeds_of_different_protocols_have_no_mean(make):
    second = make.trial("a", {"fid": make.metric(90.0, protocol="vtgan-2019"), "kid": make.metric(4.0)}, seed=1)
    first = make.trial("a", {"fid": make.metric(10.0), "kid": make.metric(2.0)})
    row = build_board(make.results(first, second, seeds=2)).rows[0]
    assert "fid" not in row.scores
    assert row.scores["kid"].value == 3.0


def test_columns_that_differ_alike_are_told_once(make):
    def trial(name, **changes):
        return make.trial(name, {metric: make.metric(3.0, **changes) for metric in ("fid", "kid", "is")})

    warnings = build_board(make.results(trial("a"), trial("b", num_samples=7))).warnings
    assert warnings[1:] == ["The columns is, kid mix numbers that differ in number of samples (100: a; 7: b)."]


def test_unfinished_trials_do_not_count(make):
    other = make.trial("b", {"fid": make.metric(20.0, protocol="vtgan-2019")}, status="evaluating")
    assert ranks(build_board(make.results(make.fid("a", 10), other)))["a"] == 1


def test_runs_on_one_page_say_in_what_they_differ(make):
    first, second = make.run(), make.run(protocol="vtgan-2019")
    assert describe_runs([first, first]) == "This page shows 2 runs, each ranked by itself."
    assert describe_runs([first, second]) == (
        "This page shows 2 runs, each ranked by itself. They differ in protocol (ganbench-v1, vtgan-2019), so their "
        "numbers must not be compared."
    )


def test_numbers_that_deviate_from_their_protocol_are_not_ranked_beside_others(make):
    deviating, honest = make.fid("a", 10), make.fid("b", 20)
    provenance = {"protocol_deviations": ["x-v1 compares with the training split."]}
    metrics = deviating.metrics.model_copy(update={"provenance": provenance})
    results = make.results(type(honest)(deviating.folder, deviating.trial, metrics, []), honest)
    board = build_board(results)
    assert ranks(board) == {"a": None, "b": None}
    assert "deviations from the protocol (x-v1 compares with the training split.: a; none: b)" in board.warnings[0]
