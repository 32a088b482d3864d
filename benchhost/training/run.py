"""From names to a trained network: resolves a training, its dataset and settings, trains, writes weights and card."""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets.weights import Trained, read_trained
from benchhost.plugins import Catalogue, resolve_for
from benchhost.training import checkpoint
from benchhost.training.curves import draw
from benchhost.training.export import Exporter
from benchhost.training.group import Group
from benchhost.training.loop import Pace, Trainer
from benchhost.training.patches import load_images
from benchhost.training.settings import Goal, Settings


def run_training(
    text: str,
    catalogue: Catalogue,
    *,
    steps: int | None = None,
    time_budget: float | None = None,
    out: str | None = None,
    tasks: Sequence[str] = (),
    dataset: str | None = None,
    resume: bool = False,
    start: str | None = None,
    changes: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
    checkpoint_every: float = 300.0,
    validate_every: float = 900.0,
    log_every: int = 100,
    note: Callable[[str], None] = lambda text: None,
) -> bool:
    """Train what ``text`` names (``prior:channels=3``); True when the goal was reached, False when stopped before.

    start: an exported file (``prior.safetensors``) whose weights a new run begins at; the card names it.

    Raises UsageError for unknown names and parameters (nearest named), a folder that holds a run while ``resume`` is
    off, or none while it is on.
    """
    name, _, rest = text.partition(":")
    spec = catalogue.training(name)
    owner = f"training '{name}'"
    values = _pairs(rest.split(",") if rest else [], owner)
    params_class = resolve_for(spec, "params")
    if tasks:
        if "tasks" not in {f.name for f in fields(params_class)}:
            raise UsageError(f"{owner} is not trained for tasks: leave out --task")
        values["tasks"] = tuple(tasks)
    params = P.build(params_class, values, owner=owner)
    settings = P.build(Settings, {**spec.settings, **_pairs(changes, "--set")}, owner=f"settings of {owner}")
    data = catalogue.dataset(dataset or spec.dataset)
    goal = Goal(steps=steps, seconds=time_budget)
    folder = Path(out) if out else Path("checkpoints") / name
    held = folder / checkpoint.LAST
    if held.is_file() and not resume:
        raise UsageError(f"{folder} holds a run already: go on with --resume, or give another --out")
    if resume and start:
        raise UsageError("--from begins a new run, --resume goes on with one: give either")
    trained = read_trained(start) if start else None
    if resume and not held.is_file():
        raise UsageError(f"--resume: there is no run in {folder}")

    if threads:
        torch.set_num_threads(threads)
    group = Group.join(device)
    say = note if group.first else (lambda text: None)
    folder.mkdir(parents=True, exist_ok=True)
    trainable = resolve_for(spec)(params)
    images = load_images(data, trainable, held_out=settings.held_out)
    identity = {
        "training": name,
        "version": spec.version,
        "params": P.content(params),
        "dataset": data.name,
        "dataset_digest": data.digest,
        "held_out": settings.held_out,
        "seed": settings.seed,
    }
    exporter = Exporter(
        folder=folder,
        name=name,
        about={
            **identity,
            "summary": spec.summary,
            "trained_images": len(images.train),
            "held_out": list(images.held_out_names),
            "network": dict(trainable.facts()),
        },
    )

    def export(weights: Mapping[str, Any], progress: Any) -> None:
        exporter.write(
            weights, step=progress.step, seconds=progress.seconds, history=progress.history, figures=progress.figures
        )
        draw(folder)

    trainer = Trainer(
        trainable,
        images,
        settings=settings,
        goal=goal,
        folder=folder,
        identity=identity,
        group=group,
        pace=Pace(checkpoint=checkpoint_every, validate=validate_every, log=log_every),
        note=say,
        export=export,
    )
    if resume:
        trainer.resume()
    if trained is not None:
        trainer.start_from(trained)
        say(f"begins at the weights of {trained.path.name}")
    try:
        with trainer.stopping_on_signals():
            reached = trainer.train(stretch={**_stretch(group, goal), **_origin(trained)})
    finally:
        group.leave()
    say(f"{'done' if reached else 'stopped'} at step {trainer.progress.step}; weights in {folder}/{name}.safetensors")
    return reached


def _pairs(texts: Sequence[str], owner: str) -> dict[str, str]:
    values = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{owner}: write PARAMETER=VALUE, got '{text}'")
        values[key.strip()] = value.strip()
    return values


def _origin(trained: Trained | None) -> dict[str, Any]:
    """Which file a run began at, and how long that had been trained, if its card lies beside it."""
    if trained is None:
        return {}
    origin: dict[str, Any] = {"file": trained.path.name, "sha256": trained.sha256}
    card = trained.path.with_suffix(".json")
    if card.is_file():
        facts = json.loads(card.read_text(encoding="utf-8"))
        if facts.get("sha256") == trained.sha256:
            origin |= {key: facts.get(key) for key in ("steps", "seconds", "history")}
    return {"began_at": origin}


def _stretch(group: Group, goal: Goal) -> dict[str, Any]:
    """Who trains now: for the history that the model card shows."""
    import benchhost
    from benchhost.store.environment import cpu_model, git_state

    git = git_state(Path(benchhost.__file__).parent) or {}
    gpu = group.device.type == "cuda"
    hardware = torch.cuda.get_device_name(group.device) if gpu else f"{cpu_model()}, {torch.get_num_threads()} threads"
    return {
        "command": shlex.join(["benchhost", *sys.argv[1:]]),
        "commit": git.get("commit", ""),
        "dirty": git.get("dirty", False),
        "device": f"{group.world} x {hardware}" if group.world > 1 else hardware,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "goal": asdict(goal),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
