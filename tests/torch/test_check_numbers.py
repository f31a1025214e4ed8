"""What `check` measures, computed once more here: by autograd hooks written by hand, and from the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.torch import check
from firstdraw.torch.symmetry import distinct_rows
from firstdraw.torch.ways import bypassed

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

ACTIVATIONS = ("ReLU", "ReLU6", "Tanh", "Sigmoid", "Softsign", "Hardtanh", "Hardsigmoid", "GELU", "SiLU", "ELU")


def by_hand(model: Any, x: Any, loss: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """Return the outputs of the leaves in the order in which they run, and the gradients by them."""
    outputs: list[Any] = []
    gradients: dict[int, Any] = {}

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        number = len(outputs)
        # An operation in place may follow.
        outputs.append(output.detach().clone().double())
        output.register_hook(lambda gradient: gradients.__setitem__(number, gradient.double()))

    leaves = [module for module in model.modules() if not list(module.children())]
    handles = [module.register_forward_hook(keep) for module in leaves]
    loss(model(x)).backward()
    for handle in handles:
        handle.remove()
    return outputs, [gradients[number] for number in range(len(outputs))]


def cosine_of_pairs(y: Any) -> float:
    rows = y.flatten(1)
    pairs = [
        torch.nn.functional.cosine_similarity(rows[i], rows[k], dim=0).item()
        for i in range(len(rows))
        for k in range(len(rows))
        if i != k and rows[i].any() and rows[k].any()
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


@pytest.fixture(params=ACTIVATIONS)
def perceptron(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    torch.manual_seed(3)
    make = getattr(nn, request.param)
    model = nn.Sequential(nn.Linear(7, 12), make(), nn.Linear(12, 9), make(), nn.Linear(9, 4))
    with torch.no_grad():
        model[0].weight.mul_(4)
        # Units that no example reaches.
        model[2].bias[:2] = -20
    return model, torch.randn(6, 7)


def test_moments_cosines_and_gradients_are_those_of_hooks_written_by_hand(perceptron: tuple[Any, Any]) -> None:
    model, x = perceptron
    targets = torch.randn(6, 4)
    found = check(model, x, loss=nn.functional.mse_loss, targets=targets).state
    outputs, gradients = by_hand(model, x, lambda y: nn.functional.mse_loss(y, targets))
    assert [layer.name for layer in found.layers] == ["0", "1", "2", "3", "4"]
    for layer, y, g in zip(found.layers, outputs, gradients, strict=True):
        assert layer.mean == pytest.approx(y.mean().item(), rel=1e-12, abs=1e-15)
        assert layer.second_moment == pytest.approx(y.square().mean().item(), rel=1e-12)
        assert layer.example_variance == pytest.approx(y.var(0, correction=0).mean().item(), rel=1e-9)
        assert layer.correlation == pytest.approx(cosine_of_pairs(y), rel=1e-9, abs=1e-12)
        assert layer.gradient_rms == pytest.approx(g.square().mean().sqrt().item(), rel=1e-6)
        assert layer.gradient_norm == pytest.approx(g.flatten(1).square().sum(1).mean().sqrt().item(), rel=1e-6)
        assert (layer.examples, layer.units, layer.shape) == (6, y.shape[1], tuple(y.shape))
    for number, following in ((0, 2), (2, 4)):
        chi = gradients[number].square().sum() / gradients[following].square().sum()
        assert found.layers[number].chi == pytest.approx(chi.item(), rel=1e-5)
    assert found.loss == pytest.approx(nn.functional.mse_loss(outputs[-1], targets.double()).item(), rel=1e-6)


def test_flat_and_dead_are_what_the_derivative_says(perceptron: tuple[Any, Any]) -> None:
    model, x = perceptron
    layers = check(model, x).state.layers
    for number in (1, 3):
        activation = model[number]
        z = model[:number](x).detach().double().requires_grad_()
        (slope,) = torch.autograd.grad(activation(z).sum(), z)
        grid = torch.linspace(-1, 1, 2001, dtype=torch.float64, requires_grad=True)
        (slopes,) = torch.autograd.grad(activation(grid).sum(), grid)
        name = type(activation).__name__
        bounded = name in {"Tanh", "Sigmoid", "Softsign", "Hardtanh", "Hardsigmoid"}
        flat = (slope < 0.01 * slopes.max()).double().mean().item() if bounded else 0
        dead = (slope == 0).all(0).sum().item() if name in {"ReLU", "ReLU6"} else 0
        assert layers[number].flat_share == pytest.approx(flat, abs=1e-12)
        assert layers[number].dead_units == dead
    if type(model[1]).__name__ == "ReLU":
        assert layers[3].dead_units >= 2


def test_channels_are_units_and_every_position_counts() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3))
    with torch.no_grad():
        model[0].bias[2] = -50
    first, rectified, last = check(model, torch.randn(4, 3, 9, 8)).state.layers
    assert [layer.units for layer in (first, rectified, last)] == [5, 5, 4]
    assert (rectified.dead_units, rectified.dead_examples) == (1, 0)
    assert last.depth == 2


def test_functions_are_seen_by_what_follows_them() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.first(x))
            return self.third(x + torch.tanh(self.second(x)))

    torch.manual_seed(0)
    model, x = Model(), torch.randn(5, 4)
    layers = check(model, x).state.layers
    assert [(layer.name, layer.kind) for layer in layers] == [
        ("first", "Linear"),
        ("second", "relu"),
        ("second", "Linear"),
        ("third", "sum"),
        ("third", "Linear"),
    ]
    assert [layer.fed_by for layer in layers] == [(), (1,), (2,), (2, 3), (4,)]
    assert [layer.bypassed for layer in layers] == [False, False, True, False, False]
    h = torch.relu(model.first(x))
    assert layers[1].second_moment == pytest.approx(h.square().mean().item(), rel=1e-6)
    assert layers[1].dead_units == (h == 0).all(0).sum().item()
    summed = h + torch.tanh(model.second(h))
    assert layers[3].second_moment == pytest.approx(summed.square().mean().item(), rel=1e-6)
    assert [layer.chi is None for layer in layers] == [True, True, True, True, True]


def test_a_shared_module_is_a_layer_each_time_it_is_called() -> None:
    shared = nn.Linear(6, 6)
    model = nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), shared)
    state = check(model, torch.randn(5, 6)).state
    assert [(layer.name, layer.call) for layer in state.layers if layer.kind == "Linear"] == [
        ("0", 1),
        ("0", 2),
        ("0", 3),
    ]
    assert [parameter.name for parameter in state.parameters] == ["0.weight", "0.bias"]


def test_operations_in_place_change_nothing_of_what_was_measured_before_them() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(5, 6)
    expected = check(plain, x).state.layers
    plain[1].inplace = True
    assert check(plain, x).state.layers == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.SGD(parameters, lr=0.3, momentum=0.9),
        lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
        lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
    ],
    ids=["SGD", "Adam", "AdamW", "RMSprop"],
)
@pytest.mark.parametrize("steps", [0, 3])
def test_the_update_is_that_of_the_step_that_follows(make: Callable[[Any], Any], steps: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(5, 6), torch.randn(5, 3)
    optimizer = make([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.02}])

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()

    for _ in range(steps):
        step()
    state = check(model, x, loss=nn.MSELoss(), targets=y, optimizer=optimizer).state
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    step()
    for parameter in state.parameters:
        start, now = before[parameter.name], model.get_parameter(parameter.name).detach()
        expected = ((now - start).norm() / start.norm()).item()
        assert parameter.update_ratio == pytest.approx(expected, rel=1e-4)
        assert parameter.rms == pytest.approx(start.square().mean().sqrt().item(), rel=1e-6)


def test_the_projection_is_a_random_direction_of_each_output_and_no_loss() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(4, 300), nn.Linear(4, 7)

        def forward(self, x: Any) -> Any:
            return {"one": self.one(x), "nested": [(self.other(x), torch.arange(3))], "none": None}

    model, x = Pair(), torch.randn(64, 4)
    found = check(model, x).state
    assert found.loss_name == "a random projection of the outputs"
    assert found.constant_loss is None
    one, other = found.layers
    # dC/dy = p/(m sqrt(E)), p ~ N(0, 1).
    assert one.gradient_rms == pytest.approx(1 / (64 * math.sqrt(300)), rel=0.02)
    assert other.gradient_rms == pytest.approx(1 / (64 * math.sqrt(7)), rel=0.15)
    assert check(model, x).state == found
    assert check(model, x, seed=1).state.loss != found.loss


def test_one_number_for_the_whole_call_is_no_input() -> None:
    class Cooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, x: Any, temperature: Any) -> Any:
            return self.linear(x) * temperature / 5e6

    found = check(Cooled(), torch.randn(16, 4), temperature=torch.tensor(5e6))
    assert [one.name for one in found.state.inputs] == ["args[0]"]
    assert found.healthy


def test_units_are_compared_by_their_weights_and_gradients() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
    x = torch.randn(8, 5)
    with torch.no_grad():
        model[0].weight[3:] = model[0].weight[:3]
        model[0].bias[3:] = model[0].bias[:3]
    weight = check(model, x).state.parameters[0]
    # Equal units that feed different weights receive different gradients.
    assert (weight.units, weight.distinct_units) == (6, 6)
    with torch.no_grad():
        model[2].weight[:, 3:] = model[2].weight[:, :3]
    weight, _, last, _ = check(model, x).state.parameters
    assert (weight.units, weight.distinct_units) == (6, 3)
    # The outputs' units are told apart by their targets.
    assert last.units is None


@pytest.mark.parametrize("column", [0, 7, 8, 59])
def test_units_that_differ_in_one_number_differ(column: int) -> None:
    torch.manual_seed(0)
    rows = torch.randn(1, 60).repeat(600, 1)
    assert distinct_rows([rows]).item() == 1
    rows[torch.arange(0, 600, 3), column] += 1
    rows[torch.arange(0, 600, 4), column] -= 3
    # Rows with neither, with one, with the other, and with both.
    assert distinct_rows([rows]).item() == 4
    assert distinct_rows([torch.ones(600, 2), rows]).item() == 4
    assert distinct_rows([rows * 1e-3 + 1]).item() == 4
    assert distinct_rows([rows * 1e-5 + 1]).item() == 1


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_is_computed_once_more_on_the_way_back_counts_once(reentrant: bool) -> None:
    class Blocks(nn.Module):
        def __init__(self, *, kept: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.kept, self.first, self.last = kept, nn.Linear(5, 5), nn.Linear(5, 2)
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Dropout(0.2)) for _ in range(3))

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            for block in self.blocks:
                x = block(x) if self.kept else torch.utils.checkpoint.checkpoint(block, x, use_reentrant=reentrant)
            return self.last(x)

    x = torch.randn(6, 5)
    plain, found = check(Blocks(kept=True), x), check(Blocks(kept=False), x)
    gradients = [{item.name: item.gradient_rms for item in one.state.parameters} for one in (found, plain)]
    assert gradients[0] == gradients[1]
    assert [finding.cause for finding in found.findings] == [finding.cause for finding in plain.findings]
    if reentrant:
        # No graph leads through it when it runs, and no gradient of its signals is seen.
        signals = [
            [(layer.name, layer.call, layer.mean, layer.second_moment) for layer in one.state.layers]
            for one in (found, plain)
        ]
        assert signals[0] == signals[1]
        assert [layer.gradient_rms is None for layer in found.state.layers] == [False, *[True] * 9, False]
    else:
        assert found.state == plain.state


def test_sums_are_made_in_full_whatever_is_cast_around_them() -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(6, 300), nn.Tanh(), nn.Linear(300, 3)), torch.randn(5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        state = check(model, x).state
        outputs = model[0](x)
    assert outputs.dtype == torch.bfloat16
    assert state.layers[0].second_moment == pytest.approx(outputs.double().square().mean().item(), rel=1e-12)
    assert state.parameters[0].distinct_units == 300


def test_what_holds_no_layer_is_one() -> None:
    class Gated(nn.Module):
        """A layer of its own parameters, around a part that only hands on."""

        def __init__(self) -> None:
            super().__init__()
            self.weight, self.dropout = nn.Parameter(torch.ones(4, 3)), nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            return torch.sigmoid(self.dropout(x) @ self.weight.t())

    state = check(nn.Sequential(nn.Linear(3, 3), Gated().eval(), nn.Linear(4, 2)), torch.randn(5, 3)).state
    assert [(layer.name, layer.kind, layer.sort) for layer in state.layers] == [
        ("0", "Linear", "weight"),
        ("1", "Gated", "weight"),
        ("2", "Linear", "weight"),
    ]


@given(st.lists(st.lists(st.booleans(), min_size=8, max_size=8), min_size=1, max_size=8))
def test_a_layer_is_bypassed_if_a_way_leads_around_it(edges: list[list[bool]]) -> None:
    fed_by = [[k for k in range(i) if edges[i][k]] for i in range(len(edges))]

    def reach(start: int, without: int) -> set[int]:
        found = {start}
        for i, sources in enumerate(fed_by):
            if i != without and found & set(sources):
                found.add(i)
        return found - {start}

    for layer, around in enumerate(bypassed(fed_by)):
        before = [k for k in range(layer) if layer in reach(k, -1)]
        after = reach(layer, -1)
        assert around == any(k in fed_by[i] for k in before for i in after)
