"""benchhost and benchopt side by side: overhead per cell of the same trivial solver, and four faults.

``python docs/comparison/compare.py --benchopt VENV/bin/benchopt --cells 500`` prints both tables.  A cell is one image
through one solver; on benchopt's side an image is a value of the data set's parameter.  Both sides take turns in one
run, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
LIMIT_S = 3  # time limit of a solver
PATIENCE_S = 25  # how long a run may go on after that before it counts as hanging


@dataclass(frozen=True)
class Ended:
    """How a command ended.  code: None where it had to be killed."""

    code: int | None
    seconds: float
    out: str


def run(command: Sequence[str], *, cwd: Path, patience: float | None = None, **environment: str) -> Ended:
    """Run a command with all its children; kill them all after ``patience`` seconds."""
    begun = time.monotonic()
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    process = subprocess.Popen(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        out, _ = process.communicate(timeout=patience)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, code = process.communicate()[0], None
    return Ended(code, time.monotonic() - begun, out)


class Benchopt:
    """A copy of ``benchopt_side`` in a folder of its own; ``rows`` reads what the latest run wrote."""

    name = "benchopt"

    def __init__(self, executable: str, folder: Path) -> None:
        self.executable, self.folder = executable, folder / "benchopt_side"
        shutil.copytree(HERE / "benchopt_side", self.folder)
        self.shared = self.folder / "benchmark_utils" / "__init__.py"

    def solve(self, solvers: str, cells: int, *, patience: float | None = None, fresh: bool = False) -> Ended:
        """Run the solvers on the first ``cells`` images."""
        shutil.rmtree(self.folder / "outputs", ignore_errors=True)
        if fresh:
            shutil.rmtree(self.folder / "__cache__", ignore_errors=True)
        chosen = [word for name in solvers.split(",") for word in ("-s", name)]
        images = f"images[index={list(range(cells))}]"
        command = [self.executable, "run", ".", "-d", images, *chosen, "--no-plot", "--timeout", str(LIMIT_S)]
        return run(command, cwd=self.folder, patience=patience)

    def rows(self) -> list[str]:
        """Solver and value of every row of the result file; empty where there is no file."""
        files = sorted((self.folder / "outputs").glob("*.parquet"))
        if not files:
            return []
        frame = pd.read_parquet(files[-1])
        names = zip(frame["solver_name"], frame["objective_value"], strict=True)
        return [f"{name}: {value:.4f}" for name, value in names]


class Benchhost:
    """The plugin ``trivial`` in a folder of its own; ``rows`` asks the store."""

    def __init__(self, folder: Path, *, isolated: bool = True) -> None:
        self.name = "benchhost" if isolated else "benchhost --no-isolation"
        self.words = [] if isolated else ["--no-isolation"]
        self.folder = folder / ("isolated" if isolated else "in-process")
        shutil.copytree(HERE / "benchhost_side", self.folder)
        self.shared = self.folder / "trivial" / "shared.py"

    def solve(self, solvers: str, cells: int, *, patience: float | None = None, fresh: bool = False) -> Ended:
        """Run the methods on the first ``cells`` images."""
        methods = ",".join(f"trivial-{name}" for name in solvers.split(","))
        command = [sys.executable, "-P", "-m", "benchhost", "run", "--plugin", "benchhost.testing.load"]
        command += ["--plugin", "trivial", "--tasks", "inpaint:keep=0.5", "--datasets", "load", "--methods", methods]
        command += ["--limit", str(cells), "--save", "none", "--report", "none", "--results", "results", "--json"]
        command += ["--workers", "1", *self.words, *(["--fresh"] if fresh else [])]
        if "--no-isolation" not in self.words:
            command += ["--timeout", str(LIMIT_S)]
        return run(command, cwd=self.folder, patience=patience, PYTHONPATH=".", BENCHHOST_LOAD_IMAGES=str(cells))

    def rows(self) -> list[str]:
        """Method and PSNR, or status and reason, of every cell of the latest run."""
        import benchhost

        frame = benchhost.load(self.folder / "results")
        frame = frame[frame["metric"].isin(["psnr"]) | (frame["status"] != "ok")].drop_duplicates(["method", "image"])
        return [
            f"{row.method}: {row.value:.4f}" if row.status == "ok" else f"{row.method}: {row.status}, {row.reason}"
            for row in frame.itertuples()
        ]


Side = Benchopt | Benchhost


def overheads(sides: Sequence[Side], cells: int, rounds: int = 3) -> pd.Series:
    """Milliseconds per cell, (T(cells) - T(1)) / (cells - 1), each T the least of several rounds in turns."""
    seconds: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        for side in sides:
            for count in (1, cells):
                ended = side.solve("pinv", count, fresh=True)
                if ended.code:
                    raise SystemExit(f"{side.name} ended with {ended.code}:\n{ended.out[-2000:]}")
                known = seconds.get((side.name, count), ended.seconds)
                seconds[side.name, count] = min(known, ended.seconds)
    least = {side.name: seconds[side.name, cells] - seconds[side.name, 1] for side in sides}
    return pd.Series(least, name="ms per cell") * 1000 / (cells - 1)


def faults(side: Side) -> dict[str, str]:
    """What is left after each of the four faults, in words."""
    said: dict[str, str] = {}
    for fault, solvers in {"raises": "pinv,raises", "hangs": "pinv,hangs", "is killed": "pinv,kills"}.items():
        ended = side.solve(solvers, 1, patience=LIMIT_S + PATIENCE_S, fresh=True)
        how = f"exit code {ended.code}" if ended.code is not None else f"still running {PATIENCE_S} s after its limit"
        said[f"a solver {fault}"] = f"{'; '.join(side.rows()) or 'no result'} ({how})"
    side.solve("pinv", 1, fresh=True)
    before = side.rows()
    side.shared.write_text(side.shared.read_text().replace("1.0", "2.0"))
    side.solve("pinv", 1)
    after = side.rows()
    side.shared.write_text(side.shared.read_text().replace("2.0", "1.0"))
    said["a module that solvers share is edited"] = f"{before} before, {after} after"
    return said


def compare(executable: str, cells: int) -> dict[str, dict[str, object]]:
    """Both tables: overhead by side, and what each side says after each fault."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        benchopt, isolated = Benchopt(executable, place), Benchhost(place)
        found = overheads([benchopt, isolated, Benchhost(place, isolated=False)], cells)
        table = pd.DataFrame({found.name: found, "of benchopt": found / found[benchopt.name]})
        return {
            "overhead": table.round(3).to_dict("index"),
            "faults": {side.name: faults(side) for side in (benchopt, isolated)},
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was found, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchopt", required=True, metavar="FILE", help="benchopt's command, in its environment")
    parser.add_argument("--cells", type=int, default=500, help="images (default 500)")
    options = parser.parse_args(arguments)
    print(json.dumps(compare(str(Path(options.benchopt).absolute()), options.cells), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
