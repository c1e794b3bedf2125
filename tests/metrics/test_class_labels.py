"""Classes by name in another numbering, and labels that have no name."""

import numpy as np
import pytest

from ganbench.metrics.class_labels import renumber
from ganbench.types import MetricUnavailableError


def test_names_decide_and_numbers_stay_where_a_side_has_none():
    labels = np.array([0, 1, 1])
    assert renumber(labels, ("cat", "dog"), ("owl", "dog", "cat"), "the data").tolist() == [2, 1, 1]
    assert renumber(labels, (), ("owl", "dog"), "the data").tolist() == [0, 1, 1]
    assert renumber(labels, ("cat", "dog"), (), "the data").tolist() == [0, 1, 1]


@pytest.mark.parametrize("label", [2, 7, -1])
def test_a_label_without_a_name_is_said(label):
    """Wrong: an IndexError, or the last name for -1."""
    with pytest.raises(MetricUnavailableError, match=rf"label {label} of the samples has no name: there are 2"):
        renumber(np.array([0, label]), ("cat", "dog"), ("cat", "dog"), "the data")
