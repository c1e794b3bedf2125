"""The files of a calibration: what was planned, every measurement, and calibration.json, which holds all of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ganbench.results.schema import ExtractorRecord, Record

CALIBRATION_VERSION = 1
CONFIGURATION_FILE = "configuration.json"
MEASUREMENTS_FILE, REPETITIONS_FILE = "measurements.jsonl", "repetitions.jsonl"  # as they come, one a line
CALIBRATION_FILE = "calibration.json"
CLEAN = "clean"  # the fault of size 0


class SizeRecord(Record):
    """One size of a fault, and how people are told it."""

    size: float
    words: str


class FaultRecord(Record):
    """A planted fault; `sizes` rise in strength."""

    name: str
    title: str
    unit: str
    sizes: list[SizeRecord]

    @property
    def noun(self) -> str:
        """Its title within a sentence."""
        return self.title if self.title.isupper() else self.title.lower()

    def word(self, size: float) -> str:
        """A size in words."""
        return next(record.words for record in self.sizes if record.size == size)


class MetricFacts(Record):
    """What is shown of a metric, whether or not it could be calibrated."""

    id: str
    title: str
    label: str  # with the extractor's name where it is no canonical number
    higher_is_better: bool | None


class DataRecord(Record):
    """The real samples and how they were divided."""

    name: str
    kind: str
    sha256: str
    num_classes: int
    num_reference: int
    num_heldout: int
    num_pool: int


class CalibrationPlan(Record):
    """configuration.json. `configuration` decides the numbers: a folder is gone on with only under an equal one.

    `num_seeds`: of each fault, by number of samples; `clean_seeds`: of the clean generator. `left_out`: metrics that
    are not calibrated, with the reason. `notes`: what else was left out.
    """

    schema_version: int = CALIBRATION_VERSION
    ganbench_version: str
    created: str
    configuration: dict[str, Any]
    configuration_sha256: str
    data: DataRecord
    extractor: ExtractorRecord | None
    faults: list[FaultRecord]
    metrics: list[MetricFacts]
    num_samples: list[int]
    num_seeds: dict[int, int]
    clean_seeds: dict[int, int]
    left_out: dict[str, str]
    notes: list[str] = Field(default_factory=list)
    environment: dict[str, Any] = Field(default_factory=dict)


class Measured(Record):
    """One fake generator, measured. `reads_labels`: metrics whose value depends on the classes asked for."""

    fault: str
    size: float
    num_samples: int
    seed: int
    values: dict[str, float]
    unavailable: dict[str, str] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    reads_labels: list[str] = Field(default_factory=list)


class Repeated(Record):
    """Repetitions of one planted value: in how many of them it lay inside the 95 % interval."""

    metric: str
    fault: str
    size: float
    truth: float
    num_samples: int
    num_repetitions: int
    num_inside: int
    num_below: int  # the whole interval lies below the planted value
    mean_value: float
    mean_width: float


class Calibration(Record):
    """calibration.json: all that is needed to draw every curve and table again."""

    schema_version: int = CALIBRATION_VERSION
    plan: CalibrationPlan
    measured: list[Measured]
    repeated: list[Repeated]
