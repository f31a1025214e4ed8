"""The errors of the package: each is one sentence with the name, the rule and the value.

A low floor states the rule with the name it knows (`` `widths[2]` must be a positive integer, got -5 ``); the
caller prefixes where that name stands (:meth:`InputError.under`) and the situation (:meth:`InputError.during`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Self

__all__ = [
    "NOTHING",
    "FirstdrawError",
    "InputError",
    "OutputError",
    "StoreError",
    "UnknownNameError",
    "either",
    "located",
    "shown",
]

_LONGEST_VALUE: Final = 80


class _Nothing:
    """The type of the mark for "no value to show"."""

    def __reduce__(self) -> str:
        # A copied or unpickled error must hold the mark itself, as the sentence asks for its identity.
        return "NOTHING"


NOTHING: Final = _Nothing()


def shown(value: object) -> str:
    """Write a value as an error sentence shows it: as Python writes it, without its middle when long.

    The ends tell most: the folder and the name of a file, the first and the last of many numbers.

    >>> shown("relo"), shown(-5)
    ("'relo'", '-5')
    """
    text = repr(value)
    if len(text) <= _LONGEST_VALUE:
        return text
    half = (_LONGEST_VALUE - 1) // 2
    return f"{text[: _LONGEST_VALUE - 1 - half]}…{text[-half:]}"


def either(names: Sequence[str]) -> str:
    """Write names as the answers that a question leaves.

    >>> either(["zeros"]), either(["zeros", "zero_head", "rezero"])
    ("'zeros'", "'zeros', 'zero_head' or 'rezero'")
    """
    *others, last = map(repr, names)
    return f"{', '.join(others)} or {last}" if others else last


class FirstdrawError(Exception):
    """Anything the package refuses or fails to do, said in one sentence."""


class InputError(FirstdrawError, ValueError):
    """A value given by the user breaks a rule.

    Args:
        path: the name of the value, as the user wrote it (`network.widths[2]`); empty for a rule about the whole.
        rule: what the value must be, from the verb on ("must be a positive integer"), or a whole sentence.
        value: what was given; left out of the sentence when not passed.
        hint: a further sentence that helps ("did you mean 'relu'?").

    >>> raise InputError("widths[2]", "must be a positive integer", -5).under("network")
    Traceback (most recent call last):
    ...
    firstdraw.errors.InputError: `network.widths[2]` must be a positive integer, got -5
    """

    def __init__(self, path: str, rule: str, value: object = NOTHING, hint: str = "") -> None:
        super().__init__(path, rule, value, hint)
        self.path = path
        self.rule = rule
        self.value = value
        self.hint = hint
        self.situation = ""

    def __str__(self) -> str:
        # A rule either goes on from the name ("must be ..."), or is a sentence of its own about what the name holds.
        goes_on = self.rule.startswith(("must ", "is "))
        sentence = f"`{self.path}`{'' if goes_on else ':'} {self.rule}" if self.path else self.rule
        if self.value is not NOTHING:
            sentence += f", got {shown(self.value)}"
        if self.hint:
            sentence += f"; {self.hint}"
        return f"{self.situation}: {sentence}" if self.situation else sentence

    def under(self, outer: str) -> Self:
        """Prefix the path with the name of the table it stands in, and return the error itself."""
        if not self.path:
            self.path = outer
        elif outer:
            self.path = f"{outer}{self.path}" if self.path.startswith("[") else f"{outer}.{self.path}"
        return self

    def during(self, situation: str) -> Self:
        """Say in which file or cell the rule was broken, and return the error itself."""
        self.situation = f"{situation}: {self.situation}" if self.situation else situation
        return self


class UnknownNameError(InputError, KeyError):
    """A name is not in the catalogue it was looked up in; a `KeyError` too, as a mapping must raise."""


@contextmanager
def located(path: str) -> Generator[None]:
    """Prefix the path of every input error that leaves the block.

    >>> with located("network"):
    ...     raise InputError("widths[2]", "must be a positive integer", -5)
    Traceback (most recent call last):
    ...
    firstdraw.errors.InputError: `network.widths[2]` must be a positive integer, got -5
    """
    try:
        yield
    except InputError as error:
        error.under(path)
        raise


class OutputError(FirstdrawError, OSError):
    """A file cannot be written where the user asked for it.

    >>> str(OutputError("/nowhere/report.html", "its folder does not exist"))
    'cannot write `/nowhere/report.html`: its folder does not exist'
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot write `{self.path}`: {self.reason}"


class StoreError(FirstdrawError, OSError):
    """A store of runs cannot be read or written.

    >>> str(StoreError("results.db", "does not exist"))
    'the store `results.db` does not exist'
    """

    def __init__(self, path: str, rule: str) -> None:
        super().__init__(path, rule)
        self.path = path
        self.rule = rule

    def __str__(self) -> str:
        return f"the store `{self.path}` {self.rule}"
