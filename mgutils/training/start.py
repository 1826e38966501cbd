"""Start a run from the weights of a finished one: fine-tuning, ``mg train --init``.

The image encoder, the text encoder and the size of the shared space must be the same. Data, captions, classes, loss and
all of training may differ. Of a space of several modalities the encoders come over that the new run has, too. Nothing
here imports torch before weights are read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mgutils.config.settings import ModelConfig, RunConfig, SkeletonConfig
from mgutils.config.space import FusionConfig, MaskedConfig, SpaceConfig, modalities_of
from mgutils.data.captions import class_captions
from mgutils.data.labels import Labels
from mgutils.data.pixels import fingerprint
from mgutils.data.protocol import split_of
from mgutils.errors import CheckpointError, ConfigError, MgError
from mgutils.training.config_file import read_config
from mgutils.training.inputs import input_kind, load_array
from mgutils.training.whole import RECEIPT, find_fault, hash_file

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mgutils.data.table import Dataset

WEIGHTS = "best.safetensors"
Model = ModelConfig | SkeletonConfig | SpaceConfig | FusionConfig | MaskedConfig
_SAME = ("image_encoder", "image_kwargs", "text_encoder", "text_kwargs", "projection")
_SAME_SKELETON = ("network", "network_kwargs", "stream", "frames")
_BEFORE = {ModelConfig: (ModelConfig,), SkeletonConfig: (SkeletonConfig,), MaskedConfig: (MaskedConfig,),
           SpaceConfig: (SpaceConfig, MaskedConfig), FusionConfig: (SpaceConfig,)}
"""The kinds of run that each can start from."""
_PIECES = "text_encoder.model.embeddings.word_embeddings.weight"
"""Of a ``scratch`` text encoder: a vector (V, width) for each piece of text in its tokenizer's vocabulary."""


def check_start(folder: Path, model: Model) -> str:
    """SHA-256 of the weights of a finished run from which a model of this configuration can start.

    Raises
    ------
    ConfigError
        If the folder is no run's, or its encoders or its shared space are not the model's.
    CheckpointError
        If the run is not finished, or damaged.
    """
    if not (folder / "config.json").is_file():
        raise ConfigError(f"init: found no config.json in {folder}; wanted a folder that `mg train` left. It prints "
                          "its name as `directory`.")
    before = read_config(folder / "config.json").model
    read = ("config.json", WEIGHTS, *(["outputs.npz"] if isinstance(model, FusionConfig) else []))
    fault = find_fault(folder, read, hashes=True)
    if not fault and not (folder / WEIGHTS).is_file():
        fault = f"{folder / WEIGHTS}: found no such file; wanted the weights of a finished run"
    if fault:
        raise CheckpointError(f"init: {fault}. Let `mg train` finish that run, or name another one.")
    same = _SAME if isinstance(model, ModelConfig) else _SAME_SKELETON if isinstance(model, SkeletonConfig) else ()
    if not isinstance(before, _BEFORE[type(model)]):
        wanted = "an alignment" if isinstance(model, FusionConfig) else "one of the same"
        raise ConfigError(f"init: found {folder}, a run of another task; wanted {wanted}. Give the --task of "
                          "that run.")
    made = {entry.name for entry in getattr(before, "derived", ())} & set(getattr(model, "modalities", ()))
    if isinstance(model, FusionConfig) and made:
        raise ConfigError(f"init: found {', '.join(sorted(made))}, which {folder} has made of clips, for a fusion; "
                          "wanted modalities that lie with the clips. Name some with --modalities.")
    differ = [name for name in same if getattr(before, name) != getattr(model, name)]
    if differ:
        found, wanted = (", ".join(f"{name} {getattr(each, name)!r}" for name in differ) for each in (before, model))
        raise ConfigError(f"init: found {folder} with {found}; wanted {wanted}, as the other options have it. Give "
                          f"--config {folder / 'config.json'}, or the --profile and --task of that run.")
    return hash_file(folder / WEIGHTS)


def model_to_build(config: RunConfig) -> ModelConfig:
    """The model of a run: without pretrained weights where those of another run replace them."""
    return replace(config.model, pretrained=False) if config.init else config.model


def take_weights(model: nn.Module, config: RunConfig, labels: Labels) -> set[str]:
    """Put the weights of the run that a configuration starts from into a new model, where they mean the same.

    * Encoders and projection heads come over whole.
    * A ``scratch`` text encoder has a vocabulary made of its captions. The vector of a piece of text (a word, a letter)
      comes over to the same piece; a word that the other run did not know keeps its random start.
    * A classifier's last layer comes over where the classes are the same in the same order; else it starts anew.
    * A temperature belongs to the objective, and is not taken.
    * Of a space, and of a masked autoencoder, those encoders and their projections come over that both have, by name
      and shape. What is frozen has to.

    Parameters
    ----------
    model : nn.Module
        Changed in place; of the configuration.
    config : RunConfig
        If it starts from no run, nothing is done.
    labels : Labels
        Of the new run.

    Returns
    -------
    set of str
        Names of the weights that came over.

    Raises
    ------
    CheckpointError
        If the weights cannot be read, do not fit, or are no longer those that the configuration names.
    """
    if not config.init:
        return set()
    from mgutils.models.encoders import SCRATCH
    from mgutils.training.checkpoint import CAPTIONS, fit_weights, read_weights

    folder = Path(config.init_from)
    before = read_config(folder / "config.json")
    classes = Labels(tuple(json.loads((folder / "config.json").read_text(encoding="utf-8"))["captions"]))
    found, _ = read_weights(folder / WEIGHTS)
    check_unchanged(config)
    own = model.state_dict()
    if isinstance(config.model, SpaceConfig | MaskedConfig):
        taken = _same_encoders(found, own, config.model, folder)
        fit_weights(model, own | taken, folder / WEIGHTS)
        return set(taken)
    kept = ["log_temperature"]
    if classes.names != labels.names:
        kept += ["linear.weight", "linear.bias", "classes.weight", "classes.bias"]
    for name in [CAPTIONS, *kept]:
        found.pop(name, None)
    found |= {name: own[name] for name in kept if name in own}
    if config.reads_text and config.model.text_encoder == SCRATCH:
        old = class_captions(classes, before.captions, before.seed)
        new = class_captions(labels, config.captions, config.seed)
        found[_PIECES] = _same_pieces(found[_PIECES], old, own[_PIECES], new)
    fit_weights(model, found, folder / WEIGHTS)
    return set(found)


def check_unchanged(config: RunConfig, *names: str) -> None:
    """Refuse a start from weights, and from further files of that run, that are not those of the configuration.

    Raises
    ------
    CheckpointError
        The message names the file.
    """
    folder = Path(config.init_from)
    if not (folder / WEIGHTS).is_file() or hash_file(folder / WEIGHTS) != config.init:
        raise CheckpointError(f"{folder / WEIGHTS}: found other weights than those that the run was to start from; "
                              "wanted the same. Give the command again: it makes another run.")
    fault = find_fault(folder, names, hashes=True) if names else ""
    if fault:
        raise CheckpointError(f"init: {fault}. Let `mg train` make that run again, or name another one.")


def _same_encoders(found: dict[str, Tensor], own: dict[str, Tensor], settings: SpaceConfig | MaskedConfig,
                   folder: Path) -> dict[str, Tensor]:
    """The weights of the encoders, and of the projections, that are found whole and in the same shapes."""
    taken: dict[str, Tensor] = {}
    for modality in modalities_of(settings):
        for part in ("encoders", "projections"):
            names = [name for name in own if name.startswith(f"{part}.{modality}.")]
            if all(name in found and found[name].shape == own[name].shape for name in names):
                taken |= {name: found[name] for name in names}
    if not any(name.startswith("encoders.") for name in taken):
        raise CheckpointError(f"{folder / WEIGHTS}: found no encoder of {', '.join(modalities_of(settings))} with the "
                              "networks of this run; wanted at least one. Name a run that has one of them, with the "
                              "same encoders.")
    for modality in getattr(settings, "frozen", ()):
        for part in ("encoders", "projections"):
            # an autoencoder has no projections
            wanted = part == "encoders" or any(name.startswith("projections.") for name in found)
            if wanted and not any(name.startswith(f"{part}.{modality}.") for name in taken):
                raise CheckpointError(f"{folder / WEIGHTS}: found no {part} of {modality}, which is frozen, in the "
                                      "shape that it has in this run; wanted weights to keep. Name a run that has "
                                      f"{modality}, with the same encoder and width.")
    return taken


def _same_pieces(found: Tensor, old: tuple[str, ...], own: Tensor, new: tuple[str, ...]) -> Tensor:
    """Vectors (V, width) of the new captions' vocabulary: those of the old one where it has the piece."""
    from mgutils.models.encoders import SCRATCH, make_tokenizer

    before, now = (make_tokenizer(SCRATCH, captions).get_vocab() for captions in (old, new))
    both = sorted(before.keys() & now.keys())
    vectors = own.clone()
    vectors[[now[piece] for piece in both]] = found[[before[piece] for piece in both]]
    return vectors


def warn_of_start(config: RunConfig, dataset: Dataset, cache_dir: Path) -> str:
    """A warning where the run that it starts from has learned from images that are reported; "" where it has not.

    Images are compared as a whole dataset: those that two datasets share are not found. Nor are they if one run reads
    them in another size; the modalities of clips are compared one by one.
    """
    if not config.init:
        return ""
    folder = Path(config.init_from)
    before = read_config(folder / "config.json")
    kind, clips = input_kind(before), not isinstance(input_kind(config), int)
    if kind != input_kind(config) and not clips:
        return ""
    try:
        pixels = load_array(dataset, kind, cache_dir, progress=False)
    except MgError:  # other clips, which lack what that run has read
        return ""
    rows = split_of(config, dataset).valid
    seen = learned_from(folder, before, dataset, pixels, rows)
    return (f"{folder}, which the run starts from, learned from {seen:,} of the {len(rows):,} "
            f"{'clips' if clips else 'images'} that are "
            "reported, or chose its epoch on them: the scores say little about new images.") if seen else ""


def learned_from(run_dir: Path, config: RunConfig, dataset: Dataset, pixels: np.ndarray,
                 rows: np.ndarray) -> int:
    """How many rows a run was trained or chosen on; 0 on other data than the run's own."""
    from mgutils.training.run import Run

    if not (run_dir / RECEIPT).exists():
        return 0
    try:
        split = split_of(config, dataset)
    except MgError:  # other data, which cannot be split so
        return 0
    chosen = [] if split.select is None else split.select
    seen = int(np.isin(rows, np.concatenate([split.train, chosen])).sum())
    # all of the data is read last, and only where it matters
    same = seen and Run(run_dir).receipt.get("data_sha256") == fingerprint(dataset, pixels)
    return seen if same else 0
