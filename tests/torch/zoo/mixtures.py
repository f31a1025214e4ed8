"""Networks whose parts are chosen, adapted or looked up: experts, adapters, tables, graphs and towers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from .laws import constant, drawn, glorot, he
from .perceptrons import ROWS, TEN, changed
from .specimen import Specimen, numbers, tokens
from .training import adam

__all__ = ["MIXTURES"]


class Experts(nn.Module):
    """A router that sends each example to the likeliest of several networks, and weighs what they return."""

    def __init__(self, count: int = 4, width: int = 64, chosen: int = 2) -> None:
        super().__init__()
        self.router, self.chosen = nn.Linear(width, count), chosen
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)) for _ in range(count)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Any) -> Any:
        weights, places = self.router(x).softmax(-1).topk(self.chosen)
        y = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows, slots = torch.where(places == number)
            if len(rows):
                y = y.index_add(0, rows, weights[rows, slots, None] * expert(x[rows]))
        return self.head(y)


def one_for_all(model: Any) -> None:
    model.router.bias[0] = 100.0


class Adapted(nn.Module):
    """A frozen layer, and a product of two narrow ones that is added to it."""

    def __init__(self, width: int = 64, rank: int = 4, *, zeros: bool = False) -> None:
        super().__init__()
        self.base = drawn(nn.Linear(width, width), he).requires_grad_(requires_grad=False)
        self.down, self.up = nn.Linear(width, rank, bias=False), nn.Linear(rank, width, bias=False)
        nn.init.zeros_(self.up.weight)
        if zeros:
            nn.init.zeros_(self.down.weight)

    def forward(self, x: Any) -> Any:
        return self.base(x) + self.up(self.down(x))


def adapted(*, zeros: bool = False) -> Any:
    layers = [part for _ in range(3) for part in (Adapted(zeros=zeros), nn.ReLU())]
    return nn.Sequential(*layers, drawn(nn.Linear(64, 10), he).requires_grad_(requires_grad=False))


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bag, self.hidden, self.head = nn.EmbeddingBag(50, 16), nn.Linear(16, 32), nn.Linear(32, 5)

    def forward(self, tokens: Any) -> Any:
        return self.head(torch.relu(self.hidden(self.bag(tokens))))


class Towers(nn.Module):
    """Users and things, each with a table and a network, and how near one is to the other."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.users, self.things = nn.Embedding(40, width), nn.Embedding(60, width)
        self.user, self.thing = (
            drawn(nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)), he)
            for _ in range(2)
        )

    def forward(self, users: Any, things: Any) -> Any:
        return (self.user(self.users(users)) * self.thing(self.things(things))).sum(-1)


class OverEdges(nn.Module):
    """A layer of each node's features, averaged over the node and its neighbors on a ring."""

    def __init__(self, n: int, m: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n, m)

    def forward(self, x: Any) -> Any:
        return self.linear((x + x.roll(1, 0) + x.roll(-1, 0)) / 3)


def graph(depth: int, width: int = 64, law: Any = glorot) -> Any:
    layers = [part for _ in range(depth) for part in (OverEdges(width, width), nn.ReLU())]
    return drawn(nn.Sequential(*layers, nn.Linear(width, 10)), law)


class Actor(nn.Module):
    """One stem, and two heads of different sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = drawn(
            nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()), nn.init.orthogonal_
        )
        self.policy, self.value = nn.Linear(64, 6), nn.Linear(64, 1)
        nn.init.orthogonal_(self.policy.weight, gain=0.01)

    def forward(self, x: Any) -> Any:
        y = self.stem(x)
        return self.policy(y), self.value(y).squeeze(-1)


class Cut(nn.Module):
    """Lets no gradient through to its first part."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, x: Any) -> Any:
        return self.last(torch.tanh(self.first(x)).detach())


def with_a_constant(model: Any) -> Any:
    drawn(model.user, constant(0.1))
    return model


def nearness(scores: Any) -> Any:
    """Return the cross-entropy of being near or not, nine times of ten as a coin says that was tossed before."""
    near = torch.rand(24, generator=torch.Generator().manual_seed(1)).round() * 0.8 + 0.1
    return binary_cross_entropy_with_logits(scores, near)


def users_and_things() -> Any:
    [users], _ = tokens(40, 24)()
    return (users, users + 7), {}


MIXTURES = {
    "mixture of experts": Specimen(make=lambda: drawn(Experts(), he), call=ROWS, answer="healthy"),
    "adapters with a factor of 0": Specimen(make=adapted, call=ROWS, answer="healthy"),
    "a bag of embeddings": Specimen(make=Bag, call=tokens(50, 6, 8), answer="healthy"),
    "two towers": Specimen(make=Towers, call=users_and_things, answer="healthy"),
    "graph, 2 layers": Specimen(make=lambda: graph(2), call=numbers(20, 64), answer="healthy"),
    "actor and critic": Specimen(make=Actor, call=ROWS, answer="healthy"),
    # Of the likeliest one alone the others get nothing.
    "mixture of experts, one for all": Specimen(
        make=lambda: changed(drawn(Experts(chosen=1), he), one_for_all),
        call=ROWS,
        answer="no gradient at the start",
        twin=lambda: drawn(Experts(chosen=1), he),
        objective=TEN,
    ),
    "adapters with both factors 0": Specimen(
        make=lambda: adapted(zeros=True),
        call=ROWS,
        answer="unbroken symmetry",
        faults=frozenset({"both factors of a product zero"}),
        twin=adapted,
        objective=TEN,
        optimizer=adam(1e-2),
    ),
    # Each mean over neighbors makes all nodes more alike, whatever the weights are.
    "graph, 30 layers": Specimen(
        make=lambda: graph(30, law=he), call=numbers(8, 64), answer="collapse to one correlation"
    ),
    "a gradient cut off": Specimen(make=Cut, call=ROWS, answer="no gradient at the start"),
    "two towers, a constant": Specimen(
        make=lambda: with_a_constant(Towers()),
        call=users_and_things,
        answer="unbroken symmetry",
        twin=Towers,
        objective=nearness,
    ),
}
