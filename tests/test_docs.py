"""The docs say what the code says: metric cards and the commands that the pages name."""

import re
from pathlib import Path

import numpy as np
import pytest
import typer

from ganbench.cli import model_cards
from ganbench.cli.app import app
from ganbench.cli.metric_cards import card, page
from ganbench.metrics.builtin import ganbench_metrics
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.registry import load_registry
from ganbench.run.plan import RunRequest, plan_run
from ganbench.types import FeatureSet, ImageSet

DOCS = Path(__file__).parent.parent / "docs"
METRICS = ganbench_metrics()


def test_the_page_of_metric_cards_is_what_the_command_prints():
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == page(METRICS)


def test_the_page_of_models_is_what_the_command_prints():
    own = [variant.info for variant in load_registry().variants.values() if variant.source.distribution == "ganbench"]
    assert (DOCS / "models.md").read_text(encoding="utf-8") == model_cards.page(own)


def test_the_benchmark_in_the_docs_can_be_planned(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", (DOCS / "benchmarks.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")
    plan = plan_run(RunRequest(benchmark=str(tmp_path / "my.toml")))
    assert plan.run.configuration["variants"]["slow-d"] == "dcgan"
    assert len(plan.dataset.train) == 1000


@pytest.mark.parametrize("info", METRICS, ids=lambda info: info.id)
def test_every_card_is_complete(info):
    text = card(info)
    for part in ("Direction", "Range", "Needs", "95 % interval", "Choices", "Cost", "Limits", "Paper"):
        assert f"- **{part}**: " in text
    assert info.description.endswith(".")


def test_the_metric_in_the_docs_works():
    text = (DOCS / "evaluate.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "hookimpl" in block]
    module = {}
    exec(code, module)  # noqa: S102  # the page's own example
    features = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    images = ImageInputs(*[ImageSet("x", np.zeros((50, 8, 8, 3), np.uint8))] * 3)
    (info,) = module["ganbench_metrics"]()
    result = info.compute(MetricInputs(images, lambda source: FeatureSet(features)))
    assert result.value == pytest.approx(np.linalg.norm(features, axis=1).mean())
    assert result.ci95[0] < result.value < result.ci95[1]


def command_names():
    group = typer.main.get_command(app)
    return set(group.commands)


@pytest.mark.parametrize("path", sorted([*DOCS.rglob("*.md"), DOCS.parent / "README.md"]), ids=lambda path: path.name)
def test_every_command_that_a_page_names_exists(path):
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|&& )ganbench ([a-z-]+)", text, flags=re.MULTILINE))
    assert named <= command_names()


@pytest.mark.parametrize("path", sorted([*DOCS.rglob("*.md"), DOCS.parent / "README.md"]), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
