import numpy as np

from ganbench.report.stack_chart import stack_chart, stack_of, stack_words


def details(shares, counts=None, shape=(10, 10, 10)):
    total = int(np.prod(shape))
    shares = np.asarray(shares, float)
    counts = (shares * 26_000).round() if counts is None else counts
    return {
        "stack_shape": list(shape),
        "shares": shares.tolist(),
        "real_shares": [1 / total] * total,
        "counts": np.asarray(counts).tolist(),
        "channel_test_accuracy": 0.98,
    }


def half():
    return np.where(np.arange(1000) < 500, 1 / 500, 0.0)


def test_covered_modes_are_those_of_a_tenth_of_the_real_share():
    shares = half()
    shares[0], shares[999] = 0.00009, 0.00011
    stack = stack_of(details(shares))
    assert not stack.covered[0, 0, 0]
    assert stack.covered[9, 9, 9]
    assert stack.covered.sum() == 500


def test_the_chart_tells_its_content_in_words():
    counts = (half() * 26_000).round()
    counts[700] = 1  # a slip of the classifier
    stack = stack_of(details(half(), counts))
    chart = stack_chart(stack)
    assert chart.description.startswith("500 of 1,000 modes covered, 501 seen in one sample or more")
    assert "4: 100, 5: 0" in chart.description
    assert str(chart.svg).startswith("<svg")
    assert str(chart.svg).count("<image") == 10
    words = stack_words(stack, details(half()), 26_000)
    assert words.startswith("500 of 1,000 modes covered by 26,000 samples; 1 more (grey)")
    assert "right on 98.00% of held-out digits" in words


def test_fewer_digits_make_smaller_squares():
    assert stack_of(details(np.full(8, 1 / 8), shape=(2, 2, 2))).covered.all()


def test_what_is_not_stacked_has_no_such_chart():
    assert stack_of({}) is None
    assert stack_of(details(half()) | {"stack_shape": None}) is None
    assert stack_of(details(half()) | {"counts": [1, 2]}) is None
