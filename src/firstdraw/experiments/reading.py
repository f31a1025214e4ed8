"""Specs as people write them: TOML files, dictionaries, and settings on the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec
import tomli_w

from firstdraw.activations import ACTIVATIONS
from firstdraw.datasets import DATASETS
from firstdraw.draws import DRAWS
from firstdraw.engine import OPTIMIZERS, Batches, Precision, Recording
from firstdraw.errors import InputError
from firstdraw.experiments.choices import Choice, check_known, choose, describe
from firstdraw.experiments.sentences import as_input_error
from firstdraw.experiments.spec import Initialization, Spec, Training
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import LOSSES
from firstdraw.networks import MultilayerPerceptron

__all__ = ["as_table", "as_toml", "read_file", "read_table"]

# A spec is written by hand; a larger file is not one.
LARGEST_FILE: Final = 1_000_000
Result = TypeVar("Result")


class _Network(msgspec.Struct, frozen=True):
    widths: tuple[int, ...]
    activation: Choice = "relu"


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
    weights: Choice
    biases: Choice | None = None


class _Spec(msgspec.Struct, frozen=True):
    data: Choice
    network: _Network
    training: _Training
    initializations: tuple[_Initialization, ...]
    title: str = "An experiment"
    seeds: tuple[int, ...] = (0,)
    draws: str = "counter"
    recording: _Recording = msgspec.field(default_factory=_Recording)


def read_file(path: Path, settings: Sequence[str] = ()) -> Spec:
    """Read the spec in a TOML file.

    Args:
        path: the file; a data file that it names by a relative path is looked for beside it.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.

    Raises:
        InputError: if the file cannot be read, is no TOML or breaks a rule.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError("", f"a spec must be at most {LARGEST_FILE:,} bytes, and {path} has", path.stat().st_size)
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return read_table(table, settings, folder=path.parent)
    except OSError as error:
        raise InputError("", f"the spec {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError("", f"the spec {path} is not UTF-8 text: byte {error.start} is wrong") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError("", f"the spec {path} is not TOML: {error}") from None
    except InputError as error:
        raise error.during(f"in {path}") if error.path else error  # noqa: B904  # the same error, told where


def read_table(table: dict[str, Any], settings: Sequence[str] = (), folder: Path | None = None) -> Spec:
    """Return the spec in a dictionary shaped like the TOML file.

    Args:
        table: the dictionary; it is not changed.
        settings: changes to make first, each `a.b[0].c=value` with the value in TOML.
        folder: where a data file with a relative path is looked for; by default the working directory.

    Raises:
        InputError: if something in it breaks a rule; the sentence has the path, the rule and the value.
    """
    for setting in settings:
        table = _with_setting(table, setting)
    _check_keys(table)
    try:
        raw = msgspec.convert(table, _Spec)
    except msgspec.ValidationError as error:
        raise as_input_error(error, table, _Spec) from None
    return _assemble(raw, folder)


def _check_keys(table: dict[str, Any]) -> None:
    """Refuse unknown keys of the tables whose keys are fixed; choices check their own."""
    check_known(table, _Spec.__struct_fields__, "part of a spec")
    for name, struct in (("network", _Network), ("training", _Training), ("recording", _Recording)):
        part = table.get(name)
        if isinstance(part, dict):
            _at(name, lambda part=cast("dict[str, Any]", part), struct=struct, name=name: check_known(
                part, struct.__struct_fields__, f"part of `{name}`"
            ))
    starts = table.get("initializations")
    if isinstance(starts, list):
        for i, start in enumerate(cast("list[Any]", starts)):
            if isinstance(start, dict):
                _at(f"initializations[{i}]", lambda start=cast("dict[str, Any]", start): check_known(
                    start, _Initialization.__struct_fields__, "part of an initialization"
                ))


def _at(path: str, make: Callable[[], Result]) -> Result:
    """Return what `make` makes; an error that it raises gets the path in front."""
    try:
        return make()
    except InputError as error:
        raise error.under(path)  # noqa: B904  # the same error, told where


def _assemble(raw: _Spec, folder: Path | None) -> Spec:
    training = raw.training
    data = raw.data
    if isinstance(data, dict) and isinstance(data.get("path"), str) and folder is not None:
        data = data | {"path": str(folder / data["path"])}
    return Spec(
        title=raw.title,
        data=_at("data", lambda: choose(DATASETS, data)),
        network=_at(
            "network",
            lambda: MultilayerPerceptron(
                raw.network.widths, _at("activation", lambda: choose(ACTIVATIONS, raw.network.activation))
            ),
        ),
        training=_at(
            "training",
            lambda: Training(
                loss=_at("loss", lambda: choose(LOSSES, training.loss)),
                optimizer=_at("optimizer", lambda: choose(OPTIMIZERS, training.optimizer)),
                steps=training.steps,
                batches=_batches(training.batch_size),
                precision=training.precision,
            ),
        ),
        initializations=tuple(
            _at(f"initializations[{i}]", lambda start=start: _initialization(start))
            for i, start in enumerate(raw.initializations)
        ),
        seeds=raw.seeds,
        draws=_at("draws", lambda: DRAWS.canonical(raw.draws)),
        recording=_at("recording", lambda: Recording(raw.recording.every, raw.recording.snapshots)),
    )


def _batches(size: int | None) -> Batches:
    try:
        return Batches(size)
    except InputError as error:
        raise InputError("batch_size", error.rule, size) from None


def _initialization(raw: _Initialization) -> Initialization:
    biases = raw.biases
    return Initialization(
        label=raw.label,
        weights=_at("weights", lambda: choose(INITIALIZERS, raw.weights)),
        biases=None if biases is None else _at("biases", lambda: choose(INITIALIZERS, biases)),
    )


def _with_setting(table: dict[str, Any], setting: str) -> dict[str, Any]:
    """Return the table with one change; a name is turned into a table where the change is to one of its options."""
    path, equals, text = setting.partition("=")
    keys: list[str] = re.findall(r"[^.\[\]\s]+", path)
    if not equals or not keys:
        raise InputError("--set", "must look like `network.widths=[2, 64, 1]`", setting)
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    changed: Any = _copied(table)
    inner = changed
    for depth, key in enumerate(keys[:-1]):
        inner = _entered(inner, key, keys[: depth + 1])
    _enter_value(inner, keys, value)
    return changed


def _copied(value: Any) -> Any:  # noqa: ANN401  # any TOML value
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in cast("dict[str, Any]", value).items()}
    return [_copied(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _entered(inner: Any, key: str, keys: list[str]) -> Any:  # noqa: ANN401
    """Return the table or list under a key, making it where a setting may."""
    if isinstance(inner, list):
        items = cast("list[Any]", inner)
        if not key.isdigit() or int(key) >= len(items):
            raise InputError("--set", f"`{'.'.join(keys)}` must be an index below {len(items)}", key)
        holder, place = items, int(key)
    else:
        holder, place = cast("dict[str, Any]", inner), key
        holder.setdefault(place, {})
    if isinstance(holder[place], str):
        holder[place] = {"name": holder[place]}
    if not isinstance(holder[place], dict | list):
        raise InputError("--set", f"`{'.'.join(keys)}` must be a table or a list", holder[place])
    return holder[place]


def _enter_value(inner: Any, keys: list[str], value: Any) -> None:  # noqa: ANN401
    if not isinstance(inner, list):
        inner[keys[-1]] = value
        return
    items = cast("list[Any]", inner)
    if not keys[-1].isdigit() or int(keys[-1]) >= len(items):
        raise InputError("--set", f"`{'.'.join(keys)}` must be an index below {len(items)}", keys[-1])
    items[int(keys[-1])] = value


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
        },
        "training": training,
        "recording": {"every": spec.recording.every, "snapshots": list(spec.recording.snapshots)},
        "initializations": [
            {"label": start.label, "weights": describe(INITIALIZERS, start.weights)}
            | ({} if start.biases is None else {"biases": describe(INITIALIZERS, start.biases)})
            for start in spec.initializations
        ],
    }


def as_toml(spec: Spec) -> str:
    """Return a spec as the text of a TOML file."""
    return tomli_w.dumps(as_table(spec))
