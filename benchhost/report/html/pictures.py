"""Pictures of a run: truth, measurement and every stored reconstruction as 8-bit PNG, each written once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.report.html.pages import Page
from benchhost.report.html.scores import Grid

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from benchhost.plugins import Catalogue

PER_PAGE = 16
"""Images of a page that get pictures, where nothing else is asked for."""
IN_ALL = 1200
"""Pictures of a report, where nothing else is asked for: pages share them evenly, each has at least one image."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of one page.

    shown: by row of the page: {"truth": path, "measured": path, "window": text, "methods": {place: path}}.
    note: what is left out and why, "" where nothing is.
    """

    shown: dict[int, dict[str, Any]] = field(default_factory=dict)
    note: str = ""


def images_per_page(pages: Sequence[Page]) -> int:
    """How many images of each page get pictures: PER_PAGE, fewer where the whole report would exceed IN_ALL."""
    widest = sum(len(page.table.lines) + 2 for page in pages)
    return max(1, min(PER_PAGE, IN_ALL // max(1, widest)))


class Painter:
    """Poses the problems of a run again, views stored reconstructions as the metrics saw them, and writes PNGs.

    results: the folder that holds ``reconstructions/``; target: the report's folder.
    """

    def __init__(self, catalogue: Callable[[], Catalogue], results: Path, target: Path) -> None:
        self._load, self._catalogue = catalogue, None
        self.results, self.target = results, target
        self.written: dict[str, Path] = {}

    def paint(self, page: Page, grid: Grid, most: int | None) -> Pictures:
        """Pictures of the first ``most`` images of a page (None: of all) that have a stored reconstruction."""
        if most == 0:
            return Pictures(note="No pictures were asked for.")
        candidates = self._candidates(page, grid)
        if not candidates:
            return Pictures(note="No reconstruction of this page is stored (--save none, or the files are elsewhere).")
        chosen = list(candidates.items())[:most]
        shown: dict[int, dict[str, Any]] = {}
        problems: dict[str, str] = {}
        for row, cells in chosen:
            try:
                shown[row] = self._image(cells)
            except Exception as error:  # a task plugin or a data set that is gone costs its pictures, not the report
                problems.setdefault(f"{type(error).__name__}: {error}", grid.rows[row])
        notes = []
        if len(chosen) < len(candidates):
            notes.append(
                f"Pictures of the first {len(chosen)} of {len(candidates)} images, in the order of the data set"
                " (report --images N shows more)."
            )
        for problem, image in problems.items():
            notes.append(f"No picture of {image}: {problem}")
        changed = sorted(grid.rows[row] for row, found in shown.items() if found.pop("changed"))
        if changed:
            notes.append(
                f"The measurement of {changed[0]} could not be made again bit for bit (another version of the"
                " libraries?); the one shown may differ from the one that methods got."
            )
        return Pictures(shown=shown, note=" ".join(notes))

    def _candidates(self, page: Page, grid: Grid) -> dict[int, list[tuple[int, pd.Series]]]:
        """By row of the page: (method's place, first row of its cell) of every reconstruction that is there."""
        frame = page.frame.assign(row=grid.row, place=grid.method)
        frame = frame[(frame["status"] == "ok") & (frame["artifact"].fillna("") != "")]
        found: dict[int, list[tuple[int, pd.Series]]] = {}
        for _, cell in frame.drop_duplicates(["row", "place"]).iterrows():
            if (self.results / str(cell["artifact"])).exists():
                found.setdefault(int(cell["row"]), []).append((int(cell["place"]), cell))
        return dict(sorted(found.items()))

    def _image(self, cells: Sequence[tuple[int, pd.Series]]) -> dict[str, Any]:
        from benchhost.report.figures.strip import display_window

        posed = self._pose(cells[0][1])
        truth = _picture(posed.view(posed.truth).truth)
        low, high = display_window(truth)
        measured, changed = self._measured(posed, cells[0][1])
        found: dict[str, Any] = {
            "size": [int(truth.shape[1]), int(truth.shape[0])],
            "window": "" if (low, high) == (0.0, 1.0) else f"{low:.4g} to {high:.4g}",
            "truth": self._write(truth, low, high),
            "methods": {},
            "changed": changed,
        }
        if measured is not None:
            found["measured"] = self._write(measured, low, high)
        for place, row in cells:
            estimate = self._estimate(str(row["artifact"])).to(posed.y.device)
            found["methods"][str(place)] = self._write(_picture(posed.view(estimate).estimate), low, high)
        return found

    def _pose(self, row: pd.Series) -> Any:
        """The problem of a row, posed again from its content."""
        from benchhost import params as P
        from benchhost.data import read_item
        from benchhost.keys import canonical
        from benchhost.plan import find_item
        from benchhost.plugins import resolve_for
        from benchhost.seeds import Seeds

        if self._catalogue is None:
            self._catalogue = self._load()
        task = self._catalogue.task(str(row["task"]))
        values = json.loads(str(row["task_params"]) or "{}")
        params = P.build(resolve_for(task, "params"), values, owner=f"task '{task.name}'")
        dataset = self._dataset(str(row["dataset"]))
        item = read_item(dataset, find_item(dataset, str(row["image"])))
        seeds = Seeds(
            task=f"{task.name}@{task.version}:{canonical(P.content(params))}",
            dataset=str(row["dataset"]),
            image=str(row["image"]),
            repeat=int(row["repeat"]),
            base=int(row["seed"]),
        )
        return resolve_for(task)(params).pose(item, seeds)

    def _dataset(self, name: str) -> Any:
        catalogue = self._catalogue
        if name not in catalogue.datasets and Path(name).is_dir():
            from benchhost.data import folder_dataset

            catalogue.datasets[name] = folder_dataset(Path(name))
        return catalogue.dataset(name)

    def _measured(self, posed: Any, row: pd.Series) -> tuple[np.ndarray | None, bool]:
        """What the measurement says at first sight (A⁺y or Aᵀy), and whether y differs from what the method got."""
        import torch

        from benchhost.execute.contract import tensor_digest

        with torch.no_grad():
            try:
                shown = _picture(posed.view(posed.physics.baseline(posed.y)).estimate)
            except NotImplementedError:
                shown = None
        given = self._facts(str(row["artifact"])).get("y_digest", "")
        return shown, bool(given) and given != tensor_digest(posed.y)

    def _facts(self, artifact: str) -> Mapping[str, str]:
        from safetensors import safe_open

        with safe_open(self.results / artifact, framework="numpy") as opened:
            return opened.metadata() or {}

    def _estimate(self, artifact: str) -> Any:
        from safetensors.torch import load_file

        return load_file(self.results / artifact)["estimate"]

    def _write(self, array: np.ndarray, low: float, high: float) -> str:
        """Write the picture unless the same one is there; its path below the report's folder."""
        data = png(array, low, high)
        digest = hashlib.blake2b(data, digest_size=12).hexdigest()
        name = f"pictures/{digest[:2]}/{digest}.png"
        if name not in self.written:
            path = self.target / name
            if not path.exists():
                from benchhost.report.files import write_with

                write_with(path, lambda aside: aside.write_bytes(data))
            self.written[name] = path
        return name


def png(array: np.ndarray, low: float, high: float) -> bytes:
    """(H, W) or (H, W, 3) as an 8-bit PNG, ``low`` black and ``high`` white."""
    import numpy as np
    from PIL import Image

    shown = np.clip((np.nan_to_num(np.asarray(array, np.float64)) - low) / (high - low), 0, 1)
    out = io.BytesIO()
    Image.fromarray(np.rint(255 * shown).astype(np.uint8)).save(out, format="PNG", compress_level=7)
    return out.getvalue()


def _picture(array: np.ndarray) -> np.ndarray:
    """The middle slice of a volume, else the image itself."""
    return array[len(array) // 2] if array.ndim == 3 and array.shape[-1] != 3 else array
