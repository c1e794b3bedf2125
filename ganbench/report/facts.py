"""What is known of a trial, as labelled values: its cost, the trail of hashes behind it, its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ganbench.report.view import Fact, MetricLine
from ganbench.report.words import duration, number, score_words, seconds_per_1000, short_hash
from ganbench.results.schema import MetricRecord, PluginRecord, Run, Trial
from ganbench.results.store import TrialResults


def cost_facts(trial: Trial, cheapest: tuple[str, float] | None, things: str = "images") -> tuple[Fact, ...]:
    """What a trial cost; `cheapest` is the title and the seconds per 1,000 `things` of the run's cheapest model."""
    cost, size = trial.cost, trial.parameters
    model = trial.role == "model"  # the loop runs for a control, but trains nothing
    trained = model and cost.training_seconds > 0
    seconds = seconds_per_1000(cost.images_per_second) if trained else 0.0
    ratio = f" ({seconds / cheapest[1]:.2f} × that of {cheapest[0]}, the cheapest here)" if cheapest and seconds else ""
    facts = [
        Fact("Training", duration(cost.training_seconds) if model else ""),
        Fact("Sampling", duration(cost.sampling_seconds)),
        Fact("Measuring", duration(cost.evaluation_seconds)),
        Fact("Generator steps", number(trial.num_steps, 0) if model else ""),
        Fact(f"Real {things} shown", number(trial.num_images, 0) if model else ""),
        Fact(f"Training per 1,000 {things}", f"{score_words(seconds, None)[0]} s{ratio}" if seconds else ""),
        Fact("Peak memory", f"{cost.peak_memory_mib:,.0f} MiB" if cost.peak_memory_mib else ""),
        Fact("Parameters, generator", number(size.generator, 0) if size else ""),
        Fact("Parameters, discriminator", number(size.discriminator, 0) if size else ""),
        Fact("Device", cost.device),
        Fact("Resumed at step", ", ".join(map(str, trial.resumed_at)) if model else ""),
    ]
    return tuple(fact for fact in facts if fact.value not in ("", "0", "0.0 s"))


def option_facts(trial: Trial, plugin: PluginRecord | None) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """Those that differ from the plugin's defaults, each beside its default, and all. Unknown defaults change nothing.

    Options of the host, which no plugin has defaults for, are changed where the row departs from what all are given.
    """
    defaults, changed = (plugin.defaults, plugin.changed) if plugin is not None else ({}, {})
    options = sorted(trial.options.items())
    facts = [
        Fact(name, f"{value} (default {defaults[name]})" if name in defaults else str(value))
        for name, value in options
        if (value != defaults[name] if name in defaults else name in changed)
    ]
    return tuple(facts), tuple(Fact(name, str(value)) for name, value in options)


def provenance_facts(run: Run, item: TrialResults) -> tuple[Fact, ...]:
    """The hash trail: configuration, plugin, dataset, and what trial.json and metrics.json recorded."""
    plugin = next((plugin for plugin in run.plugins if plugin.name == item.trial.plugin), None)
    trail: dict[str, Any] = {"configuration": run.configuration_sha256}
    if plugin is not None:
        trail["plugin"] = f"{plugin.entry_point} from {plugin.distribution} {plugin.version}, API {plugin.api_version}"
        trail["plugin source"] = plugin.source_sha256
    trail["dataset"] = run.configuration.get("dataset_sha256")
    recorded = item.trial.provenance | (item.metrics.provenance if item.metrics else {})
    trail |= {key: value for key, value in recorded.items() if key not in ("plugin", "dataset", "configuration_sha256")}
    return facts_of(trail)


def facts_of(values: Mapping[str, Any], prefix: str = "") -> tuple[Fact, ...]:
    """Nested JSON as flat facts; hashes shortened for the eye with the whole kept."""
    facts: list[Fact] = []
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_sha256", "").replace("_", " ")
        if isinstance(value, Mapping):
            facts += facts_of(value, f"{name}: ")
        elif isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            facts.append(Fact(name, short_hash(value), value))
        elif value not in (None, "", []):
            facts.append(Fact(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return tuple(facts)


def metric_line(record: MetricRecord) -> MetricLine:
    """One number of a trial in words."""
    value, interval = score_words(record.value, record.ci95)
    extractor = record.extractor
    return MetricLine(
        label=record.label,
        value=value,
        interval=interval,
        method=record.ci95_method,
        num_samples=f"{record.num_samples:,}",
        num_reference="" if record.num_reference is None else f"{record.num_reference:,}",
        extractor=f"{extractor.name}, {extractor.resize}, {short_hash(extractor.weights_sha256)}" if extractor else "",
        protocol=record.protocol,
        seconds=duration(record.seconds),
    )
