"""`check` of models whose parameters are `DTensor`s: the numbers of the whole, and the model as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from firstdraw.errors import FirstdrawError
from firstdraw.torch import check

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


class Growing(nn.Module):
    """Writes to a weight of its own when it runs, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Sequential(nn.Linear(6, 10), nn.LayerNorm(10), nn.ReLU(), nn.Linear(10, 4))
        self.failing = ""

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            self.inner[0].weight.mul_(2)
        y = self.inner[0](x)
        if self.failing == "forward":
            raise RuntimeError("half-way")
        y = self.inner[1:](y)
        if self.failing == "backward":
            y.register_hook(self.fail)
        return y

    def fail(self, _: Any) -> None:
        raise RuntimeError("half-way back")


def fully_sharded(model: Any, mesh: Any) -> Any:
    from torch.distributed.fsdp import fully_shard

    for part in (model.inner[0], model.inner[3], model):
        fully_shard(part, mesh=mesh)
    return model


def in_parallel(model: Any, mesh: Any) -> Any:
    from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module

    return parallelize_module(model, mesh, {"inner.0": ColwiseParallel(), "inner.3": ColwiseParallel()})


SPLITS = {"fully sharded": fully_sharded, "in parallel": in_parallel}


def image(model: Any) -> dict[str, Any]:
    found = {name: (id(one), one.detach().to_local().clone()) for name, one in model.named_parameters() if one.ndim > 1}
    return {name: (identity, values.numpy().tobytes()) for name, (identity, values) in found.items()}


@pytest.fixture(params=SPLITS)
def model(request: pytest.FixtureRequest, mesh: Any) -> Any:
    return SPLITS[request.param](Growing(), mesh)


@pytest.fixture
def x() -> Any:
    torch.manual_seed(1)
    return torch.randn(5, 6)


@pytest.mark.parametrize("optimizer", [None, lambda parameters: torch.optim.SGD(parameters, lr=0.1, foreach=False)])
def test_the_numbers_are_those_of_the_whole(model: Any, x: Any, optimizer: Callable[[Any], Any] | None) -> None:
    plain = Growing()
    before = image(model)
    assert set(before) == {"inner.0.weight", "inner.3.weight"}
    found, expected = (
        check(one, x, optimizer=None if optimizer is None else optimizer(one.parameters())).state
        for one in (model, plain)
    )
    assert found.layers == expected.layers
    assert found.parameters == expected.parameters
    assert found.loss == expected.loss
    assert image(model) == before


@pytest.mark.parametrize("place", ["forward", "backward", "loss"])
def test_a_model_that_failed_half_way_runs_as_before(model: Any, x: Any, place: str) -> None:
    def loss(_: Any) -> Any:
        raise ValueError("no such loss")

    expected = check(model, x).state
    before, model.failing = image(model), place
    with pytest.raises(FirstdrawError):
        check(model, x, loss=loss if place == "loss" else None)
    assert image(model) == before
    model.failing = ""
    assert check(model, x).state == expected
    model(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_inputs_and_outputs_may_be_split_too(mesh: Any, x: Any) -> None:
    from torch.distributed.tensor import Replicate, Shard, distribute_module, distribute_tensor

    def split(_: str, module: Any, mesh: Any) -> None:
        for name, parameter in list(module.named_parameters(recurse=False)):
            module.register_parameter(name, nn.Parameter(distribute_tensor(parameter.data, mesh, [Shard(0)])))

    plain = Growing()
    model = distribute_module(Growing(), mesh, split)
    before = image(model)
    given = distribute_tensor(x, mesh, [Replicate()])
    assert check(model, given).state.layers == check(plain, x).state.layers
    assert image(model) == before
