"""Weights on disk: safetensors only, written aside and renamed, so that a file is whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import nn

from mgutils.errors import CheckpointError


def save_weights(model: nn.Module, path: Path | str, metadata: dict[str, str] | None = None) -> None:
    """Write a model's weights to ``path`` (``.safetensors``), with texts about them."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(state, aside, metadata=metadata)
    os.replace(aside, path)


def load_weights(model: nn.Module, path: Path | str) -> dict[str, str]:
    """Load weights into a model and return the texts that were saved with them.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or a name or shape does not fit the model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error}). "
                              "Train again, or name another checkpoint.") from error
    wanted = model.state_dict()
    _refuse(path, "missing", wanted.keys() - state.keys())
    _refuse(path, "unexpected", state.keys() - wanted.keys())
    _refuse(path, "differently shaped", {name for name in wanted if wanted[name].shape != state[name].shape})
    model.load_state_dict(state)
    return metadata


def _refuse(path: Path | str, what: str, names: set[str]) -> None:
    if names:
        shown = ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
        raise CheckpointError(f"{path}: {len(names)} {what} weights ({shown}). "
                              "The checkpoint belongs to another model; use the configuration beside it.")
