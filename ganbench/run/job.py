"""What one trial is: everything in run.json that concerns it, and the model built from that.

What the files call `plugin` is the name of the trial's entry: a plugin's own, or that of a benchmark's entry, which
runs a plugin with options of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from ganbench.config import Benchmark, DataSection, TrainingSection, with_host_options
from ganbench.data.load import default_root, load_dataset
from ganbench.data.splits import limited
from ganbench.errors import DataError, UsageError
from ganbench.metrics.image_inputs import Generator
from ganbench.models import GAN
from ganbench.registry import Registry, Variant, load_registry
from ganbench.results.schema import Run
from ganbench.results.store import RUN_FILE, read_record, trial_folder
from ganbench.run.averaging import AveragedGenerator
from ganbench.run.checkpoint import LAST, load_checkpoint
from ganbench.run.sampling import Labels, Sampler, proportional_labels
from ganbench.run.training import prepare
from ganbench.seeding import derive_seed, latents_for, seed_everything
from ganbench.types import REFERENCE_ROW, AnyDataset, MetricInfo

MAX_LISTED_CLASSES = 100


@dataclass(frozen=True)
class TrialJob:
    """What one trial is, read from run.json."""

    run_folder: Path
    plugin: str
    seed: int
    run: Run
    registry: Registry

    @classmethod
    def read(cls, run_folder: Path, plugin: str, seed: int) -> TrialJob:
        """Read RUN/run.json and load the plugins that it names."""
        run = read_record(run_folder / RUN_FILE, Run)
        registry = load_registry(tuple(Path(path) for path in run.environment["plugin_files"]))
        return cls(run_folder, plugin, seed, run, registry)

    @cached_property
    def benchmark(self) -> Benchmark:
        """The resolved benchmark."""
        return Benchmark.model_validate(self.run.configuration["benchmark"])

    @cached_property
    def training(self) -> TrainingSection:
        """How this entry is trained: the benchmark's settings with the entry's host options."""
        return self._with_host_options[0]

    @property
    def augment(self) -> tuple[str, ...]:
        """How training images are changed. A control gets them as they are: the memorizer's copies must be copies."""
        return () if self.variant.info.control else self._with_host_options[1].augment

    @cached_property
    def _with_host_options(self) -> tuple[TrainingSection, DataSection]:
        return with_host_options(self.benchmark, self.run.configuration["host_options"][self.plugin])

    @cached_property
    def variant(self) -> Variant:
        """The plugin; its source must be what it was when the run was planned."""
        variant = self.registry.variant(self.run.configuration["variants"][self.plugin])
        if variant.source.sha256 != self.run.configuration["plugins"][self.plugin]:
            raise UsageError(f"plugin '{variant.name}' was changed since this run was planned; start it again.")
        return variant

    @cached_property
    def dataset(self) -> AnyDataset:
        """The data; their content must be what it was when the run was planned."""
        data = self.benchmark.data
        dataset = load_data(data, self.registry)
        if dataset.sha256 != self.run.configuration["dataset_sha256"]:
            raise DataError(f"dataset '{data.dataset}' has changed since this run was planned; use --fresh.")
        return dataset

    @property
    def classifies(self) -> bool:
        """Whether samples are looked at class by class: the data have labels, some metric trains the classifier, and
        the classes are few enough."""
        num_classes = self.dataset.spec.num_classes
        return (
            num_classes is not None
            and num_classes <= MAX_LISTED_CLASSES
            and any("classifier" in info.needs for info in self._metrics)
        )

    @property
    def has_features(self) -> bool:
        """Whether some metric needs features, so that more can be made of them at no cost."""
        return any(info.uses_extractor for info in self._metrics)

    @property
    def _metrics(self) -> list[MetricInfo]:
        return [self.registry.metrics[name] for name in self.run.configuration["metrics"]]

    @property
    def folder(self) -> Path:
        """The trial's folder."""
        return trial_folder(self.run_folder, self.plugin, self.seed)

    @property
    def device(self) -> torch.device:
        """The training device."""
        return torch.device(self.run.configuration["device"])

    def build(self) -> GAN:
        """The untrained model on the training device, seeded by plugin and training seed."""
        seed_everything(derive_seed(self.plugin, self.seed, "build"))
        with torch.device(self.device):
            gan = self.variant.build_gan(self.dataset.spec, self.run.configuration["options"][self.plugin])
        return prepare(gan, self.device)

    def trained(self) -> GAN:
        """The model as its last checkpoint has it, with the averaged generator where the benchmark averages."""
        state = load_checkpoint(self.folder / "checkpoints" / LAST)
        if state is None:
            raise UsageError(f"{self.folder}: there is no checkpoint, so there is no trained model; run it first.")
        gan = self.build()
        gan.load_state_dict(state["gan"])
        if state["ema"] is not None and gan.generator is not None:
            averaged = AveragedGenerator(gan.generator, self.training.ema)
            averaged.load_state_dict(state["ema"])
            averaged.copy_to_generator()
        return gan

    def sampler(self, gan: GAN, seed: int) -> Sampler:
        """Samples of `gan`, by index."""
        return Sampler(self.variant, gan, self.dataset.spec, seed)

    def generator(self) -> Generator:
        """The trained generator, for the metrics that need one. Raises UsageError where there is no checkpoint."""
        gan, conditional = self.trained(), self.variant.info.uses_labels(self.dataset.spec)
        sampler = self.sampler(gan, seed=0)
        return Generator(
            sample=lambda latents, labels: sampler.generate(latents, None if labels is None else labels.cpu().numpy()),
            draw_latents=lambda num_samples, seed: latents_for(range(num_samples), seed, gan.latent_dim, gan.latent),
            latent=gan.latent,
            num_classes=self.dataset.spec.num_classes if conditional else None,
        )

    def evaluation_labels(self, num_samples: int) -> Labels | None:
        """Labels int64 [num_samples] in the proportions of the training split; None for an unconditional model."""
        train = self.dataset.train
        if not self.variant.info.uses_labels(self.dataset.spec) or train.labels is None:
            return None
        shares = np.bincount(train.labels, minlength=self.dataset.spec.num_classes or 0)
        return proportional_labels(num_samples, shares.astype(np.float64))


def load_data(section: DataSection, registry: Registry) -> AnyDataset:
    """A benchmark's data: resolution and number of training samples as said there.

    Raises DataError or UnknownNameError.
    """
    dataset = load_dataset(section.dataset, registry.datasets, section.resolution, default_root())
    return limited(dataset, section.num_train)


def job_of(trial: Path, device: str) -> TrialJob:
    """The job behind a trial's folder, on `device`. Raises UsageError for another folder and for real images."""
    folder = trial.resolve()
    seed, plugin = folder.name.removeprefix("seed-"), folder.parent.name
    run_folder = folder.parent.parent.parent
    if not (run_folder / RUN_FILE).is_file() or not seed.isdigit() or folder.parent.parent.name != "trials":
        raise UsageError(f"{trial}: not a trial's folder; expected RUN/trials/PLUGIN/seed-K.")
    if plugin == REFERENCE_ROW:
        raise UsageError(f"{trial}: these are real images, no model made them; choose another trial.")
    job = TrialJob.read(run_folder, plugin, int(seed))
    configuration = job.run.configuration | {"device": device}
    return replace(job, run=job.run.model_copy(update={"configuration": configuration}))
