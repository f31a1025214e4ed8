"""What the role of a parameter asks for in a repair: as in a fresh start, but that no weight is asked to be 0."""

from __future__ import annotations

import math
from dataclasses import replace

from firstdraw.activations import LeakyReLU
from firstdraw.distributions import Normal
from firstdraw.initializers import INITIALIZERS
from firstdraw.torch.automatic import Choice, automatic
from firstdraw.torch.roles import ModelRoles, ParameterRole

__all__ = ["asked_of"]


def asked_of(parameter: ParameterRole, model: ModelRoles) -> Choice:
    """Return what a parameter is brought to.

    Where a fresh start has Fixup's law, with zeros behind rectifiers in branches and in the readout, a repair keeps
    what was drawn: He's law, and for the last layers of K branches LeCun's by 1/sqrt(K), so that all of them add about
    1 in variance. Of the kernel of a transposed convolution with the strides s only 1/s reaches an output, s their
    product, and a fresh start counts all of it, as PyTorch does: here the spread is sqrt(s) times larger.

    Args:
        parameter: the parameter.
        model: the model that it is of.
    """
    choice, role = automatic(parameter, model), parameter.role
    if role is not None and role.operation == "transposed_convolution" and isinstance(choice.law, Normal):
        strides = math.prod(parameter.owner.stride)
        return replace(choice, law=Normal(choice.law.scale * math.sqrt(strides)))
    if choice.entry != "fixup" or role is None:
        return choice
    branch = role.branch
    if branch is not None and branch.is_last:
        spread = 1 / math.sqrt(role.fan_in * branch.count)
        reason = f"the last of a branch, of {branch.count} that are summed without any normalization"
        return replace(choice, law=Normal(spread), entry="gpt2", reason=reason, source=INITIALIZERS["gpt2"].source)
    rectified = parameter.following is not None and parameter.following.activation is not None
    slope = role.activation.slope if isinstance(role.activation, LeakyReLU) else 0.0
    entry, what = ("he_normal", "a rectifier follows") if rectified else ("lecun_normal", "nothing follows")
    options = {"slope": slope} if rectified else {}
    initializer = INITIALIZERS[entry](**options)
    return Choice(law=initializer.law(role), entry=entry, reason=what, source=initializer.source)
