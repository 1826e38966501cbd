"""A trained model as one file for elsewhere: safetensors with everything in it, or an ONNX graph.

The safetensors file holds the weights under the original's names, the captions' embeddings, the settings and the class
names, and is accepted wherever the kit takes a checkpoint. The ONNX graph holds the image encoder, the head and the
captions: bytes of images in, scores out. A file is kept only if it gives the scores that the model gives.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from mgutils.errors import CheckpointError, ConfigError
from mgutils.files import atomic_file
from mgutils.models.encoders import as_images
from mgutils.models.scorer import CaptionScorer
from mgutils.predict.predictor import Predictor, load_predictor
from mgutils.training.checkpoint import CAPTIONS

TOLERANCE = 1e-4
"""Largest difference of scores, as a share of the largest score."""
_BATCHES = (1, 2, 5)


def export_safetensors(predictor: Predictor, path: Path | str) -> float:
    """Write weights, captions' embeddings, settings and class names into one file, and check it by reading it back.

    Returns
    -------
    float
        Largest difference between its scores and the model's on random images, as a share of the largest score.

    Raises
    ------
    CheckpointError
        If the file gives other scores; it is not kept.
    ConfigError
        If the file cannot be written.
    """
    path, config = Path(path), predictor.config.as_dict() | predictor.labels.record
    tensors = {name: value for name, value in predictor.weights.tensors.items() if name != CAPTIONS}
    if isinstance(predictor.scorer, CaptionScorer):
        tensors[CAPTIONS] = predictor.scorer.captions
        config["temperature"] = predictor.scorer.temperature  # it may have been learned
    content = {name: value.cpu().clone().contiguous() for name, value in tensors.items()}
    with atomic_file(path) as aside:
        # written by Python: safetensors' own writer knows no OSError, and leaves files that only their owner may read
        aside.write_bytes(safetensors.torch.save(content, {"config": json.dumps(config)}))
        return _agreement(path, predictor, load_predictor(aside, device="cpu"))


def export_onnx(predictor: Predictor, path: Path | str) -> float:
    """Write the ONNX graph, and check it with onnxruntime on random images.

    Its input ``images`` is uint8 (B, S, S, 3), RGB, any B; its output ``scores`` is float32 (B, C). Class names and S
    are in its metadata.

    Returns
    -------
    float
        As :func:`export_safetensors`.

    Raises
    ------
    CheckpointError
        If the graph gives other scores; the file is not kept.
    ConfigError
        If a package for ONNX is not installed, or the file cannot be written.
    """
    path = Path(path)
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  torch.onnx needs it
    except ImportError as error:
        raise ConfigError(f"ONNX: found no package {error.name}. Install it: pip install 'mgutils[export]'.") from None
    with atomic_file(path) as aside:
        aside.touch()  # before the long work: can it be written at all?
        model = onnx.load_from_string(_graph(predictor))
        names = predictor.labels.own or predictor.labels.names
        texts = {"classes": json.dumps(names), "size": str(predictor.size), "input":
                 "RGB bytes (batch, size, size, 3), resized bilinearly", "output": "scores (batch, classes)"}
        onnx.helper.set_model_props(model, texts)
        onnx.save(model, aside)
        session = onnxruntime.InferenceSession(str(aside), providers=["CPUExecutionProvider"])
        return _agreement(path, predictor, lambda pixels: session.run(["scores"], {"images": pixels})[0])


class _FromBytes(nn.Module):
    """The scorer with its normalisation in front."""

    def __init__(self, scorer: nn.Module) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, images: Tensor) -> Tensor:
        return self.scorer(as_images(images).contiguous())


def _graph(predictor: Predictor) -> bytes:
    """The serialised ONNX model."""
    example = torch.zeros(2, predictor.size, predictor.size, 3, dtype=torch.uint8)
    device = predictor.device
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(_FromBytes(predictor.scorer.cpu()).eval(), (example,), dynamo=True,
                                        input_names=["images"], output_names=["scores"], verbose=False,
                                        dynamic_shapes={"images": {0: torch.export.Dim("batch")}})
        return program.model_proto.SerializeToString()
    finally:
        predictor.scorer.to(device)
        logging.disable(logging.NOTSET)


def _agreement(path: Path, predictor: Predictor, other: Any) -> float:
    """By how much the scores of a file differ from the model's; an error where that is too much."""
    rng, worst = np.random.default_rng(0), 0.0
    for batch in _BATCHES:
        pixels = rng.integers(0, 256, (batch, predictor.size, predictor.size, 3), dtype=np.uint8)
        wanted, found = _scores(predictor, pixels), _scores(other, pixels)
        if found.shape != wanted.shape:
            raise CheckpointError(f"{path}: gives scores of shape {found.shape}; wanted {wanted.shape}. It was not "
                                  "kept.")
        worst = max(worst, float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-6)))
    if not worst <= TOLERANCE:
        raise CheckpointError(f"{path}: its scores differ from the model's by {worst:.1e} of the largest; wanted at "
                              f"most {TOLERANCE:.0e}. It was not kept; update torch, onnx and onnxruntime.")
    return worst


def _scores(scorer: Any, pixels: np.ndarray) -> np.ndarray:
    if not isinstance(scorer, Predictor):
        return scorer(pixels)
    with torch.no_grad():
        images = as_images(torch.from_numpy(pixels).to(scorer.device))
        return scorer.scorer(images).float().cpu().numpy()
