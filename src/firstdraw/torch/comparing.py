"""The one call: train a model from several initializations, and say which trains better."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from firstdraw.engine import Progress
from firstdraw.errors import InputError
from firstdraw.rules import check_positive, check_positive_integer, is_integer
from firstdraw.torch.comparison.batches import Loader, check_loader, held_states
from firstdraw.torch.comparison.building import build, optimizer_of
from firstdraw.torch.comparison.objective import Objective
from firstdraw.torch.comparison.runs import Times, all_runs
from firstdraw.torch.comparison.shown import Comparison
from firstdraw.torch.comparison.starts import Schemes, check_starts, starts_of
from firstdraw.torch.comparison.streams import LARGEST_SEED
from firstdraw.torch.comparison.training import Evaluation, Task
from firstdraw.torch.failing import said
from firstdraw.torch.generators import generators_preserved, seed_all
from firstdraw.torch.library import Module, pytorch, type_name

__all__ = ["compare"]

SCHEMES: Final = ("as built", "auto", "he_normal", "glorot_normal")


def compare(
    factory: Callable[[], Module],
    loader: Loader,
    loss: Callable[[Any, Any], Any] | None,
    optimizer: Callable[..., Any],
    *,
    schemes: Schemes = SCHEMES,
    seeds: int | Iterable[int] = 5,
    steps: int = 200,
    rates: Iterable[float] | None = None,
    forward: Callable[[Module, Any], Any] | None = None,
    evaluation: Evaluation | None = None,
    device: Any = None,  # noqa: ANN401  # whatever PyTorch takes for one
    store: str | os.PathLike[str] | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Train a model of PyTorch from several initializations over common seeds, and say what is certain of the better.

        print(compare(Net, loader, F.cross_entropy, lambda p: torch.optim.AdamW(p, lr=1e-3), seeds=8))
        compare(build, loader, None, torch.optim.SGD, schemes={"mine": draw, "He": "he_normal"}, rates=[0.01, 0.03])

    Each run builds a model, gives it the parameters of a scheme and a seed, and makes some steps of training. All runs
    of a seed s see the same batches in the same order: the loader draws from generators of its own, seeded with
    s + 2^31, whatever the model draws; runs whose batches differ are refused. The generators of PyTorch, NumPy and
    Python are seeded with s before the model is built and with s + 2^30 before it is trained (dropout), and afterwards
    are what they were. On one machine, on the CPU, the same call gives the same bits.

    A run is judged by the mean of its last losses, over 5 % of the steps rounded up, or by the evaluation; one whose
    loss is not finite has diverged, and is worse than all that have not. The schemes are ranked by the statistics of
    the experiments (`experiments.statistics.rank`): Wilcoxon's signed-rank test over the seeds, McNemar's for the runs
    that diverge, all corrected together after Holm. Of n seeds no p is below 2^(1 - n): two schemes can be told apart
    with 6 seeds or more, four with 8, and with a few more where runs diverge. With rates each scheme is judged at the
    one that is best for it on a third of the seeds, by the others (`experiments.statistics.rank_tuned`): that takes
    half as many seeds again.

    With a store a run that is there is not made again, and each is kept when it is done, so that the call goes on where
    it was interrupted; several processes may share one, and each run is made by one of them. A run is found by the
    model's modules, parameters and buffers and the code of its classes; by the code of the factory, the loss, the
    optimizer's function and the scheme's, with the numbers, texts, tensors and arrays that they hold; by the
    optimizer's options, the first batch of the seed 0, the steps, the seed, the kind of device, the version of PyTorch,
    and the name. What none of these shows is not noticed: other batches after an equal first one, a file that the code
    reads, functions of other files. After such a change give another name.

    Args:
        factory: returns a new model whenever it is called.
        loader: the batches, gone through over and over: a `DataLoader`, a list or another iterable that gives them as
            often as is asked, or a function from the seed to such.
        loss: C(outputs, targets), a tensor of one number, for batches (inputs, targets); inputs in a mapping are passed
            by name, in a list or a tuple by place. None if the model is called with the whole batch in this way and
            returns its loss: as a tensor, or as `loss` of what it returns.
        optimizer: makes an optimizer of `torch.optim` of the list of parameters; with rates, of the parameters and the
            rate, as the classes of `torch.optim` do. A schedule or a clipped gradient is a hook of the optimizer
            (`register_step_post_hook`, `register_step_pre_hook`).
        schemes: what `initialize` takes each, "as built" for what the factory draws, or a function of the model and the
            seed that writes the parameters; or a mapping from labels to these.
        seeds: a number of seeds, counted from 0, or the seeds, each from 0 to 2^30 - 1.
        steps: T, of each run; the loader begins anew when it ends before.
        rates: learning rates, of which each scheme gets its best.
        forward: computes C(model, batch) from any batch, in place of `loss`, which is None then.
        evaluation: held-out batches, of which the mean loss counts, or a function of the trained model that returns a
            number, of which less is better; the model is in evaluation mode, without gradients.
        device: where models and batches go; by default where the factory builds the model.
        store: a file for the runs, made if it is not there.
        name: of the task in the store.
        progress: is told how many steps have been made, of all runs together.

    Returns:
        The comparison: a table, a verdict in words, a figure, JSON; shown as a page in a notebook.

    Raises:
        InputError: if an argument is none of these, the factory's models share parameters, a scheme does not serve the
            model, or the optimizer holds other parameters.
        FirstdrawError: if PyTorch is not installed, or the model, the loss, the loader or the optimizer fails; it says
            with which scheme and seed, at which step.
        StoreError: if the store cannot be written, or is damaged.

    >>> import torch  # doctest: +SKIP
    >>> x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))  # doctest: +SKIP
    >>> def deep():  # doctest: +SKIP
    ...     parts = [part for _ in range(12) for part in (torch.nn.Linear(8, 8), torch.nn.ReLU())]
    ...     return torch.nn.Sequential(*parts, torch.nn.Linear(8, 1))
    >>> found = compare(  # doctest: +SKIP
    ...     deep, [(x, x[:, :1] * x[:, 1:2])], torch.nn.MSELoss(), lambda p: torch.optim.Adam(p, lr=3e-3),
    ...     schemes=["as built", "he_normal"], seeds=7, steps=40,
    ... )
    >>> [row.label for row in found.rows], found.rows[1].p < 0.05  # doctest: +SKIP
    (['he_normal', 'as built'], True)
    """
    torch = pytorch()
    starts = starts_of(schemes)
    chosen, numbered = _rates(rates), _seeds(seeds)
    check_positive_integer("steps", steps)
    if rates is not None and len(numbered) < 2:
        rule = "must be 2 or more with rates: one to choose a rate and one to compare"
        raise InputError("seeds", rule, len(numbered))
    _check_functions(factory, loader, loss, optimizer, forward, evaluation)
    place = None if device is None else _device(device)
    with generators_preserved(), _preserved(loader, evaluation), torch.inference_mode(False), torch.enable_grad():
        seed_all(0)
        # In a list, so that whoever needs it no longer can let it go before the first run takes the memory.
        models = [build(factory, None, None)]
        check_starts(starts, models[0])
        for rate in chosen:
            optimizer_of(optimizer, models[0], rate)
        task = Task(
            factory=factory,
            loader=loader,
            objective=Objective(loss, forward),
            optimizer=optimizer,
            steps=steps,
            evaluation=evaluation,
            device=place,
        )
        title = _title(models[0], len(starts), len(numbered), steps, chosen)
        runs = all_runs(
            task,
            starts,
            chosen,
            numbered,
            models=models,
            store=None if store is None else Path(store),
            name=name,
            times=Times(clock=time.perf_counter, now=time.time, pause=time.sleep),
            progress=progress or (lambda _steps: None),
        )
    measure = "last loss" if evaluation is None else "evaluation"
    return Comparison(title=title, measure=measure, steps=steps, runs=runs)


def _rates(rates: Iterable[float] | None) -> list[float | None]:
    if rates is None:
        return [None]
    found = _listed(rates)
    if not found:
        raise InputError("rates", "must be a list with one learning rate or more", rates)
    for i, rate in enumerate(found):
        check_positive(f"rates[{i}]", rate)
        if rate in found[:i]:
            raise InputError(f"rates[{i}]", "must be there once", rate)
    return [float(rate) for rate in found]


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    if is_integer(seeds):
        return list(range(check_positive_integer("seeds", cast("int", seeds))))
    found = _listed(seeds)
    if not found:
        raise InputError("seeds", "must be how many seeds there are, or a list with one or more", seeds)
    for i, seed in enumerate(found):
        if not (is_integer(seed) and 0 <= seed <= LARGEST_SEED):
            raise InputError(f"seeds[{i}]", "must be an integer from 0 to 2^30 - 1", seed)
        if seed in found[:i]:
            raise InputError(f"seeds[{i}]", "must be there once", seed)
    return [int(seed) for seed in found]


def _listed(values: object) -> list[Any]:
    """Return values that can be gone through, and none of anything else."""
    is_list = isinstance(values, Iterable) and not isinstance(values, str | bytes)
    return list(cast("Iterable[Any]", values)) if is_list else []


def _check_functions(
    factory: object, loader: Loader, loss: object, optimizer: object, forward: object, evaluation: object
) -> None:
    if not callable(factory) or isinstance(factory, pytorch().nn.Module):
        kind = type(factory).__name__
        raise InputError("factory", "must be a function that builds a model, called once for each run", kind)
    if not callable(loader):
        check_loader("loader", loader)
    if loss is not None and not callable(loss):
        raise InputError("loss", "must be a function of outputs and targets, or None", loss)
    if not callable(optimizer):
        raise InputError(
            "optimizer",
            "must be a function that makes an optimizer of the parameters, as each run has its own",
            type(optimizer).__name__,
            hint="`lambda parameters: torch.optim.Adam(parameters, lr=1e-3)`",
        )
    if forward is not None and not callable(forward):
        raise InputError("forward", "must be a function of a model and a batch", forward)
    if forward is not None and loss is not None:
        raise InputError("loss", "must be None beside `forward`, which returns the loss", loss)
    if evaluation is not None and not callable(evaluation):
        check_loader("evaluation", evaluation)


def _device(device: Any) -> Any:  # noqa: ANN401  # one of PyTorch
    """Return a device that is there, with its number; its generator is at work from here on."""
    try:
        return pytorch().empty(0, device=device).device
    except Exception as error:
        raise InputError("device", f"must be a device that this machine has ({said(error)})", device) from error


@contextmanager
def _preserved(*loaders: object) -> Generator[None]:
    """Leave the generators that loaders hold as they were."""
    states = [restore for loader in loaders for restore in held_states(loader)]
    try:
        yield
    finally:
        for restore in states:
            restore()


def _title(model: Module, starts: int, seeds: int, steps: int, rates: list[float | None]) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    tried = f", at {len(rates)} learning rates" if rates != [None] else ""
    return (
        f"{type_name(model)}: {count:,} parameters, {starts} scheme{'s' if starts != 1 else ''} over {seeds} common "
        f"seed{'s' if seeds != 1 else ''}{tried}, {steps:,} steps each"
    )
