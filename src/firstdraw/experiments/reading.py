"""Specs as people write them: TOML files, dictionaries, and settings on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import tomli_w

from firstdraw.activations import ACTIVATIONS
from firstdraw.datasets import DATASETS
from firstdraw.draws import DRAWS
from firstdraw.engine import OPTIMIZERS, Batches, Precision, Recording
from firstdraw.errors import InputError, located
from firstdraw.experiments.choices import Choice, check_known, choose, describe
from firstdraw.experiments.sentences import as_input_error
from firstdraw.experiments.settings import with_setting
from firstdraw.experiments.spec import Initialization, Spec, Training
from firstdraw.fitted import FITTED
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS
from firstdraw.losses import LOSSES
from firstdraw.networks import Branch, MultilayerPerceptron, repeated_branches
from firstdraw.rules import check_positive_integer

__all__ = ["as_table", "as_toml", "beside", "read_file", "read_table", "reading", "table_of"]

# A spec is written by hand; a larger file is not one.
LARGEST_FILE: Final = 1_000_000
# Counts that are typing errors: so many seeds, and layers of one width, are made without being written out.
MOST_SEEDS: Final = 1_000_000
DEEPEST: Final = 100_000


class _Branch(msgspec.Struct, frozen=True):
    first: int
    last: int
    activated: bool = False


class _RepeatedBranches(msgspec.Struct, frozen=True):
    length: int
    activated: bool = False


class _Network(msgspec.Struct, frozen=True):
    widths: tuple[int, ...]
    depth: int | None = None
    activation: Choice = "relu"
    branches: tuple[_Branch, ...] | _RepeatedBranches = ()


class _Training(msgspec.Struct, frozen=True):
    loss: Choice
    steps: int
    optimizer: Choice = "sgd"
    batch_size: int | None = None
    precision: Precision = "float64"


class _Recording(msgspec.Struct, frozen=True):
    every: int = 100
    snapshots: tuple[int, ...] = ()


class _Initialization(msgspec.Struct, frozen=True):
    label: str
    weights: Choice | None = None
    biases: Choice | None = None
    multipliers: Choice | None = None
    fit: Choice | None = None
    parametrization: Choice | None = None


class _Spec(msgspec.Struct, frozen=True):
    data: Choice
    network: _Network
    training: _Training
    initializations: tuple[_Initialization, ...]
    title: str = "An experiment"
    seeds: int | tuple[int, ...] = (0,)
    draws: str = "counter"
    recording: _Recording = msgspec.field(default_factory=_Recording)


def read_file(path: Path, settings: Sequence[str] = ()) -> Spec:
    """Read the spec in a TOML file.

    Args:
        path: the file; a data file that it names by a relative path is looked for beside it.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.

    Raises:
        InputError: if the file cannot be read, is no TOML, breaks a rule, or holds a grid of specs.
    """
    with reading(path):
        return read_table(table_of(path), settings, folder=path.parent)


def table_of(path: Path) -> dict[str, Any]:
    """Return what stands in a TOML file that is no larger than a spec may be."""
    if path.stat().st_size > LARGEST_FILE:
        raise InputError("", f"the spec {path} must be at most {LARGEST_FILE:,} bytes", path.stat().st_size)
    return tomllib.loads(path.read_text(encoding="utf-8"))


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Say of everything that can go wrong in the block in which file it did."""
    try:
        yield
    except OSError as error:
        raise InputError("", f"the spec {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError("", f"the spec {path} is not UTF-8 text: byte {error.start} is wrong") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError("", f"the spec {path} is not TOML: {error}") from None
    except InputError as error:
        if error.path:
            error.during(f"in {path}")
        raise


def read_table(table: dict[str, Any], settings: Sequence[str] = (), folder: Path | None = None) -> Spec:
    """Return the spec in a dictionary shaped like the TOML file.

    Args:
        table: the dictionary; it is not changed.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.
        folder: where a data file with a relative path is looked for; by default the working directory.

    Raises:
        InputError: if something in it breaks a rule; the sentence has the path, the rule and the value. If it holds a
            grid of specs: `read_grid_table` reads it.
    """
    for setting in settings:
        table = with_setting(table, setting)
    if "axes" in table:
        hint = "`firstdraw run` takes a grid"
        raise InputError("axes", "is for a grid of specs, and a single spec is needed here", hint=hint)
    _check_keys(table)
    try:
        raw = msgspec.convert(table, _Spec)
    except msgspec.ValidationError as error:
        raise as_input_error(error, table, _Spec) from None
    return _assemble(raw, folder)


def _check_keys(table: dict[str, Any]) -> None:
    """Refuse unknown keys of the tables whose keys are fixed; choices check their own."""
    check_known(table, (*_Spec.__struct_fields__, "axes"), "part of a spec")
    for name, struct in (("network", _Network), ("training", _Training), ("recording", _Recording)):
        if isinstance(part := table.get(name), dict):
            with located(name):
                check_known(cast("dict[str, Any]", part), struct.__struct_fields__, f"part of `{name}`")
    if isinstance(network := table.get("network"), dict):
        branches = cast("dict[str, Any]", network).get("branches")
        with located("network"):
            _check_entries(branches, "branches", _Branch, "part of a branch")
            if isinstance(branches, dict):
                with located("branches"):
                    known = _RepeatedBranches.__struct_fields__
                    check_known(cast("dict[str, Any]", branches), known, "part of repeated branches")
    _check_entries(table.get("initializations"), "initializations", _Initialization, "part of an initialization")


def _check_entries(entries: object, name: str, struct: type[msgspec.Struct], kind: str) -> None:
    """Refuse unknown keys in the tables of a list."""
    if isinstance(entries, list | tuple):
        for i, entry in enumerate(cast("list[Any]", entries)):
            if isinstance(entry, dict):
                with located(f"{name}[{i}]"):
                    check_known(cast("dict[str, Any]", entry), struct.__struct_fields__, kind)


def _assemble(raw: _Spec, folder: Path | None) -> Spec:
    with located("data"):
        data = choose(DATASETS, beside(raw.data, folder))
    with located("network"):
        with located("activation"):
            activation = choose(ACTIVATIONS, _named(raw.network.activation, "relu"))
        plain = MultilayerPerceptron(_widths(raw.network.widths, raw.network.depth), activation)
        network = replace(plain, branches=_branches(raw.network.branches, plain.depth))
    with located("training"):
        training = _training(raw.training)
    starts: list[Initialization] = []
    for i, start in enumerate(raw.initializations):
        with located(f"initializations[{i}]"):
            starts.append(_initialization(start))
    with located("draws"):
        draws = DRAWS.canonical(raw.draws)
    with located("recording"):
        recording = Recording(raw.recording.every, raw.recording.snapshots)
    return Spec(raw.title, data, network, training, tuple(starts), _seeds(raw.seeds), draws, recording)


def _widths(widths: tuple[int, ...], depth: int | None) -> tuple[int, ...]:
    """Return every width of a network whose hidden layers are of one width, if its depth is given."""
    if depth is None:
        return widths
    check_positive_integer("depth", depth)
    if depth > DEEPEST:
        raise InputError("depth", f"must be at most {DEEPEST:,} layers", depth)
    if len(widths) != 3:
        raise InputError("widths", "must be the features, one hidden width and the outputs beside a `depth`", widths)
    features, hidden, outputs = widths
    return (features, *[hidden] * (depth - 1), outputs)


def _seeds(seeds: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the seeds, which are counted from 0 if only their number is given."""
    if isinstance(seeds, tuple):
        return seeds
    check_positive_integer("seeds", seeds)
    if seeds > MOST_SEEDS:
        raise InputError("seeds", f"must be at most {MOST_SEEDS:,}", seeds)
    return tuple(range(seeds))


def _branches(raw: tuple[_Branch, ...] | _RepeatedBranches, depth: int) -> tuple[Branch, ...]:
    if isinstance(raw, _RepeatedBranches):
        with located("branches"):
            return repeated_branches(depth, raw.length, activated=raw.activated)
    branches: list[Branch] = []
    for i, branch in enumerate(raw):
        with located(f"branches[{i}]"):
            branches.append(Branch(branch.first, branch.last, branch.activated))
    return tuple(branches)


def beside(data: Choice, folder: Path | None) -> Choice:
    """Return the choice of a data set with the path of its file, if it has one, relative to the spec's folder."""
    if isinstance(data, dict) and isinstance(path := data.get("path"), str) and folder is not None:
        return data | {"path": str(folder / path)}
    return data


def _named(choice: Choice, default: str) -> Choice:
    """Return a choice that may leave its name out, when only an option of the default is set, with the name."""
    return choice if isinstance(choice, str) else {"name": default} | choice


def _training(raw: _Training) -> Training:
    with located("loss"):
        loss = choose(LOSSES, raw.loss)
    with located("optimizer"):
        optimizer = choose(OPTIMIZERS, _named(raw.optimizer, "sgd"))
    return Training(loss, optimizer, raw.steps, _batches(raw.batch_size), raw.precision)


def _batches(size: int | None) -> Batches:
    try:
        return Batches(size)
    except InputError as error:
        raise InputError("batch_size", error.rule, size) from None


def _initialization(raw: _Initialization) -> Initialization:
    with located("parametrization"):
        parametrization = None if raw.parametrization is None else choose(PARAMETRIZATIONS, raw.parametrization)
    with located("weights"):
        weights = parametrization if raw.weights is None else choose(INITIALIZERS, raw.weights)
        if weights is None:
            raise InputError("", "is missing", hint="a `parametrization` could stand for it")
    with located("biases"):
        biases = None if raw.biases is None else choose(INITIALIZERS, raw.biases)
    with located("multipliers"):
        multipliers = None if raw.multipliers is None else choose(INITIALIZERS, raw.multipliers)
    with located("fit"):
        fit = None if raw.fit is None else choose(FITTED, raw.fit)
    return Initialization(raw.label, weights, biases, multipliers, fit, parametrization)


def as_table(spec: Spec) -> dict[str, Any]:
    """Return a spec as the dictionary that `read_table` turns into it, with every default written out."""
    training: dict[str, Any] = {
        "loss": describe(LOSSES, spec.training.loss),
        "optimizer": describe(OPTIMIZERS, spec.training.optimizer),
        "steps": spec.training.steps,
        "precision": spec.training.precision,
    }
    if spec.training.batches.size is not None:
        training["batch_size"] = spec.training.batches.size
    return {
        "title": spec.title,
        "seeds": list(spec.seeds),
        "draws": spec.draws,
        "data": describe(DATASETS, spec.data),
        "network": {
            "widths": list(spec.network.widths),
            "activation": describe(ACTIVATIONS, spec.network.activation),
            "branches": [asdict(branch) for branch in spec.network.branches],
        },
        "training": training,
        "recording": {"every": spec.recording.every, "snapshots": list(spec.recording.snapshots)},
        "initializations": [_start_table(start) for start in spec.initializations],
    }


def _start_table(start: Initialization) -> dict[str, Any]:
    own = None if start.weights == start.parametrization else start.weights
    chosen = {"weights": own, "biases": start.biases, "multipliers": start.multipliers}
    members = {name: describe(INITIALIZERS, member) for name, member in chosen.items() if member is not None}
    fit = {} if start.fit is None else {"fit": describe(FITTED, start.fit)}
    parametrization = start.parametrization
    rates = {} if parametrization is None else {"parametrization": describe(PARAMETRIZATIONS, parametrization)}
    return {"label": start.label} | members | fit | rates


def as_toml(spec: Spec) -> str:
    """Return a spec as the text of a TOML file."""
    return tomli_w.dumps(as_table(spec))
