"""Stored and recomputed values are compared exactly, but for floats within a relative tolerance."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.results.board import build_board
from ganbench.results.recomputed import compare, compare_boards, compare_records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_a_value_agrees_with_itself(value):
    assert compare(value, value, 0.0) == []


@given(JSON, JSON)
def test_the_order_of_two_values_does_not_matter(one, other):
    places = [{part.place for part in compare(*pair, 1e-6)} for pair in ((one, other), (other, one))]
    assert places[0] == places[1]


@pytest.mark.parametrize(
    ("stored", "again", "agreement"),
    [
        (1.0, 1.0 + 9e-7, "within tolerance"),
        (1.0, 1.0 + 2e-6, "differs"),
        (-1e-9, -1.0000005e-9, "within tolerance"),
        (0.0, 1e-30, "differs"),  # nothing but 0 is relatively close to 0
        (1_000_000_0, 1_000_000_1, "differs"),  # counts have no tolerance
        (2, 2.0000001, "within tolerance"),
        (True, 1, "differs"),
        (None, 1.0, "differs"),
        ("a", "b", "differs"),
    ],
)
def test_agreement(stored, again, agreement):
    assert [part.agreement for part in compare({"x": stored}, {"x": again}, 1e-6)] == [agreement]


def test_equal_numbers_of_two_types_agree():
    assert compare([2, (1.5, None)], [2.0, [1.5, math.nan]], 0.0) == []


def test_what_is_on_one_side_only_differs():
    parts = compare({"a": 1, "b": [1, 2]}, {"b": [1], "c": 3}, 1e-6)
    assert [(part.place, part.stored, part.recomputed) for part in parts] == [
        ("a", 1, None),
        ("b.1", 2, None),
        ("c", None, 3),
    ]
    assert [part.place for part in compare({"ci95": None}, {"ci95": [1.0, 2.0]}, 1e-6)] == ["ci95", "ci95.0", "ci95.1"]
    assert [part.place for part in compare([], [1], 1e-6)] == ["", "0"]


def test_times_and_words_about_a_number_are_not_compared(make):
    again = make.metric(10.0, title="Other", ci95_method="other words", seconds=9.0, details={"note": "x"})
    comparison = compare_records("fid", make.metric(10.0, details={"note": "y"}), again, 0.0)
    assert (comparison.agreement, comparison.parts, comparison.difference) == ("exact", (), 0.0)


def test_an_interval_alone_can_differ(make):
    comparison = compare_records("fid", make.metric(10.0, 1.0), make.metric(10.0, 2.0), 1e-6)
    assert comparison.agreement == "differs"
    assert [part.place for part in comparison.parts] == ["ci95.0", "ci95.1"]


def test_boards_are_compared_row_by_row_in_their_order_without_remarks(make):
    one = build_board(make.results(make.fid("a", 10), make.fid("b", 20)))
    assert compare_boards(one, one.model_copy(update={"notes": ["other"], "created": "other"}), 0.0) == []
    false_row = one.rows[0].model_copy(update={"rank": 1})
    for change in (
        {"rows": one.rows[::-1]},
        {"rows": [false_row, *one.rows]},
        {"protocol": "mimicry-cifar10-v1"},
        {"warnings": [*one.warnings, "other"]},
        {"rows": [one.rows[0].model_copy(update={"role": "control"}), *one.rows[1:]]},
    ):
        assert compare_boards(one.model_copy(update=change), one, 0.0) != []
    parts = compare_boards(one, build_board(make.results(make.fid("a", 30), make.fid("b", 20))), 1e-6)
    assert {part.place for part in parts} >= {"rows.0.plugin", "rows.1.plugin", "rows.0.scores.fid.value"}
