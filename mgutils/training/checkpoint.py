"""Weights and the state of a run on disk, written atomically: a file is whole or absent.

Each file is written under another name, flushed to the disk, and renamed. Weights are safetensors,
which cannot run code. The state of a run (optimizer, schedule, random numbers) is read with
``weights_only=True``, for the same reason.
"""

from __future__ import annotations

import os
import pickle
import re
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

WEIGHTS = "last.safetensors"
STATE = "last.state"
CAPTIONS = "caption_embeddings"
"""Name of the (C, D) tensor that lets a file of weights predict without a text encoder."""
_OPTIONAL = re.compile(r"(^|\.)(position_ids|num_batches_tracked|n_averaged)$")
"""Buffers that came and went with the versions of transformers and torch."""
_OTHER_RUN = (
    "`mg predict`, `mg test` and `mg export` take the settings of the run that wrote them with "
    "--config and, where the text encoder's vocabulary or the classifier has another size, its "
    "Clip_label.csv with --labels or its tokenizer with --tokenizer.")


def atomic_write_text(path: Path, text: str) -> None:
    """Write a small text file."""
    _atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def save_weights(model: nn.Module, path: Path | str, metadata: dict[str, str] | None = None,
                 captions: np.ndarray | None = None) -> None:
    """Write a model's weights to ``path`` (``.safetensors``).

    Parameters
    ----------
    metadata : dict, optional
        Texts for the header of the file.
    captions : ndarray (C, D), optional
        The captions' embeddings: with them, a prediction needs no text encoder.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder is not writable; an older file stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    more = {} if captions is None else {CAPTIONS: torch.from_numpy(captions)}
    _atomic_write(path, lambda temporary: _write_weights(model, temporary, metadata, more))


def load_weights(model: nn.Module, path: Path | str) -> dict[str, str]:
    """Load weights into a model. Returns the metadata of the file.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or a name or shape does not fit the model.
    """
    state, metadata = read_weights(Path(path))
    state.pop(CAPTIONS, None)
    fit_weights(model, state, Path(path))
    return metadata


def widths_of(path: Path) -> dict[str, int]:
    """How many numbers a frozen encoder made of a frame or a sentence, by modality, as a space was trained with them.

    Raises
    ------
    CheckpointError
        If the file cannot be read.
    """
    found = {re.fullmatch(r"encoders\.(\w+)\.data_mean", name): len(part)
             for name, part in read_weights(path)[0].items() if part.ndim}
    return {match[1]: width for match, width in found.items() if match}


def fit_weights(model: nn.Module, found: dict[str, Tensor], path: Path) -> None:
    """Put weights that were read from ``path`` into a model.

    Half precision becomes the model's precision. ``position_ids`` and the like may be absent or to
    spare.

    Raises
    ------
    CheckpointError
        If a name is missing or to spare, a shape differs, or a weight is not a number: listed.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted.keys() - found.keys() if not _OPTIONAL.search(name)]
    spare = [name for name in found.keys() - wanted.keys() if not _OPTIONAL.search(name)]
    common = [name for name in wanted if name in found and not _OPTIONAL.search(name)]
    reshaped = [f"{name}: found {_shape(found[name])}, wanted {_shape(wanted[name])}"
                for name in common if found[name].shape != wanted[name].shape]
    _refuse(path, "do not fit the model", _OTHER_RUN, {
        "missing": missing, "unexpected": spare, "differently shaped": reshaped})
    floats = [name for name in common if wanted[name].is_floating_point()]
    whole = [name for name in floats if not found[name].is_floating_point()]
    _refuse(path, "were rounded, as for a quantised network",
            "Name the checkpoint from before.", {"weights of whole numbers": whole})
    broken = [name for name in common if not torch.isfinite(found[name]).all()]
    _refuse(path, "are those of a run that had diverged",
            "Name an earlier checkpoint.", {"weights with NaN or infinity": broken})
    model.load_state_dict({name: found[name] for name in common}, strict=False)


def _refuse(path: Path, what: str, remedy: str, faults: dict[str, list[str]]) -> None:
    lists = [f"{len(names):,} {fault} ({', '.join(sorted(names)[:4])}{', …' if len(names) > 4 else ''})"
             for fault, names in faults.items() if names]
    if lists:
        raise CheckpointError(f"{path}: the weights {what}: {'; '.join(lists)}. {remedy}")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


# -- the last epoch: two files that belong together ------------------------------------------------


def save_last(directory: Path, model: nn.Module, state: dict[str, Any]) -> None:
    """Write the weights and the state of an epoch; a whole pair is on disk at every moment.

    Both are first written under temporary names and flushed. Then the state is renamed, then the
    weights. If a crash prevents the second renaming, :func:`load_last` does it.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder is not writable; the pair before stays.
    """
    weights = directory / WEIGHTS
    rest = directory / STATE
    with _disk_errors(directory):
        _write_weights(model, _temporary(weights), {"epoch": str(state["epoch"])})
        state = state | {"weights_sha256": hash_file(_temporary(weights))}
        torch.save(state, _temporary(rest))
        _flush(_temporary(weights))
        _flush(_temporary(rest))
        os.replace(_temporary(rest), rest)
        os.replace(_temporary(weights), weights)
        _flush(directory)


def load_last(directory: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Weights and state of the last whole epoch, or ``None`` if there is none.

    Raises
    ------
    CheckpointError
        If a file cannot be read or is damaged, or the two are not of one epoch.
    """
    weights = directory / WEIGHTS
    rest = directory / STATE
    if not rest.exists():
        return None
    state = _read_state(rest)
    for path in (weights, _temporary(weights)):
        try:
            found, metadata = read_weights(path)
        except CheckpointError:
            continue
        same_epoch = metadata.get("epoch") == str(state["epoch"])
        # a state of an older version has no hash
        if same_epoch and state.get("weights_sha256") in (None, hash_file(path)):
            if path != weights:
                with suppress(FileNotFoundError):  # another process of the same run did it
                    os.replace(path, weights)
            return found, state
    raise CheckpointError(
        f"{weights}: not the weights of epoch {state['epoch']}, of which {rest.name} is, or "
        "damaged ones. Restore the file, or train anew with --no-resume.")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not compare the checksums
            if damaged is not None:
                raise zipfile.BadZipFile(damaged)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError,
            zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path}: not a readable state ({type(error).__name__}). Restore the file, or train "
            "anew with --no-resume.") from None


# -- files -----------------------------------------------------------------------------------------


def _write_weights(model: nn.Module, path: Path, metadata: dict[str, str] | None,
                   more: dict[str, Tensor] | None = None) -> None:
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    state |= more or {}
    # safetensors writes files that only their owner may read: put the usual mode back
    path.touch()
    mode = path.stat().st_mode
    safetensors.torch.save_file(state, path, metadata=metadata)
    path.chmod(mode)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; :class:`CheckpointError` if it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: not a readable safetensors file ({error}). Train again, or name another "
            "checkpoint.") from error


def _atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary name beside ``path``, flush, and rename."""
    with _disk_errors(path.parent):
        write(_temporary(path))
        _flush(_temporary(path))
        os.replace(_temporary(path), path)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".writing")


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    """Turn the error of a full disk or a closed folder into a :class:`CheckpointError`."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise CheckpointError(
            f"{directory}: a checkpoint could not be written ({reason}). The one before it is "
            "whole. Make room, or name another folder, and go on with --resume.") from error
