"""Models that are known to keep their size and learn, and those that are not: what is said of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstdraw.torch import CoordinateCheck, coordinate_check

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
cross_entropy: Any = nn.functional.cross_entropy

WIDTHS = [64, 128, 256, 512]
BASE = 64


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def batch() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(128, 32, generator=generator), torch.randint(0, 10, (128,), generator=generator)


def perceptron(stds: Callable[[int], tuple[float, float, float]]) -> Callable[[int], Any]:
    """Models 32-w-w-10 with tanh, weights of these standard deviations at a width and biases of 0."""

    def factory(width: int) -> Any:
        model = nn.Sequential(nn.Linear(32, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 10))
        for layer, std in zip(model[::2], stds(width), strict=True):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
        return model

    return factory


STANDARD = perceptron(lambda w: (32**-0.5, w**-0.5, w**-0.5))
MUP = perceptron(lambda w: (32**-0.5, w**-0.5, math.sqrt(BASE) / w))
MUP_ZERO = perceptron(lambda w: (32**-0.5, w**-0.5, 0.0))
CONSTANT = perceptron(lambda _: (0.02, 0.02, 0.02))
SMALL_HIDDEN = perceptron(lambda w: (32**-0.5, math.sqrt(BASE) / w, math.sqrt(BASE) / w))
GLOROT_INPUT = perceptron(lambda w: (math.sqrt(2 / (32 + w)), w**-0.5, math.sqrt(BASE) / w))


def adam(model: Any) -> Any:
    return torch.optim.Adam(model.parameters(), lr=0.01)


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=0.1)


def kernel_sgd(model: Any, width: int) -> Any:
    """The largest rate that a standard network stands, at which it follows its tangent kernel."""
    return torch.optim.SGD(model.parameters(), lr=0.1 * BASE / width)


def mup_adam(model: Any, width: int) -> Any:
    matrices = [model[2].weight, model[4].weight]
    others = [model[0].weight, *(layer.bias for layer in model[::2])]
    return torch.optim.Adam([{"params": others}, {"params": matrices, "lr": 0.01 * BASE / width}], lr=0.01)


def mup_sgd(model: Any, width: int) -> Any:
    ratio = width / BASE
    inputs = [model[0].weight, model[0].bias, model[2].bias]
    return torch.optim.SGD(
        [
            {"params": inputs, "lr": 0.1 * ratio},
            {"params": [model[2].weight, model[4].bias], "lr": 0.1},
            {"params": [model[4].weight], "lr": 0.1 / ratio},
        ]
    )


def along_width(factory: Any, optimizer: Any, **options: Any) -> CoordinateCheck:
    x, y = batch()
    return coordinate_check(factory, x, targets=y, loss=cross_entropy, widths=WIDTHS, optimizer=optimizer, **options)


@pytest.mark.parametrize(
    ("factory", "optimizer"),
    [(MUP, mup_adam), (MUP_ZERO, mup_adam), (MUP, mup_sgd), (MUP_ZERO, mup_sgd)],
    ids=["adam", "adam from zero", "sgd", "sgd from zero"],
)
def test_mup_passes_along_the_width(factory: Any, optimizer: Any) -> None:
    check = along_width(factory, optimizer)
    assert check.passed, str(check)


def test_mup_passes_without_a_loss_on_a_random_projection() -> None:
    check = coordinate_check(MUP, batch()[0], widths=WIDTHS, optimizer=mup_adam)
    assert check.passed, str(check)


@pytest.mark.parametrize(
    ("factory", "optimizer", "faults"),
    [
        (
            STANDARD,
            adam,
            {
                ("grows", 1, "2"): "hidden layers fall as 1/width under Adam",
                ("grows", 1, "4"): "the readout fall as 1/width under Adam",
            },
        ),
        (
            STANDARD,
            sgd,
            {
                ("grows", 1, "4"): "the readout fall as 1/width under SGD, and its variance as 1/width^2",
                ("learns no features", 3, "0"): "input layers grow as the width under SGD",
            },
        ),
        (
            STANDARD,
            kernel_sgd,
            {
                ("learns no features", 3, "0"): "input layers grow as the width under SGD",
                ("learns no features", 3, "2"): "hidden layers be the same at all widths under SGD",
            },
        ),
        (
            CONSTANT,
            mup_adam,
            {
                ("grows", 0, "2"): "Draw hidden layers with a variance of a constant over the fan-in",
                ("grows", 0, "4"): "Draw the readout with a variance of a constant over the fan-in^2",
            },
        ),
        (
            SMALL_HIDDEN,
            mup_adam,
            {("shrinks", 0, "2"): "Draw hidden layers with a variance of a constant over the fan-in"},
        ),
        (
            GLOROT_INPUT,
            mup_adam,
            {("shrinks", 0, "0"): "Draw input layers with a variance that does not depend on the width"},
        ),
    ],
    ids=["standard adam", "standard sgd", "kernel", "constant variance", "small hidden", "glorot input"],
)
def test_what_is_wrong_along_the_width_is_blamed_on_its_layers_alone(
    factory: Any, optimizer: Any, faults: dict[tuple[str, int, str], str]
) -> None:
    check = along_width(factory, optimizer)
    found = {(fault.verdict, fault.step, *fault.layers): fault.remedy for fault in check.faults}
    assert check.verdict == "fails"
    assert found.keys() == faults.keys(), str(check)
    assert all(remedy in found[fault] for fault, remedy in faults.items()), found


def test_a_layer_is_not_blamed_for_what_it_is_given() -> None:
    check = along_width(SMALL_HIDDEN, mup_adam)
    assert check.judgment("4", 0).verdict == "shrinks"
    assert [fault.layers for fault in check.faults if fault.step == 0] == [("2",)]


def test_a_scheme_replaces_what_the_factory_drew() -> None:
    check = along_width(MUP, mup_adam, scheme={"2.weight": "lecun_normal", "*.bias": 0.0, "*": "glorot_normal"})
    assert ("shrinks", 0, ("0",)) in [(fault.verdict, fault.step, fault.layers) for fault in check.faults]


def test_an_optimizer_that_does_nothing_is_said_to_do_nothing() -> None:
    check = along_width(STANDARD, lambda model: torch.optim.SGD(model.parameters(), lr=0.0), steps=2)
    [fault] = check.faults
    assert fault.sentence == "No layer returns anything else after 2 steps than before"
    assert {one.verdict for one in check.judgments if one.step} == {"unchanged"}


def test_a_run_that_diverges_is_a_result() -> None:
    def rectifiers(width: int) -> Any:
        return nn.Sequential(nn.Linear(32, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))

    def rates(model: Any, width: int) -> Any:
        return torch.optim.SGD(model.parameters(), lr=1e30 if width > 200 else 1e-3)

    check = along_width(rectifiers, rates, seeds=2)
    fault = check.faults[0]
    assert (fault.verdict, fault.step, fault.layers, fault.remedy) == (
        "diverges",
        1,
        ("2",),
        "Take a smaller learning rate",
    )
    assert fault.sentence == (
        "4 of 8 runs diverge, at width 256 and seed 0 after 1 step, where `2` is the first to return numbers that are "
        "not finite"
    )
    assert [check.judgment("0", step).verdict == "diverges" for step in range(4)] == [False, False, True, True]
    assert [check.judgment("2", step).verdict == "diverges" for step in range(4)] == [False, True, True, True]
    assert len(check.faults) == 1


def test_a_start_that_is_not_finite_is_sent_to_the_check_of_starts() -> None:
    def broken(width: int) -> Any:
        model = STANDARD(width)
        nn.init.constant_(model[2].weight, math.inf)
        return model

    [fault] = along_width(broken, adam, seeds=2).faults
    assert (fault.step, fault.layers) == (0, ("2",))
    assert fault.remedy == "Look at the start alone: `firstdraw.torch.check`"


def test_few_seeds_of_noisy_outputs_are_not_certain_and_many_are() -> None:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(32, 8, generator=generator), torch.randn(32, 1, generator=generator)

    def factory(width: int) -> Any:
        model = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 1))
        nn.init.normal_(model[2].weight, std=8 / width)
        return model

    def optimizer(model: Any, width: int) -> Any:
        rates = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.01 * 64 / width}]
        return torch.optim.Adam(rates, lr=0.01)

    def check(seeds: int) -> CoordinateCheck:
        options: dict[str, Any] = {"targets": y, "loss": nn.functional.mse_loss, "optimizer": optimizer}
        return coordinate_check(factory, x, widths=[256, 512, 1024, 2048], steps=1, seeds=seeds, **options)

    few, many = check(2), check(30)
    assert few.verdict == "not certain"
    assert many.passed, str(many)
    assert "More seeds, or a wider range of sizes, would tell." in str(few)


class Attention(nn.Module):
    def __init__(self, width: int, *, mup: bool) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.scale = 8 / width if mup else width**-0.5

    def forward(self, x: Any) -> Any:
        weights = (self.scale * self.query(x) @ self.key(x).transpose(1, 2)).softmax(-1)
        return self.output(weights @ self.value(x))


class Layer(nn.Module):
    def __init__(self, width: int, *, mup: bool) -> None:
        super().__init__()
        self.before, self.attention = nn.LayerNorm(width), Attention(width, mup=mup)
        self.norm, self.inner, self.outer = (
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.before(x))
        return x + self.outer(nn.functional.gelu(self.inner(self.norm(x))))


class Transformer(nn.Module):
    """Two layers with norms before their branches; in muP readout and queries start at 0, scores are over the width."""

    def __init__(self, width: int, *, mup: bool) -> None:
        super().__init__()
        self.embedding, self.layers = nn.Embedding(50, width), nn.Sequential(*(Layer(width, mup=mup) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 50, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                zero = mup and name.endswith(("query.weight", "head.weight"))
                std = 0.5 if name == "embedding.weight" else weight.shape[1] ** -0.5
                nn.init.normal_(weight, std=0.0 if zero else std)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.norm(self.layers(self.embedding(tokens))))


def transformer_adamw(model: Any, width: int) -> Any:
    matrices = {id(weight) for name, weight in model.named_parameters() if weight.ndim > 1 and "embedding" not in name}
    falling = [weight for weight in model.parameters() if id(weight) in matrices]
    others = [weight for weight in model.parameters() if id(weight) not in matrices]
    return torch.optim.AdamW([{"params": falling, "lr": 0.003 * 32 / width}, {"params": others}], lr=0.003)


@pytest.mark.parametrize("mup", [False, True])
def test_a_transformer_passes_in_mup_and_fails_in_the_standard_parametrization(mup: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    tokens, targets = torch.randint(0, 50, (2, 8, 16), generator=generator)

    def loss(outputs: Any, targets: Any) -> Any:
        return cross_entropy(outputs.flatten(0, 1), targets.flatten())

    check = coordinate_check(
        lambda width: Transformer(width, mup=mup),
        tokens,
        targets=targets,
        loss=loss,
        widths=[32, 64, 128, 256],
        optimizer=transformer_adamw if mup else lambda model: torch.optim.AdamW(model.parameters(), lr=0.003),
        seeds=8 if mup else 3,
    )
    if mup:
        assert check.passed, str(check)
        # The readout at 0 holds them back in the first step, in which the decay of weights alone changes them.
        assert check.judgment("layers.1.inner", 1).verdict == "not yet learning"
    else:
        [fault] = check.faults
        assert (fault.verdict, fault.step) == ("grows", 1)
        assert fault.layers[:3] == ("layers.0.attention.query", "layers.0.attention.key", "layers.0.attention.value")
        assert fault.remedy == "Let the learning rates of hidden layers fall as 1/width under AdamW"


class Block(nn.Module):
    def __init__(self, width: int, factor: float) -> None:
        super().__init__()
        self.norm, self.inner, self.outer = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        self.factor = factor
        for layer in (self.inner, self.outer):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / width))
            nn.init.zeros_(layer.bias)

    def forward(self, x: Any) -> Any:
        return x + self.factor * self.outer(self.inner(self.norm(x)).relu())


class Residual(nn.Module):
    """Residual branches behind norms, each multiplied by depth^-power."""

    def __init__(self, width: int, depth: int, power: float) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Linear(32, width), nn.LayerNorm(width), nn.Linear(width, 10)
        self.blocks = nn.ModuleList(Block(width, depth**-power) for _ in range(depth))

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def branch_adam(power: float) -> Callable[..., Any]:
    """Adam with a rate inside of branches that falls as depth^-power."""

    def optimizer(model: Any, depth: int) -> Any:
        inside = list(model.blocks.parameters())
        held = {id(parameter) for parameter in inside}
        others = [parameter for parameter in model.parameters() if id(parameter) not in held]
        return torch.optim.Adam([{"params": inside, "lr": 0.003 * depth**-power}, {"params": others}], lr=0.003)

    return optimizer


def along_depth(power: float, rates: float, depths: list[int]) -> CoordinateCheck:
    x, y = batch()
    return coordinate_check(
        lambda depth: Residual(32, depth, power),
        x[:64],
        targets=y[:64],
        loss=cross_entropy,
        depths=depths,
        optimizer=branch_adam(rates),
    )


def test_depth_mup_passes_along_the_depth() -> None:
    check = along_depth(0.5, 0.5, [2, 4, 8, 16])
    assert check.passed, str(check)
    names = list(dict.fromkeys(one.layer for one in check.judgments))
    assert names == [
        "stem",
        "blocks.*.norm, mean",
        "blocks.*.inner, mean",
        "relu -> blocks.*.outer, mean",
        "blocks.*.outer, mean",
        "sum -> *, first",
        "sum -> *, mean",
        "sum -> *, last",
        "norm",
        "head",
    ]


def test_complete_p_passes_along_depths_at_which_its_branches_are_small() -> None:
    check = along_depth(1.0, 0.0, [4, 8, 16, 32])
    assert check.passed, str(check)


def test_unscaled_branches_grow_with_the_depth_from_the_start() -> None:
    check = along_depth(0.0, 0.0, [2, 4, 8, 16])
    [fault] = check.faults
    assert (fault.verdict, fault.step, fault.layers) == ("grows", 0, ("sum -> *, mean", "sum -> *, last"))
    assert fault.remedy == "Multiply what each residual branch adds by 1/sqrt(depth)"


def test_rates_that_do_not_fall_with_the_depth_are_found_by_what_they_change() -> None:
    check = along_depth(0.5, 0.0, [2, 4, 8, 16])
    [fault] = check.faults
    assert (fault.verdict, fault.step, fault.layers) == ("grows", 1, ("sum -> *, last",))
    assert fault.remedy == (
        "With branches that are multiplied by 1/sqrt(depth), let the learning rates inside of them fall as "
        "1/sqrt(depth) under Adam"
    )


def test_a_plain_network_of_the_wrong_law_shrinks_with_its_depth() -> None:
    def factory(depth: int) -> Any:
        parts = [part for _ in range(depth) for part in (nn.Linear(32, 32), nn.ReLU())]
        return nn.Sequential(*parts, nn.Linear(32, 10))

    check = coordinate_check(factory, batch()[0], depths=[2, 4, 8], seeds=3, scheme="lecun_normal")
    # A rectifier halves what weights of the variance 1/n keep: from 2 layers to 8, 2^-3.
    slope = check.judgment("ReLU *, last", 0).signal
    assert slope is not None
    assert slope.value == pytest.approx(-3 * math.log(2) / math.log(4), abs=0.4)
    assert check.judgment("ReLU *, last", 0).verdict == "shrinks"
    assert check.judgment("Linear *, first", 0).verdict == "stable"
    assert {fault.remedy for fault in check.faults} == {""}


def test_width_and_depth_are_scanned_with_the_other_at_its_smallest_and_each_size_once() -> None:
    asked: list[tuple[int, int]] = []

    def factory(*, width: int, depth: int) -> Any:
        asked.append((width, depth))
        return Residual(width, depth, 0.5)

    x, y = batch()
    given: list[dict[str, int]] = []

    def optimizer(model: Any, **sizes: int) -> Any:
        given.append(sizes)
        return adam(model)

    check = coordinate_check(
        factory,
        x,
        targets=y,
        loss=cross_entropy,
        widths=[16, 32, 64],
        depths=[1, 2, 3],
        optimizer=optimizer,
        seeds=2,
        steps=1,
    )
    assert sorted(set(asked)) == [(16, 1), (16, 2), (16, 3), (32, 1), (64, 1)]
    assert len(asked) == 10
    assert given == [{}] * 10
    assert [scan.scan.axis for scan in check.scans] == ["width", "depth"]
    assert np.array_equal(check.scans[0].layers[0][1].signals[0], check.scans[1].layers[0][1].signals[0])
    assert check.judgment("blocks.*.norm, mean", 0, "depth").axis == "depth"
    assert check.judgment("blocks.0.norm", 0).axis == "width"
    [width, depth] = [str(scan.sizes[0]) for scan in (check.scans[0].scan, check.scans[1].scan)]
    assert width == depth == "width 16 and depth 1"


def test_a_check_passes_when_and_only_when_no_verdict_is_bad_or_uncertain() -> None:
    bad = {"diverges", "grows", "shrinks", "learns no features"}
    for factory, optimizer, seeds in ((MUP, mup_adam, 5), (MUP, adam, 5), (STANDARD, mup_adam, 2), (MUP, sgd, 2)):
        check = along_width(factory, optimizer, seeds=seeds)
        verdicts = {one.verdict for one in check.judgments}
        assert (check.verdict == "fails") is bool(verdicts & bad)
        assert check.passed is not bool(verdicts & {*bad, "not certain"})
        assert bool(check.faults) is (check.verdict == "fails")
