"""The host's training loop: one for every variant, so that all are treated alike.

A plugin does one iteration; everything around it is here: budget, precision, averaged generator, history, held-out
probe, snapshots, checkpoints. Where the loop was stopped does not show in the weights: a checkpoint holds the state of
every network, optimiser, random generator and data stream.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ganbench.config import Budget, TrainingSection, parse_budget
from ganbench.models import GAN
from ganbench.registry import Variant
from ganbench.results.store import append_history, keep_history_until
from ganbench.run.averaging import AveragedGenerator
from ganbench.run.checkpoint import LAST, CheckpointError, load_checkpoint, save_checkpoint
from ganbench.run.diversity import LINES_PER_LOOK
from ganbench.run.monitor import Line, Monitor, check_finite, gradient_norms, to_numbers
from ganbench.seeding import preserved_rng, rng_state, set_rng_state
from ganbench.types import Batch

_PROBE_SPACING = 1.04


class Stream(Protocol):
    """An endless source of batches whose place can be saved (`ganbench.data.batches.BatchStream`)."""

    def __next__(self) -> Batch: ...
    def __iter__(self) -> Iterator[Batch]: ...
    @property
    def num_samples(self) -> int:
        """How many samples an epoch has."""

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""


@dataclass(frozen=True)
class Progress:
    """How far training is: `done` of `total` in the budget's unit, and the newest history line."""

    step: int
    done: float
    total: float
    unit: str
    images_per_second: float
    seconds_left: float | None
    line: Line


class Interrupted(BaseException):
    """The trial was asked to stop; in training, the checkpoint is on the disk."""


class CountedBatches:
    """Hands batches on and counts the real images in them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.num_images = 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch = next(self._stream)
        self.num_images += len(batch.real)
        return batch


class Trainer:
    """Trains one GAN to the end of its budget.

    Args:
        variant: The plugin.
        gan: Its networks, on the training device.
        stream: Real training images; `heldout` the held-out ones (None: no held-out curves).
        settings: The benchmark's training section.
        folder: The trial's folder; checkpoints/ and history.jsonl are written there.
        configuration_sha256: Of the run; a checkpoint of another configuration is refused.
        snapshot: Called at step 0, at log-spaced steps and at the end; draws what it likes, changes nothing.
        probe: Called at the same steps and at the ends of some epochs (`is_probed_epoch`); changes nothing either.
        diversity: Called at every fifth history line and at the end: numbers for that line; changes nothing either.
        warn: Called with each history line before it is written; what it returns goes into the line as `warning`.
        report: Called after each history line.
        should_stop: Asked after each step; True saves a checkpoint and raises Interrupted.
    """

    def __init__(
        self,
        variant: Variant,
        gan: GAN,
        stream: Stream,
        settings: TrainingSection,
        folder: Path,
        *,
        heldout: Stream | None = None,
        configuration_sha256: str = "",
        snapshot: Callable[[int], None] = lambda step: None,
        probe: Callable[[int], None] = lambda step: None,
        diversity: Callable[[], Mapping[str, Tensor]] = dict,
        warn: Callable[[Line], Sequence[str]] = lambda line: (),
        report: Callable[[Progress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.variant, self.gan, self.stream, self.heldout = variant, gan, stream, heldout
        self.settings, self.report, self.should_stop = settings, report, should_stop
        self.snapshot, self.probe, self.diversity, self.warn = snapshot, probe, diversity, warn
        self.configuration_sha256 = configuration_sha256
        self.batches = CountedBatches(stream)
        self.budget: Budget = parse_budget(settings.budget)
        self.checkpoint_path = folder / "checkpoints" / LAST
        self.history_path = folder / "history.jsonl"
        self.ema = self._averaged_generator()
        self.monitor = Monitor()
        self.step = 0
        self.seconds = 0.0  # of training, over all sessions
        self.resumed_at: list[int] = []
        self._clock = self._last_checkpoint = time.perf_counter()
        self._logged_images, self._logged_seconds = 0, 0.0

    def run(self) -> None:
        """Train until the budget is spent. Raises Interrupted, or TrainingDivergedError."""
        complete = self._resume()
        if complete:
            return
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.settings.precision == "tf32"
        self._start_clock()
        if self.step == 0:
            self._look(is_snapshot=True, is_probe=True)
        while not self.finished:
            epochs_before = self.epochs
            self._iterate()
            is_snapshot = is_snapshot_step(self.step)
            if not self.finished:
                self._look(is_snapshot, is_snapshot or ends_probed_epoch(epochs_before, self.epochs))
            if self.step % self.settings.log_every_steps == 0:
                self._log()
                self._checkpoint_when_due()
            if self.should_stop() and not self.finished:
                self._checkpoint()
                raise Interrupted
        self._finish()

    @property
    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self._done() >= self.budget.amount

    @property
    def epochs(self) -> float:
        """How many times the training images were gone through."""
        return self.batches.num_images / self.stream.num_samples

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Inside, the generator has its averaged weights, when the benchmark asks for averaging."""
        if self.ema is None:
            yield
            return
        with self.ema.in_place():
            yield

    def _iterate(self) -> None:
        images_before = self.batches.num_images
        self.gan.progress = min(1.0, self._done() / self.budget.amount)
        with self._autocast():
            outputs = self.variant.train_step(self.gan, self.batches, self.step)
        self.monitor.observe(outputs)
        if self.batches.num_images == images_before:  # a model that looks at no data spends its budget all the same
            self.batches.num_images += self.settings.batch_size
        if self.ema is not None:
            self.ema.update()
        self.step += 1

    def _autocast(self) -> torch.autocast:
        bf16 = self.settings.precision == "bf16"
        return torch.autocast(self.gan.device.type, dtype=torch.bfloat16, enabled=bf16)

    def _averaged_generator(self) -> AveragedGenerator | None:
        if not self.settings.ema or self.gan.generator is None:
            return None
        return AveragedGenerator(self.gan.generator, self.settings.ema)

    def _done(self) -> float:
        match self.budget.unit:
            case "steps":
                return self.step
            case "kimg":
                return self.batches.num_images / 1000
            case "epochs":
                return self.epochs
            case "min":
                return self._elapsed() / 60

    # Time: `seconds` counts training alone; snapshots, probes and diversity are not charged to the variant.

    def _start_clock(self) -> None:
        self._clock = time.perf_counter()

    def _elapsed(self) -> float:
        return self.seconds + time.perf_counter() - self._clock

    def _pause(self, action: Callable[[int], None], step: int) -> None:
        if self.gan.device.type == "cuda":
            torch.cuda.synchronize(self.gan.device)  # what is still being computed is training
        self.seconds = self._elapsed()
        action(step)
        self._start_clock()

    def _look(self, is_snapshot: bool, is_probe: bool) -> None:
        """Before the checkpoint of the same step, so that none is missing from a run that is killed and resumed."""
        if is_snapshot:
            self._pause(self.snapshot, self.step)
        if is_probe:
            self._pause(self.probe, self.step)

    # History

    def _log(self) -> None:
        line = self.monitor.reduce() | gradient_norms(self.gan)  # waits for the device, so the clock is right
        self.seconds = self._elapsed()
        rate = (self.batches.num_images - self._logged_images) / max(self.seconds - self._logged_seconds, 1e-9)
        self._logged_images, self._logged_seconds = self.batches.num_images, self.seconds
        if self.heldout is not None and self.step % self.settings.heldout_every_steps == 0:
            line |= {f"heldout_{name}": value for name, value in self._probe_heldout().items()}
        if self.finished or self.step % (LINES_PER_LOOK * self.settings.log_every_steps) == 0:
            line |= to_numbers(self.diversity())
        self._start_clock()
        place: Line = {"step": self.step, "images": self.batches.num_images, "epoch": self.epochs}
        place["seconds"] = self.seconds
        line = place | {"images_per_second": rate} | line
        warnings = self.warn(line)
        append_history(self.history_path, line | ({"warning": ". ".join(warnings)} if warnings else {}))
        check_finite(line, self.step)
        self.report(
            Progress(self.step, self._done(), self.budget.amount, self.budget.unit, rate, self._seconds_left(), line)
        )

    def _probe_heldout(self) -> Line:
        """The plugin's own iteration on held-out images, undone afterwards.

        Any variant gets held-out losses this way without a hook for it, and training does not notice. The state is
        put back rather than the model copied, since some modules cannot be copied (hooks of weight norm).
        """
        assert self.heldout is not None
        probe = Monitor()
        state = copy.deepcopy(self.gan.state_dict())
        gradients = [(p, None if p.grad is None else p.grad.clone()) for p in self.gan.parameters()]
        with preserved_rng(self.gan.device), self._autocast():
            probe.observe(self.variant.train_step(self.gan, self.heldout, self.step))
        self.gan.load_state_dict(state)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        return probe.reduce()

    def _seconds_left(self) -> float | None:
        done = self._done()
        return self._elapsed() / done * max(self.budget.amount - done, 0) if done else None

    # Checkpoints

    def _checkpoint_when_due(self) -> None:
        if time.perf_counter() - self._last_checkpoint >= self.settings.checkpoint_every_seconds:
            self._pause(lambda step: self._checkpoint(), self.step)

    def _checkpoint(self, complete: bool = False) -> None:
        save_checkpoint(self.checkpoint_path, self._state(complete))
        self._last_checkpoint = time.perf_counter()

    def _state(self, complete: bool) -> dict[str, Any]:
        return {
            "configuration_sha256": self.configuration_sha256,
            "complete": complete,
            "step": self.step,
            "images": self.batches.num_images,
            "seconds": self._elapsed(),
            "resumed_at": self.resumed_at,
            "gan": self.gan.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "rng": rng_state(self.gan.device),
            "stream": self.stream.state_dict(),
            "heldout": None if self.heldout is None else self.heldout.state_dict(),
        }

    def _resume(self) -> bool:
        """Go back to the last checkpoint, if there is one; True when it is the end of training."""
        state = load_checkpoint(self.checkpoint_path)
        if state is None:
            keep_history_until(self.history_path, 0)
            return False
        if state.get("configuration_sha256") != self.configuration_sha256:
            raise CheckpointError(
                f"{self.checkpoint_path}: from a run of another configuration. Pass --fresh to start this run over."
            )
        try:
            self._restore(state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{self.checkpoint_path}: does not fit this model ({error}). Pass --fresh to start the run over."
            ) from error
        keep_history_until(self.history_path, self.step)
        return bool(state["complete"])

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.seconds = state["step"], state["seconds"]
        self.batches.num_images = self._logged_images = state["images"]
        self._logged_seconds = self.seconds
        self.gan.load_state_dict(state["gan"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.stream.load_state_dict(state["stream"])
        if self.heldout is not None:
            self.heldout.load_state_dict(state["heldout"])
        set_rng_state(state["rng"], self.gan.device)
        self.resumed_at = state["resumed_at"] if state["complete"] else [*state["resumed_at"], self.step]

    def _finish(self) -> None:
        self.gan.progress = 1.0
        if self.batches.num_images > self._logged_images:
            self._log()
        self._look(is_snapshot=True, is_probe=True)
        self._checkpoint(complete=True)


def is_snapshot_step(step: int) -> bool:
    """1, 2 and 5 times a power of ten, from 10 on: evenly spaced on a logarithmic axis."""
    digits = str(step)
    return step >= 10 and digits[0] in "125" and not digits[1:].strip("0")


def is_probed_epoch(epoch: int) -> bool:
    """Every epoch up to 25, then each that is at least 4 % later than the one before: 53 of 100, 91 of 500."""
    probed = 1
    while probed < epoch:
        probed = max(probed + 1, math.ceil(probed * _PROBE_SPACING))
    return probed == epoch


def ends_probed_epoch(before: float, after: float) -> bool:
    """Whether one of the epochs that end between two points in training is probed."""
    return any(is_probed_epoch(epoch) for epoch in range(int(before) + 1, int(after) + 1))


def num_parameters(network: nn.Module | None) -> int:
    """Trainable parameters of `network`; 0 for None."""
    return 0 if network is None else sum(p.numel() for p in network.parameters() if p.requires_grad)


def prepare(gan: GAN, device: torch.device) -> GAN:
    """Move `gan` to `device` (a plugin may have built parts elsewhere), convolutions channels-last: faster on GPUs, and
    by 15 to 25 % for DCGAN's on a CPU."""
    return gan.to(device).to(memory_format=torch.channels_last)
