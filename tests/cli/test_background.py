"""Work in the background: its result, its failure, and its end when nobody waits any more."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from firstdraw.cli import run as command
from firstdraw.cli.background import in_background
from firstdraw.cli.stopwatch import Stopwatch
from firstdraw.engine import Progress, engine_named, native
from firstdraw.laboratory import paper_of, read_spec
from firstdraw.papers import PAPERS


class _DeliberateError(Exception):
    pass


def _endless(progress: Progress) -> None:
    while True:
        progress(1)
        time.sleep(0.001)


def test_the_result_is_waited_for() -> None:
    steps: list[int] = []

    def work(progress: Progress) -> str:
        progress(2)
        progress(3)
        return f"done in {threading.current_thread().name}"

    with in_background(work, steps.append) as wait:
        assert wait().startswith("done in training")
    assert steps == [2, 3]


def test_a_failure_is_raised_where_it_is_waited_for() -> None:
    def fail(_progress: Progress) -> None:
        raise _DeliberateError

    with pytest.raises(_DeliberateError), in_background(fail, lambda _steps: None) as wait:
        wait()


def test_a_failure_of_the_progress_is_a_failure_of_the_work() -> None:
    def refuse(_steps: int) -> None:
        raise _DeliberateError

    with pytest.raises(_DeliberateError), in_background(_endless, refuse) as wait:
        wait()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, _DeliberateError])
def test_work_is_stopped_when_the_block_is_left(error: type[BaseException]) -> None:
    before = threading.active_count()
    with pytest.raises(error), in_background(_endless, lambda _steps: None):
        raise error
    assert threading.active_count() == before


def test_work_that_nobody_waits_for_is_stopped() -> None:
    steps: list[int] = []
    with in_background(_endless, steps.append):
        while not steps:
            time.sleep(0.001)
    made = len(steps)
    time.sleep(0.02)
    assert len(steps) == made


@pytest.mark.skipif(not native.is_built(), reason="the reference engine does not train in the background")
@pytest.mark.parametrize("where", ["in the background", "while drawing"])
def test_an_error_ends_the_command_and_its_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise _DeliberateError

    target = "firstdraw.experiments.run_together" if where == "in the background" else "firstdraw.report.page.Report"
    monkeypatch.setattr(target, fail)
    before = threading.active_count()
    spec = read_spec()
    with pytest.raises(_DeliberateError):
        command.told(
            spec,
            paper_of(spec),
            engine_named(),
            Stopwatch(),
            tmp_path / "report.html",
            every_claim=True,
            progress=False,
        )
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_only_the_main_experiment_of_a_paper_is_of_it() -> None:
    assert type(paper_of(read_spec())) is PAPERS["exercise"]
    assert paper_of(read_spec(settings=["training.steps=15001"])) is None
