"""A checked model as people and programs hold it: findings, a table, a figure, a document."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from firstdraw.diagnosis import Finding, Severity
from firstdraw.torch.documents import aligned, finite, html_row
from firstdraw.torch.layers import LayerState, ModelState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HEADINGS", "NAMES", "Check", "title"]

SCHEMA: Final = "firstdraw.check/1"
HEADINGS: Final = ("", "layer", "kind", "rms", "mean", "cosine", "dead", "flat", "gradient", "chi", "update")
NAMES: Final = frozenset({1, 2})
"""The columns of `HEADINGS` that hold names."""
EXPLAINED: Final = (
    "rms and mean of what a layer returns; cosine between two examples; units of a rectifier dead on all examples; "
    "share of a bounded activation that is flat; rms of the gradient; chi, its squared norm over the next weights'; "
    "update, the first step over the weights"
)
QUANTITIES: Final = {"signal": "output (rms)", "gradient": "gradient (rms)"}


@dataclass(frozen=True, slots=True, repr=False)
class Check:
    """What `firstdraw.torch.check` returns; printed, it reads as a report, and in a notebook as a page.

    Args:
        state: what was measured.
        findings: what is wrong, the root and the worst first; `healthy` if nothing is.
    """

    state: ModelState
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        """Whether training cannot succeed from this start."""
        return any(finding.severity is Severity.BROKEN for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that is worth a warning."""
        return all(finding.severity < Severity.WARNING for finding in self.findings)

    def table(self) -> list[tuple[str, ...]]:
        """Return what was measured, one row a layer in the order of execution, as text under `HEADINGS`."""
        return list(_rows(self.state))

    def to_json(self) -> str:
        """Return all of it as JSON; a number that is not finite is null."""
        document = {
            "schema": SCHEMA,
            "findings": [asdict(finding) | {"severity": finding.severity.name.lower()} for finding in self.findings],
            **asdict(self.state),
        }
        return json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def plot(self, *, quantity: Literal["signal", "gradient"] = "signal", ax: Axes | None = None) -> Axes:
        """Draw the root mean square of what each layer returns, or of the gradient by it, in the order of execution.

        Layers that a skip leads around are drawn hollow; zeros have no place on the logarithmic axis.

        Args:
            quantity: "signal" or "gradient".
            ax: where to draw; by default on a new figure.

        Returns:
            The axes.
        """
        return _plot(self.state, quantity, ax)

    def __repr__(self) -> str:
        return "\n".join(
            [title(self.state), "", *_told(self.findings), "", *aligned([HEADINGS, *_rows(self.state)], left=NAMES)]
        )

    def _repr_html_(self) -> str:
        """Return the findings and the table for a notebook."""
        told = "".join(
            f"<p><b>{html.escape(finding.severity.name.lower())}: {html.escape(finding.cause)}.</b> "
            f"{html.escape(finding.sentence)}. <i>{html.escape(finding.remedy)}.</i></p>"
            for finding in self.findings
        )
        heading = html_row("th", HEADINGS)
        body = "".join(html_row("td", row) for row in _rows(self.state))
        return (
            f"<div><p>{html.escape(title(self.state))}</p>{told}"
            f'<table title="{html.escape(EXPLAINED)}"><thead>{heading}</thead><tbody>{body}</tbody></table></div>'
        )


def title(state: ModelState) -> str:
    """Return what was checked, and what the gradient is of."""
    mode = "training" if state.training else "evaluation"
    count = sum(math.prod(item.shape) for item in state.parameters)
    layers = "1 layer as it ran" if len(state.layers) == 1 else f"{len(state.layers):,} layers as they ran"
    return (
        f"{state.kind}: {count:,} parameters, {layers} in {mode} mode; the gradient is of {state.loss_name}, "
        f"{state.loss:.4g}"
    )


def _told(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        yield f"{finding.severity.name.lower()}: {finding.cause}. {finding.sentence}."
        yield f"    {finding.remedy}."


def _rows(state: ModelState) -> Iterable[tuple[str, ...]]:
    ratios = {item.name: item.update_ratio for item in state.parameters if len(item.shape) > 1}
    for layer in state.layers:
        updates = [ratio for name in layer.parameters if (ratio := ratios.get(name)) is not None]
        yield (
            str(layer.number),
            _name(layer),
            layer.kind,
            _number(layer.rms),
            _number(layer.mean),
            "" if math.isnan(layer.correlation) else f"{layer.correlation:.3f}",
            f"{layer.dead_units}/{layer.units}" if layer.dead_units else "",
            f"{layer.flat_share:.0%}" if layer.flat_share else "",
            _number(layer.gradient_rms),
            _number(layer.chi),
            _number(max(updates, default=None)),
        )


def _name(layer: LayerState) -> str:
    if layer.kind.islower():
        return f"-> {layer.name}"
    return layer.name if layer.call == 1 else f"{layer.name} ({layer.call})"


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3g}"


def _plot(state: ModelState, quantity: Literal["signal", "gradient"], ax: Axes | None) -> Axes:
    from matplotlib.figure import Figure

    axes: Any = Figure(figsize=(5.0, 3.4), layout="constrained").add_subplot() if ax is None else ax
    for around in (False, True):
        layers = [layer for layer in state.layers if layer.bypassed is around]
        values = [layer.rms if quantity == "signal" else layer.gradient_rms for layer in layers]
        drawn = [(layer.number, value) for layer, value in zip(layers, values, strict=True) if _drawable(value)]
        if drawn:
            axes.plot(
                *zip(*drawn, strict=True),
                color="#0072B2",
                linestyle="" if around else "-",
                marker="o",
                markersize=4,
                fillstyle="none" if around else "full",
                label="inside a residual branch" if around else "every signal passes",
            )
    axes.set(xlabel="layer, in the order of execution", ylabel=QUANTITIES[quantity], yscale="log")
    if len(axes.lines) > 1:
        axes.legend()
    return axes


def _drawable(value: float | None) -> bool:
    return value is not None and 0 < value < math.inf
