"""The one call: check a model of PyTorch on a batch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from firstdraw.errors import InputError
from firstdraw.torch.causes import findings_of
from firstdraw.torch.inputs import named_inputs
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.measuring import Call, measure
from firstdraw.torch.preserving import preserved, seeded
from firstdraw.torch.shown import Check
from firstdraw.torch.trees import named_tensors

__all__ = ["check"]


def check(
    model: Module,
    *args: Any,  # noqa: ANN401  # whatever the model takes
    loss: Callable[..., Any] | None = None,
    targets: Any = None,  # noqa: ANN401  # whatever the loss takes
    optimizer: Any = None,  # noqa: ANN401  # optimizers of PyTorch
    seed: int = 0,
    **kwargs: Any,  # noqa: ANN401
) -> Check:
    """Measure an unmodified model in one forward and one backward pass, and say what is wrong with its start.

        print(check(model, batch))
        check(model, input_ids, attention_mask=mask, loss=lambda outputs, y: ..., targets=y, optimizer=adam)

    The model is called as `model(*args, **kwargs)`, in the mode it is in, and may return tensors in any nesting. The
    gradient is that of loss(outputs, targets), or loss(outputs) without targets. Without a loss it is that of a random
    projection of the outputs y_k, of E_k elements for each of m examples,

        C = (1/m) sum_k <p_k, y_k>/sqrt(E_k),    p_k ~ N(0, 1),

    which sends back a gradient of the same size whatever the outputs are; then nothing can be said of the loss.

    Afterwards the model is bit for bit what it was, also if the call fails: parameters, buffers, gradients, training
    flags, hooks, other attributes and the states of random number generators, with the tensors that it was given. Out
    of reach is what is written past PyTorch, as into a NumPy array that shares a parameter's memory.

    Hooks and `torch.compile` do not meet: a compiled model is run as it was written.

    With the optimizer, the norm of each parameter's change in its next step is compared with the parameter's own; it
    takes a copy of the largest parameter and of its state.

    Args:
        model: a module, with the memory of its parameters.
        args: what it is called with.
        loss: C, a function or a module.
        targets: what the loss compares the outputs with.
        optimizer: one of `torch.optim` that holds the model's parameters.
        seed: of all random numbers: those of the projection, and those that the model itself draws for dropout.
        kwargs: what it is called with by name. Arguments of the model that have the name of one above are passed by
            place.

    Raises:
        InputError: if the model, an input, the loss or the optimizer cannot be used.
        FirstdrawError: if PyTorch is not installed, the model fails, or no gradient comes back.

    >>> import torch  # doctest: +SKIP
    >>> layers = (part for _ in range(20) for part in (torch.nn.Linear(64, 64), torch.nn.ReLU()))  # doctest: +SKIP
    >>> finding = check(torch.nn.Sequential(*layers), torch.randn(32, 64)).findings[0]  # doctest: +SKIP
    >>> finding.cause  # PyTorch's default has a sixth of the variance that rectifiers need  # doctest: +SKIP
    'wrong law for the activation'
    """
    call = Call(model=model, args=args, kwargs=kwargs, loss=loss, targets=targets, optimizer=optimizer, seed=seed)
    torch = pytorch()
    _check_model(model)
    _check_inputs(call)
    modules = [part for part in (model, loss) if isinstance(part, torch.nn.Module)]
    recording = (torch.inference_mode(False), torch.enable_grad())
    with preserved(modules, (args, kwargs, targets)), _as_written(model), recording[0], recording[1]:
        seeded(seed)
        state = measure(call)
    return Check(state, findings_of(state))


def _check_model(model: Module) -> None:
    torch = pytorch()
    if not isinstance(model, torch.nn.Module):
        raise InputError("model", "must be a `torch.nn.Module`", type(model).__name__)
    for name, part in model.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise InputError(
                "model",
                f"must run in Python, where its layers can be watched, and `{name}` is compiled to TorchScript",
                hint="check the model that it was made of",
            )
    quantized = [name for name, part in model.named_modules() if ".quantized" in type(part).__module__]
    tensors = [*model.named_parameters(), *model.named_buffers()]
    for name, tensor in tensors:
        if torch.nn.parameter.is_lazy(tensor):
            raise InputError(
                "model",
                f"must have parameters with shapes, and `{name}` is lazy: its first input decides",
                hint="call the model once before",
            )
        if tensor.is_meta:
            raise InputError(
                "model",
                f"must have memory, and `{name}` is on the meta device",
                hint="`model.to_empty` gives it some, which is then to be filled",
            )
    quantized += [name for name, tensor in tensors if tensor.is_quantized]
    if quantized:
        raise InputError(
            "model",
            f"must hold floating-point numbers, and `{quantized[0]}` is quantized, which lets no gradient through",
            hint="check the model before it is quantized",
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        count = sum(1 for _ in model.parameters())
        raise InputError("model", f"must have a trainable parameter, and none of its {count:,} asks for a gradient")


def _check_inputs(call: Call) -> None:
    devices = {str(parameter.device) for parameter in call.model.parameters()}
    for name, tensor in (*named_inputs(call.args, call.kwargs), *named_tensors("targets", call.targets)):
        if tensor.ndim and str(tensor.device) not in devices:
            where = " and ".join(sorted(devices))
            raise InputError(name, f"must be on the device of the model, which is on {where}", str(tensor.device))
        if tensor.ndim and not len(tensor):
            raise InputError(name, "must hold one example or more", list(tensor.shape))


@contextmanager
def _as_written(model: Module) -> Generator[None]:
    """Run what `torch.compile` made of a model as it was written: hooks would have it compiled anew."""
    compiled = any(
        type(part).__name__ == "OptimizedModule" or getattr(part, "_compiled_call_impl", None) is not None
        for part in model.modules()
    )
    with ExitStack() as stack:
        if compiled:
            stack.enter_context(pytorch().compiler.set_stance("force_eager"))
        yield
