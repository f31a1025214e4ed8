"""What is done with the model of each size and seed: how it is built, called and trained."""

from __future__ import annotations

import copy
import inspect
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.coordinates.scans import Size
from firstdraw.torch.failing import said
from firstdraw.torch.generators import seeded
from firstdraw.torch.initializing import initialize
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.refusals import check_runnable
from firstdraw.torch.schemes import Scheme
from firstdraw.torch.trees import tensors_in

__all__ = ["Batch", "Trial", "batches_of", "check_factory"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a model is called with, and what its loss compares the outputs with.

    Args:
        args: by place.
        kwargs: by name.
        targets: None where there are none.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    targets: Any

    @property
    def examples(self) -> int:
        """How many examples there are: the length of the first input."""
        return next((len(tensor) for tensor in tensors_in((self.args, self.kwargs)) if tensor.ndim), 1)

    def copied(self) -> Batch:
        """Return the same numbers in other memory: a model may write to what it is given.

        Raises:
            InputError: if something in it cannot be copied.
        """
        whole = (self.args, self.kwargs, self.targets)
        memory: dict[int, Any] = {id(tensor): _copied(tensor) for tensor in tensors_in(whole)}
        try:
            return Batch(*copy.deepcopy(whole, memory))
        except Exception as error:
            raise InputError("args", f"must be what can be copied for each model: {said(error)}") from error


def _copied(tensor: Tensor) -> Tensor:
    """Return a copy that asks for a gradient, and can be written to, as the tensor does and can."""
    copied = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    return copied if tensor.is_leaf else copied.clone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is the same for the models of all sizes.

    Args:
        factory: what builds a model of a size.
        measured: the batch on which the layers are measured.
        batches: one for each step; empty where the measured one is trained on.
        loss: None for a random projection of the outputs.
        optimizer: what makes an optimizer for a model.
        scheme: what the model is initialized by; None where the factory's own numbers are kept.
        steps: how many.
        seeds: of the models, one each.
    """

    factory: Callable[..., Any]
    measured: Batch
    batches: tuple[Batch, ...]
    loss: Callable[..., Any] | None
    optimizer: Callable[..., Any]
    scheme: Scheme | None
    steps: int
    seeds: tuple[int, ...]
    _built: list[tuple[Size, weakref.ref[Any]]] = field(
        default_factory=list[tuple[Size, "weakref.ref[Any]"]], init=False, repr=False
    )

    def model(self, size: Size, seed: int) -> Module:
        """Build the model of a size and a seed.

        Raises:
            FirstdrawError: if the factory fails.
            InputError: if it returns no model that can be measured, or one that it returned before.
        """
        seeded(seed)
        args, kwargs = size.arguments
        try:
            model = self.factory(*args, **kwargs)
        except Exception as error:
            raise FirstdrawError(f"the factory fails: {said(error)}") from error
        if not isinstance(model, pytorch().nn.Module):
            raise InputError("factory", "must return a `torch.nn.Module`", type(model).__name__)
        for earlier, reference in self._built:
            if reference() is model:
                raise InputError(
                    "factory",
                    f"must build a new model each time that it is called, and returned the one for {earlier} again",
                )
        self._built.append((size, weakref.ref(model)))
        check_runnable(model)
        if self.scheme is not None:
            initialize(model, self.scheme, seed=seed)
        return model

    def optimizer_of(self, model: Module, size: Size) -> Any:  # noqa: ANN401
        """Return an optimizer for a model.

        Raises:
            FirstdrawError: if the function that makes it fails.
            InputError: if it returns none, or one without a parameter of the model.
        """
        asked = _names_of(self.optimizer)
        by_name = {name: value for name, value in size.named.items() if name in asked}
        try:
            optimizer = self.optimizer(model, **by_name)
        except Exception as error:
            raise FirstdrawError(f"no optimizer could be made for the model: {said(error)}") from error
        if not isinstance(optimizer, pytorch().optim.Optimizer):
            rule = "must return an optimizer of `torch.optim` for a model"
            raise InputError("optimizer", rule, type(optimizer).__name__)
        parameters = {id(parameter) for parameter in model.parameters()}
        held: list[dict[str, Any]] = optimizer.param_groups
        if not any(id(parameter) in parameters for group in held for parameter in group["params"]):
            raise InputError("optimizer", "must hold parameters of the model that it is given, and holds none of them")
        return optimizer


def _names_of(function: Callable[..., Any]) -> set[str]:
    """Return the names of a function's parameters; none where they are not known."""
    with suppress(ValueError, TypeError):
        return set(inspect.signature(function).parameters)
    return set()


def check_factory(factory: object, size: Size) -> Callable[..., Any]:
    """Refuse what cannot be asked for a model of a size.

    Raises:
        InputError: if it is no function, or takes other arguments.
    """
    if isinstance(factory, pytorch().nn.Module):
        raise InputError(
            "factory", "must be a function that builds a model of each size, and is a model", type(factory).__name__
        )
    if not callable(factory):
        raise InputError("factory", "must be a function that builds a model of each size", factory)
    args, kwargs = size.arguments
    try:
        _check_takes(factory, *args, **kwargs)
    except TypeError as error:
        call = ", ".join([*map(str, args), *(f"{name}={value}" for name, value in kwargs.items())])
        rule = f"must be a function that can be called as `factory({call})`: {error}"
        raise InputError("factory", rule) from None
    return factory


def _check_takes(function: Callable[..., Any], *args: int, **kwargs: int) -> None:
    """Raise TypeError if a function does not take arguments; of some that are not written in Python it is not known."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return
    signature.bind(*args, **kwargs)


def batches_of(given: Iterable[Any] | None, steps: int) -> tuple[Batch, ...]:
    """Return the batches of the steps; none where none are given.

    Args:
        given: pairs of inputs and targets, as a `DataLoader` gives them; inputs are a tensor, or several by place in a
            sequence or by name in a mapping.
        steps: how many of them are needed.

    Raises:
        InputError: if there are too few, or one is no pair.
    """
    if given is None:
        return ()
    try:
        batches = iter(given)
    except TypeError:
        raise InputError("batches", "must be pairs of inputs and targets, one for each step", given) from None
    pairs = list(islice(batches, steps))
    if len(pairs) < steps:
        raise InputError("batches", f"must hold a batch for each of the {steps} steps", len(pairs))
    return tuple(_batch(f"batches[{i}]", pair) for i, pair in enumerate(pairs))


def _batch(name: str, pair: object) -> Batch:
    kind = type(pair).__name__
    items: list[Any] = list(cast("list[Any]", pair)) if isinstance(pair, tuple | list) else []
    if len(items) != 2:
        raise InputError(name, "must be a pair of inputs and targets", kind)
    inputs, targets = items
    if isinstance(inputs, Mapping):
        return Batch((), cast("Mapping[str, Any]", inputs), targets)
    if isinstance(inputs, tuple | list):
        return Batch(tuple(cast("Sequence[Any]", inputs)), {}, targets)
    return Batch((inputs,), {}, targets)
