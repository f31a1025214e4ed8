"""The spec of an experiment: everything that determines its results, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from firstdraw.datasets import DatasetRecipe
from firstdraw.draws import DRAWS
from firstdraw.engine import Batches, Optimizer, Precision, Recording
from firstdraw.errors import InputError, located
from firstdraw.fitted import Fitted
from firstdraw.initializers import Initializer
from firstdraw.initializers.parametrizations import Parametrization
from firstdraw.losses import Loss
from firstdraw.networks import MultilayerPerceptron
from firstdraw.rules import check_non_negative_integer

__all__ = ["Initialization", "Spec", "Training"]


@dataclass(frozen=True, slots=True)
class Initialization:
    """One way to start, by the name that tables and figures use.

    Args:
        label: the name.
        weights: where the weights' laws come from.
        biases: where the biases' laws come from, if not from `weights`: the law that this initializer states for
            biases, or where it states none, the one that it has for a weight of the same fans.
        multipliers: where the laws of the residual branches' multipliers come from, in the same way; by default from
            `weights`, whose law for a multiplier is 1 unless it says otherwise.
        fit: what fits the drawn parameters to the first training batch, before training begins; None for nothing.
        parametrization: where the factors of the learning rates come from; None for one learning rate. Its laws are
            used where it is the `weights`, too, as it is in a spec that names no others.
    """

    label: str
    weights: Initializer
    biases: Initializer | None = None
    multipliers: Initializer | None = None
    fit: Fitted | None = None
    parametrization: Parametrization | None = None

    def __post_init__(self) -> None:
        if not self.label.strip():
            raise InputError("label", "must have a character that is not blank", self.label)
        if not self.label.isprintable():
            raise InputError("label", "must have printable characters only", self.label)

    def learning_rate_factors(self, network: MultilayerPerceptron, optimizer: Optimizer) -> tuple[float, ...] | None:
        """Return what the learning rate of each parameter is multiplied with; None where there is no parametrization.

        The factors are those of the effective parameters, which the engines train.
        """
        if (chosen := self.parametrization) is None:
            return None
        return tuple(chosen.effective_learning_rate_factor(role, optimizer.family) for role in network.roles)


@dataclass(frozen=True, slots=True)
class Training:
    """How the networks are trained.

    Args:
        loss: what is minimized.
        optimizer: by which rule.
        steps: how many updates.
        batches: on which examples each.
        precision: the floating-point format.
    """

    loss: Loss
    optimizer: Optimizer
    steps: int
    batches: Batches = field(default_factory=Batches)
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        check_non_negative_integer("steps", self.steps)


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment: each initialization with each seed, everything else equal.

    Args:
        title: a line for the top of the report.
        data: how the data are made.
        network: what is trained.
        training: how.
        initializations: what is compared, one or more.
        seeds: the seeds of the initial draws and of the mini-batches, one or more.
        draws: the name of the source of draws.
        recording: what is written down.

    Raises:
        InputError: if a list is empty or says the same twice, or the source of draws is unknown.
    """

    title: str
    data: DatasetRecipe
    network: MultilayerPerceptron
    training: Training
    initializations: tuple[Initialization, ...]
    seeds: tuple[int, ...] = (0,)
    draws: str = "counter"
    recording: Recording = field(default_factory=Recording)

    def __post_init__(self) -> None:
        with located("draws"):
            source = DRAWS[self.draws]
        _check_distinct("initializations", [item.label for item in self.initializations], "a label of its own")
        for i, seed in enumerate(self.seeds):
            check_non_negative_integer(f"seeds[{i}]", seed)
            try:
                source(seed)
            except InputError as error:
                raise InputError(f"seeds[{i}]", error.rule, seed) from None
        _check_distinct("seeds", list(self.seeds), "a value of its own")


def _check_distinct(name: str, values: list[str] | list[int], what: str) -> None:
    if not values:
        raise InputError(name, "must have one entry or more, and is empty")
    earlier: set[str | int] = set()
    for i, value in enumerate(values):
        if value in earlier:
            raise InputError(f"{name}[{i}]", f"must have {what}, and repeats an earlier entry", value)
        earlier.add(value)
