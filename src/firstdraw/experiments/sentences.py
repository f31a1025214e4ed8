"""From the words of the decoder to a sentence of this package: the path, the rule and the value."""

from __future__ import annotations

import re
from typing import Any, Final, get_args, get_type_hints

import msgspec

from firstdraw.errors import NOTHING, InputError

__all__ = ["as_input_error"]

LOCATED: Final = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
NOUNS: Final = {
    "int": "an integer",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def as_input_error(error: msgspec.ValidationError, given: object, target: type) -> InputError:
    """Return the error of a decoder as an error of this package.

    Args:
        error: what `msgspec.convert` raised.
        given: what it was given to convert.
        target: the type it was to become.
    """
    located = LOCATED.match(str(error))
    assert located is not None, "the pattern matches any text"  # noqa: S101
    path = located["path"] or ""
    if isinstance(error.__cause__, InputError):
        return error.__cause__.under(path)
    value = _value_at(given, path)
    message = located["message"]
    expected = re.match(r"Expected `(?P<types>[^`]*)`", message)
    if expected:
        nouns = " or ".join(NOUNS.get(name, name) for name in expected["types"].split(" | ") if name != "null")
        return InputError(path, f"must be {nouns}", value)
    missing = re.match(r"Object missing required field `(?P<field>\w+)`", message)
    if missing:
        return InputError(missing["field"], "is missing").under(path)
    if message.startswith("Invalid enum value"):
        allowed = " or ".join(repr(choice) for choice in _choices_at(target, path))
        return InputError(path, f"must be {allowed}", value)
    return InputError(path, f"is not valid ({message})", value)


def _choices_at(target: Any, path: str) -> tuple[object, ...]:  # noqa: ANN401  # any annotated type
    """Return the values that the field at a dotted path may take, read from its annotation."""
    for key in path.split("."):
        target = get_type_hints(target)[key]
    return get_args(target)


def _value_at(given: object, path: str) -> object:
    value: Any = given
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[int(index)] if index else value[key]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return value if path else NOTHING
