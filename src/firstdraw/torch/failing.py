"""What a user's code raised, in a sentence that says where."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from firstdraw.errors import FirstdrawError, InputError

__all__ = ["failing", "said", "told"]


def said(error: Exception) -> str:
    r"""Return what an exception says, on one line.

    >>> said(ValueError("no\nway"))
    'ValueError: no way'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@contextmanager
def failing(what: str) -> Generator[None]:
    """Say of whatever the user's code in the block raises what failed.

    Args:
        what: it was, as the subject of the sentence.
    """
    try:
        yield
    except FirstdrawError:
        raise
    except Exception as error:
        raise FirstdrawError(f"{what} fails: {said(error)}") from error


@contextmanager
def told(place: str) -> Generator[None]:
    """Say of every error that leaves the block where it was."""
    try:
        yield
    except InputError as error:
        error.during(place)
        raise
    except FirstdrawError as error:
        raise FirstdrawError(f"{place}: {error}") from error.__cause__
