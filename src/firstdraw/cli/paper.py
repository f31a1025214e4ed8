"""`firstdraw paper`."""

from __future__ import annotations

from pathlib import Path

import click

from firstdraw.cli.progress import progress_of
from firstdraw.cli.run import write_report
from firstdraw.cli.stopwatch import Stopwatch
from firstdraw.cli.tables import print_claims, print_comparison
from firstdraw.errors import located

__all__ = ["check_the_paper"]


def check_the_paper(name: str, out: Path | None, *, as_json: bool, engine: str | None, progress: bool) -> None:
    """Run every experiment of a paper, judge its claims, and report them with its main experiment."""
    watch = Stopwatch()
    with watch.part("start"):
        from firstdraw.engine import engine_named
        from firstdraw.experiments import prepare, run
        from firstdraw.papers import PAPERS, Claims
        from firstdraw.report.files import check_writable
        from firstdraw.result import Result

        chosen = engine_named(engine)
        with located("name"):
            paper = PAPERS[name]()
    with watch.part("data"):
        prepared = {study: prepare(spec) for study, spec in paper.studies().items()}
    if out is not None:
        check_writable(out)
    total = sum(item.total_steps for item in prepared.values())
    with watch.part("training"), progress_of(total, "Checking the claims", shown=progress) as advance:
        records = {study: run(item, advance, chosen) for study, item in prepared.items()}
    with watch.part("claims"):
        checked = paper.check(records)
        main_study = next(iter(records))
        result = Result(records[main_study], Claims(PAPERS.canonical(name), checked), watch.seconds)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        print_comparison(result.table())
        print_claims(checked)
    write_report(result, out, watch)
