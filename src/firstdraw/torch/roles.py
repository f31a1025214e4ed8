"""The role of every parameter of a model: what its layer does, what follows it, and where in a branch it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from firstdraw.activations import Activation, LeakyReLU, ReLU
from firstdraw.arrays import Shape
from firstdraw.roles import BranchPlace, Role, bias_role, tied_role, weight_role
from firstdraw.torch.activations import activation_of_module
from firstdraw.torch.graph import Branch, Following, Graph, read_graph
from firstdraw.torch.library import Module, Tensor, type_name
from firstdraw.torch.modules import Holding, ParameterKind, held_by, is_normalization
from firstdraw.torch.places import ATTENTION, Place, named_branches, places_of, transformer_place
from firstdraw.torch.preserving import preserved
from firstdraw.torch.refusals import check_model
from firstdraw.torch.skeleton import inner, stripped

__all__ = ["ModelRoles", "ParameterRole", "held_tensor", "roles_of"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParameterRole:
    """What is known of one parameter.

    Args:
        name: its name, without those of wrappers; of a tensor with several names the first in the alphabet.
        names: all its names.
        kind: what it is to its module.
        module: the type of its module.
        tensor: the parameter itself; of a parametrized one what is computed from its parts.
        owner: its module.
        key: its name in its module.
        role: its role; None for scales, shifts, slopes and parameters of which nothing is known.
        following: what follows its layer; None where nothing is known.
        branch: its residual branch.
        gates: "LSTM" where it holds the gates of one.
        padding: the row of an embedding that stays 0.
    """

    name: str
    names: tuple[str, ...]
    kind: ParameterKind
    module: str
    tensor: Tensor
    owner: Module
    key: str
    role: Role | None
    following: Following | None = None
    branch: Branch | None = None
    gates: str = ""
    padding: int | None = None

    @property
    def shape(self) -> Shape:
        """The shape of the whole parameter."""
        return tuple(self.tensor.shape)

    @property
    def layer(self) -> str:
        """The name of its module."""
        return self.name.rpartition(".")[0]

    @property
    def is_parametrized(self) -> bool:
        """Whether the module computes it from other parameters (`torch.nn.utils.parametrize`)."""
        return self.key not in self.owner._parameters

    @property
    def is_frozen(self) -> bool:
        """Whether no training moves it."""
        if self.is_parametrized:
            return not any(part.requires_grad for part in self.owner.parametrizations[self.key].parameters())
        return not self.tensor.requires_grad


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelRoles:
    """What is known of the parameters of a model.

    Args:
        parameters: each once, in the order of the model.
        branches: the residual branches.
        only_activation: the activation of the model, where its modules compute one alone.
        has_attention: whether it has a transformer's blocks.
        has_normalization: whether it has a normalization.
        reached: the names of the modules that run; None where the model's code could not be traced.
    """

    parameters: tuple[ParameterRole, ...]
    branches: tuple[Branch, ...]
    only_activation: Activation | None
    has_attention: bool
    has_normalization: bool
    reached: frozenset[str] | None

    @property
    def is_rectified(self) -> bool:
        """Whether every activation of which it is known that it follows a layer is a rectifier, and there is one."""
        found = [one.following.activation for one in self.parameters if one.following is not None]
        known = [activation for activation in found if activation is not None]
        return bool(known) and all(isinstance(activation, ReLU | LeakyReLU) for activation in known)


def roles_of(model: Module) -> ModelRoles:
    """Return the role of every parameter of a model of PyTorch.

    Fans are counted from the types of the modules: grouped, depthwise and transposed convolutions, packed projections,
    gates. What follows a layer is read from the graph that `torch.fx` traces, of the whole model or, where its code
    branches on its values, of its parts; from the order in a `torch.nn.Sequential`; and from the types of PyTorch's
    layers of transformers. Residual branches are the sums of that graph, and in transformers what their names say.

    Args:
        model: a `torch.nn.Module`; it is not changed, and its code is run on a copy without memory.

    Raises:
        InputError: if it is no module, is TorchScript, has no trainable parameters, or has ones that are lazy,
            quantized, sparse, or of a class with operations of its own.

    >>> import torch  # doctest: +SKIP
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))  # doctest: +SKIP
    >>> weight = roles_of(model).parameters[0]  # doctest: +SKIP
    >>> weight.name, weight.role.fan_in, weight.role.activation, weight.following.way  # doctest: +SKIP
    ('0.weight', 8, ReLU(), 'the traced graph')
    """
    check_model(model)
    return _Reader(inner(model)).read()


@dataclass(frozen=True, slots=True)
class _Held:
    layer: str
    key: str
    module: Module
    holding: Holding
    tensor: Tensor

    @property
    def name(self) -> str:
        return f"{self.layer}.{self.key}" if self.layer else self.key


class _Reader:
    def __init__(self, model: Module) -> None:
        self.model = model
        self.graph: Graph = read_graph(model)
        self.held = list(_held(model))
        layers = dict.fromkeys(held.layer for held in self.held if held.holding.kind == "weight")
        in_order = dict.fromkeys(name for name in map(stripped, self.graph.order) if name in layers)
        self.place_of = {name: place for place, name in enumerate(in_order | layers, 1)}
        self.weights = {(held.layer, held.key): held for held in self.held if held.holding.kind == "weight"}
        self.places: dict[str, Place] = places_of(layers)
        self.following = {stripped(name): following for name, following in self.graph.following.items()}
        self.branches = list(self._branches())
        self.branch_of: dict[str, tuple[int, Branch]] = {}
        for number, branch in enumerate(self.branches, 1):
            for name in branch.layers:
                self.branch_of.setdefault(name, (number, branch))

    def read(self) -> ModelRoles:
        groups: dict[int, list[_Held]] = {}
        for held in self.held:
            groups.setdefault(id(held.tensor), []).append(held)
        modules = [(name, module) for name, module in self.model.named_modules()]
        found = {activation for _, module in modules if (activation := activation_of_module(module)) is not None}
        return ModelRoles(
            parameters=tuple(self._parameter(group) for group in groups.values()),
            branches=tuple(self.branches),
            only_activation=found.pop() if len(found) == 1 else None,
            has_attention=bool(self.places) or any(ATTENTION.search(type_name(module)) for _, module in modules),
            has_normalization=any(is_normalization(module) for _, module in modules),
            reached=None if self.graph.reached is None else frozenset(map(stripped, self.graph.reached)),
        )

    def _branches(self) -> Iterator[Branch]:
        known: set[str] = set()
        for branch in self.graph.branches:
            layers = tuple(map(stripped, branch.layers))
            known.update(layers)
            yield replace(branch, layers=layers)
        for branch in named_branches(self.places, normalized_after=self._normalizes_after()):
            if known.isdisjoint(branch.layers):
                yield branch

    def _normalizes_after(self) -> bool:
        """Whether a transformer normalizes behind its sums: if it does before its branches, one is left for the end."""
        modules = [(stripped(name), module) for name, module in self.model.named_modules()]
        last = max((place for place, (name, _) in enumerate(modules) if name in self.places), default=0)
        blocks = {f"{place.layers}.{place.layer}." for place in self.places.values()}
        outside = (name for name, module in modules[last + 1 :] if is_normalization(module))
        return not any(not name.startswith(tuple(blocks)) for name in outside)

    def _parameter(self, group: list[_Held]) -> ParameterRole:
        group = sorted(group, key=lambda held: held.name)
        counted = min(group, key=_counts)
        role = self._role(counted)
        others = [self._role(held) for held in group if held.holding.operation != counted.holding.operation]
        if role is not None and others and others[0] is not None and others[0].shape == role.shape:
            role = tied_role(role, others[0])
        name = group[0].name
        if role is not None:
            role = replace(role, name=name)
        number_and_branch = self._of(self.branch_of, group)
        padding = next((i for held in group if (i := getattr(held.module, "padding_idx", None)) is not None), None)
        return ParameterRole(
            name=name,
            names=tuple(held.name for held in group),
            kind=counted.holding.kind,
            module=type_name(counted.module),
            tensor=counted.tensor,
            owner=counted.module,
            key=counted.key,
            role=role,
            following=self._of(self.following, group),
            branch=None if number_and_branch is None else number_and_branch[1],
            gates=counted.holding.gates,
            padding=padding,
        )

    @staticmethod
    def _of(known: dict[str, Value], group: list[_Held]) -> Value | None:
        return next((known[held.layer] for held in group if held.layer in known), None)

    def _role(self, held: _Held) -> Role | None:
        holding = held.holding
        if held.tensor.numel() == 0:
            return None
        if holding.kind == "weight":
            return self._weight_role(held, tuple(held.tensor.shape), holding)
        if holding.kind != "bias":
            return None
        weight = self.weights.get((held.layer, holding.weight))
        if weight is None or held.tensor.ndim != 1 or weight.tensor.numel() == 0:
            return None
        parts = weight.holding.parts
        role = bias_role(self._weight_role(weight, tuple(weight.tensor.shape), weight.holding), name=held.name)
        return role if role.shape == tuple(held.tensor.shape) and parts == holding.parts else None

    def _weight_role(self, held: _Held, shape: Shape, holding: Holding) -> Role:
        layer = held.layer
        following = self.following.get(layer)
        return weight_role(
            shape,
            operation=holding.operation,
            order=holding.order,
            groups=holding.groups,
            parts=holding.parts,
            name=held.name,
            layer=self.place_of[layer],
            depth=len(self.place_of),
            activation=following.activation if following is not None else None,
            branch=self._branch_place(layer),
            transformer=transformer_place(layer, holding.parts, self.places),
        )

    def _branch_place(self, layer: str) -> BranchPlace | None:
        if layer not in self.branch_of:
            return None
        number, branch = self.branch_of[layer]
        return BranchPlace(
            number=number,
            count=len(self.branches),
            position=branch.positions[branch.layers.index(layer)],
            length=max(branch.positions),
        )


def _counts(held: _Held) -> tuple[bool, str]:
    """Order the uses of a tensor: one that sums over inputs counts before one that looks up rows."""
    return held.holding.operation == "embedding", held.name


def _held(model: Module) -> Iterator[_Held]:
    for name, module in model.named_modules(remove_duplicate=False):
        if type(module).__name__ == "ParametrizationList" or name.endswith(".parametrizations"):
            continue
        layer = stripped(f"{name}.").removesuffix(".")
        for key, holding in held_by(module, layer):
            yield _Held(layer, key, module, holding, held_tensor(module, key))


def held_tensor(module: Module, key: str) -> Tensor:
    """Return a parameter, or what is computed from the parts of one; these are left as they are.

    Args:
        module: that holds it.
        key: its name there.
    """
    if key in module._parameters:
        return module._parameters[key]
    # Some parametrizations move when they are asked: a spectral norm takes a step of its power iteration.
    with preserved([module.parametrizations[key]], None):
        return getattr(module, key)
