"""The docs say what the code says: metric cards and the commands that the pages name."""

import re
from pathlib import Path

import pytest
import typer

from ganbench.cli.app import app
from ganbench.cli.metric_cards import card, page
from ganbench.metrics.builtin import ganbench_metrics

DOCS = Path(__file__).parent.parent / "docs"
METRICS = ganbench_metrics()


def test_the_page_of_metric_cards_is_what_the_command_prints():
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == page(METRICS)


@pytest.mark.parametrize("info", METRICS, ids=lambda info: info.id)
def test_every_card_is_complete(info):
    text = card(info)
    for part in ("Direction", "Range", "Needs", "95 % interval", "Choices", "Cost", "Limits", "Paper"):
        assert f"- **{part}**: " in text
    assert info.description.endswith(".")


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
