"""The user's own table, from a text file (CSV) or a file of NumPy arrays (NPZ)."""

from __future__ import annotations

import csv
import difflib
import math
import stat
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import numpy as np
from numpy.typing import NDArray

from firstdraw.arrays import Floats, Integers
from firstdraw.datasets.cells import number_classes, parse_number
from firstdraw.datasets.contract import DATASETS, Dataset, Examples
from firstdraw.datasets.sizes import numbered
from firstdraw.datasets.splitting import SplitRecipe
from firstdraw.errors import NOTHING, InputError, either
from firstdraw.lazy import LazyModule
from firstdraw.losses import Task

if TYPE_CHECKING:
    import zipfile
else:
    zipfile = LazyModule("zipfile")

__all__ = ["Csv", "Npz"]

# Larger tables do not fit the memory of a laptop once they are read, and no network here needs them.
LARGEST_FILE: Final = 2 * 10**9
NAMES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table(SplitRecipe):
    task: Task = "classification"

    def __post_init__(self) -> None:
        SplitRecipe.__post_init__(self)
        if self.task not in ("classification", "regression"):
            raise InputError("task", "must be 'classification' or 'regression'", self.task)


def _check_text(name: str, value: object, what: str) -> None:
    if not (isinstance(value, str) and value):
        raise InputError(name, f"must be {what}, as a text", value)


def _check_file(path: str) -> None:
    """Refuse what is not a readable file of a sensible size."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        raise InputError("path", "must be a file that exists", path) from None
    # ValueError: a text that cannot be a path on this system, such as one with a zero byte.
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError("path", "must be a file, not a folder", path)
    # Reading a pipe or a device may never end.
    if not stat.S_ISREG(status.st_mode):
        raise InputError("path", "must be an ordinary file, not a device or a pipe", path)
    if status.st_size == 0:
        raise InputError("path", "must be a file that is not empty", path)
    if status.st_size > LARGEST_FILE:
        raise InputError("path", f"must be a file of at most 2 GB, and {path!r} has {status.st_size:,} bytes")


def _unreadable(path: str, error: Exception) -> InputError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InputError("path", f"must be a file that can be read ({reason})", path)


def _known(name: str, names: Sequence[str], what: str) -> str:
    """Return a hint for a name that is not among these."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    question = f"did you mean {either(close)}? " if close else ""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{question}{what}: {', '.join(repr(name) for name in names[:NAMES_SHOWN])}{more}"


def _check_classes(classes: Sequence[str], rows: int, path: str) -> None:
    if len(classes) < 2:
        raise InputError(
            "target",
            f"must hold two classes or more, and all {rows} rows of {path!r} are of class {classes[0]!r}",
        )


@DATASETS.register("csv")
@dataclass(frozen=True, slots=True)
class Csv(_Table):
    r"""A text file whose first line names the columns; all but the target are features, and must be numbers.

    UTF-8, with or without a byte order mark; blank lines and spaces around cells do not count. Classes are
    sorted, as numbers where all of them are.

    Args:
        path: the file.
        target: the name of the column to predict.
        delimiter: what stands between two cells.
        task: whether the target names classes (texts or whole numbers) or is a number.
        test_share: the share of the rows to test with.
        split_seed: the seed of the split; for classification every class has its share.
        standardize: whether to standardize the features over the training part.

    Raises:
        InputError: if an option is out of its range or, on loading, the file breaks one of these rules.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "irises.csv")
    ...     _ = path.write_text("width,species\n0.2,setosa\n1.4,virginica\n0.3,setosa\n1.6,virginica\n")
    ...     data = Csv(str(path), target="species").load()
    >>> data.features, data.classes, len(data.train), len(data.test)
    (('width',), ('setosa', 'virginica'), 3, 1)
    """

    path: str
    target: str
    delimiter: str = ","
    description: ClassVar[str] = "your own table, as a text file with one line an example"

    def __post_init__(self) -> None:
        _Table.__post_init__(self)
        _check_text("path", self.path, "the path of a file")
        _check_text("target", self.target, "the name of a column")
        _check_text("delimiter", self.delimiter, "one character")
        if len(self.delimiter) != 1 or not (self.delimiter.isprintable() or self.delimiter == "\t"):
            raise InputError("delimiter", "must be one character, printable or a tab", self.delimiter)
        if self.delimiter == '"':
            raise InputError("delimiter", "must not be the quotation mark, which encloses cells", self.delimiter)

    def load(self) -> Dataset:
        _check_file(self.path)
        try:
            # utf-8-sig passes over the byte order mark that spreadsheets write.
            with Path(self.path).open(encoding="utf-8-sig", newline="") as file:
                return self._read(self._rows(file))
        except UnicodeDecodeError:
            raise self._broken(
                f"line {self._undecodable_line()} must be UTF-8", hint="save the file as UTF-8"
            ) from None
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _broken(self, rule: str, value: object = NOTHING, hint: str = "") -> InputError:
        return InputError("path", f"is {self.path!r}, where {rule}", value, hint)

    def _rows(self, file: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of every line that is not blank, with the line's number."""
        reader = csv.reader(file, delimiter=self.delimiter, strict=True)
        line = 1
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if len(cells) > 1 or any(cells):
                    yield line, cells
                # A quoted cell may go over several lines; the row is where it begins.
                line = reader.line_num + 1
        except csv.Error as error:
            raise self._broken(f"line {line} must be well-formed CSV ({error})") from None

    def _undecodable_line(self) -> int:
        with Path(self.path).open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return number
        # The file was mended between the two readings.
        return 1

    def _read(self, rows: Iterator[tuple[int, list[str]]]) -> Dataset:
        header_line, names = next(rows, (1, list[str]()))
        column = self._target_column(header_line, names)
        features = (*names[:column], *names[column + 1 :])
        inputs, labels, lines = array("d"), list[str](), array("q")
        for line, cells in rows:
            if len(cells) != len(names):
                raise self._broken(f"line {line} must have {len(names)} cells like the header, and has {len(cells)}")
            labels.append(cells.pop(column))
            lines.append(line)
            inputs.extend(self._number(line, name, cell) for name, cell in zip(features, cells, strict=True))
        if not lines:
            raise self._broken("lines of data must follow the header, and none does")
        targets, classes = self._targets(labels, lines)
        table = Examples(np.array(inputs, np.float64).reshape(len(lines), len(features)), targets)
        return self.divided(table, self.task, classes=classes, features=features)

    def _target_column(self, line: int, names: list[str]) -> int:
        """Check the header, and return where the target stands in it."""
        if not names:
            raise self._broken("the first line must name the columns, and every line is blank")
        if self.target not in names:
            hint = _known(self.target, names, "the columns are")
            if len(names) == 1:
                hint = f"the only column is {names[0]!r}: is {self.delimiter!r} the `delimiter`?"
            raise InputError("target", f"must be a column of {self.path!r}", self.target, hint)
        seen = set[str]()
        for i, name in enumerate(names):
            if not name:
                hint = "pandas writes its index so: pass index=False to to_csv" if i == 0 else ""
                rule = f"line {line} must name every column, and column {i + 1} has no name"
                raise self._broken(rule, hint=hint)
            if name in seen:
                raise self._broken(f"line {line} must name each column once, and has {name!r} twice")
            seen.add(name)
        if len(names) == 1:
            raise self._broken(f"a column of features must stand beside the target {self.target!r}, and none does")
        return names.index(self.target)

    def _number(self, line: int, name: str, cell: str) -> float:
        number = parse_number(cell)
        if number is None:
            hint = "" if cell else "leave out or fill in examples with missing values"
            raise self._broken(f"line {line}, column {name!r} must be a number", cell, hint)
        if not math.isfinite(number):
            raise self._broken(f"line {line}, column {name!r} must be a finite number", cell)
        return number

    def _targets(self, labels: list[str], lines: Sequence[int]) -> tuple[Floats | Integers, tuple[str, ...]]:
        if self.task == "regression":
            values = [self._number(line, self.target, label) for line, label in zip(lines, labels, strict=True)]
            return np.array(values, np.float64)[:, np.newaxis], ()
        for line, label in zip(lines, labels, strict=True):
            if not label:
                raise self._broken(f"line {line}, column {self.target!r} must name a class", label)
        numbers, classes = number_classes(labels, lambda i: f"line {lines[i]} of {self.path!r}")
        _check_classes(classes, len(labels), self.path)
        return numbers, classes


@DATASETS.register("npz")
@dataclass(frozen=True, slots=True)
class Npz(_Table):
    """Two arrays of a file that `numpy.savez` wrote: inputs `[m, d]`, and targets `[m]` or `[m, k]`.

    Pickled objects in the file are never read, since reading them can run any program.

    Args:
        path: the file.
        inputs: the name of the inputs' array.
        target: the name of the targets' array: for classification `[m]` whole numbers or texts, for
            regression `[m]` or `[m, k]` numbers.
        task: whether the targets are classes or numbers.
        test_share: the share of the rows to test with.
        split_seed: the seed of the split; for classification every class has its share.
        standardize: whether to standardize the inputs over the training part.

    Raises:
        InputError: if an option is out of its range or, on loading, the file breaks one of these rules.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "squares.npz")
    ...     np.savez(path, X=np.arange(8.0).reshape(8, 1), y=np.arange(8.0) ** 2)
    ...     data = Npz(str(path), task="regression").load()
    >>> data.train.inputs.shape, data.train.targets.shape, data.test.inputs.shape
    ((6, 1), (6, 1), (2, 1))
    """

    path: str
    inputs: str = "X"
    target: str = "y"
    description: ClassVar[str] = "your own arrays, from a file that numpy.savez wrote"

    def __post_init__(self) -> None:
        _Table.__post_init__(self)
        _check_text("path", self.path, "the path of a file")
        _check_text("inputs", self.inputs, "the name of an array")
        _check_text("target", self.target, "the name of an array")
        if self.inputs == self.target:
            raise InputError("target", "must be another array than the inputs", self.target)

    def load(self) -> Dataset:
        _check_file(self.path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                inputs = self._array(archive, "inputs", self.inputs)
                targets = self._array(archive, "target", self.target)
        except zipfile.BadZipFile:
            raise InputError("path", "must be a file that numpy.savez wrote", self.path) from None
        except OSError as error:
            raise _unreadable(self.path, error) from None
        if inputs.ndim != 2 or inputs.size == 0:
            raise self._refusal(
                "inputs",
                "must be an array with a row for each example and a column for each feature",
                f"has the shape {inputs.shape}",
                hint="flatten each example to a row: X.reshape(len(X), -1)" if inputs.ndim > 2 else "",
            )
        if targets.ndim == 0 or len(targets) != len(inputs):
            rule = f"must be an array with as many rows as {self.inputs!r} has, {len(inputs)}"
            raise self._refusal("target", rule, f"has the shape {targets.shape}")
        features = numbered(inputs.shape[1])
        inputs = self._numbers("inputs", inputs)
        if self.task == "regression":
            table = Examples(inputs, self._values(targets))
            return self.divided(table, self.task, classes=(), features=features)
        numbers, classes = self._classes(targets)
        return self.divided(Examples(inputs, numbers), self.task, classes=classes, features=features)

    def _refusal(self, option: str, rule: str, found: str, hint: str = "") -> InputError:
        name = self.inputs if option == "inputs" else self.target
        return InputError(option, f"{rule}, and {name!r} of {self.path!r} {found}", hint=hint)

    def _array(self, archive: zipfile.ZipFile, option: str, name: str) -> NDArray[Any]:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if name not in members:
            hint = _known(name, list(members), "the arrays are") if members else "the file holds no arrays"
            raise InputError(option, f"must be an array of {self.path!r}", name, hint)
        # A compressed file may be far smaller than what it unpacks to.
        if members[name].file_size > LARGEST_FILE:
            raise self._refusal(option, "must be an array of at most 2 GB", f"has {members[name].file_size:,} bytes")
        try:
            with archive.open(members[name]) as file:
                values = cast("object", np.load(file, allow_pickle=False))
        # A damaged file makes zipfile, zlib and NumPy raise nearly anything.
        except Exception as error:
            if "pickle" in str(error):
                rule = "must be an array of numbers or texts"
                raise self._refusal(option, rule, "is not; pickled objects are never read") from None
            raise self._refusal(option, "must be an array that NumPy can read", f"is not ({error})") from None
        if not isinstance(values, np.ndarray):
            raise self._refusal(option, "must be an array", "is not one")
        return cast("NDArray[Any]", values)

    def _numbers(self, option: str, values: NDArray[Any]) -> Floats:
        """Return the values as float64, all of them finite."""
        if values.dtype.kind not in "biuf":
            raise self._refusal(option, "must be an array of real numbers", f"is of type {values.dtype}")
        # A wider float may overflow; what comes of it is not finite.
        with np.errstate(over="ignore"):
            numbers = values.astype(np.float64)
        bad = np.argwhere(~np.isfinite(numbers))
        if len(bad):
            place = ", ".join(str(int(i)) for i in bad[0])
            raise self._refusal(
                option,
                "must be an array of finite numbers",
                f"has {len(bad)} that are not, the first at [{place}]",
            )
        return numbers

    def _values(self, targets: NDArray[Any]) -> Floats:
        if targets.ndim > 2 or targets.size == 0:
            rule = "must be an array with one or two dimensions, examples and targets"
            raise self._refusal("target", rule, f"has the shape {targets.shape}")
        return self._numbers("target", targets).reshape(len(targets), -1)

    def _classes(self, targets: NDArray[Any]) -> tuple[Integers, tuple[str, ...]]:
        if targets.size != len(targets):
            hint = "from one column a class, np.argmax(y, axis=1) makes class numbers"
            rule = "must be an array with one class for each example"
            raise self._refusal("target", rule, f"has the shape {targets.shape}", hint)
        if targets.dtype.kind not in "biufU":
            rule = "must be an array of whole numbers or texts"
            raise self._refusal("target", rule, f"is of type {targets.dtype}")
        if targets.dtype.kind == "f":
            self._numbers("target", targets)
        # Python writes a float64 with the digits that give it back, so that large numbers stay exact.
        values = targets.ravel().astype(np.int64) if targets.dtype.kind == "b" else targets.ravel()
        labels = [str(value) for value in values.tolist()]
        numbers, classes = number_classes(labels, lambda i: f"row {i} of {self.target!r} in {self.path!r}")
        _check_classes(classes, len(labels), self.path)
        return numbers, classes
