"""A vision-language model of the transformers library, asked about pictures: LLaVA, SmolVLM, Qwen-VL and their like.

What it is asked about, and what becomes of its answers, is in :mod:`mgutils.predict.captions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, BatchFeature, PreTrainedModel, ProcessorMixin
from transformers.utils import logging

from mgutils.config.captioner import CaptionConfig
from mgutils.errors import ConfigError
from mgutils.models.hub import find_weights

logging.disable_progress_bar()  # a bar for each file read would stand in logs

PART = "vision-language model"
REMEDY = ("Let the hub be reached once, or name a folder with the model's files. Without a model: `mg sentences` says "
          "what synthetic clips show; for others write sentences.csv (clip_id,number,sentence) by hand.")
"""What to do where no model is."""


class Captioner:
    """A vision-language model that answers one question about pictures.

    Parameters
    ----------
    config : CaptionConfig
    device : str, optional
        The GPU, if there is one, else the processor.

    Raises
    ------
    ConfigError
        If its files cannot be found or read, or it is no model that one can talk to.
    """

    def __init__(self, config: CaptionConfig, device: str | None = None) -> None:
        self.config = config
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._processor, network = _load(config.model, self.device)
        self._network = network.eval().to(self.device)
        tokenizer = self._processor.tokenizer
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[Image.Image], seed: int) -> list[list[str]]:
        """Answers to the question, a list for each picture.

        Parameters
        ----------
        pictures : sequence of PIL.Image.Image
            RGB; at least one.
        seed : int
            Of the draw. torch's own random state is left as it was.

        Raises
        ------
        ConfigError
            If the model takes no such question, or has not enough memory.
        """
        config = self.config
        inputs = self._inputs(pictures).to(self.device, self._network.dtype)
        draws = {"do_sample": True, "temperature": config.temperature} if config.temperature else {"do_sample": False}
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            try:
                tokens = self._network.generate(
                    **inputs, **draws, num_return_sequences=config.answers, max_new_tokens=config.tokens,
                    pad_token_id=self._processor.tokenizer.pad_token_id)
            except torch.OutOfMemoryError:
                raise ConfigError(f"{PART}: found too little memory for {config.model!r}; wanted room for "
                                  f"{len(pictures)} pictures with {config.answers} answers each. Name a smaller model, "
                                  "or ask for fewer --answers, or --at middle.") from None
        if not self._network.config.is_encoder_decoder:
            tokens = tokens[:, inputs["input_ids"].shape[1]:]  # (frames * answers, new tokens)
        answers = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return [answers[first:first + config.answers] for first in range(0, len(answers), config.answers)]

    def _inputs(self, pictures: Sequence[Image.Image]) -> BatchFeature:
        """One conversation for each picture, in which it is shown and the question is asked."""
        talks = [[{"role": "user", "content": [
            {"type": "image", "image": picture},
            {"type": "text", "text": self.config.prompt},
        ]}] for picture in pictures]
        try:  # a text is continued at its end, so what fills up shorter ones stands before them
            return self._processor.apply_chat_template(
                talks, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
                processor_kwargs={"padding": True, "padding_side": "left"})
        except Exception as error:  # templates are programs of the model's authors
            raise ConfigError(f"{PART}: found {self.config.model!r}, which takes no question about a picture "
                              f"({_line(error)}). Name another model.") from None


def _load(name: str, device: str) -> tuple[ProcessorMixin, PreTrainedModel]:
    """Processor and network, from a folder, the cache or the hub."""
    def load(source: str | Path, local_files_only: bool) -> tuple[ProcessorMixin, PreTrainedModel]:
        options = {"local_files_only": local_files_only, "trust_remote_code": False}
        # half precision is slow on many processors
        precision = "auto" if device == "cuda" else torch.float32
        return (AutoProcessor.from_pretrained(source, **options),
                AutoModelForImageTextToText.from_pretrained(source, dtype=precision, **options))

    try:
        if Path(name).is_dir():
            processor, network = _load_folder(Path(name), load)
        else:
            processor, network = find_weights(PART, name, load, REMEDY)
    except ImportError as error:  # some processors want a package of their own
        raise ConfigError(f"{PART}: {name!r} wants a package that is not there: {_line(error)} Install it, or name "
                          "another model.") from None
    if getattr(processor, "image_processor", None) is None or not getattr(processor, "chat_template", None):
        raise ConfigError(f"{PART}: found {name!r}, a {type(network).__name__} without a chat template; wanted a model "
                          "that answers questions about images, such as HuggingFaceTB/SmolVLM-256M-Instruct or "
                          "llava-hf/llava-v1.6-mistral-7b-hf.")
    return processor, network


def _load_folder(folder: Path, load: Callable[[Path, bool], tuple]) -> tuple[ProcessorMixin, PreTrainedModel]:
    try:
        return load(folder, True)
    except ImportError:
        raise
    except Exception as error:  # a reader raises whatever its broken input makes it raise
        raise ConfigError(f"{PART}: found no model that can be read in {folder} ({_line(error)}); wanted the files of "
                          f"one, as the hub has them. {REMEDY}") from None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
