"""What `coordinate_check` refuses and how, what it leaves as it was, and what it does with models of many kinds."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import FirstdrawError
from firstdraw.torch import CoordinateCheck, coordinate_check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

WIDTHS = [4, 8, 16]


def x() -> Any:
    return torch.linspace(-1, 1, 24).reshape(8, 3)


def factory(width: int) -> Any:
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 2))


def check(build: Any = factory, *args: Any, **options: Any) -> CoordinateCheck:
    settings: dict[str, Any] = {"widths": WIDTHS, "seeds": 2, "steps": 1} | options
    return coordinate_check(build, *(args or (x(),)), **settings)


@cache
def same(width: int) -> Any:
    return factory(width)


def fails_at_eight(width: int) -> Any:
    if width == 8:
        raise RuntimeError("no\nsuch width")
    return factory(width)


def wrong_at_eight(width: int) -> Any:
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width + (width == 8), 2))


def more_at_sixteen(width: int) -> Any:
    model = factory(width)
    return model.append(nn.Linear(2, 2)) if width == 16 else model


class Backward(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(_context: Any, _gradient: Any) -> Any:
        raise RuntimeError("no way back")


class OneWay(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, width)

    def forward(self, x: Any) -> Any:
        return Backward.apply(self.linear(x))


def no_optimizer(_model: Any) -> Any:
    raise RuntimeError("no optimizer")


def of_another(_model: Any) -> Any:
    return torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)


def closure(model: Any) -> Any:
    return torch.optim.LBFGS(model.parameters())


def frozen(width: int) -> Any:
    return factory(width).requires_grad_(False)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "two widths": (lambda: check(widths=[4, 8]), "`widths` must be 3 sizes or more, got [4, 8]"),
    "no sizes": (lambda: check(widths=None), "`widths` must be 3 sizes or more, got None"),
    "a model": (
        lambda: check(factory(4)),
        "`factory` must be a function that builds a model of each size, and is a model, got 'Sequential'",
    ),
    "no function": (lambda: check(4), "`factory` must be a function that builds a model of each size, got 4"),
    "no argument": (
        lambda: check(lambda: factory(4)),
        "`factory` must be a function that can be called as `factory(4)`: too many positional arguments",
    ),
    "no depth": (
        lambda: check(factory, depths=2),
        (
            "`factory` must be a function that can be called as `factory(width=4, depth=2)`: got an unexpected keyword "
            "argument 'depth'"
        ),
    ),
    "no module": (
        lambda: check(lambda width: width),
        "width 4, seed 0: `factory` must return a `torch.nn.Module`, got 'int'",
    ),
    "the same model": (
        lambda: check(same),
        (
            "width 4, seed 1: `factory` must build a new model each time that it is called, and returned the one for "
            "width 4 again"
        ),
    ),
    "a factory that fails": (
        lambda: check(fails_at_eight),
        "width 8, seed 0: the factory fails: RuntimeError: no such width",
    ),
    "nothing trainable": (
        lambda: check(frozen),
        "width 4, seed 0: `model` must have a trainable parameter, and it has none; all 4 are frozen",
    ),
    "a model that fails": (
        lambda: check(wrong_at_eight),
        (
            "width 8, seed 0: step 0: the model fails in its forward pass, in `2` (Linear), after `1` returned the "
            "shape [8, 8]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x8 and 9x2)"
        ),
    ),
    "no way back": (
        lambda: check(OneWay),
        "width 4, seed 0: step 0: the model fails in its backward pass: RuntimeError: no way back",
    ),
    "other layers": (
        lambda: check(more_at_sixteen),
        ("`widths` must be sizes of one model, with the same layers: `3` (Linear) runs at 16 and not at 4, 8"),
    ),
    "no optimizer function": (
        lambda: check(optimizer=torch.optim.SGD(factory(4).parameters(), lr=0.1)),
        "`optimizer` must be a function that makes an optimizer for a model, got 'SGD'",
    ),
    "no optimizer": (
        lambda: check(optimizer=lambda model: model),
        "width 4, seed 0: `optimizer` must return an optimizer of `torch.optim` for a model, got 'Sequential'",
    ),
    "an optimizer that is not made": (
        lambda: check(optimizer=no_optimizer),
        "width 4, seed 0: no optimizer could be made for the model: RuntimeError: no optimizer",
    ),
    "another model's": (
        lambda: check(optimizer=of_another),
        ("width 4, seed 0: `optimizer` must hold parameters of the model that it is given, and holds none of them"),
    ),
    "an optimizer that fails": (
        lambda: check(optimizer=closure),
        "width 4, seed 0: step 0: the optimizer fails in its step: TypeError: ",
    ),
    "no loss": (
        lambda: check(loss=lambda _: 1.0),
        "width 4, seed 0: step 0: `loss` must return a tensor, got 1.0",
    ),
    "no steps": (lambda: check(steps=0), "`steps` must be a positive integer, got 0"),
    "one seed": (
        lambda: check(seeds=1),
        "`seeds` must be 2 or more, as an interval over the seeds is to be told, got 1",
    ),
    "few batches": (
        lambda: check(steps=3, batches=[(x(), None)]),
        "`batches` must hold a batch for each of the 3 steps, got 1",
    ),
    "no batches": (lambda: check(batches=3), "`batches` must be pairs of inputs and targets, one for each step, got 3"),
    "no pair": (lambda: check(batches=[x()]), "`batches[0]` must be a pair of inputs and targets, got 'Tensor'"),
    "what cannot be copied": (
        lambda: check(factory, x(), iter_of=(number for number in range(3))),
        (
            "width 4, seed 0: step 0: `args` must be what can be copied for each model: TypeError: cannot pickle "
            "'generator' object"
        ),
    ),
    "targets twice": (
        lambda: check(targets=x(), batches=[(x(), None)]),
        "`targets` must not be given with batches, which have their own",
    ),
    "an unknown scheme": (lambda: check(scheme="he_norm"), "'he_normal'"),
    "no such step": (
        lambda: check().judgment("0", 2),
        "`step` must be an integer from 0 to 1, the steps that were made, got 2",
    ),
    "no such layer": (
        lambda: check().judgment("3", 0),
        "`layer` must be the name of a layer that was measured, got '3'; they are 0, 1, 2",
    ),
    "no such axis": (
        lambda: check().plot(axis="depth"),
        "`axis` must be one that was scanned, 'width', got 'depth'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence(name: str) -> None:
    call, message = REFUSED[name]
    same.cache_clear()
    with pytest.raises(FirstdrawError) as error:
        call()
    told = str(error.value)
    assert message in told
    assert len(told.splitlines()) == 1
    if name not in {"an unknown scheme", "an optimizer that fails"}:
        assert told == message


def states() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


@pytest.mark.parametrize("build", [factory, fails_at_eight])
def test_random_states_and_inputs_stay_as_they_were(build: Callable[[int], Any]) -> None:
    def writing(width: int) -> Any:
        return nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.5), *build(width))

    inputs = x().requires_grad_()
    before, numbers = states(), inputs.tolist()
    for given in (inputs * 1, inputs.detach()):
        try:
            check(writing, given)
        except FirstdrawError:
            assert build is fails_at_eight
        assert given.tolist() == numbers
    assert states() == before
    assert inputs.tolist() == numbers
    assert inputs.grad is None


def test_the_same_call_returns_the_same_numbers_whatever_was_drawn_before() -> None:
    def drawing(width: int) -> Any:
        """Build a model of numbers from all generators."""
        model = factory(width)
        with torch.no_grad():
            model[0].weight.mul_(random.random()).add_(float(np.random.rand()))  # noqa: NPY002, S311
        return model

    first = check(drawing).to_json()
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert check(drawing).to_json() == first


def test_units_that_are_dropped_are_the_same_in_each_step() -> None:
    def dropping(width: int) -> Any:
        return nn.Sequential(*factory(width), nn.Dropout(0.5))

    found = check(dropping, optimizer=lambda model: torch.optim.SGD(model.parameters(), lr=0.0), steps=2)
    dropped = found.scans[0].layers[-1]
    assert dropped[0].layer.kind == "Dropout"
    assert not any(one.changes.any() for one in dropped)


def test_steps_are_on_their_batches_and_layers_are_measured_on_the_inputs() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [(torch.randn(5, 3, generator=generator), torch.randn(5, 2, generator=generator)) for _ in range(3)]

    def optimizer(model: Any) -> Any:
        return torch.optim.SGD(model.parameters(), lr=0.1)

    mse: Any = nn.functional.mse_loss
    found = check(optimizer=optimizer, loss=mse, batches=iter(batches), steps=2)
    torch.manual_seed(1)
    model = factory(8)
    stepper = optimizer(model)
    expected: list[float] = []
    for inputs, targets in [*batches[:2], (x(), None)]:
        with torch.no_grad():
            expected.append(model(x()).abs().mean().item())
        if targets is not None:
            stepper.zero_grad()
            mse(model(inputs), targets).backward()
            stepper.step()
    measured = [one.signals[1, 1] for one in found.scans[0].layers[-1]]
    assert measured == pytest.approx(expected, rel=1e-6)


class Named(nn.Module):
    """It takes a mapping and a flag, returns a mapping, and calls one module twice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem, self.cell, self.norm = nn.Linear(3, width), nn.Linear(width, width), nn.BatchNorm1d(width)

    def forward(self, data: dict[str, Any], *, twice: bool) -> dict[str, Any]:
        h = self.norm(self.cell(self.stem(data["x"])).tanh())
        return {"y": self.cell(h) if twice else h}


def test_any_signature_nesting_and_repeated_module_is_measured() -> None:
    found = check(
        Named,
        {"x": x()},
        twice=True,
        loss=lambda outputs: outputs["y"].square().mean(),
        batches=[({"data": {"x": x()}, "twice": True}, None)],
    )
    names = list(dict.fromkeys(one.layer for one in found.judgments))
    assert names == ["stem", "cell", "tanh -> norm", "norm", "cell (2)"]
    assert [found.judgment(name, 0).role for name in names] == ["input", "hidden", "other", "other", "hidden"]


class Routed(nn.Module):
    """Some seeds, and some steps, do not use the second expert."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, width), nn.Linear(3, width)
        self.runs = 0

    def forward(self, x: Any) -> Any:
        self.runs += 1
        first = self.first(x)
        return first + self.second(x) if torch.initial_seed() % 2 or self.runs > 1 else first * 1


def test_a_layer_that_does_not_run_for_each_seed_is_told_of_the_others() -> None:
    found = check(Routed, seeds=4, steps=1)
    second = next(steps for steps in found.scans[0].layers if steps[0].layer.name == "second")
    assert np.isnan(second[0].signals).all(axis=0).tolist() == [True, False, True, False]
    assert second[0].signal_slope is not None


def test_compiled_models_and_half_precision_are_measured() -> None:
    compiled = check(lambda width: torch.compile(factory(width), backend="eager"))
    assert [one.layer for one in compiled.judgments if not one.step] == ["_orig_mod.0", "_orig_mod.1", "_orig_mod.2"]
    half = check(lambda width: factory(width).bfloat16(), x().bfloat16())
    whole = check()
    for one, other in zip(half.scans[0].layers, whole.scans[0].layers, strict=True):
        np.testing.assert_allclose(one[0].signals, other[0].signals, rtol=0.02)
