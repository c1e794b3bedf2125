"""What a benchmark is (a TOML file) and how budgets and `--set` assignments are read."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from ganbench.errors import UnknownNameError, UsageError
from ganbench.protocols import get_protocol
from ganbench.types import OptionValue

PROTOCOL = "ganbench-v1"

Augmentation = Literal["flip", "rotate", "crop"]
Precision = Literal["fp32", "tf32", "bf16"]  # tf32: GPUs may round the inputs of products to 10 bits


class Budget(NamedTuple):
    """How long one trial trains: real images in thousands, passes over the training images, generator updates, or
    wall-clock minutes of training."""

    amount: float
    unit: Literal["kimg", "epochs", "steps", "min"]

    def __str__(self) -> str:
        return f"{self.amount:g}{self.unit}"


def parse_budget(text: str) -> Budget:
    """Read `50kimg`, `20epochs`, `2000steps` or `10min`. Raises UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(kimg|epochs|steps|min)\s*", text)
    if match is None or float(match[1]) <= 0:
        raise UsageError(
            f"budget '{text}': expected a positive number and a unit, such as 50kimg, 20epochs, 2000steps or 10min."
        )
    amount, unit = float(match[1]), match[2]
    if unit == "steps" and amount != int(amount):
        raise UsageError(f"budget '{text}': steps are whole; use {max(1, round(amount))}steps.")
    return Budget(amount, unit)  # type: ignore[arg-type]  # the pattern admits these three units only


HOST_OPTIONS = {  # of every model: what the host does with it; the defaults are the benchmark's
    "budget": "how long it trains, such as 50kimg, 20epochs, 2000steps or 10min",
    "ema": "decay per step of the averaged generator that is sampled from; 0: no averaging",
    "augment": "how real training images are changed: any of flip,rotate,crop; empty: not",
}
EntryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(_Section):
    """Which data, at which side length in pixels (None: as stored), with which augmentation of training images.

    `num_train`: train on at most so many images (`ganbench.data.splits.limited`); None: on all.
    """

    dataset: str
    resolution: int | None = Field(default=None, ge=8, le=1024)
    num_train: int | None = Field(default=None, ge=2)
    augment: tuple[Augmentation, ...] = ()


class TrainingSection(_Section):
    """How every variant is trained."""

    budget: str
    batch_size: int = Field(default=64, ge=2)
    ema: float = Field(default=0.0, ge=0.0, lt=1.0)  # decay per step of the averaged generator; 0 turns it off
    precision: Precision = "fp32"
    log_every_steps: int = Field(default=20, ge=1)
    heldout_every_steps: int = Field(default=100, ge=1)
    checkpoint_every_seconds: float = Field(default=30.0, ge=0.0)

    @field_validator("budget")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            return str(parse_budget(value))
        except UsageError as error:
            raise ValueError(str(error)) from error


class EvaluationSection(_Section):
    """How every variant is measured and by which metric they are ranked."""

    num_samples: int = Field(default=2500, ge=2)
    metrics: tuple[str, ...] = ()  # empty: every metric that can be computed
    extractor: str = "auto"
    rank_by: str = "fid"


class Entry(_Section):
    """A row of its own: a plugin with options, under a name of its own where a benchmark runs it several times.

    `published` is what the benchmark's source printed of it, by metric id or by the name of a curve, in its words.
    """

    plugin: str = ""  # empty: the entry's name is the plugin's
    title: str = ""  # empty: the plugin's
    options: dict[str, OptionValue] = Field(default_factory=dict)  # the plugin's, and HOST_OPTIONS
    published: dict[str, Annotated[str, Field(coerce_numbers_to_str=True)]] = Field(default_factory=dict)


class Source(_Section):
    """Whose experiment a benchmark repeats, and in what it differs from it, in one sentence."""

    title: str
    differs: str = ""


class Benchmark(_Section):
    """A benchmark: which plugins on which data for how long, and how they are measured.

    `plugins` names plugins, or entries: a plugin with options of its own under any name.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    description: str = ""
    protocol: str = PROTOCOL
    plugins: tuple[str, ...] = Field(min_length=1)
    controls: tuple[str, ...] = ("noise", "memorizer", "half")  # those that the data allow
    seeds: int = Field(default=1, ge=1)  # trainings of each model
    data: DataSection
    training: TrainingSection
    evaluation: EvaluationSection = EvaluationSection()
    options: dict[str, OptionValue] = Field(default_factory=dict)  # for every plugin that has an option of that name
    entries: dict[EntryName, Entry] = Field(default_factory=dict)
    source: Source | None = None

    def entry(self, name: str) -> Entry:
        """The entry called `name`; a plugin without one is an entry of its own name."""
        found = self.entries.get(name, Entry())
        return found if found.plugin else found.model_copy(update={"plugin": name})

    def host_options(self) -> dict[str, OptionValue]:
        """The HOST_OPTIONS of every model, before an entry or the user changes them for one."""
        training = self.training
        return {"budget": training.budget, "ema": training.ema, "augment": ",".join(self.data.augment)}

    @field_validator("protocol")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return get_protocol(value).name
        except UnknownNameError as error:
            raise ValueError(str(error)) from error


def with_host_options(benchmark: Benchmark, options: Mapping[str, OptionValue]) -> tuple[TrainingSection, DataSection]:
    """The benchmark's training and data sections with one entry's HOST_OPTIONS. Raises UsageError for wrong values."""
    augment = tuple(name.strip() for name in str(options["augment"]).split(",") if name.strip())
    for name in augment:
        if name not in get_args(Augmentation):
            raise UnknownNameError("augmentation", name, get_args(Augmentation))
    training = benchmark.training.model_dump() | {"budget": options["budget"], "ema": options["ema"]}
    try:
        data = DataSection.model_validate(benchmark.data.model_dump() | {"augment": augment})
        return TrainingSection.model_validate(training), data
    except ValidationError as error:
        raise UsageError(f"option {explain_validation(error)}") from error


def read_benchmark(path: Path) -> Benchmark:
    """Read a benchmark's TOML file. Raises UsageError that names the file and the field.

    A file that says `extends = "NAME"` holds only what differs from NAME.toml beside it: its tables are laid over that
    file's, key by key; a list takes the place of the other's.
    """
    try:
        return Benchmark.model_validate(_with_base(path))
    except ValidationError as error:
        raise UsageError(f"{path}: {explain_validation(error)}") from error


def _with_base(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file; expected a benchmark in TOML.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a readable TOML file: {error}") from error
    base = content.pop("extends", None)
    if base is None:
        return content
    below = path.with_name(f"{str(base).removesuffix('.toml')}.toml")
    if below == path:
        raise UsageError(f"{path}: it extends itself; name another benchmark, or leave `extends` out.")
    return _laid_over(_with_base(below), content)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping):
            both[key] = _laid_over(below[key], above[key])
    return both


def explain_validation(error: ValidationError) -> str:
    """One clause per wrong field, in words."""
    return "; ".join(_explained(item) for item in error.errors())


def _explained(item: Any) -> str:
    """`training.seeds: expected at least 1, got 0`, or that a field is missing or unknown."""
    place = ".".join(str(part) for part in item["loc"]) or "file"
    match item["type"]:
        case "missing":
            return f"{place}: is missing"
        case "extra_forbidden":
            return f"{place}: there is no such setting"
        case "too_short":
            return f"{place}: expected at least {item['ctx']['min_length']}, got {item['ctx']['actual_length']}"
        case "value_error":
            return f"{place}: {item['ctx']['error']!s}"
    words = str(item["msg"]).removeprefix("Input should be ")
    return f"{place}: expected {words}, got {item['input']!r}" if words != item["msg"] else f"{place}: {words}"


def parse_entry(text: str) -> tuple[str, str]:
    """Read `NAME=PLUGIN`, or a plugin's name alone, as (name, plugin). Raises UsageError."""
    name, equals, plugin = text.partition("=")
    if equals and (not plugin or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)):
        raise UsageError(f"--plugins '{text}': expected PLUGIN or NAME=PLUGIN, such as slow-d=dcgan.")
    return name, plugin or name


def parse_assignment(text: str) -> tuple[str, str, OptionValue]:
    """Read `--set dcgan.lr=1e-4` as (plugin, option, value); the value is typed as in TOML, else it is a string."""
    match = re.fullmatch(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+)=(.*)", text)
    if match is None:
        raise UsageError(f"--set '{text}': expected PLUGIN.OPTION=VALUE, such as dcgan.lr=1e-4.")
    plugin, option, raw = match.groups()
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    return plugin, option, value if isinstance(value, bool | int | float | str) else raw


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: Any) -> str:
    """SHA-256 of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
