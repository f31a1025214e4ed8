"""The one call: check a model of PyTorch on a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firstdraw.errors import InputError
from firstdraw.torch.causes import findings_of
from firstdraw.torch.generators import seeded
from firstdraw.torch.hooks import as_written
from firstdraw.torch.inputs import named_inputs
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.measuring import Call, measure
from firstdraw.torch.preserving import preserved
from firstdraw.torch.refusals import check_runnable
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
    flags, hooks, other attributes and the states of random number generators, with the tensors that it was given. What
    computed an input is asked for no gradient. Out of reach is what is written past PyTorch, as into a NumPy array that
    shares a parameter's memory.

    Of a model that several processes hold parts of (`DTensor`, `fully_shard`) all of them call this: each measures the
    signals of its own batch, and the parameters whole, one after the other. Where `torch.utils.checkpoint` computes
    twice, layers count once; with `use_reentrant=True` no gradient of the signals inside is seen. Real, dense signals
    are measured, so that inside of `torch.func.vmap` none is.

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
        InputError: if the model is no module, is TorchScript, has no trainable parameters, or has ones that are lazy,
            quantized, sparse, on the meta device, made in inference mode, or of a class with operations of its own; if
            an input, the loss or the optimizer cannot be used.
        FirstdrawError: if PyTorch is not installed, the model fails, no gradient comes back, or nothing that it
            returns can be measured.

    >>> import torch  # doctest: +SKIP
    >>> layers = (part for _ in range(20) for part in (torch.nn.Linear(64, 64), torch.nn.ReLU()))  # doctest: +SKIP
    >>> finding = check(torch.nn.Sequential(*layers), torch.randn(32, 64)).findings[0]  # doctest: +SKIP
    >>> finding.cause  # PyTorch's default has a sixth of the variance that rectifiers need  # doctest: +SKIP
    'wrong law for the activation'
    """
    call = Call(model=model, args=args, kwargs=kwargs, loss=loss, targets=targets, optimizer=optimizer, seed=seed)
    torch = pytorch()
    check_runnable(model)
    _check_inputs(call)
    modules = [part for part in (model, loss) if isinstance(part, torch.nn.Module)]
    recording = (torch.inference_mode(False), torch.enable_grad())
    with preserved(modules, (args, kwargs, targets)), as_written(), recording[0], recording[1]:
        seeded(seed)
        state = measure(call)
    return Check(state, findings_of(state))


def _check_inputs(call: Call) -> None:
    devices = {str(parameter.device) for parameter in call.model.parameters()}
    for name, tensor in (*named_inputs(call.args, call.kwargs), *named_tensors("targets", call.targets)):
        if tensor.ndim and str(tensor.device) not in devices:
            where = " and ".join(sorted(devices))
            raise InputError(name, f"must be on the device of the model, which is on {where}", str(tensor.device))
        if tensor.is_inference():
            raise InputError(name, "must be made outside of inference mode", hint="a `clone` of it is")
        if tensor.ndim and not len(tensor):
            raise InputError(name, "must hold one example or more", list(tensor.shape))
