"""A repair writes to the parameters that it tells of, and to nothing else; if it fails, to nothing at all."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from firstdraw.errors import FirstdrawError
from firstdraw.torch import identify, repair, roles_of
from firstdraw.torch.remedies.lsuv import LSUV
from firstdraw.torch.remedies.plan import Plan

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


class Counting(nn.Module):
    """Does to itself what modules do: it counts, averages and draws."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(part for _ in range(12) for part in (nn.Linear(16, 16), nn.ReLU())))
        self.norm, self.last, self.calls = nn.BatchNorm1d(16), nn.Linear(16, 3), 0
        self.register_buffer("seen", torch.zeros(16))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.seen += x.detach().mean(0)
        torch.rand(1)
        np.random.rand()  # noqa: NPY002
        random.random()  # noqa: S311
        return self.last(nn.functional.dropout(self.norm(self.layers(x)), 0.1))


def sick() -> Any:
    torch.manual_seed(0)
    model = Counting()
    with torch.no_grad():
        for layer in model.layers[::2]:
            layer.weight.mul_(0.3)
    model.layers[0].bias.requires_grad_(False)
    model.layers[2].eval()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None
    model.layers[4].register_forward_hook(lambda *_: None)
    return model


def bits(tensor: Any) -> bytes:
    return tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes()


def image(model: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """All that is to stay: numbers, gradients, flags, hooks, counts, and the states of random numbers."""
    found: dict[str, Any] = {"calls": model.calls}
    for name, module in model.named_modules():
        found[f"{name} module"] = (module.training, len(module._forward_hooks), len(module._forward_pre_hooks))
    for name, parameter in model.named_parameters():
        numbers = None if name in without else bits(parameter)
        gradient = None if parameter.grad is None else bits(parameter.grad)
        found[name] = (id(parameter), parameter.requires_grad, numbers, gradient)
    for name, buffer in model.named_buffers():
        found[name] = (id(buffer), bits(buffer))
    found["random"] = (bits(torch.get_rng_state()), random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    return found


X = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))


def test_only_the_parameters_that_it_tells_of_are_changed() -> None:
    model, x = sick(), X.clone().requires_grad_()
    told = frozenset(change.name for change in repair(sick(), X).changes)
    before = image(model, without=told)
    found = repair(model, x)
    assert told == {change.name for change in found.changes} != set()
    assert image(model, without=told) == before
    assert (bits(x), x.grad) == (bits(X), None)
    assert "layers.0.bias" not in told


def test_it_works_where_gradients_are_off() -> None:
    one, other = sick(), sick()
    with torch.no_grad():
        repair(one, X)
        assert not torch.is_grad_enabled()
    repair(other, X)
    assert [bits(parameter) for parameter in one.parameters()] == [bits(parameter) for parameter in other.parameters()]


def test_the_optimizer_is_not_touched() -> None:
    model = sick()
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.step()
    before = repr(optimizer.state_dict())
    repair(model, X, optimizer=optimizer)
    assert repr(optimizer.state_dict()) == before


@pytest.mark.parametrize("error", [RuntimeError("half-way"), KeyboardInterrupt()])
def test_it_is_untouched_where_a_remedy_fails(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fails(_self: Any, patient: Any, trial: Any) -> Any:
        patient.apply(Plan(tuple(trial.plan.steps)))
        with torch.no_grad():
            for parameter in patient.model.parameters():
                parameter.add_(1.0)
        raise error

    monkeypatch.setattr("firstdraw.torch.remedies.analytic.Analytic.plans", lambda *_: iter(()))
    monkeypatch.setattr(LSUV, "plans", fails)
    model = sick()
    before = image(model)
    with pytest.raises(type(error)):
        repair(model, X)
    assert image(model) == before


def test_it_is_untouched_where_the_last_statement_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    model = sick()
    before = image(model)
    written = Plan.code
    count = 0

    def failing(self: Plan, seed: int) -> str:
        nonlocal count
        count += 1
        # The first run is the search's; what fails is the last, on the model itself, after all its statements.
        return written(self, seed) + ("    raise MemoryError\n" if count == runs else "")

    monkeypatch.setattr(Plan, "code", lambda self, seed: counted.append(0) or written(self, seed))
    counted: list[int] = []
    repair(sick(), X)
    runs = len(counted)
    monkeypatch.setattr(Plan, "code", failing)
    with pytest.raises(MemoryError):
        repair(model, X)
    assert count == runs
    assert image(model) == before


def test_it_is_untouched_where_the_model_fails_under_a_plan() -> None:
    class Fussy(Counting):
        def forward(self, x: Any) -> Any:
            y = super().forward(x)
            if float(self.layers[0].weight.detach().square().mean()) > 0.05:
                raise ValueError("too large for me")
            return y

    torch.manual_seed(0)
    model = Fussy()
    with torch.no_grad():
        for layer in model.layers[::2]:
            layer.weight.mul_(0.3)
    before = image(model)
    with pytest.raises(FirstdrawError, match="too large for me"):
        repair(model, X)
    assert image(model) == before


def test_reading_roles_leaves_the_iteration_of_a_spectral_norm_alone() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)), nn.ReLU(), nn.Linear(8, 2))
    before = {name: bits(buffer) for name, buffer in model.named_buffers()}
    roles_of(model)
    identify(model)
    assert {name: bits(buffer) for name, buffer in model.named_buffers()} == before
    assert all(module.training for module in model.modules())
