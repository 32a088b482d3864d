"""What invertibility saves: ``python -m benchhost_idm.memory`` measures a training step in six ways.

Bytes alive at the peak and bytes saved by the forward pass (see :mod:`benchhost.testing.memory`; on a GPU the peak is
what its allocator says), the time, and the error of the gradient against plain autograd, side by side: memory is worth
nothing where the gradient is wrong.  Checkpointing is the honest control: its gradients are exact.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from benchhost.testing.memory import PeakLive, saved_bytes
from benchhost.training import mixture
from benchhost_idm.network import IdmShape
from benchhost_idm.unrolled import Idm, Kept

WAYS = {
    "plain autograd": Kept(steps="plain", blocks="plain"),
    "reversible steps (level 1)": Kept(blocks="plain"),
    "reversible blocks (level 2)": Kept(steps="plain"),
    "reversible both": Kept(),
    "checkpointed steps": Kept(steps="checkpoint", blocks="plain"),
    "checkpointed blocks": Kept(steps="plain", blocks="checkpoint"),
    "checkpointed both": Kept(steps="checkpoint", blocks="checkpoint"),
}


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One way of keeping activations, at one T.  Megabytes are of 10^6 bytes.

    gradient_error: relative to plain autograd, over all parameters.
    """

    way: str
    steps: int
    peak_mb: float
    saved_mb: float
    seconds: float
    gradient_error: float
    cosine: float


def measure(
    shape: IdmShape,
    *,
    size: int = 128,
    batch: int = 8,
    bf16: bool = False,
    device: str = "cpu",
    ways: Sequence[str] = tuple(WAYS),
) -> list[Measurement]:
    """Forward and backward of one batch of scrambled compressed sensing at 30 %.

    ways: of WAYS; gradients are compared with those of the first.
    """
    truth = torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    problem = mixture.measure(truth, lambda s, random: mixture.scrambled(s, 308, random), seed=0)
    found, reference = [], None
    for way in ways:
        network = perturbed(shape, WAYS[way]).to(device)
        saved, _, _ = _step(network, problem, bf16, count="saved")
        peak, gradient, _ = _step(network, problem, bf16, count="peak")
        _, _, seconds = _step(network, problem, bf16, count="time")
        reference = gradient if reference is None else reference
        found.append(
            Measurement(
                way=way,
                steps=shape.steps,
                peak_mb=peak / 1e6,
                saved_mb=saved / 1e6,
                seconds=seconds,
                gradient_error=float((gradient - reference).norm() / reference.norm()),
                cosine=float(torch.cosine_similarity(gradient, reference, 0)),
            )
        )
    return found


def perturbed(shape: IdmShape, kept: Kept, *, seed: int = 0) -> Idm:
    """A network away from its initial state, where blocks are the identity and gradients vanish."""
    network, rng = Idm(shape, kept), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(".bias"):
                parameter.zero_()
            elif parameter.ndim > 1:
                spread = 0.7 / parameter[0].numel() ** 0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=rng))
    return network


def _step(network: Idm, problem: mixture.Measured, bf16: bool, *, count: str) -> tuple[int, Tensor, float]:
    network.zero_grad(set_to_none=True)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)  # gradients are there in every way; they are not what is counted
    there = [*network.parameters(), *(p.grad for p in network.parameters()), problem.y, problem.truth]
    there += [value for value in vars(problem.physics).values() if isinstance(value, Tensor)]
    gpu = problem.y.is_cuda
    if gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    allocated = torch.cuda.memory_allocated() if gpu else 0
    begin = time.perf_counter()
    peak = PeakLive().before(there)
    with torch.autocast(problem.y.device.type, torch.bfloat16, enabled=bf16):
        if count == "saved":
            with saved_bytes(there) as saved:
                loss = _loss(network, problem)
            loss.backward()
            measured = saved.bytes
        elif count == "peak" and not gpu:
            with peak:
                _loss(network, problem).backward()
            measured = peak.peak
        else:
            _loss(network, problem).backward()
            measured = torch.cuda.max_memory_allocated() - allocated if gpu else 0
    if gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - begin
    return measured, torch.cat([p.grad.flatten() for p in network.parameters()]).double(), seconds


def _loss(network: Idm, problem: mixture.Measured) -> Tensor:
    return (network(problem.physics, problem.y, problem.sigma) - problem.truth).abs().mean()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchhost_idm.memory", description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[3], help="T, one or several")
    parser.add_argument("--size", type=int, default=128, help="side of the images")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--bf16", action="store_true", help="bodies in bfloat16, as in training")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # its rounding is larger than the errors looked for
    rows = []
    for steps in options.steps:
        shape = replace(IdmShape(), steps=steps)
        how = {"size": options.size, "batch": options.batch, "bf16": options.bf16, "device": options.device}
        rows += [asdict(m) for m in measure(shape, **how)]
    table = pd.DataFrame(rows)
    table["of plain"] = table["peak_mb"] / table.groupby("steps")["peak_mb"].transform("first")
    print(table.to_markdown(index=False, floatfmt=("", "", ".1f", ".1f", ".2f", ".1e", ".6f", ".3f")))  # noqa: T201


if __name__ == "__main__":
    main()
