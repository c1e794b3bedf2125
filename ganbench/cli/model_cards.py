"""The page of models for the docs: each variant with its paper, what it needs and its defaults; each option once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ganbench.config import HOST_OPTIONS
from ganbench.registry import option_words
from ganbench.types import ModelInfo

_PREAMBLE = """\
# Models

Made by `ganbench plugins --markdown`; `ganbench plugins NAME` shows one with its options. An option is set with
`--set NAME.OPTION=VALUE`, or in a benchmark's entry. Sides are in pixels; every model makes grey and colour images.
"""
_LABELS = {True: "needs labels", False: "no labels", "if labelled": "labels where the data have some"}
_MAX_SIZES = 6


def page(infos: Iterable[ModelInfo]) -> str:
    """All models and their options in Markdown."""
    models = [info for info in infos if not info.control]
    parts = [_PREAMBLE, *(card(info) for info in models), _options(models)]
    return "\n".join(parts)


def card(info: ModelInfo) -> str:
    """One model."""
    sizes = ", ".join(map(str, info.resolutions[:_MAX_SIZES])) + (", …" if len(info.resolutions) > _MAX_SIZES else "")
    facts = {
        "Paper": f"<{info.paper}>" if info.paper else "",
        "Data": f"{', '.join(info.data_kinds)}; {_LABELS[info.conditional]}; sides: {sizes or 'any'}",
        "Defaults": ", ".join(f"`{name}={option_words(value)}`" for name, value in info.options.items()),
    }
    lines = [f"## {info.title} (`{info.name}`)", "", info.description, ""]
    lines += [f"- **{name}**: {text}" for name, text in facts.items() if text]
    return "\n".join(lines) + "\n"


def _options(models: Sequence[ModelInfo]) -> str:
    """Each option with its usual meaning, and the models in which it means something else."""
    meanings: dict[str, dict[str, list[str]]] = {}
    for info in models:
        for name, meaning in info.option_help.items():
            meanings.setdefault(name, {}).setdefault(meaning, []).append(info.name)
    rows = {name: _meaning(found) for name, found in sorted(meanings.items())}
    return "\n".join(
        [
            "## Options", "", *_table(rows), "",
            "Every model has these too; the host carries them out, and the benchmark gives their defaults:", "",
            *_table(HOST_OPTIONS), "",
        ]
    )  # fmt: skip


def _meaning(found: Mapping[str, Sequence[str]]) -> str:
    """`usual meaning; wgan: another`, from the models of each meaning."""
    usual, *others = sorted(found, key=lambda meaning: len(found[meaning]), reverse=True)
    return "; ".join([usual, *(f"{', '.join(found[meaning])}: {meaning}" for meaning in others)])


def _table(rows: dict[str, str]) -> list[str]:
    cells = [f"| `{name}` | {meaning.replace('|', chr(92) + '|')} |" for name, meaning in rows.items()]
    return ["| option | meaning |", "|---|---|", *cells]
