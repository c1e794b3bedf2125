"""From what the user asked for to run.json: every name resolved, every option checked, before anything is trained."""

from __future__ import annotations

import logging
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

import ganbench
from ganbench.config import Benchmark, explain_validation, parse_assignment, parse_budget, sha256_of
from ganbench.data.load import default_root, load_dataset
from ganbench.errors import GanbenchError, UnknownNameError, UsageError
from ganbench.features.choose import choose_extractor
from ganbench.protocols import get_protocol
from ganbench.registry import Registry, Variant, load_registry, source_sha256
from ganbench.results.schema import FailedPlugin, PluginRecord, Run
from ganbench.run.executor import default_num_threads
from ganbench.run.measure import choose_metrics, protocol_extractor
from ganbench.run.suited import check_protocol, suited_protocol
from ganbench.types import Dataset, Options, OptionValue

log = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class RunRequest:
    """What `ganbench run` was asked for; None and empty mean what the benchmark says."""

    benchmark: str = "mnist-quick"
    plugins: tuple[str, ...] = ()
    num_seeds: int = 1
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
    dataset: Dataset
    plugins: tuple[str, ...]  # controls first
    default_folder: Path = field(default=Path())


def plan_run(request: RunRequest) -> RunPlan:
    """Resolve `request`. Raises UsageError, UnknownNameError, DataError, PluginError or WeightsError."""
    plugin_files = tuple(dict.fromkeys(path.resolve() for path in request.plugin_files))
    registry = load_registry()
    if request.executor not in registry.executors:
        raise UnknownNameError("executor", request.executor, registry.executors)
    from_files = tuple(registry.load_file(path) for path in plugin_files)
    benchmark = _overridden(registry.benchmark(request.benchmark), request, from_files)
    plugins = tuple(dict.fromkeys((*benchmark.controls, *benchmark.plugins)))
    variants = [registry.variant(name) for name in plugins]
    options = _resolve_options(variants, benchmark, request.assignments)
    if benchmark.evaluation.rank_by not in registry.metrics:
        raise UnknownNameError("metric", benchmark.evaluation.rank_by, registry.metrics)
    dataset = load_dataset(benchmark.data.dataset, registry.datasets, benchmark.data.resolution, default_root())
    other_data = benchmark.data != registry.benchmark(request.benchmark).data
    benchmark, protocol_note = suited_protocol(_retitled(benchmark, dataset, request), dataset, other_data)
    protocol = get_protocol(benchmark.protocol)
    metrics = choose_metrics(benchmark.evaluation.metrics, registry, protocol)
    check_protocol(benchmark, protocol)
    extractor, reason = choose_extractor(
        protocol_extractor(protocol, benchmark.evaluation.extractor), list(registry.extractors.values())
    )
    for variant in variants:
        _check_fit(variant, dataset, options[variant.name])
    configuration = {
        "benchmark": benchmark.model_dump(mode="json"),
        "seeds": request.num_seeds,
        "device": resolve_device(request.device),
        "options": options,
        "plugins": {variant.name: variant.source.sha256 for variant in variants},
        "dataset_sha256": dataset.sha256,
        "extractor": extractor.name,
        "metrics": [info.id for info in metrics],
        "software": {"ganbench": ganbench.__version__, "torch": torch.__version__},
    }
    environment = (
        describe_environment()
        | {
            "num_threads": default_num_threads(request.jobs),
            "plugin_files": [str(path) for path in plugin_files],
            "extractor_note": reason,
        }
        | ({"protocol_note": protocol_note} if protocol_note else {})
    )
    run = Run(
        ganbench_version=ganbench.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        benchmark=benchmark.name,
        title=benchmark.title,
        protocol=benchmark.protocol,
        configuration=configuration,
        configuration_sha256=sha256_of(configuration),
        environment=environment,
        plugins=[_plugin_record(variant) for variant in variants],
        failed_plugins=[
            FailedPlugin(
                entry_point=failure.source.entry_point, distribution=failure.source.distribution,
                stage=failure.stage, error=failure.error,
            )
            for failure in registry.failures
        ],
        class_names=list(dataset.class_names),
    )  # fmt: skip
    folder = Path("runs") / f"{_folder_stem(benchmark, dataset, request)}-{run.configuration_sha256[:8]}"
    return RunPlan(run, benchmark, registry, dataset, plugins, folder)


def _overridden(benchmark: Benchmark, request: RunRequest, from_files: tuple[str, ...]) -> Benchmark:
    """The benchmark with the command line's choices laid over it, checked again as a whole."""
    content = benchmark.model_dump()
    content["plugins"] = tuple(dict.fromkeys((*(request.plugins or benchmark.plugins), *from_files)))
    if request.budget is not None:
        content["training"]["budget"] = str(parse_budget(request.budget))
    if request.dataset is not None:
        content["data"] |= {"dataset": absolute_dataset(request.dataset), "resolution": None}  # as stored
    if request.resolution is not None:
        content["data"]["resolution"] = request.resolution
    if request.extractor is not None:
        content["evaluation"]["extractor"] = request.extractor
    try:
        return Benchmark.model_validate(content)
    except ValidationError as error:
        raise UsageError(explain_validation(error)) from error


def _retitled(benchmark: Benchmark, dataset: Dataset, request: RunRequest) -> Benchmark:
    """On other data the benchmark's own title would be untrue: name the data, and where the settings come from."""
    if request.dataset is None and request.resolution is None:
        return benchmark
    spec = dataset.spec
    title = f"{_short_name(dataset)}, {spec.resolution}×{spec.resolution}, with the settings of {benchmark.name}"
    return benchmark.model_copy(update={"title": title, "description": ""})


def _folder_stem(benchmark: Benchmark, dataset: Dataset, request: RunRequest) -> str:
    if request.dataset is None:
        return benchmark.name
    return re.sub(r"[^a-z0-9]+", "-", _short_name(dataset).lower()).strip("-") or "run"


def _short_name(dataset: Dataset) -> str:
    """`photos` for `folder:/home/me/photos`."""
    name, _, place = dataset.name.partition(":")
    return Path(place).name or name


def absolute_dataset(text: str) -> str:
    """`folder:PATH` with PATH made absolute, since a trial's process may stand elsewhere; names stay as they are."""
    scheme, separator, path = text.partition(":")
    return f"{scheme}:{Path(path).expanduser().resolve()}" if separator and path else text


def _resolve_options(
    variants: Sequence[Variant], benchmark: Benchmark, assignments: Sequence[str]
) -> dict[str, dict[str, OptionValue]]:
    """Options of each plugin: its defaults, the benchmark's common ones, the benchmark's for it, then `--set`."""
    chosen: dict[str, dict[str, OptionValue]] = {}
    for variant in variants:
        common = {name: value for name, value in benchmark.options.items() if name in variant.info.options}
        chosen[variant.name] = common | benchmark.plugin_options.get(variant.name, {})
    for assignment in assignments:
        plugin, option, value = parse_assignment(assignment)
        if plugin not in chosen:
            raise UsageError(
                f"--set '{assignment}': '{plugin}' is not in this run, which has {', '.join(chosen)}; "
                "add it to --plugins or correct the name."
            )
        chosen[plugin][option] = value
    return {variant.name: variant.options(chosen[variant.name]) for variant in variants}


def _check_fit(variant: Variant, dataset: Dataset, options: Options) -> None:
    """Find out now what would fail hours later: the model is built once without data, on torch's meta device."""
    spec, info = dataset.spec, variant.info
    if spec.kind not in info.data_kinds:
        raise UsageError(
            f"plugin '{info.name}' makes {', '.join(info.data_kinds)}; '{dataset.name}' holds {spec.kind}."
        )
    if info.conditional is True and not spec.num_classes:
        raise UsageError(f"plugin '{info.name}' is conditional and needs labels; '{dataset.name}' has none.")
    try:
        with torch.device("meta"):
            variant.build_gan(spec, options)
    except GanbenchError:
        raise
    except Exception as error:  # some plugin may build what has no meta form; it shows when the trial builds it
        log.debug("plugin '%s' cannot be built without data: %s", info.name, error)


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


def _plugin_record(variant: Variant) -> PluginRecord:
    source, info = variant.source, variant.info
    return PluginRecord(
        name=variant.name, entry_point=source.entry_point, distribution=source.distribution, version=source.version,
        api_version=source.api_version, source_sha256=source.sha256, title=info.title, paper=info.paper,
        description=info.description,
    )  # fmt: skip
