"""A run carries the name of a published protocol only where it keeps to it: its data, counts, metrics and extractor."""

from dataclasses import replace

import numpy as np
import pytest

from ganbench.config import Benchmark
from ganbench.errors import UsageError
from ganbench.registry import Registry
from ganbench.results.board import build_board
from ganbench.results.store import RunResults
from ganbench.run import plan as planning
from ganbench.run.plan import RunRequest, plan_run
from ganbench.types import Dataset, DataSpec, ImageSet

CIFAR10 = Dataset(
    "cifar10",
    DataSpec("image", 3, 32, num_classes=10),
    ImageSet("train", np.zeros((50_000, 32, 32, 3), np.uint8), np.zeros(50_000, np.int64)),
    ImageSet("test", np.zeros((5, 32, 32, 3), np.uint8), np.zeros(5, np.int64)),
)
CIFAR10.train.__dict__["sha256"] = "c1" * 32  # so that the tests need not hash 150 MB


@pytest.fixture
def call(monkeypatch):
    def plan(protocol="mimicry-cifar10-v1", dataset=CIFAR10, changed=None, **evaluation):
        benchmark = Benchmark.model_validate(
            {
                "name": "b", "title": "B", "protocol": protocol, "plugins": ["dcgan"], "controls": [],
                "data": {"dataset": "cifar10"}, "training": {"budget": "3steps"},
                "evaluation": {"num_samples": 50_000, **evaluation},
            }
        )  # fmt: skip
        monkeypatch.setattr(Registry, "benchmark", lambda self, name: benchmark)
        monkeypatch.setattr(planning, "load_data", lambda *arguments: dataset)
        monkeypatch.setattr(planning, "choose_extractor", lambda name, infos: (infos[0], f"{name}: asked for"))
        return plan_run(RunRequest(**(changed or {})))

    return plan


def test_a_benchmark_that_keeps_to_its_protocol_has_its_name(call):
    plan = call()
    assert plan.run.protocol == "mimicry-cifar10-v1"
    assert plan.run.title == "B"
    assert plan.run.configuration["metrics"] == ["is", "fid", "kid"]
    assert "protocol_note" not in plan.run.environment
    assert plan.run.environment["extractor_note"] == "inception: asked for"


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        ({"num_samples": 2500}, "measures 50,000 samples; these are 2,500.*protocol = \"ganbench-v1\""),
        ({"metrics": ["fid", "precision"]}, "measures is, fid, kid only, not precision.*ganbench-v1"),
        ({"metrics": ["all"]}, "measures is, fid, kid only, not .*ganbench-v1"),
        ({"rank_by": "precision"}, "how precision is made"),
        ({"extractor": "efficientnet-lite0"}, "not with efficientnet-lite0.*ganbench-v1"),
    ],
)  # fmt: skip
def test_a_benchmark_that_breaks_its_protocol_is_refused(call, evaluation, words):
    with pytest.raises(UsageError, match=words):
        call(**evaluation)
    if "extractor" not in evaluation and evaluation.get("metrics") != ["all"]:
        assert call("ganbench-v1", **evaluation).run.protocol == "ganbench-v1"


SMALL = replace(CIFAR10, train=CIFAR10.train.subset(np.arange(100)))


@pytest.mark.parametrize(
    ("dataset", "changed", "words"),
    [
        (replace(SMALL, name="cifar10-jpeg"), {"dataset": "cifar10-jpeg"}, "the dataset 'cifar10-jpeg'"),
        (replace(SMALL, name="cifar10-jpeg"), {}, "the dataset 'cifar10-jpeg'"),  # the benchmark's own
        (SMALL, {}, "this reference holds 100"),
        (replace(CIFAR10, spec=DataSpec("image", 3, 64, num_classes=10)), {"resolution": 64}, "64 a side"),
    ],
)
def test_on_other_data_a_run_is_measured_by_ganbenchs_own_protocol_and_says_so(call, dataset, changed, words):
    run = call(dataset=dataset, changed=changed, num_samples=2500, metrics=["precision", "fid"]).run
    assert run.protocol == run.configuration["benchmark"]["protocol"] == "ganbench-v1"
    assert run.title.endswith(", measured by ganbench-v1")
    notes = build_board(RunResults(None, run, [])).notes
    assert any(note.startswith("Measured by ganbench-v1 instead of mimicry-cifar10-v1: ") for note in notes)
    assert any(words in note for note in notes)


def test_a_protocol_without_a_reference_holds_for_the_data_of_its_benchmark_only(call):
    assert call("vtgan-2019", SMALL, num_samples=1507, rank_by="is").run.protocol == "vtgan-2019"
    elsewhere = call("vtgan-2019", SMALL, {"dataset": "mnist"}, num_samples=1507, rank_by="is").run
    assert elsewhere.protocol == "ganbench-v1"
    assert "vtgan-2019" in elsewhere.environment["protocol_note"]
