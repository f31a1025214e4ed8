"""Transformers, our own and PyTorch's."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention, silu

from .laws import constant, drawn, normal
from .perceptrons import changed
from .residual import Multiplied, Residual
from .specimen import Specimen, numbers, tokens
from .training import adam, labels, of_classes

__all__ = ["TRANSFORMERS", "Attention", "Language"]

TEXT = tokens(101, 4, 12)
SEQUENCES = numbers(4, 7, 32)
# These functions have no types.
TRANSFORMS: Any = torch.fft


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        split = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)]
        return self.projection(scaled_dot_product_attention(*split, is_causal=self.causal).transpose(1, 2).flatten(2))


class GatedLinear(nn.Module):
    """Two layers side by side, one the gate of the other, and one behind them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Any) -> Any:
        return self.down(silu(self.gate(x)) * self.up(x))


class Language(nn.Module):
    """A pre-norm transformer as GPT-2 is one, from tokens to scores, drawn as GPT-2 is."""

    def __init__(self, width: int = 64, depth: int = 4, *, std: float = 0.02, embedding_std: float = 0.02) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(101, width), nn.Embedding(16, width)
        self.blocks = nn.Sequential()
        for _ in range(depth):
            layers = (nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
            self.blocks.append(Residual(nn.Sequential(nn.LayerNorm(width), Attention(width, 4, causal=True))))
            self.blocks.append(Residual(nn.Sequential(nn.LayerNorm(width), *layers)))
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, 101, bias=False)
        drawn(self, normal(std))
        for embedding in (self.tokens, self.places):
            nn.init.normal_(embedding.weight, std=embedding_std)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Any, scale: float = 1.0) -> Any:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return scale * self.head(self.last(self.blocks(x)))


def blocks(around: Any, norm: Any, feed_forward: Any, depth: int = 4, width: int = 32) -> Any:
    """Return pre-norm blocks over vectors, with a normalization and a layer of scores behind."""
    made: list[Any] = []
    for _ in range(depth):
        made.append(around(nn.Sequential(norm(width), Attention(width, 4))))
        made.append(around(nn.Sequential(norm(width), feed_forward(width, 3 * width))))
    return nn.Sequential(*made, norm(width), nn.Linear(width, 10))


def two_layers(width: int, hidden: int) -> Any:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


def post_norm(depth: int = 4, width: int = 32) -> Any:
    made: list[Any] = []
    for _ in range(depth):
        made.append(Residual(Attention(width, 4), nn.LayerNorm(width)))
        made.append(Residual(two_layers(width, 2 * width), nn.LayerNorm(width)))
    return nn.Sequential(*made, nn.Linear(width, 10))


class Mixer(nn.Module):
    """Mixes places and features in turn, each with a branch of its own."""

    def __init__(self, places: int = 7, width: int = 32) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.across, self.along = two_layers(places, 2 * places), two_layers(width, 2 * width)

    def forward(self, x: Any) -> Any:
        x = x + self.across(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.along(self.second(x))


class Fourier(nn.Module):
    """Mixes places and features by the real part of their Fourier transform, scaled to keep their size."""

    def forward(self, x: Any) -> Any:
        return TRANSFORMS.fft2(x, norm="ortho").real


def fourier(depth: int = 3, width: int = 32) -> Any:
    made: list[Any] = []
    for _ in range(depth):
        made.append(Residual(Fourier(), nn.LayerNorm(width)))
        made.append(Residual(two_layers(width, 2 * width), nn.LayerNorm(width)))
    return nn.Sequential(*made, nn.Linear(width, 10))


class Patches(nn.Module):
    """A transformer of images, in patches behind a learned token."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token, self.places = (nn.Parameter(0.02 * torch.randn(1, n, width)) for n in (1, 5))
        self.blocks = blocks(Residual, nn.LayerNorm, two_layers, 2, width)

    def forward(self, images: Any) -> Any:
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        return self.blocks(x)[:, 0]


class Attentive(nn.Module):
    """Attention alone, with queries, keys and values apart, and no way around it."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.query, self.key, self.value, self.last = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        return self.last(scaled_dot_product_attention(self.query(x), self.key(x), self.value(x)))


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(32, 4, batch_first=True), nn.Linear(32, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.attention(x, x, x, need_weights=False)[0])


def encoder(depth: int = 4, *, pre_norm: bool = False, batch_first: bool = True) -> Any:
    """Return PyTorch's encoder, whose layers are copies of one, each drawn anew."""
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=batch_first, norm_first=pre_norm)
    model = nn.TransformerEncoder(layer, depth, nn.LayerNorm(32) if pre_norm else None)
    return drawn_anew(model)


def drawn_anew(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            nn.init.xavier_uniform_(module.in_proj_weight)
        elif isinstance(module, nn.Linear):
            module.reset_parameters()
    return model


def copies() -> Any:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 4)


def both_stacks() -> Any:
    return drawn_anew(nn.Transformer(32, 4, 2, 2, 64, batch_first=True))


def source_and_target() -> Any:
    [both], _ = numbers(2, 4, 7, 32)()
    return tuple(both), {}


def zero_matrices(model: Any) -> None:
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.zero_()


def swiglu() -> Any:
    return drawn(blocks(Residual, nn.RMSNorm, GatedLinear), normal(0.1))


TRANSFORMERS = {
    "transformer, pre-norm": Specimen(make=Language, call=TEXT, answer="healthy"),
    "transformer, post-norm": Specimen(make=lambda: drawn(post_norm(), normal(0.1)), call=SEQUENCES, answer="healthy"),
    "transformer, RMS norm and SwiGLU": Specimen(make=swiglu, call=SEQUENCES, answer="healthy"),
    "transformer, ReZero": Specimen(
        make=lambda: blocks(Multiplied, nn.Identity, two_layers), call=SEQUENCES, answer="healthy"
    ),
    "transformer of images": Specimen(make=Patches, call=numbers(4, 3, 8, 8), answer="healthy"),
    "mixer": Specimen(
        make=lambda: nn.Sequential(Mixer(), Mixer(), nn.LayerNorm(32), nn.Linear(32, 10)),
        call=SEQUENCES,
        answer="healthy",
    ),
    "Fourier transforms for attention": Specimen(make=fourier, call=SEQUENCES, answer="healthy"),
    "attention without a way around it": Specimen(make=Attentive, call=SEQUENCES, answer="healthy"),
    "attention of torch alone": Specimen(make=SelfAttention, call=SEQUENCES, answer="healthy"),
    "transformer of torch, post-norm": Specimen(make=encoder, call=SEQUENCES, answer="healthy"),
    "transformer of torch, pre-norm": Specimen(make=lambda: encoder(pre_norm=True), call=SEQUENCES, answer="healthy"),
    "transformer of torch, both stacks": Specimen(make=both_stacks, call=source_and_target, answer="healthy"),
    "transformer, examples second": Specimen(
        make=lambda: encoder(2, batch_first=False), call=numbers(7, 4, 32), answer="healthy"
    ),
    # Its layers learn all the same, each from a gradient of its own.
    "transformer of torch, copies of one layer": Specimen(
        make=copies, call=SEQUENCES, answer="healthy", faults=frozenset({"identical layers"})
    ),
    "embeddings of order 1, tied to the head": Specimen(
        make=lambda: Language(256, 1, embedding_std=1.0),
        call=tokens(101, 2, 16),
        answer="high initial cost",
        options={"loss": of_classes, "targets": torch.zeros(2, 16).long()},
        faults=frozenset({"embedding of unit variance"}),
        twin=lambda: Language(256, 1),
        objective=labels(101, 2, 16),
    ),
    # A branch returns 64 x 256 x 0.4 times the second moment that a normalization gives it, and eight are summed.
    "transformer, std 1": Specimen(
        make=lambda: Language(std=1.0, embedding_std=0.02),
        call=TEXT,
        answer="exploding signal",
        twin=Language,
        objective=labels(101, 4, 12),
    ),
    "transformer, zeros": Specimen(
        make=lambda: Language(std=0.0),
        call=TEXT,
        answer="unbroken symmetry",
        faults=frozenset({"both factors of a product zero"}),
        twin=Language,
        objective=labels(101, 4, 12),
    ),
    "transformer of torch, zeros": Specimen(
        make=lambda: changed(encoder(2), zero_matrices),
        call=SEQUENCES,
        answer="unbroken symmetry",
        faults=frozenset({"both factors of a product zero", "never initialized"}),
        twin=lambda: encoder(2),
        objective=labels(32, 4, 7),
        optimizer=adam(3e-3),
    ),
    "transformer of images, a constant": Specimen(
        make=lambda: drawn(Patches(), constant(0.02)),
        call=numbers(4, 3, 8, 8),
        answer="unbroken symmetry",
        twin=Patches,
        objective=labels(10, 4),
    ),
}
