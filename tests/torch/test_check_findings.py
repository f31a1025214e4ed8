"""Each rule at its threshold: a healthy model's measurements with one moved to just below and just above."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from firstdraw.diagnosis import Severity, thresholds
from firstdraw.torch import check
from firstdraw.torch.causes import findings_of
from firstdraw.torch.layers import ModelState

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


@pytest.fixture(scope="module")
def healthy() -> ModelState:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
    for module in model[::2]:
        nn.init.kaiming_normal_(module.weight)
    optimizer = torch.optim.Adam(model.parameters())
    targets = torch.randint(3, (64,))
    return check(model, torch.randn(64, 16), loss=nn.CrossEntropyLoss(), targets=targets, optimizer=optimizer).state


def layer(state: ModelState, number: int, **changes: Any) -> ModelState:
    layers = list(state.layers)
    layers[number] = replace(layers[number], **changes)
    return replace(state, layers=tuple(layers))


def parameter(state: ModelState, number: int, **changes: Any) -> ModelState:
    parameters = list(state.parameters)
    parameters[number] = replace(parameters[number], **changes)
    return replace(state, parameters=tuple(parameters))


def given(state: ModelState, **changes: Any) -> ModelState:
    return replace(state, inputs=(replace(state.inputs[0], **changes),))


def signal(state: ModelState, factor: float) -> ModelState:
    return layer(state, 2, second_moment=(state.inputs[0].rms * factor) ** 2)


def gradient(state: ModelState, factor: float) -> ModelState:
    last = state.layers[-1].gradient_norm or math.nan
    return layer(state, 0, gradient_rms=last * factor / math.sqrt(state.layers[0].units))


def cosine(state: ModelState, share: float) -> ModelState:
    left = thresholds.COLLAPSE_FACTOR * (1 - state.layers[0].correlation)
    return layer(state, 2, correlation=1 - left * share)


def certain(state: ModelState, share: float, factor: float) -> ModelState:
    return replace(layer(state, 4, flat_share=share), loss=(state.constant_loss or math.nan) * factor)


UP, DOWN = 1.02, 0.98
# The cause, and the measurement moved to a share of its threshold beyond which it is found.
RULES: dict[str, tuple[str, Callable[[ModelState, float], ModelState]]] = {
    "signal grows": ("exploding signal", lambda s, x: signal(s, thresholds.SIGNAL_FACTOR * x)),
    "signal shrinks": ("vanishing signal", lambda s, x: signal(s, 1 / (thresholds.SIGNAL_FACTOR * x))),
    "gradient grows": ("exploding gradient", lambda s, x: gradient(s, thresholds.GRADIENT_FACTOR * x)),
    "gradient shrinks": ("vanishing gradient", lambda s, x: gradient(s, 1 / (thresholds.GRADIENT_FACTOR * x))),
    "flat": ("saturated hidden units", lambda s, x: layer(s, 3, flat_share=thresholds.FLAT_SHARE_WARNED * x)),
    "alike": ("collapse to one correlation", lambda s, x: cosine(s, 1 / x)),
    "certain": (
        "saturated output",
        lambda s, x: certain(s, thresholds.OUTPUT_FLAT_SHARE * x, thresholds.COST_FACTOR * 2),
    ),
    "wrong": ("saturated output", lambda s, x: certain(s, 1.0, thresholds.COST_FACTOR * x)),
    "loss": (
        "high initial cost",
        lambda s, x: replace(s, loss=(s.constant_loss or math.nan) * thresholds.HIGH_COST_FACTOR * x),
    ),
    "update": ("learning rate too large", lambda s, x: parameter(s, 2, update_ratio=thresholds.UPDATE_RATIO * x)),
    "large inputs": ("unscaled inputs", lambda s, x: given(s, rms=thresholds.LARGEST_INPUTS * x)),
    "small inputs": ("unscaled inputs", lambda s, x: given(s, rms=thresholds.SMALLEST_INPUTS / x)),
    "offset": (
        "unscaled inputs",
        lambda s, x: given(s, mean=thresholds.OFFSET_FACTOR * (s.inputs[0].largest - s.inputs[0].smallest) * x),
    ),
}


def causes(state: ModelState) -> dict[str, Severity]:
    return {finding.cause: finding.severity for finding in findings_of(state)}


@pytest.mark.parametrize("name", RULES)
def test_a_threshold_decides(name: str, healthy: ModelState) -> None:
    cause, moved = RULES[name]
    assert causes(healthy)["healthy"] is Severity.GOOD
    assert cause not in causes(moved(healthy, DOWN))
    assert causes(moved(healthy, UP))[cause] >= Severity.WARNING


@pytest.mark.parametrize(("distinct", "cause"), [(1, "unbroken symmetry"), (16, "nearly equal units"), (17, None)])
def test_half_of_the_units_alike_are_too_many(distinct: int, cause: str | None, healthy: ModelState) -> None:
    found = causes(parameter(healthy, 2, distinct_units=distinct))
    assert (cause or "healthy") in found
    assert (Severity.BROKEN in found.values()) == (distinct == 1)


@pytest.mark.parametrize(("dead", "severity"), [(1, Severity.NOTE), (23, Severity.NOTE), (24, Severity.WARNING)])
def test_three_quarters_of_a_layer_dead_are_a_fault(dead: int, severity: Severity, healthy: ModelState) -> None:
    assert causes(layer(healthy, 1, dead_units=dead))["dead units"] is severity


def test_a_layer_dead_on_every_example_is_the_end_unless_a_skip_leads_around_it(healthy: ModelState) -> None:
    assert causes(layer(healthy, 1, dead_examples=64))["born-dead network"] is Severity.BROKEN
    assert "born-dead network" not in causes(layer(healthy, 1, dead_examples=63))
    assert "born-dead network" not in causes(layer(healthy, 1, dead_examples=64, bypassed=True))


def test_the_first_that_is_not_finite_is_named(healthy: ModelState) -> None:
    broken = layer(layer(healthy, 2, nonfinite=3), 4, nonfinite=9)
    finding = findings_of(broken)[0]
    assert (finding.cause, finding.severity, finding.place) == ("exploding signal", Severity.BROKEN, "2")
    assert "returned by `2`, 3 of 2,048" in finding.sentence
    weights = findings_of(parameter(parameter(broken, 2, rms=math.nan), 4, rms=math.inf))
    assert (weights[0].cause, weights[0].place) == ("parameters not finite", "2.weight")
    assert "and 1 other parameter too" in weights[0].sentence
    assert "exploding signal" not in {finding.cause for finding in weights}
    assert findings_of(given(broken, nonfinite=1))[0].sentence.startswith("Of the 1,024 numbers in `args[0]`, 1 is ")


def test_parameters_without_a_gradient_are_told_from_those_with_one_of_0(healthy: ModelState) -> None:
    unreached = findings_of(parameter(healthy, 3, gradient_rms=None))[0]
    assert unreached.sentence.startswith("No gradient leads to `2.bias`, which is not on the way to the loss")
    still = findings_of(parameter(healthy, 2, gradient_rms=0.0))[0]
    assert still.sentence == "A gradient of exactly 0 is all that `2.weight` receives"
    assert causes(parameter(healthy, 3, gradient_rms=None, trainable=False)).keys() == {"healthy"}


def test_what_waits_for_a_zero_to_move_is_no_fault(healthy: ModelState) -> None:
    waiting = parameter(parameter(healthy, 0, gradient_rms=0.0), 2, gradient_rms=0.0)
    assert causes(waiting)["no gradient at the start"] is Severity.WARNING
    assert causes(parameter(waiting, 4, rms=0.0)).keys() == {"healthy"}
    # A bias of 0 holds nothing back, nor does a zero that itself does not move, or one before.
    assert "no gradient at the start" in causes(parameter(waiting, 5, rms=0.0))
    assert "no gradient at the start" in causes(parameter(waiting, 4, rms=0.0, gradient_rms=0.0))
    after = parameter(parameter(healthy, 4, gradient_rms=0.0), 2, rms=0.0)
    assert "no gradient at the start" in causes(after)


def test_many_of_a_kind_are_one(healthy: ModelState) -> None:
    state = healthy
    for number in (0, 1, 2, 3):
        state = layer(state, number, flat_share=0.9)
    found = [finding for finding in findings_of(state) if finding.cause == "saturated hidden units"]
    assert len(found) == 1
    assert found[0].sentence.endswith("; 3 other layers are found so too")


def test_the_law_is_found_with_the_factor_that_repairs_it() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(part for _ in range(12) for part in (nn.Linear(128, 128, bias=False), nn.ReLU())))
    x = torch.randn(64, 128)
    finding = check(model, x).findings[0]
    assert finding.cause == "wrong law for the activation"
    # PyTorch's default has n <W^2> = 1/3, and rectifiers need 2.
    assert finding.evidence["fan-in times weight variance"] == pytest.approx(1 / 3, rel=0.02)
    assert finding.evidence["factor of the variance, a layer"] == pytest.approx(1 / 6, rel=0.15)
    scale = float(finding.remedy.split("by ")[1].split(",")[0])
    with torch.no_grad():
        for module in model[::2]:
            module.weight.mul_(scale)
    assert check(model, x).healthy


def test_the_root_stands_first_and_what_follows_below_it() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*(part for _ in range(20) for part in (nn.Linear(64, 64), nn.ReLU())), nn.Linear(64, 2))
    first, *others = check(model, torch.randn(32, 64)).findings
    assert (first.cause, first.severity) == ("wrong law for the activation", Severity.WARNING)
    following = {finding.cause: finding for finding in others}["vanishing gradient"]
    assert following.severity is Severity.NOTE
    assert "Repair what brings it about first" in following.remedy


def test_outputs_as_large_as_the_targets_are_no_exploding_signal() -> None:
    model, x = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)), torch.randn(32, 8)
    targets = 1000 + torch.randn(32, 2)
    nn.init.constant_(model[-1].bias, 1000.0)
    assert check(model, x, loss=nn.functional.mse_loss, targets=targets).healthy
    assert check(model, x).findings[0].cause == "exploding signal"


class Attentive(nn.Module):
    """Queries, keys and values side by side, with no way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.last = (nn.Linear(32, 32) for _ in range(4))
        for module in self.children():
            nn.init.normal_(module.weight, std=0.04)

    def forward(self, x: Any) -> Any:
        return self.last(nn.functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x)))


def test_layers_side_by_side_share_the_gradient_and_are_not_compared() -> None:
    torch.manual_seed(0)
    found = check(Attentive(), torch.randn(4, 7, 32))
    query, last = found.state.layers[0], found.state.layers[-1]
    assert (query.gradient_norm or 0.0) < (last.gradient_norm or 0.0) / thresholds.GRADIENT_FACTOR
    assert found.healthy, found


class Forgetful(nn.Module):
    """Mixes half of its state with a new one at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.mix = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: Any) -> Any:
        state = torch.zeros(len(x), 16)
        for step in x.unbind(1):
            state = self.mix(torch.tanh(self.layer(step)) + 0.1 * state)
        return state


def test_a_layer_that_is_called_several_times_learns_from_its_largest_gradient() -> None:
    torch.manual_seed(0)
    found = check(Forgetful(), torch.randn(8, 12, 16))
    norms = [layer.gradient_norm or 0.0 for layer in found.state.layers if layer.name == "layer"]
    assert norms[0] < max(norms) / thresholds.GRADIENT_FACTOR
    assert found.healthy, found


class Positioned(nn.Module):
    """Attention with a table of its own, of zeros at first, in a residual branch."""

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias_table = nn.Parameter(torch.zeros(7, 7))

        def forward(self) -> Any:
            return self.bias_table.clone()

    def __init__(self) -> None:
        super().__init__()
        self.first, self.packed, self.table, self.last = (
            nn.Linear(8, 16),
            nn.Linear(16, 48),
            self.Table(),
            nn.Linear(16, 4),
        )
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        query, key, value = self.packed(x).chunk(3, -1)
        weights = self.drop((query @ key.transpose(1, 2) / 4 + self.table()).softmax(-1))
        return self.last(x + weights @ value)


def test_a_table_that_begins_inside_a_branch_carries_no_signal_through_the_model() -> None:
    torch.manual_seed(0)
    found = check(Positioned(), torch.randn(5, 7, 8))
    assert any(layer.name == "table" and layer.rms == 0 for layer in found.state.layers)
    assert found.healthy, found


@pytest.mark.parametrize(
    ("loss", "said"), [(math.inf, "infinite"), (-math.inf, "infinite"), (math.nan, "as no number")]
)
def test_a_loss_that_is_not_finite_is_found_whatever_a_constant_would_cost(
    loss: float, said: str, healthy: ModelState
) -> None:
    for constant in (healthy.constant_loss, None):
        found = findings_of(replace(healthy, loss=loss, constant_loss=constant))[0]
        assert (found.cause, found.severity) == ("high initial cost", Severity.BROKEN)
        assert found.sentence.startswith(f"The loss starts {said}: so are some of the outputs")
        assert found.evidence == {"loss": pytest.approx(loss, nan_ok=True)}
