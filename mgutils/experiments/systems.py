"""The four originals as the kit has them: which pairs are pulled together, what reads each part, what is asked of it.

They are the rows of the picture in notebook 00, and notebook 13 puts a fifth beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mgutils.config import Pair, star


@dataclass(frozen=True)
class System:
    """One of the originals."""

    title: str
    source: str
    """Of its claims in ``claims.toml``."""
    notebooks: str
    pairs: tuple[Pair, ...]
    encoders: Mapping[str, str]
    """What reads a modality, or where a text's vectors come from."""
    probes: tuple[str, ...]
    """What is asked of the space."""
    frozen: tuple[str, ...] = ()
    """What keeps the weights that it came with."""


SYSTEMS = (
    System("The report", "report", "02 to 09", (Pair("image", "caption", "original_kl", temperature=0.05),),
           {"image": "ResNet", "caption": "DistilBERT"},
           ("the nearest caption is the answer", "captions of classes never seen")),
    System("MiGA 2023", "miga2023", "10", (Pair("joints", "class", "class_ce", temperature=1.0),
                                           Pair("joints", "caption", "mse", weight=20)),
           {"joints": "PoseConv3D", "caption": "word vectors"},
           ("the class head answers", "joints and limbs together"), ("caption",)),
    System("CMVRA", "cmvra", "11", star("joints", ("rgb", "depth", "infrared")),
           {"joints": "transformer", "rgb": "ResNet, transformer", "depth": "ResNet, transformer",
            "infrared": "ResNet, transformer"},
           ("a linear probe, many labels or few", "the anchor's classes, another camera",
            "a clip found by another camera", "cameras joined, some of them off"), ("joints",)),
    System("EmoCLIP", "emoclip", "12", (Pair("frames", "sentence", "infonce"),),
           {"frames": "image encoder, transformer", "sentence": "text encoder"},
           ("sentences of classes never seen", "a clip found by its own sentence"), ("sentence",)),
)
"""In the order of the course. The third has colour for its anchor in the original, and joints here."""
