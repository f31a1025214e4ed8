"""The callback of Lightning."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final, cast

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.accepting import SeverityName
from firstdraw.torch.arguments import called
from firstdraw.torch.callbacks.reporting import OnBroken, Reporting
from firstdraw.torch.checking import check
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.preserving import preserved
from firstdraw.torch.shown import Check

__all__ = ["callback_class"]

# The same library under two names; who uses one of them has imported it.
PACKAGES: Final = ("lightning.pytorch", "pytorch_lightning")


def callback_class() -> Any:  # noqa: ANN401
    """Return the class `LightningCheck`.

    Raises:
        FirstdrawError: if Lightning is not installed.
    """
    for name in sorted(PACKAGES, key=lambda name: name not in sys.modules):
        try:
            return _made(importlib.import_module(name).Callback)
        except ModuleNotFoundError:
            continue
    raise FirstdrawError("`LightningCheck` needs Lightning, which is not installed: `pip install lightning`")


@cache
def _made(base: Any) -> Any:  # noqa: ANN401
    class LightningCheck(base):
        """Check a module on the first batch of its training, as the trainer hands it over.

            trainer = lightning.pytorch.Trainer(callbacks=[LightningCheck(on_broken="raise")])

        What is measured is the module's own `training_step` with its loss, in the precision of the trainer; nothing is
        logged in it. Training goes on as if there had been no check: weights, metrics, random numbers and batches are
        the same. What a step writes past Lightning's `log` and PyTorch, as into a file, is written once more.

        The check is logged (`firstdraw.torch`, level INFO), what is not accepted of it as a warning, and it stays in
        the callback's `checked`. Training that goes on from a checkpoint is not checked.

        Args:
            inputs: what the module is called with instead, from a batch: a tensor, a tuple of arguments, or a mapping
                of them by name. A module that optimizes by itself needs it.
            loss: with `inputs`, of the outputs; by default a random projection of them, as in `check`.
            on_broken: "warn", or "raise" a `FirstdrawError` before the first step.
            severity: the least severity that counts as broken: "note", "warning" or "broken".
            allow: causes that do not.
            seed: of all random numbers of the check.

        Raises:
            InputError: if one of these is unknown.
        """

        def __init__(
            self,
            *,
            inputs: Callable[[Any], Any] | None = None,
            loss: Callable[..., Any] | None = None,
            on_broken: OnBroken = "warn",
            severity: SeverityName = "warning",
            allow: Collection[str] = (),
            seed: int = 0,
        ) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self._reporting = Reporting.of(on_broken, severity, allow)
            self._inputs, self._loss, self._seed = inputs, loss, seed
            self.checked: Check | None = None

        def on_train_batch_start(self, trainer: Any, pl_module: Module, batch: Any, batch_idx: int) -> None:  # noqa: ANN401
            """Check the module, if nothing has been trained yet."""
            if batch_idx or trainer.current_epoch or trainer.global_step:
                return
            with trainer.precision_plugin.train_step_context():
                self.checked = self._check(pl_module, batch)
            self._reporting.report(self.checked)

        def _check(self, module: Module, batch: Any) -> Check:  # noqa: ANN401
            if self._inputs is not None:
                arguments = called(self._inputs(batch))
                return check(module, *arguments.placed, loss=self._loss, seed=self._seed, **arguments.named)
            if not module.automatic_optimization:
                raise InputError("inputs", "must say what a module that optimizes by itself is called with")
            with preserved([module], batch):
                module.log = module.log_dict = _ignored
                return check(_stepping(module), batch, loss=training_step, seed=self._seed)

    # Whoever pickles a callback looks it up where it can be asked for.
    LightningCheck.__module__, LightningCheck.__qualname__ = "firstdraw.torch.callbacks", "LightningCheck"
    return LightningCheck


def training_step(outputs: Any) -> Tensor:  # noqa: ANN401
    """Return the loss in what a training step returns."""
    return cast("dict[str, Tensor]", outputs)["loss"] if isinstance(outputs, dict) else outputs


def _stepping(module: Module) -> Module:
    """Return a module with the parts of another, under the same names, whose forward pass is the other's step."""
    takes_number = len(inspect.signature(module.training_step).parameters) > 1

    def forward(_self: Module, batch: Any) -> Any:  # noqa: ANN401
        return module.training_step(batch, 0) if takes_number else module.training_step(batch)

    stepping = type(type(module).__name__, (pytorch().nn.Module,), {"forward": forward})()
    for parts in ("_parameters", "_buffers", "_modules"):
        stepping.__dict__[parts] = module.__dict__[parts]
    stepping.training = module.training
    return stepping


def _ignored(*_arguments: object, **_named: object) -> None:
    """Log nothing."""
