"""The examples in the docstrings of the drop-ins that need a framework, run as they stand."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import pytest

import firstdraw

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("door", [firstdraw.as_torch, firstdraw.as_jax, firstdraw.as_keras])
def test_the_example_runs(door: Callable[..., Any]) -> None:
    pytest.importorskip(door.__name__.removeprefix("as_"))
    source = (door.__doc__ or "").replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(source, {door.__name__: door}, door.__name__, None, None)
    assert len(example.examples) >= 3
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    told: list[str] = []
    runner.run(example, out=told.append)
    assert told == []
