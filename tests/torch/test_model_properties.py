"""Laws of `check`, `identify` and `initialize` over random models: nothing is changed, and the numbers are as they say.

A model is grown from a plan, a tree of names. Each name asks for a part that fits the signal's shape where it stands;
what fits nowhere is left out, so that every tree is a model.
"""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firstdraw.errors import FirstdrawError
from firstdraw.torch import check, identify, initialize

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
EXAMPLES = 4

Plan = Any
Shape = tuple[int, ...]


class Skip(nn.Module):
    """Adds to a signal what a body makes of it."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Any) -> Any:
        return x + self.body(x)


class Join(Skip):
    """Puts beside a signal what a body makes of it."""

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.body(x)], dim=1)


class Twice(Skip):
    """Runs one body two times."""

    def forward(self, x: Any) -> Any:
        return self.body(torch.tanh(self.body(x)))


class Recurrent(Skip):
    def forward(self, x: Any) -> Any:
        return self.body(x)[0]


class Attentive(Skip):
    def forward(self, x: Any) -> Any:
        return self.body(x, x, x, need_weights=False)[0]


class Checkpointed(Skip):
    def forward(self, x: Any) -> Any:
        return torch.utils.checkpoint.checkpoint(self.body, x, use_reentrant=False)


class Failure(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(_: Any, __: Any) -> Any:
        raise RuntimeError("half-way back")


class Failing(nn.Module):
    def __init__(self, *, backward: bool) -> None:
        super().__init__()
        self.at_the_end = backward

    def forward(self, x: Any) -> Any:
        if self.at_the_end:
            return Failure.apply(x)
        raise RuntimeError("half-way")


class Whole(nn.Module):
    """A stem, a body and a head, of any outputs."""

    def __init__(self, stem: Any, body: Any, head: Any, form: str) -> None:
        super().__init__()
        self.stem, self.body, self.head, self.form = stem, body, head, form

    def forward(self, x: Any) -> Any:
        y = self.body(self.stem(x))
        scores = self.head(y.flatten(2).mean(2) if y.ndim > 2 else y)
        return {"scores": scores, "more": [(y, None)]} if self.form == "nested" else scores


parametrizations = nn.utils.parametrizations

# Parts by name: what they are made of for the channels c, and for how many axes behind those of the examples.
PARTS: dict[str, tuple[set[int], Callable[[int], Any]]] = {
    "linear": ({1}, lambda c: nn.Linear(c, c)),
    "weight norm": ({1}, lambda c: parametrizations.weight_norm(nn.Linear(c, c))),
    "spectral norm": ({1}, lambda c: parametrizations.spectral_norm(nn.Linear(c, c))),
    "convolution": ({2}, lambda c: nn.Conv1d(c, c, 3, padding=1)),
    "image convolution": ({3}, lambda c: nn.Conv2d(c, c, 3, padding=1, bias=False)),
    "depthwise": ({3}, lambda c: nn.Conv2d(c, c, 3, padding=1, groups=c)),
    "transposed": ({3}, lambda c: nn.ConvTranspose2d(c, c, 3, padding=1)),
    "batch norm": ({1, 2}, nn.BatchNorm1d),
    "image batch norm": ({3}, lambda c: nn.BatchNorm2d(c, momentum=None)),
    "group norm": ({1, 2, 3}, lambda c: nn.GroupNorm(1, c)),
    "lstm": ({2}, lambda _: Recurrent(nn.LSTM(5, 5, batch_first=True))),
    "gru": ({2}, lambda _: Recurrent(nn.GRU(5, 5, batch_first=True))),
    "attention": ({2}, lambda _: Attentive(nn.MultiheadAttention(5, 1, batch_first=True))),
    "relu": ({1, 2, 3}, lambda _: nn.ReLU()),
    "relu in place": ({1, 2, 3}, lambda _: nn.ReLU(inplace=True)),
    "tanh": ({1, 2, 3}, lambda _: nn.Tanh()),
    "gelu": ({1, 2, 3}, lambda _: nn.GELU()),
    "prelu": ({1, 2, 3}, lambda _: nn.PReLU()),
    "dropout": ({1, 2, 3}, lambda _: nn.Dropout(0.4)),
    "pool": ({3}, lambda _: nn.AvgPool2d(3, 1, 1)),
}
AROUND = {"skip": Skip, "join": Join, "twice": Twice, "nested": nn.Sequential, "kept": Checkpointed}

plans = st.lists(
    st.recursive(
        st.sampled_from(sorted(PARTS)),
        lambda inner: st.tuples(st.sampled_from(sorted(AROUND)), st.lists(inner, max_size=3)),
        max_leaves=5,
    ),
    max_size=5,
)
kinds = st.sampled_from(["features", "sequence", "image", "tokens"])
INPUTS: dict[str, Callable[[], Any]] = {
    "features": lambda: torch.randn(EXAMPLES, 3),
    "sequence": lambda: torch.randn(EXAMPLES, 3, 5),
    "image": lambda: torch.randn(EXAMPLES, 3, 4, 4),
    "tokens": lambda: torch.randint(7, (EXAMPLES,)),
}
STEMS: dict[str, tuple[Shape, Callable[[], Any]]] = {
    "features": ((6,), lambda: nn.Linear(3, 6)),
    "sequence": ((6, 5), lambda: nn.Conv1d(3, 6, 1)),
    "image": ((6, 4, 4), lambda: nn.Conv2d(3, 6, 3, padding=1)),
    "tokens": ((6,), lambda: nn.Embedding(7, 6)),
}


@dataclass
class Builder:
    """Grows a model; the parts are made when they are first asked for, or were made before, in any order.

    Args:
        made: the parts by their places.
        makers: what makes each.
        failing: the part that fails, which is put where as many parts were made.
        place: where.
    """

    made: dict[str, Any] = field(default_factory=dict[str, Any])
    makers: dict[str, Callable[[], Any]] = field(default_factory=dict[str, Callable[[], Any]])
    failing: Any = None
    place: int = 0

    def make(self, place: str, maker: Callable[[], Any]) -> Any:
        self.makers[place] = maker
        if place not in self.made:
            self.made[place] = maker()
        return self.made[place]

    def body(self, plan: Plan, shape: Shape, place: str) -> tuple[Any, Shape]:
        parts: list[Any] = []
        for number, name in enumerate(plan):
            here = f"{place}.{number}"
            if isinstance(name, str):
                axes, maker = PARTS[name]
                if len(shape) in axes:
                    parts.append(self.make(here, lambda maker=maker, c=shape[0]: maker(c)))
            else:
                around, inner = name
                # What joins makes more channels, which what adds or runs twice cannot take.
                inside = [one for one in inner if isinstance(one, str) or one[0] != "join"]
                body, _ = self.body(inside, shape, here)
                parts.append(AROUND[around](body))
                shape = (2 * shape[0], *shape[1:]) if around == "join" else shape
            if self.failing is not None and len(self.makers) >= self.place:
                parts.append(self.failing)
                self.failing = None
        return nn.Sequential(*parts), shape

    def whole(self, kind: str, plan: Plan, form: str) -> Any:
        shape, stem = STEMS[kind]
        first = self.make("stem", stem)
        body, shape = self.body(plan, shape, "body")
        if self.failing is not None:
            body.append(self.failing)
        return Whole(first, body, self.make("head", lambda: nn.Linear(shape[0], 3)), form)


@dataclass(frozen=True)
class Case:
    """A model with its inputs, in a state that a program may have left it in."""

    model: Any
    x: Any
    optimizer: Any


def prepared(kind: str, plan: Plan, seed: int, dtype: str, builder: Builder | None = None) -> Case:
    chance = random.Random(seed)  # noqa: S311  # no secret
    torch.manual_seed(seed)
    model = (builder or Builder()).whole(kind, plan, chance.choice(["one", "nested"])).to(getattr(torch, dtype))
    for module in model.modules():
        module.training = chance.random() < 0.5
        if chance.random() < 0.2:
            module.register_forward_hook(lambda *_: None)
        if chance.random() < 0.2:
            module.register_forward_pre_hook(lambda *_: None)
    for parameter in model.parameters():
        parameter.requires_grad_(chance.random() < 0.8)
        if parameter.requires_grad and chance.random() < 0.5:
            parameter.grad = torch.randn_like(parameter)
        if parameter.requires_grad and chance.random() < 0.2:
            parameter.register_hook(lambda gradient: gradient)
            parameter.register_post_accumulate_grad_hook(lambda _: None)
    model.head.weight.requires_grad_()
    x = INPUTS[kind]()
    if x.is_floating_point():
        x = x.to(getattr(torch, dtype)).requires_grad_(chance.random() < 0.3)
    optimizer = torch.optim.AdamW(model.parameters()) if chance.random() < 0.3 else None
    return Case(model, x, optimizer)


def bits(tensor: Any) -> bytes:
    return tensor.detach().flatten().contiguous().view(torch.uint8).numpy().tobytes()


def image(case: Case) -> dict[str, Any]:
    """Return all that is to stay: identities of objects, and the bits in them."""
    found: dict[str, Any] = {}
    for name, module in case.model.named_modules():
        for key, value in vars(module).items():
            within = {inner: id(item) for inner, item in value.items()} if isinstance(value, dict) else repr(value)
            found[f"{name} {key}"] = (id(value), within)
    for name, tensor in (*case.model.named_parameters(), *case.model.named_buffers(), ("the input", case.x)):
        gradient = tensor.grad
        found[name] = (
            tensor.data_ptr(),
            bits(tensor),
            tensor.requires_grad,
            gradient if gradient is None else (id(gradient), bits(gradient)),
            list(tensor._backward_hooks or ()),
            list(tensor._post_accumulate_grad_hooks or ()),
        )
    found["optimizer"] = None if case.optimizer is None else repr(case.optimizer.state_dict())
    found["generators"] = (bits(torch.get_rng_state()), random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    return found


def tensors(outputs: Any) -> Iterator[Any]:
    yield from [outputs["scores"], outputs["more"][0][0]] if isinstance(outputs, dict) else [outputs]


def loss_of(outputs: Any) -> Any:
    return sum((tensor.float().square().mean() for tensor in tensors(outputs)), torch.zeros(()))


def works(case: Case) -> bool:
    """Whether a copy of the model runs forward and back as it is."""
    state = torch.get_rng_state()
    try:
        loss_of(copy.deepcopy(case.model)(case.x.detach().clone())).backward()
    except Exception:
        return False
    finally:
        torch.set_rng_state(state)
    return True


seeds = st.integers(0, 2**32 - 1)
types = st.sampled_from(["float32", "float64", "bfloat16"])
EVERYTHING = sorted(PARTS)


@given(kinds, plans, seeds, types)
@example("features", EVERYTHING, 0, "float32")
@example("sequence", EVERYTHING, 1, "float32")
@example("image", EVERYTHING, 2, "float64")
@example("tokens", [("twice", EVERYTHING), ("kept", EVERYTHING), ("join", EVERYTHING)], 3, "float32")
def test_a_check_changes_nothing_and_runs_what_runs(kind: str, plan: Plan, seed: int, dtype: str) -> None:
    case = prepared(kind, plan, seed, dtype)
    runs, before = works(case), image(case)
    with contextlib.nullcontext() if runs else contextlib.suppress(FirstdrawError):
        check(case.model, case.x, optimizer=case.optimizer)
    assert image(case) == before


@given(kinds, plans, seeds, types, st.sampled_from(["forward", "backward", "loss"]), st.integers(0, 8))
def test_a_check_that_fails_half_way_changes_nothing(
    kind: str, plan: Plan, seed: int, dtype: str, way: str, place: int
) -> None:
    def failing(_: Any) -> Any:
        raise ValueError("no such loss")

    broken = None if way == "loss" else Failing(backward=way == "backward")
    case = prepared(kind, plan, seed, dtype, Builder(failing=broken, place=place))
    # What fails on the way back is on it.
    for parameter in case.model.stem.parameters():
        parameter.requires_grad_()
    before = image(case)
    with pytest.raises(FirstdrawError, match=r"half-way|no such loss"):
        check(case.model, case.x, loss=failing if way == "loss" else None, optimizer=case.optimizer)
    assert image(case) == before


@given(kinds, plans, seeds, types)
@settings(max_examples=12)
def test_an_identification_changes_nothing(kind: str, plan: Plan, seed: int, dtype: str) -> None:
    case = prepared(kind, plan, seed, dtype)
    before = image(case)
    identify(case.model)
    assert image(case) == before


@given(kinds, plans, seeds, st.sampled_from(["auto", "he_normal", "orthogonal"]))
@settings(max_examples=25)
def test_the_numbers_of_an_initialization_depend_on_no_order(kind: str, plan: Plan, seed: int, scheme: str) -> None:
    chance, first = random.Random(seed), Builder()  # noqa: S311  # no secret
    one = first.whole(kind, plan, "one")
    places = sorted(first.makers)
    chance.shuffle(places)
    torch.manual_seed(seed)
    second = Builder({place: first.makers[place]() for place in places})
    other = second.whole(kind, plan, "one")
    for module in other.modules():
        # The order in which a module names its own parameters.
        items = list(module._parameters.items())
        chance.shuffle(items)
        module._parameters.clear()
        module._parameters.update(items)
    record, again = initialize(one, scheme, seed=seed % 1000), initialize(other, scheme, seed=seed % 1000)
    numbers = [{name: bits(value) for name, value in model.named_parameters()} for model in (one, other)]
    assert numbers[0] == numbers[1]
    assert not record.left
    assert {parameter.name: parameter for parameter in record.parameters} == {
        parameter.name: parameter for parameter in again.parameters
    }
    before = {name: bits(value) for name, value in one.state_dict().items()}
    assert initialize(one, scheme, seed=seed % 1000) == record
    assert before == {name: bits(value) for name, value in one.state_dict().items()}


def by_hand(case: Case) -> tuple[dict[str, list[Any]], dict[str, float | None]]:
    """Return mean, second moment and the gradient's root mean square of each call of each module, by plain hooks.

    The second are the gradients of the parameters, their root mean squares.
    """
    found: dict[str, list[Any]] = {}
    model = copy.deepcopy(case.model)
    model.zero_grad()

    def hook(name: str) -> Callable[..., None]:
        def keep(_: Any, __: Any, output: Any) -> None:
            tensor = next(iter(tensors(output))) if isinstance(output, dict) else output
            tensor = tensor[0] if isinstance(tensor, tuple) else tensor
            values = tensor.detach().double()
            measured: list[Any] = [values.mean().item(), values.square().mean().item(), None]
            found.setdefault(name, []).append(measured)
            if tensor.requires_grad:
                tensor.register_hook(lambda g: measured.__setitem__(2, rms(g)))

        return keep

    handles = [module.register_forward_hook(hook(name)) for name, module in model.named_modules()]
    torch.manual_seed(0)
    loss = loss_of(model(case.x.detach().clone()))
    for handle in handles:
        handle.remove()
    loss.backward()
    return found, {name: None if one.grad is None else rms(one.grad) for name, one in model.named_parameters()}


def rms(tensor: Any) -> float:
    return tensor.double().square().mean().sqrt().item()


@given(kinds, plans, seeds, st.sampled_from(["float32", "float64"]))
@example("features", EVERYTHING, 0, "float32")
@example("sequence", EVERYTHING, 1, "float64")
@example("image", EVERYTHING, 2, "float32")
@example("sequence", [("twice", ["convolution", "tanh"]), ("kept", ["gru"]), ("join", ["attention"])], 3, "float32")
def test_the_numbers_are_those_of_hooks_written_by_hand(kind: str, plan: Plan, seed: int, dtype: str) -> None:
    case = prepared(kind, plan, seed, dtype)
    if not works(case):
        return
    expected, gradients = by_hand(case)
    state = check(case.model, case.x.detach().clone(), loss=loss_of).state
    measured = [layer for layer in state.layers if not layer.kind.islower()]
    for layer in measured:
        mean, second_moment, gradient = expected[layer.name][layer.call - 1]
        assert layer.mean == pytest.approx(mean, rel=1e-9, abs=1e-12)
        assert layer.second_moment == pytest.approx(second_moment, rel=1e-9)
        assert (layer.gradient_rms is None) == (gradient is None)
        if gradient is not None:
            assert layer.gradient_rms == pytest.approx(gradient, rel=1e-9)
    for parameter in state.parameters:
        gradient = gradients[parameter.name]
        assert parameter.gradient_rms == (None if gradient is None else pytest.approx(gradient, rel=1e-9))
    holders = {
        name: len(calls)
        for name, calls in expected.items()
        if case.model.get_submodule(name)._parameters and "parametrizations" not in name
    }
    counts = {name: sum(layer.name == name for layer in measured) for name in holders}
    assert counts == holders
