"""The rows of a run to come: a plugin each, with its options and the host's for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ganbench.config import HOST_OPTIONS, Benchmark, Entry, parse_assignment, with_host_options
from ganbench.errors import GanbenchError, UsageError
from ganbench.registry import Registry, Variant, as_types_of
from ganbench.types import REFERENCE_ROW, AnyDataset, OptionValue

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedEntry:
    """A row to come: its name, its plugin, the plugin's options and the host's for it."""

    name: str
    entry: Entry
    variant: Variant
    options: Mapping[str, OptionValue]
    host_options: Mapping[str, OptionValue]


def resolve_entries(benchmark: Benchmark, registry: Registry, assignments: Sequence[str]) -> list[ResolvedEntry]:
    """The controls and models of a run, each option from the first that sets it: `--set`, the entry, the benchmark's
    options for all, the plugin's default. Raises UsageError or UnknownNameError."""
    names = tuple(dict.fromkeys((*benchmark.controls, *benchmark.plugins)))
    entries = {name: benchmark.entry(name) for name in names}
    variants = {name: _variant(registry, name, entry) for name, entry in entries.items()}
    assigned = _assigned(assignments, names)
    resolved = []
    for name, entry in entries.items():
        variant = variants[name]
        common = {key: value for key, value in benchmark.options.items() if key in variant.info.options}
        wanted = common | entry.options | assigned[name]
        host = {key: value for key, value in wanted.items() if key in HOST_OPTIONS}
        own = {key: value for key, value in wanted.items() if key not in HOST_OPTIONS}
        host_options = as_types_of(benchmark.host_options(), host, name)
        with_host_options(benchmark, host_options)  # raises for a value that is out of range
        resolved.append(ResolvedEntry(name, entry, variant, variant.options(own, name), host_options))
    return resolved


def _variant(registry: Registry, name: str, entry: Entry) -> Variant:
    if name == REFERENCE_ROW:
        raise UsageError(f"the name '{name}' is the row of real images; choose another.")
    return registry.variant(entry.plugin)


def _assigned(assignments: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, OptionValue]]:
    """What `--set` gives each entry."""
    assigned: dict[str, dict[str, OptionValue]] = {name: {} for name in names}
    for assignment in assignments:
        name, option, value = parse_assignment(assignment)
        if name not in assigned:
            raise UsageError(
                f"--set '{assignment}': '{name}' is not in this run, which has {', '.join(names)}; "
                "add it to --plugins or correct the name."
            )
        assigned[name][option] = value
    return assigned


def check_fit(entry: ResolvedEntry, dataset: AnyDataset) -> None:
    """Find out now what would fail hours later: the model is built once without data, on torch's meta device."""
    spec, info = dataset.spec, entry.variant.info
    if spec.kind not in info.data_kinds:
        raise UsageError(
            f"plugin '{info.name}' makes {', '.join(info.data_kinds)}; '{dataset.name}' holds {spec.kind}."
        )
    if spec.kind == "points" and entry.host_options["augment"]:
        raise UsageError(f"{entry.name}: augmentation is for images; '{dataset.name}' holds points.")
    if info.conditional is True and not spec.num_classes:
        raise UsageError(f"plugin '{info.name}' is conditional and needs labels; '{dataset.name}' has none.")
    if spec.kind == "image" and info.resolutions and spec.resolution not in info.resolutions:
        raise UsageError(
            f"plugin '{info.name}' makes images of {', '.join(map(str, info.resolutions))} pixels, "
            f"'{dataset.name}' has {spec.resolution}; choose one of these with --resolution."
        )
    try:
        with torch.device("meta"):
            entry.variant.build_gan(spec, entry.options)
    except UsageError as error:
        raise UsageError(f"{entry.name}: {error}") from error
    except GanbenchError:
        raise
    except Exception as error:  # some plugin may build what has no meta form; it shows when the trial builds it
        log.debug("plugin '%s' cannot be built without data: %s", info.name, error)
