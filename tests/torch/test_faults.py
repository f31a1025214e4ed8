"""Each known fault, on a model that has it and on one that has it not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import firstdraw.torch
from firstdraw.diagnosis.finding import Severity

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
init: Any = nn.init


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def fault(model: Any, cause: str) -> Any:
    found = [one for one in firstdraw.torch.identify(model).faults if one.cause == cause]
    assert len(found) <= 1
    return found[0] if found else None


def mlp(depth: int, activation: Any = nn.ReLU, width: int = 64) -> Any:
    layers = [piece for _ in range(depth) for piece in (nn.Linear(width, width), activation())]
    return nn.Sequential(*layers, nn.Linear(width, 8))


def test_a_sixth_is_left_by_each_default_layer_under_relu() -> None:
    found = fault(mlp(6), "default law under a rectifier")
    assert found.severity is Severity.WARNING
    assert found.places == tuple(f"{2 * i}.weight" for i in range(6))
    assert found.evidence["factor a layer"] == pytest.approx(1 / 6, rel=0.02)
    assert found.evidence["factor over all"] == pytest.approx(6**-6, rel=0.2)
    assert found.sentence.startswith("PyTorch's default law leaves 0.16")
    # What is left is what the layers themselves leave, without biases.
    model = mlp(6)
    for layer in model:
        if isinstance(layer, nn.Linear):
            init.zeros_(layer.bias)
    x = torch.randn(2000, 64)
    with torch.no_grad():
        left = model[:12](x).square().mean() / model[:1](x).square().mean()
    # Five layers lie between; the last rectifier takes a half, and the first layer's output was taken before one.
    assert float(left) == pytest.approx(0.5 * 6**-5, rel=0.3)


@pytest.mark.parametrize(
    "model",
    [
        lambda: mlp(6, nn.Tanh),
        lambda: nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3)),
        lambda: init_all(mlp(6), init.kaiming_normal_),
    ],
    ids=["tanh", "normalized", "he"],
)
def test_other_layers_are_not_said_to_lose_a_sixth(model: Callable[[], Any]) -> None:
    assert fault(model(), "default law under a rectifier") is None


def init_all(model: Any, fill: Callable[[Any], Any]) -> Any:
    for parameter in model.parameters():
        if parameter.ndim > 1:
            fill(parameter)
    return model


def test_two_default_layers_are_noted_only() -> None:
    assert fault(mlp(2), "default law under a rectifier").severity is Severity.NOTE


def test_a_packed_projection_with_xavier_is_sqrt_2_too_small() -> None:
    model = nn.MultiheadAttention(64, 4)
    found = fault(model, "packed projection with the fans of the whole")
    assert found.places == ("in_proj_weight",)
    assert found.evidence["factor on the spread"] == pytest.approx(math.sqrt(0.5))
    assert "glorot uniform" in found.sentence
    for part in model.in_proj_weight.detach().chunk(3):
        init.xavier_uniform_(part)
    assert fault(model, "packed projection with the fans of the whole") is None


def test_a_grouped_convolution_with_the_fan_of_all_groups() -> None:
    model = nn.Sequential(nn.Conv2d(64, 64, 5, groups=64, bias=False), nn.GELU(), nn.Conv2d(64, 8, 1))
    init.kaiming_normal_(model[0].weight, mode="fan_out")
    found = fault(model, "grouped convolution with the fan of all groups")
    assert found.severity is Severity.WARNING
    assert found.places == ("0.weight",)
    assert found.evidence["factor on the variance"] == pytest.approx(1 / 64)
    firstdraw.torch.initialize(model, {"0.weight": {"name": "he_normal", "mode": "fan_out"}})
    assert fault(model, "grouped convolution with the fan of all groups") is None


def test_a_transposed_convolution_with_its_fans_exchanged() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(64, 16, 3, bias=False), nn.GELU(), nn.Conv2d(16, 8, 1))
    init.kaiming_normal_(model[0].weight)
    found = fault(model, "transposed convolution with its fans exchanged")
    assert found.severity is Severity.WARNING
    assert found.evidence["factor on the variance"] == pytest.approx(4)
    firstdraw.torch.initialize(model, "he_normal")
    assert fault(model, "transposed convolution with its fans exchanged") is None


class Tied(nn.Module):
    def __init__(self, tie: bool = True, width: int = 64) -> None:
        super().__init__()
        self.table, self.hidden = nn.Embedding(50, width), nn.Linear(width, width)
        self.head = nn.Linear(width, 50, bias=False)
        if tie:
            self.head.weight = self.table.weight

    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.hidden(self.table(x))))


def test_a_tied_embedding_of_unit_variance_makes_large_logits() -> None:
    model = Tied()
    found = fault(model, "embedding of unit variance")
    assert found.severity is Severity.WARNING
    assert found.evidence["width"] == 64
    with torch.no_grad():
        logits = nn.functional.linear(torch.randn(500, 64), model.head.weight)
    assert float(logits.var()) == pytest.approx(64, rel=0.2)
    assert fault(Tied(tie=False), "embedding of unit variance").severity is Severity.NOTE
    init.normal_(model.table.weight, std=0.02)
    assert fault(model, "embedding of unit variance") is None


class Divided(Tied):
    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.hidden(self.table(x))) * self.table.embedding_dim**-0.5)


def test_a_tied_embedding_of_unit_variance_is_noted_only_where_the_logits_are_divided() -> None:
    """T5 has it so: with rows of N(0, 1) and a division by the root of the width, logits start with a variance of 1."""
    model = Divided()
    found = fault(model, "embedding of unit variance")
    assert found.severity is Severity.NOTE
    assert "divides by a root" in found.sentence
    with torch.no_grad():
        model.hidden.weight.mul_(100)
        logits = model(torch.arange(50))
    assert float(logits.var()) == pytest.approx(1, rel=0.3)


class Stream(nn.Module):
    """Adds branches to the rows of an embedding."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 32)
        self.branches = nn.ModuleList(nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32)) for _ in range(8))
        for branch in self.branches:
            init.normal_(branch[1].weight, std=math.sqrt(gain / 32))

    def forward(self, x: Any) -> Any:
        x = self.table(x)
        for branch in self.branches:
            x = x + branch(x)
        return x


def test_unit_rows_drown_branches_that_add_less_than_they_hold() -> None:
    found = fault(Stream(0.05), "embedding of unit variance")
    assert found.severity is Severity.WARNING
    assert "drown" in found.sentence
    # Eight branches of a second moment of 1 each are eight times the rows'.
    assert fault(Stream(1.0), "embedding of unit variance").severity is Severity.NOTE


def test_tied_tensors_are_said_with_both_fans() -> None:
    found = fault(Tied(), "tied tensors")
    assert found.places == ("head.weight", "table.weight")
    assert found.evidence == {"fan-in": 64, "fan-in as an embedding": 1}
    assert fault(Tied(tie=False), "tied tensors") is None


class Untruncated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)
        nn.init.trunc_normal_(self.layer.weight, std=0.02)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


class Truncated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)
        nn.init.trunc_normal_(self.layer.weight, std=0.02, a=-2 * 0.02, b=0.04)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


def test_a_truncated_normal_that_truncates_nothing() -> None:
    found = fault(Untruncated(), "truncated normal that truncates nothing")
    assert found.places == ("layer.weight",)
    assert found.evidence["bound in standard deviations"] == pytest.approx(100, rel=0.05)
    assert fault(Truncated(), "truncated normal that truncates nothing") is None
    # A normal law that nobody calls truncated is none that truncates nothing.
    plain = nn.Linear(64, 64)
    init.normal_(plain.weight, std=0.02)
    assert fault(plain, "truncated normal that truncates nothing") is None


def test_a_model_of_the_meta_device_holds_nothing() -> None:
    with torch.device("meta"):
        model = mlp(2)
    found = fault(model, "never initialized")
    assert found.severity is Severity.BROKEN
    assert len(found.places) == 6
    assert "are on the meta device and hold nothing" in found.sentence
    assert fault(mlp(2), "never initialized") is None


def test_memory_that_nobody_wrote_is_recognized() -> None:
    model = mlp(2)
    with torch.no_grad():
        model[0].weight[3, 4] = 1e37
    assert fault(model, "never initialized").evidence["largest"] == pytest.approx(1e37)
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert "all 3 weights and scales are 0" in fault(model, "never initialized").sentence
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
        model[1].weight.fill_(1.0)
        model[2].weight.fill_(0.5)
    assert fault(model, "not finite").places == ("0.weight",)
    assert fault(mlp(2), "not finite") is None


def test_layers_of_one_seed_are_identical() -> None:
    model = mlp(3)
    for layer in (model[0], model[4]):
        torch.manual_seed(42)
        init.kaiming_normal_(layer.weight)
    found = fault(model, "identical layers")
    assert found.places == ("0.weight", "4.weight")
    assert "hold the same numbers" in found.sentence
    with torch.no_grad():
        model[4].weight *= 0.3
    assert "begin with the same numbers, up to their spread" in fault(model, "identical layers").sentence
    assert fault(mlp(30), "identical layers") is None


def test_tables_that_are_computed_are_not_layers_of_one_seed() -> None:
    table = torch.arange(1.0, 33.0).log()
    model = nn.ModuleDict(
        {"a": nn.Linear(4, 4), "b": nn.ParameterList([nn.Parameter(table.clone()) for _ in range(2)])}
    )
    for name in ("first", "second"):
        positions = nn.Embedding(32, 1)
        with torch.no_grad():
            positions.weight.copy_(table[:, None])
        positions.weight.requires_grad_(False)
        model[name] = positions
    assert fault(model, "identical layers") is None


def test_gates_that_begin_with_one_number_are_not_identical() -> None:
    model = nn.LSTM(16, 32, 2)
    for name, parameter in model.named_parameters():
        if name.startswith("bias_ih"):
            init.constant_(parameter[:32], -20.0)
    assert fault(model, "identical layers") is None


def test_pytorch_s_encoder_copies_one_layer() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 3, enable_nested_tensor=False)
    found = [one for one in firstdraw.torch.identify(model).faults if one.cause == "identical layers"]
    assert {len(one.places) for one in found} == {3}
    # The weights and the two biases that are drawn; the others are 0.
    assert len(found) == 6
    firstdraw.torch.initialize(model)
    assert fault(model, "identical layers") is None


@pytest.mark.filterwarnings("ignore")
def test_residual_projections_of_gpt_2_that_are_not_scaled(make_hugging_face: Callable[[str], Any]) -> None:
    model = make_hugging_face("gpt2")
    assert fault(model, "residual projections not scaled") is None
    init_all(model, lambda weight: init.normal_(weight, std=0.02))
    found = fault(model, "residual projections not scaled")
    assert len(found.places) == 4
    assert found.evidence["spread by GPT-2"] == pytest.approx(0.01, rel=0.05)
    # Where the sum is normalized nothing grows.
    assert fault(make_hugging_face("bert"), "residual projections not scaled") is None


class Adapter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.A, self.B = nn.Linear(16, 2, bias=False), nn.Linear(2, 16, bias=False)

    def forward(self, x: Any) -> Any:
        return x + self.B(self.A(x))


def test_both_factors_of_a_product_zero_never_learn() -> None:
    model = nn.Sequential(nn.Linear(16, 16), Adapter())
    init.zeros_(model[1].B.weight)
    assert fault(model, "both factors of a product zero") is None
    init.zeros_(model[1].A.weight)
    found = fault(model, "both factors of a product zero")
    assert found.severity is Severity.BROKEN
    assert found.places == ("1.A.weight", "1.B.weight")
    model(torch.randn(4, 16)).square().sum().backward()
    assert float(model[1].A.weight.grad.abs().max()) == float(model[1].B.weight.grad.abs().max()) == 0


def test_bare_factors_are_a_product_too() -> None:
    class LowRank(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base = nn.Linear(16, 16)
            self.lora_A, self.lora_B = nn.Parameter(torch.zeros(2, 16)), nn.Parameter(torch.zeros(16, 2))

        def forward(self, x: Any) -> Any:
            return self.base(x) + x @ self.lora_A.T @ self.lora_B.T

    model = nn.Sequential(LowRank())
    assert fault(model, "both factors of a product zero").places == ("0.lora_A", "0.lora_B")
    init.normal_(model[0].lora_A)
    assert fault(model, "both factors of a product zero") is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_orthogonal_matrices_in_half_precision(dtype: str) -> None:
    model = nn.Linear(64, 64, bias=False)
    init.orthogonal_(model.weight)
    assert fault(model, "orthogonal in half precision") is None
    model = model.to(getattr(torch, dtype))
    found = fault(model, "orthogonal in half precision")
    assert found.evidence["rounding"] == torch.finfo(getattr(torch, dtype)).eps
    values = torch.linalg.svdvals(model.weight.detach().float())
    assert 0 < float((values - 1).abs().max()) < found.evidence["rounding"]
    init.normal_(model.weight)
    assert fault(model, "orthogonal in half precision") is None


def test_frozen_parameters_are_said() -> None:
    model = mlp(2)
    assert fault(model, "frozen parameter") is None
    model[2].weight.requires_grad_(False)
    assert fault(model, "frozen parameter").places == ("2.weight",)


class Forgotten(nn.Module):
    def __init__(self, attention: bool = False) -> None:
        super().__init__()
        self.used, self.forgotten = nn.Linear(8, 8), nn.Linear(8, 8)
        self.scale = nn.Parameter(torch.ones(8))
        self.attention = nn.MultiheadAttention(8, 2) if attention else None

    def forward(self, x: Any) -> Any:
        if self.attention is not None:
            x = self.attention(x, x, x)[0]
        return self.used(x) * self.scale


@pytest.mark.parametrize("attention", [False, True])
def test_parameters_that_the_code_does_not_use_are_said(attention: bool) -> None:
    found = fault(Forgotten(attention), "parameter never reached")
    assert found.severity is Severity.WARNING
    assert found.places == ("forgotten.weight", "forgotten.bias")
    assert fault(mlp(2), "parameter never reached") is None


def test_what_a_model_reaches_is_not_guessed_where_its_code_cannot_be_traced() -> None:
    class Branching(Forgotten):
        def forward(self, x: Any) -> Any:
            return self.used(x) if x.sum() > 0 else x

    assert fault(Branching(), "parameter never reached") is None


def test_faults_are_told_the_worst_first_and_written() -> None:
    model = nn.Sequential(mlp(6), Adapter())
    init.zeros_(model[1].A.weight)
    init.zeros_(model[1].B.weight)
    model[0][0].weight.requires_grad_(False)
    found = firstdraw.torch.identify(model)
    assert [one.severity for one in found.faults] == sorted([one.severity for one in found.faults], reverse=True)
    assert found.faults[0].cause == "both factors of a product zero"
    assert "warning: default law under a rectifier (0.0.weight, 0.2.weight, 0.4.weight and 3 more): " in str(found)
    table = found.faults[0].as_table()
    assert (table["severity"], table["places"]) == ("broken", ["1.A.weight", "1.B.weight"])


def healthy() -> list[tuple[str, Callable[[], Any]]]:
    return [
        ("tanh", lambda: init_all(mlp(8, nn.Tanh), init.xavier_normal_)),
        ("he", lambda: init_all(mlp(8), init.kaiming_uniform_)),
        ("convolutions", lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3))),
        ("recurrence", lambda: nn.LSTM(16, 32, num_layers=2)),
        ("embedding", lambda: Tied(tie=False)),
        ("attention", lambda: nn.MultiheadAttention(32, 4)),
        ("adapter", lambda: nn.Sequential(nn.Linear(16, 16), zero_end(Adapter()))),
        ("selu", lambda: mlp(4, nn.SELU)),
        ("one layer", lambda: nn.Linear(100, 10)),
    ]


def zero_end(adapter: Any) -> Any:
    init.zeros_(adapter.B.weight)
    return adapter


@pytest.mark.parametrize("make", [make for _, make in healthy()], ids=[name for name, _ in healthy()])
def test_healthy_models_are_not_warned_of(make: Callable[[], Any]) -> None:
    assert [one.cause for one in firstdraw.torch.identify(make()).faults if one.severity >= Severity.WARNING] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["gpt2", "bert", "vit", "llama", "t5"])
def test_healthy_models_of_hugging_face_are_not_warned_of(make_hugging_face: Callable[[str], Any], family: str) -> None:
    faults = firstdraw.torch.identify(make_hugging_face(family)).faults
    assert [one.cause for one in faults if one.severity >= Severity.WARNING] == []


@pytest.mark.parametrize("make", [make for _, make in healthy()], ids=[name for name, _ in healthy()])
def test_what_initialize_leaves_has_no_fault(make: Callable[[], Any]) -> None:
    model = make()
    firstdraw.torch.initialize(model, "auto")
    assert [one.cause for one in firstdraw.torch.identify(model).faults] == []
