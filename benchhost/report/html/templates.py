"""The templates of the report: every text is escaped, and whatever is not defined is an error."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_BREAKS = re.compile(r"([:,/=_·])")


def environment() -> Environment:
    """Templates with autoescape; filter ``breakable`` lets long names wrap after their signs."""
    made = Environment(
        loader=PackageLoader("benchhost.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["breakable"] = breakable
    return made


def breakable(text: object) -> Markup:
    """The text, escaped, with places where a line may end: ``dip:iterations=500`` need not widen a column."""
    return Markup("").join(
        Markup("{}<wbr>").format(part) if _BREAKS.fullmatch(part) else escape(part) for part in _BREAKS.split(str(text))
    )
