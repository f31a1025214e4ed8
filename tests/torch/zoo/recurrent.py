"""Recurrent networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .perceptrons import changed
from .specimen import Specimen, numbers, tokens
from .training import adam, labels

__all__ = ["RECURRENT"]

WORDS = tokens(31, 4, 9)
SERIES = numbers(6, 16, 8)


class Recurrent(nn.Module):
    def __init__(self, kind: Any, *, batch_first: bool = True, bidirectional: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(31, 24)
        self.recurrent = kind(24, 32, 2, batch_first=batch_first, bidirectional=bidirectional)
        self.head = nn.Linear(32 * (1 + bidirectional), 31)

    def forward(self, tokens: Any) -> Any:
        y, _ = self.recurrent(self.embedding(tokens))
        return self.head(y)


class Unrolled(nn.Module):
    """A cell that is called at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(8, 16), nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        h = torch.zeros(len(x), 16)
        for step in x.unbind(1):
            h = self.cell(step, h)
        return self.head(h)


class Packed(nn.Module):
    """Sentences of several lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.recurrent = nn.Embedding(31, 16), nn.GRU(16, 24, batch_first=True)
        self.head = nn.Linear(24, 5)

    def forward(self, tokens: Any) -> Any:
        packed = pack_padded_sequence(self.embedding(tokens), torch.tensor([9, 7, 4, 2]), batch_first=True)
        y, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        return self.head(y.mean(1))


class Series(nn.Module):
    """A rectified recurrence over a series, of which the last state counts."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.recurrent, self.head = nn.RNN(8, 32, nonlinearity="relu", batch_first=True), nn.Linear(32, 3)
        weight: Any = self.recurrent.weight_hh_l0
        weight.data = factor * torch.eye(32)

    def forward(self, x: Any) -> Any:
        return self.head(self.recurrent(x)[0][:, -1])


class Cell(nn.Module):
    """An LSTM's cell of modules, at every step of a series."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.gates, self.candidate = nn.Linear(8 + width, 3 * width), nn.Linear(8 + width, width)
        self.sigmoid, self.tanh, self.head, self.width = nn.Sigmoid(), nn.Tanh(), nn.Linear(width, 3), width

    def forward(self, x: Any) -> Any:
        h = c = torch.zeros(len(x), self.width)
        for step in x.unbind(1):
            given = torch.cat([step, h], 1)
            keep, take, show = self.sigmoid(self.gates(given)).chunk(3, 1)
            c = keep * c + take * self.tanh(self.candidate(given))
            h = show * torch.tanh(c)
        return self.head(h)


class Translator(nn.Module):
    """Reads a sentence, and writes another while it looks at the first."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(31, 24)
        self.reads, self.writes = (nn.GRU(24, 24, batch_first=True) for _ in range(2))
        self.looks, self.head = nn.MultiheadAttention(24, 2, batch_first=True), nn.Linear(48, 31)

    def forward(self, given: Any, wanted: Any) -> Any:
        read, state = self.reads(self.embedding(given))
        written, _ = self.writes(self.embedding(wanted), state)
        seen, _ = self.looks(written, read, read, need_weights=False)
        return self.head(torch.cat([written, seen], -1))


def sentences() -> Any:
    [both], _ = tokens(31, 2, 4, 9)()
    return tuple(both), {}


def large_gates(model: Any) -> None:
    model.gates.weight.normal_(std=5.0)


def shut(model: Any) -> None:
    """Close the input gates of an LSTM, the first of the four."""
    for name, parameter in model.recurrent.named_parameters():
        if name.startswith("bias_ih"):
            parameter[:32] = -20.0


def zero(model: Any) -> None:
    for parameter in model.recurrent.parameters():
        parameter.zero_()


RECURRENT = {
    "LSTM": Specimen(make=lambda: Recurrent(nn.LSTM), call=WORDS, answer="healthy"),
    "GRU, examples second": Specimen(
        make=lambda: Recurrent(nn.GRU, batch_first=False), call=tokens(31, 9, 4), answer="healthy"
    ),
    "RNN of tanh": Specimen(make=lambda: Recurrent(nn.RNN), call=WORDS, answer="healthy"),
    "LSTM in both directions": Specimen(
        make=lambda: Recurrent(nn.LSTM, bidirectional=True), call=WORDS, answer="healthy"
    ),
    "a cell called at every step": Specimen(make=Unrolled, call=numbers(6, 5, 8), answer="healthy"),
    "an LSTM's cell of modules": Specimen(make=Cell, call=SERIES, answer="healthy"),
    "sentences of several lengths": Specimen(make=Packed, call=WORDS, answer="healthy"),
    "rectified recurrence, identity": Specimen(make=lambda: Series(1.0), call=SERIES, answer="healthy"),
    "translator with attention": Specimen(make=Translator, call=sentences, answer="healthy"),
    # 2^15 behind sixteen steps.
    "rectified recurrence, twice the identity": Specimen(
        make=lambda: Series(2.0),
        call=SERIES,
        answer="exploding signal",
        twin=lambda: Series(1.0),
        objective=labels(3, 6),
    ),
    "an LSTM's cell, saturated gates": Specimen(
        make=lambda: changed(Cell(), large_gates),
        call=SERIES,
        answer="saturated hidden units",
        twin=Cell,
        objective=labels(3, 6),
        optimizer=adam(1e-2),
    ),
    "LSTM, input gates shut": Specimen(
        make=lambda: changed(Recurrent(nn.LSTM), shut),
        call=WORDS,
        answer="vanishing signal",
        twin=lambda: Recurrent(nn.LSTM),
        objective=labels(31, 4, 9),
        optimizer=adam(1e-2),
    ),
    "GRU, zeros": Specimen(
        make=lambda: changed(Recurrent(nn.GRU), zero),
        call=WORDS,
        answer="unbroken symmetry",
        twin=lambda: Recurrent(nn.GRU),
        objective=labels(31, 4, 9),
        optimizer=adam(1e-2),
    ),
}
