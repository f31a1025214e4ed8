"""Hooks on the modules of a model that measure each layer when it runs, and each gradient when it comes back."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from firstdraw.torch.layers import Sort
from firstdraw.torch.library import Module, Tensor, pytorch, type_name
from firstdraw.torch.sums import signal_sums, square_sum
from firstdraw.torch.trees import is_dense, tensors_in
from firstdraw.torch.ways import function_of, maker, mark, marked, origins

__all__ = ["Key", "Recorder", "Recording", "Visit", "as_written", "own_parameters"]

Key: TypeAlias = tuple[str, str, int]
"""What tells a layer from others of a model: its name, its kind, and which call of the two it is, from 1."""

ACTIVATIONS: Final = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softsign": "softsign",
    "Hardsigmoid": "hardsigmoid",
}
"""Modules that are told by their class, where autograd records something else or nothing."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """One layer as it ran, its numbers still on their device.

    Args:
        name: of the module.
        kind: its class, or the function.
        sort: what it does.
        call: which call of the module it is.
        module: the module; None for a function.
        fed_by: the layers before it, counted from 0.
        shape: that of its output.
        examples: how many.
        units: how many.
        eps: the spacing of its floating-point format at 1.
        sums: of its output, as `SIGNAL_SUMS` names them, or what else was measured.
        gradient: the sum of squares of the gradient by its output; None as long as none came.
    """

    name: str
    kind: str
    sort: Sort
    call: int
    module: Module | None
    fed_by: tuple[int, ...]
    shape: tuple[int, ...]
    examples: int
    units: int
    eps: float
    sums: Tensor
    gradient: Tensor | None = None

    @property
    def key(self) -> Key:
        """What tells this layer from others of the model."""
        return self.name, self.kind, self.call


@dataclass(slots=True)
class Visit:
    """A call of a module that has not returned yet.

    Args:
        name: the module's.
        module: the module.
        fed_by: what led to it, if that was looked at before it ran.
        makers: the nodes that made what it was given, likewise.
        inner: whether a layer was recorded inside it.
    """

    name: str
    module: Module
    fed_by: tuple[int, ...] | None = None
    makers: tuple[Any, ...] = ()
    inner: bool = False


@dataclass(slots=True)
class Recorder:
    """Measures the layers of a model while it runs.

    Args:
        examples: how many examples the model is given.
        measure: what takes the numbers of an output as it comes, and no gradients then; None for `SIGNAL_SUMS`.
        recordings: the layers so far.
        visits: the calls that have not returned, the outermost first.
    """

    examples: int
    measure: Callable[[Key, Tensor], Tensor] | None = None
    recordings: list[Recording] = field(default_factory=list[Recording])
    visits: list[Visit] = field(default_factory=list[Visit])
    _calls: Counter[str] = field(default_factory=Counter[str])
    _axes: dict[tuple[int, ...], int] = field(default_factory=dict[tuple[int, ...], int])

    @contextmanager
    def on(self, model: Module) -> Generator[None]:
        """Have the model's modules measured within the block."""
        handles: list[Any] = []
        frames = sys.getrecursionlimit()
        try:
            # With hooks the call of a module goes through more functions, and what is deeply nested would not end.
            sys.setrecursionlimit(2 * frames)
            for name, module in model.named_modules():
                if not _is_of_a_parametrization(name):
                    handles.append(module.register_forward_pre_hook(self._entering(name), with_kwargs=True))
                    handles.append(module.register_forward_hook(self._leaving(), with_kwargs=True))
            yield
        finally:
            sys.setrecursionlimit(frames)
            for handle in handles:
                handle.remove()

    def _entering(self, name: str) -> Callable[..., None]:
        def enter(module: Module, args: Any, kwargs: Any) -> None:  # noqa: ANN401
            visit = Visit(name, module)
            self.visits.append(visit)
            if not _has_layers(module):
                # Afterwards an operation in place may have made something else of what came.
                visit.makers = tuple(maker(tensor) for tensor in tensors_in((args, kwargs)))
                visit.fed_by = self._led_here(name, (args, kwargs))

        return enter

    def _leaving(self) -> Callable[..., None]:
        def leave(module: Module, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ANN401
            # Calls above this one ended with an error that the model caught.
            while self.visits and self.visits[-1].module is not module:
                self.visits.pop()
            visit = self.visits.pop() if self.visits else None
            if visit is not None and not visit.inner:
                self._record_module(visit, (args, kwargs), output)

        return leave

    def _led_here(self, name: str, given: object) -> tuple[int, ...]:
        """Return the layers that lead to what a module is given, after recording the functions among them."""
        found: set[int] = set()
        for tensor in tensors_in(given):
            node = maker(tensor)
            if node is None:
                continue
            function = function_of(node) if marked(node) is None and tensor.is_floating_point() else None
            if function is not None and _is_signal(tensor):
                sort: Sort = "sum" if function == "sum" else "activation"
                self._record(name, function, sort, None, origins(node), tensor, function)
                mark(node, len(self.recordings) - 1)
            found.update(origins(node))
        return tuple(sorted(found))

    def _record_module(self, visit: Visit, given: object, output: object) -> None:
        outputs = [tensor for tensor in tensors_in(output) if tensor.is_floating_point() and _is_signal(tensor)]
        if not outputs:
            return
        tensor = next((item for item in outputs if item.requires_grad), outputs[0])
        node = maker(tensor)
        handed_on = any(tensor is item for item in tensors_in(given)) and (node is None or node in visit.makers)
        if handed_on or marked(node) is not None:
            # It only looks at what came, or hands it on.
            return
        fed_by = self._led_here(visit.name, given) if visit.fed_by is None else visit.fed_by
        kind = type_name(visit.module)
        function = ACTIVATIONS.get(kind) or function_of(node)
        sort = _sort(visit.module, function)
        self._record(visit.name, kind, sort, visit.module, fed_by, tensor, function)
        for item in outputs:
            mark(item.grad_fn, len(self.recordings) - 1)
        for outer in self.visits:
            outer.inner = True

    def _record(
        self,
        name: str,
        kind: str,
        sort: Sort,
        module: Module | None,
        fed_by: tuple[int, ...],
        tensor: Tensor,
        function: str | None,
    ) -> None:
        self._calls[f"{name} {kind}"] += 1
        examples, units = self._example_axis(module, tensor), self._unit_axis(module, sort, tensor)
        call = self._calls[f"{name} {kind}"]
        recording = Recording(
            name=name,
            kind=kind,
            sort=sort,
            call=call,
            module=module,
            fed_by=fed_by,
            shape=tuple(tensor.shape),
            examples=tensor.shape[examples],
            units=tensor.shape[units],
            eps=pytorch().finfo(tensor.dtype).eps,
            sums=signal_sums(tensor, examples=examples, units=units, activation=function)
            if self.measure is None
            else self.measure((name, kind, call), tensor),
        )
        self.recordings.append(recording)
        if tensor.requires_grad and self.measure is None:

            def come_back(gradient: Tensor) -> None:
                recording.gradient = square_sum(gradient)

            tensor.register_hook(come_back)

    def _example_axis(self, module: Module | None, tensor: Tensor) -> int:
        """Return the axis of the examples: the first, unless a module says or the shape shows that it is the second."""
        if tensor.ndim < 3:
            return 0
        second = getattr(module, "batch_first", True) is False
        return int(second or (tensor.shape[0] != self.examples and tensor.shape[1] == self.examples))

    def _unit_axis(self, module: Module | None, sort: Sort, tensor: Tensor) -> int:
        """Return the axis of the features or channels; of what has no weights, that of the last layer of its shape."""
        shape = tuple(tensor.shape)
        if sort in {"weight", "embedding"} or shape not in self._axes:
            weight = max((item.ndim for item in own_parameters(module)), default=0)
            convolution = "Conv" in type_name(module) and weight > 2
            self._axes[shape] = min(1, len(shape) - 1) if convolution or len(shape) > 3 else len(shape) - 1
        return self._axes[shape]


@contextmanager
def as_written() -> Generator[None]:
    """Run within the block what `torch.compile` made as it was written: hooks would have it compiled anew."""
    with ExitStack() as stack:
        # Nothing can be compiled as long as the compiler is not imported, which takes a second.
        if "torch._dynamo" in sys.modules:
            stack.enter_context(pytorch().compiler.set_stance("force_eager"))
        yield


def own_parameters(module: Module | None) -> list[Tensor]:
    """Return the parameters of a layer: as no module in it is one, those of all modules in it are its own."""
    return [] if module is None else list(module.parameters())


def _is_of_a_parametrization(name: str) -> bool:
    return "parametrizations" in name.split(".")


def _has_layers(module: Module) -> bool:
    return any(name != "parametrizations" for name, _ in module.named_children())


def _is_signal(tensor: Tensor) -> bool:
    return is_dense(tensor) and tensor.ndim > 0 and tensor.numel() > 0


def _sort(module: Module, function: str | None) -> Sort:
    parameters = own_parameters(module)
    kind = type_name(module)
    if "Norm" in kind:
        return "normalization"
    if "Embedding" in kind:
        return "embedding"
    if any(parameter.ndim > 1 for parameter in parameters):
        return "weight"
    if function == "sum":
        return "sum"
    return "other" if function is None else "activation"
