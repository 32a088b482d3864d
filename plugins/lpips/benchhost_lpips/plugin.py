"""What this plugin offers: LPIPS on AlexNet and on VGG-16."""

from collections.abc import Iterator

from benchhost.hookspecs import hookimpl
from benchhost.types import Metric


@hookimpl
def benchhost_metrics() -> Iterator[Metric]:
    """One metric per backbone; the options are part of its record."""
    for net, name in (("alex", "AlexNet"), ("vgg", "VGG-16")):
        yield Metric(
            id=f"lpips/{net}/v0.1",
            target="benchhost_lpips.metric:lpips",
            summary=f"perceptual distance on {name} features (Zhang 2018); needs your weights",
            higher_is_better=False,
            options={"net": net, "value_range": [-1, 1], "smallest": 64},
            decimals=4,
        )
