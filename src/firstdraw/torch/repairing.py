"""The one call: the cheapest remedy that gives a model a start from which it trains."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from firstdraw.draws import CounterDraws
from firstdraw.errors import InputError
from firstdraw.torch.hooks import as_written
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.measuring import Call
from firstdraw.torch.preserving import preserved
from firstdraw.torch.refusals import check_fillable
from firstdraw.torch.remedies import REMEDIES, Patient, Plan, Trial
from firstdraw.torch.remedies.search import search
from firstdraw.torch.remedies.trying import checked
from firstdraw.torch.repaired import Repair, changes_of
from firstdraw.torch.roles import roles_of
from firstdraw.torch.sharding import is_sharded

__all__ = ["repair"]


def repair(
    model: Module,
    *args: Any,  # noqa: ANN401  # whatever the model takes
    loss: Callable[..., Any] | None = None,
    targets: Any = None,  # noqa: ANN401  # whatever the loss takes
    optimizer: Any = None,  # noqa: ANN401  # optimizers of PyTorch
    seed: int = 0,
    **kwargs: Any,  # noqa: ANN401
) -> Repair:
    """Give a model a start from which it trains, by the cheapest remedy that works, and tell what was done.

        print(repair(model, batch))                             # what was wrong, what was changed and why, the proof
        print(repair(model, batch, loss=loss, targets=y).code)  # the same in plain PyTorch, for pasting

    A check tells what is wrong. Remedies are then tried in this order, each from the best state so far and each with
    the plan first that changes least, and every time a check of the changed model decides. The first that leaves
    nothing worth a warning which an initialization could mend wins.

    1. Analytic gains: parameters to the size that their roles ask for (He et al. 2015, https://arxiv.org/abs/1502.01852,
       and what `initialize` with "auto" asks). A random matrix is multiplied, and keeps its directions; what is
       constant, zero and stuck, not finite, or a copy of another layer is drawn anew.
    2. Outputs: a last layer that answers far from the targets is made small, its bias the targets' mean.
    3. LSUV: each layer's output to variance 1, in the order of execution (Mishkin & Matas 2016,
       https://arxiv.org/abs/1511.06422), then with biases that take away what the mean of their inputs brings in.
    4. Residual scaling: the last layer of each of K branches times 1/sqrt(K), or 0 (Radford et al. 2019, GPT-2).
    5. A common gain: one factor for all weights, such that the gradient keeps its size (Schoenholz et al. 2017,
       https://arxiv.org/abs/1611.01232).
    6. Another draw of all parameters, up to four times.
    7. GradInit with a loss and targets (Zhu et al. 2021, https://arxiv.org/abs/2102.08098), MetaInit without
       (Dauphin & Schoenholz 2019, https://papers.nips.cc/paper/2019/hash/876e8108f87eb61877c6263228b67256-Abstract.html):
       a scale for each parameter, by a hundred steps of descent.

    Where none works completely the best is kept if it is strictly better: fewer findings that keep the model from
    training, or as many and fewer warnings. Where it is the data's or the architecture's fault nothing is changed, nor
    where the check finds a healthy start: a fault that `identify` alone knows of is none that training stumbles over.

    A repair is a list of statements of PyTorch on named parameters, one parameter once. The search only finds them: the
    model is then put back, and the statements run as they are printed, so that `code` gives another copy of the model
    the same bits. Frozen parameters are left alone, as are gradients, flags, hooks and the states of random number
    generators. Running statistics of normalizations behind changed weights, of signals that are no more, start anew.
    If anything fails the model is bit for bit what it was. The search keeps a copy of each parameter that it changes.

    The optimizer is not touched: its moments, if it has any, are those of other weights. Make it after the repair.

    Args:
        model: a module, with the memory of its parameters.
        args: what it is called with.
        loss: a function of the outputs, and of the targets if there are any; without one the gradient is that of a
            random projection of the outputs, as in `check`.
        targets: what the loss compares the outputs with.
        optimizer: one of `torch.optim` that holds the model's parameters, whose first step is then judged too.
        seed: of what is drawn anew, and of the checks.
        kwargs: what it is called with by name.

    Raises:
        InputError: if the model, an input, the loss or the optimizer cannot be used, or a parameter cannot be written.
        FirstdrawError: if PyTorch is not installed, the model fails, or no gradient comes back.

    >>> import torch  # doctest: +SKIP
    >>> layers = (part for _ in range(20) for part in (torch.nn.Linear(64, 64), torch.nn.ReLU()))  # doctest: +SKIP
    >>> repaired = repair(torch.nn.Sequential(*layers), torch.randn(32, 64))  # doctest: +SKIP
    >>> repaired.remedy, repaired.healthy, len(repaired.changes)  # doctest: +SKIP
    ('analytic gains', True, 20)
    """
    seed = CounterDraws(seed).seed
    call = Call(model=model, args=args, kwargs=kwargs, loss=loss, targets=targets, optimizer=optimizer, seed=seed)
    before = Trial(plan=Plan(), check=checked(call))
    with _left_as_it_was(call):
        patient = Patient(call=call, roles=roles_of(model), seed=seed)
        found = _searched(patient, before) if not before.is_well else before
        changes = changes_of(patient, found.plan)
    _execute(patient, found.plan)
    return Repair(
        before=before.check,
        after=found.check,
        remedy=found.remedy,
        changes=changes,
        plan=found.plan,
        left=found.left,
        parameters=len(patient.held),
        seed=seed,
    )


@contextmanager
def _left_as_it_was(call: Call) -> Generator[None]:
    torch = pytorch()
    modules = [part for part in (call.model, call.loss) if isinstance(part, torch.nn.Module)]
    recording = (torch.inference_mode(False), torch.enable_grad())
    with preserved(modules, (call.args, call.kwargs, call.targets)), as_written(), recording[0], recording[1]:
        yield


def _searched(patient: Patient, start: Trial) -> Trial:
    for held in patient.held:
        for tensor in held.stored:
            if is_sharded(tensor):
                raise InputError(
                    held.place.name,
                    "must be in one piece, and is split among processes",
                    hint="repair the model before it is split",
                )
            check_fillable(held.place.name, tensor)
    return search(patient, start, REMEDIES)


def _execute(patient: Patient, plan: Plan) -> None:
    try:
        patient.apply(plan)
    except BaseException:
        patient.restore()
        raise
