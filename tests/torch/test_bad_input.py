"""What all three of `check`, `identify` and `initialize` say to a model they cannot work on, and to odd ones they can.

Each line of the tables names a model and what each function does with it: refuse it with a sentence, or work.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import pytest

from firstdraw.errors import FirstdrawError
from firstdraw.torch import check, identify, initialize

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore"),  # PyTorch warns of most of what is tried here
]
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn


def x() -> Any:
    return torch.randn(4, 3)


def linear() -> Any:
    return nn.Linear(3, 2)


def mlp() -> Any:
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))


class Model(nn.Module):
    """Computes a function of itself and its inputs.

    Args:
        function: called with the model and the inputs.
        parts: attributes.
    """

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function, self.linear = function, linear()
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *args: Any) -> Any:
        return self.function(self, *args)


def returning(function: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: Model(lambda model, batch: function(model.linear(batch)))


def with_weight(weight: Any) -> Any:
    model = linear()
    model.weight = nn.Parameter(weight)
    return model


def in_inference_mode(make: Callable[[], Any]) -> Any:
    with torch.inference_mode():
        return make()


class Wrapped(torch.Tensor):
    """A tensor around another, as libraries of quantization make them; PyTorch does not see into it."""

    inner: Any

    @staticmethod
    def __new__(cls: Any, inner: Any) -> Any:
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def unwrapped(value: Any) -> Any:
            return value.inner if isinstance(value, Wrapped) else value

        result = func(*map(unwrapped, args), **(kwargs or {}))
        return Wrapped(result) if isinstance(result, torch.Tensor) else result


def quantized_dynamically() -> Any:
    return torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear}, dtype=torch.qint8)


def hooked(kind: str) -> Any:
    def hook(*_: Any) -> None:
        raise ValueError("a hook of its own")

    model = mlp()
    getattr(model[2], kind)(hook)
    return model


def nested(levels: int) -> Any:
    model = linear()
    for _ in range(levels):
        model = nn.Sequential(model)
    return model


def exported() -> Any:
    return torch.export.export(mlp(), (x(),)).module()


NO_MODULE = "`model` must be a `torch.nn.Module`, got "
CALL_IT = "; a class or a function that makes one is to be called"
COMPILED = (
    "`model` must run in Python, where its layers are known by their types, and it is compiled to TorchScript; "
    "take the model that it was made of"
)
BEFORE_QUANTIZED = "is quantized, and rounded numbers are no start; take the model before it is quantized"
LAZY = "must have a shape, which a lazy layer gives it on its first input; call the model once"
UNTRAINABLE = "`model` must have a trainable parameter, and it has none; "

# What each of the three functions refuses, with the same sentence.
REFUSED_BY_ALL: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, f"{NO_MODULE}None"),
    "a class": (lambda: nn.Linear, f"{NO_MODULE}<class 'torch.nn.modules.linear.Linear'>{CALL_IT}"),
    "a function": (lambda: mlp, f"{NO_MODULE}'function'{CALL_IT}"),
    "a name": (lambda: "resnet18", f"{NO_MODULE}'resnet18'"),
    "a state": (lambda: mlp().state_dict(), f"{NO_MODULE}'OrderedDict'"),
    "a list": (lambda: [linear()], f"{NO_MODULE}'list'"),
    "no parameters": (nn.ReLU, f"{UNTRAINABLE}it holds no parameters at all"),
    "frozen": (lambda: mlp().requires_grad_(False), f"{UNTRAINABLE}all 4 are frozen"),
    "a lazy layer": (lambda: nn.Sequential(nn.LazyLinear(2)), f"`0.weight` {LAZY}"),
    "lazy statistics": (
        lambda: nn.Sequential(linear(), nn.LazyBatchNorm1d(affine=False)),
        f"`1.running_mean` {LAZY}",
    ),
    "TorchScript": (lambda: torch.jit.script(linear()), COMPILED),
    "a trace": (lambda: torch.jit.trace(linear(), (x(),)), COMPILED),
    "quantized dynamically": (quantized_dynamically, f"`0` {BEFORE_QUANTIZED}"),
    "a quantized layer": (
        lambda: nn.Sequential(linear(), torch.ao.nn.quantized.Linear(2, 2)),
        f"`1` {BEFORE_QUANTIZED}",
    ),
    "sparse": (
        lambda: with_weight(torch.ones(2, 3).to_sparse()),
        "`weight` must be dense in memory, got torch.sparse_coo",
    ),
    "a tensor of its own kind": (
        lambda: with_weight(Wrapped(torch.ones(2, 3))),
        "`weight` must be a tensor that PyTorch's kernels work on, or a `DTensor`, got 'Wrapped'",
    ),
}

NO_MEMORY = "`weight` must have memory"
NO_GRADIENT = "no gradient comes back: nothing that the model returns depends on a trainable parameter"
NO_TENSOR = "the model returns no dense tensor of numbers, but {!r}: give a `loss` that makes a number of it"
FORWARD, BACKWARD = "the model fails in its forward pass, ", "the model fails in its backward pass: "
HOOK = "ValueError: a hook of its own"

# What some of them refuse, by the name of the function; the others work.
REFUSED_BY_SOME: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "meta": (lambda: nn.Linear(3, 2, device="meta"), {"check": NO_MEMORY, "initialize": NO_MEMORY}),
    "several devices": (
        lambda: nn.Sequential(linear(), nn.Linear(2, 2, device="meta")),
        {"check": "`1.weight` must have memory", "initialize": "`1.weight` must have memory"},
    ),
    "made in inference mode": (
        lambda: in_inference_mode(linear),
        {
            "check": "`weight` must be made outside of inference mode, which keeps gradients from it for good",
            "initialize": "`weight` must be written in inference mode, as it was made there",
        },
    ),
    "complex": (
        lambda: Model(lambda model, batch: model.inner(batch.cfloat()), inner=nn.Linear(3, 2, dtype=torch.complex64)),
        {
            "check": "nothing is measured, as no module of the model returns a dense tensor of real numbers",
            "initialize": "`inner.weight` must be of one of the types float64, float32, float16, bfloat16, got ",
        },
    ),
    "repeated memory": (
        lambda: with_weight(torch.randn(1, 3).expand(2, 3)),
        {"initialize": "`weight` must have an own place in memory for every number, and it is expanded"},
    ),
    "an integer": (returning(lambda _: 3), {"check": NO_TENSOR.format("int")}),
    "None": (returning(lambda _: None), {"check": NO_TENSOR.format("NoneType")}),
    "a distribution": (
        returning(lambda y: torch.distributions.Normal(y, 1.0)),
        {"check": NO_TENSOR.format("Normal")},
    ),
    "sparse outputs": (returning(lambda y: y.to_sparse()), {"check": NO_TENSOR.format("Tensor")}),
    "nested outputs": (
        returning(lambda y: torch.nested.as_nested_tensor([y, y[:2]], layout=torch.jagged)),
        {"check": NO_TENSOR.format("NestedTensor")},
    ),
    "no outputs": (returning(lambda y: y[:0]), {"check": NO_TENSOR.format("Tensor")}),
    "whole numbers": (returning(lambda y: y.argmax(1)), {"check": NO_GRADIENT}),
    "cut off": (returning(lambda y: y.detach()), {"check": NO_GRADIENT}),
    "inputs alone": (lambda: Model(lambda _, batch: 2 * batch), {"check": NO_GRADIENT}),
    "without gradients": (
        lambda: Model(lambda model, batch: torch.no_grad()(model.linear)(batch)),
        {"check": NO_GRADIENT},
    ),
    "more arguments": (
        lambda: Model(lambda _model, _batch, _mask: None),
        {"check": f"{FORWARD}in `forward`: TypeError: "},
    ),
    "a failing layer": (
        lambda: nn.Sequential(linear(), nn.Linear(5, 5)),
        {"check": f"{FORWARD}in `1` (Linear), after `0` returned the shape [4, 2]: RuntimeError: "},
    ),
    "a call of itself": (
        lambda: Model(lambda model, batch: model(batch)),
        {"check": f"{FORWARD}in `forward`: RecursionError: "},
    ),
    "a failing hook before": (lambda: hooked("register_forward_pre_hook"), {"check": HOOK}),
    "a failing hook": (
        lambda: hooked("register_forward_hook"),
        {"check": "in `2` (Linear), after `1` returned the shape"},
    ),
    "a failing hook on the way back": (lambda: hooked("register_full_backward_hook"), {"check": f"{BACKWARD}{HOOK}"}),
    "too deep a nest": (
        lambda: nested(700),
        {"check": f"{FORWARD}in `0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0….0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0` (S"},
    ),
}


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first, self.inner, self.last, self.reentrant = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 2), reentrant

    def forward(self, batch: Any) -> Any:
        h = torch.utils.checkpoint.checkpoint(self.inner, self.first(batch), use_reentrant=self.reentrant)
        return self.last(torch.tanh(h))


def slopes(model: Any, batch: Any) -> Any:
    """Return an output with the slope of a part of the model added, as networks of physics compute it."""
    return model.linear(batch + torch.func.vmap(torch.func.grad(lambda row: model.inner(row).sum()))(batch))


def ensemble(model: Any, batch: Any) -> Any:
    states = {"weight": model.weights, "bias": model.biases}
    return torch.func.vmap(lambda state: torch.func.functional_call(model.linear, state, (batch,)))(states)


def trained_twice(model: Any, batch: Any) -> Any:
    model.linear(batch).sum().backward()
    with torch.no_grad():
        model.linear.weight -= model.linear.weight.grad
    model.zero_grad()
    return model.linear(batch)


def observed() -> Any:
    model = mlp().train()
    model.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")
    return torch.ao.quantization.prepare_qat(model)


def pruned() -> Any:
    from torch.nn.utils import prune

    model = mlp()
    prune.random_unstructured(model[0], "weight", 0.5)
    return model


def sharing() -> Any:
    model, rows = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), torch.randn(5, 3)
    model[0].weight, model[1].weight = nn.Parameter(rows[:3]), nn.Parameter(rows[2:])
    return model


def not_finite() -> Any:
    model = mlp()
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
    return model


# What all of them work on.
ACCEPTED: dict[str, Callable[[], Any]] = {
    "in place": lambda: nn.Sequential(nn.ReLU(inplace=True), linear(), nn.ReLU(inplace=True), nn.Linear(2, 2)),
    "not finite": not_finite,
    "exported": exported,
    "a graph": lambda: torch.fx.symbolic_trace(mlp()),
    "a scalar": returning(lambda y: y.sum()),
    "a number of no axes": lambda: Model(lambda model, y: model.linear(y) * model.c, c=nn.Parameter(torch.tensor(2.0))),
    "no elements": lambda: Model(lambda model, y: model.linear(y), empty=nn.Parameter(torch.zeros(0, 3))),
    "numbers of a byte": lambda: Model(
        lambda model, y: model.linear(y), codes=nn.Parameter(torch.ones(8).to(torch.float8_e4m3fn), requires_grad=False)
    ),
    "whole numbers that are frozen": lambda: Model(
        lambda model, y: model.linear(y), codes=nn.Parameter(torch.ones(8, dtype=torch.int8), requires_grad=False)
    ),
    "an optimizer and a generator": lambda: Model(
        lambda model, y: model.linear(y) + torch.randn(4, 2, generator=model.generator),
        generator=torch.Generator(),
        optimizer=torch.optim.Adam([nn.Parameter(torch.ones(2))]),
    ),
    "DataParallel": lambda: nn.DataParallel(mlp()),
    "checkpoints": lambda: Checkpointed(reentrant=False),
    "reentrant checkpoints": lambda: Checkpointed(reentrant=True),
    "transformed": lambda: Model(slopes, inner=nn.Linear(3, 1)),
    "an ensemble": lambda: Model(
        ensemble, weights=nn.Parameter(torch.randn(3, 2, 3)), biases=nn.Parameter(torch.zeros(3, 2))
    ),
    "a step inside": lambda: Model(trained_twice),
    "observed for quantization": observed,
    "pruned": pruned,
    "weight norm of old": lambda: nn.utils.weight_norm(linear()),
    "memory shared by views": sharing,
    "a sparse buffer": lambda: nn.Sequential(mlp(), Adjacency()),
    "layers in a list": lambda: Model(lambda model, y: model.more[0](model.linear(y)), more=[nn.BatchNorm1d(2)]),
}


class Adjacency(nn.Module):
    """Multiplies with a sparse matrix that it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(2).to_sparse())

    def forward(self, y: Any) -> Any:
        self.matrix.mul_(2)
        return torch.sparse.mm(self.matrix, y.t()).t()


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "check": lambda model: check(model, x()),
    "identify": identify,
    "initialize": initialize,
}


def numbers(model: Any) -> dict[str, Any]:
    """Return a copy of all that a model holds of what can be compared."""
    if not isinstance(model, nn.Module):
        return {}
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    plain = {
        name: one.detach().to_dense() if one.is_sparse else one.detach()
        for name, one in held.items()
        if not (one.is_meta or one.is_quantized or isinstance(one, Wrapped) or torch.nn.parameter.is_lazy(one))
    }
    return {name: (copy.deepcopy(one), held[name].grad) for name, one in plain.items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        bits(values) == bits(other[name][0]) and gradient is other[name][1] for name, (values, gradient) in one.items()
    )


def bits(tensor: Any) -> bytes:
    return tensor.flatten().contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def refusal(function: str, model: Any) -> str:
    before = numbers(model)
    frames = sys.getrecursionlimit()
    with pytest.raises(FirstdrawError) as caught:
        FUNCTIONS[function](model)
    assert same(numbers(model), before)
    assert sys.getrecursionlimit() == frames
    said = str(caught.value)
    assert "\n" not in said
    assert "0x" not in said
    return said


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", REFUSED_BY_ALL)
def test_what_no_function_can_work_on_is_refused_with_the_same_sentence(name: str, function: str) -> None:
    make, sentence = REFUSED_BY_ALL[name]
    assert refusal(function, make()) == sentence


@pytest.mark.parametrize("name", REFUSED_BY_SOME)
def test_what_one_cannot_work_on_is_refused_by_it_alone(name: str) -> None:
    make, sentences = REFUSED_BY_SOME[name]
    for function, call in FUNCTIONS.items():
        if function in sentences:
            assert sentences[function] in refusal(function, make())
        elif not (name == "too deep a nest" and function != "check"):
            call(make())


@pytest.mark.parametrize("name", ACCEPTED)
def test_odd_models_are_worked_on_and_left(name: str) -> None:
    for function, call in FUNCTIONS.items():
        model = ACCEPTED[name]()
        before = numbers(model)
        call(model)
        assert function == "initialize" or same(numbers(model), before)


def runs(model: Any) -> bool:
    try:
        model(x())
    except RecursionError:
        return False
    return True


def test_hooks_leave_room_for_what_is_deeply_nested() -> None:
    frames = sys.getrecursionlimit()
    deepest = next(model for levels in range(frames // 2, 0, -5) if runs(model := nested(levels)))
    assert [layer.kind for layer in check(deepest, x()).state.layers] == ["Linear"]
    assert sys.getrecursionlimit() == frames


def test_what_stops_a_program_goes_on() -> None:
    model = Model(lambda _, __: sys.exit(3))
    before = numbers(model)
    with pytest.raises(SystemExit):
        check(model, x())
    assert same(numbers(model), before)


def test_inputs_made_in_inference_mode_are_to_be_copied() -> None:
    with pytest.raises(FirstdrawError, match=r"`args\[0\]` must be made outside of inference mode; a `clone` of it is"):
        check(linear(), in_inference_mode(x))


def test_inputs_that_are_not_finite_are_findings() -> None:
    found = check(linear(), x() * torch.nan)
    assert found.findings[0].cause == "inputs not finite"
