"""Every sentence that the package refuses with is read by some test, word for word in part.

From each place in the sources that raises an error, the literal text is taken out of the syntax tree: what stands
between the values of an f-string, or the whole of a plain one. Its longest piece must stand in the tests. Where a
function makes the error (`_broken`, `_refusal`, `_check_text`), its callers' texts count as well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import firstdraw

SOURCES = Path(firstdraw.__file__).parent
TESTS = Path(__file__).parents[1]
ERRORS = {"InputError", "UnknownNameError", "OutputError", "StoreError", "FirstdrawError", "ClusterError"}
# Functions that make an error of a text that they are given, by the place of this text among their arguments.
MAKERS = {
    "_broken": 0,
    "_refusal": 1,
    "_check_text": 2,
    "check_known": 2,
    "_check_distinct": 2,
    "damaged": 1,
    "Damaged": 0,
}
# Which of an error's arguments are words of its sentence: the rule and the hint, or the reason.
WORDS = {
    "InputError": (1, 3),
    "UnknownNameError": (1, 3),
    "OutputError": (1,),
    "StoreError": (1,),
    "FirstdrawError": (0,),
    "ClusterError": (0,),
}
SHORTEST = 12


@dataclass(frozen=True)
class Site:
    """A place that raises, with the texts of its sentence: pieces of literal text, in order."""

    place: str
    pieces: tuple[str, ...]


def _pieces(node: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The literal texts that an expression is made of; a name stands for what is assigned to it in its function."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            for value in values:
                if isinstance(value, ast.Constant):
                    yield str(value.value)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _pieces(body, names)
            yield from _pieces(otherwise, names)
        case ast.BinOp(left=left, right=right):
            yield from _pieces(left, names)
            yield from _pieces(right, names)
        case ast.Name(id=name):
            for value in names.get(name, []):
                yield from _pieces(value, {key: item for key, item in names.items() if key != name})
        case _:
            return


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _texts(call: ast.Call, names: dict[str, list[ast.expr]]) -> tuple[str, ...]:
    name = _called(call)
    wanted = WORDS[name] if name in ERRORS else (MAKERS[name],)
    given = [call.args[i] for i in wanted if i < len(call.args)]
    given += [keyword.value for keyword in call.keywords if keyword.arg in {"rule", "hint", "reason"}]
    return tuple(piece for node in given for piece in _pieces(node, names))


def _sites() -> list[Site]:
    sites: list[Site] = []
    for path in sorted(SOURCES.rglob("*.py")):
        functions = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
        ]
        for function in functions:
            names = _assigned(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _called(node) in ERRORS | set(MAKERS):
                    place = f"{path.relative_to(SOURCES)}:{node.lineno}"
                    sites.append(Site(place, _texts(node, names)))
    return list(dict.fromkeys(sites))


SITES = _sites()


@pytest.fixture(scope="module")
def read() -> str:
    """All text of all tests but this one, with neighboring literals joined as Python joins them."""
    texts = [
        node.value
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    # In patterns, dots and brackets are escaped.
    return "\n".join(texts + [re.sub(r"\\(.)", r"\1", text) for text in texts])


def _distinctive(site: Site) -> list[str]:
    """The pieces that are long enough to tell one sentence from another; the longest where none is."""
    pieces = [piece.strip() for piece in site.pieces if piece.strip()]
    return [piece for piece in pieces if len(piece) >= SHORTEST] or sorted(pieces, key=len)[-1:]


def test_the_sources_are_searched() -> None:
    assert len(SITES) >= 80
    assert {site.place.partition(":")[0] for site in SITES} >= {
        "experiments/reading.py",
        "report/files.py",
        "networks.py",
        "rules.py",
    }


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.place)
def test_every_sentence_is_read(site: Site, read: str) -> None:
    assert [piece for piece in _distinctive(site) if piece not in read] == []


def test_nothing_else_is_raised_at_users() -> None:
    """Other exceptions may leave the package only where a program is wrong, not what it was given."""
    allowed = {
        "__init__.py": {"AttributeError"},
        "catalogue.py": {"KeyError", "ValueError"},
        "engine/reference.py": {"_Divergence", "AssertionError"},
        "experiments/store/database.py": {"AssertionError"},
        "cli/check/command.py": {"Exit"},
        "cli/fsck.py": {"Exit"},
        "dropins/__init__.py": {"AttributeError"},
        "torch/__init__.py": {"AttributeError"},
        "torch/asserting.py": {"AssertionError"},
        "torch/callbacks/__init__.py": {"AttributeError"},
    }
    others: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = _called(node.exc)
                makers = (*MAKERS, "_in_words", "_unreadable", "as_input_error")
                if name not in ERRORS and not name.startswith(makers):
                    others.setdefault(str(path.relative_to(SOURCES)), set()).add(name)
    assert others == allowed
