"""What a name of the form `package.module:name` stands for, imported as a program of the working directory would."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from firstdraw.errors import FirstdrawError, InputError, either

__all__ = ["object_named", "said_by"]

# A file is imported under a name that no package can have.
FILE_MODULE: Final = "<file of the model>"


def object_named(option: str, name: str) -> Any:  # noqa: ANN401  # whatever the user has put there
    """Return what a name stands for.

    Args:
        option: where the name was given, for sentences.
        name: `package.module:name` or `path/to/file.py:name`; the name may have dots.

    Raises:
        InputError: if there is no such module, or nothing of that name in it.
        FirstdrawError: if the module fails while it is imported.
    """
    place, colon, attribute = name.rpartition(":")
    if not (colon and place and attribute):
        raise InputError(option, "must be a module, a colon and a name in it, like `package.module:factory`", name)
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    value: Any = _module_of_file(option, Path(place)) if place.endswith(".py") else _module(option, place)
    for part in attribute.split("."):
        if not hasattr(value, part):
            owner = getattr(value, "__qualname__", place)
            raise InputError(option, f"must name something in `{owner}`", part, hint=_nearest(part, dir(value)))
        value = getattr(value, part)
    return value


def said_by(error: BaseException) -> str:
    """Return the end of a sentence on the user's own code that failed: at which line of it, and with which error."""
    said = " ".join(str(error).split())
    return f"{_line(error)}: {type(error).__name__}{f': {said}' if said else ''}"


def _module(option: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing != name and not name.startswith(f"{missing}."):
            raise FirstdrawError(f"the module `{name}` fails while it is imported{said_by(error)}") from error
        parent, _, last = missing.rpartition(".")
        siblings = {module.name for module in pkgutil.iter_modules(_folders(parent))}
        raise InputError(
            option,
            f"must name a module that can be imported from here, and there is no `{missing}`",
            hint=_nearest(last, siblings, parent),
        ) from None
    except (Exception, SystemExit) as error:
        raise FirstdrawError(f"the module `{name}` fails while it is imported{said_by(error)}") from error


def _module_of_file(option: str, path: Path) -> ModuleType:
    if not path.is_file():
        siblings = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(option, "must name a file that exists", str(path), hint=_nearest(path.name, siblings))
    # As `python file.py` finds what lies beside it.
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(FILE_MODULE, path.resolve())
    assert spec is not None  # noqa: S101  # the name ends with .py
    assert spec.loader is not None  # noqa: S101
    module = sys.modules[FILE_MODULE] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise FirstdrawError(f"the file `{path}` fails while it is imported{said_by(error)}") from error
    return module


def _folders(package: str) -> list[str]:
    """Return where modules are looked for: in a package that was imported, or else in the working directory."""
    parent = sys.modules.get(package)
    return [str(Path.cwd())] if parent is None else list(getattr(parent, "__path__", ()))


def _nearest(name: str, known: Iterable[str], parent: str = "") -> str:
    near = difflib.get_close_matches(name, [one for one in known if not one.startswith("_")], n=3)
    return f"did you mean {either([f'{parent}.{one}' if parent else one for one in near])}?" if near else ""


def _line(error: BaseException) -> str:
    """Say at which line of the user's own code an error arose; nothing where none of it was running."""
    if isinstance(error, SyntaxError) and error.filename:
        return f", at line {error.lineno} of `{_shortened(error.filename)}`"
    libraries = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*libraries, "<", str(Path(__file__).parents[2])))
    ]
    return f", at line {own[-1].lineno} of `{_shortened(own[-1].filename)}`" if own else ""


def _shortened(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
