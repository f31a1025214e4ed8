"""A coordinate check as people and programs hold it: verdicts, a table, a figure, a document."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from firstdraw.diagnosis.thresholds import EXPONENT_TOLERANCE
from firstdraw.errors import InputError
from firstdraw.torch.coordinates.faults import Fault, layer_name
from firstdraw.torch.coordinates.judging import FAULTS, Verdict, verdict_on
from firstdraw.torch.coordinates.layers import Role
from firstdraw.torch.coordinates.measurements import LayerStep, ScanMeasurement
from firstdraw.torch.coordinates.scans import Axis
from firstdraw.torch.coordinates.slopes import LEVEL, Slope
from firstdraw.torch.documents import aligned, finite, html_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CoordinateCheck", "Judgment"]

SCHEMA: Final = "firstdraw.coordinate-check/1"
HEADINGS: Final = ("layer", "kind", "role", "step", "slope of |x|", "slope of |x - x_0|", "verdict")
EXPLAINED: Final = (
    "step: how many were made; slopes of log mean |x| of what a layer returns, and of its change since step 0, over "
    "the log of the size, with intervals of 95 % over the seeds"
)
QUANTITIES: Final = {"signal": "mean |x|", "change": "mean |x - x_0|"}
# More names beside a figure are no longer read.
MOST_LEGENDS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """A layer after some steps, along one axis.

    Args:
        axis: "width" or "depth".
        layer: its name, as the table has it.
        kind: its class, or the function.
        role: what becomes of its weight with the width.
        step: how many steps were made.
        signal: the slope of log mean |x| over the log of the size; None where it cannot be told.
        change: that of mean |x - x_0|; None before training, too.
        verdict: what is said of it.
    """

    axis: Axis
    layer: str
    kind: str
    role: Role
    step: int
    signal: Slope | None
    change: Slope | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, repr=False)
class CoordinateCheck:
    """What `firstdraw.torch.coordinate_check` returns; printed, it reads as a report, and in a notebook as a page.

    Args:
        scans: what was measured, along the width and the depth as was asked.
        faults: why the model does not pass; empty if it does, or if that is not certain.
    """

    scans: tuple[ScanMeasurement, ...]
    faults: tuple[Fault, ...]

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """What is said of each layer after 0, 1, ... steps, in the order of execution."""
        return tuple(_judgment(scan, one) for scan in self.scans for steps in scan.layers for one in steps)

    @property
    def verdict(self) -> Literal["passes", "fails", "not certain"]:
        """Whether all layers keep their size and learn; "not certain" where more seeds or sizes would tell."""
        if self.faults:
            return "fails"
        uncertain = any(one.verdict == "not certain" for one in self.judgments)
        return "not certain" if uncertain else "passes"

    @property
    def passed(self) -> bool:
        """Whether the verdict is "passes"."""
        return self.verdict == "passes"

    def judgment(self, layer: str, step: int, axis: Axis | None = None) -> Judgment:
        """Return what is said of one layer.

        Args:
            layer: its name, as the table has it.
            step: how many steps were made.
            axis: along which; by default the first that was scanned.

        Raises:
            InputError: if there is none.
        """
        scan = self._scan(axis)
        steps = self._layer(scan, layer)
        return _judgment(scan, steps[_checked(scan, step)])

    def table(self) -> list[tuple[str, ...]]:
        """Return a row for each layer and step, as text under `HEADINGS`."""
        return [row for scan in self.scans for row in _rows(scan)]

    def to_json(self) -> str:
        """Return all of it as JSON; a number that is not finite is null."""
        document = {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "faults": [asdict(fault) for fault in self.faults],
            "scans": [_document(scan) for scan in self.scans],
        }
        return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def plot(
        self,
        *,
        step: int | None = None,
        quantity: Literal["signal", "change"] = "signal",
        axis: Axis | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a quantity of each layer over the size, both on logarithmic axes, with the range over the seeds.

        Drawn are layers with weights, or all where none has weights, dashed where the verdict is a fault; the legend
        names the dozen that are steepest. On logarithmic axes there is no place for zeros.

        Args:
            step: how many steps were made; by default all.
            quantity: "signal" for mean |x|, or "change" for mean |x - x_0|.
            axis: along which; by default the first that was scanned.
            ax: where to draw; by default on a new figure.

        Returns:
            The axes.

        Raises:
            InputError: if there is no such step or axis.
        """
        scan = self._scan(axis)
        return _plot(scan, scan.steps if step is None else _checked(scan, step), quantity, ax)

    def _scan(self, axis: Axis | None) -> ScanMeasurement:
        if axis is None:
            return self.scans[0]
        for scan in self.scans:
            if scan.scan.axis == axis:
                return scan
        raise InputError("axis", f"must be one that was scanned, {self.scans[0].scan.axis!r}", axis)

    def _layer(self, scan: ScanMeasurement, name: str) -> tuple[LayerStep, ...]:
        for steps in scan.layers:
            if layer_name(steps[0].layer) == name:
                return steps
        names = ", ".join(dict.fromkeys(layer_name(steps[0].layer) for steps in scan.layers))
        raise InputError("layer", "must be the name of a layer that was measured", name, hint=f"they are {names}")

    def __repr__(self) -> str:
        lines = [f"{self.verdict}: {_title(self.scans)}", ""]
        for sentence, remedy in self._told():
            lines += [f"{sentence}.", *([f"    {remedy}."] if remedy else [])]
        for scan in self.scans:
            lines += ["", _heading(scan), *aligned([HEADINGS, *_rows(scan)])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the verdict, the reasons and the tables for a notebook."""
        told = "".join(
            f"<p>{html.escape(sentence)}.{f' <i>{html.escape(remedy)}.</i>' if remedy else ''}</p>"
            for sentence, remedy in self._told()
        )
        tables = "".join(
            f'<p>{html.escape(_heading(scan))}</p><table title="{html.escape(EXPLAINED)}">'
            f"<thead>{html_row('th', HEADINGS)}</thead>"
            f"<tbody>{''.join(html_row('td', row) for row in _rows(scan))}</tbody></table>"
            for scan in self.scans
        )
        title = f"<p><b>{html.escape(self.verdict)}:</b> {html.escape(_title(self.scans))}</p>"
        return f"<div>{title}{told}{tables}</div>"

    def _told(self) -> Iterator[tuple[str, str]]:
        """Yield sentences, each with what to do about it."""
        for fault in self.faults:
            yield f"{fault.verdict}: {fault.sentence}", fault.remedy
        if self.passed:
            yield (
                f"All layers keep their size and learn: exponents are within {EXPONENT_TOLERANCE} of where they may be",
                "",
            )
        elif not self.faults:
            uncertain = [one for one in self.judgments if one.verdict == "not certain"]
            first = uncertain[0]
            sentence = (
                f"An interval reaches over an edge of what is allowed, or there is none, in {len(uncertain)} of "
                f"{len(self.judgments)} cases, first for `{first.layer}` along the {first.axis} at step {first.step}"
            )
            yield sentence, "More seeds, or a wider range of sizes, would tell"


def _judgment(scan: ScanMeasurement, one: LayerStep) -> Judgment:
    return Judgment(
        axis=scan.scan.axis,
        layer=layer_name(one.layer),
        kind=one.layer.kind,
        role=one.layer.role,
        step=one.step,
        signal=one.signal_slope,
        change=one.change_slope,
        verdict=verdict_on(scan.scan.axis, one),
    )


def _checked(scan: ScanMeasurement, step: int) -> int:
    if step not in range(scan.steps + 1):
        raise InputError("step", f"must be an integer from 0 to {scan.steps}, the steps that were made", step)
    return step


def _title(scans: Sequence[ScanMeasurement]) -> str:
    one = scans[0]
    axes = " and ".join(scan.scan.axis for scan in scans)
    return (
        f"along the {axes}, {one.steps} step{'s' if one.steps > 1 else ''} of {one.optimizer}, {len(one.seeds)} seeds"
    )


def _heading(scan: ScanMeasurement) -> str:
    axis = scan.scan.axis
    fixed = {name: value for name, value in scan.scan.sizes[0].named.items() if name != axis}
    at = "".join(f", at the {name} {value:,}" for name, value in fixed.items())
    return f"{axis} {', '.join(f'{size.along(axis):,}' for size in scan.scan.sizes)}{at}"


def _rows(scan: ScanMeasurement) -> Iterator[tuple[str, ...]]:
    for steps in scan.layers:
        for one in steps:
            yield (
                layer_name(one.layer) if not one.step else "",
                one.layer.kind if not one.step else "",
                "" if one.step or one.layer.role == "other" else one.layer.role,
                str(one.step),
                "" if one.signal_slope is None else str(one.signal_slope),
                "" if one.change_slope is None else str(one.change_slope),
                verdict_on(scan.scan.axis, one),
            )


def _document(scan: ScanMeasurement) -> dict[str, Any]:
    return {
        "axis": scan.scan.axis,
        "sizes": [size.along(scan.scan.axis) for size in scan.scan.sizes],
        "fixed": {name: value for name, value in scan.scan.sizes[0].named.items() if name != scan.scan.axis},
        "seeds": list(scan.seeds),
        "steps": scan.steps,
        "optimizer": scan.optimizer,
        "level": LEVEL,
        "divergences": [
            {**one.size.named, "seed": one.seed, "step": one.step, "layer": one.layer[0]} for one in scan.divergences
        ],
        "layers": [
            {
                "name": layer_name(steps[0].layer),
                "kind": steps[0].layer.kind,
                "role": steps[0].layer.role,
                "steps": [
                    {
                        "step": one.step,
                        "verdict": verdict_on(scan.scan.axis, one),
                        "signal_slope": None if one.signal_slope is None else asdict(one.signal_slope),
                        "change_slope": None if one.change_slope is None else asdict(one.change_slope),
                        "signals": one.signals.tolist(),
                        "changes": one.changes.tolist(),
                    }
                    for one in steps
                ],
            }
            for steps in scan.layers
        ],
    }


def _plot(scan: ScanMeasurement, step: int, quantity: Literal["signal", "change"], ax: Axes | None) -> Axes:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, NullLocator

    axes: Any = Figure(figsize=(6.4, 3.6), layout="constrained").add_subplot() if ax is None else ax
    sizes = np.array([size.along(scan.scan.axis) for size in scan.scan.sizes])
    layers = [steps[step] for steps in scan.layers if steps[0].layer.weighted] or [steps[step] for steps in scan.layers]
    slopes = [one.signal_slope if quantity == "signal" else one.change_slope for one in layers]
    steepest = sorted(range(len(layers)), key=lambda i: -abs(slope.value if (slope := slopes[i]) else 0.0))
    colors = mpl.colormaps["viridis"](np.linspace(0.0, 0.85, len(layers)))
    for i, (one, slope) in enumerate(zip(layers, slopes, strict=True)):
        values = one.signals if quantity == "signal" else one.changes
        drawn = (np.isfinite(values) & (values > 0)).all(axis=1)
        places, values = sizes[drawn], values[drawn]
        name, verdict = layer_name(one.layer), verdict_on(scan.scan.axis, one)
        told = f"{verdict}: {name}" if slope is None else f"{slope.value:+.2f}, {verdict}: {name}"
        axes.plot(
            places,
            np.exp(np.log(values).mean(axis=1)),
            color=colors[i],
            linestyle="--" if verdict in FAULTS else "-",
            marker="o",
            markersize=4,
            label=told if i in steepest[:MOST_LEGENDS] else f"_{told}",
        )
        axes.fill_between(places, values.min(axis=1), values.max(axis=1), color=colors[i], alpha=0.2, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel=scan.scan.axis, ylabel=QUANTITIES[quantity])
    axes.set_title(f"after {step} step{'' if step == 1 else 's'} of {scan.optimizer}")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    title = "slope, verdict: layer" + (f" (steepest of {len(layers)})" if len(layers) > MOST_LEGENDS else "")
    axes.legend(title=title, fontsize="small", title_fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes
