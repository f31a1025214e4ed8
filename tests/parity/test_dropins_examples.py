"""The examples of the drop-ins that need a framework, in their docstrings and the README, run as they stand."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path
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


def test_the_example_of_the_readme_runs() -> None:
    for framework in ("torch", "jax", "keras"):
        pytest.importorskip(framework)
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    code = re.search(r"### In PyTorch, JAX, Keras.*?```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    made: dict[str, Any] = {}
    exec(code[1], made)  # noqa: S102
    assert made["model"][0].weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert made["weight"].shape == (64, 128)
    made["layer"].build((None, 5, 16))
    assert len(made["layer"].weights) == 3
