"""Stored runs as tables for other programs: CSV, JSON lines and Parquet, whole or not at all.

A row a run, series by series and by ascending seeds, so that two stores of the same runs give the same bytes. What a
run was is told in a few columns, the same in each format; the keys in `task` and `start` are those of `firstdraw status
--json`, which has the descriptions in full.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np

from firstdraw.errors import FirstdrawError
from firstdraw.experiments.store import Series, Store, StoredRuns
from firstdraw.report.files import check_writable, whole_file

__all__ = ["FORMATS", "SCHEMA", "Format", "export", "facts_of"]

Format = Literal["csv", "jsonl", "parquet"]
SCHEMA: Final = "firstdraw.run/1"
CURVES: Final = ("cost", "test_cost", "train_accuracy", "test_accuracy")
BY_LAYER: Final = ("activation_rms", "gradient_rms", "weight_rms", "distinct_units")
TEXTS: Final = ("task", "start", "data", "widths", "activation", "loss", "optimizer", "precision", "engine", "weights")
# What spreadsheets take for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t")

Chunks = Iterator[tuple[Series, StoredRuns]]


def export(store: Store, path: Path, form: Format) -> int:
    """Write all runs of the networks of specs in a store into a file, and return how many they are.

    Runs of one's own models have no network that the columns could tell; `Comparison.to_json` has them.

    Args:
        store: the store.
        path: the file; it is replaced if it is there.
        form: the format.

    Raises:
        StoreError: if a run is damaged; then nothing is written.
        OutputError: if the file cannot be written.
        FirstdrawError: if Parquet is asked for, and pyarrow is not installed.
    """
    check_writable(path)
    write = FORMATS[form]
    with whole_file(path) as file:
        return write(file, _chunks(store))


def _chunks(store: Store) -> Chunks:
    for series in store.series():
        if series.is_of_model:
            continue
        for runs in store.chunks(series):
            yield series, runs


def facts_of(series: Series) -> dict[str, Any]:
    """Return what a series is, in columns."""
    task = series.task.table
    training = task["training"]
    return {
        "task": str(series.task),
        "start": str(series.start),
        "data": task["data"]["name"],
        "widths": " ".join(map(str, task["network"]["widths"])),
        "activation": task["network"]["activation"]["name"],
        "loss": training["loss"]["name"],
        "optimizer": training["optimizer"]["name"],
        "precision": training["precision"],
        "engine": task["engine"]["name"],
        "weights": series.weights,
        "learning_rate": float(training["optimizer"]["learning_rate"]),
        "batch_size": training.get("batch_size"),
        "steps": training["steps"],
    }


def _write_csv(file: IO[bytes], chunks: Chunks) -> int:
    """Write the outcome, and the first and last record of each curve."""
    count = 0
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    ends = [f"{end}_{name}" for name in CURVES for end in ("first", "last")]
    for series, runs in chunks:
        facts = facts_of(series)
        if count == 0:
            writer.writerow([*facts, "seed", "diverged", "last_step", "layer", *ends])
        begin = [_cell(value) for value in facts.values()]
        columns = [getattr(runs, name)[:, end].tolist() for name in CURVES for end in (0, -1)]
        outcomes = [part.tolist() for part in (runs.seeds, runs.diverged, runs.last_step, runs.layer)]
        for seed, diverged, step, layer, *numbers in zip(*outcomes, *columns, strict=True):
            writer.writerow([*begin, seed, "true" if diverged else "false", step, layer or "", *numbers])
        count += len(runs)
    text.detach()
    return count


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_json_lines(file: IO[bytes], chunks: Chunks) -> int:
    """Write everything that is stored of a run into a line; numbers that are not finite are null, and told apart."""
    count = 0
    for series, runs in chunks:
        facts = {"schema": SCHEMA} | facts_of(series)
        steps = runs.steps.tolist()
        for i, seed in enumerate(runs.seeds.tolist()):
            outcome = runs.outcome(i)
            nonfinite: list[dict[str, str]] = []
            numbers = {name: _finite(getattr(runs, name)[i].tolist(), name, nonfinite) for name in (*CURVES, *BY_LAYER)}
            line = {
                **facts,
                "seed": seed,
                "diverged": outcome.diverged,
                "last_step": outcome.step,
                "layer": outcome.layer,
                "recorded_steps": steps,
                **numbers,
                "nonfinite": nonfinite,
            }
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        count += len(runs)
    return count


def _finite(value: Any, path: str, nonfinite: list[dict[str, str]]) -> Any:  # noqa: ANN401  # a number, or lists of them
    if isinstance(value, list):
        return [_finite(item, f"{path}[{i}]", nonfinite) for i, item in enumerate(value)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if math.isfinite(value):
        return value
    nonfinite.append({"path": path, "value": str(value)})
    return None


def _write_parquet(file: IO[bytes], chunks: Chunks) -> int:
    """Write everything that is stored of a run; the records by layer in a column for the first and one for the last."""
    try:
        pa: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise FirstdrawError(
            "Parquet needs pyarrow, which is not installed: pip install 'firstdraw[parquet]'"
        ) from None
    numbers = pa.list_(pa.float64())
    kinds: dict[str, Any] = {
        **dict.fromkeys(TEXTS, pa.string()),
        "learning_rate": pa.float64(),
        "batch_size": pa.int64(),
        "steps": pa.int64(),
        "seed": pa.uint64(),
        "diverged": pa.bool_(),
        "last_step": pa.int64(),
        "layer": pa.int64(),
        "recorded_steps": pa.list_(pa.int64()),
        **dict.fromkeys(CURVES, numbers),
        **{f"{end}_{name}": numbers for name in BY_LAYER for end in ("first", "last")},
    }
    schema = pa.schema(list(kinds.items()))

    def lists(table: Any) -> Any:  # noqa: ANN401  # an array [n, k]
        n, k = table.shape
        return pa.ListArray.from_arrays(pa.array(np.arange(n + 1) * k, pa.int32()), pa.array(table.ravel()))

    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for series, runs in chunks:
            n = len(runs)
            columns: dict[str, Any] = {
                name: pa.array([value] * n, kinds[name]) for name, value in facts_of(series).items()
            }
            columns["seed"] = pa.array(runs.seeds)
            columns["diverged"] = pa.array(runs.diverged)
            columns["last_step"] = pa.array(runs.last_step)
            columns["layer"] = pa.array(runs.layer, mask=~runs.diverged)
            columns["recorded_steps"] = lists(np.tile(runs.steps.astype(np.int64), (n, 1)))
            columns |= {name: lists(getattr(runs, name)) for name in CURVES}
            columns |= {
                f"{end}_{name}": lists(getattr(runs, name)[:, i])
                for name in BY_LAYER
                for i, end in enumerate(("first", "last"))
            }
            writer.write_table(pa.table([columns[name] for name in kinds], schema=schema))
            count += n
    return count


FORMATS: Final[dict[Format, Callable[[IO[bytes], Chunks], int]]] = {
    "csv": _write_csv,
    "jsonl": _write_json_lines,
    "parquet": _write_parquet,
}
