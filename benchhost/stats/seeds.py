"""Two forms of a network trained with the same seeds: differences per image, over all seeds and for each.

Seeds are paired: the same seed means the same patches and noise in the same order.  Its differences are averaged over
the seeds image by image; the interval is over images, how far single seeds agree stands beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

import benchhost
from benchhost.stats.paired import paired


def compare(frame: pd.DataFrame, first: Sequence[str], second: Sequence[str]) -> pd.DataFrame:
    """One row for each task, level and dataset, in its primary metric: mean of ``second - first``, 95 % interval, p.

    frame: as :func:`benchhost.load` gives it.  first, second: methods as the run labels them, seed by seed.
    """
    rows = []
    scores = frame[frame["primary"] & frame["method_label"].isin([*first, *second])]
    for cell, part in scores.groupby(["task", "level", "dataset"], sort=False, dropna=False):
        values = part.pivot(index=["image", "repeat"], columns="method_label", values="value")
        if not {*first, *second} <= set(values):
            continue
        a, b = (values[list(names)].to_numpy() for names in (first, second))
        found = paired(a.mean(1), b.mean(1))
        seeds = np.nanmean(b - a, 0)
        rows.append(
            {
                "task": " ".join(str(word) for word in cell if word),
                "images": found.n,
                "first": f"{np.nanmean(a):.3f}",
                "second": f"{np.nanmean(b):.3f}",
                "difference": f"{found.delta:+.3f}",
                "95 %": f"{found.interval.low:+.3f} … {found.interval.high:+.3f}",
                "p": f"{found.p:.1e}",
                "each seed": ", ".join(f"{seed:+.3f}" for seed in seeds),
            }
        )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchhost.stats.seeds", description=__doc__)
    parser.add_argument("results", help="folder of results")
    parser.add_argument("--first", nargs="+", required=True, help="methods of the first form, seed by seed")
    parser.add_argument("--second", nargs="+", required=True, help="methods of the second form, the same seeds")
    options = parser.parse_args(arguments)
    if len(options.first) != len(options.second):
        raise SystemExit(f"as many seeds on both sides: {len(options.first)} and {len(options.second)}")
    frame = benchhost.load(options.results)
    known = sorted(set(frame["method_label"]))
    for name in (*options.first, *options.second):
        if name not in known:
            raise SystemExit(f"no method '{name}' in {options.results}: there are {', '.join(known)}")
    table = compare(frame, options.first, options.second)
    print(table.to_markdown(index=False, disable_numparse=True))  # noqa: T201


if __name__ == "__main__":
    main()
