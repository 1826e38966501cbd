"""The baseline: a training and validation loop with the cost structure of the original's ``train_valid.py``.

Written anew from a description of that file; no line of it is the original's. What costs time there
costs time here: every JPEG is decoded and resized again in every epoch by workers of a DataLoader, every sample's
caption is encoded, padded to the longest of the dataset, the target matrix is filled cell by cell in Python, and
validation goes over the images one at a time with all captions encoded again for each, then a second time for the loss.
Files are decoded and resized by the library and with the filter that fill our own pixel cache. Where the description
leaves a choice, the cheaper one is taken: captions are tokenised once, and workers stay alive between epochs, as the
epochs timed here are short.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from transformers import PreTrainedTokenizerFast

from mgutils.config import TrainConfig
from mgutils.models.clip import VisualTextModel

SHARPNESS = 10.0
"""The original's factor on the 0/1 target before its softmax."""
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32) * 255
_SCALE = 1 / (np.array([0.229, 0.224, 0.225], dtype=np.float32) * 255)


class CaptionedImages(TorchDataset):
    """Files and captions; an item is decoded, resized and normalised when it is asked for.

    Parameters
    ----------
    paths : sequence of Path
    captions : sequence of str
        One for each path.
    tokenizer : PreTrainedTokenizerFast
    size : int
        Side in pixels.
    antialias : bool
        Average over what becomes one pixel, as the pixel cache does; else look at four neighbours alone, which is
        cheaper and is what OpenCV does.
    """

    def __init__(self, paths: Sequence[Path], captions: Sequence[str], tokenizer: PreTrainedTokenizerFast,
                 size: int, antialias: bool = True) -> None:
        self.paths, self.captions, self.size, self.antialias = list(paths), list(captions), size, antialias
        self.tokens = tokenizer(self.captions, padding=True, truncation=True, max_length=64)

    def __len__(self) -> int:
        return len(self.paths)

    def decode(self, place: int) -> Image.Image:
        """An image at its size."""
        with Image.open(self.paths[place]) as file:
            image = file.convert("RGB")
        side = self.size, self.size
        if self.antialias:
            return image.resize(side, Image.Resampling.BILINEAR)
        steps = image.width / self.size, 0, 0, 0, image.height / self.size, 0
        return image.transform(side, Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR)

    def __getitem__(self, place: int) -> dict[str, Any]:
        pixels = (np.asarray(self.decode(place), dtype=np.float32) - _MEAN) * _SCALE  # (S, S, 3)
        return {"image": torch.from_numpy(pixels).permute(2, 0, 1), "caption": self.captions[place],
                **{key: torch.tensor(self.tokens[key][place]) for key in ("input_ids", "attention_mask")}}


def target_matrix(captions: Sequence[str]) -> Tensor:
    """1 where two captions are the same text, cell by cell. Shape: (B, B)."""
    matrix = torch.zeros(len(captions), len(captions))
    for row, caption in enumerate(captions):
        for column, other in enumerate(captions):
            if caption == other:
                matrix[row, column] = 1
    return matrix


def kl_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """KL of the sharpened target from the prediction: the mean over all cells, times the batch. Shape: (B, B) each."""
    wanted = (SHARPNESS * target).softmax(dim=1)
    return F.kl_div(prediction.log_softmax(dim=1), wanted, reduction="none").mean() * len(prediction)


class OriginalLoop:
    """A model with its optimizer and loaders, to be trained and validated as the original does.

    Parameters
    ----------
    model : VisualTextModel
        On its device.
    tokenizer : PreTrainedTokenizerFast
    names : sequence of str
        Captions of the C classes.
    train, valid : CaptionedImages
        What the two loops go over.
    settings : TrainConfig
        Batch size and learning rates.
    workers : int
        Of each DataLoader.
    precision : torch.dtype, optional
        Of autocast; none if not given. float16 also scales the loss.
    """

    def __init__(self, model: VisualTextModel, tokenizer: PreTrainedTokenizerFast, names: Sequence[str],
                 train: CaptionedImages, valid: CaptionedImages, settings: TrainConfig, workers: int,
                 precision: torch.dtype | None = None) -> None:
        self.model, self.names, self.precision = model, list(names), precision
        self.device = next(model.parameters()).device
        self.label_tokens = tokenizer(self.names, padding=True, truncation=True, max_length=64, return_tensors="pt")
        heads = [*model.image_projection.parameters(), *model.text_projection.parameters()]
        self.optimizer = torch.optim.AdamW([
            {"params": model.image_encoder.parameters(), "lr": settings.lr_image},
            {"params": model.text_encoder.parameters(), "lr": settings.lr_text},
            {"params": heads, "lr": settings.lr_head, "weight_decay": settings.weight_decay_head}], weight_decay=0.0)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision is torch.float16)
        often = {"num_workers": workers, "persistent_workers": workers > 0}
        self.train_loader = DataLoader(train, settings.batch_size, shuffle=True, **often)
        self.one_by_one = DataLoader(valid, 1, **often)
        self.valid_loader = DataLoader(valid, settings.batch_size, **often)

    def train_epoch(self) -> float:
        """One pass over the training images; returns the mean loss per sample."""
        self.model.train()
        total, count = 0.0, 0
        for batch in self.train_loader:
            value = self._loss(batch)
            self.optimizer.zero_grad()
            self.scaler.scale(value).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            total, count = total + value.item() * len(batch["image"]), count + len(batch["image"])
        return total / count

    @torch.no_grad()
    def validate(self) -> tuple[float, float, float]:
        """Top-1 and top-5 image by image, then the mean loss per sample in a second pass."""
        self.model.eval()
        first = fifth = 0
        for batch in self.one_by_one:
            ranked = self._scores(batch["image"].to(self.device)).topk(min(5, len(self.names))).indices.tolist()
            answers = [self.names[place] for place in ranked]
            first, fifth = first + (answers[0] == batch["caption"][0]), fifth + (batch["caption"][0] in answers)
        total, count = 0.0, 0
        for batch in self.valid_loader:
            total, count = total + self._loss(batch).item() * len(batch["image"]), count + len(batch["image"])
        return first / count, fifth / count, total / count

    def _scores(self, image: Tensor) -> Tensor:
        """Scores (C,) of one image (1, 3, S, S): its features copied C times, all captions encoded for it."""
        with self._autocast():
            tokens = (self.label_tokens[key].to(self.device) for key in ("input_ids", "attention_mask"))
            texts = self.model.encode_text(*tokens)  # (C, D)
            images = self.model.encode_image(image).repeat(len(self.names), 1)  # (C, D)
        return (images.float() * texts.float()).sum(dim=1)

    def _loss(self, batch: dict[str, Any]) -> Tensor:
        arrays = (batch[key].to(self.device) for key in ("image", "input_ids", "attention_mask"))
        with self._autocast():
            images, texts = self.model(*arrays)  # (B, D) each: a caption for every image
        logits = texts.float() @ images.float().T / self.model.temperature
        target = target_matrix(batch["caption"]).to(self.device)
        return 0.5 * (kl_loss(logits, target) + kl_loss(logits.T, target))

    def _autocast(self) -> AbstractContextManager:
        return torch.autocast(self.device.type, self.precision or torch.bfloat16, enabled=self.precision is not None)
