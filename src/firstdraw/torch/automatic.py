"""The law that each parameter of a model gets where nobody names one, by its role, with the reason and the source."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from firstdraw.activations import SELU, Activation, Identity, LeakyReLU, ReLU
from firstdraw.catalogue import Source
from firstdraw.distributions import Constant, Distribution, Normal
from firstdraw.initializers import INITIALIZERS, Initializer
from firstdraw.roles import Role
from firstdraw.torch.normalizations import neutral_scale
from firstdraw.torch.roles import ModelRoles, ParameterRole

__all__ = ["Choice", "automatic", "entry_of"]

# Of GPT-2's and BERT's weights; their widths are near 768.
TRANSFORMER_SPREAD: Final = 0.02
SLOPE: Final = 0.25
# Learned vectors that are added to or stand among tokens.
EMBEDDED: Final = re.compile(
    r"(^|_)(cls|class|pos|position|positional|token|tokens|embed|embedding|embeddings|query)($|_)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a parameter gets.

    Args:
        law: its law; None where it is left as it is.
        entry: the name of the initializer in the catalogue; "" where none was asked.
        reason: why.
        source: where this is published; None where it needs no source or has none.
    """

    law: Distribution | None
    entry: str = ""
    reason: str
    source: Source | None = None


def entry_of(initializer: Initializer) -> str:
    """Return the name of an initializer in the catalogue; that of its class where it is in none."""
    known = (name for name, cls in INITIALIZERS.items() if type(initializer) is cls)
    return next(known, type(initializer).__name__)


def automatic(parameter: ParameterRole, model: ModelRoles) -> Choice:
    """Return what a parameter gets by its role alone.

    Normalizations start as normalizations (1 and 0), biases at 0, the forget gates of an LSTM open. A weight gets He's
    law before a rectifier, the gain of its activation before another one, LeCun's where nothing follows. Weights of
    transformers get N(0, 0.02^2), as those of BERT and GPT-2 do, and the last layers of their branches 1/K of this
    variance where K branches are summed without normalization behind the sum. Branches of rectifiers in a model without
    any normalization get Fixup's.

    Args:
        parameter: the parameter.
        model: the model that it is of.
    """
    match parameter.kind:
        case "scale":
            reason = "a normalization starts without a scale of its own"
            return Choice(law=Constant(neutral_scale(parameter.owner)), entry="constant", reason=reason)
        case "shift":
            return Choice(law=Constant(0.0), entry="zeros", reason="a normalization starts without a shift of its own")
        case "slope":
            return Choice(law=Constant(SLOPE), entry="constant", reason="the slope that a PReLU starts with")
        case "bias":
            return _bias(parameter)
        case "bare":
            return _bare(parameter)
        case "weight":
            return _weight(parameter, model)


def _chosen(name: str, role: Role, reason: str, **options: float) -> Choice:
    initializer = INITIALIZERS[name](**options)
    return Choice(law=initializer.law(role), entry=name, reason=reason, source=initializer.source)


def _bias(parameter: ParameterRole) -> Choice:
    role = parameter.role
    # PyTorch adds two biases: the other one is left at 0, or the gate would be opened twice.
    if parameter.gates == "LSTM" and parameter.key.startswith("bias_ih") and role is not None:
        return _chosen("lstm_forget_bias", role, "the forget gate starts open, so that the state is remembered")
    return Choice(law=Constant(0.0), entry="zeros", reason="biases start at 0")


def _bare(parameter: ParameterRole) -> Choice:
    attention = parameter.module == "MultiheadAttention" and parameter.key in {"bias_k", "bias_v"}
    if attention or (len(parameter.shape) > 1 and EMBEDDED.search(parameter.key)):
        law = Normal(TRANSFORMER_SPREAD)
        return Choice(law=law, entry="normal", reason="vectors that stand among tokens or are added to them")
    if len(parameter.shape) == 1 and parameter.key == "bias":
        return Choice(law=Constant(0.0), entry="zeros", reason="biases start at 0")
    return Choice(law=None, reason=f"what {parameter.module} does with it is not known: a rule can name it")


def _weight(parameter: ParameterRole, model: ModelRoles) -> Choice:
    role = parameter.role
    if role is None:
        return Choice(law=None, reason="it has no elements")
    if role.operation == "embedding" or role.tied is not None:
        reason = "rows of an embedding are looked up and not summed"
        if role.tied is not None:
            reason = "an embedding that is the readout too: its logits must not start large"
        return _transformer(reason)
    if role.operation == "recurrent":
        return _chosen("orthogonal", role, "the weight of a state is multiplied with itself once a step")
    if parameter.gates:
        return _chosen("glorot_uniform", role, "the input of a recurrence, each gate with the fans of its own")
    if model.has_attention and role.operation == "dense":
        return _in_transformer(parameter, role)
    activation, reason = _activation(parameter, model)
    residual = bool(model.branches) and not model.has_normalization
    if residual and model.is_rectified:
        return _chosen("fixup", role, f"{reason}; {len(model.branches)} branches are summed without any normalization")
    chosen = _before(activation, role, reason)
    if residual and role.branch is not None and role.branch.is_last and isinstance(chosen.law, Normal):
        count = role.branch.count
        law = Normal(chosen.law.scale / math.sqrt(count))
        reason = f"{chosen.reason}; the last of a branch, of {count} that are summed without any normalization"
        return Choice(law=law, entry=chosen.entry, reason=reason, source=INITIALIZERS["gpt2"].source)
    return chosen


def _transformer(reason: str) -> Choice:
    return Choice(law=Normal(TRANSFORMER_SPREAD), entry="normal", reason=reason, source=INITIALIZERS["gpt2"].source)


def _in_transformer(parameter: ParameterRole, role: Role) -> Choice:
    branch = role.branch
    if branch is None or not branch.is_last:
        return _transformer("a weight of a transformer")
    if parameter.branch is not None and parameter.branch.normalized_after:
        return _transformer("the last of a branch whose sum is normalized")
    return _chosen("gpt2", role, f"the last of a branch, of {branch.count} that are summed")


def _activation(parameter: ParameterRole, model: ModelRoles) -> tuple[Activation | None, str]:
    """Return what follows a weight, and how it is known."""
    following = parameter.following
    if following is not None and following.known:
        name = "nothing" if following.activation is None else type(following.activation).__name__
        return following.activation, f"{name} follows, by {following.way}"
    # An unknown follower is most likely the only one that there is.
    if model.only_activation is not None and parameter.branch is None:
        return (
            model.only_activation,
            f"what follows is not known; {type(model.only_activation).__name__} is the model's only one",
        )
    return None, "what follows is not known"


def _before(activation: Activation | None, role: Role, reason: str) -> Choice:
    match activation:
        case None | Identity() | SELU():
            return _chosen("lecun_normal", role, reason)
        case ReLU():
            return _chosen("he_normal", role, reason)
        case LeakyReLU(slope=slope):
            return _chosen("he_normal", role, reason, slope=slope)
        case _:
            return _chosen("activation_gain", role, reason)
