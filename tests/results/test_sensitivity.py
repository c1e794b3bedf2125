"""Numbers with a known answer: what is seen, from which size on, in which direction."""

import math

import numpy as np
import pytest

from ganbench.results.sensitivity import Sets, direction_of, effect_of, is_luck, luck, respond

CLEAN = Sets((10.0, 11.0, 9.0, 10.5, 9.5, 10.0))  # mean 10, standard deviation 0.707
SPREAD = CLEAN.spread


def around(mean, spread=SPREAD):
    """Three sets of this mean and standard deviation."""
    return Sets((mean - spread, mean, mean + spread))


def answer(*means, higher=False, clean=CLEAN):
    faulty = [(float(i), around(mean)) for i, mean in enumerate(means, start=1)]
    return respond("fid", "drop", 500, clean, faulty, higher)


def test_effects_are_in_spreads_of_a_difference():
    assert effect_of(CLEAN, around(10 + 3 * SPREAD)) == pytest.approx(3 / math.sqrt(2))
    assert effect_of(CLEAN, Sets((10 + 3 * SPREAD,))) == pytest.approx(3 / math.sqrt(2))  # one set varies as clean ones
    assert effect_of(Sets((5.0, 5.0)), Sets((6.0, 6.0))) == math.inf
    assert effect_of(Sets((5.0, 5.0)), Sets((5.0, 5.0 + 1e-12))) == 0


def test_the_test_is_welchs():
    from scipy.stats import ttest_ind

    other = Sets((12.0, 11.5, 13.0))
    assert luck(CLEAN, other) == pytest.approx(ttest_ind(CLEAN.values, other.values, equal_var=False).pvalue)
    assert luck(CLEAN, Sets((10.0,))) == 1
    assert luck(Sets((1.0,)), Sets((2.0,))) == 1
    assert luck(Sets((1.0, 1.0)), Sets((2.0, 2.0))) == pytest.approx(1 / 3)  # of six orders, two are as extreme


def test_sets_that_vary_more_are_not_seen_by_luck_too_often():
    """A past bug: with the variance pooled, 4 % of faults that only add noise were seen, with one set 20 %."""
    rng = np.random.default_rng(0)
    for num_sets, scale in ((3, 3), (3, 5), (1, 2)):
        seen = 0
        for _ in range(2000):
            clean, faulty = Sets(tuple(rng.normal(0, 1, 6))), Sets(tuple(rng.normal(0, scale, num_sets)))
            seen += respond("x", "y", 500, clean, [(1.0, faulty)], None).sizes[0].seen
        assert seen / 2000 < 0.025


def test_counts_that_do_not_vary_need_enough_sets():
    same, other = Sets((10.0,) * 6), Sets((9.0,) * 3)
    assert not is_luck(same, other)
    assert is_luck(same, Sets((9.0,)))
    assert is_luck(Sets((10.0,) * 3), other)


def test_seen_from_the_smallest_size_from_which_on_all_are_seen():
    threshold = 1.96 * math.sqrt(2) * SPREAD
    assert answer(10.1, 10 + 1.6 * threshold, 10 + 2 * threshold).seen_from == 2
    assert answer(10 + 1.6 * threshold, 10.1, 10 + 2 * threshold).seen_from == 3
    assert answer(10 + 0.9 * threshold).seen_from is None


def test_a_largest_size_that_is_not_seen_is_neither_seen_nor_blind():
    found = answer(20.0, 10.0)
    assert found.seen_from is None
    assert not found.blind
    assert not found.monotone
    assert found.direction is None


def test_blind_where_nothing_is_seen():
    found = answer(10.1, 9.9, 10.2)
    assert found.blind
    assert found.seen_from is None
    assert found.monotone


def test_a_metric_that_turns_round_is_seen_only_from_there_on():
    found = answer(5.0, 15.0, 20.0)
    assert found.seen_from == 2
    assert not found.monotone


@pytest.mark.parametrize(
    ("shift", "higher", "expected"),
    [
        (1, False, "worse"),
        (1, True, "better"),
        (-1, False, "better"),
        (-1, True, "worse"),
        (1, None, "up"),
        (-1, None, "down"),
    ],
)
def test_directions(shift, higher, expected):
    assert direction_of(shift, higher) == expected


def test_a_step_back_within_noise_is_monotone():
    assert answer(15.0, 14.9, 20.0).monotone
    assert not answer(20.0, 15.0, 25.0).monotone


def test_a_constant_metric_sees_any_change():
    constant = Sets((10.0,) * 6)
    found = respond("modes", "drop", 500, constant, [(1.0, Sets((9.0,) * 3)), (2.0, Sets((8.0,) * 3))], True)
    assert found.seen_from == 1
    assert found.direction == "worse"
    assert found.monotone


def test_a_support_is_judged_by_its_logarithm():
    clean, fewer = Sets((14000.0, 22000.0, 34000.0, 14000.0)), Sets((2200.0, 2500.0, 2500.0))
    as_support, as_number = (respond(name, "duplicate", 500, clean, [(0.1, fewer)], None) for name in ("birthday", "x"))
    assert as_support.seen_from == 0.1
    assert as_support.direction == "down"
    assert as_number.seen_from is None
    assert respond("birthday", "duplicate", 500, clean, [(0.1, Sets((0.0, 1.0, 0.0)))], None).sizes[0].effect < 0
