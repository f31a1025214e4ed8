"""Models with a known answer: the sick ones are found to be so, the healthy ones are left in peace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from firstdraw.torch import check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
functional: Any = nn.functional


@dataclass(frozen=True)
class Specimen:
    """A model, how it is called, and the root that is to be found; "healthy" for none."""

    make: Callable[[], Any]
    call: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]
    answer: str
    also: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)


def perceptron(depth: int, width: int = 64, activation: Any = nn.ReLU) -> Any:
    parts = [part for _ in range(depth) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(*parts, nn.Linear(width, 10))


def drawn(model: Any, law: Callable[[Any], Any]) -> Any:
    """Return the model with its matrices and kernels drawn by a law, and biases of 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
            law(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def he(weight: Any) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def convolutional(depth: int, channels: int = 16) -> Any:
    parts = [
        part for _ in range(depth) for part in (nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True))
    ]
    first = (nn.Conv2d(3, channels, 3, padding=1), nn.ReLU(inplace=True))
    return nn.Sequential(*first, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Residual(nn.Module):
    def __init__(self, inner: Any, after: Any = None) -> None:
        super().__init__()
        self.inner, self.after = inner, after or nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.after(x + self.inner(x))


def residual_network(*, zero_last: bool = False, blocks: int = 8, channels: int = 16) -> Any:
    def convolution() -> list[Any]:
        return [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]

    made = [Residual(nn.Sequential(*convolution(), nn.ReLU(), *convolution()), nn.ReLU()) for _ in range(blocks)]
    if zero_last:
        for block in made:
            nn.init.zeros_(block.inner[-1].weight)
    stem = (nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
    return nn.Sequential(*stem, *made, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.projection = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        split = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)]
        return self.projection(
            functional.scaled_dot_product_attention(*split, is_causal=True).transpose(1, 2).flatten(2)
        )


class Language(nn.Module):
    """A pre-norm transformer as GPT-2 is one, from tokens to scores, drawn as GPT-2 is."""

    def __init__(self, width: int = 64, depth: int = 6, *, embedding_std: float = 0.02) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(101, width), nn.Embedding(16, width)
        self.blocks = nn.Sequential()
        for _ in range(depth):
            layers = (nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
            self.blocks.append(Residual(nn.Sequential(nn.LayerNorm(width), Attention(width, 4))))
            self.blocks.append(Residual(nn.Sequential(nn.LayerNorm(width), *layers)))
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, 101, bias=False)
        drawn(self, lambda weight: nn.init.normal_(weight, std=0.02))
        for embedding in (self.tokens, self.places):
            nn.init.normal_(embedding.weight, std=embedding_std)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Any, scale: float = 1.0) -> Any:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return scale * self.head(self.last(self.blocks(x)))


class Recurrent(nn.Module):
    def __init__(self, kind: Any, *, batch_first: bool = True) -> None:
        super().__init__()
        self.embedding, self.recurrent = nn.Embedding(31, 24), kind(24, 32, 2, batch_first=batch_first)
        self.head = nn.Linear(32, 31)

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


class Named(nn.Module):
    """Takes a mapping, returns several outputs in a nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(6, 12), nn.Linear(9, 12), drawn(perceptron(1, 24), he)

    def forward(self, batch: dict[str, Any], *, extra: Any = None) -> Any:
        joined = torch.cat([self.left(batch["left"]), self.right(batch["right"]["of it"])], -1)
        return {"scores": self.head(joined), "parts": (joined, [extra, None]), "count": 3}


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = drawn(perceptron(4, 32), he)

    def forward(self, one: Any, other: Any) -> Any:
        return functional.cosine_similarity(self.encoder(one), self.encoder(other))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        return self.used(x)


class Empty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(0, 4))

    def forward(self, x: Any) -> Any:
        return functional.relu(x) + self.weight.sum()


class Overflowing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.log, self.last = nn.Linear(8, 8), Logarithm(), nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return self.last(self.log(self.first(x)))


class Logarithm(nn.Module):
    def forward(self, x: Any) -> Any:
        return (x - x.detach()).log()


class Multiplied(nn.Module):
    """A residual branch with a multiplier that starts from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.alpha = (
            nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16)),
            nn.Parameter(torch.zeros(1)),
        )

    def forward(self, x: Any) -> Any:
        return x + self.alpha * self.inner(x)


def frozen(model: Any) -> Any:
    for parameter in model[:4].parameters():
        parameter.requires_grad_(False)
    return model


def normalized(model: Any) -> Any:
    for number, module in enumerate(model):
        if isinstance(module, nn.Linear):
            model[number] = nn.utils.parametrizations.weight_norm(module)
    return model


def broken_weight(model: Any) -> Any:
    with torch.no_grad():
        model[2].weight[0, 0] = torch.inf
    return model


def constant(value: float) -> Callable[[Any], Any]:
    return lambda weight: nn.init.constant_(weight, value)


def numbers(*shape: int, scale: float = 1.0) -> Callable[[], Any]:
    return lambda: ((torch.randn(shape) * scale,), {})


def tokens(vocabulary: int, *shape: int) -> Callable[[], Any]:
    return lambda: ((torch.randint(vocabulary, shape),), {})


def named() -> Any:
    return ({"left": torch.randn(5, 6), "right": {"of it": torch.randn(5, 9)}},), {"extra": torch.ones(5)}


def with_nan() -> Any:
    x = torch.randn(16, 64)
    x[3, 5] = torch.nan
    return (x,), {}


IMAGES = numbers(8, 3, 12, 12)
ROWS = numbers(32, 64)

ZOO = {
    # Healthy.
    "He, 20 layers": Specimen(lambda: drawn(perceptron(20), he), ROWS, "healthy"),
    "default, 3 layers": Specimen(lambda: perceptron(3), ROWS, "healthy"),
    "Glorot under tanh": Specimen(
        lambda: drawn(perceptron(8, activation=nn.Tanh), nn.init.xavier_normal_), ROWS, "healthy"
    ),
    "plain CNN, He, 30 layers": Specimen(lambda: drawn(convolutional(30), he), IMAGES, "healthy"),
    "ResNet with batch norm": Specimen(residual_network, IMAGES, "healthy"),
    "the same, evaluated": Specimen(lambda: residual_network().eval(), IMAGES, "healthy"),
    "ResNet, last scale of 0": Specimen(lambda: residual_network(zero_last=True), IMAGES, "healthy"),
    "transformer, pre-norm": Specimen(Language, tokens(101, 4, 16), "healthy"),
    "transformer of torch, post-norm": Specimen(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 4),
        numbers(4, 7, 32),
        "healthy",
    ),
    "transformer, examples second": Specimen(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64), 2), numbers(7, 4, 32), "healthy"
    ),
    "LSTM": Specimen(lambda: Recurrent(nn.LSTM), tokens(31, 4, 9), "healthy"),
    "GRU, examples second": Specimen(lambda: Recurrent(nn.GRU, batch_first=False), tokens(31, 9, 4), "healthy"),
    "a cell called at every step": Specimen(Unrolled, numbers(6, 5, 8), "healthy"),
    "dict in, several out": Specimen(Named, named, "healthy"),
    "siamese": Specimen(Siamese, lambda: ((torch.randn(6, 32), torch.randn(6, 32)), {}), "healthy"),
    "frozen parts": Specimen(lambda: frozen(drawn(perceptron(4), he)), ROWS, "healthy"),
    "weight norm": Specimen(lambda: normalized(drawn(perceptron(3), he)), ROWS, "healthy"),
    "bfloat16": Specimen(
        lambda: drawn(perceptron(4), he).bfloat16(), lambda: ((torch.randn(16, 64).bfloat16(),), {}), "healthy"
    ),
    "float16": Specimen(
        lambda: drawn(perceptron(4), he).half(), lambda: ((torch.randn(16, 64).half(),), {}), "healthy"
    ),
    "a sparse gradient": Specimen(
        lambda: nn.Sequential(nn.Embedding(50, 8, sparse=True), nn.Linear(8, 3)), tokens(50, 4, 5), "healthy"
    ),
    "parameters without elements": Specimen(
        lambda: nn.Sequential(nn.Linear(8, 4), Empty(), nn.Linear(4, 2)), numbers(6, 8), "healthy"
    ),
    "float64": Specimen(
        lambda: drawn(perceptron(4), he).double(), lambda: ((torch.randn(16, 64).double(),), {}), "healthy"
    ),
    "a multiplier of 0": Specimen(
        lambda: nn.Sequential(nn.Linear(8, 16), Multiplied(), nn.Linear(16, 3)), numbers(9, 8), "healthy"
    ),
    "a last layer of 0": Specimen(
        lambda: (model := drawn(perceptron(3), he), nn.init.zeros_(model[-1].weight))[0], ROWS, "healthy"
    ),
    "one example": Specimen(lambda: drawn(perceptron(3), he), numbers(1, 64), "healthy"),
    "U-Net's transposed convolution": Specimen(
        lambda: drawn(nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1)), he),
        IMAGES,
        "healthy",
    ),
    "data parallel": Specimen(lambda: nn.DataParallel(drawn(perceptron(3), he)), ROWS, "healthy"),
    # Sick.
    "default, 20 layers": Specimen(
        lambda: perceptron(20), ROWS, "wrong law for the activation", frozenset({"vanishing gradient"})
    ),
    "plain CNN, default, 30 layers": Specimen(
        lambda: convolutional(30), IMAGES, "wrong law for the activation", frozenset({"vanishing gradient"})
    ),
    "weights ten times too large": Specimen(
        lambda: drawn(perceptron(6), nn.init.normal_),
        ROWS,
        "wrong law for the activation",
        frozenset({"exploding signal"}),
    ),
    "std 0.01, a linear stack": Specimen(
        lambda: drawn(nn.Sequential(*(nn.Linear(64, 64) for _ in range(5))), lambda w: nn.init.normal_(w, std=0.01)),
        ROWS,
        "vanishing signal",
        frozenset({"vanishing gradient"}),
    ),
    "constants": Specimen(lambda: drawn(perceptron(2), constant(0.05)), ROWS, "unbroken symmetry"),
    "zeros": Specimen(lambda: drawn(perceptron(2), constant(0.0)), ROWS, "unbroken symmetry"),
    "saturated": Specimen(
        lambda: drawn(perceptron(3, activation=nn.Tanh), lambda w: nn.init.normal_(w, std=1.0)),
        ROWS,
        "saturated hidden units",
    ),
    "born dead": Specimen(
        lambda: (model := drawn(perceptron(3), he), nn.init.constant_(model[2].bias, -99.0))[0],
        ROWS,
        "born-dead network",
    ),
    "an infinite weight": Specimen(lambda: broken_weight(perceptron(3)), ROWS, "parameters not finite"),
    "nan among the inputs": Specimen(lambda: drawn(perceptron(3), he), with_nan, "inputs not finite"),
    "a logarithm of 0": Specimen(Overflowing, numbers(5, 8), "exploding signal"),
    "pixels of 0 to 255": Specimen(
        lambda: drawn(convolutional(3), he),
        lambda: ((torch.randint(256, (8, 3, 12, 12)).float(),), {}),
        "unscaled inputs",
    ),
    "one example many times": Specimen(
        lambda: drawn(perceptron(3), he), lambda: ((torch.randn(1, 64).expand(8, 64),), {}), "constant inputs"
    ),
    "a layer that is not used": Specimen(Unused, numbers(5, 8), "no gradient at the start"),
    "targets of a thousand": Specimen(
        lambda: drawn(perceptron(3), he),
        ROWS,
        "high initial cost",
        options={"loss": functional.mse_loss, "targets": torch.full((32, 10), 1000.0) + torch.randn(32, 10)},
    ),
    "embeddings of order 1, tied to the head": Specimen(
        lambda: Language(256, 2, embedding_std=1.0),
        tokens(101, 4, 16),
        "high initial cost",
        options={
            "loss": lambda y, t: functional.cross_entropy(y.flatten(0, 1), t.flatten()),
            "targets": torch.zeros(4, 16).long(),
        },
    ),
}


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.filterwarnings("ignore:.*nested_tensor.*:UserWarning")
def test_the_answer_is_known(name: str) -> None:
    specimen = ZOO[name]
    torch.manual_seed(0)
    args, kwargs = specimen.call()
    found = check(specimen.make(), *args, **kwargs, **specimen.options)
    causes = [finding.cause for finding in found.findings]
    assert causes[0] == specimen.answer, found
    assert found.healthy == (specimen.answer == "healthy")
    assert specimen.also <= set(causes)
    assert all(finding.sentence and finding.remedy for finding in found.findings)


def test_the_zoo_has_as_many_healthy_models_as_sick_ones_or_more() -> None:
    healthy = sum(specimen.answer == "healthy" for specimen in ZOO.values())
    assert 2 * healthy >= len(ZOO) >= 40
