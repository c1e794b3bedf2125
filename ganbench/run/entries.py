"""The rows of a run to come: a plugin each, with its options and the host's for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ganbench.config import HOST_OPTIONS, Benchmark, Entry, parse_assignment, with_host_options
from ganbench.errors import GanbenchError, UnknownNameError, UsageError
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
    changed: Mapping[str, OptionValue]  # of both, those that are not what every row is given

    @property
    def title(self) -> str:
        """Its own, or the plugin's; under another name than the plugin's, with that name."""
        title = self.variant.info.title
        return self.entry.title or (title if self.name == self.variant.name else f"{title} · {self.name}")


def resolve_entries(benchmark: Benchmark, registry: Registry, assignments: Sequence[str]) -> list[ResolvedEntry]:
    """The controls and models of a run, each option from the first that sets it: `--set`, the entry, the benchmark's
    options for all, the plugin's default. Raises UsageError or UnknownNameError."""
    names = tuple(dict.fromkeys((*benchmark.controls, *benchmark.plugins)))
    entries = {name: benchmark.entry(name) for name in names}
    variants = {name: _variant(registry, name, entry) for name, entry in entries.items()}
    assigned = _assigned(assignments, names)
    _check_common_options(benchmark, registry)
    resolved = []
    for name, entry in entries.items():
        variant = variants[name]
        common = {key: value for key, value in benchmark.options.items() if key in variant.info.options}
        wanted = common | entry.options | assigned[name]
        host = {key: value for key, value in wanted.items() if key in HOST_OPTIONS}
        own = {key: value for key, value in wanted.items() if key not in HOST_OPTIONS}
        host_options = as_types_of(benchmark.host_options(), host, name)
        try:
            with_host_options(benchmark, host_options)
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from error
        options = variant.options(own, name)
        given = {**variant.info.options, **common, **benchmark.host_options()}
        changed = {key: value for key, value in {**options, **host_options}.items() if value != given[key]}
        resolved.append(ResolvedEntry(name, entry, variant, options, host_options, changed))
    return resolved


def _variant(registry: Registry, name: str, entry: Entry) -> Variant:
    """The plugin of an entry. Raises UsageError, UnknownNameError or PluginError."""
    if name == REFERENCE_ROW:
        raise UsageError(f"the name '{name}' is the row of real images; choose another.")
    return registry.variant(entry.plugin)


def _check_common_options(benchmark: Benchmark, registry: Registry) -> None:
    """Raises UnknownNameError for an option in the benchmark's [options] that no model at all has."""
    known = {name for variant in registry.variants.values() for name in variant.info.options}
    for name in benchmark.options:
        if name not in known:
            raise UnknownNameError("option of [options]", name, known)


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


def fitting(
    benchmark: Benchmark, entries: Sequence[ResolvedEntry], dataset: AnyDataset
) -> tuple[Benchmark, list[ResolvedEntry]]:
    """Without the controls that such data do not allow, as half of the classes where there are none.

    Raises what `check_fit` does.
    """
    controls = set(benchmark.controls) - set(benchmark.plugins)
    fit = [entry for entry in entries if entry.name not in controls or not _unfit(entry, dataset)]
    for entry in fit:
        check_fit(entry, dataset)
    names = {entry.name for entry in fit}
    return benchmark.model_copy(update={"controls": tuple(n for n in benchmark.controls if n in names)}), fit


def check_fit(entry: ResolvedEntry, dataset: AnyDataset) -> None:
    """Find out now what would fail hours later: the model is built once without data, on torch's meta device."""
    spec, info = dataset.spec, entry.variant.info
    if reason := _unfit(entry, dataset):
        raise UsageError(reason)
    if spec.kind == "points" and entry.host_options["augment"]:
        raise UsageError(f"{entry.name}: augmentation is for images; '{dataset.name}' holds points.")
    try:
        with torch.device("meta"):
            entry.variant.build_gan(spec, entry.options)
    except UsageError as error:
        raise UsageError(f"{entry.name}: {error}") from error
    except GanbenchError:
        raise
    except Exception as error:  # some plugin may build what has no meta form; it shows when the trial builds it
        log.debug("plugin '%s' cannot be built without data: %s", info.name, error)


def _unfit(entry: ResolvedEntry, dataset: AnyDataset) -> str:
    """Why the plugin cannot have such data, whatever its options; empty if it can."""
    spec, info = dataset.spec, entry.variant.info
    if spec.kind not in info.data_kinds:
        return f"plugin '{info.name}' makes {', '.join(info.data_kinds)}; '{dataset.name}' holds {spec.kind}."
    if info.conditional is True and not spec.num_classes:
        return f"plugin '{info.name}' is conditional and needs labels; '{dataset.name}' has none."
    if (spec.num_classes or 0) < info.min_classes:
        return (
            f"plugin '{info.name}' needs labels of {info.min_classes} classes or more; '{dataset.name}' has "
            f"{spec.num_classes or 'none'}."
        )
    if spec.kind == "image" and info.resolutions and spec.resolution not in info.resolutions:
        return (
            f"plugin '{info.name}' makes images of {', '.join(map(str, info.resolutions))} pixels, "
            f"'{dataset.name}' has {spec.resolution}; choose one of these with --resolution."
        )
    return ""
