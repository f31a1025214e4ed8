"""`firstdraw run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from firstdraw.cli.progress import progress_of
from firstdraw.cli.stopwatch import Stopwatch
from firstdraw.cli.tables import print_comparison

if TYPE_CHECKING:
    from firstdraw.result import Result

__all__ = ["print_the_spec", "run_the_spec", "write_report"]


def print_the_spec(spec: Path | None, settings: tuple[str, ...]) -> None:
    """Print a spec with all defaults as TOML."""
    from firstdraw.experiments import as_toml
    from firstdraw.laboratory import read_spec

    click.echo(as_toml(read_spec(spec, settings)), nl=False)


def run_the_spec(
    spec: Path | None,
    settings: tuple[str, ...],
    out: Path | None,
    *,
    as_json: bool,
    engine: str | None,
    progress: bool,
) -> None:
    """Run a spec, print its table or its JSON, and write its report."""
    watch = Stopwatch()
    with watch.part("start"):
        from firstdraw.engine import engine_named
        from firstdraw.experiments import prepare, run
        from firstdraw.laboratory import claims_of, read_spec
        from firstdraw.report.files import check_writable
        from firstdraw.result import Result

        chosen = engine_named(engine)
        checked_spec = read_spec(spec, settings)
    with watch.part("data"):
        prepared = prepare(checked_spec)
    if out is not None:
        check_writable(out)
    with watch.part("training"), progress_of(prepared.total_steps, "Training", shown=progress) as advance:
        record = run(prepared, advance, chosen)
    with watch.part("claims"):
        result = Result(record, claims_of(record), watch.seconds)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        print_comparison(result.table())
    write_report(result, out, watch)


def write_report(result: Result, out: Path | None, watch: Stopwatch) -> None:
    """Write the report if it has somewhere to go, and say where it is and where the time went."""
    if out is not None:
        with watch.part("report"):
            result.save(out)
        click.echo(f"Report: {out.resolve()}", err=True)
    slow = "" if result.record.engine == "native" else f" (the {result.record.engine} engine; see `firstdraw info`)"
    click.echo(f"Time: {watch}{slow}", err=True)
