"""The initializers as functions that fill tensors of PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from firstdraw.activations import Activation
from firstdraw.draws import CounterDraws
from firstdraw.dropins.parameter import (
    ParameterInitializer,
    drawn_type,
    framework,
    parameter_initializer,
)
from firstdraw.errors import InputError
from firstdraw.initializers import Initializer
from firstdraw.roles import BranchPlace, Operation, Order

__all__ = ["TorchInitializer", "as_torch"]

# In these a tensor's memory is filled without a copy.
DIRECT: Final = ("float64", "float32")


class TorchInitializer:
    """Fills tensors in place, as the functions of `torch.nn.init` do; made by `as_torch`.

    Args:
        parameter: what to draw.
        seed: an integer from 0 to 2^64 - 1.
    """

    def __init__(self, parameter: ParameterInitializer, seed: int) -> None:
        self.parameter = parameter
        self.seed = CounterDraws(seed).seed
        self._calls = itertools.count(1)

    def __call__(self, tensor: Any, *, name: str | None = None) -> Any:  # noqa: ANN401  # tensors of PyTorch
        """Fill a tensor, outside of what autograd records, and return it.

        Args:
            tensor: float64, float32, float16 or bfloat16, on any device, with memory of its own.
            name: the parameter's, which with the seed decides the draws; by default "he_normal, call 1" for the first
                tensor that is filled without a name, if "he_normal" is the initializer, then "he_normal, call 2", and
                so on.

        Raises:
            InputError: if the tensor cannot be filled, or the initializer does not serve one of this shape.
        """
        torch = framework("torch", "PyTorch")
        _check_tensor(torch, tensor)
        shape = tuple(tensor.shape)
        drawn = drawn_type(str(tensor.dtype).removeprefix("torch."))
        name = self.parameter.name_of_call(next(self._calls)) if name is None else name
        with torch.no_grad():
            if _is_direct(torch, tensor):
                self.parameter.draw(self.seed, name, shape, tensor.detach().numpy())
                # Autograd then refuses to go back through what it kept of the old numbers.
                torch.autograd.graph.increment_version(tensor)
            else:
                tensor.copy_(torch.from_numpy(self.parameter.draw(self.seed, name, shape, np.empty(shape, drawn))))
        return tensor

    def __repr__(self) -> str:
        return f"as_torch({self.parameter.initializer!r}, seed={self.seed})"


def _check_tensor(torch: Any, tensor: Any) -> None:  # noqa: ANN401
    if not isinstance(tensor, torch.Tensor):
        raise InputError("tensor", "must be a tensor of PyTorch", tensor)
    if torch.nn.parameter.is_lazy(tensor):
        raise InputError(
            "tensor", "must have a shape, which a lazy layer gives it on its first input", hint="call the model once"
        )
    if tensor.is_meta:
        raise InputError(
            "tensor",
            "must have memory, which is not so on the meta device",
            hint="`model.to_empty` gives a model its own",
        )
    if tensor.layout != torch.strided:
        raise InputError(
            "tensor", "must be dense in memory", tensor.layout, hint="'sparse' draws zeros into a dense one"
        )


def _is_direct(torch: Any, tensor: Any) -> bool:  # noqa: ANN401
    """Whether NumPy can fill the tensor's own memory row by row."""
    return (
        # A subclass may hold its numbers elsewhere.
        type(tensor) in {torch.Tensor, torch.nn.Parameter}
        and tensor.device.type == "cpu"
        and str(tensor.dtype).removeprefix("torch.") in DIRECT
        and tensor.is_contiguous()
        and not tensor.is_neg()
    )


def as_torch(
    initializer: str | Initializer,
    *,
    seed: int,
    operation: Operation | None = None,
    order: Order = "torch",
    groups: int | None = None,
    parts: int | None = None,
    stacked: int = 0,
    stride: int | Sequence[int] = 1,
    activation: str | Activation | None = None,
    bias_of: Sequence[int] | None = None,
    layer: int | None = None,
    depth: int | None = None,
    branch: BranchPlace | None = None,
    **options: Any,  # noqa: ANN401  # those of the initializer
) -> TorchInitializer:
    """Return an initializer as a function that fills a tensor in place and returns it, as `torch.nn.init` has them.

        he = as_torch("he_normal", seed=0)
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                he(parameter, name=name)

    The numbers depend on the seed, the name, the shape and the law alone: neither on the device, nor on what was filled
    before, nor on PyTorch's own seed. They are defined in float64; float32 holds their roundings, float16 and bfloat16
    those of float32. Contiguous float64 and float32 on the CPU are filled without a copy.

    Without a name the function counts its calls, so that two layers of one shape do not start equal; two functions of
    one initializer and one seed do count alike, so that one of the two is to be made with another seed.

    Elements are counted as the tensor stores them: where elements are independent, a shape has the same numbers in any
    framework. Laws of whole matrices ('orthogonal', 'identity') have the same matrix in any order of axes.

    Args:
        initializer: its name in the catalogue ("he_normal"), with its options as keyword arguments, or the initializer.
        seed: an integer from 0 to 2^64 - 1.
        operation: what the layer does with its weight; by default "dense" for two axes, "convolution" for three to
            five, or the one operation that the initializer serves. Transposed convolutions must say so.
        order: whose order of axes the tensors have; "keras" for weights stored (in, out), as in GPT-2's `Conv1D`.
        groups: into how many groups a convolution splits the channels.
        parts: how many projections lie along the outputs: 3 for a packed QKV, 4 for an LSTM.
        stacked: how many leading axes number whole layers, as those of experts do.
        stride: that of a convolution, where the fans shall count it.
        activation: what follows the layer, or its name, for laws that ask for it.
        bias_of: the shape of the layer's weight, where the tensor is its bias and the law counts its inputs.
        layer: the layer's place in the network, from 1, for laws that ask for it.
        depth: the number of layers in the network, for the same.
        branch: the place in a residual branch, for the same.
        options: of the initializer.

    Raises:
        InputError: if a name or an option is unknown, or one breaks its rule; the function raises where it cannot fill
            a tensor: integers, the meta device, no elements, a vector for a law that counts a fan.

    >>> import torch  # doctest: +SKIP
    >>> he = as_torch("he_normal", seed=0)
    >>> layer = torch.nn.Linear(256, 128)  # doctest: +SKIP
    >>> he(layer.weight, name="layers.1.weight").detach().std()  # sqrt(2/256) is 0.0884  # doctest: +SKIP
    tensor(0.0891)
    >>> he
    as_torch(HeNormal(slope=0.0, mode='fan_in'), seed=0)
    """
    parameter = parameter_initializer(
        initializer,
        options,
        order=order,
        operation=operation,
        groups=groups,
        parts=parts,
        stacked=stacked,
        stride=stride,
        activation=activation,
        bias_of=bias_of,
        layer=layer,
        depth=depth,
        branch=branch,
    )
    return TorchInitializer(parameter, seed)
