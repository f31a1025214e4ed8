"""The callback of Hugging Face's `Trainer`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, cast

from firstdraw.errors import FirstdrawError
from firstdraw.torch.accepting import SeverityName
from firstdraw.torch.arguments import Arguments, check_names
from firstdraw.torch.callbacks.reporting import OnBroken, Reporting
from firstdraw.torch.checking import check
from firstdraw.torch.library import Module, Tensor, pytorch
from firstdraw.torch.shown import Check

__all__ = ["callback_class"]


def callback_class() -> Any:  # noqa: ANN401
    """Return the class `HuggingFaceCheck`.

    Raises:
        FirstdrawError: if `transformers` is not installed.
    """
    try:
        return _made(importlib.import_module("transformers").TrainerCallback)
    except ModuleNotFoundError:
        raise FirstdrawError(
            "`HuggingFaceCheck` needs `transformers`, which is not installed: `pip install transformers`"
        ) from None


@cache
def _made(base: Any) -> Any:  # noqa: ANN401
    class HuggingFaceCheck(base):
        """Check a model when the trainer first calls it, with what it calls it with.

            trainer = transformers.Trainer(model, arguments, train_dataset=data, callbacks=[HuggingFaceCheck()])

        The loss is the model's own where it is given labels. Training goes on as if there had been no check: weights,
        random numbers and batches are the same. The check is logged (`firstdraw.torch`, level INFO), what is not
        accepted of it as a warning, and it stays in the callback's `checked`. Training that goes on from a checkpoint
        is not checked.

        Args:
            loss: of the model's outputs; by default their `loss` if the model is given labels, or else a random
                projection of the outputs, as in `check`.
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
            loss: Callable[..., Any] | None = None,
            on_broken: OnBroken = "warn",
            severity: SeverityName = "warning",
            allow: Collection[str] = (),
            seed: int = 0,
        ) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self._reporting = Reporting.of(on_broken, severity, allow)
            self._loss, self._seed = loss, seed
            self._waiting: Any = None
            self.checked: Check | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
            """Wait for the model's first call."""
            if not state.global_step:
                model: Module = kwargs["model"]
                # What a compiled model calls would be compiled with it.
                hook = pytorch().compiler.disable(self._on_call)
                self._waiting = model.register_forward_pre_hook(hook, with_kwargs=True)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
            """Wait no longer."""
            if self._waiting is not None:
                self._waiting.remove()

        def _on_call(self, model: Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
            if not model.training:
                return
            # The check calls the model, too.
            self._waiting.remove()
            check_names(Arguments(args, kwargs))
            loss = own_loss if self._loss is None and kwargs.get("labels") is not None else self._loss
            self.checked = check(model, *args, loss=loss, seed=self._seed, **kwargs)
            self._reporting.report(self.checked)

    # Whoever pickles a callback looks it up where it can be asked for.
    HuggingFaceCheck.__module__, HuggingFaceCheck.__qualname__ = "firstdraw.torch.callbacks", "HuggingFaceCheck"
    return HuggingFaceCheck


def own_loss(outputs: Any) -> Tensor:  # noqa: ANN401
    """Return the loss that a model computes itself."""
    return cast("Mapping[str, Tensor]", outputs)["loss"] if isinstance(outputs, Mapping) else outputs[0]
