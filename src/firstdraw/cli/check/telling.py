"""A check on the terminal: the layers, what is wrong, and in the last line the verdict."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from firstdraw.cli.tables import console_of_output
from firstdraw.diagnosis import Finding, Severity
from firstdraw.torch.accepting import Acceptance, counted
from firstdraw.torch.shown import HEADINGS, Check, title

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from firstdraw.cli.check.outcome import Outcome
    from firstdraw.torch.faults import Fault
    from firstdraw.torch.identifying import Identification
    from firstdraw.torch.repaired import Repair

__all__ = ["tell"]

STYLES: Final = {"broken": "bold red", "warning": "bold yellow", "note": "cyan", "good": "bold green"}
# What a narrow terminal goes without, in this order.
DISPENSABLE: Final = ("mean", "kind", "chi", "cosine", "update", "")
SHORTEST_NAME: Final = 28
GAP: Final = 2
# A table of more rows has its middle left out: what is wrong stands below it.
MOST_ROWS, ROWS_AT_EACH_END = 40, 12
NUMBER, NAME, KIND = 0, HEADINGS.index("layer"), HEADINGS.index("kind")
# Longer lines of prose are hard to read.
WIDEST_PROSE: Final = 100
# A bar is so long at most; it is drawn on a logarithmic axis over four decades or more.
BAR, DECADES = 10, 4.0


def tell(outcome: Outcome, accepted: Acceptance, *, every_row: bool = False) -> None:
    """Print what came of a check.

    Args:
        outcome: what was found.
        accepted: what is accepted of it.
        every_row: whether to print tables whole, however long.
    """
    console = console_of_output()
    _print_prose(title(outcome.checked.state), console)
    console.print()
    _print_layers(outcome.checked, console, every_row=every_row)
    if outcome.identification is not None:
        _print_tensors(outcome.identification, console, every_row=every_row)
    for one in outcome.found:
        console.print()
        _print_finding(one, accepted, console)
    console.print()
    console.print(_verdict(outcome.found, accepted))
    if outcome.repair is not None:
        _print_repair(outcome.repair, console)
    elif accepted.refused(outcome.found):
        _print_prose("With --repair the PyTorch code that mends it is looked for.", console, style="dim")


def _print_layers(checked: Check, console: Console, *, every_row: bool) -> None:
    from rich.text import Text

    rows, severities = checked.table(), _severities(checked)
    shown = _shown(len(rows), severities.keys(), every_row)
    columns, room = _columns([rows[i] for i in shown], console.width)
    longest = max(len(rows[i][NAME]) for i in shown)
    mark = "━" if console.encoding.startswith("utf") else "-"
    bars = dict(_bars(checked, mark)[: max((room - longest) // (BAR + GAP), 0)])
    longest = room - len(bars) * (BAR + GAP)
    table = _table()
    for i in columns:
        table.add_column(HEADINGS[i], justify="left" if i in {NAME, KIND} else "right", no_wrap=True)
        if HEADINGS[i] in bars:
            table.add_column("", no_wrap=True)
    styles = {NUMBER: "dim", KIND: "dim"}
    for number, left_out in _with_gaps(shown):
        if left_out:
            table.add_row(*("" if i < NAME else Text(f"… {left_out} more", style="dim") for i in columns if i <= NAME))
        cells: list[Text] = []
        for i in columns:
            text = _ending(rows[number][i], longest) if i == NAME else rows[number][i]
            cells.append(Text(text, style=severities.get(number, "") if i == NAME else styles.get(i, "")))
            if HEADINGS[i] in bars:
                cells.append(Text(bars[HEADINGS[i]][number], style="blue"))
        table.add_row(*cells)
    console.print(table)
    _print_left_out(len(rows) - len(shown), "layers", console)


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")


def _columns(rows: Sequence[tuple[str, ...]], width: int) -> tuple[list[int], int]:
    """Return which columns fit, and how much room that leaves for the names of the layers."""
    filled = [i for i in range(len(HEADINGS)) if any(row[i] for row in rows)]
    widths = [max(len(HEADINGS[i]), *(len(row[i]) for row in rows)) for i in range(len(HEADINGS))]

    def room() -> int:
        return width - sum(widths[i] + GAP for i in filled if i != NAME)

    for heading in DISPENSABLE:
        if room() >= min(widths[NAME], SHORTEST_NAME):
            break
        filled = [i for i in filled if HEADINGS[i] != heading]
    return filled, max(room(), 1)


def _severities(checked: Check) -> dict[int, str]:
    """Return the styles of the layers that findings name, by their places in the table; the worst finding counts."""
    styles: dict[int, str] = {}
    for finding in sorted(checked.findings, key=lambda one: one.severity):
        for i, layer in enumerate(checked.state.layers):
            if finding.place and (finding.place == layer.name or finding.place in layer.parameters):
                styles[i] = STYLES[finding.severity.name.lower()]
    return styles


def _bars(checked: Check, mark: str) -> list[tuple[str, list[str]]]:
    """Return bars of the rms of all layers and of their gradients, by heading; what varies more stands first."""
    layers = checked.state.layers
    columns = {"rms": [layer.rms for layer in layers], "gradient": [layer.gradient_rms for layer in layers]}
    logs = {name: [_logarithm(value) for value in values] for name, values in columns.items()}
    spans = {name: _span(values) for name, values in logs.items()}
    return [(name, _lengths(logs[name], mark)) for name in sorted(spans, key=lambda name: -spans[name]) if spans[name]]


def _logarithm(value: float | None) -> float | None:
    return math.log10(value) if value is not None and 0 < value < math.inf else None


def _span(logs: Sequence[float | None]) -> float:
    finite = [log for log in logs if log is not None]
    return max(finite) - min(finite) if finite else 0.0


def _lengths(logs: Sequence[float | None], mark: str) -> list[str]:
    """Return bars on an axis from the least of some logarithms, but four decades at least, to the largest."""
    high = max(log for log in logs if log is not None)
    span = max(_span(logs), DECADES)
    return ["" if log is None else mark * max(1, round(BAR * (1 - (high - log) / span))) for log in logs]


def _ending(name: str, longest: int) -> str:
    """Return the end of a name that is too long, which tells more than its beginning."""
    if len(name) <= longest:
        return name
    arrow = "-> " if name.startswith("-> ") else ""
    return f"{arrow}…{name[len(name) - longest + len(arrow) + 1 :]}"


def _print_tensors(identification: Identification, console: Console, *, every_row: bool) -> None:
    from rich.text import Text

    tensors = identification.tensors
    named = {name for fault in identification.faults for name in fault.places}
    shown = _shown(len(tensors), {i for i, one in enumerate(tensors) if named.intersection(one.names)}, every_row)
    headings = ["tensor", "holds"]
    if any(tensors[i].agrees is False for i in shown):
        headings.append("its role asks for")
    table = _table()
    for heading in headings:
        table.add_column(heading, no_wrap=heading == "tensor", overflow="fold")
    for i, left_out in _with_gaps(shown):
        if left_out:
            table.add_row(Text(f"… {left_out} more", style="dim"))
        one = tensors[i]
        cells = [Text(_ending(one.name, console.width // 2)), Text(one.law or "no known law")]
        cells.append(Text(one.asked if one.agrees is False else "", style="yellow"))
        table.add_row(*cells[: len(headings)])
    console.print()
    console.print(table)
    _print_left_out(len(tensors) - len(shown), "tensors", console)


def _shown(count: int, named: Collection[int], every_row: bool) -> list[int]:
    """Return which rows of a table are printed: all, or those at the ends of a long one, and those that are named."""
    if every_row or count <= MOST_ROWS:
        return list(range(count))
    return sorted({*range(ROWS_AT_EACH_END), *named, *range(count - ROWS_AT_EACH_END, count)})


def _with_gaps(shown: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield each row with how many are left out before it."""
    before = -1
    for i in shown:
        yield i, i - before - 1
        before = i


def _print_left_out(count: int, what: str, console: Console) -> None:
    if count:
        _print_prose(f"{count:,} {what} are left out here; --every-row prints them.", console, style="dim")


def _print_finding(one: Finding | Fault, accepted: Acceptance, console: Console) -> None:
    from rich.text import Text

    severity = one.severity.name.lower()
    places = [one.place] if isinstance(one, Finding) else list(one.places[:3])
    more = 0 if isinstance(one, Finding) else len(one.places) - len(places)
    where = ", ".join(place for place in places if place) + (f" and {more} more" if more else "")
    allowed = "  (allowed)" if one.severity >= accepted.severity and not accepted.refused([one]) else ""
    heading = Text.assemble((severity, STYLES[severity]), "  ", (one.cause, "bold"), (allowed, "dim"))
    if where and len(heading) + len(where) + 4 <= console.width:
        heading.append(f" at {where}")
        where = ""
    console.print(heading)
    if where:
        _print_prose(f"at {where}", console, indent="  ")
    _print_prose(f"{one.sentence}.", console, indent="  ")
    if one.severity > Severity.GOOD:
        _print_prose(f"{one.remedy}.", console, indent="  ", style="green")


def _print_repair(repair: Repair, console: Console) -> None:
    from rich.text import Text

    console.print()
    _print_prose(f"{repair.verdict}.", console, style=STYLES["good"] if repair.healthy else STYLES["warning"])
    if repair.changes:
        console.print()
        # To be pasted: no line of it is broken.
        console.print(Text(repair.code.rstrip()), soft_wrap=True)


def _print_prose(text: str, console: Console, *, indent: str = "", style: str = "") -> None:
    from rich.text import Text

    width = min(console.width, WIDEST_PROSE)
    for line in textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False):
        console.print(Text(line, style=style))


def _verdict(found: Iterable[Finding | Fault], accepted: Acceptance) -> Text:
    from rich.text import Text

    refused = [one for one in found if accepted.refused([one])]
    if refused:
        worst = max(refused, key=lambda one: one.severity)
        style = STYLES[worst.severity.name.lower()]
        return Text.assemble(("Not a healthy start", style), f": {worst.cause} ({counted(found)}).")
    return Text.assemble(("A healthy start", STYLES["good"]), f": {notes}." if (notes := counted(found)) else ".")
