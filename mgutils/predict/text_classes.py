"""A run on videos and sentences as a classifier of texts: which of them says what a clip shows?

A clip and a sentence lie in one space there. So any texts are classes: the probability of each is the softmax of its
cosine with the clip, at the run's own temperature. Films are cut into clips in ``films``; joints are read in
``skeletons``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mgutils.config import FrameFeatures, TextVectors
from mgutils.data.captions import describable, descriptions
from mgutils.data.items import choose_frames, read_clip_dataset
from mgutils.data.labels import Labels
from mgutils.data.table import Dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.evaluation.space import LoadedSpace, load_space
from mgutils.evaluation.texts import class_embeddings, embed_texts, sentence_of
from mgutils.losses.alignment import class_logits
from mgutils.models.encoders import make_tokenizer
from mgutils.models.texts import RANDOM, WORDS, split_words
from mgutils.models.words import MINILM
from mgutils.predict.free_texts import origin, own_classes, refuse_alike, unknown_words
from mgutils.predict.kinds import video_of
from mgutils.training.derived import vectors_of
from mgutils.training.inputs import Exchanged
from mgutils.training.start import WEIGHTS
from mgutils.training.whole import check_run


@dataclass(frozen=True)
class TextClasses:
    """A run that reads videos and sentences, with the texts that it answers with.

    Parameters
    ----------
    space : LoadedSpace
        Networks and settings of the run.
    video : FrameFeatures
        The modality of the clips: joints, or what a frozen encoder makes of rgb.
    vectors : Tensor (C, D)
        Embeddings of the texts, of length 1.
    temperature : float
        Divides the cosines.
    labels : Labels
        The C texts.
    labels_from : str
        Where they were found.
    path : Path
        The weights.
    """

    space: LoadedSpace
    video: FrameFeatures
    vectors: Tensor
    temperature: float
    labels: Labels
    labels_from: str
    path: Path

    @property
    def frames(self) -> int:
        """Of a clip, that the networks read."""
        return self.space.config.model.frames

    @torch.no_grad()
    def probabilities(self, clip: np.ndarray) -> np.ndarray:
        """The probability (C,) of each text for the frames (n, ...) of one clip, n at least 1.

        Raises
        ------
        CheckpointError
            If a score is not a number.
        """
        index, _ = choose_frames(np.array([len(clip)]), self.frames, np.full((1, self.frames), 0.5))
        video = self.space.model.embed(self.video.name, torch.from_numpy(clip[index]))  # (1, D)
        logits = class_logits(video, self.vectors, self.temperature)[0]
        if not torch.isfinite(logits).all():
            raise CheckpointError(f"{self.path}: a score is not a number. The run diverged: train again with lower "
                                  "learning rates.")
        return logits.double().softmax(dim=0).numpy()


def load_text_classes(run_dir: Path | str, texts: Sequence[str] = (),
                      clips: Dataset | Path | str | None = None) -> TextClasses:
    """Load a run on videos and sentences, and embed the texts that it is to answer with.

    Parameters
    ----------
    run_dir : path
    texts : sequence of str
        See :func:`mgutils.predict.kinds.free_texts`; the run's own classes if not given.
    clips : Dataset or path, optional
        Those that the run learned from: their sentences about the run's own classes, in place of the kit's sentences or
        the names; and the words that a run counts whose tower is ``words``.

    Raises
    ------
    ConfigError
        If the run reads no sentences beside joints or features of rgb; or its text encoder cannot tell two texts apart.
    CheckpointError
        If the weights are not those that the run's receipt lists.
    """
    check_run(Path(run_dir), ("config.json", WEIGHTS), hashes=True)
    space = load_space(run_dir)._replace(cache_dir=None)  # nobody else asks for these texts
    video, pair = video_of(space.config, str(run_dir))
    dataset = clips if clips is None or isinstance(clips, Dataset) else read_clip_dataset(clips)
    if texts:
        labels, names_from = own_classes(texts), origin(unread_words(space, texts, dataset))
        vectors = embed_texts(space, dataset, texts)
        refuse_alike(texts, torch.from_numpy(vectors))
    else:
        labels, names_from = space.labels, "the run's own"
        vectors = embed_texts(space, None, _sentences(space)) if dataset is None else class_embeddings(space, dataset)
    learned = space.model.scales().get(pair.name, {}).get("temperature")
    temperature = pair.temperature if learned is None else learned.item()
    return TextClasses(space, video, torch.from_numpy(vectors), temperature, labels, names_from,
                       Path(run_dir) / WEIGHTS)


def _settings_of(space: LoadedSpace) -> TextVectors:
    """What the sentences of a run are."""
    part = sentence_of(space)
    return part.of if isinstance(part, Exchanged) else part


def _sentences(space: LoadedSpace) -> Sequence[str]:
    """One sentence about each class of a run whose clips are not at hand."""
    kit = describable(space.labels) and _settings_of(space).text != "name"
    return descriptions() if kit else space.labels.captions


def unread_words(space: LoadedSpace, texts: Sequence[str], dataset: Dataset | None) -> list[str]:
    """Words that the text encoder of a run does not know, in the order of the texts.

    Raises
    ------
    ConfigError
        If the run counts words, and knows none of a text; or nobody says which words it counts.
    """
    tower = _settings_of(space).tower
    if tower != WORDS:
        return unknown_words(make_tokenizer(MINILM if tower in ("minilm", RANDOM) else tower, ()), texts)
    words = list(dict.fromkeys(word for text in texts for word in split_words(text)))
    known = vectors_of(words, sentence_of(space), dataset, None).any(axis=1)
    unknown = [word for word, is_known in zip(words, known, strict=True) if not is_known]
    for text in texts:
        if set(split_words(text)) <= set(unknown):
            raise ConfigError(f"--classes: found {text!r}, of which the run knows no word; wanted words that its "
                              "sentences have. Say it in other words, or take a run with a pretrained text encoder.")
    return unknown
