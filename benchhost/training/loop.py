"""The training loop: steps, averages, checkpoints, validation, until the goal is reached or somebody says stop."""

from __future__ import annotations

import contextlib
import copy
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchhost.errors import BenchhostError
from benchhost.nets.weights import Trained, load_into
from benchhost.training import checkpoint
from benchhost.training.average import Average
from benchhost.training.group import Group
from benchhost.training.patches import Crop, Feed, Images, Patches
from benchhost.training.records import Journal, Meter, duration
from benchhost.training.settings import Goal, Settings, decaying, rate_factor
from benchhost.training.trainable import Trainable


class Diverged(BenchhostError):
    """The loss is no longer a finite number; the checkpoint before it is kept."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds between checkpoints and between validations, steps between log rows."""

    checkpoint: float = 300.0
    validate: float = 900.0
    log: int = 100


@dataclass
class Progress:
    """Where a run stands.  ``history`` has one entry a stretch: who trained from which step to which, on what."""

    step: int = 0
    seconds: float = 0.0
    decay_from: int | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


class Trainer:
    """One run in one folder.  ``resume`` puts it where a checkpoint stands; ``train`` goes on to the goal.

    identity: what must be equal for a checkpoint to be continued (training, its params, dataset digest, seed).
    export: called on the first process with (weights, progress) after each validation.
    """

    def __init__(
        self,
        trainable: Trainable,
        images: Images,
        *,
        settings: Settings,
        goal: Goal,
        folder: Path,
        identity: Mapping[str, Any],
        group: Group,
        pace: Pace | None = None,
        note: Callable[[str], None] = lambda text: None,
        export: Callable[[Mapping[str, Tensor], Progress], None] = lambda weights, progress: None,
    ) -> None:
        self.trainable, self.settings, self.goal, self.folder = trainable, settings, goal, folder
        self.identity, self.group, self.pace, self.note, self.export = identity, group, pace or Pace(), note, export
        device = group.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(settings.seed)
            self.network = trainable.network().to(device)
        self.average = Average(self.network, settings.ema)
        self.judged = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = _optimizer(self.network, settings)
        wrapped = group.wrap(self.network)
        self.called = torch.compile(wrapped) if settings.compile else wrapped
        self.patches = Patches(
            images.train, [Crop.parse(c) for c in settings.crops], seed=settings.seed, rank=group.rank
        )
        self.held_out = [_as_batch(array).to(device) for array in images.held_out] if group.first else []
        self.progress = Progress()
        self.meter = Meter()
        self.journal = Journal(folder) if group.first else None
        self._stop = threading.Event()

    def resume(self) -> None:
        """Continue from the folder's checkpoint.

        Where the goal is larger than the one the checkpoint decayed for, the run goes back to where the decay began:
        the constant phase is the trunk that can be prolonged, a decayed end is a branch that cannot.

        Raises UsageError or CheckpointError where there is none, or it belongs to another run.
        """
        path = self.folder / checkpoint.LAST
        tensors, facts = checkpoint.read(path)
        if facts["decay_from"] is not None and self.goal.exceeds(Goal(**facts["goal"])):
            path = self.folder / checkpoint.TRUNK
            if facts["decay_from"] == 0 or not path.is_file():
                raise checkpoint.CheckpointError(
                    f"{self.folder}: the run decayed from step {facts['decay_from']} for its goal and there is no "
                    "trunk to prolong: resume it with the old goal, or start anew with --set decay=0.15"
                )
            tensors, facts = checkpoint.read(path)
            self.note(f"the goal is larger now: going back to step {facts['step']}, where the decay began")
        for key, value in self.identity.items():
            if facts["identity"].get(key) != value:
                raise checkpoint.CheckpointError(
                    f"{path} belongs to another run: {key} is {facts['identity'].get(key)!r} there and {value!r} here"
                )
        checkpoint.unpack(tensors, self.network, self.average.tensors, self.optimizer, path=path)
        self.progress = Progress(**{key: facts[key] for key in ("step", "seconds", "decay_from", "history", "figures")})
        if self.journal:
            self.journal.cut(self.progress.step)
        self.note(f"resumed {path.name} at step {self.progress.step}, {duration(self.progress.seconds)} trained")

    def start_from(self, trained: Trained) -> None:
        """Begin at the weights of an exported file; optimizer, step and learning rate begin anew.

        Raises WeightsError where the file is of another network, and the training cannot make it fit.
        """
        if adapt := getattr(self.trainable, "adapt", None):
            trained = replace(trained, tensors=dict(adapt(self.network, trained)))
        load_into(self.network, trained)
        self.average = Average(self.network, self.settings.ema)

    def train(self, *, stretch: Mapping[str, Any] | None = None) -> bool:
        """Train until the goal; True if it was reached, False after :meth:`stop` (a checkpoint is left either way).

        stretch: facts of this stretch (command, commit, machine) for the history.
        """
        device = self.group.device
        progress = self.progress
        progress.history.append({"from_step": progress.step, "settings": asdict(self.settings), **(stretch or {})})
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            reached = self._loop()
        self._save(checkpoint.LAST)
        self._validate()
        self._save(checkpoint.LAST)
        return reached

    def stop(self) -> None:
        """Ask the loop to end after the step in hand; safe to call from a signal handler or another thread."""
        self._stop.set()

    @contextlib.contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the loop in good order; a second one does what it always did."""
        before = {}

        def handle(number: int, frame: Any) -> None:
            self.stop()
            signal.signal(number, before[number])

        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, handle)
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)

    def _loop(self) -> bool:
        progress, started = self.progress, time.perf_counter() - self.progress.seconds
        feed = Feed(self.patches, first=progress.step, device=self.group.device)
        saved = validated = progress.seconds
        if self.journal:
            self.journal.begin(progress.seconds)
        try:
            while True:
                # One message a step: all processes take the first one's clock and follow its decisions.
                now, stop = self.group.agree(time.perf_counter() - started, float(self._stop.is_set()))
                progress.seconds = now
                share = self.goal.progress(progress.step, now)
                if share >= 1 or stop:
                    return share >= 1
                if progress.decay_from is None and decaying(share, self.settings.decay):
                    progress.decay_from = progress.step
                    if progress.step:
                        self._save(checkpoint.TRUNK, decay_from=None)
                if now - validated >= self.pace.validate:
                    validated = now
                    self._validate()
                if now - saved >= self.pace.checkpoint:
                    saved = now
                    self._save(checkpoint.LAST)
                factor = rate_factor(progress.step, share, warmup=self.settings.warmup, decay=self.settings.decay)
                loss, norm = self._step(next(feed), factor)
                progress.step += 1
                self.meter.add(loss, norm)
                if progress.step % self.pace.log == 0:
                    self._log(feed, factor, time.perf_counter() - started)
        finally:
            feed.close()

    def _step(self, batch: Tensor, factor: float) -> tuple[Tensor, Tensor]:
        step, settings = self.progress.step, self.settings
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = settings.rate * factor
        rng = self.patches.generator(step)
        torch.manual_seed(rng.initial_seed() & 0x7FFFFFFF)  # dropout inside a network: exact after a resume as well
        device = self.group.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=settings.precision == "bf16"):
            loss = self.trainable.loss(self.called, batch, rng)
        loss.backward()
        limit = settings.clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network, step)
        return loss.detach(), norm.detach()

    def _log(self, feed: Feed, factor: float, seconds: float) -> None:
        steps, means = self.meter.take()
        loss, norm = self.group.mean(means).tolist()
        if self.journal is None:
            return
        progress = self.progress
        row = self.journal.row(
            step=progress.step,
            seconds=seconds,
            steps=steps,
            loss=loss,
            norm=norm,
            rate=self.settings.rate * factor,
            waited=feed.waited,
        )
        share = self.goal.progress(progress.step, seconds)
        speed = row["steps_per_second"]
        if self.goal.steps is not None:
            left = (self.goal.steps - progress.step) / speed
        else:
            left = (self.goal.seconds or 0.0) - seconds
        self.note(
            f"step {progress.step}  loss {row['loss']:.4f}  rate {row['rate']:.2e}  {speed:.2f} steps/s  "
            f"waiting {100 * row['wait_share']:.1f} %  {100 * share:.1f} % done, {duration(left)} left"
        )

    def _validate(self) -> None:
        if not self.group.first:
            return
        # What is judged is what will be exported: the average, rounded to half precision.
        weights = {n: t.half() if t.is_floating_point() else t for n, t in self.average.tensors.items()}
        self.judged.load_state_dict({n: t.to(self.average.tensors[n].dtype) for n, t in weights.items()})
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            figures = dict(self.trainable.validate(self.judged, self.held_out))
        self.progress.figures = figures
        self.journal.validated(step=self.progress.step, seconds=self.progress.seconds, figures=figures)
        self.note("validation  " + "  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
        self.export(weights, self.progress)

    def _save(self, name: str, **changes: Any) -> None:
        if not self.group.first:
            return
        if not self.meter.finite():
            raise Diverged(
                f"the loss is not finite at step {self.progress.step}; {self.folder / checkpoint.LAST} is older and "
                "whole. Resume it with a lower rate: --set rate=..."
            )
        self.progress.history[-1] |= {"to_step": self.progress.step, "to_seconds": round(self.progress.seconds, 1)}
        facts = {**asdict(self.progress), "identity": dict(self.identity), "goal": asdict(self.goal), **changes}
        checkpoint.write(self.folder / name, checkpoint.pack(self.network, self.average.tensors, self.optimizer), facts)


def _optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(
        network.parameters(),
        lr=settings.rate,
        betas=(settings.beta1, settings.beta2),
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _as_batch(array: Any) -> Tensor:
    image = torch.from_numpy(array)[None]
    return image.float().div_(255) if image.dtype == torch.uint8 else image
