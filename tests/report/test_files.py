"""A file appears whole or not at all, and what cannot be written is refused in a sentence."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from firstdraw.errors import OutputError
from firstdraw.report import check_writable, write_whole


def _full(*_arguments: Any, **_options: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sentence(action: Callable[[], object]) -> str:
    with pytest.raises(OutputError) as caught:
        action()
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "short", "ünïcode 初期化\n" * 1000])
def test_a_text_is_written_and_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.html"
    for content in ("old", text):
        write_whole(path, content)
        assert path.read_text(encoding="utf-8") == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("broken", ["fsync", "replace", "write", "create"])
@pytest.mark.parametrize("old", [None, "what stood there before"])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, old: str | None
) -> None:
    path = tmp_path / "report.html"
    if old is not None:
        path.write_text(old, encoding="utf-8")
    match broken:
        case "fsync":
            monkeypatch.setattr(os, "fsync", _full)
        case "replace":
            monkeypatch.setattr(Path, "replace", _full)
        case "write":
            monkeypatch.setattr(Path, "chmod", _full)
        case _:
            monkeypatch.setattr(tempfile, "NamedTemporaryFile", _full)
    assert _sentence(lambda: write_whole(path, "new")) == f"cannot write `{path}`: no space left on device"
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == old
    assert [item.name for item in tmp_path.iterdir()] == ([] if old is None else ["report.html"])


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def interrupted(_descriptor: int) -> NoReturn:
        raise interruption

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(interruption):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_permissions_of_a_newly_made_one(tmp_path: Path, mask: int, mode: int) -> None:
    path = tmp_path / "report.html"
    before = os.umask(mask)
    try:
        write_whole(path, "text")
        assert os.umask(mask) == mask, "the mask is put back"
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("old", encoding="utf-8")
    check_writable(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert _sentence(lambda: check_writable(tmp_path)) == (
        f"cannot write `{tmp_path}`: it is a folder; name a file in it"
    )


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert _sentence(lambda: check_writable(path)) == f"cannot write `{path}`: it is no ordinary file"


def test_a_device_is_refused() -> None:
    assert _sentence(lambda: check_writable(Path(os.devnull))) == f"cannot write `{os.devnull}`: it is no ordinary file"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no" / "report.html"
    assert _sentence(lambda: check_writable(path)) == f"cannot write `{path}`: its folder {path.parent} does not exist"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = tmp_path / "file" / "report.html"
    assert _sentence(lambda: check_writable(path)) == f"cannot write `{path}`: its folder {path.parent} does not exist"
    assert _sentence(lambda: write_whole(path, "text")) == f"cannot write `{path}`: not a directory"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux's /proc")
def test_a_folder_that_takes_no_files_is_refused() -> None:
    path = Path("/proc/self/report.html")
    assert _sentence(lambda: check_writable(path)).startswith(f"cannot write `{path}`: ")


def test_a_read_only_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("precious", encoding="utf-8")
    path.chmod(0o444)
    # The superuser may write it all the same; what the rule asks is what others are told.
    monkeypatch.setattr(os, "access", lambda asked, mode: not (asked == path and mode == os.W_OK))
    assert _sentence(lambda: check_writable(path)) == f"cannot write `{path}`: it exists and is read-only"
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_reason_without_words_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_arguments: Any, **_options: Any) -> NoReturn:
        raise OSError("The Disk Is Odd")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", odd)
    path = tmp_path / "report.html"
    assert _sentence(lambda: check_writable(path)) == f"cannot write `{path}`: the disk is odd"


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    refused: list[Path] = []

    def open_all_but_the_folder(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if Path(path) == tmp_path:
            refused.append(tmp_path)
            _full()
        return real(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", open_all_but_the_folder)
    write_whole(tmp_path / "report.html", "text")
    assert refused == [tmp_path]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "text"
