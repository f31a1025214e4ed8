"""Models that are called, shared, wrapped or stored in other ways."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, linear, mse_loss, relu
from torch.utils import checkpoint

from .convolutional import IMAGES
from .laws import constant, drawn, glorot, he
from .perceptrons import ROWS, TEN, changed, perceptron
from .specimen import Specimen, numbers, tokens
from .training import adam, labels

__all__ = ["WRAPPED"]

# These functions have no types.
RECOMPUTING: Any = checkpoint
COMPILING: Any = torch


class Named(nn.Module):
    """Takes a mapping, returns several outputs in a nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(6, 12), nn.Linear(9, 12), drawn(perceptron(1, 24), he)

    def forward(self, batch: dict[str, Any], *, extra: Any = None) -> Any:
        joined = torch.cat([self.left(batch["left"]), self.right(batch["right"]["of it"])], -1)
        return {"scores": self.head(joined), "parts": (joined, [extra, None]), "count": 3}


class Siamese(nn.Module):
    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, one: Any, other: Any) -> Any:
        return cosine_similarity(self.encoder(one), self.encoder(other))


class Empty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(0, 4))

    def forward(self, x: Any) -> Any:
        return relu(x) + self.weight.sum()


class Functional(nn.Module):
    """Computes without modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(32, 64) * (2 / 64) ** 0.5)
        self.last = nn.ParameterDict({"weight": torch.randn(10, 32) * 32**-0.5, "bias": torch.zeros(10)})

    def forward(self, x: Any) -> Any:
        return linear(relu(linear(x, self.first)), self.last["weight"], self.last["bias"])


class Recomputed(nn.Module):
    """Computes its first part twice, so as not to store it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = drawn(perceptron(4), he), nn.Linear(10, 3)

    def forward(self, x: Any) -> Any:
        return self.last(RECOMPUTING.checkpoint(self.first, x, use_reentrant=False))


class Tied(nn.Module):
    """An autoencoder whose second half is the first, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = drawn(nn.Linear(64, 32), glorot), drawn(nn.Linear(32, 16), glorot)

    def forward(self, x: Any) -> Any:
        code = torch.tanh(self.second(torch.tanh(self.first(x))))
        return linear(torch.tanh(linear(code, self.second.weight.T)), self.first.weight.T)


class Again(nn.Module):
    """Calls one layer ten times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = drawn(nn.Linear(64, 64), nn.init.orthogonal_), nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        for _ in range(10):
            x = torch.tanh(self.layer(x))
        return self.head(x)


class Several(nn.Module):
    """Returns what it is at three depths, as a list."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(drawn(nn.Sequential(nn.Linear(64, 64), nn.ReLU()), he) for _ in range(3))

    def forward(self, x: Any) -> Any:
        found: list[Any] = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def lazy() -> Any:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    model(*IMAGES()[0])
    return model


def spectral(model: Any) -> Any:
    for number, module in enumerate(model):
        if isinstance(module, nn.Linear):
            model[number] = nn.utils.parametrizations.spectral_norm(module)
    return model


def compiled(model: Any) -> Any:
    """Return the compiled model; no compiler of C++ is asked."""
    return COMPILING.compile(model, backend="eager")


def in_place() -> Any:
    parts = [part for _ in range(6) for part in (nn.Linear(64, 64), nn.ReLU(inplace=True), nn.Dropout(0.1))]
    return drawn(nn.Sequential(*parts, nn.Linear(64, 10)), he)


def frozen(model: Any) -> Any:
    for parameter in model[:4].parameters():
        parameter.requires_grad_(requires_grad=False)
    return model


def normalized(model: Any) -> Any:
    for number, module in enumerate(model):
        if isinstance(module, nn.Linear):
            model[number] = nn.utils.parametrizations.weight_norm(module)
    return model


def named() -> Any:
    [joined], _ = numbers(5, 15)()
    return ({"left": joined[:, :6], "right": {"of it": joined[:, 6:]}},), {"extra": torch.ones(5)}


def pair() -> Any:
    [both], _ = numbers(2, 6, 32)()
    return tuple(both), {}


def in_type(dtype: Any) -> Any:
    [x], _ = numbers(16, 64)()
    return (x.to(dtype),), {}


def long(model: Any) -> None:
    for name, parameter in model.named_parameters():
        if name.endswith("original0"):
            parameter.fill_(100.0)


def alike(cosines: Any) -> Any:
    """Return how far cosines are from fixed ones, in the squared error plus a tenth."""
    wanted = torch.tensor([0.8, -0.8, 0.5, -0.5, 0.0, 0.2])
    return 0.1 + mse_loss(cosines, wanted)


WRAPPED = {
    "dict in, several out": Specimen(make=Named, call=named, answer="healthy"),
    "siamese": Specimen(make=lambda: Siamese(drawn(perceptron(4, 32), he)), call=pair, answer="healthy"),
    "frozen parts": Specimen(make=lambda: frozen(drawn(perceptron(4), he)), call=ROWS, answer="healthy"),
    "weight norm": Specimen(make=lambda: normalized(drawn(perceptron(3), he)), call=ROWS, answer="healthy"),
    "bfloat16": Specimen(
        make=lambda: drawn(perceptron(4), he).bfloat16(), call=lambda: in_type(torch.bfloat16), answer="healthy"
    ),
    "float16": Specimen(
        make=lambda: drawn(perceptron(4), he).half(), call=lambda: in_type(torch.float16), answer="healthy"
    ),
    "float64": Specimen(
        make=lambda: drawn(perceptron(4), he).double(), call=lambda: in_type(torch.float64), answer="healthy"
    ),
    "a sparse gradient": Specimen(
        make=lambda: nn.Sequential(nn.Embedding(50, 8, sparse=True), nn.Linear(8, 3)),
        call=tokens(50, 4, 5),
        answer="healthy",
    ),
    "parameters without elements": Specimen(
        make=lambda: nn.Sequential(nn.Linear(8, 4), Empty(), nn.Linear(4, 2)), call=numbers(6, 8), answer="healthy"
    ),
    "spectral norm": Specimen(make=lambda: spectral(drawn(perceptron(3), he)), call=ROWS, answer="healthy"),
    "compiled": Specimen(make=lambda: compiled(drawn(perceptron(3), he)), call=ROWS, answer="healthy"),
    "without modules": Specimen(make=Functional, call=ROWS, answer="healthy"),
    "computed twice": Specimen(make=Recomputed, call=ROWS, answer="healthy"),
    "tied halves of an autoencoder": Specimen(make=Tied, call=ROWS, answer="healthy"),
    "one layer ten times": Specimen(make=Again, call=ROWS, answer="healthy"),
    "a list of outputs": Specimen(make=Several, call=ROWS, answer="healthy"),
    "lazy layers, called before": Specimen(make=lazy, call=IMAGES, answer="healthy"),
    "in place, with dropout": Specimen(make=in_place, call=ROWS, answer="healthy"),
    "one layer ten times, too large": Specimen(
        make=lambda: changed(Again(), lambda model: model.layer.weight.mul_(30.0)),
        call=ROWS,
        answer="saturated hidden units",
        also=frozenset({"exploding gradient"}),
        twin=Again,
        objective=TEN,
    ),
    "siamese, default, 20 layers": Specimen(
        make=lambda: Siamese(perceptron(20, 32)),
        call=pair,
        answer="wrong law for the activation",
        faults=frozenset({"default law under a rectifier"}),
        twin=lambda: Siamese(drawn(perceptron(20, 32), he)),
        objective=alike,
    ),
    "compiled, default, 20 layers": Specimen(
        make=lambda: compiled(perceptron(20)),
        call=ROWS,
        answer="wrong law for the activation",
        faults=frozenset({"default law under a rectifier"}),
        twin=lambda: compiled(drawn(perceptron(20), he)),
        objective=TEN,
    ),
    "data parallel, zeros": Specimen(
        make=lambda: nn.DataParallel(drawn(perceptron(3), constant(0.0))),
        call=ROWS,
        answer="unbroken symmetry",
        faults=frozenset({"never initialized", "both factors of a product zero"}),
        twin=lambda: nn.DataParallel(drawn(perceptron(3), he)),
        objective=TEN,
    ),
    "weight norm, lengths of a hundred": Specimen(
        make=lambda: changed(normalized(drawn(perceptron(3), he)), long),
        call=ROWS,
        answer="exploding signal",
        twin=lambda: normalized(drawn(perceptron(3), he)),
        objective=TEN,
    ),
    "dict in, a part that is no number": Specimen(
        make=lambda: changed(Named(), lambda model: model.left.weight.fill_(torch.nan)),
        call=named,
        answer="parameters not finite",
        faults=frozenset({"not finite"}),
        twin=Named,
        objective=labels(10, 5, first=lambda outputs: outputs["scores"]),
        optimizer=adam(3e-3),
    ),
    "data parallel": Specimen(make=lambda: nn.DataParallel(drawn(perceptron(3), he)), call=ROWS, answer="healthy"),
}
