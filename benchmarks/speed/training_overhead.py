"""How much slower is a training step under ganbench than the same networks and losses in a bare PyTorch loop?

    python benchmarks/speed/training_overhead.py [--steps 200] [--rounds 7] [--plugins dcgan,sncgan,vtgan]

Both sides build the plugin's networks and train them on the same digits in the settings of mnist-quick. The bare side
is written out below without hooks, history, held-out probe or checkpoints, and draws its batches by plain indexing.
The host's side is the `Trainer` that `ganbench run` uses, with all of those. Rounds alternate, bare first and host
first in turn, so that a drift of the machine's speed hits both; the table gives the ratio host / bare pair by pair, as
median, minimum and maximum. "step" is the time the host charges to training; "all" is its whole wall time, with
held-out probes and checkpoints (snapshots are pictures for the report, and left out).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.data.batches import BatchStream
from ganbench.data.load import load_dataset
from ganbench.data.sources import in_memory
from ganbench.models import GAN
from ganbench.registry import Registry, Variant, load_registry
from ganbench.run.training import Trainer, prepare
from ganbench.seeding import seed_everything
from ganbench.types import Dataset

WARM_UP_STEPS = 10


def source_loss(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of logits against one target."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def bare_steps(gan: GAN, name: str, images: Tensor, labels: Tensor, num_steps: int, batch_size: int) -> None:
    """`num_steps` of the plugin's iteration, written out."""
    generator, discriminator = gan.generator, gan.discriminator
    step_g, step_d = gan.optimizers["generator"], gan.optimizers["discriminator"]
    params_g, params_d = list(generator.parameters()), list(discriminator.parameters())
    smoothing = 0.1 if name == "vtgan" else 0.0

    def judge(x: Tensor, y: Tensor) -> Any:
        return discriminator(x, y) if name == "sncgan" else discriminator(x)

    def loss(output: Any, y: Tensor, target: float, class_smoothing: float) -> Tensor:
        if name != "vtgan":
            return source_loss(output, target)
        source, classes = output
        return source_loss(source, target) + F.cross_entropy(classes, y, label_smoothing=class_smoothing)

    for _ in range(num_steps):
        index = torch.randint(len(images), (batch_size,), device=images.device)
        real, y = images[index].float().div(127.5).sub(1.0), labels[index]
        latents = gan.sample_latents(batch_size)
        fake = generator(latents) if name == "dcgan" else generator(latents, y)
        step_d.zero_grad(set_to_none=True)
        loss(judge(real, y), y, 1.0 - smoothing / 2, smoothing).backward(inputs=params_d)  # type: ignore[no-untyped-call]
        loss(judge(fake.detach(), y), y, 0.0, 0.0).backward(inputs=params_d)  # type: ignore[no-untyped-call]
        step_d.step()
        step_g.zero_grad(set_to_none=True)
        loss(judge(fake, y), y, 1.0, 0.0).backward(inputs=params_g)  # type: ignore[no-untyped-call]
        step_g.step()


class Contest:
    """One plugin, built afresh for each round, trained by either side."""

    def __init__(self, registry: Registry, variant: Variant, dataset: Dataset, device: torch.device) -> None:
        self.benchmark = registry.benchmark("mnist-quick")
        self.variant, self.dataset, self.device = variant, dataset, device
        common = {name: value for name, value in self.benchmark.options.items() if name in variant.info.options}
        self.options = variant.options(common)
        self.batch_size = self.benchmark.training.batch_size
        self.images = torch.from_numpy(in_memory(dataset.train).images).permute(0, 3, 1, 2).contiguous().to(device)
        assert dataset.train.labels is not None
        self.labels = torch.from_numpy(dataset.train.labels).to(device)

    def build(self) -> GAN:
        """The same networks for both sides, warmed up."""
        seed_everything(0)
        with torch.device(self.device):
            gan = self.variant.build_gan(self.dataset.spec, self.options)
        gan = prepare(gan, self.device).train()
        bare_steps(gan, self.variant.name, self.images, self.labels, WARM_UP_STEPS, self.batch_size)
        self._wait()
        return gan

    def bare(self, num_steps: int) -> float:
        """Seconds per step of the bare loop."""
        gan = self.build()
        start = time.perf_counter()
        bare_steps(gan, self.variant.name, self.images, self.labels, num_steps, self.batch_size)
        self._wait()
        return (time.perf_counter() - start) / num_steps

    def host(self, num_steps: int, folder: Path) -> tuple[float, float]:
        """Seconds per step under ganbench: charged to training, and in all."""
        gan = self.build()
        settings = self.benchmark.training.model_copy(update={"budget": f"{num_steps}steps"})
        train, heldout = (
            BatchStream(in_memory(split).images, split.labels, batch_size=self.batch_size, seed=0, device=self.device)
            for split in (self.dataset.train, self.dataset.test)
        )
        trainer = Trainer(self.variant, gan, train, settings, folder, heldout=heldout)
        start = time.perf_counter()
        trainer.run()
        self._wait()
        return trainer.seconds / num_steps, (time.perf_counter() - start) / num_steps

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def measure(contest: Contest, num_steps: int, num_rounds: int) -> dict[str, list[float]]:
    """Ratios and milliseconds of all rounds."""
    rows: dict[str, list[float]] = {"step": [], "all": [], "bare_ms": []}
    for round_number in range(num_rounds):
        with tempfile.TemporaryDirectory() as folder:
            sides: list[Callable[[], Any]] = [
                lambda: contest.bare(num_steps),
                lambda folder=folder: contest.host(num_steps, Path(folder)),  # type: ignore[misc]
            ]
            if round_number % 2:
                host, bare = sides[1](), sides[0]()
            else:
                bare, host = sides[0](), sides[1]()
        rows["step"].append(host[0] / bare)
        rows["all"].append(host[1] / bare)
        rows["bare_ms"].append(bare * 1000)
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--plugins", default="dcgan,sncgan,vtgan")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    registry = load_registry()
    dataset = load_dataset("mnist5k", registry.datasets, 28)
    assert isinstance(dataset, Dataset)
    print(
        f"{arguments.device}, {torch.get_num_threads()} threads, {arguments.rounds} rounds of {arguments.steps} steps"
    )
    print(f"{'plugin':10} {'bare ms/step':>13} {'step: host / bare':>24} {'all: host / bare':>24}")
    for name in arguments.plugins.split(","):
        contest = Contest(registry, registry.variant(name), dataset, torch.device(arguments.device))
        rows = measure(contest, arguments.steps, arguments.rounds)
        cells = [f"{statistics.median(r):.3f} ({min(r):.3f} to {max(r):.3f})" for r in (rows["step"], rows["all"])]
        print(f"{name:10} {statistics.median(rows['bare_ms']):13.1f} {cells[0]:>24} {cells[1]:>24}", flush=True)


if __name__ == "__main__":
    main()
