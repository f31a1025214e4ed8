"""The one call: check how the layers of a model grow with its width and its depth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from firstdraw.errors import InputError
from firstdraw.rules import check_positive_integer
from firstdraw.torch.coordinates.faults import faults_of
from firstdraw.torch.coordinates.measurements import measurement_of
from firstdraw.torch.coordinates.runs import Run, trained
from firstdraw.torch.coordinates.scans import Size, scans_of
from firstdraw.torch.coordinates.shown import CoordinateCheck
from firstdraw.torch.coordinates.trial import Batch, Trial, batches_of, check_factory
from firstdraw.torch.generators import generators_preserved
from firstdraw.torch.library import pytorch
from firstdraw.torch.schemes import Scheme

__all__ = ["coordinate_check"]


def coordinate_check(
    factory: Callable[..., Any],
    *args: Any,  # noqa: ANN401  # whatever the model takes
    widths: int | Sequence[int] | None = None,
    depths: int | Sequence[int] | None = None,
    optimizer: Callable[..., Any] | None = None,
    loss: Callable[..., Any] | None = None,
    targets: Any = None,  # noqa: ANN401  # whatever the loss takes
    batches: Iterable[Any] | None = None,
    scheme: Scheme | None = None,
    steps: int = 3,
    seeds: int = 5,
    **kwargs: Any,  # noqa: ANN401
) -> CoordinateCheck:
    """Train models of several sizes for a few steps, and say which layers grow with the size, shrink or do not learn.

        print(coordinate_check(lambda width: MLP(width), x, targets=y, loss=cross_entropy, widths=[64, 128, 256, 512],
                               optimizer=lambda model, width: torch.optim.Adam(groups(model, width), lr=0.01)))

    This is the coordinate check of muP with a verdict. Let x_t be what a layer returns after t steps, and n the width
    or the depth. After each step t = 0, ..., `steps`, over the elements of x_t,

        mean |x_t| ~ n^b,    mean |x_t - x_0| ~ n^c,

    with b and c by least squares of the logarithms for each seed by itself, in the mean over the seeds, with Student's
    interval of 95 % over these (`firstdraw.torch.coordinates.slopes`). A layer is stable where both intervals lie
    within 0.25 of what b and c may be. It grows or shrinks where one lies wholly outside, or learns no features where
    that of c lies below after the last step; else it is not certain, and more seeds or a wider range of sizes would
    tell. Along the width b and c must be 0, but b of a readout, which muP lets fall as n^(-1/2) at the start. Along the
    depth they must be 0 on the way that no skip leads around; inside of residual branches, which may be multiplied by
    powers of 1/depth, they may lie between -1 and 0.

    Layers are modules inside which no other is called, and sums and activations between them, as in `check`. Along the
    width they are matched by name. Along the depth, layers of which deeper models have more are followed in the mean
    over all of them, and outside of residual branches as the first and the last; the sums, the residual stream, are one
    such row.

    A run whose numbers cease to be finite is not trained on; its layers diverge. The random states of PyTorch, NumPy
    and Python are afterwards what they were, as is all that the models are given. Beside what a step of training takes,
    the outputs of one forward pass are held: those of step 0, which the others are compared with.

    Args:
        factory: called with a width if `widths` alone is given, with a depth if `depths` alone is; with both by name,
            as `factory(width=64, depth=4)`. It must return a new model each time.
        args: what a model is called with. Layers are measured on this batch; in training mode, if the model is.
        widths: three or more, increasing; with depths that are scanned, a single width is one that is fixed.
        depths: likewise. If both are scanned, each is at the smallest of the other.
        optimizer: a function of a model that returns its optimizer; it is given `width` and `depth` by name if it has
            parameters of these names. By default `torch.optim.Adam(model.parameters(), lr=0.01)`.
        loss: a function of the outputs, and of the targets where there are any; by default a random projection of the
            outputs, as in `check`.
        targets: what the loss compares the outputs with.
        batches: pairs of inputs and targets, one for each step, as a `DataLoader` gives them. By default each step is
            on the batch that is measured.
        scheme: what the models are initialized by, as in `initialize`; by default they start as the factory leaves
            them.
        steps: how many, 1 or more.
        seeds: how many models of each size, 2 or more; with the generators of PyTorch, NumPy and Python at 0, 1, ...
            for the factory.
        kwargs: what a model is called with by name. Arguments that have the name of one above are passed by place.

    Raises:
        InputError: if fewer than three sizes are asked for, the factory, the optimizer or the loss is none, or the
            models have different layers.
        FirstdrawError: if PyTorch is not installed, or the factory, a model or an optimizer fails; the sentence says at
            which size.

    Source: Yang, Hu, Babuschkin, Sidor, Liu, Farhi, Ryder, Pachocki, Chen & Gao (2022), Tensor Programs V: Tuning Large
    Neural Networks via Zero-Shot Hyperparameter Transfer, https://arxiv.org/abs/2203.03466

    >>> import torch  # doctest: +SKIP
    >>> def factory(width):  # doctest: +SKIP
    ...     return torch.nn.Sequential(torch.nn.Linear(8, width), torch.nn.Tanh(), torch.nn.Linear(width, 4))
    >>> found = coordinate_check(factory, torch.randn(32, 8), widths=[64, 256, 1024], seeds=3)  # doctest: +SKIP
    >>> found.verdict, found.faults[0].remedy  # under Adam the outputs change with the width  # doctest: +SKIP
    ('fails', 'Let the learning rate of the readout fall as 1/width under Adam, or multiply its output by 1/width')
    """
    torch = pytorch()
    scans = scans_of(widths, depths)
    if batches is not None and targets is not None:
        raise InputError("targets", "must not be given with batches, which have their own")
    runs: dict[Size, list[Run]] = {}
    with generators_preserved(), torch.inference_mode(False), torch.enable_grad():
        trial = Trial(
            factory=check_factory(factory, scans[0].sizes[0]),
            measured=Batch(args, kwargs, targets),
            batches=batches_of(batches, check_positive_integer("steps", steps)),
            loss=loss,
            optimizer=_checked_optimizer(optimizer),
            scheme=scheme,
            steps=steps,
            seeds=tuple(range(_checked_seeds(seeds))),
        )
        for size in dict.fromkeys(size for scan in scans for size in scan.sizes):
            runs[size] = [trained(trial, size, seed) for seed in trial.seeds]
    measured = tuple(measurement_of(scan, [runs[size] for size in scan.sizes], steps) for scan in scans)
    return CoordinateCheck(measured, tuple(fault for one in measured for fault in faults_of(one)))


def _checked_seeds(seeds: int) -> int:
    if check_positive_integer("seeds", seeds) < 2:
        raise InputError("seeds", "must be 2 or more, as an interval over the seeds is to be told", seeds)
    return seeds


def _checked_optimizer(optimizer: object) -> Callable[..., Any]:
    if optimizer is None:
        return _adam
    if isinstance(optimizer, pytorch().optim.Optimizer) or not callable(optimizer):
        raise InputError(
            "optimizer", "must be a function that makes an optimizer for a model", type(optimizer).__name__
        )
    return optimizer


def _adam(model: Any) -> Any:  # noqa: ANN401
    return pytorch().optim.Adam(model.parameters(), lr=0.01)
