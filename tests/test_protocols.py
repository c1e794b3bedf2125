"""Protocols are data: known by name, whole, printed on a page each, and hard to change by accident."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from ganbench.config import PROTOCOL, read_benchmark, sha256_of
from ganbench.errors import UnknownNameError, UsageError
from ganbench.protocols import PROTOCOLS, Protocol, PublishedRow, get_protocol
from ganbench.protocols.page import protocol_json, protocol_page, settings

PAGES = Path(__file__).parent.parent / "docs/protocols"
# A protocol's settings never change under its name: who needs another value makes a new version.
SETTINGS = {
    "ganbench-v1": ("auto", None, (), 10, 100, 1000, 3, "<=", 5),
    "mimicry-cifar10-v1": ("inception", 50_000, ("is", "fid", "kid"), 10, 10, 5000, 3, "<=", 5),
    "studiogan-cifar10-v1": (
        "inception-friendly", 50_000, ("is", "fid", "precision", "recall", "density", "coverage", "intra_fid"), 1, 100,
        1000, 5, "<", 5,
    ),
    "vtgan-2019": ("inception", 1507, ("is",), 10, 100, 1000, 3, "<=", 5),
}  # fmt: skip
NAMES = sorted(PROTOCOLS)


def test_the_settings_are_those_of_their_names():
    got = {
        name: (
            item.extractor, item.num_samples, tuple(item.metrics), item.is_splits, item.kid_subsets,
            item.kid_subset_size, item.manifold_k, item.manifold_surface, item.density_k,
        )
        for name, item in PROTOCOLS.items()
    }  # fmt: skip
    assert got == SETTINGS


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_is_known_by_its_name_and_cannot_be_changed(name):
    protocol = get_protocol(name)
    assert protocol.name == name
    assert protocol.title
    assert protocol.description
    assert protocol.source
    with pytest.raises(FrozenInstanceError):
        protocol.manifold_k = 4
    with pytest.raises(TypeError):
        PROTOCOLS[name] = protocol


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"unknown protocol 'ganbench-v2'\. Did you mean ganbench-v1\?.*mimicry"):
        get_protocol("ganbench-v2")


def test_what_a_protocol_measures_exists():
    from ganbench.registry import load_registry

    registry = load_registry()
    for protocol in PROTOCOLS.values():
        assert set(protocol.metrics) <= set(registry.metrics), protocol.name
        assert {metric for row in protocol.published for metric in row.values} <= set(registry.metrics), protocol.name
        assert protocol.extractor in {"auto", *registry.extractors}, protocol.name


@pytest.mark.parametrize("name", NAMES)
def test_published_numbers_are_numbers_with_at_most_a_spread(name):
    for row in get_protocol(name).published:
        assert row.values
        for text in row.values.values():
            value, _, spread = text.partition(" ± ")
            assert float(value) > 0
            assert not spread or 0 <= float(spread) < float(value)


@pytest.mark.parametrize(
    ("name", "model", "metric", "text"),
    [
        ("mimicry-cifar10-v1", "SNGAN (unconditional)", "fid", "16.77 ± 0.04"),
        ("mimicry-cifar10-v1", "cGAN-PD", "kid", "0.0070 ± 0.0001"),
        ("studiogan-cifar10-v1", "StyleGAN2 + ADA", "density", "1.04"),
        ("studiogan-cifar10-v1", "WGAN-GP", "intra_fid", "119.2"),
        ("vtgan-2019", "VT-GAN, second training", "is", "4.13 ± 0.29"),
    ],
)
def test_published_numbers_are_as_printed(name, model, metric, text):
    rows = {row.model: row.values for row in get_protocol(name).published}
    assert rows[model][metric] == text


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("mimicry-cifar10-v1", "DCGAN"),
        ("studiogan-cifar10-v1", "R3GAN"),
        ("vtgan-2019", "AC-GAN, its own paper"),
        ("vtgan-2019", "real CIFAR-10, the upper bound"),
    ],
)
def test_rows_of_other_settings_say_so(name, model):
    row = next(row for row in get_protocol(name).published if row.model == model)
    assert row.differs
    page = protocol_page(get_protocol(name))
    assert f"| {model} \\* |" in page
    assert f"- {model}: {row.differs}." in page


@pytest.mark.parametrize("name", NAMES)
def test_the_page_in_the_documentation_is_the_one_that_is_printed(name):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert page == protocol_page(get_protocol(name)), f"run: ganbench protocols {name} --markdown > {PAGES}/{name}.md"


def test_there_is_no_page_without_a_protocol():
    assert sorted(path.stem for path in PAGES.glob("*.md")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_json_holds_every_field(name):
    protocol = get_protocol(name)
    content = json.loads(json.dumps(protocol_json(protocol)))
    assert set(content) == set(vars(protocol))
    assert content["published"] == [
        {"model": row.model, "values": dict(row.values), "differs": row.differs} for row in protocol.published
    ]
    assert sha256_of(content) != sha256_of(protocol_json(Protocol(name=name, title=protocol.title)))


def test_the_page_shows_only_settings_that_concern_the_metrics():
    only_is = Protocol("x-v1", "X", metrics=("is",), is_splits=1, sampling_seeds=3)
    assert dict(settings(only_is)) == {
        "Extractor": "auto",
        "Reference": "as named; for a run, the training split of its data",
        "Samples": "as many as the benchmark says",
        "Metrics": "IS",
        "Inception Score": "1 split",
        "Sets of samples": "3 of one trained model",
    }
    surface = dict(settings(Protocol("y-v1", "Y", metrics=("recall",), manifold_surface="<")))
    assert surface["Precision and recall"] == "k = 3, a ball's surface outside"
    assert "KID" not in surface


def test_a_missing_number_is_a_dash():
    rows = (PublishedRow("A", {"is": "3"}), PublishedRow("B", {"fid": "4"}))
    page = protocol_page(Protocol("x-v1", "X", published=rows))
    assert "| A | 3 | – |" in page
    assert "| B | – | 4 |" in page


def test_a_benchmark_of_an_unknown_protocol_is_refused_by_name(tmp_path):
    path = tmp_path / "b.toml"
    text = (
        'name = "b"\ntitle = "B"\nplugins = ["dcgan"]\nprotocol = "{}"\n'
        '[data]\ndataset = "d"\n[training]\nbudget = "1steps"\n'
    )
    path.write_text(text.format("mimicry-cifar10"))
    with pytest.raises(UsageError, match=r"b\.toml: protocol: .*'mimicry-cifar10'.*Did you mean mimicry-cifar10-v1"):
        read_benchmark(path)
    path.write_text(text.format("vtgan-2019"))
    assert read_benchmark(path).protocol == "vtgan-2019"


def test_the_default_protocol_of_benchmarks_is_known():
    assert get_protocol(PROTOCOL).name == PROTOCOL
