"""From what the user asked for to run.json: every name resolved, every option checked, before anything is trained."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

import ganbench
from ganbench.config import Benchmark, explain_validation, parse_budget, parse_entry, sha256_of
from ganbench.errors import UnknownNameError, UsageError
from ganbench.features.choose import choose_extractor
from ganbench.protocols import get_protocol
from ganbench.registry import Registry, load_registry, source_sha256
from ganbench.results.schema import FailedPlugin, PluginRecord, Run
from ganbench.run.entries import ResolvedEntry, fitting, resolve_entries
from ganbench.run.executor import default_num_threads
from ganbench.run.job import load_data
from ganbench.run.measure import choose_metrics, protocol_extractor
from ganbench.run.suited import check_protocol, suited_protocol
from ganbench.types import AnyDataset, Dataset

RECORDED_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "faiss-gpu",
    "faiss-cpu",
    "timm",
    "torch-fidelity",
    "lpips",
)

NO_EXTRACTOR = "none"


@dataclass(frozen=True)
class RunRequest:
    """What `ganbench run` was asked for; None and empty mean what the benchmark says."""

    benchmark: str = "mnist-quick"
    plugins: tuple[str, ...] = ()
    num_seeds: int | None = None
    device: str = "auto"
    budget: str | None = None
    assignments: tuple[str, ...] = ()
    dataset: str | None = None
    resolution: int | None = None
    extractor: str | None = None
    plugin_files: tuple[Path, ...] = ()
    jobs: int = 1
    executor: str = "local"
    out: Path | None = None
    fresh: bool = False


@dataclass(frozen=True)
class RunPlan:
    """A resolved run: its record, its folder's default name and what was loaded on the way."""

    run: Run
    benchmark: Benchmark
    registry: Registry
    dataset: AnyDataset
    plugins: tuple[str, ...]  # the entries' names, controls first
    default_folder: Path = field(default=Path())


def plan_run(request: RunRequest) -> RunPlan:
    """Resolve `request`. Raises UsageError, UnknownNameError, DataError, PluginError or WeightsError."""
    plugin_files = tuple(dict.fromkeys(path.resolve() for path in request.plugin_files))
    registry = load_registry()
    if request.executor not in registry.executors:
        raise UnknownNameError("executor", request.executor, registry.executors)
    from_files = tuple(registry.load_file(path) for path in plugin_files)
    benchmark = _overridden(registry.benchmark(request.benchmark), request, from_files)
    entries = resolve_entries(benchmark, registry, request.assignments)
    dataset = load_data(benchmark.data, registry)
    other_data = benchmark.data != registry.benchmark(request.benchmark).data
    benchmark, protocol_note = suited_protocol(_retitled(benchmark, dataset, request), dataset, other_data)
    protocol = get_protocol(benchmark.protocol)
    metrics = choose_metrics(benchmark.evaluation.metrics, registry, protocol, dataset.spec.kind)
    choose_metrics((benchmark.evaluation.rank_by,), registry, kind=dataset.spec.kind)
    check_protocol(benchmark, protocol)
    if benchmark.evaluation.rank_by not in [info.id for info in metrics]:
        raise UsageError(
            f"benchmark '{benchmark.name}': ranked by {benchmark.evaluation.rank_by}, which is not among its metrics: "
            f"{', '.join(info.id for info in metrics)}. Add it, or rank by one of these."
        )
    extractor, note = _extractor(benchmark, registry, dataset)
    benchmark, entries = fitting(benchmark, entries, dataset)
    configuration = {
        "benchmark": benchmark.model_dump(mode="json"),
        "seeds": benchmark.seeds,
        "device": resolve_device(request.device),
        "variants": {entry.name: entry.variant.name for entry in entries},
        "options": {entry.name: entry.options for entry in entries},
        "host_options": {entry.name: entry.host_options for entry in entries},
        "plugins": {entry.name: entry.variant.source.sha256 for entry in entries},
        "dataset_sha256": dataset.sha256,
        "extractor": extractor,
        "metrics": [info.id for info in metrics],
        "software": {"ganbench": ganbench.__version__, "torch": torch.__version__},
    }
    environment = describe_environment() | {
        "num_threads": default_num_threads(request.jobs),
        "plugin_files": [str(path) for path in plugin_files],
        "num_train": len(dataset.train),
        "num_heldout": len(dataset.test),
        "data_kind": dataset.spec.kind,
        **note,
    }
    if isinstance(dataset, Dataset) and dataset.note:
        environment["data_note"] = dataset.note
    if protocol_note:
        environment["protocol_note"] = protocol_note
    run = _run_record(benchmark, registry, entries, dataset, configuration, environment)
    folder = Path("runs") / f"{_folder_stem(benchmark, dataset, request)}-{run.configuration_sha256[:8]}"
    return RunPlan(run, benchmark, registry, dataset, tuple(entry.name for entry in entries), folder)


def _extractor(benchmark: Benchmark, registry: Registry, dataset: AnyDataset) -> tuple[str, dict[str, str]]:
    """The extractor's name, and what the environment says of it; points are measured without one."""
    asked = benchmark.evaluation.extractor
    if dataset.spec.kind == "points":
        if asked != "auto":
            raise UsageError(f"extractor '{asked}': '{dataset.name}' holds points, which need none; leave it out.")
        return NO_EXTRACTOR, {}
    wanted = protocol_extractor(get_protocol(benchmark.protocol), asked)
    extractor, reason = choose_extractor(wanted, list(registry.extractors.values()))
    return extractor.name, {"extractor_note": reason}


def _run_record(
    benchmark: Benchmark,
    registry: Registry,
    entries: Sequence[ResolvedEntry],
    dataset: AnyDataset,
    configuration: dict[str, Any],
    environment: dict[str, Any],
) -> Run:
    return Run(
        ganbench_version=ganbench.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        benchmark=benchmark.name,
        title=benchmark.title,
        protocol=benchmark.protocol,
        configuration=configuration,
        configuration_sha256=sha256_of(configuration),
        environment=environment,
        plugins=[_plugin_record(entry) for entry in entries],
        failed_plugins=[
            FailedPlugin(
                entry_point=failure.source.entry_point, distribution=failure.source.distribution,
                stage=failure.stage, error=failure.error,
            )
            for failure in registry.failures
        ],
        class_names=list(dataset.class_names),
    )  # fmt: skip


def _overridden(benchmark: Benchmark, request: RunRequest, from_files: tuple[str, ...]) -> Benchmark:
    """The benchmark with the command line's choices laid over it, checked again as a whole."""
    content = benchmark.model_dump()
    asked = [parse_entry(text) for text in request.plugins]
    names = tuple(name for name, _ in asked) or benchmark.plugins
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UsageError(f"--plugins names '{twice[0]}' twice; NAME={twice[0]} runs it again under another name.")
    content["plugins"] = tuple(dict.fromkeys((*names, *from_files)))
    for name, plugin in asked:
        if name != plugin:  # what a source printed of an entry, and its title, are that entry's alone
            content["entries"][name] = benchmark.entry(plugin).model_dump() | {"title": "", "published": {}}
    if request.num_seeds is not None:
        content["seeds"] = request.num_seeds
    if request.budget is not None:
        content["training"]["budget"] = str(parse_budget(request.budget))
        for entry in content["entries"].values():
            if entry["options"].pop("budget", None) and entry["title"]:
                entry["title"] += f", here {content['training']['budget']}"
    if request.dataset is not None:
        content["data"]["dataset"] = absolute_dataset(request.dataset)
    if request.resolution is not None:
        content["data"]["resolution"] = request.resolution
    if request.extractor is not None:
        content["evaluation"]["extractor"] = request.extractor
    try:
        return Benchmark.model_validate(content)
    except ValidationError as error:
        raise UsageError(explain_validation(error)) from error


def _retitled(benchmark: Benchmark, dataset: AnyDataset, request: RunRequest) -> Benchmark:
    """On other data the benchmark's own title would be untrue: name the data, and where the settings come from."""
    if request.dataset is None and request.resolution is None:
        return benchmark
    spec = dataset.spec
    size = f"{spec.resolution}×{spec.resolution}" if spec.kind == "image" else "points"
    title = f"{_short_name(dataset)}, {size}, with the settings of {benchmark.name}"
    return benchmark.model_copy(update={"title": title, "description": ""})


def _folder_stem(benchmark: Benchmark, dataset: AnyDataset, request: RunRequest) -> str:
    if request.dataset is None:
        return benchmark.name
    return re.sub(r"[^a-z0-9]+", "-", _short_name(dataset).lower()).strip("-") or "run"


def _short_name(dataset: AnyDataset) -> str:
    """`photos` for `folder:/home/me/photos`."""
    name, _, place = dataset.name.partition(":")
    return Path(place).name or name


def absolute_dataset(text: str) -> str:
    """`folder:PATH` with PATH made absolute, since a trial's process may stand elsewhere; names stay as they are.

    Links are not followed: what the user called the data is what the board calls them.
    """
    scheme, separator, path = text.partition(":")
    if not separator or not path:
        return text
    return f"{scheme}:{os.path.abspath(Path(path).expanduser())}"  # noqa: PTH100  resolve() would follow links


def resolve_device(name: str) -> str:
    """`auto` is the GPU where there is one. Raises UsageError for a device that torch cannot use."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: torch cannot use it on this machine. Try --device auto or cpu.") from error
    return name


def describe_environment() -> dict[str, Any]:
    """What ran where: interpreter, system, packages, and the hash of ganbench's own source."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": _package_versions(),
        "ganbench_source_sha256": source_sha256(ganbench),
    }


def _package_versions() -> Mapping[str, str]:
    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _plugin_record(entry: ResolvedEntry) -> PluginRecord:
    variant, source, info = entry.variant, entry.variant.source, entry.variant.info
    return PluginRecord(
        name=entry.name, variant=variant.name, entry_point=source.entry_point, distribution=source.distribution,
        version=source.version, api_version=source.api_version, source_sha256=source.sha256,
        title=entry.title, paper=info.paper, description=info.description,
        published=entry.entry.published, defaults=dict(info.options), changed=dict(entry.changed),
    )  # fmt: skip
