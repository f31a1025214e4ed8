"""Floor 6. An experiment told: the comparison table, the page, the JSON document, and files written whole."""

from firstdraw.report.document import ResultDocument, as_document, as_json, json_schema
from firstdraw.report.files import check_writable, write_whole
from firstdraw.report.page import Claims, render
from firstdraw.report.summary import SummaryRow, summarize

__all__ = [
    "Claims",
    "ResultDocument",
    "SummaryRow",
    "as_document",
    "as_json",
    "check_writable",
    "json_schema",
    "render",
    "summarize",
    "write_whole",
]
