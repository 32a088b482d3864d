"""The records that cross borders: what plugins declare, and what tasks, methods and metrics meet while running.

Importing this module imports neither torch nor numpy: declaring and listing plugins must stay cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from benchhost.physics import Physics
    from benchhost.seeds import Seeds

API_VERSION = 1

# ---------------------------------------------------------------------------------------------------------------
# What plugins declare.  ``target`` and ``params`` are "package.module:attribute", resolved only when needed.


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of trained weights: safetensors, found beside a package's code or fetched by URL, always verified.

    file: a name beside the plugin's own code, or "package:name" for a file that several plugins share; found by
        :func:`benchhost.nets.weights.packaged`.
    sha256: enters the keys of the method's reconstructions.
    """

    file: str
    sha256: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Method:
    """A reconstruction method.

    target: class or factory, called with the params instance; gives a :class:`Reconstructor`.
    params: frozen dataclass made with :func:`benchhost.params.param`; importable without torch.
    presets: named sets of parameter values (``dip:preset=paper``); values given explicitly win.
    default_preset: preset by device class ("cpu", "cuda"), for methods whose settings depend on it.
    requires: capabilities (see :mod:`benchhost.capability`) that the task must offer, all of them.
    refuses: "module:function", torch-free, ``(task, task_params, channels, params) -> str | None`` with the
        :class:`Task`, its params instance, the images' channels and this method's params instance:
        why this method cannot do this task, or None.
    trained_on: dataset names in the training set; () for no training; None for undeclared.
    role: "control" methods frame the table (oracle, noise); "baseline" is what a paper calls the input.
    sees_truth: only for the oracle control: ``reconstruct(problem, truth)``.
    stochastic: whether the result depends on ``problem.rng``.
    packages: distributions whose versions change the result (a wrapper's wrapped library); they enter the keys.
    quick: parameter values under which a 32 x 32 image takes about a second; contract tests use them.
    """

    name: str
    target: str
    summary: str
    params: str = "benchhost.params:NoParams"
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default_preset: Mapping[str, str] = field(default_factory=dict)
    requires: frozenset[str] = frozenset()
    refuses: str = ""
    training: Literal["none", "prior", "supervised", "self-supervised"] = "none"
    trained_on: tuple[str, ...] | None = ()
    weights: tuple[Weights, ...] = ()
    role: Literal["method", "baseline", "control"] = "method"
    sees_truth: bool = False
    stochastic: bool = False
    packages: tuple[str, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)
    citation: str = ""
    licence: str = ""
    version: int = 1
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Task:
    """An operator family with its noise and its protocol.

    target: class, called with the params instance; gives a :class:`TaskRuntime`.
    params: frozen dataclass, importable without torch.  It may define
        ``offers() -> frozenset[str]`` (capabilities beyond ``offers`` that depend on the values),
        ``metrics() -> tuple[str, ...]`` (metric ids, primary first, when they depend on the values) and
        ``key() -> dict`` (content for keys, where a value is a path or an alias).
    levels: the standard levels, as parameter values (``({"ratio": 0.01}, {"ratio": 0.1})``); ``cs:all`` runs them all.
    default_level: index into ``levels`` of what plain ``cs`` means.
    metrics: metric ids, primary first.
    datasets: default datasets; those of every built-in task need no download.
    kinds: kinds of dataset item the task accepts: "image", "mri", "kspace", "ct".
    colour: "keep" runs on the channels of the image, "luma" on one channel made by the protocol's rule.
    """

    name: str
    target: str
    summary: str
    levels: tuple[Mapping[str, Any], ...]
    metrics: tuple[str, ...]
    datasets: tuple[str, ...]
    params: str = "benchhost.params:NoParams"
    default_level: int = 0
    offers: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset({"image"})
    colour: Literal["keep", "luma"] = "keep"
    citation: str = ""
    version: int = 1
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Training:
    """Something that ``benchhost train NAME`` can train: a prior, or a method's network.

    target: class or factory, called with the params instance; gives a :class:`benchhost.training.Trainable`.
    params: frozen dataclass made with :func:`benchhost.params.param`; importable without torch.
    dataset: the training dataset; its role must be "train".
    settings: defaults of :class:`benchhost.training.Settings` that suit this training.
    """

    name: str
    target: str
    summary: str
    dataset: str
    params: str = "benchhost.params:NoParams"
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class ItemRef:
    """One item of a dataset as the plan sees it: nothing is read, ``sha256`` pins the bytes.

    file: path below the dataset's folder; several items may share one file (slices of a volume, arrays of an npz).
    key: which part of the file, where it holds several.
    pixel_sha256: sha256 of the decoded uint8 array in C order, where known: it catches a JPEG decoder that differs.
    """

    name: str
    file: str
    sha256: str
    bytes: int = 0
    key: str = ""
    urls: tuple[str, ...] = ()
    pixel_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A named list of files with checksums, mirrors, licence, reading rule and lineage.

    kind: "image" (8-bit natural image), "mri" (magnitude image), "kspace" (raw k-space volume), "ct" (slice in HU).
    channels: 1 or 3.
    role: "train" items are never scored, "test" items are never trained on.
    source: where files come from: "files" (local folder, cache, URL), "package" (inside an installed package),
        "generated" (computed from ``rule``).
    reader: "module:function", ``(path | None, ref, rule) -> array`` or ``-> (array, meta)``, where the array and meta
        are those of :class:`Item` and path is None for generated items; see :mod:`benchhost.data.readers`.
    rule: options of the reader, hashed into the digest (grey conversion, crop, reduction).
    lineage: statements such as ``"subset-of bsd100"``, ``"overlaps set12: 12003.jpg"``.
    digest: sha256 over the item list and the rule: the identity of the dataset in every key.
    folder: where the files lie, for a dataset that is a folder of the user's; else None.
    store: name of the folder below $BENCHHOST_DATA and the cache, where it is not the dataset's own name.
    """

    name: str
    title: str
    kind: str
    channels: int
    items: tuple[ItemRef, ...]
    reader: str
    digest: str
    role: Literal["test", "train"] = "test"
    source: Literal["files", "package", "generated"] = "files"
    rule: Mapping[str, Any] = field(default_factory=dict)
    home: str = ""
    licence: str = ""
    redistribution: str = ""
    citation: str = ""
    how_to_get: str = ""
    lineage: tuple[str, ...] = ()
    notes: str = ""
    folder: Path | None = None
    store: str = ""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric with its protocol: ``psnr/255/clip_round`` is another metric than ``psnr/255/clip``.

    id: ``name/protocol``; the part before the first "/" is the metric's name.
    target: "module:function", called as ``function(view, **options) -> float`` with a :class:`View`.
    """

    id: str
    target: str
    summary: str
    higher_is_better: bool
    unit: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    decimals: int = 2
    version: int = 1
    api_version: int = API_VERSION

    @property
    def name(self) -> str:
        """The metric's name without its protocol, ``psnr``."""
        return self.id.partition("/")[0]

    @property
    def protocol(self) -> str:
        """The protocol with its version, ``255/clip_round@1``."""
        return f"{self.id.partition('/')[2]}@{self.version}"


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """An output format of ``benchhost report --to NAME``.

    target: "module:function", called as ``function(results, folder, options) -> list[Path]``, where ``results`` is a
    :class:`benchhost.report.Results`; it writes below ``folder`` and returns what it wrote.
    """

    name: str
    target: str
    summary: str
    api_version: int = API_VERSION


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named run configuration shipped by a plugin: the path of a TOML file as ``benchhost run`` reads it."""

    name: str
    path: Path
    summary: str


# ---------------------------------------------------------------------------------------------------------------
# What runs.


@dataclass(frozen=True, kw_only=True)
class Item:
    """A dataset item, read.

    array: kind "image": uint8 (H, W) or (H, W, 3); "mri": float32 (H, W) magnitude, peak 1, or complex64;
        "kspace": complex64 (slices, coils, H, W); "ct": float32 (H, W) in Hounsfield units.
    meta: what the file says besides (target image, maximum, header), by the reader's documentation.
    """

    dataset: str
    name: str
    kind: str
    array: np.ndarray
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """All that a method may know.  The ground truth is not among it.

    y: the measurement, shape (B, *physics.out_shape), real.
    physics: the operator; :class:`~benchhost.physics.LinearPhysics` for every task but JPEG.
    sigma: standard deviation of white Gaussian noise on each entry of y (complex data: on each real part),
        0.0 for exact measurements, None where the noise is of another kind or unknown.
    image_shape: (C, H, W) of the estimate; complex images have C = 2 (real and imaginary part).
    complex_image: whether the two channels are one complex image.
    value_range: range of the ground truth's values where the protocol bounds it, else None.
    task: task name and parameters, for methods that hold one network per task; never needed for the mathematics.
    rng: CPU generator, seeded per cell; draw here, then move to ``device``.
    deadline: seconds of :func:`time.monotonic` by which to return the best estimate so far, or None.
    trace: ``trace(step, estimate, **values)``: offer an iterate for the convergence record.  Its cost is not timed,
        and the method learns nothing from it.
    """

    y: Tensor
    physics: Physics
    sigma: float | None
    image_shape: tuple[int, int, int]
    rng: torch.Generator
    complex_image: bool = False
    value_range: tuple[float, float] | None = (0.0, 1.0)
    task: str = ""
    task_params: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    deadline: float | None = None
    trace: Callable[..., None] = lambda step, estimate, **values: None


@dataclass(frozen=True, kw_only=True)
class View:
    """What a metric sees: estimate and truth as the task's protocol compares them, before the metric's own rounding.

    estimate, truth: float64, (H, W), (H, W, 3) or (slices, H, W) with ``volume=True``; natural images in [0, 1].
    data_range: the protocol's range where it is neither 1 nor the truth's own maximum.
    consistency: norm(A x - y) / norm(y) of the estimate itself (on the whole canvas), or NaN where there is no A.
    """

    estimate: np.ndarray
    truth: np.ndarray
    volume: bool = False
    data_range: float | None = None
    consistency: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Posed:
    """A problem posed on one item: what the method gets, what it is judged by.

    truth: (B, C, H, W) in the estimate's own domain (whole canvas).
    view: estimate (B, C, H, W) -> :class:`View`; canvas cropped, modulus taken.
    notes: facts of this instance for the record (actual acceleration, noise level, clipped pixels), JSON-ready.
    """

    y: Tensor
    physics: Physics
    sigma: float | None
    truth: Tensor
    view: Callable[[Tensor], View]
    complex_image: bool = False
    value_range: tuple[float, float] | None = (0.0, 1.0)
    notes: Mapping[str, Any] = field(default_factory=dict)


class TaskRuntime(Protocol):
    """What a task's target makes: poses the same problem for every method."""

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Crop or pad by the protocol, build the operator, measure.  Deterministic in (params, item, seeds)."""


class Reconstructor(Protocol):
    """What a method's target makes.  ``setup(problem)`` is optional, untimed, called once per batch."""

    def reconstruct(self, problem: Problem) -> Tensor:
        """Estimate the image: (B, C, H, W), real, finite, on any device.  ``problem.y`` is left as it was."""
