"""A protocol in words: what `ganbench protocols NAME` shows and what its page of the documentation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganbench.protocols.record import Protocol, PublishedRow

_SHORT_NAMES = {"is": "IS", "fid": "FID", "kid": "KID", "intra_fid": "Intra-FID"}
_SURFACE = {"<=": "inside", "<": "outside"}


def protocol_json(protocol: Protocol) -> dict[str, Any]:
    """All of a protocol as a JSON value."""
    published = [vars(row) | {"values": dict(row.values)} for row in protocol.published]
    reference = vars(protocol.reference) if protocol.reference else None
    return vars(protocol) | {
        "reference": reference, "metrics": list(protocol.metrics), "published": published,
        "notes": dict(protocol.notes),
    }  # fmt: skip


def settings(protocol: Protocol) -> list[tuple[str, str]]:
    """Name and value in words of each setting that concerns the protocol's metrics."""
    k, surface = protocol.manifold_k, _SURFACE[protocol.manifold_surface]
    lines = [
        ("Extractor", protocol.extractor, ()),
        ("Reference", str(protocol.reference or "as named; for a run, the training split of its data"), ()),
        ("Samples", f"{protocol.num_samples:,}" if protocol.num_samples else "as many as the benchmark says", ()),
        ("Metrics", ", ".join(map(_heading, protocol.metrics)) or "all that `ganbench metrics` calls default", ()),
        ("Inception Score", _count(protocol.is_splits, "split"), ("is",)),
        ("KID", f"{_count(protocol.kid_subsets, 'subset')} of {protocol.kid_subset_size:,}, unbiased", ("kid",)),
        ("Precision and recall", f"k = {k}, a ball's surface {surface}", ("precision", "recall")),
        ("Density and coverage", f"k = {protocol.density_k}, a ball's surface outside", ("density", "coverage")),
        ("Sets of samples", f"{protocol.sampling_seeds} of one trained model" * (protocol.sampling_seeds > 1), ()),
    ]
    return [
        (name, words)
        for name, words, concerned in lines
        if words and (not concerned or not protocol.metrics or set(concerned) & set(protocol.metrics))
    ]


def protocol_page(protocol: Protocol) -> str:
    """The page in Markdown, ending in a newline."""
    parts = [
        f"# {protocol.title} (`{protocol.name}`)",
        protocol.description,
        f"Source: {protocol.source}." if protocol.source else "",
        "## Settings",
        _table(("Setting", "Value"), settings(protocol)),
        *_published(protocol),
        *(["## What is done otherwise here, or worth knowing", _bullets(protocol)] if protocol.notes else []),
        "Numbers of different protocols are never ranked together. A change of any setting makes a new name.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _published(protocol: Protocol) -> list[str]:
    if not protocol.published:
        return []
    columns = list(dict.fromkeys(metric for row in protocol.published for metric in row.values))
    rows = [(_model(row), *(row.values.get(metric, "–") for metric in columns)) for row in protocol.published]
    differing = [f"- {row.model}: {row.differs}." for row in protocol.published if row.differs]
    return [
        "## Published numbers",
        _table(("Model", *map(_heading, columns)), rows),
        "\n".join(["\\* Not of this protocol, so not to be set beside the other rows:\n", *differing])
        if differing
        else "",
        protocol.published_notes,
    ]


def _model(row: PublishedRow) -> str:
    return f"{row.model} \\*" if row.differs else row.model


def _heading(name: str) -> str:
    return _SHORT_NAMES.get(name, name[0].upper() + name[1:].replace("_", " "))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _bullets(protocol: Protocol) -> str:
    return "\n".join(f"- **{_heading(topic)}**: {text}" for topic, text in protocol.notes.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
