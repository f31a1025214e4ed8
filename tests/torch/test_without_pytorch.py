"""Without PyTorch `firstdraw.torch` says what is missing; `import firstdraw` never needs it."""

from __future__ import annotations

import subprocess
import sys
from inspect import signature

import pytest

import firstdraw.torch
from firstdraw.errors import FirstdrawError


@pytest.mark.parametrize("name", [name for name in firstdraw.torch.__all__ if name.islower()])
def test_what_is_missing_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    function = getattr(firstdraw.torch, name)
    needed = [
        one
        for one in signature(function).parameters.values()
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    with pytest.raises(FirstdrawError) as error:
        function(*(object() for _ in needed))
    assert str(error.value) == (
        "`firstdraw.torch` needs PyTorch, which is not installed: `pip install 'firstdraw[torch]'`"
    )


def test_nothing_imports_pytorch_before_it_is_needed() -> None:
    code = (
        "import sys, firstdraw, firstdraw.torch; "
        "[getattr(firstdraw.torch, name) for name in firstdraw.torch.__all__]; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_a_check_loads_no_experiments() -> None:
    code = "import sys, firstdraw.torch; firstdraw.torch.check; sys.exit('firstdraw.experiments' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
