"""Whether a benchmark keeps to the protocol that it names, and what a run on other data is measured by instead."""

from __future__ import annotations

from ganbench.config import PROTOCOL, Benchmark
from ganbench.errors import UsageError
from ganbench.protocols import Measured, Protocol, get_protocol, reference_deviations, setting_deviations
from ganbench.types import AnyDataset


def suited_protocol(benchmark: Benchmark, dataset: AnyDataset, other_data: bool) -> tuple[Benchmark, str]:
    """The benchmark, under ganbench-v1 where its protocol is one of other data, and a sentence that says so.

    `other_data`: whether the user asked for other data than the benchmark's. A protocol that compares with one dataset
    holds for that one alone; a published one that names none holds for the data of the benchmark that names it.
    """
    protocol = get_protocol(benchmark.protocol)
    measured = Measured(dataset.name, "train", len(dataset.train), dataset.spec.resolution)
    found = reference_deviations(protocol, measured)
    if protocol.reference is None and other_data:
        found = [f"{protocol.name} was asked for by the benchmark for its own data, not for others."]
    if benchmark.protocol == PROTOCOL or not found:
        return benchmark, ""
    note = f"Measured by {PROTOCOL} instead of {protocol.name}: {' '.join(found)}"
    title = f"{benchmark.title}, measured by {PROTOCOL}"
    return benchmark.model_copy(update={"protocol": PROTOCOL, "title": title}), note


def check_protocol(benchmark: Benchmark, protocol: Protocol) -> None:
    """Refuse a benchmark that breaks the protocol that it names. Raises UsageError with what to change."""
    evaluation = benchmark.evaluation
    extractor = "" if evaluation.extractor == "auto" else evaluation.extractor
    metrics = tuple(dict.fromkeys((*evaluation.metrics, evaluation.rank_by)))
    found = setting_deviations(
        protocol, Measured(num_samples=evaluation.num_samples, metrics=metrics, extractor=extractor)
    )
    if found:
        raise UsageError(
            f"benchmark '{benchmark.name}' names a protocol that it does not keep: {' '.join(found)} Change its "
            f'[evaluation] section, or write protocol = "{PROTOCOL}".'
        )
