"""`firstdraw check` on models of PyTorch: what it prints, how it ends, and that no file makes it execute code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from firstdraw.cli.check.batches import batch_in
from firstdraw.cli.check.inputs import described, drawn
from firstdraw.cli.check.losses import loss_named, part_of_batch
from firstdraw.cli.check.models import model_named
from firstdraw.cli.check.outcome import Outcome
from firstdraw.cli.check.telling import tell
from firstdraw.cli.exits import Exit
from firstdraw.cli.main import commands
from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch import check, identify, repair
from firstdraw.torch.accepting import Acceptance
from firstdraw.torch.arguments import Arguments

pytestmark = pytest.mark.parity
torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn

Finished = subprocess.CompletedProcess[str]
Call = Callable[..., Finished]

MODELS = """
import time
from functools import partial
from pathlib import Path

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 3))

    def forward(self, x, scale=1.0):
        print("the model speaks")
        return self.body(x) * scale


def deep():
    return nn.Sequential(*[part for _ in range(25) for part in (nn.Linear(16, 16), nn.ReLU())])


def needing(width, depth):
    return Net(width)


def failing():
    raise ValueError("no\\nmodel")


def endless():
    Path("begun").touch()
    time.sleep(60)


def of_no_use():
    return {"weight": 1}


def other_loss(outputs, targets):
    return (outputs - targets).abs().sum()


narrow = partial(needing, 8, 2)
model = Net()
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with `models.py` in it, which is forgotten afterwards."""
    (tmp_path / "models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("models", None)
    sys.path_importer_cache.clear()


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))


def canary(path: Path) -> Any:
    """Return an object whose pickle makes a file when it is loaded."""

    class Malicious:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, (f"touch {path}",))

    return Malicious()


# --- the command


def test_a_healthy_start_ends_with_0(firstdraw: Call, folder: Path) -> None:
    done = firstdraw("check", "models:Net", "--input", "32,4")
    assert (done.returncode, done.stderr.replace("the model speaks\n", "")) == (0, "")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0].startswith("Net: 131 parameters, 3 layers as they ran in training mode")
    assert "good  healthy" in lines
    assert lines[-1] == "A healthy start."
    assert list(folder.glob("*.html")) == []


def test_json_is_data_alone(firstdraw: Call, folder: Path) -> None:  # noqa: ARG001
    arguments = ("check", "models:Net", "--input", "32,4", "--loss", "cross_entropy", "--targets", "32:tokens=3")
    done = firstdraw(*arguments, "--json", "--identify", "--repair", "--eval")
    document = json.loads(done.stdout)
    assert (document["schema"], document["loss_name"]) == ("firstdraw.check/1", "cross_entropy")
    assert document["training"] is False
    assert document["loss"] == pytest.approx(np.log(3), rel=0.2)
    assert document["identification"]["tensors"][0]["name"] == "body.0.weight"
    assert document["repair"]["schema"] == "firstdraw.repair/1"
    assert (done.returncode, set(done.stderr.splitlines())) == (0, {"the model speaks"})


def test_what_is_allowed_ends_with_0(firstdraw: Call, folder: Path) -> None:
    figure = folder / "check.svg"
    done = firstdraw(
        *("check", "models:deep", "--input", "32,16", "--allow", "wrong law for the activation"),
        *("--figure", str(figure)),
    )
    assert done.returncode == 0
    assert done.stderr == f"Figure: {figure}\n"
    assert figure.read_text().startswith("<?xml")
    assert "warning  wrong law for the activation  (allowed) at 2\n" in done.stdout
    assert re.search(r"A healthy start: 1 warning, \d notes\.", done.stdout)


def test_the_code_of_a_repair_repairs_another_copy(firstdraw: Call, folder: Path) -> None:  # noqa: ARG001
    done = firstdraw("check", "models:deep", "--input", "32,16", "--repair")
    assert (done.returncode, done.stderr) == (Exit.FAILED, "")
    said, _, code = done.stdout.partition("\nimport torch\n")
    assert said.rstrip().endswith(": a second check finds a healthy start.")
    torch.manual_seed(0)
    model = model_named("models:deep")
    x = drawn(described("--input", "32,16"), "input 0", model, 0)
    assert not check(model, x).healthy
    exec(code, {"model": model, "torch": torch})  # noqa: S102
    assert check(model, x).healthy


def test_a_model_that_fails_is_said_in_a_sentence(firstdraw: Call, folder: Path) -> None:  # noqa: ARG001
    done = firstdraw("check", "models:Net", "--input", "32,5")
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert "Error: the model fails in its forward pass, in `body.0` (Linear): RuntimeError: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_ends_with_130(environment: dict[str, str], folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "firstdraw", "check", "models:endless", "--input", "8,4"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a caller in the background hands down is that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, output, error) == (Exit.INTERRUPTED, "", "Interrupted; nothing was written.\n")


def test_a_reader_that_stops_is_no_failure(environment: dict[str, str], folder: Path) -> None:
    command = f"(sleep 0.1; exec {sys.executable} -m firstdraw check models:Net --input 8,4) | true"
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (Exit.PIPE_CLOSED, "the model speaks\n")


@pytest.mark.parametrize(("columns", "more"), [(80, {}), (120, {"NO_COLOR": "1"})])
def test_a_terminal_sees_whole_lines(
    on_terminal: Callable[..., tuple[int, str]], folder: Path, columns: int, more: dict[str, str]
) -> None:
    command = ("check", "models:deep", "--input", "32,16", "--identify")
    ended, text = on_terminal(*command, folder=folder, TERM="xterm", COLUMNS=str(columns), **more)
    assert ended == Exit.FAILED
    assert bool(re.search(r"\x1b\[[\d;]*3[0-7]m", text)) is not bool(more)
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= columns
    assert "warning  wrong law for the activation at 2" in lines
    assert re.fullmatch(r"Not a healthy start: wrong law for the activation \(2 warnings, \d notes\)\.", lines[-2])
    assert lines[-1] == "With --repair the PyTorch code that mends it is looked for."
    # Every row of the layers is one line, numbered.
    assert [line.split()[0] for line in lines if re.match(r" ?\d+  ", line)][:3] == ["1", "2", "3"]
    assert any("… " in line and line.rstrip().endswith(" more") for line in lines)


# --- the examples of the help

EXAMPLES = re.findall(
    r"firstdraw (check \S.*?)(?:  .*)?$", f"{commands.help}\n{commands.commands['check'].help}", re.MULTILINE
)
FOR_EXAMPLES = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 10))

    def forward(self, x):
        return super().forward(x.flatten(1)[:, :16])

class gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(50257, 8), nn.Linear(8, 5)

    def forward(self, input_ids):
        return self.head(self.table(input_ids))

factory = Net
"""


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_help_works(example: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "package").mkdir()
    for place in ("models.py", "package/module.py"):
        (folder / place).write_text(FOR_EXAMPLES)
    torch.save((torch.randn(8, 16), torch.randn(8, 10)), folder / "batch.pt")
    with (
        commands.make_context("firstdraw", shlex.split(example)) as context,
        contextlib.suppress(click.exceptions.Exit),
    ):
        commands.invoke(context)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "ealthy start" in printed.out or json.loads(printed.out)["schema"] == "firstdraw.check/1"
    for name in ("package", "package.module"):
        sys.modules.pop(name, None)


def test_the_help_has_examples() -> None:
    assert len(EXAMPLES) == 5


# --- the model


@pytest.mark.parametrize("name", ["models:Net", "models:model", "models:deep", "models:narrow", "models.py:Net"])
@pytest.mark.usefixtures("folder")
def test_a_model_is_made_by_its_name(name: str) -> None:
    assert isinstance(model_named(name), nn.Module)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "models:needing",
            (
                "`MODEL` must need no arguments, and `models:needing` needs `width` and `depth`; a function in the "
                "module that calls it with them serves, or `functools.partial`"
            ),
        ),
        ("models:number", "`MODEL` must name a module of PyTorch, or what returns one without arguments, got 'int'"),
        ("models:failing", "the factory `models:failing` fails, at line 29 of `models.py`: ValueError: no model"),
        (
            "models:of_no_use",
            "`MODEL` must return a `torch.nn.Module`, which `models:of_no_use` does not, got 'dict'",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_makes_no_model_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(FirstdrawError) as caught:
        model_named(name)
    assert str(caught.value) == sentence


# --- inputs


def test_random_inputs_are_what_they_are_said_to_be(model: Any) -> None:
    x = drawn(described("--input", "300,200"), "x", model, 0)
    assert (x.dtype, tuple(x.shape)) == (torch.float32, (300, 200))
    assert abs(x.mean().item()) < 0.02
    assert x.std().item() == pytest.approx(1, abs=0.02)
    u = drawn(described("--input", "300,200:uniform"), "x", model.double(), 0)
    assert u.dtype == torch.float64
    assert 0 <= u.min() < u.max() < 1
    tokens = drawn(described("--input", "300,20:tokens=7"), "x", model, 0)
    assert (tokens.dtype, tokens.unique().tolist()) == (torch.int64, list(range(7)))
    ones = drawn(described("--input", "3,2:ones"), "x", model, 0)
    assert (ones.dtype, ones.tolist()) == (torch.int64, [[1, 1]] * 3)
    assert drawn(described("--input", "3"), "x", model.half(), 0).dtype == torch.float16
    assert torch.equal(x, drawn(described("--input", "300,200"), "x", model.float(), 0))
    assert not torch.equal(x, drawn(described("--input", "300,200"), "x", model, 1))
    assert not torch.equal(x, drawn(described("--input", "300,200"), "y", model, 0))


# --- losses and targets


@pytest.mark.usefixtures("folder")
def test_a_loss_is_found_by_its_name() -> None:
    assert loss_named("mse_loss") is nn.functional.mse_loss
    assert loss_named("models:other_loss")(torch.ones(2), torch.zeros(2)) == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "cross_entrpy",
            (
                "`--loss` must be a function of `torch.nn.functional`, or `package.module:function`, got "
                "'cross_entrpy'; did you mean 'cross_entropy'"
            ),
        ),
        ("models:number", "`--loss` must be a function of `torch.nn.functional`, or `package.module:function`, got "),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_no_loss_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        loss_named(name)
    assert str(caught.value).startswith(sentence)


def test_targets_are_a_part_of_the_batch() -> None:
    assert part_of_batch("1", Arguments((1, 2, 3))) == (Arguments((1, 3)), 2)
    assert part_of_batch("y", Arguments((), {"x": 1, "y": 2})) == (Arguments((), {"x": 1}), 2)
    with pytest.raises(InputError) as caught:
        part_of_batch("2", Arguments((1, 2)))
    assert str(caught.value) == "`--targets` must be a part of the batch, which has 0, 1, got '2'"


# --- batches in files


def test_batches_come_back_as_they_were_saved(tmp_path: Path, model: Any) -> None:
    x, y = torch.randn(8, 4), torch.arange(8)
    for saved, placed, named in (
        (x, (x,), {}),
        ((x, y), (x, y), {}),
        ([x, {"inner": y}], (x, {"inner": y}), {}),
        ({"x": x, "y": y}, (), {"x": x, "y": y}),
    ):
        torch.save(saved, tmp_path / "batch.pt")
        found = batch_in(tmp_path / "batch.pt", model)
        assert str((found.placed, dict(found.named))) == str((placed, named))
    np.savez(tmp_path / "batch.npz", x=x.numpy(), y=y.numpy())
    found = batch_in(tmp_path / "batch.npz", model)
    assert torch.equal(found.named["x"], x)
    assert torch.equal(found.named["y"], y)
    np.save(tmp_path / "batch.npy", x.numpy())
    assert torch.equal(batch_in(tmp_path / "batch.npy", model).placed[0], x)


def test_a_batch_with_targets_is_checked_the_same_each_time(firstdraw: Call, folder: Path) -> None:
    torch.save((torch.randn(16, 4), torch.randint(0, 3, (16,))), folder / "batch.pt")
    arguments = ("check", "models:Net", "--batch", "batch.pt", "--targets", "1", "--loss", "cross_entropy", "--json")
    done = firstdraw(*arguments)
    document = json.loads(done.stdout)
    assert firstdraw(*arguments).stdout == done.stdout
    assert (document["loss_name"], document["inputs"][0]["shape"]) == ("cross_entropy", [16, 4])


def malicious_files(folder: Path, mark: Path) -> Iterator[Path]:
    """Write files of every kind that execute something when they are read without care."""
    code = canary(mark)
    torch.save(code, folder / "zip.pt")
    torch.save({"x": torch.ones(2), "y": code}, folder / "inside.pt")
    torch.save(code, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    (folder / "plain.pkl").write_bytes(pickle.dumps(code))
    (folder / "renamed.h5").write_bytes(pickle.dumps(code))
    np.save(folder / "objects.npy", np.array([code], dtype=object), allow_pickle=True)
    np.savez(folder / "objects.npz", x=np.array([code], dtype=object))
    (folder / "pickle.npy").write_bytes(pickle.dumps(code))
    with tarfile.open(folder / "tar.pt", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            content = pickle.dumps(code)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with zipfile.ZipFile(folder / "handmade.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(code))
        archive.writestr("archive/version", "3\n")
    yield from sorted(folder.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_no_file_is_ever_executed(tmp_path: Path, model: Any) -> None:
    mark, folder = tmp_path / "executed", tmp_path / "files"
    folder.mkdir()
    paths = list(malicious_files(folder, mark))
    assert len(paths) == 10
    for path in paths:
        with pytest.raises(InputError) as caught:
            batch_in(path, model)
        said = str(caught.value)
        assert said.startswith("`--batch` must "), path
        assert "\n" not in said, path
        assert not mark.exists(), path
    # The files are no dummies: read without care, one of them executes what is in it.
    torch.load(folder / "inside.pt", weights_only=False)
    assert mark.exists()


def test_a_file_with_code_is_told_from_a_damaged_one(tmp_path: Path, model: Any) -> None:
    torch.save(canary(tmp_path / "executed"), tmp_path / "code.pt")
    with pytest.raises(InputError) as caught:
        batch_in(tmp_path / "code.pt", model)
    assert str(caught.value) == (
        "`--batch` must hold tensors and plain values alone, and asks for `posix.system`: nothing of it was executed; "
        "save the tensors by themselves, in a tuple, a list or a dict"
    )


def test_the_command_refuses_code_with_2(firstdraw: Call, folder: Path) -> None:
    torch.save(canary(folder / "executed"), folder / "code.pt")
    done = firstdraw("check", "models:Net", "--batch", "code.pt")
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert done.stderr.startswith("Error: `--batch` must hold tensors and plain values alone, and asks for ")
    assert not (folder / "executed").exists()


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


UNREADABLE = "`--batch` must be what `torch.save` or NumPy wrote, and `{}` is not, or it is damaged"
NO_BATCH = (
    "`--batch` must hold a tensor, a tuple or list of them, or a dict by names of arguments, which `{}` does not, got "
)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.pt", b"", "`--batch` must hold a batch, and is empty, got "),
        ("empty.npz", b"", "`--batch` must hold a batch, and is empty, got "),
        ("noise.pt", b"not a batch at all", UNREADABLE),
        ("noise.npz", b"not a batch at all", UNREADABLE),
        ("half.pt", saved(torch.ones(500))[:1000], UNREADABLE),
        ("number.pt", saved(3), f"{NO_BATCH}'int'"),
        ("numbers.pt", saved([1, 2]), f"{NO_BATCH}'tuple'"),
        (
            "state.pt",
            saved(nn.Sequential(nn.Linear(2, 2)).state_dict()),
            (
                "`--batch` must have the names of the model's arguments as keys, unlike '0.weight'; a batch is "
                "wanted, not a model's parameters"
            ),
        ),
    ],
)
def test_what_is_no_batch_is_refused(tmp_path: Path, model: Any, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        batch_in(path, model)
    assert str(caught.value).startswith(sentence.format(path))
    assert "\n" not in str(caught.value)


def test_a_batch_must_be_a_file(tmp_path: Path, model: Any) -> None:
    for path, sentence in (
        (tmp_path, "`--batch` must be a file, and is a folder, got "),
        (tmp_path / "nowhere.pt", "`--batch` must be a file that exists, got "),
    ):
        with pytest.raises(InputError) as caught:
            batch_in(path, model)
        assert str(caught.value).startswith(sentence)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path, model: Any) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.npy", b"0" * 1000)
    content = (tmp_path / "bomb.npz").read_bytes()
    # In its directory an archive says how long each entry will be.
    for found in re.finditer(rb"PK\x01\x02", content):
        at = found.start() + 24
        content = content[:at] + (2**32 - 2).to_bytes(4, "little") + content[at + 4 :]
    (tmp_path / "bomb.npz").write_bytes(content)
    with pytest.raises(InputError) as caught:
        batch_in(tmp_path / "bomb.npz", model)
    assert str(caught.value).startswith("`--batch` must hold at most 8 GiB once it is unpacked, got ")


def test_an_old_pytorch_is_refused(tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(torch.ones(2), tmp_path / "batch.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(FirstdrawError) as caught:
        batch_in(tmp_path / "batch.pt", model)
    assert str(caught.value) == (
        "`--batch` needs PyTorch 2.6 or later, which executes nothing from a file, not 2.5.1+cpu"
    )


DAMAGED = saved({"x": torch.arange(6.0), "y": (torch.ones(2), "text", 3)})


@given(st.integers(0, len(DAMAGED) - 1), st.integers(1, 255))
def test_a_damaged_file_is_refused_or_is_a_batch(tmp_path_factory: pytest.TempPathFactory, at: int, by: int) -> None:
    path = tmp_path_factory.mktemp("damaged") / "batch.pt"
    for content in (DAMAGED[:at] + bytes([DAMAGED[at] ^ by]) + DAMAGED[at + 1 :], DAMAGED[:at]):
        path.write_bytes(content)
        try:
            found = batch_in(path, nn.Linear(2, 2))
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert set(found.named)


# --- the table


@pytest.fixture(scope="module")
def long_model() -> Outcome:
    torch.manual_seed(0)
    model = nn.Sequential()
    for number in range(25):
        model.add_module(f"a_block_with_a_long_name_{number}", nn.Sequential(nn.Linear(16, 16), nn.ReLU()))
    identification = identify(model)
    repaired = repair(model, torch.randn(32, 16))
    return Outcome(repaired.before, identification, repaired)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("every_row", [False, True])
def test_rows_are_lines_at_any_width(
    width: int,
    every_row: bool,
    long_model: Outcome,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("firstdraw.cli.check.telling.console_of_output", lambda: Console(width=width, highlight=False))
    tell(long_model, Acceptance.of("warning", ()), every_row=every_row)
    lines = capsys.readouterr().out.splitlines()
    code = lines.index("import torch")
    assert max(map(len, lines[:code])) <= width
    assert "\n".join(lines[code:]) == long_model.repair.code.rstrip()
    assert any(line.startswith("Not a healthy start") for line in lines)
    # Bars are drawn where there is room beside whole names.
    assert any("━" in line for line in lines) is (width == 160)
    if width >= 60:
        numbers = [int(found[1]) for line in lines if (found := re.match(r" ?(\d+)  \S*_\d+\.\d ", line))]
        assert numbers == sorted(numbers)
        assert {1, 2, 12, 39, 49, 50} <= set(numbers)
        assert (numbers == list(range(1, 51))) is every_row
