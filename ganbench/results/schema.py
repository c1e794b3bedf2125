"""The files of a run as typed records: run.json, trial.json, history.jsonl, metrics.json, leaderboard.json.

Reading checks every field, so a report or a script never works on a half-understood file. No torch here: a report can
be built from the stored files alone.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from ganbench.types import Bounds

SCHEMA_VERSION = 1

Status = Literal["pending", "training", "sampling", "evaluating", "done", "failed", "interrupted"]
Role = Literal["model", "control", "reference"]
Things = Literal["images", "points"]  # what the data are, in texts


class Record(BaseModel):
    """Base of all stored records: unknown fields are an error, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PluginRecord(Record):
    """What stands in one row, and the identity of its plugin: enough to tell whether two results came from one code.

    `name` is the row's, `variant` the plugin's (empty: the same). `published` is what the benchmark's source printed,
    `defaults` are the plugin's, and `changed` the options in which this row departs from what all rows are given.
    """

    name: str
    variant: str = ""
    entry_point: str
    distribution: str
    version: str
    api_version: int
    source_sha256: str
    title: str = ""
    paper: str = ""
    description: str = ""
    published: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, bool | int | float | str] = Field(default_factory=dict)
    changed: dict[str, bool | int | float | str] = Field(default_factory=dict)


class FailedPlugin(Record):
    """A plugin that could not be loaded: where it came from, at which stage and why."""

    entry_point: str
    distribution: str
    stage: str
    error: str


class ExtractorRecord(Record):
    """The extractor behind a number: numbers are comparable only where all three fields agree."""

    name: str
    weights_sha256: str
    resize: str


class MetricRecord(Record):
    """One number of metrics.json, with all that is needed to judge it.

    `bounds`: the least and the largest value that it can have, where there are any.
    """

    title: str
    value: float
    ci95: tuple[float, float] | None
    ci95_method: str
    higher_is_better: bool | None
    num_samples: int
    num_reference: int | None
    extractor: ExtractorRecord | None  # None: the number does not come from an extractor
    canonical: bool  # False: people are shown "FID · extractor", never plain FID
    protocol: str
    seconds: float
    details: dict[str, Any] = Field(default_factory=dict)
    bounds: Bounds = (None, None)

    @model_validator(mode="before")
    @classmethod
    def _without_label(cls, values: Any) -> Any:
        """`label` is written for readers of the JSON, and made anew from the rest when it is read."""
        return {key: value for key, value in values.items() if key != "label"} if isinstance(values, dict) else values

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        """The name that people are shown: with any extractor but the canonical one, it carries the extractor's name."""
        if self.extractor is None or self.canonical:
            return self.title
        return f"{self.title} · {self.extractor.name}"


class MetricsFile(Record):
    """metrics.json and `ganbench evaluate --json`. `unavailable` maps a metric's id to why it is not there."""

    schema_version: int = SCHEMA_VERSION
    metrics: dict[str, MetricRecord]
    unavailable: dict[str, str] = Field(default_factory=dict)
    provenance: dict[str, Any]


class Parameters(Record):
    """Trainable parameters of each network."""

    generator: int
    discriminator: int


class Cost(Record):
    """What a trial cost. `images` counts real images shown to the discriminator."""

    training_seconds: float = 0.0
    sampling_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    images_per_second: float = 0.0
    peak_memory_mib: float = 0.0
    device: str = ""


class TrialError(Record):
    """Why a trial failed. `message` is for the reader of the report, `traceback` for the plugin's author."""

    stage: str
    type: str
    message: str
    traceback: str = ""


class Trial(Record):
    """trial.json: one plugin, one training seed."""

    schema_version: int = SCHEMA_VERSION
    plugin: str
    seed: int
    role: Role
    status: Status
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    parameters: Parameters | None = None
    num_steps: int = 0
    num_images: int = 0
    resumed_at: list[int] = Field(default_factory=list)  # the steps at which training was taken up again
    cost: Cost = Cost()
    warnings: list[str] = Field(default_factory=list)
    error: TrialError | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


class Run(Record):
    """run.json. `configuration` is what decides the results: a folder is resumed only under an equal one."""

    schema_version: int = SCHEMA_VERSION
    ganbench_version: str
    created: str
    benchmark: str
    title: str
    protocol: str
    configuration: dict[str, Any]
    configuration_sha256: str
    environment: dict[str, Any]
    plugins: list[PluginRecord]
    failed_plugins: list[FailedPlugin] = Field(default_factory=list)
    class_names: list[str] = Field(default_factory=list)

    @property
    def things(self) -> Things:
        """What the data are, for all texts that people read."""
        return "points" if self.environment.get("data_kind") == "points" else "images"


class Score(Record):
    """One cell of the board: mean over training seeds. Three kinds of uncertainty are kept apart, in the metric's unit.

    `seed_spread`: standard deviation (n - 1) of `seed_values`, one for each training; None with one training, whose
    variance is unknown. `sampling_spread`: what the drawing of images alone moves one training's number by, a standard
    deviation, from the metric's own 95 % intervals; None where the metric has none. `ci95` is the interval that is
    shown, and `ci95_method` says what it covers. Leaderboards of schema 1 may lack the first three. `at_least`: the
    number is a lower limit, of which no upper one is known.
    """

    label: str
    value: float
    seed_values: list[float] = Field(default_factory=list)
    seed_spread: float | None = None
    sampling_spread: float | None = None
    ci95: tuple[float, float] | None
    ci95_method: str
    higher_is_better: bool | None
    num_seeds: int
    num_samples: int
    extractor: ExtractorRecord | None = None
    canonical: bool = True
    at_least: bool = False

    @property
    def seeds_agree(self) -> bool:
        """Whether several trainings came out the same, and sampling is not known to move them: there is no interval."""
        return self.seed_spread is not None and self.ci95 is None

    @property
    def spread(self) -> float | None:
        """Standard deviation of one training's number: that over seeds, but no less than the sampling alone explains.

        Two or three trainings can agree by luck, and counts can be equal. None where neither is known.
        """
        return max((known for known in (self.seed_spread, self.sampling_spread) if known is not None), default=None)


Verdict = Literal[
    "better", "worse", "different", "no difference beyond noise", "cannot be tested", "cannot be compared"
]


class PairTest(Record):
    """Two numbers of one metric, and whether they differ by more than noise. `difference` is b's value less a's.

    `ci95` is the interval of this one difference; `p_holm` is `p_value` corrected by Holm for all that were tested
    together, and decides the verdict on b at 5 %: "different" where neither direction is better. "cannot be tested":
    no noise is known. "cannot be compared": not made alike, `reason` says in what.
    """

    metric: str
    label: str
    a: str
    b: str
    value_a: float
    value_b: float
    difference: float
    ci95: tuple[float, float] | None = None
    effect: float | None = None
    effect_unit: str = ""
    p_value: float | None = None
    p_holm: float | None = None
    method: str = ""
    verdict: Verdict
    reason: str = ""


class BoardRow(Record):
    """One line of the board. Controls and references have no rank.

    A ranked row is tied with every model that it cannot be told apart from, so that no order between them is claimed.
    `published` is what the benchmark's source printed of the model, by metric or curve; it ranks nothing.
    """

    plugin: str
    title: str
    role: Role
    rank: int | None
    tied: bool
    tied_with: list[str] = Field(default_factory=list)
    status: Status
    num_seeds: int
    num_failed: int
    parameters: Parameters | None
    training_seconds: float
    images_per_second: float
    scores: dict[str, Score]
    published: dict[str, str] = Field(default_factory=dict)
    note: str = ""

    def lacks_seeds(self, metric: str) -> bool:
        """Whether some finished seeds gave no number of this metric: those that gave one may be the lucky ones."""
        return metric in self.scores and self.scores[metric].num_seeds < self.num_seeds


class Board(Record):
    """leaderboard.json: rows in order of rank, then failed plugins, then the reference and the controls.

    `warnings` are reasons to distrust the board; `notes` say how to read it. `tests`: the ranked models, each pair.
    `things` is what the data are.
    """

    schema_version: int = SCHEMA_VERSION
    benchmark: str
    title: str
    protocol: str
    rank_by: str
    rank_by_label: str
    columns: list[str]
    rows: list[BoardRow]
    tests: list[PairTest] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    notes: list[str]
    things: Things = "images"
    configuration_sha256: str
    created: str
