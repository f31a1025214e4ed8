"""The roles of modules, each beside an answer written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from firstdraw.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from firstdraw.torch import roles_of

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
F: Any = nn.functional


def role(model: Any, name: str) -> Any:
    return next(one.role for one in roles_of(model).parameters if name in one.names)


def parameter(model: Any, name: str) -> Any:
    return next(one for one in roles_of(model).parameters if name in one.names)


@pytest.mark.parametrize(
    ("module", "name", "operation", "fan_in", "fan_out"),
    [
        (lambda: nn.Linear(6, 4), "weight", "dense", 6, 4),
        (lambda: nn.Conv1d(6, 4, 5), "weight", "convolution", 30, 20),
        (lambda: nn.Conv2d(6, 4, 3), "weight", "convolution", 54, 36),
        (lambda: nn.Conv3d(2, 4, (1, 2, 3)), "weight", "convolution", 12, 24),
        (lambda: nn.Conv2d(8, 16, 3, groups=2), "weight", "convolution", 36, 72),
        (lambda: nn.Conv2d(8, 8, 3, groups=8), "weight", "depthwise_convolution", 9, 9),
        (lambda: nn.Conv2d(8, 24, 3, groups=8), "weight", "depthwise_convolution", 9, 27),
        (lambda: nn.ConvTranspose2d(6, 4, 3), "weight", "transposed_convolution", 54, 36),
        (lambda: nn.ConvTranspose2d(6, 4, 3, groups=2), "weight", "transposed_convolution", 27, 18),
        (lambda: nn.ConvTranspose1d(6, 4, 2, stride=2), "weight", "transposed_convolution", 12, 8),
        (lambda: nn.Embedding(100, 8), "weight", "embedding", 1, 8),
        (lambda: nn.EmbeddingBag(100, 8), "weight", "embedding", 1, 8),
        (lambda: nn.MultiheadAttention(8, 2), "in_proj_weight", "dense", 8, 8),
        (lambda: nn.MultiheadAttention(8, 2, kdim=6), "k_proj_weight", "dense", 6, 8),
        (lambda: nn.MultiheadAttention(8, 2), "out_proj.weight", "dense", 8, 8),
        (lambda: nn.LSTM(6, 5), "weight_ih_l0", "dense", 6, 5),
        (lambda: nn.LSTM(6, 5), "weight_hh_l0", "recurrent", 5, 5),
        (lambda: nn.LSTM(6, 5, proj_size=3), "weight_hr_l0", "dense", 5, 3),
        (lambda: nn.LSTM(6, 5, num_layers=2, bidirectional=True), "weight_ih_l1_reverse", "dense", 10, 5),
        (lambda: nn.GRU(6, 5), "weight_hh_l0", "recurrent", 5, 5),
        (lambda: nn.RNN(6, 5), "weight_ih_l0", "dense", 6, 5),
        (lambda: nn.LSTMCell(6, 5), "weight_ih", "dense", 6, 5),
        (lambda: nn.GRUCell(6, 5), "weight_hh", "recurrent", 5, 5),
    ],
)
def test_the_fans_are_those_of_one_group_one_part_and_one_gate(
    module: Any, name: str, operation: str, fan_in: int, fan_out: int
) -> None:
    found = role(module(), name)
    assert (found.operation, found.fan_in, found.fan_out) == (operation, fan_in, fan_out)


@pytest.mark.parametrize(
    ("module", "name", "parts"),
    [
        (lambda: nn.MultiheadAttention(8, 2), "in_proj_weight", 3),
        (lambda: nn.LSTM(6, 5), "weight_ih_l0", 4),
        (lambda: nn.GRU(6, 5), "weight_hh_l0", 3),
        (lambda: nn.LSTM(6, 5), "bias_hh_l0", 4),
        (lambda: nn.ModuleDict({"qkv": nn.Linear(8, 24)}), "qkv.weight", 3),
        (lambda: nn.ModuleDict({"qkv_proj": nn.Linear(8, 16)}), "qkv_proj.weight", 1),
        (lambda: nn.ModuleDict({"kv": nn.Linear(8, 16)}), "kv.bias", 2),
        (lambda: nn.ModuleDict({"gate_up_proj": nn.Linear(8, 30)}), "gate_up_proj.weight", 2),
        (lambda: nn.Linear(8, 24), "weight", 1),
    ],
)
def test_the_parts_of_packed_weights_are_counted(module: Any, name: str, parts: int) -> None:
    assert role(module(), name).layout.parts == parts


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (lambda: nn.BatchNorm2d(4), ["scale", "shift"]),
        (lambda: nn.LayerNorm(4), ["scale", "shift"]),
        (lambda: nn.GroupNorm(2, 4), ["scale", "shift"]),
        (lambda: nn.RMSNorm(4), ["scale"]),
        (nn.PReLU, ["slope"]),
        (lambda: nn.Linear(4, 2), ["weight", "bias"]),
        (lambda: nn.Bilinear(4, 2, 3), ["bare", "bare"]),
        (lambda: nn.ParameterList([nn.Parameter(torch.zeros(3))]), ["bare"]),
    ],
)
def test_the_kind_of_every_parameter_is_told(module: Any, kinds: list[str]) -> None:
    assert [one.kind for one in roles_of(module()).parameters] == kinds


class Functional(nn.Module):
    """Calls its activation as a function; the modules stand in another order than they run."""

    def __init__(self, activate: Any) -> None:
        super().__init__()
        self.last, self.first = nn.Linear(4, 2), nn.Linear(4, 4)
        self.activate = activate

    def forward(self, x: Any) -> Any:
        return self.last(self.activate(self.first(x)))


@pytest.mark.parametrize(
    ("activate", "expected"),
    [
        (F.relu, ReLU()),
        (torch.tanh, Tanh()),
        (lambda x: x.relu(), ReLU()),
        (lambda x: F.leaky_relu(x, 0.2), LeakyReLU(0.2)),
        (lambda x: F.leaky_relu(x, negative_slope=0.3), LeakyReLU(0.3)),
        (lambda x: F.gelu(F.dropout(x, 0.1)), GELU()),
        (lambda x: F.silu(x.view(-1, 4)), SiLU()),
        (lambda x: F.relu(F.layer_norm(x, (4,))), ReLU()),
        (lambda x: x.sigmoid(), Sigmoid()),
        (nn.ELU(0.5), ELU(0.5)),
        (nn.PReLU(), LeakyReLU(0.25)),
        (lambda x: x, None),
    ],
)
def test_what_follows_is_read_from_the_traced_graph(activate: Any, expected: Any) -> None:
    model = Functional(activate)
    first = parameter(model, "first.weight")
    assert first.following.known
    assert first.following.way == "the traced graph"
    assert first.role.activation == expected
    assert (first.role.layer, first.role.depth) == (1, 2)
    last = parameter(model, "last.weight")
    assert (last.role.layer, last.role.activation, last.following.known) == (2, None, True)


def test_two_followers_are_not_one() -> None:
    model = Functional(lambda x: x * torch.sigmoid(x))
    assert not parameter(model, "first.weight").following.known


class Untraceable(nn.Module):
    """Branches on the values that pass."""

    def __init__(self, inside: Any) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Any) -> Any:
        return self.inside(x) if x.sum() > 0 else x


def test_parts_of_what_cannot_be_traced_are_traced_and_their_ends_left_open() -> None:
    model = Untraceable(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)))
    found = roles_of(model)
    first, last = (parameter(model, f"inside.{i}.weight") for i in (0, 2))
    assert (first.role.activation, first.following.way) == (ReLU(), "the traced graph")
    assert not last.following.known
    assert found.reached is None


def test_a_sequential_is_read_in_order_where_a_module_in_it_cannot_be_traced() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Tanh(), Untraceable(nn.Linear(4, 4)), nn.Linear(4, 4))
    first, last = parameter(model, "0.weight"), parameter(model, "4.weight")
    assert (first.role.activation, first.following.way) == (Tanh(), "the order in a Sequential")
    assert first.following.normalized
    assert last.following is None


class Block(nn.Module):
    """A residual block, perhaps with a convolution on the skip connection."""

    def __init__(self, width: int, down: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.down = nn.Conv2d(width, width, 1) if down else None

    def forward(self, x: Any) -> Any:
        y = self.second(F.relu(self.first(x)))
        return F.relu(y + (x if self.down is None else self.down(x)))


def test_branches_are_counted_from_the_sums() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Block(4), Block(4, down=True), Block(4))
    assert len(roles_of(model).branches) == 3
    place = role(model, "3.second.weight").branch
    assert (place.number, place.count, place.position, place.length, place.is_last) == (2, 3, 2, 2, True)
    assert role(model, "3.first.weight").activation == ReLU()
    # What is added to the skip connection is a pre-activation.
    assert role(model, "3.second.weight").activation is None
    assert role(model, "3.down.weight").branch is None
    assert role(model, "0.weight").branch is None


def test_a_sum_of_embeddings_is_no_branch() -> None:
    class Embedded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places, self.head = nn.Embedding(9, 4), nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.words(x) + self.places(x))

    assert roles_of(Embedded()).branches == ()


class Attention(nn.Module):
    """Self-attention of one head, before which is normalized."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Any) -> Any:
        y = self.norm(x)
        scores = torch.softmax(self.q(y) @ self.k(y).transpose(-1, -2), -1)
        return x + self.o(scores @ self.v(y))


def test_layers_side_by_side_in_a_branch_share_a_position() -> None:
    model = nn.Sequential(Attention(4), Attention(4))
    places = [role(model, f"1.{key}.weight").branch for key in "qkvo"]
    assert [(place.number, place.position, place.length) for place in places] == [(2, 1, 2)] * 3 + [(2, 2, 2)]
    branch = roles_of(model).branches[0]
    assert branch.normalized_inside
    assert not branch.normalized_after


@pytest.mark.parametrize("first", [True, False])
def test_layers_of_transformers_are_read_by_their_type(first: bool) -> None:
    layer = nn.TransformerDecoderLayer(8, 2, 16, activation="gelu", norm_first=first)
    model = nn.TransformerDecoder(layer, 2)
    found = roles_of(model)
    assert len(found.branches) == 6
    assert all(branch.normalized_after is not first for branch in found.branches)
    assert role(model, "layers.1.linear1.weight").activation == GELU()
    packed, out = role(model, "layers.1.multihead_attn.in_proj_weight"), role(model, "layers.1.linear2.weight")
    assert packed.transformer.parts == ("query", "key", "value")
    assert (packed.branch.number, packed.branch.position) == (5, 1)
    assert (out.branch.number, out.branch.is_last) == (6, True)


def test_a_tied_tensor_is_one_parameter_with_the_fans_of_the_readout() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
            self.head.weight = self.table.weight

        def forward(self, x: Any) -> Any:
            return self.head(self.table(x))

    found = roles_of(Tied()).parameters
    assert [one.names for one in found] == [("head.weight", "table.weight")]
    assert (found[0].role.fan_in, found[0].role.tied.fan_in) == (4, 1)


def test_a_shared_module_is_one() -> None:
    layer = nn.Linear(4, 4)
    found = roles_of(nn.Sequential(layer, nn.Tanh(), layer)).parameters
    assert [one.names for one in found] == [("0.weight", "2.weight"), ("0.bias", "2.bias")]


def test_wrappers_leave_no_trace_in_names() -> None:
    plain = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    names = [one.name for one in roles_of(plain).parameters]
    for wrapped in (nn.DataParallel(plain), torch.compile(plain, backend="eager")):
        assert [one.name for one in roles_of(wrapped).parameters] == names
    inside = nn.Sequential(torch.compile(plain[0], backend="eager"), plain[1], plain[2])
    assert [one.name for one in roles_of(inside).parameters] == names


class Counting(nn.Module):
    """Keeps what passes, draws random numbers, and counts its calls in a buffer and an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.calls, self.kept = 0, None
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.count += 1
        self.kept = x
        return self.layer(x) + torch.rand(4)


def test_reading_runs_no_code_on_the_model_itself() -> None:
    model, heard = Counting(), list[int]()
    model.register_forward_hook(lambda *_: heard.append(1))
    state, before = torch.get_rng_state(), [one.clone() for one in model.parameters()]
    roles_of(model)
    assert (model.calls, model.kept, model.count.item(), heard) == (0, None, 0, [])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before, strict=True))
