"""`as_torch` in use: memory, devices, autograd, names, whole models."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import firstdraw
from firstdraw.draws import CounterDraws
from firstdraw.initializers import INITIALIZERS
from firstdraw.roles import weight_role

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
HE = INITIALIZERS["he_normal"]().law(weight_role((6, 4)))


def expected(seed: int, name: str) -> Any:
    return torch.from_numpy(HE.sample(CounterDraws(seed), name, (6, 4))).float()


def test_a_contiguous_tensor_is_filled_in_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    parameter = torch.nn.Parameter(torch.zeros(6, 4))
    address = parameter.data_ptr()
    # No array is made on the way.
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("an array was made"))
    assert firstdraw.as_torch("he_normal", seed=3)(parameter, name="w") is parameter
    monkeypatch.undo()
    assert parameter.data_ptr() == address
    assert torch.equal(parameter.detach(), expected(3, "w"))
    assert parameter.requires_grad
    assert parameter.grad_fn is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(4, 6).t(),
        lambda: torch.zeros(6, 8)[:, ::2],
        lambda: torch.zeros(8, 5)[1:7, 1:],
        lambda: torch._neg_view(torch.zeros(6, 4)),
        lambda: torch.nn.Buffer(torch.zeros(6, 4)),
        lambda: torch.zeros(6, 4, requires_grad=True),
    ],
    ids=["transposed", "strided", "cut out", "negated", "buffer", "leaf"],
)
def test_a_tensor_that_lies_otherwise_is_filled_alike(make: Any) -> None:
    tensor = make()
    firstdraw.as_torch("he_normal", seed=3)(tensor, name="w")
    assert torch.equal(tensor.detach().clone(), expected(3, "w"))


def test_memory_beside_a_view_is_left_alone() -> None:
    whole = torch.zeros(8, 4)
    firstdraw.as_torch("he_normal", seed=3)(whole[1:7], name="w")
    assert torch.equal(whole[1:7], expected(3, "w"))
    assert (whole[0] == 0).all()
    assert (whole[7] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_autograd_sees_that_a_tensor_has_changed(dtype: str) -> None:
    """As after `torch.nn.init`: what was computed with the old numbers has no gradient any more."""
    w = torch.zeros(6, 4, dtype=getattr(torch, dtype), requires_grad=True)
    loss = (w * w).sum()
    firstdraw.as_torch("he_normal", seed=0)(w)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_pytorch_s_own_seed_does_not_matter_and_is_not_drawn_from() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = firstdraw.as_torch("he_normal", seed=0)(torch.empty(6, 4))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    assert torch.equal(firstdraw.as_torch("he_normal", seed=0)(torch.empty(6, 4)), first)


def test_calls_without_a_name_are_counted_so_that_no_two_layers_start_equal() -> None:
    he = firstdraw.as_torch("he_normal", seed=3)
    for call in (1, 2):
        assert torch.equal(he(torch.empty(6, 4)), expected(3, f"he_normal, call {call}"))
    # A name is the parameter's, whenever it comes, and counts as no call.
    assert torch.equal(he(torch.empty(6, 4), name="w"), expected(3, "w"))
    assert torch.equal(he(torch.empty(6, 4)), expected(3, "he_normal, call 3"))


def test_two_initializers_of_one_seed_draw_independently() -> None:
    x, y = (firstdraw.as_torch(name, seed=0)(torch.empty(100, 100)).ravel() for name in ("normal", "he_normal"))
    assert abs(torch.corrcoef(torch.stack([x, y]))[0, 1]) < 6 / 100


def test_threads_that_fill_with_one_function_get_a_name_each() -> None:
    he = firstdraw.as_torch("he_normal", seed=0)
    with ThreadPoolExecutor(8) as pool:
        filled = list(pool.map(lambda _: he(torch.empty(6, 4)), range(100)))
    assert len({tuple(tensor.ravel().tolist()) for tensor in filled}) == 100


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(3, 16, 3)
        self.recurrence = torch.nn.LSTM(16, 8)
        self.hidden = torch.nn.Linear(8, 8)
        self.output = torch.nn.Linear(8, 8)


def initialize(model: Any, seed: int) -> Any:
    he, zeros = firstdraw.as_torch("he_normal", seed=seed), firstdraw.as_torch("zeros", seed=seed)
    for name, parameter in model.named_parameters():
        (he if parameter.ndim > 1 else zeros)(parameter, name=name)
    firstdraw.as_torch("lstm_forget_bias", seed=seed)(model.recurrence.bias_ih_l0)
    firstdraw.as_torch("orthogonal", seed=seed, operation="recurrent", parts=4)(model.recurrence.weight_hh_l0)
    return model


def test_a_model_is_initialized_by_the_names_of_its_parameters() -> None:
    model = initialize(Net(), 0)
    assert torch.equal(model.recurrence.bias_ih_l0.detach(), torch.tensor([0.0] * 8 + [1.0] * 8 + [0.0] * 16))
    for gate in model.recurrence.weight_hh_l0.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8))
    assert not torch.equal(model.hidden.weight, model.output.weight)
    assert model.features.weight.std().item() == pytest.approx((2 / 27) ** 0.5, rel=0.1)
    # Another order, and other layers beside: the same numbers.
    other = Net()
    other.added = torch.nn.Linear(8, 8)
    initialize(other, 0)
    same = dict(other.named_parameters())
    assert all(torch.equal(parameter, same[name]) for name, parameter in model.named_parameters())
    changed = dict(initialize(Net(), 1).named_parameters())
    assert not torch.equal(model.hidden.weight, changed["hidden.weight"])


def test_a_deep_model_of_he_trains_and_keeps_its_signal() -> None:
    layers = [layer for _ in range(20) for layer in (torch.nn.Linear(256, 256, bias=False), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers)
    he = firstdraw.as_torch("he_normal", seed=0)
    model.apply(lambda layer: he(layer.weight) if isinstance(layer, torch.nn.Linear) else None)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 256))).float()
    with torch.no_grad():
        ratio = (model(x) ** 2).mean() / (torch.relu(x) ** 2).mean()
    # PyTorch's own start leaves 6^-20 of it.
    assert 0.2 < ratio < 5
    loss = model(x).square().mean()
    loss.backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().max() > 0 for p in model.parameters())


def test_a_function_is_copied_with_its_count_and_shown_as_it_was_made() -> None:
    he = firstdraw.as_torch("he_normal", seed=3, mode="fan_out")
    he(torch.empty(6, 4))
    again = copy.deepcopy(he)
    assert torch.equal(again(torch.empty(6, 4)), he(torch.empty(6, 4)))
    assert repr(he) == "as_torch(HeNormal(slope=0.0, mode='fan_out'), seed=3)"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: np.zeros((2, 2)), "`tensor` must be a tensor of PyTorch, got array([[0., 0.],\n       [0., 0.]])"),
        (
            lambda: torch.empty(2, 2, device="meta"),
            "`tensor` must have memory, which is not so on the meta device; `model.to_empty` gives a model its own",
        ),
        (
            lambda: torch.zeros(2, 2).to_sparse(),
            "`tensor` must be dense in memory, got torch.sparse_coo; 'sparse' draws zeros into a dense one",
        ),
        (
            torch.nn.UninitializedParameter,
            "`tensor` must have a shape, which a lazy layer gives it on its first input; call the model once",
        ),
    ],
)
def test_a_tensor_that_cannot_be_filled_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(firstdraw.InputError) as caught:
        firstdraw.as_torch("he_normal", seed=0)(make())
    assert str(caught.value) == sentence


def test_a_refused_tensor_keeps_its_numbers() -> None:
    bias = torch.ones(3)
    with pytest.raises(firstdraw.InputError):
        firstdraw.as_torch("he_normal", seed=0)(bias)
    assert (bias == 1).all()


def test_gpt2_s_conv1d_stores_its_weight_in_the_order_of_keras() -> None:
    weight = torch.empty(300, 100)
    firstdraw.as_torch("lecun_uniform", seed=0, order="keras")(weight)
    assert weight.abs().max().item() == pytest.approx((3 / 300) ** 0.5, rel=1e-3)
