"""Training and validation: ours against the original's loop, and against the bare limit of the same model.

All three have the same model, loss, batch, precision, rows and threads, and a copy of the weights each. The bare limit
is forward, backward and optimizer step on batches that lie on the device, normalised, with the tokens of their
different captions beside them: what a loop could reach that had nothing else to do. The original's loop reads frames as
large as iMiGUE's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from benchmarks.harness import Result, alternate, faster, rate
from benchmarks.original_loop import CaptionedImages, OriginalLoop
from benchmarks.pictures import make_data, make_frames
from mgutils.config import PROFILES, ModelConfig, RunConfig, SynthConfig, TrainConfig, get_objective
from mgutils.data.captions import class_captions
from mgutils.data.splits import Split
from mgutils.data.table import Dataset
from mgutils.losses.grouped import CLASS_LOSSES
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import as_images, tokenize
from mgutils.training.image_text import parameter_groups
from mgutils.training.loop import train_epoch
from mgutils.training.optim import make_optimizer
from mgutils.training.session import open_session

LARGE = ModelConfig(image_encoder="resnet50", text_encoder="scratch", text_kwargs={"vocab_size": 30522},
                    pretrained=False)
"""ResNet-50 and DistilBERT at full size, vocabulary included, from random weights: nothing is downloaded."""
OBJECTIVE = "report_js"
"""The original's own loss, in all three."""
WARM_UP = 2
"""Rounds before the first that counts; the large model's second one is still slower than the later ones."""
PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Size:
    """How much is timed."""

    name: str
    model: ModelConfig
    train: TrainConfig
    synth: SynthConfig
    train_images: int
    """Per round; whole batches."""
    valid_images: int
    train_rounds: int
    valid_rounds: int
    """0: not validated."""
    variants: bool = False
    """Also train the original's way with a cheaper resize, and on files as small as the model wants."""


SMALL = Size("small", PROFILES["cpu"].model, replace(PROFILES["cpu"].train, threads=0, image_size=64),
             SynthConfig(frames=1280, size=64), train_images=1024, valid_images=256, train_rounds=7, valid_rounds=5,
             variants=True)
LARGE_ON_CPU = Size("large", LARGE, TrainConfig(batch_size=16), SynthConfig(frames=128, size=224), train_images=16,
                    valid_images=32, train_rounds=5, valid_rounds=3)
LARGE_ON_GPU = [Size(f"large_{batch}", LARGE, TrainConfig(batch_size=batch), SynthConfig(frames=5120, size=224),
                     train_images=1024, valid_images=512, train_rounds=5, valid_rounds=rounds)
                for batch, rounds in ((32, 3), (256, 0))]


class Files(NamedTuple):
    """What a loop like the original's reads, row by row, and how it resizes that."""

    paths: Sequence[Path]
    antialias: bool = True


def files_of(dataset: Dataset, variants: bool) -> dict[str, Files]:
    """iMiGUE-sized frames; the variants are those without a filter in the resize, and the dataset's own small files."""
    frames = make_frames(dataset)
    small = [dataset.image_path(row) for row in range(len(dataset))]
    more = {"unfiltered": Files(frames, antialias=False), "prepared": Files(small)} if variants else {}
    return {"original": Files(frames), **more}


class Arena:
    """A model three times: ours, bare, and the original's way; the last again for every further set of files.

    Parameters
    ----------
    size : Size
    dataset : Dataset
    pixels : ndarray (N, S, S, 3)
    files : mapping of str to Files
        What a loop like the original's reads; ``original`` is the one that validates, too.
    workers : int
        Of the original's loaders.
    """

    def __init__(self, size: Size, dataset: Dataset, pixels: np.ndarray, files: Mapping[str, Files],
                 workers: int) -> None:
        self.size = size
        rows = np.random.default_rng(0).permutation(len(dataset))
        self.train_rows, self.valid_rows = rows[:size.train_images], rows[-size.valid_images:]
        config = RunConfig(OBJECTIVE, get_objective(OBJECTIVE), size.model, size.train)
        self.session = open_session(config, dataset, pixels, Split("frame", self.train_rows, self.valid_rows))
        self.deterministic = torch.are_deterministic_algorithms_enabled()
        device, precision = self.session.accelerator.device, self.session.accelerator.mixed_precision
        captions = class_captions(dataset.labels)
        self.bare = Bare(*build_model(size.model, config.loss, captions), captions, config, device,
                         PRECISIONS[precision], pixels, dataset.target, self.train_rows)
        texts = [captions[index] for index in dataset.target]

        def original_loop(files: Files) -> OriginalLoop:
            model, tokenizer = build_model(size.model, config.loss, captions)
            parts = (CaptionedImages([files.paths[row] for row in rows], [texts[row] for row in rows], tokenizer,
                                     size.train.image_size, files.antialias)
                     for rows in (self.train_rows, self.valid_rows))
            return OriginalLoop(model.to(device), tokenizer, captions, *parts, size.train, workers,
                                PRECISIONS[precision])

        self.originals = {name: original_loop(those) for name, those in files.items()}
        self.detail: dict[str, Any] = {"batch": size.train.batch_size, "precision": precision, "device": device.type,
                                       "threads": torch.get_num_threads(), "original_workers": workers}
        self._epoch = 0

    def training(self) -> list[Result]:
        """Ours against all others."""
        contenders = {"ours": self._ours, "bare": partial(self._freely, self.bare.train_epoch)}
        contenders |= {name: partial(self._freely, loop.train_epoch) for name, loop in self.originals.items()}
        seconds, images = self._time(contenders, self.size.train_rounds), self.size.train_images
        detail = self.detail | {f"{name}_images_per_s": rate(images, values) for name, values in seconds.items()}
        detail |= {"images": images, "rounds": self.size.train_rounds}
        return [faster(f"training_{name}_{self.size.name}", seconds["ours"], values, **detail)
                for name, values in seconds.items() if name != "ours"]

    def validation(self) -> list[Result]:
        """Ours against the original's; both give top-1, top-5 and the loss."""
        theirs = partial(self._freely, self.originals["original"].validate)
        contenders = {"ours": self._ours_validation, "original": theirs}
        seconds, images = self._time(contenders, self.size.valid_rounds), self.size.valid_images
        detail = self.detail | {f"{name}_images_per_s": rate(images, values) for name, values in seconds.items()}
        detail |= {"images": images, "rounds": self.size.valid_rounds}
        return [faster(f"validation_original_{self.size.name}", seconds["ours"], seconds["original"], **detail)]

    def _time(self, contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
        for contender in [*contenders.values()] * WARM_UP:
            contender()
        return alternate(contenders, rounds, torch.cuda.synchronize if torch.cuda.is_available() else lambda: None)

    def _ours(self) -> None:
        self._epoch += 1
        torch.use_deterministic_algorithms(self.deterministic, warn_only=True)
        train_epoch(self.session, self.train_rows, seed=self._epoch)

    def _ours_validation(self) -> None:
        torch.use_deterministic_algorithms(self.deterministic, warn_only=True)
        self.session.task.validate(self.valid_rows)

    @staticmethod
    def _freely(work: Callable[[], object]) -> None:
        """Neither the original nor the limit asks for deterministic kernels."""
        torch.use_deterministic_algorithms(False)
        work()


class Bare:
    """Forward, backward and step on batches that are in place."""

    def __init__(self, model: VisualTextModel, tokenizer: PreTrainedTokenizerFast, captions: tuple[str, ...],
                 config: RunConfig, device: torch.device, precision: torch.dtype | None, pixels: np.ndarray,
                 target: np.ndarray, rows: np.ndarray) -> None:
        self.model = model.to(device, memory_format=torch.channels_last)
        self.optimizer = make_optimizer(parameter_groups(self.model, config.train))
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision is torch.float16)
        self.loss, self.precision, self.device = CLASS_LOSSES[config.loss.loss], precision, device
        tokens = {key: value.to(device) for key, value in tokenize(tokenizer, captions).items()}
        self.batches: list[tuple[Tensor, dict[str, Tensor], Tensor]] = []
        for batch in np.split(rows, range(config.train.batch_size, len(rows), config.train.batch_size)):
            present, place = np.unique(target[batch], return_inverse=True)
            mine = {key: value[torch.from_numpy(present).to(device)] for key, value in tokens.items()}
            self.batches.append((as_images(torch.from_numpy(pixels[batch]).to(device)), mine,
                                 torch.from_numpy(place).to(device)))

    def train_epoch(self) -> None:
        """One pass over the batches."""
        self.model.train()
        for images, tokens, target in self.batches:
            with torch.autocast(self.device.type, self.precision or torch.bfloat16, enabled=self.precision is not None):
                embeddings = self.model.encode_image(images), self.model.encode_text(**tokens)
            value = self.loss(*(part.float() for part in embeddings), target, self.model.temperature)
            self.optimizer.zero_grad()
            self.scaler.scale(value).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()


def sizes() -> list[Size]:
    """What is measured on this machine."""
    return LARGE_ON_GPU if torch.cuda.is_available() else [SMALL, LARGE_ON_CPU]


def measure(folder: Path, workers: int, *, training: bool = True, validation: bool = True) -> Iterator[Result]:
    """All rows of training, of validation, or of both, each as soon as it is known."""
    for size in sizes():
        if not training and not size.valid_rounds:
            continue
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dataset, pixels = make_data(size.synth, folder, device)
        arena = Arena(size, dataset, pixels, files_of(dataset, size.variants), workers)
        if training:
            yield from arena.training()
        if validation and size.valid_rounds:
            yield from arena.validation()
        del arena
