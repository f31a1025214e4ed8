"""The page about models of PyTorch: its programs run as they stand, its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from firstdraw.cli.check.inputs import described
from firstdraw.cli.main import commands

torch: Any = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pytorch.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:- run: )?(firstdraw check .*)$", re.sub(r"^ +", "", PAGE, flags=re.MULTILINE), re.MULTILINE)


def test_its_programs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning")
    pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) == 9
    made: dict[str, Any] = {}
    for program in programs:
        exec(program, made)  # noqa: S102
    made["test_the_start_is_healthy"]()
    assert made["found"].findings[0].cause == "wrong law for the activation"
    assert (made["known"]["0.weight"].law, made["known"]["0.weight"].asked) == ("U[-0.125, 0.125)", "N(0, 0.176777²)")
    assert made["repaired"].remedy == "analytic gains"
    assert {row[1] for row in made["compared"].table()} == {"as built", "he_normal"}
    assert made["grown"].verdict == "fails"
    assert made["callback"].checked.healthy
    assert made["trainer"].state.global_step == 2


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_understood(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = commands.commands[name]
    with command.make_context(name, arguments) as context:
        for text in context.params["inputs"]:
            assert described("--input", text).shape
        assert context.params["model"]


def test_every_option_of_the_command_is_known_to_the_page_or_to_its_help() -> None:
    assert len(COMMANDS) == 6
    with click.Context(commands.commands["check"]) as context:
        text = commands.commands["check"].get_help(context)
    assert set(re.findall(r"--[a-z-]+", PAGE)) <= set(re.findall(r"--[a-z-]+", text))
