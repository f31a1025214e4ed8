"""An explanation as people read it, in a terminal of 80 columns or more."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firstdraw.explanations.value import Abroad, Effect, Facts, Spread
from firstdraw.gains import Gains

__all__ = ["as_table", "as_text"]

# A layer that keeps the second moment to within this share keeps it, for a sentence; ten of them change it by half.
NEAR: Final = 0.05
HEADING: Final = "bold"
LABEL: Final = "cyan"
# As long as the longest label, so that the values of all parts stand in one column.
LABELS: Final = 18


def as_text(explanation: Facts, width: int = 80) -> str:
    """Return an explanation as plain text of at most `width` columns."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(as_table(explanation))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def as_table(explanation: Facts) -> Table:
    """Return an explanation as one table for rich to print, a part a row."""
    table = Table.grid()
    for number, part in enumerate(_parts(explanation)):
        table.add_row(part if number == 0 else Padding(part, (1, 0, 0, 0)))
    return table


def _parts(told: Facts) -> Iterable[RenderableType]:
    yield _part(_title(told), _law(told))
    match told.effects:
        case ():
            if told.weight is not None and told.weight.mean and not math.isnan(told.weight.second_moment):
                yield Text("Its mean is not 0: the terms of a unit's sum do not average out, and no gain describes it.")
        case (only,):
            heading = Text(f"Under {only.activation}, from pre-activations of N(0, 1)", style=HEADING)
            yield _part(heading, _under(told, only))
        case several:
            heading = Text("Under each activation, from pre-activations of N(0, 1)", style=HEADING)
            yield Group(heading, _each(several), Text(_suited(several)))
    if told.abroad:
        yield _part(Text("Elsewhere, under the same name", style=HEADING), _elsewhere(told))
    if told.misread_fan_in is not None:
        yield Text(
            f"The shape is in PyTorch's order of axes. Keras and JAX would read {_shape(told)} as a fan-in of "
            f"{told.misread_fan_in}: there the outputs stand last, the inputs before them, the kernel first."
        )
    for remark in told.remarks:
        yield Text(remark)
    if not told.verified:
        yield Text("Unverified: the formula could not be confirmed against its source.", style="yellow")
    if told.source:
        yield Text(f"Source: {told.source}", overflow="fold")


def _part(heading: Text, rows: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=LABELS, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(Text(label, style=LABEL), Text(value))
    return Group(heading, Padding(grid, (0, 0, 0, 2)))


def _title(told: Facts) -> Text:
    operation = told.operation.replace("_", " ")
    article = "an" if told.operation == "embedding" else "a"
    of = " layer" if told.operation in {"dense", "recurrent"} else ""
    example = ", an example" if told.example else ""
    layer = f"{article} {operation}{of}"
    # The shape of a bias is left to be read off that of its weight.
    parameter = f"the weight of {layer}," if told.weight is not None else f"the bias of {layer} with the weight"
    return Text.assemble((told.name, HEADING), f" for {parameter} {_shape(told)}{example}")


def _shape(told: Facts) -> str:
    return f"({', '.join(map(str, told.shape))})"


def _law(told: Facts) -> Iterable[tuple[str, str]]:
    explained = told.weight or told.bias
    yield "law", told.formula
    if told.inserted not in told.formula:
        yield "with numbers", told.inserted
    if explained is not None and explained.law not in {told.inserted, told.formula}:
        yield "", f"= {explained.law}"
    yield "fan-in n", _equation(told.fan_in, told.fan_in_counted)
    yield "fan-out m", _equation(told.fan_out, told.fan_out_counted)
    if explained is not None:
        yield from _numbers(explained)
    if told.weight is None:
        return
    if told.bias is not None:
        yield "bias", told.bias.law + _added(told.bias)
    if told.effects:
        yield "gain", f"{told.gain:.6g} = sqrt(n E[w^2]) = sqrt({told.fan_in:g} x {told.weight.second_moment:.6g})"


def _numbers(spread: Spread) -> Iterable[tuple[str, str]]:
    if math.isnan(spread.second_moment):
        yield "moments", "not known in closed form"
    else:
        if spread.mean:
            yield "mean", f"{spread.mean:.6g}"
        yield (
            "standard deviation",
            f"{spread.standard_deviation:.6g}, of the variance {spread.standard_deviation**2:.6g}",
        )
    yield "values", _support(spread)


def _equation(value: float, counted: str) -> str:
    number = f"{value:g}"
    if counted == number:
        return number
    return f"{number} = {counted}" if " x " in counted else f"{number}, as {counted}"


def _support(spread: Spread) -> str:
    if not math.isfinite(spread.highest):
        return "any number"
    if spread.lowest == spread.highest:
        return f"{spread.lowest:.6g} alone"
    return f"from {spread.lowest:.6g} to {spread.highest:.6g}"


def _under(told: Facts, effect: Effect) -> Iterable[tuple[str, str]]:
    gains = effect.gains
    second_moment = effect.weight_second_moment
    yield "forward gain", f"{gains.forward:.6g} = 1/sqrt(E[phi^2]) = 1/sqrt({effect.second_moment:.6g})"
    yield "", _where_it_holds(gains)
    yield "backward gain", f"{gains.backward:.6g} = 1/sqrt(E[phi'^2]) = 1/sqrt({effect.slope_second_moment:.6g})"
    yield "centered gain", f"{gains.centered:.6g}, for Scaled Weight Standardization alone"
    yield "conventional gain", _conventional(gains)
    factors = f"{told.fan_in:g} x {second_moment:.6g} x {effect.second_moment:.6g}"
    yield "signal, a layer", f"x {effect.forward_factor:.6g} = n E[w^2] E[phi^2] = {factors}"
    factors = f"{told.fan_out:g} x {second_moment:.6g} x {effect.slope_second_moment:.6g}"
    yield "gradient, a layer", f"x {effect.backward_factor:.6g} = m E[w^2] E[phi'^2] = {factors}"
    yield "after ten layers", f"a second moment of 1 is {effect.after_ten_layers:.4g}"


def _added(bias: Spread) -> str:
    """Say what biases do to the second moment of pre-activations."""
    if not bias.second_moment:
        return ""
    return f", which adds {bias.second_moment:.4g} to each second moment, the same for every input"


def _where_it_holds(gains: Gains) -> str:
    if gains.scale_free:
        return "at every scale, as phi(c x) = c phi(x): a disturbance stays as it is"
    effect = "dies out" if gains.stable else "grows"
    return f"at a second moment of 1 alone; a disturbance {effect}, x {gains.slope:.4g} a layer"


def _conventional(gains: Gains) -> str:
    if gains.conventional is None:
        return "none: torch.nn.init.calculate_gain refuses it"
    exact = math.isclose(gains.conventional, gains.forward, rel_tol=1e-12)
    return f"{gains.conventional:.6g} in PyTorch, {'which is exact' if exact else 'a convention and no theory'}"


def _each(effects: tuple[Effect, ...]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("phi", style=LABEL, no_wrap=True)
    for header in (
        "forward\ngain",
        "backward\ngain",
        "PyTorch's\ngain",
        "signal\na layer",
        "gradient\na layer",
        "signal,\nten layers",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for effect in effects:
        gains = effect.gains
        conventional = "none" if gains.conventional is None else f"{gains.conventional:.4f}"
        table.add_row(
            Text(effect.activation),
            f"{gains.forward:.4f}",
            f"{gains.backward:.4f}",
            conventional,
            _factor(effect.forward_factor),
            _factor(effect.backward_factor),
            f"{effect.after_ten_layers:.2e}",
        )
    return table


def _factor(value: float) -> str:
    """Write a factor in at most eight columns."""
    return f"{value:.4g}" if value == 0 or 0.01 <= value < 10_000 else f"{value:.2e}"


def _suited(effects: tuple[Effect, ...]) -> str:
    kept = [effect.activation for effect in effects if abs(effect.forward_factor - 1) <= NEAR]
    if kept:
        return f"Keeps the signal, to {NEAR:.0%} a layer, under {', '.join(kept)}."
    return f"Keeps the signal, to {NEAR:.0%} a layer, under no activation of the catalogue."


def _elsewhere(told: Facts) -> Iterable[tuple[str, str]]:
    for item in told.abroad:
        yield item.framework, _abroad(item)


def _abroad(item: Abroad) -> str:
    lines = [item.call] if item.call else []
    if item.same:
        lines.append("the same law")
    elif item.spread is not None:
        spread = item.spread
        lines += [spread.law, f"standard deviation {spread.standard_deviation:.6g}, {_support(spread)}"]
    if item.remark:
        lines.append(item.remark)
    return "\n".join(lines)
