"""A batch in a file, from which no code is ever executed."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from firstdraw.errors import FirstdrawError, InputError
from firstdraw.torch.arguments import Arguments, arguments_of
from firstdraw.torch.library import Module, pytorch
from firstdraw.torch.trees import tensors_in

__all__ = ["batch_in", "check_file"]

OPTION: Final = "--batch"
# Before it, `torch.load(weights_only=True)` could be made to execute code: CVE-2025-32434.
OLDEST: Final = (2, 6)
LARGEST: Final = 2**33
FOR_NUMPY: Final = (".npz", ".npy")


def batch_in(path: Path, model: Module) -> Arguments:
    """Return what a model is called with, from a file: a tensor, several by place, or several by name.

    Files whose names end with .npz and .npy are NumPy's, all others what `torch.save` writes.

    Args:
        path: the file.
        model: for the device.

    Raises:
        InputError: if there is no such file, it is damaged, holds anything but tensors and plain values, or code.
        FirstdrawError: if PyTorch is too old to read files without executing what is in them.
    """
    check_file(path)
    device = next((str(parameter.device) for parameter in model.parameters()), "cpu")
    found = _read_by_numpy(path, device) if path.suffix.lower() in FOR_NUMPY else _read_by_pytorch(path, device)
    arguments = arguments_of(found)
    if arguments is None or not any(True for _ in tensors_in(found)):
        rule = f"must hold a tensor, a tuple or list of them, or a dict by names of arguments, which `{path}` does not"
        raise InputError(OPTION, rule, type(found).__name__)
    wrong = [name for name in arguments.named if not name.isidentifier()]
    if wrong:
        rule = f"must have the names of the model's arguments as keys, unlike {wrong[0]!r}"
        raise InputError(OPTION, rule, hint="a batch is wanted, not a model's parameters" if "." in wrong[0] else "")
    return arguments


def check_file(path: Path) -> None:
    """Refuse what is no file, is empty, or unpacks to too much, unread.

    Raises:
        InputError: if it is so.
    """
    if not path.is_file():
        rule = "must be a file, and is a folder" if path.is_dir() else "must be a file that exists"
        raise InputError(OPTION, rule, str(path))
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise _unreadable(path) from error
    if not size:
        raise InputError(OPTION, "must hold a batch, and is empty", str(path))
    if size > LARGEST:
        raise InputError(OPTION, f"must hold at most {LARGEST // 2**30} GiB once it is unpacked", str(path))


def _read_by_numpy(path: Path, device: str) -> Any:  # noqa: ANN401
    torch = pytorch()
    try:
        with path.open("rb") as file:
            found: Any = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return torch.from_numpy(found).to(device)
            return {name: torch.from_numpy(found[name]).to(device) for name in found.files}
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        if str(error).startswith("Object arrays"):
            raise _unreadable_code("Python objects") from error
        raise _unreadable(path) from error


def _read_by_pytorch(path: Path, device: str) -> Any:  # noqa: ANN401
    torch = pytorch()
    version = str(torch.__version__)
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        raise FirstdrawError(f"`--batch` needs PyTorch 2.6 or later, which executes nothing from a file, not {version}")
    try:
        # The memory of a batch from a GPU is read into that of the CPU first: there may be no GPU here.
        with warnings.catch_warnings():
            # What is unusual about a file is said in one sentence, or no matter.
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # likewise
        named = re.search(r"(?:GLOBAL|class) (\S+)", str(error))
        if named is not None:
            raise _unreadable_code(f"`{named[1]}`") from error
        raise _unreadable(path) from error
    return _moved(found, device)


def _moved(value: Any, device: str) -> Any:  # noqa: ANN401
    if isinstance(value, pytorch().Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(item, device) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return tuple(_moved(item, device) for item in cast("list[Any]", value))
    return value


def _unreadable_code(what: str) -> InputError:
    return InputError(
        OPTION,
        f"must hold tensors and plain values alone, and asks for {what}: nothing of it was executed",
        hint="save the tensors by themselves, in a tuple, a list or a dict",
    )


def _unreadable(path: Path) -> InputError:
    return InputError(OPTION, f"must be what `torch.save` or NumPy wrote, and `{path}` is not, or it is damaged")
