"""What each stopping rule returns, against the best average of the fit: all rules watch the same fits of an image.

A rule decides when to stop and changes nothing before, so that one fit serves all of them; the validation rule, which
keeps entries out of the loss, has a fit of its own.  Measurement and score are those of ``benchhost run``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Generator, Tensor

import benchhost
from benchhost.params import build
from benchhost.types import Problem
from benchhost_dip.method import Average, Run
from benchhost_dip.params import DipParams
from benchhost_dip.stopping import Discrepancy, StopRule, Verdict, WindowedVariance

END = "none"  # the rule that never stops
LAST = "last output at "  # before a rule's name: the output of the step at which it stopped, unaveraged


@dataclass
class Fits:
    """What came of one measurement.

    estimates: (1, C, H, W) by rule.  steps: the number of steps at which each rule stopped, for those that did.
    traced: averages along the fit without a rule, by step.
    """

    estimates: dict[str, Tensor] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    traced: dict[int, Tensor] = field(default_factory=dict)


class Watch:
    """Several rules on one fit, which goes on to its last step, or until all have stopped (``hurry``).

    A rule's estimate is the average that it kept, or the last one where it never kept any.
    """

    def __init__(self, rules: Mapping[str, StopRule], average: Average, found: Fits, *, hurry: bool = False) -> None:
        self.waiting, self.average, self.found, self.hurry = dict(rules), average, found, hurry
        self._kept: set[str] = set()

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Ask every rule that has not stopped yet."""
        self.average.update(output)
        for name, rule in list(self.waiting.items()):
            verdict = rule.update(step, residual=residual, held_out=held_out, output=output)
            if verdict.keep or name not in self._kept:
                self.found.estimates[name] = self.average.value
                self.found.estimates[LAST + name] = output.detach().clone()
            if verdict.keep:
                self._kept.add(name)
            if verdict.stop:
                self.found.steps[name] = step
                del self.waiting[name]
        return Verdict(stop=self.hurry and not self.waiting)


def fits(problem: Problem, *, networks: int = 2, **changes: object) -> Fits:
    """Fit one measurement under every rule; ``changes`` are parameters of DIP.

    networks: how many of different seeds the mean of "discrepancy, N networks" is taken over; 1: leave it out.
    Raises ValueError for several measurements, or without a noise level.
    """
    if len(problem.y) != 1 or not problem.sigma:
        raise ValueError("rules are compared on one measurement with known noise at a time")
    seeds = [int(torch.randint(2**62, (), generator=problem.rng)) for _ in range(networks)]
    found = Fits()
    traced = replace(problem, trace=lambda step, x, **_: found.traced.update({step: x.detach().clone()}))
    silent = replace(problem, trace=lambda step, x, **_: None)

    def fit(posed: Problem, seed: int, stop: str, make: Callable[[Run], dict[str, StopRule]], into: Fits) -> None:
        params = build(DipParams, {**changes, "stop": stop}, owner="method 'dip'")
        run = Run(posed, 0, seed, params, before=None, number=0)
        average = Average(run.settings.ema, run.settings.ramp)
        run.rule = Watch(make(run), average, into, hurry=posed is silent)
        run.fit(None)

    def discrepancy(_run: Run) -> dict[str, StopRule]:
        return {"discrepancy": Discrepancy(problem.sigma)}

    def all_on_one(run: Run) -> dict[str, StopRule]:
        # Its own random numbers: it draws the pixels that it looks at.
        variance = WindowedVariance(Generator().manual_seed(seeds[0]), patience=run.settings.patience)
        return {END: run.rule, **discrepancy(run), "variance": variance}

    fit(traced, seeds[0], "none", all_on_one, found)
    fit(silent, seeds[0], "validation", lambda run: {"validation": run.rule}, found)
    every = [found.estimates["discrepancy"]]
    for seed in seeds[1:]:
        other = Fits()
        fit(silent, seed, "none", discrepancy, other)
        every.append(other.estimates["discrepancy"])
    if networks > 1:
        found.estimates[f"discrepancy, {networks} networks"] = torch.cat(every).mean(dim=0, keepdim=True)
    return found


def table(
    sigma: float,
    dataset: str,
    *,
    limit: int | None = None,
    networks: int = 2,
    keep: Path | None = None,
    **changes: object,
) -> pd.DataFrame:
    """Means over a dataset's images: one row for each rule, with the PSNR of what it returns in dB.

    sigma: of the noise, in grey levels.  keep: a folder for what is fitted; a later call goes on from there.
    "best average": the largest PSNR among the averages along the fit, every 20 steps: no rule knows it.
    """
    done: dict[str, Fits] = {}

    def fitted(problem: Problem) -> Fits:
        name = hashlib.sha256(
            problem.y.numpy().tobytes() + repr((networks, sorted(changes.items()))).encode()
        ).hexdigest()
        file = keep / f"{name[:16]}.safetensors" if keep else None
        if name not in done:
            done[name] = _read(file) if file and file.exists() else fits(problem, networks=networks, **changes)
            if file and not file.exists():
                _write(done[name], file)
        return done[name]

    def whole(problem: Problem) -> Tensor:
        found = fitted(problem)
        for step, x in found.traced.items():
            problem.trace(step, x)
        return found.estimates[END]

    def score(method: Callable[[Problem], Tensor]) -> pd.DataFrame:
        frame = benchhost.evaluate(method, task=f"denoise:sigma={sigma:g}", dataset=dataset, limit=limit, device="cpu")
        if (bad := frame[frame.status != "ok"]).size:
            raise RuntimeError(f"{bad.image.iloc[0]}: {bad.reason.iloc[0]}")
        return frame[frame.metric == "psnr"]

    at_end = score(whole)
    rows = [("best average", at_end.peak.mean(), None, len(at_end))]
    for rule in sorted({rule for found in done.values() for rule in found.estimates}):

        def rules_own(problem: Problem, *, _rule: str = rule) -> Tensor:
            return fitted(problem).estimates[_rule]

        steps = [found.steps[rule] for found in done.values() if rule in found.steps]
        rows.append((rule, score(rules_own).value.mean(), sum(steps) / len(steps) if steps else None, len(steps)))
    return pd.DataFrame(rows, columns=["rule", "PSNR", "steps", "images stopped"]).set_index("rule")


def _write(found: Fits, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"estimate/{name}": x for name, x in found.estimates.items()}
    tensors |= {f"traced/{step}": x for step, x in found.traced.items()}
    part = file.with_suffix(".part")
    save_file(
        {name: x.clone(memory_format=torch.contiguous_format) for name, x in tensors.items()},
        part,
        metadata={"steps": json.dumps(found.steps)},
    )
    part.replace(file)


def _read(file: Path) -> Fits:
    found = Fits()
    with safe_open(file, "pt") as tensors:
        found.steps = json.loads(tensors.metadata()["steps"])
        for name in tensors.keys():  # noqa: SIM118 - not a dict
            kind, _, of = name.partition("/")
            if kind == "traced":
                found.traced[int(of)] = tensors.get_tensor(name)
            else:
                found.estimates[of] = tensors.get_tensor(name)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchhost_dip.rules", description=__doc__)
    parser.add_argument("dataset", help="a dataset of grey images, by name")
    parser.add_argument("--limit", type=int, help="its first images only")
    parser.add_argument("--sigma", type=float, default=25, help="of the noise, in grey levels")
    parser.add_argument("--networks", type=int, default=2, help="fits with different seeds that are averaged")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep what is fitted; a later call goes on from there"
    )
    options = parser.parse_args(arguments)
    found = table(options.sigma, options.dataset, limit=options.limit, networks=options.networks, keep=options.keep)
    print(found.to_markdown(floatfmt=(".2f", ".2f", ".0f", ".0f")))  # noqa: T201


if __name__ == "__main__":
    main()
