"""How `firstdraw check` reads what it is given, and what it says of what cannot be read; none of this needs PyTorch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstdraw.cli.check.inputs import KINDS, Described, described
from firstdraw.cli.check.names import object_named
from firstdraw.cli.exits import Exit
from firstdraw.errors import FirstdrawError, InputError

Finished = subprocess.CompletedProcess[str]

MODULES = {
    "factories.py": """
class Models:
    @staticmethod
    def small():
        return "small"

def large():
    return "large"
""",
    "failing.py": "import math\n\nmath.sqrt(-1)\n",
    "hopeless.py": "def factory(:\n    pass\n",
    "leaving.py": "import sys\nsys.exit('no')\n",
    "needing.py": "import a_library_that_is_not_there\n",
    "inner/__init__.py": "",
    "inner/nets.py": "def deep():\n    return 'deep'\n",
    "beside/models.py": "from helpers import value\n\ndef factory():\n    return value\n",
    "beside/helpers.py": "value = 'from beside'\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with modules in it, which are forgotten afterwards."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path_importer_cache.clear()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("factories:large", "large"),
        ("factories:Models.small", "small"),
        ("inner.nets:deep", "deep"),
        ("factories.py:large", "large"),
        ("inner/nets.py:deep", "deep"),
        ("beside/models.py:factory", "from beside"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_name_stands_for_what_a_program_here_would_import(name: str, value: str) -> None:
    assert object_named("MODEL", name)() == value


def test_a_file_may_have_the_name_of_a_library(folder: Path) -> None:
    (folder / "json.py").write_text("def factory():\n    return 'mine'\n")
    assert object_named("MODEL", "json.py:factory")() == "mine"
    assert "<file of the model>" in sys.modules
    assert hasattr(sys.modules["json"], "dumps")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "factories",
            "`MODEL` must be a module, a colon and a name in it, like `package.module:factory`, got 'factories'",
        ),
        (":large", "`MODEL` must be a module, a colon and a name in it"),
        ("factories:", "`MODEL` must be a module, a colon and a name in it"),
        (
            "factorys:large",
            (
                "`MODEL` must name a module that can be imported from here, and there is no `factorys`; did you mean "
                "'factories'?"
            ),
        ),
        (
            "inner.net:deep",
            (
                "`MODEL` must name a module that can be imported from here, and there is no `inner.net`; did you mean "
                "'inner.nets'?"
            ),
        ),
        ("zzz.net:deep", "`MODEL` must name a module that can be imported from here, and there is no `zzz`"),
        ("factories:larg", "`MODEL` must name something in `factories`, got 'larg'; did you mean 'large'?"),
        ("factories:Models.smal", "`MODEL` must name something in `Models`, got 'smal'; did you mean 'small'?"),
        ("factoris.py:large", "`MODEL` must name a file that exists, got 'factoris.py'; did you mean 'factories.py'?"),
        ("nowhere/model.py:large", "`MODEL` must name a file that exists, got 'nowhere/model.py'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_name_that_stands_for_nothing_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        object_named("MODEL", name)
    said = str(caught.value)
    assert said.startswith(sentence)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("failing:x", "the module `failing` fails while it is imported, at line 3 of `failing.py`: ValueError: "),
        ("failing.py:x", "the file `failing.py` fails while it is imported, at line 3 of `failing.py`: ValueError: "),
        ("hopeless:x", "the module `hopeless` fails while it is imported, at line 1 of `hopeless.py`: SyntaxError: "),
        ("leaving:x", "the module `leaving` fails while it is imported, at line 2 of `leaving.py`: SystemExit: no"),
        (
            "needing:x",
            (
                "the module `needing` fails while it is imported, at line 1 of `needing.py`: ModuleNotFoundError: No "
                "module named 'a_library_that_is_not_there'"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_module_that_fails_is_no_riddle(name: str, sentence: str) -> None:
    with pytest.raises(FirstdrawError) as caught:
        object_named("MODEL", name)
    said = str(caught.value)
    assert said.startswith(sentence)
    assert "\n" not in said
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("8", Described("", (8,))),
        ("8,3,32,32", Described("", (8, 3, 32, 32))),
        ("8, 3:uniform", Described("", (8, 3), "uniform")),
        ("4,16:tokens=50257", Described("", (4, 16), "tokens", 50257)),
        ("attention_mask=4,16:ones", Described("attention_mask", (4, 16), "ones")),
        ("x=2,2", Described("x", (2, 2))),
    ],
)
def test_inputs_are_read(text: str, read: Described) -> None:
    assert described("--input", text) == read


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("8,,3", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("8,0", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("8,-3", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("8x3", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("8:", "must say normal, uniform, ones or tokens=COUNT after the colon"),
        ("8:token=3", "must say normal, uniform, ones or tokens=COUNT after the colon"),
        ("8:tokens", "must say how many there are for tokens alone, as in 4,16:tokens=50257"),
        ("8:normal=2", "must say how many there are for tokens alone, as in 4,16:tokens=50257"),
        ("8:tokens=0", "must have lengths from 1 up with commas between them, like 8,3,32,32"),
        ("my-mask=8", "must name an argument of the model before `=`"),
        ("=8", "must name an argument of the model before `=`"),
        ("100000,100000", "must have at most 268,435,456 elements"),
        ("9" * 5000, "must have lengths from 1 up with commas between them"),
    ],
)
def test_inputs_that_cannot_be_are_refused(text: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        described("--input", text)
    assert str(caught.value).startswith(f"`--input` {rule}")
    assert "\n" not in str(caught.value)


def test_a_kind_that_is_nearly_right_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'tokens'"):
        described("--input", "8:token=3")


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.sampled_from(["", "x", "input_ids"]),
    st.sampled_from([kind for kind in KINDS if kind != "tokens"]),
)
def test_whatever_is_described_is_read_back(lengths: list[int], name: str, kind: str) -> None:
    text = f"{name}={','.join(map(str, lengths))}:{kind}".lstrip("=")
    assert described("--input", text) == Described(name, tuple(lengths), kind)


@given(st.text(max_size=30))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        read = described("--input", text)
    except InputError:
        return
    assert min(read.shape) >= 1


@pytest.mark.parametrize("arguments", [(), ("--input", "8,4", "--batch", "batch.pt")])
def test_one_of_inputs_and_a_batch_is_needed(firstdraw: Callable[..., Finished], arguments: tuple[str, ...]) -> None:
    done = firstdraw("check", "models:make", *arguments)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr == (
        "Error: `firstdraw check` must be given what the model is called with, as --input or as --batch, and not "
        "both.\n"
    )


def test_targets_need_a_loss(firstdraw: Callable[..., Finished]) -> None:
    done = firstdraw("check", "models:make", "--input", "8,4", "--targets", "8:tokens=3")
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr == "Error: `--targets` must be given with the --loss that compares them with the outputs.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input", "8x4"), "`--input` must have lengths from 1 up"),
        (("--input", "8,4", "--loss", "mse_loss", "--targets", "0"), "`--targets` must have lengths from 1 up"),
        (("--batch", "nowhere.pt"), "`--batch` must be a file that exists"),
    ],
)
def test_the_command_line_is_read_before_the_model_is_made(
    firstdraw: Callable[..., Finished], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "models.py").write_text("open('executed', 'w')\n")
    done = firstdraw("check", "models:make", *arguments)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr.startswith(f"Error: {said}")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("option", [("--severity", "bad"), ("--seed", "-1"), ("--seed", str(2**64))])
def test_options_that_cannot_be_are_refused(firstdraw: Callable[..., Finished], option: tuple[str, str]) -> None:
    done = firstdraw("check", "models:make", "--input", "8,4", *option)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert "Invalid value for" in done.stderr


def test_a_cause_that_is_unknown_is_refused_before_anything_runs(firstdraw: Callable[..., Finished]) -> None:
    done = firstdraw("check", "models:make", "--input", "8,4", "--allow", "dead unit")
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr == (
        "Error: `allow` must name causes that findings have, got 'dead unit'; did you mean 'dead units'?\n"
    )


def test_a_figure_that_cannot_be_written_is_refused_before_anything_runs(firstdraw: Callable[..., Finished]) -> None:
    done = firstdraw("check", "models:make", "--input", "8,4", "--figure", "check.gif")
    assert done.returncode == Exit.INPUT
    assert "`--figure` must be a file whose name ends with .svg, .png or .pdf" in done.stderr


def test_without_pytorch_it_is_said_how_to_get_it(tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from firstdraw.cli import main; "
        "main(['check', 'models:make', '--input', '8,4'])"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert done.stderr == (
        "Error: `firstdraw.torch` needs PyTorch, which is not installed: `pip install 'firstdraw[torch]'`.\n"
    )
