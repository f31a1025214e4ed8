"""By what a stored run of one's own model is found again.

The task: the model's modules, parameters and the code of its classes; the code of the factory, of the loss, of what
makes the optimizer, and the optimizer's own options; the first batch of the seed 0; the number of steps, the
evaluation, the kind of device, the version of PyTorch, and a name. The start: the scheme, and the version of this
package where it draws. What none of this shows, as a later batch or a file that the code reads, the name must tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from firstdraw.experiments.store import Description, Series, described
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.torch.automatic import entry_of
from firstdraw.torch.comparison.batches import Batches, Loader, fingerprint, iterable
from firstdraw.torch.comparison.building import optimizer_of
from firstdraw.torch.comparison.code import digest, of_callable, of_modules
from firstdraw.torch.comparison.starts import AS_BUILT, Start
from firstdraw.torch.comparison.training import Evaluation, Task
from firstdraw.torch.library import Module, pytorch
from firstdraw.version import __version__

__all__ = ["series_of"]


def series_of(task: Task, start: Start, rate: float | None, model: Module, name: str) -> Series:
    """Return the series that the runs of a start at a rate belong to.

    Args:
        task: what is trained, and how.
        start: what it begins with.
        rate: the learning rate; None for the optimizer's own.
        model: one that the factory has built.
        name: what the user calls the task.

    Raises:
        InputError: if the loader or the optimizer is none.
    """
    objective = task.objective
    functions = {"loss": objective.loss, "forward": objective.forward}
    table: dict[str, Any] = {
        "name": name,
        "model": {
            "class": type(model).__name__,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "factory": of_callable(task.factory),
            "structure": _structure(model),
            "code": of_modules(model),
        },
        "data": {"first_batch": fingerprint(next(Batches(task.loader, 0))), "loader": _of_loader(task.loader)},
        "training": {
            "steps": task.steps,
            "optimizer": _of_optimizer(task.optimizer, model, rate),
            **{key: None if value is None else of_callable(value) for key, value in functions.items()},
        },
        "evaluation": None if task.evaluation is None else _of_evaluation(task.evaluation),
        "device": task.device.type if task.device is not None else next(iter(model.parameters())).device.type,
        "torch": pytorch().__version__,
    }
    return Series(described(table), _of_start(start))


def _structure(model: Module) -> str:
    lines = [
        f"{name} {list(tensor.shape)} {tensor.dtype} {tensor.requires_grad}"
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    ]
    return digest("\n".join([repr(model), *lines]))


def _of_loader(loader: Loader) -> dict[str, Any]:
    batches: Any = iterable(loader)
    if batches is not None:
        own = {key: getattr(batches, key, None) for key in ("batch_size", "drop_last", "num_workers")}
        return {"class": type(batches).__name__, **{key: value for key, value in own.items() if value is not None}}
    return of_callable(loader)


def _of_optimizer(make: Callable[..., Any], model: Module, rate: float | None) -> dict[str, Any]:
    optimizer = optimizer_of(make, model, rate)
    groups = [
        {"parameters": len(group["params"]), **{key: _plain(value) for key, value in group.items() if key != "params"}}
        for group in optimizer.param_groups
    ]
    return {"name": type(optimizer).__name__, "rate": rate, "groups": groups, "made_by": of_callable(make)}


def _plain(value: Any) -> Any:  # noqa: ANN401  # an option of an optimizer
    return value.tolist() if isinstance(value, pytorch().Tensor) else value


def _of_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    batches = iterable(evaluation)
    if batches is not None:
        return {"first_batch": fingerprint(next(Batches(batches, 0)))}
    return of_callable(evaluation)


def _of_start(start: Start) -> Description:
    """Return the description of a scheme; names that mean the same are written alike."""
    scheme = start.scheme
    if scheme == AS_BUILT:
        return described({"scheme": {"name": AS_BUILT}})
    if start.function is not None:
        return described({"scheme": of_callable(start.function)})
    if isinstance(scheme, Mapping):
        # Of the patterns the first that fits counts, so their order does.
        rules = [[pattern, _of_rule(rule)] for pattern, rule in cast("Mapping[str, Any]", scheme).items()]
        return described({"scheme": {"name": "rules", "rules": rules}, "firstdraw": __version__})
    return described({"scheme": _of_rule(scheme), "firstdraw": __version__})


def _of_rule(rule: Any) -> Any:  # noqa: ANN401
    given = INITIALIZERS[rule]() if isinstance(rule, str) and rule in INITIALIZERS else rule
    if isinstance(given, Initializer):
        return {"name": entry_of(given), "options": repr(given)}
    if isinstance(given, Mapping):
        return dict(cast("Mapping[str, Any]", given))
    return {"name": given if isinstance(given, str) else repr(given)}
