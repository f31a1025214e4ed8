"""Laws that the models are drawn by, beside those of PyTorch's layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["as_tanh", "constant", "drawn", "glorot", "he", "lecun", "normal", "of_order", "scaled"]

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)


def drawn(model: Any, law: Callable[[Any], Any]) -> Any:
    """Return the model with its matrices and kernels drawn by a law, and biases of 0."""
    for module in model.modules():
        if isinstance(module, WEIGHTED):
            law(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def he(weight: Any) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def lecun(weight: Any) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def glorot(weight: Any) -> None:
    nn.init.xavier_normal_(weight)


def constant(value: float) -> Callable[[Any], Any]:
    return lambda weight: nn.init.constant_(weight, value)


def normal(std: float) -> Callable[[Any], Any]:
    return lambda weight: nn.init.normal_(weight, std=std)


def of_order(gain: float) -> Callable[[Any], Any]:
    """Return the law N(0, gain/n), n the fan-in."""
    return lambda weight: nn.init.normal_(weight, std=math.sqrt(gain / weight[0].numel()))


def scaled(model: Any, gain: float = 2.0) -> Any:
    """Return the model drawn by N(0, gain/n), n what an output sums: a transposed convolution reaches it by strides."""
    drawn(model, of_order(gain))
    for module in model.modules():
        if isinstance(module, TRANSPOSED):
            n = module.weight.numel() / module.out_channels / math.prod(module.stride)
            nn.init.normal_(module.weight, std=math.sqrt(gain / n))
    return model


def as_tanh(model: Any) -> Any:
    """Return a network of sigmoids drawn to do what one of tanh does, since sigmoid(z) = (1 + tanh(z/2))/2.

    Of weights four times Glorot's, biases take what the mean of 1/2 brings in.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            nn.init.xavier_normal_(layer.weight, gain=4.0 if number else 2.0)
            if number:
                layer.bias.copy_(-layer.weight.sum(1) / 2)
            else:
                layer.bias.zero_()
    return model
