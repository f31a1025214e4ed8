"""Floor 6. An experiment told: the comparison table, the JSON document, files written whole.

The page is in `firstdraw.report.page`, which loads what draws and fills it.
"""

from firstdraw.report.document import ResultDocument, as_document, as_json, json_schema
from firstdraw.report.files import check_writable, write_whole
from firstdraw.report.summary import SummaryRow, summarize

__all__ = [
    "ResultDocument",
    "SummaryRow",
    "as_document",
    "as_json",
    "check_writable",
    "json_schema",
    "summarize",
    "write_whole",
]
