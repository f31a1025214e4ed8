"""`firstdraw run`, and what it shares with `firstdraw paper`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from firstdraw.cli.background import in_background
from firstdraw.cli.progress import progress_of
from firstdraw.cli.stopwatch import Stopwatch

if TYPE_CHECKING:
    from firstdraw.cli.asked import Asked
    from firstdraw.engine import Engine
    from firstdraw.experiments import Spec
    from firstdraw.papers import Paper
    from firstdraw.report.page import Report
    from firstdraw.result import Result

__all__ = ["print_the_spec", "run_the_spec", "told", "write_report"]


def print_the_spec(spec: Path | None, settings: tuple[str, ...]) -> None:
    """Print a spec with all defaults as TOML, or a grid as it was given."""
    from firstdraw.experiments import as_toml, grid_as_toml
    from firstdraw.laboratory import read_grid

    grid = read_grid(spec, settings)
    click.echo(grid_as_toml(grid) if grid.axes else as_toml(grid.cells[0].spec), nl=False)


def run_the_spec(
    spec: Path | None,
    settings: tuple[str, ...],
    asked: Asked,
) -> None:
    """Run a spec, print its table or its JSON, and write its report; with every claim of a paper that it is of.

    A grid, and whatever goes into a store or to a cluster, is run by `grid.run_the_grid`.
    """
    watch = Stopwatch()
    with watch.part("start"):
        from firstdraw.engine import engine_named
        from firstdraw.laboratory import paper_of, read_grid

        chosen = engine_named(asked.engine)
        grid = read_grid(spec, settings)
        checked_spec = grid.cells[0].spec
        paper = paper_of(checked_spec)
    if grid.axes or asked.as_grid or asked.store is not None or asked.cluster is not None:
        from firstdraw.cli.grid import run_the_grid

        run_the_grid(grid, asked, chosen, watch)
        return
    # On the reference engine the runs of a paper's other experiments take minutes.
    every_claim = chosen.name == "native"
    result, report = told(
        checked_spec, paper, chosen, watch, asked.out, every_claim=every_claim, progress=asked.progress
    )
    if asked.as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from firstdraw.cli.tables import print_comparison, print_ranking, print_tally
        from firstdraw.experiments.statistics import has_seeds_enough

        print_comparison(result.table())
        if has_seeds_enough(result.record):
            with watch.part("ranking"):
                ranking = result.ranking()
            print_ranking(ranking)
        if result.claims is not None:
            print_tally(result.claims)
    write_report(result, report, asked.out, watch)


def told(
    spec: Spec,
    paper: Paper | None,
    engine: Engine,
    watch: Stopwatch,
    out: Path | None,
    *,
    every_claim: bool,
    progress: bool,
) -> tuple[Result, Report | None]:
    """Train an experiment and check the claims of its paper; draw its report while the paper's other runs are trained.

    Args:
        spec: the experiment.
        paper: the paper whose main experiment it is, if there is one.
        engine: what trains.
        watch: is told where the time goes.
        out: where the report will go, if anywhere.
        every_claim: whether to train the paper's other experiments, too.
        progress: whether to show it.
    """
    with watch.part("start"):
        from firstdraw.experiments import prepare, run, run_together, total_steps
        from firstdraw.papers import Claims, further_training
        from firstdraw.report.files import check_writable
        from firstdraw.result import Result
    with watch.part("data"):
        main = prepare(spec)
        studies = dict(paper.studies()) if paper is not None else {}
        others = {name: prepare(study) for name, study in list(studies.items())[1:]} if every_claim else {}
    if out is not None:
        check_writable(out)
    further = tuple(others.values())
    claims = report = None
    with progress_of(total_steps((main,)) + total_steps(further), "Training", shown=progress) as advance:
        with watch.part("training"):
            record = run(main, advance, engine)
        with in_background(lambda advance: run_together(further, advance, engine), advance) as the_others:
            if out is not None:
                with watch.part("figures"):
                    from firstdraw.report.page import Report

                    report = Report(record)
            with watch.part("claims"):
                if paper is not None:
                    records = {next(iter(studies)): record}
                    known = paper.check(records)
                    records |= zip(others, the_others(), strict=True)
                    claims = Claims.of(paper, paper.check(records, known), further_training(further))
    return Result(record, claims, watch.seconds), report


def write_report(result: Result, report: Report | None, out: Path | None, watch: Stopwatch) -> None:
    """Write the report if it has somewhere to go, and say where it is and where the time went."""
    if report is not None and out is not None:
        from firstdraw.report.files import write_whole

        with watch.part("report"):
            write_whole(out, report.html(result.claims, result.times))
        click.echo(f"Report: {out.resolve()}", err=True)
    slow = "" if result.record.engine == "native" else f" (the {result.record.engine} engine; see `firstdraw info`)"
    click.echo(f"Time: {watch}{slow}", err=True)
