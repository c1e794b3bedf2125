from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganbench.report.words import duration, millions, paper_url, score_words, slug


@pytest.mark.parametrize(
    ("value", "interval", "words"),
    [
        (58.7, (56.5, 60.9), ("58.7", "± 2.2")),
        (412.613, (409.5, 415.7), ("412.6", "± 3.1")),
        (0.66, (0.65, 0.67), ("0.660", "± 0.010")),
        (-0.0001, (-0.0021, 0.0019), ("\N{MINUS SIGN}0.0001", "± 0.0020")),
        (-0.00001, (-0.0021, 0.0021), ("0.0000", "± 0.0021")),
        (5.0, (4.0, 9.0), ("5.0", "4.0 \N{EN DASH} 9.0")),
        (10.0, None, ("10", "")),
        (3.14159, None, ("3.142", "")),
        (10.0, (10.0, 10.0), ("10", "± 0")),
        (1234.5, (1000.0, 1469.0), ("1,234", "± 234")),
        (0.0, None, ("0", "")),
    ],
)
def test_a_value_is_given_to_two_digits_of_its_interval(value, interval, words):
    assert score_words(value, interval) == words


@example(5e-324, 0.0, 0.0)
@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_every_finite_score_has_words(value, below, above):
    text, interval = score_words(value, (value - below, value + above))
    assert text
    assert interval


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.42, "0.4 s"), (91.4, "91 s"), (725, "12 min 5 s"), (12000, "3 h 20 min")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(3_576_704, "3.58 M"), (894_176, "894 k"), (1_601, "1,601"), (0, "0")])
def test_parameters(count, words):
    assert millions(count) == words


@pytest.mark.parametrize(
    ("paper", "url"),
    [
        ("Radford 2016, https://arxiv.org/abs/1511.06434.", "https://arxiv.org/abs/1511.06434"),
        ("Miyato et al. 2018, arXiv:1802.05957", "https://arxiv.org/abs/1802.05957"),
        ("javascript:alert(1)", ""),
        ("a book", ""),
    ],
)
def test_only_web_addresses_become_links(paper, url):
    assert paper_url(paper) == url


@given(st.text())
def test_a_slug_is_safe_anywhere(text):
    assert set(slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug(text)


def test_a_large_number_is_not_given_to_ten_thousandths():
    assert score_words(1000.0, (999.9995, 1000.0)) == ("1,000.0", "1,000.0 – 1,000.0")
    assert score_words(254.3127, (254.3, 254.32)) == ("254.31", "254.30 – 254.32")
    assert score_words(8.0, (7.9774, 8.0)) == ("8.000", "7.977 – 8.000")
