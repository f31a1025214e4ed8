"""What was found out of one tensor, for the faults to be read from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstdraw.arrays import Floats
from firstdraw.distributions import Constant, Distribution, TruncatedNormal
from firstdraw.torch.candidates import Candidate, candidates_of, default_of
from firstdraw.torch.consistency import gain_of_orthogonal, is_consistent, log_likelihood
from firstdraw.torch.library import Tensor
from firstdraw.torch.observing import Observation, observe
from firstdraw.torch.roles import ParameterRole
from firstdraw.torch.sharding import is_sharded

__all__ = ["FEWEST", "Holds", "hold"]

# Laws of whole matrices are looked for in tensors up to this size: 128 MB of float64.
LARGEST_MATRIX: Final = 2**24
# Fewer numbers are consistent with nearly everything.
FEWEST: Final = 8
# So many of a tensor's first numbers tell it from others.
HEAD: Final = 64
# Of 10^15 normal numbers none lies so many standard deviations out.
FARTHEST: Final = 8.0
# A law by which a sample is e^6 times likelier than by another is the better one; below, either may be.
NEARLY: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holds:
    """What one parameter holds.

    Args:
        parameter: which one.
        observation: its moments and bounds; None where it has no memory.
        head: its first numbers.
        found: the candidates that it is consistent with, the likeliest first; of those that are nearly as likely as the
            likeliest, those first whose law most entries have.
        orthogonal: g where it is g times an orthogonal matrix.
        is_default: whether it is consistent with what PyTorch's layer holds when nobody initializes it.
        asked: the law that its role asks for.
        agrees: whether it is consistent with this law; None where there is no test of it.
    """

    parameter: ParameterRole
    observation: Observation | None
    head: Floats
    found: tuple[Candidate, ...]
    orthogonal: float | None
    is_default: bool
    asked: Distribution | None
    agrees: bool | None

    @property
    def is_zero(self) -> bool:
        """Whether all its elements are 0."""
        seen = self.observation
        return seen is not None and seen.is_constant and seen.smallest == 0

    def could_be(self, law: Distribution) -> bool:
        """Whether it is consistent with a law of independent elements."""
        seen = self.observation
        return seen is not None and seen.count >= FEWEST and is_consistent(law, seen, None) is True


def hold(parameter: ParameterRole, asked: Distribution | None) -> Holds:
    """Observe a parameter, and find the laws that it is consistent with.

    Args:
        parameter: which one.
        asked: the law that its role asks for; None where nothing is known of it.
    """
    local = _local(parameter.tensor)
    if local.is_meta or not local.is_floating_point():
        return Holds(
            parameter=parameter,
            observation=None,
            head=np.empty(0),
            found=(),
            orthogonal=None,
            is_default=False,
            asked=asked,
            agrees=None,
        )
    seen = observe(local)
    whole = tuple(local.shape) == parameter.shape and local.numel() <= LARGEST_MATRIX
    array: Floats | None = local.double().cpu().numpy() if whole else None
    role, default, orthogonal = parameter.role, default_of(parameter), None
    if array is not None and role is not None and seen.finite and not seen.is_constant:
        orthogonal = gain_of_orthogonal(array, role.layout, seen.rounding)
    found = [one for one in candidates_of(parameter) if _fits(one.law, seen, array)]
    return Holds(
        parameter=parameter,
        observation=seen,
        head=local.reshape(-1)[:HEAD].double().cpu().numpy(),
        found=tuple(_in_order(found, seen)),
        orthogonal=orthogonal,
        is_default=default is not None and _fits(default, seen, array),
        asked=asked,
        agrees=None if asked is None else is_consistent(asked, seen, array),
    )


def _fits(law: Distribution, seen: Observation, array: Floats | None) -> bool:
    few = seen.count < FEWEST and not isinstance(law, Constant)
    return not few and is_consistent(law, seen, array) is True


def _in_order(found: list[Candidate], seen: Observation) -> list[Candidate]:
    likelihoods = {one: log_likelihood(one.law, seen) for one in found}
    best = max(likelihoods.values(), default=0.0)
    shared = Counter(str(one.law) for one in found)

    def key(one: Candidate) -> tuple[bool, float, bool, float]:
        near = likelihoods[one] == best or best - likelihoods[one] <= NEARLY
        return not near, -shared[str(one.law)] if near else 0, _is_uncut(one.law), -likelihoods[one]

    return sorted(found, key=key)


def _is_uncut(law: Distribution) -> bool:
    """Whether a law is a normal one by another name: cut where no draw lies."""
    return isinstance(law, TruncatedNormal) and law.cut > FARTHEST


def _local(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor."""
    tensor = tensor.detach()
    local = tensor.to_local() if is_sharded(tensor) else tensor
    # The types of a byte are for storing numbers, and know no more than to become others.
    return local.float() if local.is_floating_point() and local.element_size() == 1 else local
