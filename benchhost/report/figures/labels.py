"""Names beside points, placed where they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_PLACES = (
    *((7, 0, "left", "center"), (-7, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top")),
    *((6, 7, "left", "bottom"), (6, -7, "left", "top"), (-6, 7, "right", "bottom"), (-6, -7, "right", "top")),
    *((8, 16, "left", "bottom"), (8, -16, "left", "top"), (-8, 16, "right", "bottom"), (-8, -16, "right", "top")),
)
"""Offsets in points with the alignment that goes with them, the most readable first."""


def label_points(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], colours: Sequence[str]
) -> None:
    """Write each text beside its point, at the first place that is free; call it when the limits are final."""
    from matplotlib.transforms import Bbox

    figure = axes.get_figure()
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    half = 4 * figure.dpi / 72
    taken = []
    for x, y in points:
        px, py = axes.transData.transform((x, y))
        taken.append(Bbox.from_extents(px - half, py - half, px + half, py + half))
    for (x, y), text, colour in zip(points, texts, colours, strict=True):
        note = axes.annotate(
            text, (x, y), xytext=(0, 0), textcoords="offset points", color=colour, fontsize=7, annotation_clip=False
        )
        best = min(_PLACES, key=lambda place: (_cost(_put(note, place, renderer), taken, frame), _PLACES.index(place)))
        taken.append(_put(note, best, renderer))


def _put(note: Annotation, place: tuple[float, float, str, str], renderer: RendererBase) -> Bbox:
    dx, dy, horizontal, vertical = place
    note.set(position=(dx, dy), ha=horizontal, va=vertical)
    return note.get_window_extent(renderer)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Area covered twice, and area outside the axes."""
    covered = sum(_overlap(box, other) for other in taken)
    return covered + (box.width * box.height - _overlap(box, frame))


def _overlap(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0.0, width) * max(0.0, height)
