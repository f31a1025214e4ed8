"""`firstdraw export`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from firstdraw.errors import InputError

if TYPE_CHECKING:
    from firstdraw.report.export import Format

__all__ = ["export_the_runs"]

SCHEMA: Final = "firstdraw.export/1"


def export_the_runs(path: Path, targets: Mapping[Format, Path | None], *, as_json: bool) -> None:
    """Write the runs of a store into a file for each format that is asked for."""
    from firstdraw.experiments.store import Store
    from firstdraw.report.export import export

    wanted: dict[Format, Path] = {form: target for form, target in targets.items() if target is not None}
    if not wanted:
        raise InputError("", "one of `--csv`, `--jsonl` and `--parquet` must say where the runs go")
    written: list[dict[str, str | int]] = []
    with Store.read(path) as store:
        for form, target in wanted.items():
            runs = export(store, target, form)
            written.append({"format": form, "path": str(target), "runs": runs})
        left = sum(item.runs for item in store.summary() if item.series.is_of_model)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "written": written, "left_out": left}, indent=2, ensure_ascii=False))
        return
    for one in written:
        click.echo(f"{one['path']}: {one['runs']:,} runs")
    if left:
        click.echo(f"Left out: {left:,} runs of models of PyTorch, which `Comparison.to_json` has.")
