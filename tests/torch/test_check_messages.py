"""What `check` refuses, and how: one sentence, and a model that is as it was."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import firstdraw.torch
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch import check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


def linear() -> Any:
    return nn.Linear(3, 2)


def x() -> Any:
    return torch.randn(4, 3)


def frozen() -> Any:
    return linear().requires_grad_(False)


def lazy() -> Any:
    return nn.Sequential(nn.LazyLinear(4))


def quantized() -> Any:
    model = linear()
    model.register_buffer("packed", torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8))
    return model


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(4, 2))

    def forward(self, x: Any) -> Any:
        return self.body(x)


class Backward(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(_context: Any, _gradient: Any) -> Any:
        raise RuntimeError("no way\nback")


class OneWay(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = linear()

    def forward(self, x: Any) -> Any:
        return Backward.apply(self.linear(x))


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = linear()

    def forward(self, x: Any) -> Any:
        return x


REFUSED = {
    "no module": (
        lambda: check(lambda batch: batch, x()),
        "`model` must be a `torch.nn.Module`, got 'function'; a class or a function that makes one is to be called",
    ),
    "nothing trainable": (
        lambda: check(frozen(), x()),
        "`model` must have a trainable parameter, and it has none; all 2 are frozen",
    ),
    "no parameters": (lambda: check(nn.ReLU(), x()), "and it has none; it holds no parameters at all"),
    "lazy": (
        lambda: check(lazy(), x()),
        "`0.weight` must have a shape, which a lazy layer gives it on its first input; call the model once",
    ),
    "meta": (
        lambda: check(nn.Linear(3, 2, device="meta"), x()),
        "`weight` must have memory, and is on the meta device; `model.to_empty` gives it some, to be filled",
    ),
    "TorchScript": (
        lambda: check(nn.Sequential(torch.jit.script(linear())), x()),
        (
            "`model` must run in Python, where its layers are known by their types, and `0` is compiled to "
            "TorchScript; take the model that it was made of"
        ),
    ),
    "quantized": (
        lambda: check(quantized(), x()),
        "`packed` is quantized, and rounded numbers are no start; take the model before it is quantized",
    ),
    "another device": (
        lambda: check(linear(), {"batch": [torch.randn(4, 3, device="meta")]}),
        "`args[0]['batch'][0]` must be on the device of the model, which is on cpu, got 'meta'",
    ),
    "another device, by name": (
        lambda: check(linear(), input=torch.randn(4, 3, device="meta")),
        "`input` must be on the device of the model, which is on cpu, got 'meta'",
    ),
    "empty": (
        lambda: check(linear(), torch.randn(0, 3)),
        "`args[0]` must hold one example or more, got [0, 3]",
    ),
    "its own error": (
        lambda: check(Failing(), x()),
        (
            "the model fails in its forward pass, in `body.2` (Linear), after `body.1` returned the shape "
            "[4, 5]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x5 and 4x2)"
        ),
    ),
    "a wrong call": (
        lambda: check(Failing(), x(), mask=None),
        "the model fails in its forward pass, in `forward`: TypeError: ",
    ),
    "no way back": (lambda: check(OneWay(), x()), "the model fails in its backward pass: RuntimeError: no way back"),
    "no gradient": (
        lambda: check(Constant(), x()),
        (
            "no gradient comes back: nothing that the model returns depends on a trainable parameter; what does is cut "
            "off by `torch.no_grad`, `detach` and integers"
        ),
    ),
    "a loss that fails": (
        lambda: check(linear(), x(), loss=nn.functional.mse_loss),
        "`loss` must take what the model returns, and the targets if there are any: TypeError: ",
    ),
    "a loss that is none": (lambda: check(linear(), x(), loss=lambda _: 3), "`loss` must return a tensor, got 3"),
    "a loss of each example": (
        lambda: check(linear(), x(), loss=lambda y: y.sum(1)),
        "`loss` must return a tensor of one number, as `reduction='mean'` does, got [4]",
    ),
    "an optimizer of all at once": (
        lambda: check(model := linear(), x(), optimizer=torch.optim.LBFGS(model.parameters())),
        "`optimizer` must be able to step on one parameter alone, and fails: ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:.*quantize.*", "ignore:.*TypedStorage.*", "ignore:.*torch.jit.*")
def test_a_refusal_is_one_sentence(name: str) -> None:
    call, sentence = REFUSED[name]
    with pytest.raises(FirstdrawError) as caught:
        call()
    said = str(caught.value)
    assert sentence in said
    assert "\n" not in said


def test_the_models_own_error_is_behind_the_sentence() -> None:
    with pytest.raises(FirstdrawError) as caught:
        check(Failing(), x())
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not isinstance(caught.value, InputError)


def test_numbers_that_are_not_finite_are_findings_and_no_errors() -> None:
    model = linear()
    with torch.no_grad():
        model.weight[0, 0] = torch.nan
    found = check(model, x())
    assert found.broken
    assert found.findings[0].sentence == (
        "`weight` starts with numbers that are infinite or none: all behind it is lost"
    )


def test_the_package_has_what_it_lists_and_nothing_else() -> None:
    assert dir(firstdraw.torch) == firstdraw.torch.__all__
    assert all(
        getattr(firstdraw.torch, name).__module__.startswith("firstdraw.torch.") for name in dir(firstdraw.torch)
    )
    with pytest.raises(AttributeError, match=r"module 'firstdraw\.torch' has no attribute 'chek'"):
        firstdraw.torch.chek  # noqa: B018


def test_without_pytorch_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FirstdrawError) as caught:
        check(None)
    assert str(caught.value) == (
        "`firstdraw.torch` needs PyTorch, which is not installed: `pip install 'firstdraw[torch]'`"
    )
