"""Deep Image Prior: fit a randomly initialised network to the measurements, and stop before it fits the noise.

Ulyanov, Vedaldi and Lempitsky, "Deep Image Prior", CVPR 2018.  Differences from the official notebooks are listed in
the plugin's README.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Generator, Tensor

from benchhost.nets.precision import fast_bfloat16
from benchhost.physics import Physics
from benchhost.types import Problem
from benchhost_dip.data_term import DataTerm
from benchhost_dip.network import build, fixed_input, smallest_side
from benchhost_dip.params import DipParams
from benchhost_dip.settings import Settings, resolve
from benchhost_dip.stopping import Discrepancy, RunToTheEnd, StopRule, Validation, WindowedVariance

TRACE_EVERY = 20  # steps between iterates offered to the convergence record
EXACT = 3 / 255  # noise, by the image's scale, that exact measurements count as in the weight of TV
CHECK_EVERY = 50  # steps between the snapshots that a diverging run falls back to


class Dip:
    """min over theta of |A f_theta(z) - y|^2, one network per image, nothing carried over from one to the next."""

    def __init__(self, params: DipParams) -> None:
        self.params = params

    def reconstruct(self, problem: Problem) -> Tensor:
        """Estimate each image of the batch on its own: (B, C, H, W).

        Every image of a batch starts from the same random numbers, so that an estimate does not depend on its place.
        Iterates are traced for batches of one.
        """
        seeds = [int(torch.randint(2**62, (), generator=problem.rng)) for _ in range(self.params.seeds)]
        estimates, runs_left = [], len(problem.y) * len(seeds)
        for index in range(len(problem.y)):
            total = torch.zeros((1, *problem.image_shape), dtype=problem.y.dtype, device=problem.y.device)
            for done, seed in enumerate(seeds):
                run = Run(problem, index, seed, self.params, before=total / done if done else None, number=done)
                total = total + run.fit(_share(problem.deadline, runs_left))
                runs_left -= 1
            estimates.append(total / len(seeds))
        return torch.cat(estimates)


class Average:
    """Running average of outputs with a decay that grows until it reaches its value; decay 0 is the last output."""

    def __init__(self, decay: float, ramp: int) -> None:
        self.decay, self.ramp = decay, ramp
        self.count = 0
        self.value: Tensor | None = None

    def update(self, x: Tensor) -> None:
        """Take in the output of another step."""
        x = x.detach()
        self.count += 1
        decay = min(self.decay, self.count / (self.count + self.ramp))
        self.value = x.clone() if self.value is None else torch.lerp(x, self.value, decay)


class Run:
    """One network fitted to one measurement from one seed."""

    def __init__(
        self, problem: Problem, index: int, seed: int, params: DipParams, *, before: Tensor | None, number: int
    ) -> None:
        self.problem, self.before, self.number = problem, before, number
        self.settings = resolve(
            params,
            task=problem.task,
            task_params=problem.task_params,
            image_shape=problem.image_shape,
            sigma=problem.sigma,
            bfloat16=problem.device == "cpu" and fast_bfloat16(),
        )
        self.rng = Generator().manual_seed(seed)
        # Single precision whatever the problem's, so that a network's choice of iterate does not hang on it.
        physics = problem.physics.sample(index).to(dtype=torch.float32)
        y = problem.y[index : index + 1].float()
        s, (_, height, width) = self.settings, problem.image_shape
        self.net = build(s.architecture, problem.image_shape[0], self.rng).to(y.device)
        least = smallest_side(s.architecture)  # smaller images are the middle of a larger output
        self.canvas = (max(height, least), max(width, least))
        self.z = fixed_input(s.architecture, *self.canvas, self.rng).to(y.device)
        self.shape_output = _Output(problem, physics, y)
        holdout = s.holdout if s.stop == "validation" else 0.0
        self.data = DataTerm(physics, y, holdout=holdout, rng=self.rng, filtered=s.filtered)
        self.physics, self.y = physics, y
        self.consistent = s.consistent and problem.sigma == 0 and "pinv" in physics.offers()
        self.tv_weight = s.tv * self.data.smoothing(problem.sigma, self.shape_output.scale * EXACT)
        self.rule = stop_rule(s, problem.sigma, self.rng)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=s.learning_rate, fused=True)

    def fit(self, deadline: float | None) -> Tensor:
        """Optimise until the rule, the last step or the deadline; the average that was selected: (1, C, H, W)."""
        s, average, selected = self.settings, Average(self.settings.ema, self.settings.ramp), None
        checkpoint = _Checkpoint(self.net, self.optimiser, s.backtrack)
        clock = _Clock(deadline)
        for step in range(1, s.iterations + 1):
            self._set_learning_rate(step)
            x = self._output()
            data = self.data.residuals(x)
            self.optimiser.zero_grad()
            self._objective(data.loss, x).backward()
            if checkpoint.restored(step, data.fitted):
                continue  # the step that diverged counts nowhere
            self.optimiser.step()
            average.update(x)
            verdict = self.rule.update(step, residual=data.fitted, held_out=data.held_out, output=x)
            if verdict.keep:
                selected = average.value
            if step % TRACE_EVERY == 0 or verdict.stop:
                self._trace(step, average.value, data.fitted)
            if verdict.stop or clock.short():
                break
        result = selected if selected is not None else average.value
        if result is None:
            raise FloatingPointError("dip: no step gave a finite residual; is y finite?")
        return self._finish(result)

    def _finish(self, x: Tensor) -> Tensor:
        """What is returned for an average: made consistent with exact measurements, in the problem's precision."""
        if self.consistent:
            x = x + self.physics.A_dagger(self.y - self.physics.A(x))
        return x.to(self.problem.y.dtype)

    def _output(self) -> Tensor:
        """f(z + noise), bounded or scaled, cropped to the image: (1, C, H, W)."""
        s, z = self.settings, self.z
        if s.input_noise:
            # Drawn in the order of memory: ten times faster than into a strided tensor.
            noise = torch.empty(z.movedim(1, -1).shape).normal_(0, s.input_noise, generator=self.rng)
            z = z + noise.movedim(-1, 1).to(z.device)
        return self.shape_output(self.net(z, *self.canvas, low_precision=s.low_precision))

    def _objective(self, loss: Tensor, x: Tensor) -> Tensor:
        """Data term plus w TV(x) / n, divided by the image's squared scale so that Adam's epsilon is far away."""
        scale = self.shape_output.scale
        loss = loss / scale**2
        return loss + self.tv_weight / scale * total_variation(x / scale) if self.tv_weight else loss

    def _set_learning_rate(self, step: int) -> None:
        s = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = s.learning_rate * min(1.0, step / s.warmup if s.warmup else 1.0)

    def _trace(self, step: int, average: Tensor, residual: float) -> None:
        if len(self.problem.y) > 1:
            return
        # With several seeds: the mean of the finished runs and this one, which is what would be returned now.
        n, estimate = self.number, self._finish(average)
        mean = estimate if self.before is None else (self.before * n + estimate) / (n + 1)
        self.problem.trace(n * self.settings.iterations + step, mean, residual=residual)


class _Output:
    """What the network's last layer means: a sigmoid onto the value range, or a linear map times the image's scale.

    scale: of complex images and those without a range, the peak of the task's baseline image (zero-filled, FBP).
    """

    def __init__(self, problem: Problem, physics: Physics, y: Tensor) -> None:
        _, self.height, self.width = problem.image_shape
        # A complex image turns its phase: its two parts crowd round zero, not round the ends of their range.
        self.range = None if problem.complex_image else problem.value_range
        self.scale = 1.0
        if self.range is not None:
            self.scale = self.range[1] - self.range[0]
        else:
            self.scale = float(physics.baseline(y).abs().max()) or 1.0

    def __call__(self, raw: Tensor) -> Tensor:
        top, left = (raw.shape[-2] - self.height) // 2, (raw.shape[-1] - self.width) // 2
        raw = raw[..., top : top + self.height, left : left + self.width]
        return self.scale * raw if self.range is None else self.range[0] + self.scale * torch.sigmoid(raw)


class _Checkpoint:
    """The notebooks' fall-back, with copies: weights and optimiser return to the last check if the fit breaks down."""

    def __init__(self, net: torch.nn.Module, optimiser: torch.optim.Optimizer, drop: float) -> None:
        self.net, self.optimiser = net, optimiser
        self.factor = 10 ** (drop / 10) if drop else float("inf")
        self.residual = float("inf")
        self._save()

    def restored(self, step: int, residual: float) -> bool:
        """Whether the residual broke away (more than ``drop`` dB, or not finite), and the weights were put back."""
        if not (math.isfinite(residual) and residual <= self.factor * self.residual):
            self.net.load_state_dict(self._weights)
            self.optimiser.state.clear()
            for parameter, state in self._moments.items():
                self.optimiser.state[parameter] = {k: v.clone() for k, v in state.items()}
            return True
        if step % CHECK_EVERY == 0:
            self.residual = residual
            self._save()
        return False

    def _save(self) -> None:
        self._weights = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self._moments = {p: {k: v.clone() for k, v in s.items()} for p, s in self.optimiser.state.items()}


class _Clock:
    """Says when another step would overrun the deadline, judging by the slowest step so far."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.last = time.monotonic()
        self.slowest = 0.0

    def short(self) -> bool:
        if self.deadline is None:
            return False
        now = time.monotonic()
        self.slowest, self.last = max(self.slowest, now - self.last), now
        return now + 1.5 * self.slowest > self.deadline


def _share(deadline: float | None, runs_left: int) -> float | None:
    """The part of the remaining time that belongs to the next of ``runs_left`` runs, as a point in time."""
    now = time.monotonic()
    return None if deadline is None else now + (deadline - now) / runs_left


def total_variation(x: Tensor) -> Tensor:
    """Mean over pixels of the length of the gradient (forward differences, isotropic): a number."""
    dx = x[..., :-1, 1:] - x[..., :-1, :-1]
    dy = x[..., 1:, :-1] - x[..., :-1, :-1]
    return (dx.square() + dy.square() + 1e-8).sqrt().mean()


def stop_rule(settings: Settings, sigma: float | None, rng: Generator) -> StopRule:
    """The rule that the settings name."""
    if settings.stop == "discrepancy":
        return Discrepancy(sigma or 0.0, tau=settings.tau)
    if settings.stop == "validation":
        return Validation(patience=settings.patience)
    if settings.stop == "variance":
        return WindowedVariance(rng, patience=settings.patience)
    return RunToTheEnd()
