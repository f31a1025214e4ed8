"""Tables on the standard output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from firstdraw.experiments.statistics import Ranking
    from firstdraw.papers import Checked, Claims
    from firstdraw.report.summary import Spread, SummaryRow

__all__ = ["console_of_output", "print_claims", "print_comparison", "print_ranking", "print_table", "print_tally"]

COLORS = {"holds": "green", "half true": "yellow", "does not hold": "red"}


def print_comparison(rows: Iterable[SummaryRow]) -> None:
    """Print the comparison of the initializations."""
    table = _table("Initialization", "Train", "Test", "First cost", "Last cost", "Verdict")
    for row in rows:
        first = _stacked(row.first_textbook_cost)
        if row.overflows:
            first += f"\n{row.first_cost.median:.3f} safe"
        _add(
            table,
            row.label,
            _stacked(row.train_accuracy),
            _stacked(row.test_accuracy),
            first,
            _stacked(row.last_cost),
            row.verdict,
        )
    print_table(table)


def print_ranking(ranking: Ranking) -> None:
    """Print the order of the initializations, and what can be said of it."""
    from rich.text import Text

    table = _table("Group", "Initialization", "Failed", f"Median {ranking.measure}")
    for row in ranking.rows:
        _add(table, row.group, row.label, f"{row.failed:.0%}", f"{row.median:{ranking.pattern}}")
    console = console_of_output()
    console.print(table)
    for sentence in ranking.sentences:
        console.print(Text(sentence))


def print_claims(checked: Iterable[Checked]) -> None:
    """Print what became of each claim."""
    from rich.text import Text

    table = _table("Claim", "Verdict", "What was measured")
    for item in checked:
        verdict = Text(item.verdict.value, style=COLORS[item.verdict.value])
        table.add_row(Text(item.claim.statement), verdict, Text(item.sentence))
    print_table(table)


def print_tally(claims: Claims) -> None:
    """Print what became of a paper's claims: how many hold, and those that do not, or not quite."""
    from rich.padding import Padding
    from rich.text import Text

    from firstdraw.papers import Verdict, tally

    console = console_of_output()
    console.print(Text.assemble(f"Of the write-up of the {claims.paper}, ", tally(claims.checked), "."))
    for item in claims.checked:
        if item.verdict is not Verdict.HOLDS:
            console.print()
            verdict = (f"{item.verdict.value.capitalize()}: ", COLORS[item.verdict.value])
            console.print(Text.assemble(verdict, item.claim.statement))
            console.print(Padding(Text(item.sentence), (0, 0, 0, 4)))
    console.print()
    if claims.unchecked:
        others = f"`firstdraw paper {claims.paper}` measures the {len(claims.unchecked)} others"
        console.print(Text(f"{others}; on the reference engine it trains for minutes."))
    console.print(Text("Every claim is in the report, with what was measured."))


def print_table(table: Table) -> None:
    """Print a table; where the output is no terminal, wide enough for its lines to be searched."""
    console_of_output().print(table)


def console_of_output() -> Console:
    """Return the console of the standard output; where that is no terminal, of 120 columns."""
    import sys

    from rich.console import Console

    class Output(Console):
        """Leaves it to `exits.guarded` what becomes of an output that nobody reads."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # the error that is being handled

    return Output(width=None if sys.stdout.isatty() else 120, highlight=False)


def _stacked(spread: Spread) -> str:
    """Return the median, and the range below it where there is one, in a narrow column."""
    return str(spread).replace(" (", "\n").replace(" to ", " to\n").removesuffix(")")


def _table(*headers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_lines=True, pad_edge=False)
    for header in headers:
        wraps = header in ("Verdict", "Claim", "What was measured") and header != headers[1]
        table.add_column(header, no_wrap=not wraps, min_width=20 if wraps else None, overflow="fold")
    return table


def _add(table: Table, *cells: object) -> None:
    """Add a row of plain text: a label with brackets in it is no markup."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))
