"""Files that are no checkpoint, told before torch is imported."""

from __future__ import annotations

from pathlib import Path

from mgutils.errors import CheckpointError


def refuse_graph(file: Path) -> None:
    """Refuse an ONNX graph.

    Raises
    ------
    CheckpointError
    """
    if file.suffix.lower() == ".onnx":
        raise CheckpointError(f"{file}: found an ONNX graph, which is for other programs; wanted a checkpoint. Name "
                              "the model.safetensors that `mg export` wrote beside it, or the run's folder.")
