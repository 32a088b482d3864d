"""What a training leaves behind for use: half-precision weights and a model card that says where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from benchhost.training.records import duration


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """Writes ``NAME.safetensors``, ``NAME.json`` and ``NAME.md`` into the run's folder.

    about: what stays equal over the run (training, params, dataset with digest, held-out names, facts of the network).
    """

    folder: Path
    name: str
    about: Mapping[str, Any]

    def write(self, weights: Mapping[str, Tensor], *, step: int, seconds: float, history: Any, figures: Any) -> Path:
        """Write weights (half precision) and card; the card pins the weights by sha256."""
        plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in weights.items()}
        data = save(plain, metadata={"network": json.dumps(self.about.get("network", {}), sort_keys=True)})
        card = {
            **self.about,
            "file": f"{self.name}.safetensors",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "parameters": sum(tensor.numel() for tensor in plain.values()),
            "steps": step,
            "seconds": round(seconds, 1),
            "validation": dict(figures),
            "history": list(history),
        }
        path = self.folder / card["file"]
        _replace(path, data)
        _replace(path.with_suffix(".json"), (json.dumps(card, indent=2, sort_keys=True) + "\n").encode())
        _replace(path.with_suffix(".md"), markdown(card).encode())
        return path


def markdown(card: Mapping[str, Any]) -> str:
    """The card for reading."""
    lines = [
        f"# {card['file']}",
        "",
        card.get("summary", ""),
        "",
        "| | |",
        "|---|---|",
        f"| training | `{card['training']}` |",
        f"| parameters | {card['parameters']:,} ({card['bytes'] / 1e6:.2f} MB in half precision) |",
        f"| sha256 | `{card['sha256']}` |",
        f"| trained on | {card['dataset']}, digest `{card['dataset_digest'][:16]}`, {card['trained_images']} images |",
        f"| held out | {len(card['held_out'])} images: {', '.join(card['held_out'])} |",
        f"| seed | {card['seed']} |",
        f"| steps | {card['steps']:,} in {duration(card['seconds'])} |",
        "",
        "## Validation, on the held-out images",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in card["validation"].items()),
        "",
        "## Stretches",
        "",
        "| steps | trained | device | commit | command |",
        "|---|---|---|---|---|",
    ]
    before = 0.0
    for stretch in card["history"]:
        upto = stretch.get("to_seconds", before)
        commit = stretch.get("commit", "")[:10] + (" + changes" if stretch.get("dirty") else "")
        if origin := stretch.get("began_at"):
            trained = f", {origin['steps']:,} steps in {duration(origin['seconds'])}" if origin.get("steps") else ""
            lines.append(f"| before | {origin['file']}, `{origin['sha256'][:16]}`{trained} | | | |")
        first, last = stretch["from_step"], stretch.get("to_step", stretch["from_step"])
        lines.append(
            f"| {first:,} to {last:,} | {duration(upto - before)} "
            f"| {stretch.get('device', '')} | {commit} | `{stretch.get('command', '')}` |"
        )
        before = upto
    return "\n".join([*lines, ""])


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_bytes(data)
    temporary.replace(path)
