"""All runs of a comparison: those that a store has, and the others made one by one and kept when they are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firstdraw.engine import Progress
from firstdraw.experiments.store import Finished, ModelRun, Series, Store, Wanted, this_process
from firstdraw.torch.comparison.batches import Pairing
from firstdraw.torch.comparison.identity import series_of
from firstdraw.torch.comparison.place import Place
from firstdraw.torch.comparison.starts import Start
from firstdraw.torch.comparison.training import Task, train
from firstdraw.torch.library import Module

__all__ = ["Runs", "Times", "all_runs"]

Runs = Mapping[Place, ModelRun]

POLL_SECONDS: Final = 0.5
"""How long to wait before looking again whether another process has finished what it had claimed."""


@dataclass(frozen=True, slots=True)
class Times:
    """Where the time comes from.

    Args:
        clock: returns a time in seconds since anything.
        now: returns the time in seconds since 1970.
        pause: waits for some seconds.
    """

    clock: Callable[[], float]
    now: Callable[[], float]
    pause: Callable[[float], None]


def all_runs(
    task: Task,
    starts: Sequence[Start],
    rates: Sequence[float | None],
    seeds: Sequence[int],
    *,
    models: list[Module],
    store: Path | None,
    name: str,
    times: Times,
    progress: Progress,
) -> Runs:
    """Return the run of each start, rate and seed.

    They are made seed by seed, so that whatever ends this early leaves runs that can be compared; with a store, those
    that were made are kept.

    Args:
        task: what is trained, and how.
        starts: the schemes.
        rates: the learning rates; [None] for the optimizer's own.
        seeds: the seeds.
        models: one that the factory has built; it is taken out when nothing more is asked of it.
        store: the file of the store; None for none.
        name: what the user calls the task.
        times: tells the time.
        progress: is told how many steps have been made, those of stored runs too.

    Raises:
        InputError: if the factory, the loader, the loss or the optimizer is none.
        StoreError: if the store cannot be written, or is damaged.
        FirstdrawError: if the user's code fails.
    """
    places = [Place(start.label, rate, seed) for seed in seeds for start in starts for rate in rates]
    by_label = {start.label: start for start in starts}
    pairing = Pairing()

    def made(place: Place) -> ModelRun:
        return train(
            task,
            by_label[place.label],
            place,
            pairing=pairing,
            clock=times.clock,
            progress=progress,
            others=models.pop() if models else None,
        )

    # What shares parameters is found out in the first run; later ones have the memory to themselves.
    if store is None:
        return {place: made(place) for place in places}
    series = {(start.label, rate): series_of(task, start, rate, models[0], name) for start in starts for rate in rates}
    with Store.create_or_open(store) as kept:
        return _kept(kept, places, series, made, steps=task.steps, times=times, progress=progress)


def _kept(
    store: Store,
    places: Sequence[Place],
    series: Mapping[tuple[str, float | None], Series],
    made: Callable[[Place], ModelRun],
    *,
    steps: int,
    times: Times,
    progress: Progress,
) -> Runs:
    """Return all runs, of which this process makes those that are not stored and that no other one is at work on."""
    owner = this_process()
    runs: dict[Place, ModelRun] = {}
    try:
        while True:
            stored = {one: store.model_runs(one) for one in set(series.values())}
            for place in places:
                own = series[place.label, place.rate]
                wanted = Wanted(own, (place.seed,))
                if place in runs:
                    continue
                if (run := stored[own].get(place.seed)) is not None:
                    progress(steps)
                elif store.claim([wanted], owner, times.now()):
                    run = made(place)
                    store.put([Finished(wanted, [run])])
                    # A scheme may be there under two labels.
                    stored[own][place.seed] = run
                else:
                    continue
                runs[place] = run
            if len(runs) == len(places):
                return {place: runs[place] for place in places}
            times.pause(POLL_SECONDS)
    finally:
        store.release(owner)
