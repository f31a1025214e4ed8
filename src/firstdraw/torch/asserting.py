"""The check of a model as an assertion, for tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from firstdraw.diagnosis import Finding
from firstdraw.torch.accepting import Acceptance, SeverityName, counted
from firstdraw.torch.checking import check
from firstdraw.torch.documents import aligned
from firstdraw.torch.library import Module
from firstdraw.torch.shown import HEADINGS, NAMES, Check

__all__ = ["assert_well_initialized", "complaint"]

MOST_LAYERS: Final = 5


def assert_well_initialized(
    model: Module,
    *args: Any,  # noqa: ANN401  # whatever the model takes
    loss: Callable[..., Any] | None = None,
    targets: Any = None,  # noqa: ANN401  # whatever the loss takes
    optimizer: Any = None,  # noqa: ANN401  # optimizers of PyTorch
    seed: int = 0,
    severity: SeverityName = "warning",
    allow: Collection[str] = (),
    **kwargs: Any,  # noqa: ANN401
) -> Check:
    """Check a model, and fail a test if its start has a finding that is not accepted.

        def test_the_start_is_healthy():
            torch.manual_seed(0)
            assert_well_initialized(make_model(), torch.randn(32, 64), allow=("dead units",))

    The message of the failure has what is not accepted, with its remedies, and the layers that it names.

    Args:
        model: as in `check`, which leaves it as it was.
        args: likewise.
        loss: likewise.
        targets: likewise.
        optimizer: likewise.
        seed: likewise.
        severity: the least severity that fails: "note", "warning" or "broken".
        allow: causes that are accepted, however bad.
        kwargs: as in `check`.

    Returns:
        The check, for further assertions.

    Raises:
        AssertionError: if there is such a finding.
        InputError: if a cause or the severity is unknown, or `check` refuses something.
        FirstdrawError: as in `check`.

    >>> import torch  # doctest: +SKIP
    >>> layers = (part for _ in range(20) for part in (torch.nn.Linear(64, 64), torch.nn.ReLU()))  # doctest: +SKIP
    >>> assert_well_initialized(torch.nn.Sequential(*layers), torch.randn(32, 64))  # doctest: +SKIP
    Traceback (most recent call last):
    ...
    AssertionError: Sequential does not start well: 1 warning
    ...
    """
    __tracebackhide__ = True
    accepted = Acceptance.of(severity, allow)
    checked = check(model, *args, loss=loss, targets=targets, optimizer=optimizer, seed=seed, **kwargs)
    refused = accepted.refused(checked.findings)
    if refused:
        raise AssertionError(complaint(checked, refused))
    return checked


def complaint(checked: Check, refused: Sequence[Finding]) -> str:
    """Return what is wrong with a start in a few lines: the findings, and the layers that they name.

    Args:
        checked: the check.
        refused: those of its findings that are told.
    """
    return "\n".join([f"{checked.state.kind} does not start well: {counted(refused)}", *_lines(checked, refused)])


def _lines(checked: Check, refused: Sequence[Finding]) -> Iterator[str]:
    for finding in refused:
        place = f" at `{finding.place}`" if finding.place else ""
        yield ""
        yield f"{finding.severity.name.lower()}: {finding.cause}{place}"
        yield f"    {finding.sentence}."
        yield f"    {finding.remedy}."
    places = {finding.place for finding in refused}
    layers = checked.state.layers
    named = [i for i, layer in enumerate(layers) if layer.name in places or places & set(layer.parameters)]
    if named:
        # The ends show what comes of it.
        shown = sorted({0, *named[:MOST_LAYERS], len(layers) - 1})
        yield ""
        yield from aligned([HEADINGS, *(checked.table()[i] for i in shown)], left=NAMES)
