"""Names beside points, placed where they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

_PLACES = (
    *((7, 0, "left", "center"), (-7, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top")),
    *((6, 7, "left", "bottom"), (6, -7, "left", "top"), (-6, 7, "right", "bottom"), (-6, -7, "right", "top")),
    *((8, 16, "left", "bottom"), (8, -16, "left", "top"), (-8, 16, "right", "bottom"), (-8, -16, "right", "top")),
)
"""Offsets in points with the alignment that goes with them, the most readable first."""


def label_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colours: Sequence[str],
    bars: Sequence[tuple[float, float]] = (),
) -> None:
    """Write each text beside its point, at the first place that is free; call it when the limits are final.

    bars: lowest and highest y of the interval drawn through each point, which texts should not cover either.
    """
    from matplotlib.patheffects import withStroke

    frame = axes.get_window_extent()
    unit = axes.get_figure().dpi / 72  # pixels per point
    spots = [axes.transData.transform(point) for point in points]
    taken = [(x - 4 * unit, y - 4 * unit, x + 4 * unit, y + 4 * unit) for x, y in spots]
    for (x, _), (px, _), (low, high) in zip(points, spots, bars, strict=False):
        taken.append(
            (px - unit, axes.transData.transform((x, low))[1], px + unit, axes.transData.transform((x, high))[1])
        )
    outline = [withStroke(linewidth=1.6, foreground="white")]
    for (x, y), spot, text, colour in zip(points, spots, texts, colours, strict=True):
        note = axes.annotate(
            text, (x, y), xytext=(0, 0), textcoords="offset points", color=colour, fontsize=7, path_effects=outline
        )
        note.set_annotation_clip(False)
        extent = note.get_window_extent()
        boxes = [_placed(spot, place, extent.width, extent.height, unit) for place in _PLACES]
        inside = (frame.x0, frame.y0, frame.x1, frame.y1)
        costs = [_cost(box, taken, inside) for box in boxes]
        best = costs.index(min(costs))
        dx, dy, horizontal, vertical = _PLACES[best]
        note.set(position=(dx, dy), ha=horizontal, va=vertical)
        taken.append(boxes[best])


def _placed(
    spot: Sequence[float], place: tuple[float, float, str, str], width: float, height: float, unit: float
) -> Box:
    """Where a text of that size comes to lie, in pixels."""
    dx, dy, horizontal, vertical = place
    x = spot[0] + dx * unit - width * {"left": 0.0, "center": 0.5, "right": 1.0}[horizontal]
    y = spot[1] + dy * unit - height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[vertical]
    return x, y, x + width, y + height


def _cost(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """Area covered twice, and area outside the axes."""
    return sum(_overlap(box, other) for other in taken) + _overlap(box, box) - _overlap(box, frame)


def _overlap(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)
