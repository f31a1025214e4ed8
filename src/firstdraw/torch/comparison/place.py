"""Which run of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A run.

    Args:
        label: of its scheme.
        rate: its learning rate, where several are compared.
        seed: its seed.
    """

    label: str
    rate: float | None
    seed: int

    def __str__(self) -> str:
        rate = "" if self.rate is None else f", rate {self.rate:g}"
        return f"scheme {self.label!r}{rate}, seed {self.seed}"
