"""Changes to the table of a spec before it is read: a path, and the value that is put there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, cast

from firstdraw.errors import InputError, located

__all__ = ["keys_of", "with_setting", "with_value"]


def keys_of(path: str) -> list[str]:
    """Return the keys and indices that a path leads through.

    >>> keys_of("initializations[0].weights.slope"), keys_of("network.widths.1")
    (['initializations', '0', 'weights', 'slope'], ['network', 'widths', '1'])
    """
    return re.findall(r"[^.\[\]\s]+", path)


def with_setting(table: dict[str, Any], setting: str) -> dict[str, Any]:
    """Return a table with one change, as the command line writes it.

    Args:
        table: the table; it is not changed.
        setting: `a.b[0].c=value`, with the value in TOML; what is no TOML is a text.

    Raises:
        InputError: if the setting is not of this form, or its path leads nowhere.

    >>> with_setting({"network": {"activation": "elu"}}, "network.activation.alpha=0.5")
    {'network': {'activation': {'name': 'elu', 'alpha': 0.5}}}
    """
    path, equals, text = setting.partition("=")
    keys = keys_of(path)
    if not equals or not keys:
        raise InputError("--set", "must look like `network.widths=[2, 64, 1]`", setting)
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    with located("--set"):
        return with_value(table, keys, value)


def with_value(table: dict[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a table with one value put somewhere; a name becomes a table where the value is one of its options.

    Args:
        table: the table; it is not changed.
        keys: where the value goes; tables that are missing on the way are made.
        value: any TOML value.

    Raises:
        InputError: if the way leads past the end of a list, or through a value that holds no others.
    """
    changed: Any = _copied(table)
    inner = changed
    for depth, key in enumerate(keys[:-1]):
        inner = _entered(inner, key, keys[: depth + 1])
    inner[_place(inner, keys[-1], keys)] = value
    return changed


def _copied(value: Any) -> Any:  # noqa: ANN401  # any TOML value
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in cast("dict[str, Any]", value).items()}
    return [_copied(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _place(inner: Any, key: str, keys: Sequence[str]) -> Any:  # noqa: ANN401
    """Return the index or the key under which a table or a list holds an entry."""
    if not isinstance(inner, list):
        return key
    length = len(cast("list[Any]", inner))
    if not key.isdigit() or int(key) >= length:
        raise InputError("", f"`{'.'.join(keys)}` must be an index below {length}", key)
    return int(key)


def _entered(inner: Any, key: str, keys: Sequence[str]) -> Any:  # noqa: ANN401
    """Return the table or list under a key, making it where a change may."""
    place = _place(inner, key, keys)
    if isinstance(inner, dict):
        cast("dict[str, Any]", inner).setdefault(key, {})
    if isinstance(name := cast("Any", inner[place]), str):
        inner[place] = {"name": name}
    elif not isinstance(name, dict | list):
        raise InputError("", f"`{'.'.join(keys)}` must be a table or a list", name)
    return cast("Any", inner)[place]
