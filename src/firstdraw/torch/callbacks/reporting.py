"""What a callback does with the check of a model: it logs it, and warns or stops the training."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.accepting import Acceptance, counted
from firstdraw.torch.asserting import complaint
from firstdraw.torch.shown import Check

__all__ = ["OnBroken", "Reporting"]

OnBroken: TypeAlias = Literal["warn", "raise"]

LOGGER: Final = logging.getLogger("firstdraw.torch")


@dataclass(frozen=True, slots=True)
class Reporting:
    """What is done with a check.

    Args:
        on_broken: "warn" or "raise".
        accepted: what is accepted.
    """

    on_broken: OnBroken
    accepted: Acceptance

    @classmethod
    def of(cls, on_broken: OnBroken, severity: str, allow: Collection[str]) -> Reporting:
        """Return what is done, by the arguments of a callback.

        Raises:
            InputError: if one of them is unknown.
        """
        if on_broken not in {"warn", "raise"}:
            raise InputError("on_broken", "must be 'warn' or 'raise'", on_broken)
        return cls(on_broken, Acceptance.of(severity, allow))

    def report(self, checked: Check) -> None:
        """Log a check, at the level of warnings what is not accepted of it.

        Raises:
            FirstdrawError: if something is not accepted, and it is to be raised.
        """
        LOGGER.info("%s", checked)
        refused = self.accepted.refused(checked.findings)
        if not refused:
            return
        LOGGER.warning("%s", complaint(checked, refused))
        if self.on_broken == "raise":
            raise FirstdrawError(
                f"training is not begun, for the start of {checked.state.kind} has {counted(refused)}, first of all "
                f"{refused[0].cause}: {refused[0].sentence}"
            )
