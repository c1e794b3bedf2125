"""Finding plugins: every entry point of the group `ganbench` is loaded on its own, so a broken one stops no other.

Built-in variants, datasets, extractors, metrics and benchmarks come through the same entry points as anyone else's.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from ganbench import hookspecs
from ganbench.config import HOST_OPTIONS, Benchmark, read_benchmark
from ganbench.errors import PluginError, UnknownNameError, UsageError
from ganbench.hookspecs import MODEL_HOOKS, PROJECT
from ganbench.types import (
    API_VERSION,
    REFERENCE_ROW,
    Batch,
    DatasetInfo,
    DataSpec,
    ExecutorInfo,
    ExtractorInfo,
    MetricInfo,
    ModelInfo,
    Options,
    OptionValue,
    ReportSection,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.models import GAN

ENTRY_POINT_GROUP = "ganbench"

_RECORD_HOOKS: Mapping[str, tuple[type, str]] = {
    "ganbench_datasets": (DatasetInfo, "name"),
    "ganbench_extractors": (ExtractorInfo, "name"),
    "ganbench_metrics": (MetricInfo, "id"),
    "ganbench_benchmarks": (Benchmark, "name"),
    "ganbench_report_sections": (ReportSection, "title"),
    "ganbench_executors": (ExecutorInfo, "name"),
}


@dataclass(frozen=True)
class Source:
    """Where a plugin comes from: enough to name it in a message and to prove which code ran."""

    entry_point: str
    distribution: str
    version: str
    sha256: str = ""
    api_version: int = API_VERSION

    def __str__(self) -> str:
        return f"{self.entry_point} from {self.distribution} {self.version}".rstrip()


@dataclass(frozen=True)
class Failure:
    """A plugin that is not available, the stage at which it failed and why."""

    source: Source
    stage: str
    error: str


@dataclass(frozen=True)
class Variant:
    """One model plugin, its hooks bound to it alone."""

    info: ModelInfo
    source: Source
    build: Callable[..., GAN]
    train: Callable[..., Mapping[str, Tensor]]
    sample: Callable[..., Tensor]

    @property
    def name(self) -> str:
        """The name that `--plugins` takes."""
        return self.info.name

    def options(self, overrides: Mapping[str, OptionValue], entry: str = "") -> dict[str, OptionValue]:
        """The defaults with `overrides` laid over them. Raises UnknownNameError or UsageError for a wrong one."""
        return as_types_of(self.info.options, overrides, entry or self.name, HOST_OPTIONS)

    def build_gan(self, spec: DataSpec, options: Options) -> GAN:
        """Call the build hook; anything that does not offer what a GAN offers is the plugin's error."""
        gan = self.build(spec=spec, options=options)
        if not all(hasattr(gan, name) for name in ("sample_latents", "latent_dim", "state_dict")):
            raise PluginError(
                f"plugin '{self.name}' ({self.source}): ganbench_build must return a ganbench.GAN, "
                f"got {type(gan).__name__}."
            )
        return gan

    def train_step(self, gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
        """Call the train hook; it must return a mapping (empty is fine)."""
        outputs = self.train(gan=gan, batches=batches, step=step)
        if not isinstance(outputs, Mapping):
            raise PluginError(
                f"plugin '{self.name}' ({self.source}): ganbench_train must return a mapping of names to tensors, "
                f"got {type(outputs).__name__}."
            )
        return outputs

    def sample_batch(self, gan: GAN, latents: Tensor, labels: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """Call the sample hook and check that it returns one sample of `shape` for each latent."""
        samples = self.sample(gan=gan, latents=latents, labels=labels)
        expected = (len(latents), *shape)
        got = getattr(samples, "shape", None)
        if got is None or tuple(got) != expected:
            raise PluginError(
                f"plugin '{self.name}' ({self.source}): ganbench_sample must return a tensor of shape {expected}, "
                f"got {type(samples).__name__ if got is None else tuple(got)}."
            )
        return samples


def as_types_of(
    defaults: Mapping[str, OptionValue],
    overrides: Mapping[str, OptionValue],
    owner: str,
    also_known: Iterable[str] = (),
) -> dict[str, OptionValue]:
    """`defaults` with `overrides` laid over them, each in the type of its default.

    Raises UnknownNameError, which also offers the names `also_known`, or UsageError for a value of another type.
    """
    resolved = dict(defaults)
    for name, value in overrides.items():
        if name not in resolved:
            raise UnknownNameError(f"{owner} option", name, [*resolved, *also_known])
        resolved[name] = _as_type_of(resolved[name], value, f"{owner}.{name}")
    return resolved


def option_words(value: OptionValue) -> str:
    """A value as `--set` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_type_of(default: OptionValue, value: OptionValue, name: str) -> OptionValue:
    """`value` in the type of the option's default; an int passes for a float, nothing else is converted."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[type(default)]
        raise UsageError(f"option {name}: expected {wanted}, such as {option_words(default)}, got {value!r}.")
    return value


@dataclass
class Registry:
    """All that plugins offer, by name, and what could not be loaded."""

    variants: dict[str, Variant] = field(default_factory=dict)
    datasets: dict[str, DatasetInfo] = field(default_factory=dict)
    extractors: dict[str, ExtractorInfo] = field(default_factory=dict)
    metrics: dict[str, MetricInfo] = field(default_factory=dict)
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    report_sections: dict[str, ReportSection] = field(default_factory=dict)
    executors: dict[str, ExecutorInfo] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._model_plugins: list[object] = []

    def variant(self, name: str) -> Variant:
        """The model plugin called `name`; when it failed to load, say so instead of calling it unknown."""
        if name in self.variants:
            return self.variants[name]
        for failure in self.failures:
            if failure.source.entry_point == name:
                raise PluginError(
                    f"plugin '{name}' ({failure.source}) could not be loaded, at stage {failure.stage}: {failure.error}"
                )
        raise UnknownNameError("plugin", name, self.variants)

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark called `name`, or in the file `name` where that ends in .toml."""
        if name.endswith(".toml"):
            return read_benchmark(Path(name))
        if name not in self.benchmarks:
            raise UnknownNameError("benchmark", name, self.benchmarks)
        return self.benchmarks[name]

    def load_entry_points(self, group: str = ENTRY_POINT_GROUP) -> None:
        """Load every entry point of `group`, ganbench's own first; failures are kept in `failures`."""
        found = importlib.metadata.entry_points(group=group)
        for entry_point in sorted(found, key=_entry_point_order):
            dist = entry_point.dist
            source = Source(entry_point.name, dist.name if dist else "unknown", dist.version if dist else "")
            try:
                plugin = entry_point.load()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                self.failures.append(Failure(source, "import", _one_line(error)))
                continue
            self.add(plugin, source)

    def load_file(self, path: Path) -> str:
        """Load a plugin from a Python file and return the name of its variant.

        Raises PluginError when it fails: whoever names a file wants that one.
        """
        source = Source(path.stem, str(path), "")
        if not path.is_file():
            raise UsageError(f"--plugin-file {path}: there is no such file; name a plugin's .py file.")
        try:
            module = _import_file(path)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise PluginError(f"--plugin-file {path}: importing it failed: {_one_line(error)}") from error
        before = set(self.variants)
        if not self.add(module, source):
            failure = self.failures.pop()
            raise PluginError(f"--plugin-file {path}: {failure.stage}: {failure.error}")
        added = set(self.variants) - before
        if not added:
            raise PluginError(f"--plugin-file {path}: it holds no model; a model has {', '.join(MODEL_HOOKS)}.")
        return added.pop()

    def add(self, plugin: object, source: Source) -> bool:
        """Register one plugin and take over what it offers; on any failure nothing of it stays. True if it loaded."""
        source = Source(source.entry_point, source.distribution, source.version, source_sha256(plugin))
        stage = "register"
        try:
            self._manager.register(plugin, name=f"{source.distribution}:{source.entry_point}")
            stage = "hooks"
            self._check_hooks(plugin)
            stage = "ganbench_model"
            info = self._model_info(plugin)
            stage = "records"
            records = self._records(plugin)
        except Exception as error:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            self.failures.append(Failure(source, stage, _one_line(error)))
            return False
        self._take(plugin, source, info, records)
        return True

    def _check_hooks(self, plugin: object) -> None:
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            names = [name for name in dir(plugin) if name.startswith("ganbench_")]
            known = [name for name in dir(hookspecs) if name.startswith("ganbench_")]
            wrong = [name for name in names if name not in known]
            hints = [f"'{name}' (did you mean {' or '.join(difflib.get_close_matches(name, known, 1)) or known})"
                     for name in wrong]  # fmt: skip
            raise PluginError(f"no such hook: {', '.join(hints) or _one_line(error)}") from error
        present = [hook for hook in MODEL_HOOKS if self._implements(plugin, hook)]
        if present and len(present) < len(MODEL_HOOKS):
            missing = [hook for hook in MODEL_HOOKS if hook not in present]
            raise PluginError(f"a model needs all of {', '.join(MODEL_HOOKS)}; missing: {', '.join(missing)}.")
        if not present and not any(self._implements(plugin, hook) for hook in _RECORD_HOOKS):
            raise PluginError("it implements no ganbench hook; mark each function with @hookimpl.")

    def _implements(self, plugin: object, hook: str) -> bool:
        return any(caller.name == hook for caller in self._manager.get_hookcallers(plugin) or ())

    def _model_info(self, plugin: object) -> ModelInfo | None:
        if not self._implements(plugin, "ganbench_model"):
            return None
        info = self._bound(plugin, "ganbench_model", [*self._model_plugins, plugin])()
        if not isinstance(info, ModelInfo):
            raise PluginError(f"ganbench_model must return a ModelInfo, got {type(info).__name__}.")
        taken = [name for name in HOST_OPTIONS if name in info.options]
        if taken:
            raise PluginError(f"the option '{taken[0]}' is the host's, every model has it; give yours another name.")
        if info.name == REFERENCE_ROW:
            raise PluginError(f"the name '{info.name}' is reserved; choose another.")
        if info.name in self.variants:
            raise PluginError(f"the name '{info.name}' is taken by {self.variants[info.name].source}.")
        return info

    def _bound(self, plugin: object, hook: str, models: list[object]) -> Callable[..., Any]:
        """The hook with all other *model* plugins removed, so that wrappers of other plugins still apply."""
        return self._manager.subset_hook_caller(hook, [other for other in models if other is not plugin])

    def _records(self, plugin: object) -> dict[str, list[Any]]:
        records: dict[str, list[Any]] = {}
        for hook, (record_type, key) in _RECORD_HOOKS.items():
            if not self._implements(plugin, hook):
                continue
            others = [other for other in self._manager.get_plugins() if other is not plugin]
            (offered,) = self._manager.subset_hook_caller(hook, others)()
            for record in offered:
                if not isinstance(record, record_type):
                    raise PluginError(f"{hook} must list {record_type.__name__} records, got {type(record).__name__}.")
                name = getattr(record, key)
                if name in self._table(hook):
                    raise PluginError(f"{hook}: '{name}' is taken by {self.sources[(hook, name)]}.")
            records[hook] = list(offered)
        return records

    def _table(self, hook: str) -> dict[str, Any]:
        table = getattr(self, hook.removeprefix("ganbench_"))
        assert isinstance(table, dict)
        return table

    def _take(self, plugin: object, source: Source, info: ModelInfo | None, records: dict[str, list[Any]]) -> None:
        for hook, offered in records.items():
            key = _RECORD_HOOKS[hook][1]
            for record in offered:
                self._table(hook)[getattr(record, key)] = record
                self.sources[(hook, getattr(record, key))] = source
        if info is not None:
            self._model_plugins.append(plugin)
            self.variants[info.name] = Variant(
                info,
                source,
                build=self._late_bound(plugin, "ganbench_build"),
                train=self._late_bound(plugin, "ganbench_train"),
                sample=self._late_bound(plugin, "ganbench_sample"),
            )

    def _late_bound(self, plugin: object, hook: str) -> Callable[..., Any]:
        """Bind at the first call, when all plugins that must be left out are known."""
        caller: Callable[..., Any] | None = None

        def call(**arguments: Any) -> Any:
            nonlocal caller
            if caller is None:
                caller = self._bound(plugin, hook, self._model_plugins)
            return caller(**arguments)

        return call


def load_registry(plugin_files: tuple[Path, ...] = ()) -> Registry:
    """A registry with every installed plugin and those in `plugin_files`."""
    registry = Registry()
    registry.load_entry_points()
    for path in plugin_files:
        registry.load_file(path)
    return registry


def source_sha256(plugin: object) -> str:
    """SHA-256 over the source of a plugin: its file, or every .py file of its folder when it is a package."""
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    file = getattr(module, "__file__", None)
    if file is None:
        return ""
    path = Path(file)
    files = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    digest = hashlib.sha256()
    for source in files:
        digest.update(source.relative_to(path.parent).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _entry_point_order(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    distribution = entry_point.dist.name if entry_point.dist else ""
    return (distribution != "ganbench", distribution, entry_point.name)


def _import_file(path: Path) -> ModuleType:
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"ganbench_plugin_file_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}" if text else repr(error)
