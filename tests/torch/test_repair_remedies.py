"""Each remedy by a second road: hooks written by hand, finite differences, our own networks, moments of laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.activations import Tanh
from firstdraw.distributions import Constant, Normal, Orthogonal, Packed, TruncatedNormal, Uniform
from firstdraw.draws import CounterDraws
from firstdraw.fitted.contract import Batch
from firstdraw.fitted.gradinit import FirstStep as OwnFirstStep
from firstdraw.initializers import INITIALIZERS
from firstdraw.losses import SquaredError
from firstdraw.networks import MultilayerPerceptron
from firstdraw.probes.curvature import gradient_quotient as own_gradient_quotient
from firstdraw.roles import Layout
from firstdraw.torch import check, roles_of
from firstdraw.torch.measuring import Call
from firstdraw.torch.remedies.actions import Center, Draw, Multiply, Place, SetTo
from firstdraw.torch.remedies.branches import ResidualScaling
from firstdraw.torch.remedies.common_gain import CommonGain
from firstdraw.torch.remedies.gradinit import FirstStep, GradInit
from firstdraw.torch.remedies.lsuv import LSUV
from firstdraw.torch.remedies.metainit import MetaInit, gradient_quotient
from firstdraw.torch.remedies.outputs import Outputs
from firstdraw.torch.remedies.patient import Patient, Trial
from firstdraw.torch.remedies.plan import Plan, Step
from firstdraw.torch.remedies.scales import Scaled

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


def patient_of(model: Any, x: Any, **options: Any) -> tuple[Patient, Trial]:
    given = {"kwargs": {}, "loss": None, "targets": None, "optimizer": None, "seed": 0} | options
    patient = Patient(call=Call(model=model, args=(x,), **given), roles=roles_of(model), seed=0)
    found = check(model, x, loss=given["loss"], targets=given["targets"])
    return patient, Trial(plan=Plan(), check=found)


def plans(remedy: Any, patient: Patient, trial: Trial) -> list[Plan]:
    found = list(remedy.plans(patient, trial))
    patient.restore()
    return found


# Actions and plans.

VECTOR = Place(name="bias", module="", key="bias", shape=(8,), type="float32", device="cpu")
MATRIX = Place(name="weight", module="", key="weight", shape=(8, 400), type="float32", device="cpu")
LAYOUT = Layout(shape=(8, 400), outputs=0, inputs=1)
HALVES = Layout(shape=(8, 400), outputs=0, inputs=1, parts=2)
LAWS = {
    "normal": Normal(0.5),
    "uniform": Uniform(-0.3, 0.3),
    "cut": TruncatedNormal(0.2, 2.0),
    "zero": Constant(0.0),
    "one": Constant(1.0),
    "a third": Constant(1 / 3),
    "orthogonal": Orthogonal(LAYOUT, 1.5),
    "orthogonal halves": Orthogonal(HALVES, 0.5),
    "halves": Packed(HALVES, (Normal(0.1), Constant(2.0))),
}


def linear() -> Any:
    torch.manual_seed(0)
    return nn.Linear(400, 8)


def done(action: Any, place: Place, model: Any) -> Any:
    Plan((Step(place=place, action=action, reason="a test"),)).run(model, 3)
    return model


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float64"])
def test_a_draw_has_the_moments_of_its_law_in_every_format(name: str, kind: str) -> None:
    law, model = LAWS[name], linear().to(getattr(torch, kind))
    place = Place(name="weight", module="", key="weight", shape=(8, 400), type=kind, device="cpu")
    weight = done(Draw(law), place, model).weight.detach().double()
    # 3,200 numbers have the second moment of their law within 6 standard errors, 15 %.
    assert float(weight.square().mean()) == pytest.approx(law.second_moment, rel=0.15, abs=1e-12)
    tripled = done(Draw(law).scaled(3.0), place, linear().to(getattr(torch, kind))).weight.detach().double()
    # The same numbers three times as large, but for the rounding of the format and of six digits.
    assert torch.allclose(tripled, 3 * weight, rtol=0.02 if kind == "bfloat16" else 1e-4, atol=1e-6)


def test_orthogonal_halves_are_orthogonal_each() -> None:
    weight = done(Draw(LAWS["orthogonal halves"]), MATRIX, linear()).weight.detach()
    for half in weight.split(4):
        assert torch.allclose(half @ half.T, 0.25 * torch.eye(4), atol=1e-6)


def test_a_law_that_pytorch_does_not_know_is_drawn_with_its_spread() -> None:
    law = INITIALIZERS["sparse"]().law(roles_of(linear()).parameters[0].role)
    weight = done(Draw(law), MATRIX, linear()).weight.detach()
    assert float(weight.square().mean()) == pytest.approx(law.second_moment, rel=0.15)


def test_actions_do_what_they_say() -> None:
    before = linear()
    assert torch.equal(done(Multiply(1.23456789), MATRIX, linear()).weight, before.weight * 1.23457)
    assert done(SetTo(tuple(range(8))), VECTOR, linear()).bias.tolist() == list(range(8))
    centered = done(Center(MATRIX, 0.5), VECTOR, linear())
    # What a constant of 1/2 brings in is taken away.
    assert centered(torch.full((1, 400), 0.5)).abs().max() < 1e-5
    padded = Place(name="weight", module="", key="weight", shape=(8, 400), type="float32", device="cpu", padding=3)
    assert (done(Draw(Normal(1.0)), padded, linear()).weight.abs().sum(1) == 0).tolist() == [i == 3 for i in range(8)]


ACTIONS = st.one_of(
    st.floats(0.1, 10).map(Multiply),
    st.sampled_from(sorted(LAWS)).map(lambda name: Draw(LAWS[name])),
)


@given(st.lists(ACTIONS, min_size=1, max_size=5))
def test_one_step_a_parameter_does_what_all_of_them_do(actions: list[Any]) -> None:
    merged = Plan()
    for action in actions:
        merged = merged.then(Plan((Step(place=MATRIX, action=action, reason="a test"),)))
    assert len(merged.steps) == 1
    model, one_by_one = linear(), linear()
    merged.run(model, 3)
    for action in actions:
        done(action, MATRIX, one_by_one)
    assert torch.allclose(model.weight, one_by_one.weight, rtol=1e-4, atol=1e-6)


def test_what_reads_other_parameters_comes_after_them() -> None:
    steps = (
        Step(place=VECTOR, action=Center(MATRIX, 0.5), reason="a"),
        Step(place=MATRIX, action=Multiply(2.0), reason="b"),
    )
    lines = Plan(steps).ordered(["bias", "weight"]).code(0).splitlines()
    assert lines.index('    model.get_parameter("weight").mul_(2.0)') < len(lines) - 1
    assert "flatten(1).sum(1)" in lines[-1]


def test_code_has_a_generator_only_where_it_draws_and_reasons_on_one_line() -> None:
    steps = (
        Step(place=MATRIX, action=Multiply(2.0), reason="two\nlines"),
        Step(place=VECTOR, action=SetTo((1.0,)), reason="c"),
    )
    code = Plan(steps, resets=("", "norm")).code(7)
    assert "generator" not in code
    assert "# two lines\n" in code
    assert code.endswith('    model.reset_running_stats()\n    model.get_submodule("norm").reset_running_stats()\n')
    drawn = Plan((Step(place=MATRIX, action=Draw(Normal(1.0)), reason="d"),), attempt=2).code(7)
    assert 'generator = torch.Generator(device="cpu").manual_seed(9)' in drawn


# LSUV.


class Twice(nn.Module):
    """A layer that is called twice, in a network with a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.shared = nn.Linear(12, 16), nn.Linear(16, 16)
        self.inner, self.last = nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.shared(torch.tanh(self.shared(h))))
        return self.last(h + torch.relu(self.inner(h)))


def fitted_by_hand(model: Any, x: Any) -> None:
    """One layer after the other: divided by the deviation of all that it returned, until that is 1."""
    for layer in (model.first, model.shared, model.inner, model.last):
        for _ in range(50):
            seen: list[Any] = []
            handle = layer.register_forward_hook(lambda _m, _i, output, seen=seen: seen.append(output.detach()))
            with torch.no_grad():
                model(x)
                handle.remove()
                variance = torch.cat([part.double().flatten() for part in seen]).var(unbiased=False)
                if abs(variance - 1) < 0.01:
                    break
                layer.weight.div_(variance.sqrt())


def test_lsuv_is_the_loop_of_hooks() -> None:
    def made() -> Any:
        torch.manual_seed(1)
        return Twice()

    x = 3 * torch.randn(64, 12, generator=torch.Generator().manual_seed(2))
    model, by_hand = made(), made()
    plan = plans(LSUV(), *patient_of(model, x))[0]
    plan.run(model, 0)
    fitted_by_hand(by_hand, x)
    for one, other in zip(model.parameters(), by_hand.parameters(), strict=True):
        # Six digits are printed of each factor.
        assert torch.allclose(one, other, rtol=1e-4)
    assert {step.place.name for step in plan.steps} == {"first.weight", "shared.weight", "inner.weight", "last.weight"}


def test_lsuv_takes_a_mean_of_the_inputs_away() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.Sigmoid(), nn.Linear(32, 16), nn.Sigmoid(), nn.Linear(16, 4))
    x = torch.randn(256, 8)
    centered = plans(LSUV(), *patient_of(model, x))[1]
    centered.run(model, 0)
    h = x
    for number, layer in enumerate(model):
        given, h = h, layer(h)
        if number in {2, 4}:
            assert torch.allclose(layer.bias, -given.mean() * layer.weight.sum(1), rtol=1e-3, atol=1e-5)
        if number in {0, 2, 4}:
            assert float(h.detach().var(unbiased=False)) == pytest.approx(1.0, abs=0.015)


def test_lsuv_leaves_what_a_normalization_follows_and_zeros() -> None:
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2)
    )
    nn.init.zeros_(model[5].weight)
    found = plans(LSUV(), *patient_of(model, torch.randn(32, 8)))[0]
    assert [step.place.name for step in found.steps] == ["3.weight"]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)


def blocks(count: int, width: int = 32) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(*(Block(width) for _ in range(count)), nn.Linear(width, 3))


def test_lsuv_has_all_branches_together_add_one() -> None:
    model, x = blocks(5), torch.randn(512, 32)
    patient, trial = patient_of(model, x)
    plans(LSUV(), patient, trial)[0].run(model, 0)
    added = []
    for block in model[:-1]:
        block.register_forward_hook(lambda _m, given, output: added.append(output.detach() - given[0].detach()))
    model(x)
    assert [float(one.var(unbiased=False)) for one in added] == pytest.approx([0.2] * 5, rel=0.015)


def test_residual_scaling_is_by_the_root_of_the_number_of_branches_then_zero() -> None:
    model, x = blocks(4), torch.randn(8, 32)
    scaled, zero = plans(ResidualScaling(), *patient_of(model, x))
    names = [f"{i}.inner.2.weight" for i in range(4)]
    assert [step.place.name for step in scaled.steps] == [step.place.name for step in zero.steps] == names
    assert {step.action.factor for step in scaled.steps} == {0.5}
    zero.run(model, 0)
    offsets = sum(block.inner[2].bias for block in model[:4])
    assert torch.allclose(model[:4](x), x + offsets, atol=1e-6)


def test_one_branch_is_not_scaled() -> None:
    assert plans(ResidualScaling(), *patient_of(blocks(1), torch.randn(8, 32))) == []


# Descent.

NETWORK = MultilayerPerceptron((4, 6, 5, 3), Tanh())
EXAMPLES = 9


def same_twice() -> tuple[Any, np.ndarray, Any, Any, Batch]:
    """A network of ours and one of PyTorch with the same numbers, and the same examples for both."""
    draws = CounterDraws(5)
    theta = NETWORK.draw([INITIALIZERS["he_normal"]().law(role) for role in NETWORK.roles], draws)
    theta += 0.1 * draws.normal("offsets", theta.shape)
    X, Y = draws.normal("X", (4, EXAMPLES)), draws.normal("Y", (3, EXAMPLES))
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        for layer, own in zip(model[::2], NETWORK.layers(theta), strict=True):
            layer.weight.copy_(torch.from_numpy(own.W.copy()))
            layer.bias.copy_(torch.from_numpy(own.b.copy()).flatten())
    return model, theta, torch.from_numpy(X.T.copy()), torch.from_numpy(Y.T.copy()), Batch(X, Y, SquaredError())


def squared(outputs: Any, targets: Any) -> Any:
    ratio = SquaredError().value(np.ones((3, 1)), np.zeros((3, 1)))
    return ratio * (outputs - targets).square().mean()


def test_the_losses_of_both_roads_are_one() -> None:
    model, _, x, y, batch = same_twice()
    outputs = model(x)
    assert float(squared(outputs, y).detach()) == pytest.approx(
        SquaredError().value(outputs.T.detach().numpy(), batch.Y), rel=1e-12
    )


def test_gradinit_s_first_step_is_that_of_our_own_networks() -> None:
    model, theta, x, y, batch = same_twice()
    patient, _ = patient_of(model, x, loss=squared, targets=y)
    step, own = FirstStep(Scaled(patient), rate=0.3), OwnFirstStep(NETWORK, batch, "gradient", 0.3)
    after, g = step.gradient(Scaled(patient).ones())
    own_g = own.gradient(theta)
    assert float(step.norm(g).detach()) == pytest.approx(own.norm(own_g), rel=1e-10)
    assert float(step.cost(after, g).detach()) == pytest.approx(own.cost(theta, own_g), rel=1e-10)


@pytest.mark.parametrize("what", ["cost", "norm"])
def test_gradinit_s_gradient_is_that_of_finite_differences(what: str) -> None:
    model, _, x, y, _ = same_twice()
    patient, _ = patient_of(model, x, loss=squared, targets=y)
    scaled = Scaled(patient)
    step = FirstStep(scaled, rate=0.3)

    def value(scales: list[Any]) -> Any:
        after, g = step.gradient(scales)
        return step.cost(after, g) if what == "cost" else step.norm(g)

    scales = scaled.ones()
    slopes = torch.autograd.grad(value(scales), scales)
    h = 1e-5
    for place, slope in enumerate(slopes):
        moved = [
            [s.detach().clone().requires_grad_() + (sign * h if i == place else 0) for i, s in enumerate(scales)]
            for sign in (1, -1)
        ]
        above, below = (float(value(one).detach()) for one in moved)
        assert float(slope) == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-8)


def test_the_gradient_quotient_is_that_of_our_own_networks() -> None:
    model, theta, x, y, batch = same_twice()
    patient, _ = patient_of(model, x, loss=squared, targets=y)
    scaled = Scaled(patient)
    found = float(gradient_quotient(scaled, scaled.ones(), patient.call).detach())
    assert found == pytest.approx(own_gradient_quotient(NETWORK, theta, batch.loss, batch.X, batch.Y), rel=1e-9)


def small(depth: int = 6) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(*(part for _ in range(depth) for part in (nn.Linear(16, 16), nn.Tanh())), nn.Linear(16, 3))
    for layer in model[::2]:
        nn.init.normal_(layer.weight, std=0.6)
        nn.init.zeros_(layer.bias)
    return model


def test_gradinit_lowers_the_loss_after_a_first_step() -> None:
    x, y = torch.randn(30, 16, generator=torch.Generator().manual_seed(1)), torch.randint(3, (30,))

    def after_a_step(model: Any) -> float:
        loss = nn.functional.cross_entropy(model(x), y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, g in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(0.1 * g)
        return float(nn.functional.cross_entropy(model(x), y).detach())

    model = small()
    patient, trial = patient_of(model, x, loss=nn.functional.cross_entropy, targets=y)
    [plan] = plans(GradInit(), patient, trial)
    before = after_a_step(small())
    plan.run(model, 0)
    assert after_a_step(model) < before
    assert plans(MetaInit(), patient, trial) == []


def test_metainit_lowers_the_gradient_quotient() -> None:
    model, x = small(3), torch.randn(30, 16, generator=torch.Generator().manual_seed(1))
    patient, trial = patient_of(model, x)
    [plan] = plans(MetaInit(), patient, trial)
    scaled = Scaled(patient)
    before = float(gradient_quotient(scaled, scaled.ones(), patient.call).detach())
    plan.run(model, 0)
    assert float(gradient_quotient(scaled, scaled.ones(), patient.call).detach()) < before
    assert plans(GradInit(), patient, trial) == []


def test_what_cannot_be_differentiated_twice_is_given_up() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(_context: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(_context: Any, gradient: Any) -> Any:
            if gradient.requires_grad:
                raise RuntimeError("no second derivative")
            return gradient

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.last(Once.apply(self.first(x)).tanh())

    x = torch.randn(6, 4)
    assert plans(MetaInit(), *patient_of(Model(), x)) == []
    assert plans(GradInit(), *patient_of(Model(), x, loss=lambda y: y.square().mean())) == []


def test_a_common_gain_keeps_the_gradient() -> None:
    class Sine(nn.Module):
        def forward(self, z: Any) -> Any:
            return torch.sin(30 * z)

    torch.manual_seed(0)
    model = nn.Sequential(*(part for _ in range(6) for part in (nn.Linear(48, 48), Sine())), nn.Linear(48, 3))
    x = torch.randn(64, 48) / 30
    patient, trial = patient_of(model, x)
    [plan] = plans(CommonGain(), patient, trial)
    assert "0.weight" not in {step.place.name for step in plan.steps}
    plan.run(model, 0)
    layers = [layer for layer in check(model, x).state.layers if layer.sort == "weight"]
    growth = math.log(layers[0].gradient_norm / layers[-1].gradient_norm)
    # The factor is known within a tenth, and six layers have it.
    assert abs(growth) < 6 * 0.1


@pytest.mark.parametrize("convolution", [False, True])
def test_outputs_are_the_targets_mean_and_a_tenth_of_their_spread(convolution: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3, padding=1) if convolution else nn.Linear(3, 4)
    x = torch.randn(64, 3, 5, 5) if convolution else torch.randn(64, 3)
    shape = (1, 4, 1, 1) if convolution else (1, 4)
    centers = torch.tensor([50.0, -200.0, 7.0, 1000.0]).reshape(shape)
    model = nn.Sequential(layer)
    y = centers + 0.01 * torch.randn_like(model(x).detach())
    patient, trial = patient_of(model, x, loss=nn.functional.mse_loss, targets=y)
    [plan] = plans(Outputs(), patient, trial)
    plan.run(model, 0)
    means = model(x).detach().transpose(0, 1).flatten(1).mean(1)
    assert torch.allclose(means, centers.flatten(), rtol=1e-3, atol=0.01)
    assert float((model(x) - centers).detach().square().mean().sqrt()) < 0.01


def test_the_bias_of_scores_is_left() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    with torch.no_grad():
        model[0].weight.mul_(1000)
    patient, trial = patient_of(
        model, torch.randn(64, 3), loss=nn.functional.cross_entropy, targets=torch.randint(4, (64,))
    )
    [plan] = plans(Outputs(), patient, trial)
    assert [step.place.name for step in plan.steps] == ["0.weight"]
