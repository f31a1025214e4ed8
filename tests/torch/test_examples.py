"""The examples in the docstrings that need PyTorch, run as they stand."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import pytest

import firstdraw.torch

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("name", [name for name in firstdraw.torch.__all__ if name.islower()])
def test_the_example_runs(name: str) -> None:
    pytest.importorskip("torch")
    function: Callable[..., Any] = getattr(firstdraw.torch, name)
    source = (function.__doc__ or "").replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(source, {name: function}, name, None, None)
    assert len(example.examples) >= 3
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    told: list[str] = []
    runner.run(example, out=told.append)
    assert told == []


def test_no_name_is_unknown() -> None:
    with pytest.raises(AttributeError, match=r"module 'firstdraw\.torch' has no attribute 'initialise'"):
        _ = firstdraw.torch.initialise
    assert set(firstdraw.torch.__all__) == set(dir(firstdraw.torch))
