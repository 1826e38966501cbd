"""Weights from files of any origin: the kit's own, the original's ``best_0.81.pth``, one that a stranger sent.

Reading never runs what is in a file: safetensors hold numbers only, and what torch saved is opened with
``weights_only=True``. :func:`read_weights` turns a file into named tensors under the names of today; writing them, and
putting them into a model, is in ``training.checkpoint``.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from mgutils.errors import CheckpointError
from mgutils.predict.kinds import refuse_graph

BEST = "best.safetensors"
"""The weights to take from a folder that `mg train` left."""
_WRAPPED = ("model", "state_dict", "model_state_dict", "model_state", "module", "net")
"""Keys under which training scripts keep the weights beside optimizer, scheduler and epoch."""
_PREFIXES = ("module.", "_orig_mod.")
"""Put before every name by DataParallel, DistributedDataParallel and torch.compile."""
_LARGEST_RATIO = 1.05  # of what a zip file declares to what it has: torch does not compress


@dataclass(frozen=True)
class Weights:
    """What a checkpoint holds, checked to be numbers.

    Parameters
    ----------
    path : Path
        The file, inside the folder that may have been named.
    tensors : dict of str to Tensor
        Under today's names, on the CPU.
    metadata : dict of str to str
        Texts saved with them; only safetensors have any.
    """

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)


def read_weights(path: Path | str) -> Weights:
    """Read the weights of a checkpoint, without running anything that is in it.

    Parameters
    ----------
    path : path
        A folder that `mg train` left, a safetensors file, or a file that ``torch.save`` made: the weights alone or a
        dict that has them under ``model`` or ``state_dict``; saved on any device.

    Raises
    ------
    CheckpointError
        If there is no such file, it is damaged, it would run code, or it holds no weights.
    """
    path = Path(path)
    file = path / BEST if path.is_dir() else path
    try:
        # opening a pipe would wait for somebody to write to it
        if file.exists() and not file.is_file() and not file.is_dir():
            raise CheckpointError(f"{file}: found a pipe or a device; wanted a file. Name a checkpoint (.pth, .pt, "
                                  ".safetensors) or a folder that `mg train` left.")
        with file.open("rb") as handle:
            head, size = handle.read(256), file.stat().st_size
    except OSError as error:
        named = f"{path}: no {BEST} in this folder" if path.is_dir() else f"{path}: {error.strerror or error}"
        raise CheckpointError(f"{named}. Name a checkpoint (.pth, .pt, .safetensors) or a folder that `mg train` left."
                              ) from None
    except ValueError:  # a NUL in the name
        raise CheckpointError(f"{str(path)!r}: not the name of a file.") from None
    _refuse_other_kinds(file, head)
    metadata: dict[str, str] = {}
    if head[8:9] == b"{":
        content, metadata = _read_safetensors(file)
    else:
        content = _read_torch(file, head, size)
    return Weights(file, _normalize_keys(_checked(file, _unwrapped(file, content))), metadata)


# -- reading -----------------------------------------------------------------------------------------------------------


def _refuse_other_kinds(file: Path, head: bytes) -> None:
    """Files that pass for a checkpoint by their name only."""
    refuse_graph(file)
    kinds = {"an empty file": not head, "a Git LFS pointer, not the file itself": head.startswith(b"version https://"),
             "a web page": head.lstrip()[:1] == b"<"}
    for kind, fits in kinds.items():
        if fits:
            raise CheckpointError(f"{file}: {kind}; wanted a checkpoint (.pth, .pt, .safetensors). "
                                  "Download or copy it again.")


def _read_safetensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, dict(opened.metadata() or {})
    except Exception as error:  # a reader raises whatever its broken input makes it raise
        raise _damaged(file, error) from None


def _read_torch(file: Path, head: bytes, size: int) -> Any:
    """What ``torch.save`` wrote, on the CPU, without running any of it."""
    if head.startswith(b"PK"):
        _check_archive(file, size)
    try:
        with file.open("rb") as handle, warnings.catch_warnings():  # a handle: by a name torch.load would guess
            warnings.simplefilter("ignore")  # about old formats, which are read all the same
            return torch.load(handle, map_location="cpu", weights_only=True)
    except Exception as error:  # the same
        named = re.search(r"GLOBAL ([\w.]+)|class ([\w.]+)|function ([\w.]+)", str(error))
        if "weights_only" in str(error) or "Weights only" in str(error):
            if named or "TorchScript" in str(error):
                name = next(filter(None, named.groups())) if named else "a TorchScript program"
                raise CheckpointError(
                    f"{file}: asks for {name} to be run when it is opened; refused. A checkpoint needs nothing but "
                    "weights: ask its author for torch.save(model.state_dict(), …), not torch.save(model).") from None
        raise _damaged(file, error) from None


def _check_archive(file: Path, size: int) -> None:
    """A zip file must have its end, and not declare more than it has."""
    try:
        with zipfile.ZipFile(file) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
    except Exception as error:  # the same
        raise _damaged(file, error) from None
    if declared > _LARGEST_RATIO * size + 65536:
        raise CheckpointError(f"{file}: {size:,} bytes that would unpack to {declared:,}; torch does not compress. "
                              "The file was not made by torch.save; it was not read.")


def _damaged(file: Path, error: Exception) -> CheckpointError:
    reason = (str(error).strip().splitlines() or [""])[0][:120]
    shown = type(error).__name__ + (f": {reason}" if reason and "Weights only" not in reason else "")
    return CheckpointError(f"{file}: not a readable checkpoint ({shown}). It is truncated, damaged or no checkpoint; "
                           "copy or download it again and compare its size with the original's.")


# -- what was read -----------------------------------------------------------------------------------------------------


def _unwrapped(file: Path, content: Any) -> Mapping[str, Any]:
    """The dict of weights, whether it is the file or a part of it."""
    for _ in range(3):
        if not isinstance(content, Mapping):
            break
        inner = next((content[key] for key in _WRAPPED if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{file}: found {type(content).__name__}; wanted the named weights of a model. Save them "
                              "with torch.save(model.state_dict(), …).")
    if not content or not any(isinstance(value, Tensor) for value in content.values()):
        keys = ", ".join(str(key)[:40] for key in list(content)[:8]) or "nothing"
        raise CheckpointError(f"{file}: found no weights, but {keys}; wanted named tensors, or a dict with them under "
                              f"{' or '.join(map(repr, _WRAPPED[:2]))}.")
    return content


def _checked(file: Path, content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Plain tensors, all of whose numbers are in the file, under names that are text."""
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: found {type(value).__name__} under {str(name)[:60]!r}; wanted nothing but "
                                  "named tensors. Save the weights with torch.save(model.state_dict(), …).")
        if not _is_plain(value):
            raise CheckpointError(f"{file}: found a tensor of type {value.dtype} under {name[:60]!r} that is sparse, "
                                  "quantised, complex, boolean or not all there; wanted plain weights.")
    return {name: value.detach() for name, value in content.items()}


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor holds real numbers, none of them repeated by a stride, encoded or absent."""
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_nested:
        return False
    if value.is_complex() or value.dtype == torch.bool:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _normalize_keys(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the prefixes that wrappers put before all of them."""
    kept = {name: value for name, value in tensors.items() if name != "n_averaged"}  # an averaged model's counter
    for prefix in _PREFIXES:
        if kept and all(name.startswith(prefix) for name in kept):
            return _normalize_keys({name.removeprefix(prefix): value for name, value in kept.items()})
    return kept
