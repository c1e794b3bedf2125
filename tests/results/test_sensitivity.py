"""Numbers with a known answer: what is seen, from which size on, in which direction."""

import math

import numpy as np
import pytest

from ganbench.results.sensitivity import Sets, direction_of, is_luck, is_seen, luck, num_told, respond

CLEAN = Sets((10.0, 11.0, 9.0, 10.5, 9.5, 10.0))  # mean 10, standard deviation 0.707
SPREAD = CLEAN.spread


def around(mean, spread=SPREAD):
    """Three sets of this mean and standard deviation."""
    return Sets((mean - spread, mean, mean + spread))


def answer(*means, higher=False, clean=CLEAN):
    faulty = [(float(i), around(mean)) for i, mean in enumerate(means, start=1)]
    return respond("fid", "drop", 500, clean, faulty, higher)


def test_a_set_is_told_outside_of_where_a_new_clean_one_would_lie():
    from scipy.stats import t

    half = t.ppf(0.975, 5) * SPREAD * math.sqrt(7 / 6)
    assert num_told(CLEAN, Sets((10 + 1.01 * half, 10 + 0.99 * half, 10 - 1.01 * half))) == 1
    assert num_told(CLEAN, Sets((10 - 1.01 * half, 10 - 2 * half, 10 + 2 * half))) == -2
    single = t.ppf(0.9995, 5) * SPREAD * math.sqrt(7 / 6)
    assert num_told(CLEAN, Sets((10 + 0.99 * single,))) == 0
    assert num_told(CLEAN, Sets((10 - 1.01 * single,))) == -1
    assert num_told(Sets((5.0, 5.0)), Sets((5.0, 5.0 + 1e-12))) == 0


def test_four_of_five_sets_must_be_told_on_one_side():
    far = 10 + 10 * SPREAD
    assert is_seen(CLEAN, Sets((far, far, far, far, 10.0)))
    assert not is_seen(CLEAN, Sets((far, far, far, 10.0, 10.0)))
    assert not is_seen(CLEAN, Sets((far, far, 10.0)))
    assert not is_seen(CLEAN, Sets((far, far, -far)))


def test_a_fault_whose_effect_differs_from_set_to_set_is_seen():
    """A past bug: the spread of the effect counted as noise, and FID was blind to seven of ten classes dropped."""
    assert is_seen(Sets((12.1, 12.4, 12.2, 12.6, 12.3, 12.0)), Sets((95.0, 128.0, 160.0)))


def test_the_test_is_welchs():
    from scipy.stats import ttest_ind

    other = Sets((12.0, 11.5, 13.0))
    assert luck(CLEAN, other) == pytest.approx(ttest_ind(CLEAN.values, other.values, equal_var=False).pvalue)
    assert luck(CLEAN, Sets((10.0,))) == 1
    assert luck(Sets((1.0,)), Sets((2.0,))) == 1
    assert luck(Sets((1.0, 1.0)), Sets((2.0, 2.0))) == pytest.approx(1 / 3)  # of six orders, two are as extreme


def test_sets_that_vary_more_are_not_seen_by_luck_too_often():
    """A past bug: with means tested by a pooled variance, of single sets that only vary more 20 % were seen."""
    rng = np.random.default_rng(0)
    for num_sets, scale in ((3, 1), (3, 3), (5, 3), (1, 2)):
        seen = 0
        for _ in range(2000):
            clean, faulty = Sets(tuple(rng.normal(0, 1, 6))), Sets(tuple(rng.normal(0, scale, num_sets)))
            seen += respond("x", "y", 500, clean, [(1.0, faulty)], None).sizes[0].seen
        assert seen / 2000 < (0.005 if scale == 1 else 0.05)


def test_counts_that_do_not_vary_need_enough_sets():
    same, other = Sets((10.0,) * 6), Sets((9.0,) * 3)
    assert not is_luck(same, other)
    assert is_luck(same, Sets((9.0,)))
    assert is_luck(Sets((10.0,) * 3), other)


def test_seen_from_the_smallest_size_from_which_on_all_are_seen():
    threshold = 2.78 * SPREAD
    assert answer(10.1, 10 + 1.4 * threshold, 10 + 2 * threshold).seen_from == 2
    assert answer(10 + 1.4 * threshold, 10.1, 10 + 2 * threshold).seen_from == 3
    assert answer(10 + 1.3 * threshold).seen_from is None  # the lowest of the three sets is not told


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
    assert respond("birthday", "duplicate", 500, clean, [(0.1, Sets((0.0, 1.0, 0.0)))], None).blind


def test_one_set_of_a_number_that_never_varies_decides_nothing():
    found = respond("modes", "blur", 10000, Sets((10.0,) * 6), [(2.0, Sets((1.0,)))], True)
    assert found.undecided
    assert not found.blind
    assert found.seen_from is None
