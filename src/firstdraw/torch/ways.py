"""How layers lead to one another, read from what autograd recorded.

Each layer's output is marked on the node of the graph that made it. From what a module is given the way back leads to
the marks of the layers before, past nodes that only look at the same numbers in another shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from firstdraw.torch.library import Tensor

__all__ = ["before_and_after", "bypassed", "function_of", "maker", "mark", "marked", "origins"]

MARK: Final = "firstdraw.layer"
# Beyond so many nodes without a mark the way back is given up: a model that computes without modules.
MOST_NODES: Final = 2000

VIEWS: Final = frozenset(
    f"{name}Backward{number}"
    for name in (
        "View",
        "UnsafeView",
        "ReshapeAlias",
        "Transpose",
        "Permute",
        "T",
        "Squeeze",
        "Unsqueeze",
        "Clone",
        "ToCopy",
        "Alias",
        "Unfold",
    )
    for number in (0, 1, 2, 3)
)

FUNCTIONS: Final = {
    "ReluBackward0": "relu",
    "ThresholdBackward0": "relu",
    "HardtanhBackward0": "hardtanh",
    "TanhBackward0": "tanh",
    "SigmoidBackward0": "sigmoid",
    "HardsigmoidBackward0": "hardsigmoid",
    "GeluBackward0": "gelu",
    "SiluBackward0": "silu",
    "MishBackward0": "mish",
    "HardswishBackward0": "hardswish",
    "LeakyReluBackward0": "leaky_relu",
    "EluBackward0": "elu",
    "CeluBackward0": "celu",
    "SoftplusBackward0": "softplus",
    "SinBackward0": "sin",
    "ErfBackward0": "erf",
    "AddBackward0": "sum",
}


def maker(tensor: Tensor) -> Any:  # noqa: ANN401  # a node of autograd's graph
    """Return the node that made a tensor's numbers, past those that only look at them; None where there is none."""
    node = tensor.grad_fn
    while node is not None and MARK not in node.metadata and node.name() in VIEWS:
        node = node.next_functions[0][0]
    return node


def mark(node: Any, layer: int) -> None:  # noqa: ANN401
    """Mark a node as the one that made a layer's output; None is none."""
    if node is not None:
        node.metadata[MARK] = layer


def marked(node: Any) -> int | None:  # noqa: ANN401
    """Return the layer whose output a node made; None where it made none."""
    return None if node is None else node.metadata.get(MARK)


def function_of(node: Any) -> str | None:  # noqa: ANN401
    """Return the activation that a node computed, or "sum" where it added two signals; None for anything else."""
    if node is None:
        return None
    name = FUNCTIONS.get(node.name())
    if name == "hardtanh":
        lowest, highest = node._saved_min_val, node._saved_max_val
        return "relu6" if lowest == 0 else "hardtanh" if (lowest, highest) == (-1, 1) else None
    if name == "sum":
        # Adding a bias, a position or a constant to a signal makes no other signal of it.
        return "sum" if sum(bool(origins(before)) for before, _ in node.next_functions) > 1 else None
    return name


def origins(node: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Return the layers whose outputs lead to a node without another layer between, in order."""
    found: set[int] = set()
    seen: set[Any] = set()
    waiting = [node]
    while waiting and len(seen) < MOST_NODES:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        layer = marked(node)
        if layer is not None:
            found.add(layer)
        else:
            waiting.extend(before for before, _ in node.next_functions)
    return tuple(sorted(found))


def bypassed(fed_by: Sequence[Sequence[int]]) -> list[bool]:
    """Return which layers a way leads around, from a layer before them to one after them.

    Args:
        fed_by: for each layer those that lead to it, all with smaller numbers, counted from 0.

    >>> bypassed([[], [0], [1], [0, 2], [3]])
    [False, True, True, False, False]
    """
    before, after = before_and_after(fed_by)
    around = 0
    for layer, sources in enumerate(fed_by):
        for source in sources:
            around |= after[source] & before[layer]
    return [bool(around >> layer & 1) for layer in range(len(fed_by))]


def before_and_after(fed_by: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return for each layer the sets of those that lead to it and of those that it leads to, as the bits of integers.

    Args:
        fed_by: for each layer those that lead to it, all with smaller numbers, counted from 0.

    >>> before_and_after([[], [0], [1]])
    ([0, 1, 3], [6, 4, 0])
    """
    before: list[int] = []
    for sources in fed_by:
        before.append(0)
        for source in sources:
            before[-1] |= before[source] | 1 << source
    after = [0] * len(fed_by)
    for layer in reversed(range(len(fed_by))):
        for source in fed_by[layer]:
            after[source] |= after[layer] | 1 << layer
    return before, after
