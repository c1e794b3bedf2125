"""Results made in memory: a few lines a trial, so that a test states exactly the numbers that it ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.results.schema import (
    Cost,
    ExtractorRecord,
    MetricRecord,
    MetricsFile,
    PluginRecord,
    Run,
    Trial,
    TrialError,
)
from ganbench.results.store import RunResults, TrialResults

LITE = ExtractorRecord(name="lite0", weights_sha256="ab" * 32, resize="bilinear-96")
ROLES = {"real": "reference", "noise": "control", "memorizer": "control", "half": "control"}


class Maker:
    """Builds records; the methods' defaults are those of an honest run."""

    def metric(self, value, half=1.0, higher=False, title="FID", **changes):
        record = MetricRecord(
            title=title,
            value=value,
            ci95=None if half is None else (value - half, value + half),
            ci95_method="bootstrap",
            higher_is_better=higher,
            num_samples=100,
            num_reference=100,
            extractor=LITE,
            canonical=False,
            protocol="ganbench-v1",
            seconds=0.1,
        )
        return record.model_copy(update=changes)

    def trial(self, plugin, metrics=None, seed=0, status="done", unavailable=None):
        error = TrialError(stage="training", type="ValueError", message="no luck") if status == "failed" else None
        trial = Trial(
            plugin=plugin,
            seed=seed,
            role=ROLES.get(plugin, "model"),
            status=status,
            cost=Cost(training_seconds=10.0 + seed, images_per_second=100.0),
            error=error,
        )
        measured = None
        if metrics is not None:
            measured = MetricsFile(metrics=metrics, unavailable=unavailable or {}, provenance={})
        return TrialResults(Path(f"trials/{plugin}/seed-{seed}"), trial, measured)

    def fid(self, plugin, value, half=1.0, seed=0):
        return self.trial(plugin, {"fid": self.metric(value, half)}, seed)

    def run(self, seeds=1, plugins=(), rank_by="fid", records=(), **changes):
        benchmark = {"controls": ["noise", "memorizer", "half"], "evaluation": {"rank_by": rank_by}}
        record = Run(
            ganbench_version="0.1.0",
            created="2026-01-02T03:04:05+00:00",
            benchmark="b",
            title="B",
            protocol="ganbench-v1",
            configuration={"benchmark": benchmark, "seeds": seeds, "plugins": dict.fromkeys(plugins, "00")},
            configuration_sha256="cf" * 32,
            environment={},
            plugins=list(records),
        )
        return record.model_copy(update=changes)

    def plugin(self, name, **published):
        return PluginRecord(
            name=name,
            entry_point=name,
            distribution="d",
            version="1",
            api_version=1,
            source_sha256="00",
            published=published,
        )

    def results(self, *trials, path=Path("run"), **changes):
        return RunResults(path, self.run(**changes), list(trials))


@pytest.fixture
def make() -> Maker:
    return Maker()
