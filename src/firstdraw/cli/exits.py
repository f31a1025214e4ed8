"""Exit codes, and the sentence that goes with each."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from enum import IntEnum
from types import FrameType
from typing import NoReturn

import click

from firstdraw.errors import FirstdrawError, InputError, OutputError, StoreError

__all__ = ["CHECK_EPILOG", "EPILOG", "Exit", "Terminated", "guarded"]


class Terminated(KeyboardInterrupt):
    """The signal that asks a process to end; on its way out it is treated as an interrupt."""


class Exit(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    INPUT = 2
    OUTPUT = 4
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


EPILOG = """\b
Exit codes:
  0    done (a run that diverges, or a claim that does not hold, is a result)
  1    something is missing or failed that is none of the below
  2    the command line, a spec or the data break a rule; nothing was written
  4    a file or the standard output cannot be written; a store of runs is damaged, or is none
  130  interrupted; nothing was written but what a store holds
  143  terminated; nothing was written but what a store holds
"""

CHECK_EPILOG = """\b
Exit codes:
  0    nothing was found that is worth a warning
  1    something was found (--severity, --allow); or the model fails, or PyTorch is missing
  2    the command line, the name of the model or the batch break a rule
  4    a file or the standard output cannot be written
  130  interrupted
  143  terminated
"""


def guarded(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; every expected failure is one sentence on the standard error."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        command()
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.INPUT
    except (KeyboardInterrupt, click.Abort, FirstdrawError, MemoryError, OSError) as error:
        sentence, code = _ending(error)
        if sentence:
            with contextlib.suppress(OSError):
                click.echo(sentence, err=True)
        return code
    return Exit.OK


def _ending(error: BaseException) -> tuple[str, Exit]:
    """Return the sentence and the exit code that an expected failure ends with."""
    match error:
        case InputError():
            return _sentence(error), Exit.INPUT
        case OutputError() | StoreError():
            return _sentence(error), Exit.OUTPUT
        case FirstdrawError():
            return _sentence(error), Exit.FAILED
        case MemoryError():
            return "Error: the spec needs more memory than this machine has.", Exit.INPUT
        case BrokenPipeError():
            _drop_output()
            return "", Exit.PIPE_CLOSED
        case OSError():
            _drop_output()
            reason = (error.strerror or str(error)).lower()
            return f"Error: cannot write the output: {reason}.", Exit.OUTPUT
        case Terminated():
            return f"Terminated; {_kept(error)}.", Exit.TERMINATED
        case _:
            return f"Interrupted; {_kept(error)}.", Exit.INTERRUPTED


def _kept(interrupt: BaseException) -> str:
    """Return what is left of work that was interrupted, as whoever did it says."""
    return str(interrupt) or "nothing was written"


def _drop_output() -> None:
    """Let what is still buffered go nowhere: Python must not fail again on flushing it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: FirstdrawError) -> str:
    text = f"Error: {error}"
    return text if text.endswith("?") else f"{text}."


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
