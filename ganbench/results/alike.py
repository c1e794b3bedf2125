"""Whether numbers were made alike: only such numbers are averaged, ranked and set beside each other.

Alike means: the same extractor with the same weights and resize, the same protocol with the same deviations from it,
and the same number of samples and of reference images from the same data. The row of held-out real images may have
other numbers of images, since a dataset may hold fewer held-out images than samples were drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ganbench.results.schema import ExtractorRecord, MetricRecord, Run
from ganbench.results.store import RunResults, TrialResults

Differences = dict[str, dict[str, list[str]]]  # setting → its value in words → who has it


def differences(results: RunResults, metric: str) -> Differences:
    """The settings in which a run's numbers of one metric differ, with the plugins of each value; empty if alike.

    run.json counts as one more that names a protocol, so that a board never shows another protocol than its numbers'.
    """
    named = [(item.trial.plugin, item) for item in results.trials]
    return _differing(named, metric, {"protocol": {results.run.protocol: ["run.json"]}})


def differences_between(sides: Mapping[str, Sequence[TrialResults]], metric: str) -> Differences:
    """The settings in which the numbers of several sides differ, as of one model in two runs, by the sides' names."""
    return _differing([(name, item) for name, items in sides.items() for item in items], metric, {})


def _differing(named: Iterable[tuple[str, TrialResults]], metric: str, groups: Differences) -> Differences:
    """What differs among finished trials' numbers, added to what `groups` knows already; empty without any number."""
    found = False
    for name, item in named:
        record = item.metrics.metrics.get(metric) if item.metrics and item.trial.status == "done" else None
        if record is None:
            continue
        found = True
        for setting, value in _settings(item, record).items():
            names = groups.setdefault(setting, {}).setdefault(value, [])
            if name not in names:
                names.append(name)
    return {setting: values for setting, values in groups.items() if len(values) > 1} if found else {}


def describe_differences(found: Differences) -> str:
    """`protocol (ganbench-v1: run.json, dcgan; mimicry-cifar10-v1: sncgan) and samples (100: dcgan; 50: sncgan)`."""
    parts = []
    for setting, values in found.items():
        words = "; ".join(f"{value}: {', '.join(names)}" for value, names in values.items())
        parts.append(f"{setting} ({words})")
    return " and ".join(parts)


def are_alike(trials: Sequence[TrialResults], metric: str) -> bool:
    """Whether the numbers of one plugin's finished training seeds were made alike."""
    ways = {
        tuple(_settings(item, item.metrics.metrics[metric]).items())
        for item in trials
        if item.metrics and metric in item.metrics.metrics
    }
    return len(ways) <= 1


def describe_runs(runs: Sequence[Run]) -> str:
    """A sentence for several runs shown together: that they are ranked apart, and in which settings they differ."""
    settings = {
        "protocol": [run.protocol for run in runs],
        "data": [str(run.configuration.get("dataset_sha256", ""))[:12] for run in runs],
        "extractor": [str(run.configuration.get("extractor", "")) for run in runs],
        "number of samples": [str(run.configuration["benchmark"]["evaluation"].get("num_samples")) for run in runs],
    }
    differing = [
        f"{setting} ({', '.join(dict.fromkeys(values))})"
        for setting, values in settings.items()
        if len(set(values)) > 1
    ]
    sentence = f"This page shows {len(runs)} runs, each ranked by itself."
    if differing:
        return f"{sentence} They differ in {' and '.join(differing)}, so their numbers must not be compared."
    return sentence


def _settings(item: TrialResults, record: MetricRecord) -> dict[str, str]:
    """What the numbers of a column must share, in words."""
    settings = {
        "extractor": _extractor_words(record.extractor, record.canonical),
        "protocol": record.protocol,
        "data": _data_words(item),
        "deviations from the protocol": _deviations(item),
    }
    if item.trial.role != "reference":
        settings["number of samples"] = f"{record.num_samples:,}"
        settings["number of reference images"] = f"{record.num_reference:,}" if record.num_reference else "none"
    return settings


def _extractor_words(extractor: ExtractorRecord | None, canonical: bool) -> str:
    if extractor is None:
        return "none"
    other = "" if canonical else ", not canonical"
    return f"{extractor.name}, {extractor.resize}, weights {extractor.weights_sha256[:12]}{other}"


def _deviations(item: TrialResults) -> str:
    """What metrics.json says of settings in which the protocol was not kept to."""
    told = item.metrics.provenance.get("protocol_deviations") if item.metrics else None
    return " ".join(map(str, told)) if isinstance(told, list) and told else "none"


def _data_words(item: TrialResults) -> str:
    """The hash of the data that metrics.json or trial.json names."""
    for provenance in (item.metrics.provenance if item.metrics else {}, item.trial.provenance):
        dataset = provenance.get("dataset")
        if isinstance(dataset, dict) and dataset.get("sha256"):
            return str(dataset["sha256"])[:12]
    return "unknown"
