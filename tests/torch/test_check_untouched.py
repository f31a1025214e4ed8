"""Whatever happens inside a check, the model is bit for bit what it was."""

from __future__ import annotations

import contextlib
import importlib
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.errors import FirstdrawError
from firstdraw.torch import check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


def bits(tensor: Any) -> bytes:
    return tensor.detach().flatten().contiguous().view(torch.uint8).numpy().tobytes()


def image(model: Any) -> dict[str, Any]:
    """Return all that a check promises to leave: identities of objects, and the bits in them."""
    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        found[f"{name} attributes"] = {
            key: (id(value), _told(value))
            for key, value in vars(module).items()
            if key not in {"_parameters", "_buffers", "_modules"}
        }
        for kind in ("_parameters", "_buffers", "_modules"):
            found[f"{name} {kind}"] = {key: id(value) for key, value in getattr(module, kind).items()}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        gradient = tensor.grad
        found[name] = (
            tensor.data_ptr(),
            bits(tensor),
            tensor.requires_grad,
            None if gradient is None else (id(gradient), bits(gradient)),
            repr(tensor._backward_hooks),
            repr(tensor._post_accumulate_grad_hooks),
        )
    found["generators"] = (bits(torch.get_rng_state()), random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    return found


def _told(value: Any) -> Any:
    if isinstance(value, torch.Generator):
        return bits(value.get_state())
    return bits(value) if isinstance(value, torch.Tensor) else repr(value)


class Erratic(nn.Module):
    """Does to itself whatever a module can, and fails if it is told to."""

    def __init__(self, width: int, *, fails: bool) -> None:
        super().__init__()
        self.weight, self.fails, self.calls, self.seen = nn.Parameter(torch.randn(width)), fails, 0, []
        self.register_buffer("running", torch.zeros(width))
        self.cache = torch.zeros(width)
        self.linear, self.generator = nn.Linear(width, width), torch.Generator().manual_seed(5)

    def forward(self, x: Any) -> Any:
        torch.rand(2, generator=self.generator)
        self.calls += 1
        self.seen.append(self.calls)
        self.added = x.detach()
        self.running += x.detach().mean(0)
        self.cache.copy_(self.running)
        self.weight.data.clamp_(-0.5, 0.5)
        self.linear.weight.data = self.linear.weight.data * 2
        self.linear.eval()
        np.random.rand()  # noqa: NPY002
        random.random()  # noqa: S311
        torch.rand(3)
        self.register_forward_hook(lambda *_: None)
        if self.fails:
            raise RuntimeError("half-way")
        return self.linear(x) * self.weight + self.cache


class Residual(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)


WIDTH = 4
LEAVES = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "tanh": nn.Tanh,
    "batch norm": lambda: nn.BatchNorm1d(WIDTH),
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "dropout": lambda: nn.Dropout(0.5),
    "spectral": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(WIDTH, WIDTH)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH)),
    "erratic": lambda: Erratic(WIDTH, fails=False),
    "failing": lambda: Erratic(WIDTH, fails=True),
    "identity": nn.Identity,
}
graphs = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda parts: st.lists(parts, min_size=1, max_size=4).map(tuple) | parts.map(lambda part: ("skip", part)),
    max_leaves=8,
)


def built(graph: Any, shared: dict[str, Any]) -> Any:
    if isinstance(graph, str):
        # Every second module of a kind is the first one once more.
        return shared.pop(graph) if graph in shared else shared.setdefault(graph, LEAVES[graph]())
    if graph[0] == "skip":
        return Residual(built(graph[1], shared))
    return nn.Sequential(*(built(part, shared) for part in graph))


@given(graphs, st.booleans(), st.booleans(), st.integers(0, 2**32 - 1), st.booleans())
def test_a_check_changes_nothing(graph: Any, training: bool, with_gradients: bool, seed: int, optimized: bool) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, WIDTH), built(graph, {}), nn.Linear(WIDTH, 2)).train(training)
    model[0].weight.requires_grad_(seed % 2 == 0)
    for parameter in model.parameters():
        if with_gradients and parameter.requires_grad:
            parameter.grad = torch.randn_like(parameter)
    stepped: list[str] = []
    model[2].weight.register_post_accumulate_grad_hook(lambda _: stepped.append("an optimizer"))
    model[2].register_forward_hook(lambda *_: None)
    optimizer = torch.optim.Adam(model.parameters()) if optimized else None
    x = torch.randn(5, 3, requires_grad=True)
    before, given_bits = image(model), bits(x)
    with contextlib.suppress(FirstdrawError):
        check(model, x, optimizer=optimizer)
    assert image(model) == before
    assert (bits(x), x.grad) == (given_bits, None)
    assert stepped == []
    assert optimizer is None or not optimizer.state


@pytest.mark.parametrize("place", ["forward", "loss", "backward", "interrupt"])
def test_it_is_untouched_also_where_the_check_fails_half_way(place: str) -> None:
    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(_context: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(_context: Any, gradient: Any) -> Any:
            if place == "backward":
                raise RuntimeError("no way back")
            return gradient

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.last = nn.BatchNorm1d(3), nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            x = self.norm(Backward.apply(x))
            if place == "forward":
                raise ValueError("half-way")
            if place == "interrupt":
                raise KeyboardInterrupt
            return self.last(x)

    def loss(_outputs: Any) -> Any:
        raise TypeError("no such loss")

    model, x = Model(), torch.randn(4, 3, requires_grad=True)
    before = image(model)
    with pytest.raises((FirstdrawError, KeyboardInterrupt)):
        check(model, x, loss=loss if place == "loss" else None)
    assert image(model) == before


def test_a_loss_with_parameters_and_buffers_is_left_too() -> None:
    model, loss, x = nn.Linear(3, 2), MeanOf(nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))), torch.randn(4, 3)
    before = image(loss)
    found = check(model, x, loss=loss)
    assert image(loss) == before
    assert found.state.loss_name == "MeanOf"


class MeanOf(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, outputs: Any) -> Any:
        return self.inner(outputs).mean()


def test_inputs_that_the_model_writes_to_are_what_they_were() -> None:
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2)), torch.randn(4, 3)
    before = bits(x)
    assert (x < 0).any()
    check(model, x)
    assert bits(x) == before


def test_what_computed_an_input_is_not_asked_for_gradients() -> None:
    before, model = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = before(torch.randn(5, 2))
    expected = check(model, x.detach()).state
    assert check(model, x).state == expected
    assert check(model, input=x).state.parameters == expected.parameters
    targets = torch.tanh(before(torch.randn(5, 2)))[:, :2]
    check(model, x, loss=nn.functional.mse_loss, targets=targets)
    targets.sum().backward()
    before.zero_grad()
    assert before.weight.grad is None
    # The way back through it is still there.
    x.sum().backward()
    assert before.weight.grad is not None


def test_layers_that_a_model_does_not_register_are_left_too() -> None:
    class Lists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.others = nn.Linear(3, 4), {"more": [nn.BatchNorm1d(4), nn.Linear(4, 2)]}

        def forward(self, x: Any) -> Any:
            norm, last = self.others["more"]
            return outside(last(norm(self.first(x))))

    outside, model = nn.Linear(2, 2), Lists()
    stepped: list[str] = []
    for parameter in outside.parameters():
        parameter.grad = torch.ones_like(parameter)
        parameter.register_post_accumulate_grad_hook(lambda _: stepped.append("an optimizer"))
    unseen = [*model.others["more"], outside]
    x = torch.randn(5, 3)
    before = [image(part) for part in (model, *unseen)]
    check(model, x)
    assert [image(part) for part in (model, *unseen)] == before
    assert stepped == []


def test_buffers_that_grow_are_cut_back() -> None:
    class Growing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 2)
            self.register_buffer("seen", torch.arange(2.0))

        def forward(self, x: Any) -> Any:
            self.seen.resize_(7).fill_(1)
            return self.linear(x)

    model = Growing()
    check(model, torch.randn(4, 3))
    assert torch.equal(model.seen, torch.arange(2.0))
    assert model.seen.untyped_storage().nbytes() == 8


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_sparse_buffers_are_left_too() -> None:
    class Adjacency(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)
            self.register_buffer("coordinates", torch.eye(3).to_sparse())
            self.register_buffer("compressed", torch.eye(3).to_sparse_csr())

        def forward(self, x: Any) -> Any:
            self.coordinates.mul_(2)
            self.compressed.values().add_(1)
            return torch.sparse.mm(self.coordinates, self.linear(x).t())

    model = Adjacency()
    check(model, torch.randn(4, 3))
    assert torch.equal(model.coordinates.to_dense(), torch.eye(3))
    assert torch.equal(model.compressed.to_dense(), torch.eye(3))


def test_tensors_of_subclasses_are_left_too() -> None:
    class Named(torch.Tensor):
        pass

    class Doubling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 2)
            self.linear.weight = nn.Parameter(torch.ones(2, 3).as_subclass(Named))

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                self.linear.weight.mul_(2)
            return self.linear(x)

    model = Doubling()
    assert type(model.linear.weight) is Named
    check(model, torch.randn(4, 3))
    assert torch.equal(model.linear.weight.detach().as_subclass(torch.Tensor), torch.ones(2, 3))


def test_it_works_where_gradients_are_off_and_leaves_them_off() -> None:
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(5, 3)
    with torch.no_grad():
        found = check(model, x)
        assert not torch.is_grad_enabled()
    assert found.state == check(model, x).state


@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
def test_a_compiled_model_runs_as_it_was_written() -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(5, 3)
    plain, compiled = check(model, x).state, check(torch.compile(model), x).state
    assert [layer.second_moment for layer in compiled.layers] == [layer.second_moment for layer in plain.layers]
    assert [layer.gradient_rms for layer in compiled.layers] == [layer.gradient_rms for layer in plain.layers]


@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:flex_attention called without:UserWarning")
def test_a_compiled_function_in_a_model_runs_as_it_was_written() -> None:
    # An operation of higher order, which PyTorch refuses to run below modes that do not take it.
    attend = torch.compile(importlib.import_module("torch.nn.attention.flex_attention").flex_attention)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # On the CPU it lets no gradient through.
            self.qkv, self.projection = nn.Linear(8, 24).requires_grad_(False), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            split = self.qkv(x).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
            return self.projection(attend(*split).transpose(1, 2).flatten(2))

    torch.manual_seed(0)
    found = check(Attention(), torch.randn(4, 5, 8))
    assert found.healthy, found
    assert [layer.name for layer in found.state.layers] == ["qkv", "projection"]


def test_what_is_called_again_on_the_way_back_is_measured_once() -> None:
    class Checkpointed(nn.Module):
        def __init__(self, *, reentrant: bool) -> None:
            super().__init__()
            self.inner, self.reentrant = nn.Sequential(nn.Linear(3, 3), nn.Tanh()), reentrant

        def forward(self, x: Any) -> Any:
            return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=self.reentrant)

    for reentrant in (False, True):
        model = nn.Sequential(nn.Linear(3, 3), Checkpointed(reentrant=reentrant), nn.Linear(3, 2))
        x = torch.randn(4, 3)
        before = image(model)
        state = check(model, x).state
        assert [layer.kind for layer in state.layers] == ["Linear", "Linear", "Tanh", "Linear"]
        assert all(parameter.gradient_rms is not None for parameter in state.parameters)
        assert image(model) == before
