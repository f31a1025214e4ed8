"""`firstdraw paper`."""

from __future__ import annotations

from pathlib import Path

import click

from firstdraw.cli.run import told, write_report
from firstdraw.cli.stopwatch import Stopwatch
from firstdraw.errors import located

__all__ = ["check_the_paper"]


def check_the_paper(name: str, out: Path | None, *, as_json: bool, engine: str | None, progress: bool) -> None:
    """Run every experiment of a paper, judge its claims, and report them with its main experiment."""
    watch = Stopwatch()
    with watch.part("start"):
        from firstdraw.engine import engine_named
        from firstdraw.papers import PAPERS

        chosen = engine_named(engine)
        with located("name"):
            paper = PAPERS[name]()
    result, report = told(paper.main(), paper, chosen, watch, out, every_claim=True, progress=progress)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from firstdraw.cli.tables import print_claims, print_comparison

        print_comparison(result.table())
        print_claims(result.claims.checked if result.claims else ())
    write_report(result, report, out, watch)
