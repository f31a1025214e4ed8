"""What follows each layer of a model and which layers make its residual branches, read from its traced graph.

`torch.fx` runs the code of a model on symbols instead of tensors. Where a model's own code branches on its values and
so cannot be traced, its parts are traced one by one; what follows the last layer of such a part is then not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from firstdraw.activations import Activation
from firstdraw.torch.activations import activation_of_function, activation_of_module
from firstdraw.torch.library import Module, pytorch, type_name
from firstdraw.torch.modules import is_layer, is_normalization
from firstdraw.torch.skeleton import quiet, skeleton

__all__ = ["Branch", "Following", "Graph", "read_graph"]

# What passes a signal on without a nonlinearity of its own.
PASSING_MODULES: Final = (
    "Dropout",
    "Identity",
    "Flatten",
    "Unflatten",
    "Pool",
    "DropPath",
    "Upsample",
    "Pad",
    "Shuffle",
)
PASSING_FUNCTIONS: Final = frozenset(
    [
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_alpha_dropout",
        "flatten",
        "reshape",
        "view",
        "permute",
        "transpose",
        "contiguous",
        "squeeze",
        "unsqueeze",
        "getitem",
        "chunk",
        "split",
        "unbind",
        "float",
        "half",
        "double",
        "to",
        "type",
        "type_as",
        "expand",
        "clone",
        "interpolate",
        "pad",
        "mean",
        "movedim",
        "swapaxes",
        "t",
        "detach",
        "rearrange",
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "avg_pool1d",
        "avg_pool2d",
        "avg_pool3d",
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "adaptive_avg_pool3d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
    ]
)
NORMALIZING_FUNCTIONS: Final = frozenset({"layer_norm", "batch_norm", "group_norm", "instance_norm", "rms_norm"})
ADDITIONS: Final = frozenset({"add", "add_", "iadd"})

Way: TypeAlias = Literal["the traced graph", "the order in a Sequential", "the type of the module"]


@dataclass(frozen=True, slots=True)
class Following:
    """What follows a layer.

    Args:
        activation: the activation; None where none does.
        known: whether it is known what follows.
        normalized: whether a normalization stands between.
        way: how it is known.
    """

    activation: Activation | None
    known: bool
    normalized: bool
    way: Way


@dataclass(frozen=True, slots=True)
class Branch:
    """A residual branch: its layers, by the names of their modules, in the order in which they run.

    Args:
        layers: these names.
        positions: the place of each on its way through the branch, from 1; layers side by side share one.
        normalized_after: whether the sum of the branch and what it skips is normalized.
        normalized_inside: whether a normalization stands in the branch.
    """

    layers: tuple[str, ...]
    positions: tuple[int, ...]
    normalized_after: bool
    normalized_inside: bool


@dataclass
class Graph:
    """What was read.

    Args:
        order: the names of the layers, in the order in which they run first; empty where the whole was not traced.
        following: by the name of each layer of the parts that were traced.
        branches: the residual branches that were found, in the order in which they end.
        reached: the names of the modules that run; None where the whole was not traced.
    """

    order: tuple[str, ...] = ()
    following: dict[str, Following] = field(default_factory=dict[str, Following])
    branches: list[Branch] = field(default_factory=list[Branch])
    reached: frozenset[str] | None = None


def read_graph(model: Module) -> Graph:
    """Return what follows each layer of a model, and its branches, as far as its code can be traced."""
    graph, copied = Graph(), skeleton(model)
    if copied is not None:
        with quiet():
            _read(copied, "", graph)
    return graph


def _read(module: Module, name: str, graph: Graph) -> None:
    typed = _typed(module, name)
    if typed is not None:
        graph.following.update(typed.following)
        graph.branches += typed.branches
        return
    children = list(module.named_children())
    if not children:
        return
    traced = _trace(module)
    if traced is None:
        for child, inside in children:
            _read(inside, _joined(name, child), graph)
        if isinstance(module, pytorch().nn.Sequential):
            graph.following |= _by_order(name, children) | graph.following
        return
    part = _Traced(module, traced, name)
    graph.following.update(part.following())
    graph.branches += part.branches()
    for child in part.untraced():
        _read(module.get_submodule(child), _joined(name, child), graph)
    if not name:
        graph.order = part.order()
        graph.reached = part.reached()


def _joined(outer: str, name: str) -> str:
    return f"{outer}.{name}" if outer and name else outer or name


def _trace(module: Module) -> Any | None:  # noqa: ANN401
    """Return the nodes of a module's graph; None where it cannot be traced."""
    fx = pytorch().fx

    class Tracer(fx.Tracer):
        def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:  # noqa: ARG002
            return _is_leaf(m)

    try:
        return list(Tracer(param_shapes_constant=True).trace(module).nodes)
    except Exception:  # tracing runs code of the model's author
        return None


def _is_leaf(module: Module) -> bool:
    torch = pytorch()
    own = (torch.nn.MultiheadAttention, torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer)
    alone = not any(True for _ in module.children()) or isinstance(module, torch.nn.RNNBase | own[0] | own[1] | own[2])
    return alone or torch.nn.utils.parametrize.is_parametrized(module)


def _typed(module: Module, name: str) -> Graph | None:
    """Return what is known of PyTorch's own layers of transformers, whose code cannot be traced."""
    torch = pytorch()
    decoder = isinstance(module, torch.nn.TransformerDecoderLayer)
    if not decoder and not isinstance(module, torch.nn.TransformerEncoderLayer):
        return None
    given = module.activation
    activation = activation_of_module(given) or activation_of_function(getattr(given, "__name__", ""))
    inner, outer = _joined(name, "linear1"), _joined(name, "linear2")
    way: Way = "the type of the module"
    following = {
        inner: Following(activation, activation is not None, False, way),
        outer: Following(None, True, False, way),
    }
    after = not module.norm_first
    attentions = ["self_attn", "multihead_attn"] if decoder else ["self_attn"]
    branches: list[Branch] = []
    for attention in attentions:
        packed = _joined(name, attention)
        following |= {layer: Following(None, True, False, way) for layer in (packed, f"{packed}.out_proj")}
        branches.append(Branch((packed, f"{packed}.out_proj"), (1, 2), after, not after))
    branches.append(Branch((inner, outer), (1, 2), after, not after))
    return Graph(following=following, branches=branches)


def _by_order(name: str, children: list[tuple[str, Module]]) -> dict[str, Following]:
    """Return what follows the layers of a Sequential, each of which runs after the one before."""
    found: dict[str, Following] = {}
    for place, (child, module) in enumerate(children):
        if not is_layer(module):
            continue
        normalized = False
        for _, after in children[place + 1 :]:
            activation = activation_of_module(after)
            normalized = normalized or is_normalization(after)
            if activation is None and (_passes(after) or is_normalization(after)):
                continue
            known = activation is not None or is_layer(after)
            found[_joined(name, child)] = Following(activation, known, normalized, "the order in a Sequential")
            break
    return found


def _passes(module: Module) -> bool:
    return any(part in type_name(module) for part in PASSING_MODULES)


class _Traced:
    """The graph of a module, each of whose nodes knows which nodes it depends on."""

    def __init__(self, module: Module, nodes: list[Any], name: str) -> None:
        self.module = module
        self.nodes = nodes
        self.name = name
        self.place = {node: place for place, node in enumerate(nodes)}
        # A set of nodes is a number whose bits are their places.
        self.before: list[int] = []
        for place, node in enumerate(nodes):
            bits = 1 << place
            for source in node.all_input_nodes:
                bits |= self.before[self.place[source]]
            self.before.append(bits)
        self.layers = 0
        for place, node in enumerate(nodes):
            if node.op == "call_module" and is_layer(self._called(node)):
                self.layers |= 1 << place

    def _called(self, node: Any) -> Module:  # noqa: ANN401
        return self.module.get_submodule(node.target)

    def _full(self, node: Any) -> str:  # noqa: ANN401
        return _joined(self.name, str(node.target))

    def _layer_nodes(self, bits: int) -> Iterator[Any]:
        bits &= self.layers
        while bits:
            place = (bits & -bits).bit_length() - 1
            yield self.nodes[place]
            bits &= bits - 1

    def order(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for node in self._layer_nodes(self.layers) for name in self._names(node)))

    def reached(self) -> frozenset[str]:
        called = {self._full(node) for node in self.nodes if node.op in {"call_module", "get_attr"}}
        return frozenset(called)

    def untraced(self) -> list[str]:
        """Return the modules that were called and not looked into, though there are layers in them."""
        torch = pytorch()
        called = {str(node.target) for node in self.nodes if node.op == "call_module"}
        layers = (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer)
        return [name for name in sorted(called) if isinstance(self.module.get_submodule(name), layers)]

    def _names(self, node: Any) -> list[str]:  # noqa: ANN401
        """Return the names of the layers of a node: attention has two."""
        name = self._full(node)
        attention = isinstance(self._called(node), pytorch().nn.MultiheadAttention)
        return [name, f"{name}.out_proj"] if attention else [name]

    def following(self) -> dict[str, Following]:
        found: dict[str, Following] = {}
        for node in self._layer_nodes(self.layers):
            *inside, last = self._names(node)
            found |= {name: Following(None, True, False, "the traced graph") for name in inside}
            found.setdefault(last, self._follows(node))
        return found

    def _follows(self, layer: Any) -> Following:  # noqa: ANN401
        """Return what follows a layer; not known where several things do, or the traced part of the model ends."""
        ends: list[tuple[Activation | None, bool, bool]] = []
        waiting, seen = [(user, False) for user in layer.users], set[Any]()
        while waiting:
            node, normalized = waiting.pop()
            if (node, normalized) in seen:
                continue
            seen.add((node, normalized))
            activation = self._activation(node)
            if activation is not None:
                ends.append((activation, True, normalized))
            elif self._passes(node):
                normalized = normalized or self._normalizes(node)
                waiting += [(user, normalized) for user in node.users]
            else:
                ends.append((None, node.op != "output" or not self.name, normalized))
        # A layer that feeds its own gate, as x sigmoid(x), has two that are not one.
        activations = {end[0] for end in ends}
        known = len(activations) == 1 and all(end[1] for end in ends)
        normalized = any(end[2] for end in ends)
        return Following(activations.pop() if known else None, known, normalized, "the traced graph")

    def _function(self, node: Any) -> str:  # noqa: ANN401
        if node.op == "call_method":
            return str(node.target)
        return getattr(node.target, "__name__", "") if node.op == "call_function" else ""

    def _activation(self, node: Any) -> Activation | None:  # noqa: ANN401
        if node.op == "call_module":
            return activation_of_module(self._called(node))
        return activation_of_function(self._function(node), node.args, node.kwargs)

    def _normalizes(self, node: Any) -> bool:  # noqa: ANN401
        if node.op == "call_module":
            return is_normalization(self._called(node))
        return self._function(node) in NORMALIZING_FUNCTIONS

    def _passes(self, node: Any) -> bool:  # noqa: ANN401
        if self._normalizes(node):
            return True
        if node.op == "call_module":
            return _passes(self._called(node))
        function = self._function(node)
        # A sum that ends no branch leaves open what follows it.
        return function in PASSING_FUNCTIONS or (function in ADDITIONS and self._sides(node) is None)

    def _sides(self, node: Any) -> int | None:  # noqa: ANN401
        """Return the layers of the branch that ends in a sum, as bits; None where the sum ends none.

        Two sides that have a node in common before them are a branch and what skips it: the side with more layers is
        the branch. Sides of equal length are neither, nor are embeddings alone.
        """
        torch = pytorch()
        sources = [source for source in node.args if isinstance(source, torch.fx.Node)]
        if self._function(node) not in ADDITIONS or len(sources) != 2 or sources[0] is sources[1]:
            return None
        first, second = (self.before[self.place[source]] for source in sources)
        common = first & second
        sides = sorted(((side & ~common & self.layers) for side in (first, second)), key=int.bit_count)
        skip, branch = sides
        if not common or skip.bit_count() == branch.bit_count():
            return None
        embeddings = (torch.nn.Embedding, torch.nn.EmbeddingBag)
        if all(isinstance(self._called(layer), embeddings) for layer in self._layer_nodes(branch)):
            return None
        return branch

    def branches(self) -> list[Branch]:
        found: list[Branch] = []
        taken = 0
        for place, node in enumerate(self.nodes):
            bits = self._sides(node)
            if bits is None or not bits & ~taken:
                continue
            own = bits & ~taken
            taken |= own
            positions = self._positions(own)
            after = bool(node.users) and all(self._normalizes(user) for user in node.users)
            inside = self._normalized_inside(place, bits)
            found.append(Branch(tuple(positions), tuple(positions.values()), after, inside))
        # Where branches begin with a normalization, the last sum alone is followed by nothing else.
        after = all(branch.normalized_after for branch in found)
        return [replace(branch, normalized_after=after) for branch in found]

    def _positions(self, bits: int) -> dict[str, int]:
        """Return the place of each layer on the longest way to it through the layers of a branch."""
        places: dict[str, int] = {}
        reached: dict[int, int] = {}
        for node in self._layer_nodes(bits):
            place = self.place[node]
            start = max((last for other, last in reached.items() if self.before[place] >> other & 1), default=0)
            for position, name in enumerate(self._names(node), start + 1):
                places.setdefault(name, position)
                reached[place] = position
        return places

    def _normalized_inside(self, place: int, bits: int) -> bool:
        """Whether a normalization stands before the sum and behind, or right before, the branch's first layer."""
        first = (bits & -bits).bit_length() - 1
        before = {source for source in self.nodes[first].all_input_nodes if self._normalizes(source)}
        between = (
            self._normalizes(node)
            for later, node in enumerate(self.nodes[first:place], first)
            if self.before[place] >> later & 1 and self.before[later] >> first & 1
        )
        return bool(before) or any(between)
