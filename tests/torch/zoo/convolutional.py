"""Plain convolutional networks, in one, two and three dimensions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import silu

from .laws import drawn, glorot, he, lecun, normal, of_order
from .perceptrons import changed
from .specimen import Specimen, numbers
from .training import adam, labels

__all__ = ["CONVOLUTIONAL", "IMAGES", "convolutional", "ended"]

IMAGES = numbers(8, 3, 8, 8)
LARGER_IMAGES = numbers(4, 3, 16, 16)
EIGHT = labels(10, 8)


def ended(parts: list[Any], channels: int, pool: Any = nn.AdaptiveAvgPool2d) -> Any:
    """Return a network with a mean over all places and ten scores at its end."""
    return nn.Sequential(*parts, pool(1), nn.Flatten(), nn.Linear(channels, 10))


def convolutional(depth: int, channels: int = 16) -> Any:
    sizes = [3, *[channels] * (depth + 1)]
    parts = [part for n, m in pairwise(sizes) for part in (nn.Conv2d(n, m, 3, padding=1), nn.ReLU(inplace=True))]
    return ended(parts, channels)


def vgg() -> Any:
    """Return thirty convolutions in five stages of growing channels, with maxima behind two of them.

    Zeros around small images cost signal that He's law does not count: of 4 x 4 pixels a third at each layer.
    """
    parts: list[Any] = []
    before = 3
    for number, channels in enumerate((8, 12, 16, 24, 32)):
        for _ in range(6):
            parts += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        parts += [nn.MaxPool2d(2)] if number in {1, 3} else []
    return ended(parts, before)


def separable(depth: int = 10, channels: int = 16) -> Any:
    """Return a network of convolutions of each channel alone, each followed by one across the channels."""
    parts: list[Any] = [nn.Conv2d(3, channels, 3, padding=1), nn.ReLU()]
    for _ in range(depth):
        alone = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        parts += [alone, nn.Conv2d(channels, channels, 1), nn.ReLU()]
    return ended(parts, channels)


def separable_by(depthwise: Any) -> Any:
    """Return one with a law for the kernels of one channel, which a rectifier precedes; none precedes the others."""
    model = drawn(separable(), lecun)
    for module in model:
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            depthwise(module.weight)
    return model


def by_all_channels(weight: Any) -> None:
    """Draw He's law as if each unit summed over all channels, not over one."""
    nn.init.normal_(weight, std=(2 / (weight.shape[0] * 9)) ** 0.5)


def normalized(norm: Any, depth: int = 20, channels: int = 8) -> Any:
    parts: list[Any] = [nn.Conv2d(3, channels, 3, padding=1)]
    for _ in range(depth):
        parts += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), norm(channels), nn.ReLU()]
    return ended(parts, channels)


def group_norm(channels: int) -> Any:
    return nn.GroupNorm(4, channels)


def affine_instance_norm(channels: int) -> Any:
    return nn.InstanceNorm2d(channels, affine=True)


def scales_of_zero(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.zero_()


def dead_stem(model: Any) -> None:
    model[0].bias.fill_(-50.0)


class Excited(nn.Module):
    """Scales each channel by what a small network makes of all their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(channels, channels // 4), nn.Linear(channels // 4, channels)

    def forward(self, x: Any) -> Any:
        return x * torch.sigmoid(self.excite(silu(self.squeeze(x.mean((2, 3))))))[:, :, None, None]


def excited(channels: int = 16) -> Any:
    parts: list[Any] = [nn.Conv2d(3, channels, 3, padding=1), nn.ReLU()]
    for _ in range(4):
        parts += [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), Excited(channels)]
    return ended(parts, channels)


class Grown(nn.Module):
    """Appends what it makes of its input to it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm, self.convolution = nn.BatchNorm2d(channels), nn.Conv2d(channels, growth, 3, padding=1)

    def forward(self, x: Any) -> Any:
        return torch.cat([x, self.convolution(torch.relu(self.norm(x)))], 1)


def densely_connected() -> Any:
    blocks: list[Any] = [Grown(8 + 4 * number, 4) for number in range(6)]
    return ended([nn.Conv2d(3, 8, 3, padding=1), *blocks, nn.BatchNorm2d(32), nn.ReLU()], 32)


class Paths(nn.Module):
    """Kernels of several sizes side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(nn.Conv2d(channels, channels // 2, size, padding=size // 2) for size in (1, 3))

    def forward(self, x: Any) -> Any:
        return torch.relu(torch.cat([path(x) for path in self.paths], 1))


def side_by_side() -> Any:
    return ended([nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), *(Paths(16) for _ in range(5))], 16)


class Gated(nn.Module):
    """A convolution over time, causal, whose result a second one lets through."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d((dilation, 0), 0.0)
        self.signal, self.gate = (nn.Conv1d(channels, channels, 2, dilation=dilation) for _ in range(2))
        self.tanh, self.sigmoid, self.mix = nn.Tanh(), nn.Sigmoid(), nn.Conv1d(channels, channels, 1)

    def forward(self, x: Any) -> Any:
        padded = self.pad(x)
        return x + self.mix(self.tanh(self.signal(padded)) * self.sigmoid(self.gate(padded)))


def over_time() -> Any:
    blocks = [Gated(16, 2**number) for number in range(4)]
    return ended([nn.Conv1d(4, 16, 1), *blocks], 16, nn.AdaptiveAvgPool1d)


def in_space() -> Any:
    layers: list[Any] = [nn.Conv3d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 16, 3, stride=2, padding=1), nn.ReLU()]
    return ended(layers, 16, nn.AdaptiveAvgPool3d)


CONVOLUTIONAL = {
    "plain CNN, He, 30 layers": Specimen(make=lambda: drawn(convolutional(30), he), call=IMAGES, answer="healthy"),
    "VGG, 30 layers, He": Specimen(make=lambda: drawn(vgg(), he), call=LARGER_IMAGES, answer="healthy"),
    "depthwise separable": Specimen(make=lambda: separable_by(he), call=IMAGES, answer="healthy"),
    "batch norm, 20 layers, default": Specimen(make=lambda: normalized(nn.BatchNorm2d), call=IMAGES, answer="healthy"),
    "group norm": Specimen(make=lambda: normalized(group_norm), call=IMAGES, answer="healthy"),
    "instance norm": Specimen(make=lambda: normalized(affine_instance_norm, 6), call=IMAGES, answer="healthy"),
    "squeeze and excite": Specimen(make=excited, call=IMAGES, answer="healthy"),
    "DenseNet": Specimen(make=densely_connected, call=IMAGES, answer="healthy"),
    "kernels of several sizes": Specimen(make=lambda: drawn(side_by_side(), he), call=IMAGES, answer="healthy"),
    "gated convolutions over time": Specimen(make=over_time, call=numbers(4, 4, 20), answer="healthy"),
    "convolutions in space": Specimen(
        make=lambda: drawn(in_space(), he), call=numbers(4, 1, 6, 6, 6), answer="healthy"
    ),
    "plain CNN, default, 30 layers": Specimen(
        make=lambda: convolutional(30),
        call=IMAGES,
        answer="wrong law for the activation",
        also=frozenset({"vanishing gradient"}),
        faults=frozenset({"default law under a rectifier"}),
        twin=lambda: drawn(convolutional(30), he),
        objective=EIGHT,
        # At twice the rate one healthy start in ten is slow, too.
        optimizer=adam(1e-3),
    ),
    "VGG, 30 layers, default": Specimen(
        make=vgg,
        call=LARGER_IMAGES,
        answer="wrong law for the activation",
        also=frozenset({"vanishing gradient"}),
        faults=frozenset({"default law under a rectifier"}),
        twin=lambda: drawn(vgg(), he),
        objective=labels(10, 4),
    ),
    # Half of what rectifiers need, thirty times.
    "VGG, 30 layers, Glorot": Specimen(
        make=lambda: drawn(vgg(), glorot),
        call=LARGER_IMAGES,
        answer="wrong law for the activation",
        also=frozenset({"vanishing gradient"}),
        twin=lambda: drawn(vgg(), he),
        objective=labels(10, 4),
    ),
    "plain CNN, three times He": Specimen(
        make=lambda: drawn(convolutional(8), of_order(18.0)),
        call=IMAGES,
        answer="wrong law for the activation",
        also=frozenset({"exploding signal"}),
        twin=lambda: drawn(convolutional(8), he),
        objective=EIGHT,
    ),
    "depthwise, by the fan of all channels": Specimen(
        make=lambda: separable_by(by_all_channels),
        call=IMAGES,
        answer="wrong law for the activation",
        also=frozenset({"vanishing signal"}),
        faults=frozenset({"grouped convolution with the fan of all groups"}),
        twin=lambda: separable_by(he),
        objective=EIGHT,
        optimizer=adam(3e-3),
    ),
    # What is 0 before the first rectifier turns it off for every example.
    "batch norm, scales of 0": Specimen(
        make=lambda: changed(normalized(nn.BatchNorm2d, 6), scales_of_zero),
        call=IMAGES,
        answer="born-dead network",
        twin=lambda: normalized(nn.BatchNorm2d, 6),
        objective=EIGHT,
        optimizer=adam(5e-3),
    ),
    "convolutions in space, zeros": Specimen(
        make=lambda: drawn(in_space(), normal(0.0)),
        call=numbers(4, 1, 6, 6, 6),
        answer="unbroken symmetry",
        faults=frozenset({"never initialized"}),
        twin=lambda: drawn(in_space(), he),
        objective=labels(10, 4),
        optimizer=adam(3e-3),
    ),
    "a stem that is off": Specimen(
        make=lambda: changed(drawn(convolutional(3), he), dead_stem),
        call=IMAGES,
        answer="born-dead network",
        twin=lambda: drawn(convolutional(3), he),
        objective=EIGHT,
        optimizer=adam(3e-3),
    ),
    "gates that are shut or open": Specimen(
        make=lambda: drawn(over_time(), normal(2.0)),
        call=numbers(4, 4, 20),
        answer="saturated hidden units",
        twin=over_time,
        objective=labels(10, 4),
        optimizer=adam(3e-3),
    ),
}
