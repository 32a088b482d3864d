"""Reports: from the tidy frame of a run to tables, figures and the summary that scripts read."""

from benchhost.report.closing import terminal
from benchhost.report.layouts import wide_tables
from benchhost.report.model import Cell, Column, Row, TableModel
from benchhost.report.results import Results
from benchhost.report.summarise import summary
from benchhost.report.tables import long_tables

__all__ = ["Cell", "Column", "Results", "Row", "TableModel", "long_tables", "summary", "terminal", "wide_tables"]
