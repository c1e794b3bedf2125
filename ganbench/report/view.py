"""What the page shows, as records: built first from the stored files, then only rendered.

All text is plain and is escaped by the template. `Markup` is HTML that was made here (charts) or by a section plugin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from ganbench.results.schema import Role, Things


@dataclass(frozen=True)
class Picture:
    """An image in the page; `width` is in CSS pixels, a whole multiple of the stored width where that is small."""

    src: str
    alt: str
    width: int
    height: int
    caption: str = ""


@dataclass(frozen=True)
class Chart:
    """An inline SVG and its content in words for readers who don't see it; `note` warns of what it shows.

    The SVG is empty where there is too little to draw, and the words stand in its place.
    """

    title: str
    svg: Markup
    description: str
    note: str = ""


@dataclass(frozen=True)
class Fact:
    """A labelled value; `full` is the whole of a shortened one."""

    label: str
    value: str
    full: str = ""


@dataclass(frozen=True)
class Column:
    """A column of the table. `extractor` is set where the number must not go without its extractor's name."""

    key: str
    name: str
    extractor: str
    direction: Literal["lower", "higher", ""]
    explanation: str


@dataclass(frozen=True)
class Cell:
    """A value of the table with its interval in words; `sort` is the number behind it, `prose` is words in lines."""

    text: str
    interval: str = ""
    tooltip: str = ""
    sort: float | None = None
    best: bool = False
    prose: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table; an `empty` row has no score and shows its `note` instead.

    `changed`: the options in which the row departs from what all rows are given.
    """

    anchor: str
    title: str
    plugin: str
    role: Role
    status: str
    rank: str
    rank_tooltip: str
    changed: str
    cells: tuple[Cell, ...]
    note: str
    empty: bool


@dataclass(frozen=True)
class Table:
    """The ranked models, and below them the rows for orientation: real images and controls."""

    columns: tuple[Column, ...]
    models: tuple[Row, ...]
    references: tuple[Row, ...]
    caption: str


@dataclass(frozen=True)
class MetricLine:
    """One number of a trial with all that is needed to judge it."""

    label: str
    value: str
    interval: str
    method: str
    num_samples: str
    num_reference: str
    extractor: str
    protocol: str
    seconds: str


@dataclass(frozen=True)
class SectionView:
    """A section that a plugin added; `failure` says why it could not be rendered."""

    title: str
    html: Markup
    failure: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a trial failed."""

    stage: str
    message: str
    traceback: str


@dataclass(frozen=True)
class ClassRow:
    """One class of the samples in words, with its first samples; what was not measured is empty.

    `missing`: by the rule of the metric `modes`, which corrects the shares for the classifier's errors.
    """

    name: str
    strip: Picture | None
    num_samples: str
    share: str
    missing: bool
    fid: str
    label_accuracy: str
    recall: str = ""
    coverage: str = ""


@dataclass(frozen=True)
class ClassTable:
    """The classes of one trial, best first by FID within the class; `caption` says whose word a sample's class is."""

    rows: tuple[ClassRow, ...]
    fid_label: str
    caption: str

    @property
    def has_accuracy(self) -> bool:
        """Whether any class was measured for the labels asked for."""
        return any(row.label_accuracy for row in self.rows)

    @property
    def has_recall(self) -> bool:
        """Whether recall within any class was measured."""
        return any(row.recall for row in self.rows)

    @property
    def has_coverage(self) -> bool:
        """Whether coverage within any class was measured."""
        return any(row.coverage for row in self.rows)


@dataclass(frozen=True)
class PairGroup:
    """Pictures of two images each under a heading; `words` say what the numbers below them are."""

    heading: str
    words: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class NeighboursView:
    """The nearest training images: `told` is what the metrics of copying found, `missing` why there are no pairs."""

    told: tuple[str, ...]
    chart: Chart | None
    groups: tuple[PairGroup, ...]
    missing: str


@dataclass(frozen=True)
class BinRow:
    """A bin of NDB of which samples are clearly too few or too many, with images that lie in it."""

    verdict: str
    real: Picture | None
    samples: Picture | None
    real_share: str
    share: str
    z: str


@dataclass(frozen=True)
class Bins:
    """NDB: all bins as a chart, in words, how many differ, and those that differ most."""

    chart: Chart
    words: tuple[str, ...]
    differing: int
    rows: tuple[BinRow, ...]


@dataclass(frozen=True)
class Repeats:
    """The birthday test: its estimate in words, how to judge it, and the nearest pairs of samples and real images."""

    words: tuple[str, ...]
    judge: str
    groups: tuple[PairGroup, ...]


@dataclass(frozen=True)
class Scatter:
    """Points of the plane with their modes: the samples over real points, and fewer of fixed latents while training."""

    final: Chart
    frames: tuple[Chart, ...]


@dataclass(frozen=True)
class TrialView:
    """One training seed of a plugin. What was not stored is None or empty, and the page says so in a sentence.

    `stages` are samples of the untrained and of the trained generator, and real images. `arithmetic` are rows of four
    images, made by `arithmetic_rule`. `best_missing` says why there are none. `options` are
    all, `changed_options` those that differ from the plugin's defaults, where these are known.
    """

    anchor: str
    seed: int
    status: str
    warnings: tuple[str, ...]
    failure: Failure | None
    stages: tuple[Picture, ...]
    samples: Picture | None
    best: Picture | None
    best_missing: str
    snapshots: tuple[Picture, ...]
    interpolation: Picture | None
    arithmetic: tuple[Picture, ...]
    arithmetic_rule: str
    charts: tuple[Chart, ...]
    line_styles: str
    neighbours: NeighboursView | None
    bins: Bins | None
    repeats: Repeats | None
    modes: Chart | None
    modes_summary: str
    timeline: Chart | None
    classes: ClassTable | None
    cost: tuple[Fact, ...]
    changed_options: tuple[Fact, ...]
    options: tuple[Fact, ...]
    provenance: tuple[Fact, ...]
    metrics: tuple[MetricLine, ...]
    unavailable: tuple[Fact, ...]
    scatter: Scatter | None
    sections: tuple[SectionView, ...]


@dataclass(frozen=True)
class PluginView:
    """One row's plugin with its trials; `variant` is the plugin's name where the row has another."""

    anchor: str
    name: str
    variant: str
    title: str
    role: Role
    description: str
    paper: str
    paper_url: str
    note: str
    trials: tuple[TrialView, ...]


@dataclass(frozen=True)
class RunView:
    """One run: its board and its plugins; `things` is what its data are, images or points."""

    anchor: str
    things: Things
    title: str
    description: str
    facts: tuple[Fact, ...]
    extractor: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    table: Table
    plugins: tuple[PluginView, ...]
    environment: tuple[Fact, ...]


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    runs: tuple[RunView, ...]
    version: str
