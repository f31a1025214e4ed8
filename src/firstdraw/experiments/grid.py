"""Grids of specs: lists of values for some paths of a spec, and a cell for each of their combinations.

Cells are paired by design. Where their recipes are equal they share the data and the split; within a seed the
mini-batches come in the same order, and parameters of the same name and shape are made of the same underlying draws,
since the default draws depend on the seed, the parameter's name and the element alone. (NumPy's legacy stream is drawn
from in order: with it a parameter has the same draws where all before it are alike.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import tomli_w

from firstdraw.errors import InputError, located, shown
from firstdraw.experiments.examples import Examples, load_examples
from firstdraw.experiments.reading import beside, read_table, reading, table_of
from firstdraw.experiments.run import prepare
from firstdraw.experiments.settings import keys_of, with_setting, with_value
from firstdraw.experiments.sharing import Prepared
from firstdraw.experiments.spec import Spec

__all__ = [
    "Axis",
    "Cell",
    "Grid",
    "grid_as_table",
    "grid_as_toml",
    "load_cells",
    "prepare_cells",
    "read_grid_file",
    "read_grid_table",
]

# Reading so many takes half a minute; a larger product is a typing error, or several grids.
MOST_CELLS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Axis:
    """Paths of a spec whose values change together.

    Args:
        paths: what changes, as `--set` writes it: `network.widths[1]`.
        values: the points of the axis in order, each a value for each of the paths.
    """

    paths: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(hash=False)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Cell:
    """One spec of a grid.

    Args:
        coordinates: each path of the axes with the value that it has here, in the order of the axes.
        spec: the experiment.
    """

    coordinates: tuple[tuple[str, Any], ...] = field(hash=False)
    spec: Spec

    @property
    def runs(self) -> int:
        """How many networks are trained."""
        return len(self.spec.initializations) * len(self.spec.seeds)

    @property
    def label(self) -> str:
        """The coordinates as tables show them: of each path no more than tells it from the others."""
        paths = [path for path, _ in self.coordinates]
        return ", ".join(f"{_shortened(path, paths)} = {_told(value)}" for path, value in self.coordinates)


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of some axes.

    Args:
        title: a line for the top of the report.
        axes: what changes, from the slowest to the fastest; none for a single cell.
        cells: one for each combination of the axes' points; the last axis varies fastest.
        base: the table that the axes change, as it was given.
    """

    title: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    base: Mapping[str, Any] = field(hash=False, repr=False)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def runs(self) -> int:
        """How many networks all cells train."""
        return sum(cell.runs for cell in self.cells)

    @property
    def steps(self) -> int:
        """How many steps all cells make, each on its own."""
        return sum(cell.runs * cell.spec.training.steps for cell in self.cells)


def read_grid_file(path: Path, settings: Sequence[str] = ()) -> Grid:
    """Read the grid in a TOML file; a plain spec is a grid of one cell.

    Args:
        path: the file; a data file that it names by a relative path is looked for beside it.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.

    Raises:
        InputError: if the file cannot be read, is no TOML or breaks a rule.
    """
    with reading(path):
        return read_grid_table(table_of(path), settings, folder=path.parent)


def read_grid_table(table: dict[str, Any], settings: Sequence[str] = (), folder: Path | None = None) -> Grid:
    """Return the grid in a dictionary shaped like the TOML file.

    The lists of one table of `axes` are zipped, and the tables are multiplied. Where one path leads into the value of
    another (`training.optimizer` and `training.optimizer.learning_rate`), the outer value is put first.

    Args:
        table: the dictionary; it is not changed.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.
        folder: where data files with a relative path are looked for; by default the working directory.

    Raises:
        InputError: if something in it breaks a rule: the sentence names the cell, the path, the rule and the value. If
            there are more than 100,000 cells, or two of them are the same.

    >>> grid = read_grid_table({
    ...     "axes": [{"network.activation": ["relu", "tanh"]}, {"network.depth": [2, 3], "training.steps": [10, 20]}],
    ...     "seeds": 5,
    ...     "data": "circles",
    ...     "network": {"widths": [2, 8, 1]},
    ...     "training": {"loss": "binary_cross_entropy", "steps": 10},
    ...     "initializations": [{"label": "He", "weights": "he_normal"}],
    ... })
    >>> len(grid), grid.runs, grid.cells[1].label, grid.cells[1].spec.network.widths
    (4, 20, 'activation = relu, depth = 3, steps = 20', (2, 8, 8, 1))
    """
    for setting in settings:
        table = with_setting(table, setting)
    base = {key: part for key, part in _plain(table).items() if key != "axes"}
    if "data" in base:
        base["data"] = beside(base["data"], folder)
    axes = _axes(_plain(table.get("axes", [])), folder)
    cells = tuple(_cell(base, coordinates) for coordinates in _combinations(axes))
    _check_different(cells)
    return Grid(cells[0].spec.title, axes, cells, base)


def load_cells(grid: Grid) -> Iterator[tuple[Cell, Examples]]:
    """Yield each cell of a grid with its examples; equal recipes are loaded once.

    Raises:
        InputError: if the data of a cell cannot be loaded, or do not fit the loss.
    """
    loaded: list[Examples] = []
    for cell in grid.cells:
        with in_cell(cell.coordinates):
            examples = load_examples(cell.spec, loaded)
        if not any(examples is other for other in loaded):
            loaded.append(examples)
        yield cell, examples


def prepare_cells(grid: Grid) -> Iterator[Prepared]:
    """Yield the experiment of each cell of a grid, ready to be run; equal recipes of data are loaded once.

    Raises:
        InputError: if the parts of a cell's spec do not fit each other.
    """
    for cell, examples in load_cells(grid):
        with in_cell(cell.coordinates):
            prepared = prepare(cell.spec, examples)
        yield prepared


@contextmanager
def in_cell(coordinates: Sequence[tuple[str, Any]]) -> Generator[None]:
    """Name the cell in every input error that leaves the block."""
    try:
        yield
    except InputError as error:
        if coordinates:
            error.during(f"in the cell {', '.join(f'{path} = {shown(value)}' for path, value in coordinates)}")
        raise


def grid_as_table(grid: Grid) -> dict[str, Any]:
    """Return a grid as the dictionary that `read_grid_table` turns into it."""
    axes = [
        {path: list(values) for path, values in zip(axis.paths, zip(*axis.values, strict=True), strict=True)}
        for axis in grid.axes
    ]
    return _plain(grid.base) | ({"axes": axes} if axes else {})


def grid_as_toml(grid: Grid) -> str:
    """Return a grid as the text of a TOML file."""
    return tomli_w.dumps(grid_as_table(grid))


def _plain(value: Any) -> Any:  # noqa: ANN401  # any TOML value
    """Return a copy as TOML has it: with lists, and without entries that have no value."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {key: _plain(item) for key, item in entries.items() if item is not None}
    return [_plain(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _axes(tables: Any, folder: Path | None) -> tuple[Axis, ...]:  # noqa: ANN401
    if not isinstance(tables, list):
        raise InputError("axes", "must be a list of tables", tables)
    axes: list[Axis] = []
    for i, table in enumerate(cast("list[Any]", tables)):
        with located(f"axes[{i}]"):
            axes.append(_axis(table, {path for axis in axes for path in axis.paths}, folder))
    if (count := math.prod(map(len, axes))) > MOST_CELLS:
        raise InputError("axes", f"must make at most {MOST_CELLS:,} cells", count)
    return tuple(axes)


def _axis(table: Any, taken: set[str], folder: Path | None) -> Axis:  # noqa: ANN401
    if not isinstance(table, dict) or not table:
        raise InputError("", "must be a table from paths to lists of values", cast("object", table))
    lists: dict[str, list[Any]] = {}
    for keys, values in _flattened(cast("dict[str, Any]", table), ()):
        path = _path(keys)
        _check_values(path, values)
        if path in taken or path in lists:
            raise InputError(path, "must have one axis, and has another")
        lists[path] = [_found(path, value, folder) for value in values]
    lengths = {path: len(values) for path, values in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} of `{path}`" for path, length in lengths.items())
        raise InputError("", f"must have lists of one length, and has {told}")
    points = tuple(zip(*lists.values(), strict=True))
    earlier: set[str] = set()
    for i, point in enumerate(points):
        if (written := repr(point)) in earlier:
            value = point[0] if len(point) == 1 else list(point)
            raise InputError(f"{next(iter(lists))}[{i}]", "must differ from the values before it", value)
        earlier.add(written)
    return Axis(tuple(lists), points)


def _flattened(table: dict[str, Any], outer: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys and the values of each path: TOML makes nested tables of dotted keys without quotation marks."""
    for key, value in table.items():
        keys = (*outer, *keys_of(key))
        if not keys:
            raise InputError("", "must have paths like `network.activation`", key)
        if isinstance(value, dict) and value:
            yield from _flattened(cast("dict[str, Any]", value), keys)
        else:
            yield keys, value


def _check_values(path: str, values: object) -> None:
    if not isinstance(values, list) or not values:
        raise InputError(path, "must be a list of one value or more", cast("object", values))
    for i, value in enumerate(cast("list[Any]", values)):
        if value is None:
            raise InputError(f"{path}[{i}]", "must be a value that TOML has", value)


def _found(path: str, value: Any, folder: Path | None) -> Any:  # noqa: ANN401
    """Return a value with the path of a data file, if it is or has one, relative to the spec's folder."""
    if path == "data":
        return beside(value, folder)
    return cast("dict[str, Any]", beside({"path": value}, folder))["path"] if path == "data.path" else value


def _combinations(axes: Sequence[Axis]) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Yield the coordinates of each cell; the last axis varies fastest."""
    for points in itertools.product(*(axis.values for axis in axes)):
        pairs = (zip(axis.paths, point, strict=True) for axis, point in zip(axes, points, strict=True))
        yield tuple(itertools.chain.from_iterable(pairs))


def _cell(base: dict[str, Any], coordinates: tuple[tuple[str, Any], ...]) -> Cell:
    table = base
    with in_cell(coordinates):
        changes = [(keys_of(path), value) for path, value in coordinates]
        for keys, value in sorted(changes, key=lambda change: len(change[0])):
            with located("axes"):
                table = with_value(table, keys, value)
        return Cell(coordinates, read_table(table))


def _check_different(cells: Sequence[Cell]) -> None:
    """Refuse cells that are the same experiment: an axis that changes nothing, or two names of one thing."""
    first: dict[Spec, Cell] = {}
    for cell in cells:
        other = first.setdefault(cell.spec, cell)
        if other is not cell:
            with in_cell(cell.coordinates):
                raise InputError("", f"the spec must differ from that of the cell {other.label}")


def _path(keys: Sequence[str]) -> str:
    """Write a path in the one way in which paths are compared."""
    first, *others = keys
    return first + "".join(f"[{key}]" if key.isdigit() else f".{key}" for key in others)


def _shortened(path: str, paths: Sequence[str]) -> str:
    """Return the shortest end of a path that begins with a name and that no other of the paths has."""
    keys = keys_of(path)
    for start in reversed(range(len(keys))):
        end = keys[start:]
        if not end[0].isdigit() and sum(keys_of(other)[-len(end) :] == end for other in paths) == 1:
            return _path(end)
    return path


def _told(value: Any) -> str:  # noqa: ANN401
    """Write a value for people: a name without quotation marks, a member with its options."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_told, cast('list[Any]', value)))}]"
    if isinstance(value, dict):
        options = dict(cast("dict[str, Any]", value))
        name = options.pop("name", "")
        return f"{name}({', '.join(f'{key}={_told(option)}' for key, option in options.items())})"
    return str(value)
