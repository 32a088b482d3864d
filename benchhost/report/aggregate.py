"""From rows per image to rows per table cell: means over images, counts that admit the holes.

The unit is the image: repeats of one image are averaged first.  A mean is taken over the images that have a value;
``ok`` of ``cells`` says how many cells gave one, and a table prints it wherever they differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

CONDITION = ["task", "task_params", "level", "dataset"]
METHOD = ["method", "method_params", "method_label"]
METRIC = ["metric", "protocol"]
GROUP = [*CONDITION, *METHOD, *METRIC]
IDENTITY = ["run_id", *CONDITION, "image", "repeat", "seed", *METHOD]
HOLES = ("failed", "crashed", "oom", "timeout", "pending", "skipped", "unavailable")
"""Why a value may be missing, the most serious first; "unavailable": the cell is ok, the metric has no value."""


@dataclass(frozen=True, kw_only=True)
class PerImage:
    """The values behind every row of the aggregate, one per image (repeats averaged); NaN where there is none.

    start: where group g begins in ``image`` and ``value``; it ends where g + 1 begins.
    image: the images of each group in growing order, numbered over the whole frame; ``names`` are theirs.
    """

    start: np.ndarray
    image: np.ndarray
    value: np.ndarray
    names: np.ndarray

    def of(self, group: int) -> np.ndarray:
        """The values of one group."""
        return self.value[self.start[group] : self.start[group + 1]]

    def images(self, group: int) -> np.ndarray:
        """The numbers of its images."""
        return self.image[self.start[group] : self.start[group + 1]]

    def matrix(self, groups: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Groups of one condition side by side: image numbers (n,), and (n, groups) values, NaN where one has none."""
        groups = list(groups)
        known = np.unique(np.concatenate([self.images(g) for g in groups]))
        table = np.full((len(known), len(groups)), np.nan)
        for n, group in enumerate(groups):
            table[np.searchsorted(known, self.images(group)), n] = self.of(group)
        return known, table


def per_image(frame: pd.DataFrame) -> PerImage:
    """See :class:`PerImage`; groups are numbered as in the column ``group`` of :func:`aggregate`."""
    rows = _tidy(frame)
    codes, names = pd.factorize(rows["image"])
    group = rows["group"].to_numpy()
    pair = group * np.int64(max(len(names), 1)) + codes
    known, inverse = np.unique(pair, return_inverse=True)
    value = rows["value"].to_numpy()
    present = ~np.isnan(value)
    count = np.bincount(inverse[present], minlength=len(known))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(inverse[present], weights=value[present], minlength=len(known)) / count
    owner, image = np.divmod(known, max(len(names), 1))
    groups = int(group.max()) + 1 if len(group) else 0
    start = np.searchsorted(owner, np.arange(groups + 1))
    return PerImage(start=start, image=image, value=mean, names=np.asarray(names, object))


def aggregate(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per (task, level, dataset, method, metric), in the frame's order, each task's primary metric first.

    Columns beside the group's own: primary, higher_is_better, unit, decimals; n (images with a value), images,
    cells, ok (cells with a value), mean, sd (n - 1; NaN for n < 2), median, peak (mean of the best iterates, the
    estimate among them), median_seconds, timing_valid (of all ok cells), peak_mb (largest resident memory) and
    vram_mb (device memory), trained_on_test (True of any cell; None where training data are undeclared), hole (see
    HOLES, "" where complete), reason, and group (its number in :func:`per_image`).
    """
    rows = _tidy(frame)
    groups = rows.groupby("group", sort=False)
    first = rows.drop_duplicates("group").set_index("group")
    out = first[[*GROUP, "primary", "higher_is_better", "unit", "decimals"]].copy()
    per_image = rows
    if rows["repeat"].nunique() > 1:
        per_image = rows.groupby(["group", "image"], sort=False, observed=True)[["value", "peak"]].mean().reset_index()
    values = per_image.groupby("group", sort=False)["value"]
    finite = per_image["value"].where(np.isfinite(per_image["value"]) | per_image["value"].isna())
    out["n"], out["mean"], out["median"] = values.count(), values.mean(), values.median()
    out["sd"] = finite.groupby(per_image["group"], sort=False).std(ddof=1).where(~np.isinf(out["mean"]))
    out["images"], out["cells"], out["ok"] = values.size(), groups.size(), groups["value"].count()
    out["peak"] = per_image.groupby("group", sort=False)["peak"].mean()
    done = rows[rows["status"] == "ok"]
    timed = done.groupby("group", sort=False)
    out["median_seconds"] = timed["seconds"].median()
    out["timing_valid"] = timed["timing_valid"].all()
    out["peak_mb"], out["vram_mb"] = timed["peak_rss_mb"].max(), timed["peak_vram_mb"].max()
    undeclared = groups["undeclared"].any()
    trained = groups["trained_on_test"].any().astype(object)
    out["trained_on_test"] = trained.mask(undeclared & ~trained.astype(bool), None)
    holes = _holes(rows)
    out["hole"] = holes["hole"].reindex(out.index).fillna("")
    out["reason"] = holes["reason"].reindex(out.index).fillna("")
    return _ordered(out.reset_index())


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, whatever the number of its metrics; the first row of each stands for it."""
    return frame[~_codes(frame, IDENTITY).duplicated()].reset_index(drop=True)


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that are aggregated, with plain dtypes, and the number of each row's group."""
    if frame["run_id"].nunique() > 1:  # runs that shared cells through the store show them once, as last seen
        frame = frame[~_codes(frame, ["key", *IDENTITY[1:], *METRIC]).duplicated(keep="last")]
    rows = frame[[*GROUP, "image", "repeat", "unit", "status"]].copy()
    for column in ("value", "peak", "seconds", "peak_rss_mb", "peak_vram_mb"):
        rows[column] = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    for column in ("primary", "higher_is_better", "timing_valid", "trained_on_test"):
        rows[column] = frame[column].astype("boolean").fillna(False).astype(bool)
    rows["undeclared"] = frame["trained_on_test"].isna().to_numpy()
    rows["decimals"] = pd.to_numeric(frame["decimals"]).fillna(2).astype(int)
    rows["reason"] = frame["reason"].astype("object").fillna("")
    rows["value"] = rows["value"].where(rows["status"] == "ok")
    rows["group"] = _codes(rows, GROUP)
    rows["peak"] = _peaks(rows)
    return rows


def _peaks(rows: pd.DataFrame) -> pd.Series:
    """The best of the traced iterates and the estimate itself, in groups that traced any.

    A mean over the images that ran long enough to be traced would be one over other images than the value's.
    """
    traced = rows["peak"].notna().groupby(rows["group"], sort=False).transform("any")
    best = np.where(
        rows["higher_is_better"], np.fmax(rows["peak"], rows["value"]), np.fmin(rows["peak"], rows["value"])
    )
    return pd.Series(best, index=rows.index).where(traced & rows["value"].notna())


def _codes(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """A number per distinct combination of values; far faster than hashing tuples of strings row by row."""
    code = np.zeros(len(frame), np.int64)
    for column in columns:
        values = frame[column]
        found = values.cat.codes.to_numpy() if isinstance(values.dtype, pd.CategoricalDtype) else None
        part, known = (found, len(values.cat.categories)) if found is not None else _factorize(values)
        code = pd.factorize(code * (known + 1) + part)[0].astype(np.int64)
    return pd.Series(code, index=frame.index)


def _factorize(values: pd.Series) -> tuple[np.ndarray, int]:
    codes, known = pd.factorize(values)
    return codes, len(known)


def _holes(rows: pd.DataFrame) -> pd.DataFrame:
    """Per group with missing values: the most serious kind, and the first reason of that kind."""
    missing = rows.loc[rows["value"].isna(), ["group", "status", "reason"]]
    kind = missing["status"].astype("object").where(missing["status"] != "ok", "unavailable")
    rank = kind.map({name: place for place, name in enumerate(HOLES)}).fillna(0).astype(int)
    worst = missing.assign(hole=kind, rank=rank).sort_values("rank", kind="stable").drop_duplicates("group")
    return worst.set_index("group")[["hole", "reason"]]


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Tasks in the frame's order; in each its primary metric first, then its others; below that, frame order."""
    task = pd.factorize(table["task"])[0]
    condition, method = _codes(table, CONDITION), _codes(table, METHOD)
    metric = _codes(table, ["task", *METRIC]).where(~table["primary"], -1)
    order = np.lexsort((method, condition, metric, task))
    return table.iloc[order].reset_index(drop=True)
