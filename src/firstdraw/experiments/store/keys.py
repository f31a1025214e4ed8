"""By what a stored run is found again: descriptions of all that determines its numbers, and its seed.

A run's task is what it has in common with all others that it can be compared with: data, network, training, records,
draws, engine. Its start is the initialization. Titles and labels are for readers and snapshots are not stored: they are
no part of a description, so that renaming repeats no work.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from firstdraw.arrays import Integers
from firstdraw.draws.counter import LARGEST_SEED
from firstdraw.engine import Engine, Recording
from firstdraw.engine.version import identity_of
from firstdraw.errors import InputError
from firstdraw.experiments.reading import as_table
from firstdraw.experiments.spec import Spec
from firstdraw.experiments.store.model_runs import bytes_of_a_model_run
from firstdraw.experiments.store.values import bytes_of_a_run
from firstdraw.rules import is_integer

__all__ = ["Description", "Series", "Wanted", "described", "series_of"]

# Above it a float is not every integer.
_EXACT: Final = 2**53


@dataclass(frozen=True)
class Description:
    """A task or a start, as canonical JSON: keys sorted, no spaces, equal numbers written equally.

    Args:
        text: the JSON.
    """

    text: str

    @cached_property
    def key(self) -> bytes:
        """The SHA-256 of the text: 32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def name(self) -> str:
        """The beginning of the key, for people: 12 hexadecimal digits."""
        return self.key.hex()[:12]

    @cached_property
    def table(self) -> dict[str, Any]:
        """What the text says."""
        return json.loads(self.text)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Series:
    """Runs that differ in their seeds alone: one task from one start.

    Args:
        task: what is trained, and how.
        start: the initialization.
    """

    task: Description
    start: Description

    @property
    def is_of_model(self) -> bool:
        """Whether its runs are those of one's own model, of which nothing is known but the loss."""
        return "model" in self.task.table

    @property
    def run_bytes(self) -> int:
        """How many bytes are kept of a run."""
        if self.is_of_model:
            return bytes_of_a_model_run(self.task.table["training"]["steps"])
        return bytes_of_a_run(len(self.steps), self.layers)

    @property
    def steps(self) -> Integers:
        """The recorded steps `[R]`."""
        table = self.task.table
        return Recording(table["recording"]["every"]).steps(table["training"]["steps"])

    @property
    def layers(self) -> int:
        """The number of layers, L."""
        return len(self.task.table["network"]["widths"]) - 1

    @property
    def weights(self) -> str:
        """The name of what the weights come from."""
        table = self.start.table
        if self.is_of_model:
            return table["scheme"]["name"]
        return (table["weights"] if "weights" in table else table["parametrization"])["name"]

    def __str__(self) -> str:
        return f"task {self.task}, start {self.start}"


@dataclass(frozen=True)
class Wanted:
    """Runs by their names: a series and seeds, each once.

    Args:
        series: which task and start.
        seeds: which seeds, from 0 to 2^64 - 1.

    Raises:
        InputError: if a seed is not such an integer, or is there twice.
    """

    series: Series
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        for i, seed in enumerate(self.seeds):
            if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
                raise InputError(f"seeds[{i}]", "must be an integer from 0 to 2^64 - 1", seed)
        if len(set(self.seeds)) < len(self.seeds):
            raise InputError("seeds", "must name each run once, and one is there twice")


def series_of(spec: Spec, engine: Engine) -> tuple[Series, ...]:
    """Return the series that a spec's runs belong to, one for each of its initializations.

    A data file counts by its content, wherever it lies.

    Args:
        spec: the experiment.
        engine: what trains.

    Raises:
        InputError: if a data file cannot be read.
    """
    table = as_table(spec)
    starts = cast("list[dict[str, Any]]", table.pop("initializations"))
    del table["title"], table["seeds"], table["recording"]["snapshots"]
    table["data"] = _with_content(table["data"])
    task = described(table | {"engine": identity_of(engine)})
    return tuple(Series(task, described({k: v for k, v in start.items() if k != "label"})) for start in starts)


def described(value: Mapping[str, Any]) -> Description:
    """Return the description of a table of plain values.

    >>> described({"b": 1.0, "a": (0.1, None, True)}).text
    '{"a":[0.1,null,true],"b":1}'
    """
    return Description(json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False))


def _plain(value: Any) -> Any:  # noqa: ANN401  # any value that an option of a spec may have
    """Return a value of JSON that is the same for equal values: 1 and 1.0 are one number."""
    match value:
        case None | bool() | str():
            return value
        case Mapping():
            return {str(key): _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            number = float(value)
            if not math.isfinite(number):
                return repr(number)
            return int(number) if number.is_integer() and abs(number) < _EXACT else number
        case np.ndarray() | Iterable():
            return [_plain(item) for item in cast("Iterable[Any]", value)]
        case _:
            return repr(value)


def _with_content(data: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a data set with the SHA-256 of its file, if it has one, for the file's path."""
    if "path" not in data:
        return data
    path = data["path"]
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("data.path", f"must be a file that can be read ({error.strerror})", path) from None
    return {key: value for key, value in data.items() if key != "path"} | {"sha256": digest}
