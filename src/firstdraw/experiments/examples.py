"""The examples of a spec, which specs of equal recipes may share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from firstdraw.datasets import Dataset, DatasetRecipe
from firstdraw.engine import Columns, Precision, columns
from firstdraw.errors import located
from firstdraw.experiments.spec import Spec
from firstdraw.losses import Loss

__all__ = ["Examples", "load_examples"]


@dataclass(frozen=True, slots=True)
class Examples:
    """Loaded data, and the same as the engine reads them.

    Args:
        recipe: how the data are made.
        loss: the loss that the targets are encoded for.
        precision: the floating-point format of the columns.
        dataset: the data.
        train: the examples to learn from.
        test: the examples to judge by, or None.
    """

    recipe: DatasetRecipe
    loss: Loss
    precision: Precision
    dataset: Dataset
    train: Columns
    test: Columns | None

    def serve(self, spec: Spec) -> bool:
        """Whether they are the examples of a spec."""
        training = spec.training
        return (self.recipe, self.loss, self.precision) == (spec.data, training.loss, training.precision)


def load_examples(spec: Spec, loaded: Iterable[Examples] = ()) -> Examples:
    """Return the examples of a spec; data that are among those loaded before are not loaded again.

    Args:
        spec: whose examples.
        loaded: examples of other specs.

    Raises:
        InputError: if the data cannot be loaded, or the loss does not fit them.
    """
    training = spec.training
    alike = [examples for examples in loaded if examples.recipe == spec.data]
    for examples in alike:
        if examples.serve(spec):
            return examples
    with located("data"):
        dataset = alike[0].dataset if alike else spec.data.load()
    with located("training"):
        train, test = columns(dataset, training.loss, training.precision)
    return Examples(spec.data, training.loss, training.precision, dataset, train, test)
