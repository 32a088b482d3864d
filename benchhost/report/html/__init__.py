"""The report as a static folder of HTML: opens from ``file://``, asks no network, shows every number and failure."""

from benchhost.report.html.write import write

__all__ = ["write"]
