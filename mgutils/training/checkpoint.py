"""Weights and the state of a run on disk: written aside, flushed to the disk, renamed. A file is whole or absent.

Weights are safetensors, which hold numbers and nothing that could run. The state of a run (optimizer, schedule, random
numbers) is read with ``weights_only=True``, for the same reason.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mgutils.errors import CheckpointError
from mgutils.training.whole import hash_file

WEIGHTS, STATE = "last.safetensors", "last.state"
CAPTIONS = "caption_embeddings"
"""Name of the (C, D) tensor in a file of weights that makes the text encoder needless."""


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    _replace(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def save_weights(model: nn.Module, path: Path | str, metadata: dict[str, str] | None = None,
                 captions: np.ndarray | None = None) -> None:
    """Write a model's weights to ``path`` (``.safetensors``), with texts about them.

    ``captions`` (C, D) are the captions' embeddings: with them, a prediction needs no text encoder.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder cannot be written to; a file that was there stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    more = {} if captions is None else {CAPTIONS: torch.from_numpy(captions)}
    _replace(path, lambda aside: _write_weights(model, aside, metadata, more))


def load_weights(model: nn.Module, path: Path | str) -> dict[str, str]:
    """Load weights into a model and return the texts that were saved with them.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or a name or shape does not fit the model.
    """
    state, metadata = _read_weights(Path(path))
    state.pop(CAPTIONS, None)
    wanted = model.state_dict()
    _refuse(path, "missing", wanted.keys() - state.keys())
    _refuse(path, "unexpected", state.keys() - wanted.keys())
    _refuse(path, "differently shaped", {name for name in wanted if wanted[name].shape != state[name].shape})
    model.load_state_dict(state)
    return metadata


# -- the last epoch: two files that belong together --------------------------------------------------------------------


def save_last(directory: Path, model: nn.Module, state: dict[str, Any]) -> None:
    """Write the weights and the state of an epoch, so that at every moment a whole pair is on the disk.

    Both are first written aside and flushed. Then the state is renamed, then the weights. Where the second renaming
    did not happen, the weights aside are those of the state, and :func:`load_last` finishes the work.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder cannot be written to; the pair before stays.
    """
    weights, rest = directory / WEIGHTS, directory / STATE
    with _disk(directory):
        _write_weights(model, _aside(weights), {"epoch": str(state["epoch"])})
        torch.save(state | {"weights_sha256": hash_file(_aside(weights))}, _aside(rest))
        _flush(_aside(weights))
        _flush(_aside(rest))
        os.replace(_aside(rest), rest)
        os.replace(_aside(weights), weights)
        _flush(directory)


def load_last(directory: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Weights and state of the last whole epoch, or ``None`` where there is none.

    Raises
    ------
    CheckpointError
        If a file cannot be read or is damaged, or the two are not of one epoch.
    """
    weights, rest = directory / WEIGHTS, directory / STATE
    if not rest.exists():
        return None
    state = _read_state(rest)
    for path in (weights, _aside(weights)):
        try:
            found, metadata = _read_weights(path)
        except CheckpointError:
            continue
        # a state of an older version knows no hash
        if metadata.get("epoch") == str(state["epoch"]) and state.get("weights_sha256") in (None, hash_file(path)):
            if path != weights:
                with suppress(FileNotFoundError):  # another process of the same run did it
                    os.replace(path, weights)
            return found, state
    raise CheckpointError(f"{weights}: not the weights of epoch {state['epoch']}, of which {rest.name} is, or damaged "
                          "ones. Restore the file, or train anew with --no-resume.")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:  # torch does not compare the checksums
                raise zipfile.BadZipFile(damaged)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: not a readable state ({type(error).__name__}). Restore the file, or train anew "
                              "with --no-resume.") from None


# -- files -------------------------------------------------------------------------------------------------------------


def _write_weights(model: nn.Module, path: Path, metadata: dict[str, str] | None,
                   more: dict[str, Tensor] | None = None) -> None:
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()} | (more or {})
    path.touch()
    mode = path.stat().st_mode  # safetensors writes files that only their owner may read
    safetensors.torch.save_file(state, path, metadata=metadata)
    path.chmod(mode)


def _read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error}). "
                              "Train again, or name another checkpoint.") from error


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written aside, flush it to the disk, and put it in its place."""
    with _disk(path.parent):
        write(_aside(path))
        _flush(_aside(path))
        os.replace(_aside(path), path)


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".writing")


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle on a folder
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk(directory: Path) -> Iterator[None]:
    """Tell a full disk or a closed folder in the project's own words."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise CheckpointError(f"{directory}: a checkpoint could not be written ({reason}). The one before it is whole. "
                              "Make room, or name another folder, and go on with --resume.") from error


def _refuse(path: Path | str, what: str, names: set[str]) -> None:
    if names:
        shown = ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
        raise CheckpointError(f"{path}: {len(names)} {what} weights ({shown}). "
                              "The checkpoint belongs to another model; use the configuration beside it.")
