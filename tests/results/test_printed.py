"""Printed claims: how they are read, and that what a report called 3 % better is a tie."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from ganbench.results.board import build_board
from ganbench.results.printed import Claim, p_value, parse_claim, printed_ties, verdict_on_printed

VTGAN, ACGAN = "4.14 ± 0.20 and 4.13 ± 0.29", "4.02 ± 0.18 and 4.01 ± 0.22"


@pytest.mark.parametrize(
    ("words", "mean", "spread"),
    [
        ("4.14 ± 0.20", 4.14, 0.20),
        (VTGAN, 4.135, math.sqrt((0.2**2 + 0.29**2) / 2)),
        ("28.95 ± .42", 28.95, 0.42),
        ("-0.5 +/- 0.1", -0.5, 0.1),
        ("\N{MINUS SIGN}0.5±0.1 (best of three)", -0.5, 0.1),
    ],
)
def test_claims_are_read(words, mean, spread):
    claim = parse_claim(words)
    assert (claim.mean, claim.spread, claim.words) == (pytest.approx(mean), pytest.approx(spread), words)


@pytest.mark.parametrize("words", ["2.31", "stuck at 0.89", "", "1.49 × AC-GAN's", "4.14 ± unknown"])
def test_what_prints_no_spread_claims_nothing(words):
    assert parse_claim(words) is None


@pytest.mark.parametrize(("a", "b"), [("4.14 ± 0.20", "4.02 ± 0.18"), ("4.13 ± 0.29", "4.01 ± 0.22"), (VTGAN, ACGAN)])
def test_vtgan_against_acgan_is_a_tie(a, b):
    claims = {"VT-GAN": parse_claim(a), "AC-GAN": parse_claim(b)}
    assert p_value(*claims.values()) > 0.5
    assert printed_ties(claims) == [("VT-GAN", "AC-GAN")]


def test_vtgan_against_acgan_is_a_tie_by_the_standard_errors_too():
    """Even as means of ten independent splits, without any variance of training: z = 1.4 once, 1.7 for two each."""
    once = 0.12 / math.sqrt((0.20**2 + 0.18**2) / 10)
    twice = 0.12 / math.sqrt((0.20**2 + 0.29**2 + 0.18**2 + 0.22**2) / 10 / 4)
    assert (once, twice) == (pytest.approx(1.41, abs=0.01), pytest.approx(1.68, abs=0.01))
    assert 2 * stats.norm.sf(twice) > 0.09


def test_the_p_value_is_that_of_a_normal_with_both_spreads():
    assert p_value(Claim(5.0, 0.3, ""), Claim(5.0 + 1.959964 * 0.5, 0.4, "")) == pytest.approx(0.05, rel=1e-5)
    assert p_value(Claim(5.0, 0.0, ""), Claim(6.0, 0.0, "")) is None


def test_clearly_better_claims_are_told_apart_and_many_claims_are_corrected():
    claims = {"a": parse_claim("7.33 ± .02"), "b": parse_claim("7.97 ± .06"), "c": parse_claim("8.12 ± .05")}
    assert p_value(claims["b"], claims["c"]) == pytest.approx(0.0547, abs=1e-3)
    assert printed_ties(claims) == [("b", "c")]
    near = {"a": Claim(1.0, 0.1, ""), "b": Claim(1.3, 0.1, "")}  # p = 0.034
    assert printed_ties(near) == []
    assert printed_ties(near | {"c": Claim(1.15, 0.1, "")}) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_verdicts_in_words():
    a, b, c = parse_claim("4.14 ± 0.20"), parse_claim("4.02 ± 0.18"), parse_claim("9 ± 0.1")
    assert verdict_on_printed("IS", {"VT-GAN": a, "AC-GAN": b}) == (
        "As printed, VT-GAN's IS and AC-GAN's cannot be told apart: 4.14 ± 0.20 against 4.02 ± 0.18 (each ± taken as "
        "one standard deviation of a model's score)."
    )
    assert "against 4.02 ± 0.18; the other pairs differ by more than the spreads (each" in verdict_on_printed(
        "IS", {"VT-GAN": a, "AC-GAN": b, "X": c}
    )
    assert verdict_on_printed("IS", {"VT-GAN": a, "X": c}).startswith(
        "As printed, the IS of VT-GAN, X differ by more than the spreads ("
    )


def test_the_board_of_the_report_says_that_its_printed_difference_is_noise(make):
    records = [make.plugin("vtgan", **{"is": VTGAN, "cost": "1.49"}), make.plugin("acgan", **{"is": ACGAN})]
    trials = [make.trial(name, {"is": make.metric(4.0, 0.1, True, "IS")}) for name in ("acgan", "vtgan")]
    notes = build_board(make.results(*trials, records=records, rank_by="is")).notes
    (note,) = [note for note in notes if note.startswith("As printed")]
    assert "IS and" in note
    assert "cannot be told apart" in note
    assert VTGAN in note
    assert ACGAN in note


def test_one_claim_alone_has_no_verdict(make):
    results = make.results(make.fid("a", 1), records=[make.plugin("a", fid="28.95 ± .42")])
    assert not [note for note in build_board(results).notes if note.startswith("As printed")]
