"""A protocol's name stands only beside numbers that keep to it: each setting is compared exactly."""

from dataclasses import replace

import pytest

from ganbench.errors import UsageError
from ganbench.protocols import Measured, check_metrics, deviations, get_protocol, reference_deviations

MIMICRY, OWN = get_protocol("mimicry-cifar10-v1"), get_protocol("ganbench-v1")
KEPT = Measured("cifar10", "train", 50_000, 32, 50_000, ("fid", "is"), "inception")


def test_what_keeps_to_a_protocol_has_no_deviation():
    assert deviations(MIMICRY, KEPT) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "cifar10-jpeg"}, "this reference is the dataset 'cifar10-jpeg'"),  # wrong form: startswith
        ({"dataset": "cifar10_fakes"}, "'cifar10_fakes'"),
        ({"dataset": "mnist"}, "'mnist'"),
        ({"dataset": ""}, "no dataset known by name"),
        ({"split": "test"}, "this reference is the test split"),
        ({"num_reference": 49_999}, "this reference holds 49,999"),
        ({"resolution": 64}, "these have 64 a side"),
        ({"num_samples": 10_000}, "measures 50,000 samples; these are 10,000"),
        ({"metrics": ("fid", "precision")}, "how precision is made"),
        ({"extractor": "inception-clean"}, "with inception, not with inception-clean"),
    ],
)
def test_each_broken_setting_is_a_sentence(change, words):
    found = deviations(MIMICRY, replace(KEPT, **change))
    assert len(found) == 1
    assert words in found[0]
    assert found[0].startswith("mimicry-cifar10-v1 ")
    assert deviations(OWN, replace(KEPT, **change)) == []


def test_several_broken_settings_are_all_told():
    broken = replace(KEPT, split="test", num_reference=10_000, num_samples=100)
    assert len(deviations(MIMICRY, broken)) == 3
    assert len(reference_deviations(MIMICRY, broken)) == 2


def test_what_is_not_known_yet_is_not_compared():
    assert deviations(MIMICRY, Measured("cifar10", "train")) == []


def test_a_protocol_without_a_reference_takes_any():
    assert reference_deviations(get_protocol("vtgan-2019"), Measured("mnist", "test", 3)) == []


def test_metrics_outside_a_protocol_are_refused_with_those_it_has():
    with pytest.raises(UsageError, match="measures is, fid, kid only, not precision: choose among"):
        check_metrics(MIMICRY, ["fid", "precision"])
    check_metrics(MIMICRY, ["kid", "is"])
    check_metrics(OWN, ["precision", "anything"])
