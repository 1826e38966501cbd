"""Sentences about synthetic clips: what ``attributes`` saw, in five wordings, as a whole and for each part of the body.

The wordings are in ``phrases.csv``, the names of places in ``places.csv``. A sentence about a clip names the sides; one
about a class says what most of its clips show, with one hand and the other one, as a person would who knows the
gesture. Neither says more than the skeleton shows: nothing of lips and cheeks, caps and pens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mgutils.config import ClipConfig, SynthConfig
from mgutils.data.captions import descriptions
from mgutils.data.csv import read_csv, read_numbers, refuse_cells, write_csv
from mgutils.data.sentences import CLASS_SENTENCES, PARTS, SENTENCES
from mgutils.data.splits import TRAIN_SUBJECTS
from mgutils.errors import ConfigError, DataError, Findings
from mgutils.files import atomic_file
from mgutils.synth.attributes import PLACES, SIDES, attributes
from mgutils.synth.dataset import RECORD
from mgutils.synth.gestures.perform import GESTURES
from mgutils.synth.plan import validate
from mgutils.synth.tables import read_table

PHRASINGS = 5
"""Wordings of each sentence."""
SOURCE = "truth"
"""What the column ``source`` says of these sentences."""
_AGAIN = "Make the dataset again with `mg clips` or `mg synth`."
_PHRASES = read_table("phrases.csv").set_index("key")
_SAY = {(key, number): row[str(number)] for key, row in _PHRASES.iterrows() for number in range(1, PHRASINGS + 1)}
_SHOWN = {place: {"one": row["single"], "both": row["both"]} for place, row in PLACES.iterrows()}
_FREE = set(PLACES.index[PLACES["radius"] == 0])
_IDLE = {"arms": {"hands": "apart", "right_elbow": "down", "left_elbow": "down"},
         "trunk": {"lean": "upright", "sway": "still", "shoulders": "level"}}
_DETAILS = ("right_way", "left_way", "spread")
_OTHER = {"right": "left", "left": "right"}
_SIDED = re.compile(r"\b(right|left)\b")
_ONE_SIDE = (("the right hand", "one hand"), ("to the right", "to one side"), ("to the left", "to the other side"),
             ("the right ", "the "), ("the left ", "the other "))
"""What names a side, and what a class says: the one hand acts, and all else is on its side or on the other one."""


# -- one sentence ------------------------------------------------------------------------------------


def say(row: Mapping[str, str], number: int, part: str = "") -> str:
    """One sentence about what :func:`attributes` saw of a clip.

    Parameters
    ----------
    row : mapping
        A row of its table.
    number : int
        Wording, 1 to :data:`PHRASINGS`.
    part : str
        ``head``, ``hands``, ``arms`` or ``trunk``; "": all of them, but for arms that hang down and an upright trunk.
    """
    clauses = {"head": _say_head, "hands": _say_hands, "arms": _say_arms, "trunk": _say_trunk}
    parts = [part] if part else [each for each in _SAY["order", number].split() if not _idle(row, each)]
    text = "; ".join(" ".join(clauses[each](row, number).split()) for each in parts)
    return text[0].upper() + text[1:] + "."


def say_of_class(row: Mapping[str, str], number: int, part: str = "") -> str:
    """The same about a class: no side is named, as in ``one hand touches the ear, the other hand rests``."""
    text = say(row, number, part)
    text = text[0].lower() + text[1:]
    for sided, neutral in _ONE_SIDE:
        text = text.replace(sided, neutral)
    return text[0].upper() + text[1:]


def leading(row: Mapping[str, str]) -> str:
    """The side of the hand that does most: it alone has left the table, moves, or has its elbow up; or "".

    Where the hands do the same, the side to which the trunk or the head goes.
    """
    for column, idle in (("place", "table"), ("motion", "still"), ("elbow", "down")):
        busy = [side for side in SIDES if row[f"{side}_{column}"] != idle]
        if len(busy) == 1:
            return busy[0]
    return next((row[name] for name in ("lean", "shoulders", "tilt", "turn") if row[name] in SIDES), "")


def _idle(row: Mapping[str, str], part: str) -> bool:
    """Whether a whole sentence leaves a part out."""
    return part in _IDLE and all(row[name] == word for name, word in _IDLE[part].items())


def _say_hands(row: Mapping[str, str], number: int) -> str:
    places, motions, ways = ([row[f"{side}_{name}"] for side in SIDES] for name in ("place", "motion", "way"))
    kinds = [place.split()[-1] for place in places]
    own_side = [place.split()[:-1] in ([], [side]) for place, side in zip(places, SIDES, strict=True)]
    together = row["hands"] == "together" and _FREE.issuperset(kinds)
    if together or (kinds[0] == kinds[1] and motions[0] == motions[1] and own_side[0] == own_side[1]):
        kind = next((kind for kind in kinds if kind != "table"), "table")
        motion = "moving" if "moving" in motions else "still"
        manner = "meet" if together else "free" if kind in _FREE else "touch"
        return _fill(f"{manner} {motion} both", number, place=_SHOWN[kind]["both"], spread=row["spread"],
                     way=ways[0] if ways[0] == ways[1] else "")
    first = leading(row) or SIDES[0]
    return ", ".join(_say_hand(row, side, number) for side in (first, _OTHER[first]))


def _say_hand(row: Mapping[str, str], side: str, number: int) -> str:
    *of_side, kind = row[f"{side}_place"].split()
    place = _SHOWN[kind]["one"].format(side="".join(of_side))
    manner = "free" if kind in _FREE else "touch"
    return _fill(f"{manner} {row[f'{side}_motion']} one", number, hand=f"the {side} hand", place=place,
                 way=row[f"{side}_way"])


def _fill(key: str, number: int, way: str = "", spread: str = "", **names: str) -> str:
    """A wording with its gaps filled; of how a hand moves and how near the other one is, with nothing if that is not
    said."""
    way, spread = (_SAY[f"{name} {word}".strip(), number] for name, word in (("way", way), ("spread", spread)))
    return _SAY[key, number].format(way=way, spread=spread, **names)


def _say_arms(row: Mapping[str, str], number: int) -> str:
    if row["hands"] == "crossed":
        return _SAY["crossed", number]
    elbows = {side: row[f"{side}_elbow"] for side in SIDES}
    right = elbows["right"]
    if right == elbows["left"]:
        return f"both elbows {_SAY[f'elbow {right} both', number]}"
    said = [side for side in SIDES if elbows[side] != "down"]
    if leading(row) == "left":
        said.reverse()
    first, *second = [_SAY[f"elbow {elbows[side]} one", number] for side in said]
    return " and ".join([f"the {said[0]} elbow {first}", *(f"the {said[1]} one {text}" for text in second)])


def _say_head(row: Mapping[str, str], number: int) -> str:
    words = [] if row["bend"] == "level" else [_SAY[f"head {row['bend']}", number]]
    words += [_SAY[f"head {name}", number].format(side=row[name]) for name in ("tilt", "turn") if row[name] in SIDES]
    words = words or [_SAY["head level", number]]
    words += [_SAY["head moving", number]] if row["nod"] == "moving" else []
    return f"the head is {' and '.join(words)}"


def _say_trunk(row: Mapping[str, str], number: int) -> str:
    lean, shoulders = row["lean"], row["shoulders"]
    text = _SAY[f"trunk {'lean' if lean in SIDES else lean}", number].format(side=lean)
    if row["sway"] == "moving":
        text += f" {_SAY['trunk moving', number]}"
    if shoulders != "level":
        key = f"shoulders {'one' if shoulders in SIDES else shoulders}"
        text += ", " + _SAY[key, number].format(side=shoulders)
    return text


# -- the files ---------------------------------------------------------------------------------------


def write_sentences(root: Path | str) -> tuple[Path, Path]:
    """Write ``sentences.csv`` and ``class_sentences.csv`` of a dataset of the studio, clips or images.

    Equal parameters of the studio give equal files. What is said of a class is what the most typical of its clips
    shows, out of those of the training people of the official split; a class without such clips gets the kit's
    description.

    Returns
    -------
    tuple of Path
        Both files.

    Raises
    ------
    DataError
        If ``clips.csv`` cannot be read.
    ConfigError
        If the studio did not make the dataset, somebody else wrote one of the files, or it cannot be written.
    """
    root = Path(root)
    files = root / SENTENCES, root / CLASS_SENTENCES
    config = _config(root)
    for file in files:
        _check_own(file)
    clips = _read_clips(root / "clips.csv")
    seen = attributes(config, clips)
    said = [{"clip_id": clip_id, "number": number, "sentence": say(row, number), "source": SOURCE,
             **{part: say(row, number, part) for part in PARTS}}
            for clip_id, row in zip(clips["clip_id"], seen.to_dict("records"), strict=True)
            for number in range(1, PHRASINGS + 1)]
    for file, rows in zip(files, (said, _of_classes(clips, seen)), strict=True):
        with atomic_file(file) as aside:
            write_csv(pd.DataFrame(rows), aside)
    return files


def _config(root: Path) -> SynthConfig:
    """The parameters with which the studio made a dataset."""
    try:
        found = json.loads((root / RECORD).read_text(encoding="utf-8"))["config"]
        config = (ClipConfig if "rate" in found else SynthConfig)(**found)
        validate(config)
        return config
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{root / RECORD}: found no record of the studio; wanted one, as only of synthetic clips it is known what "
            f"they show. Let a model say it with `mg caption`, or write {SENTENCES}: clip_id, number, sentence."
        ) from None


def _check_own(file: Path) -> None:
    """Refuse to write over what a model or a person said."""
    if not file.exists():
        return
    remedy = "Move it elsewhere; then `mg sentences` writes its own."
    others = set(read_csv(file, ("source",), remedy)["source"]) - {SOURCE}
    if others:
        raise ConfigError(f"{file}: found sentences by {min(others) or 'somebody'}; wanted none, or only those of "
                          f"`mg sentences`. {remedy}")


def _read_clips(file: Path) -> pd.DataFrame:
    """What the studio knows of each clip."""
    columns = ("clip_id", "class_id", "true_class_id", "video_id", "subject_id")
    table = read_csv(file, columns, _AGAIN)
    findings = Findings()
    clips = read_numbers(table, columns, file, _AGAIN, findings)
    for name in ("class_id", "true_class_id"):
        refuse_cells(findings, file, table[name][~clips[name].isin(GESTURES) & (clips[name] >= 0)], "1..32", _AGAIN)
    refuse_cells(findings, file, table["clip_id"][clips["clip_id"].duplicated()], "each clip once", _AGAIN)
    if findings.faults:
        raise DataError(findings.faults)
    return clips.reset_index(drop=True)


def mirrored(seen: pd.DataFrame) -> pd.DataFrame:
    """What would be seen in a mirror."""
    def swap(text: str) -> str:
        return _SIDED.sub(lambda match: _OTHER[match[0]], text)

    swapped = seen.rename(columns=lambda name: swap(name.replace("_", " ")).replace(" ", "_"))
    return swapped[list(seen)].map(swap)


def _of_classes(clips: pd.DataFrame, seen: pd.DataFrame) -> list[dict]:
    """The rows of ``class_sentences.csv``."""
    lefty = seen.apply(leading, axis=1) == "left"
    alike = seen.where(~lefty, mirrored(seen))[clips["subject_id"].isin(TRAIN_SUBJECTS)]
    typical = {class_id: _typical(rows) for class_id, rows in alike.groupby(clips["class_id"])}
    result = []
    for class_id, description in enumerate(descriptions(), start=1):
        for number in range(1, PHRASINGS + 1 if class_id in typical else 2):
            texts = dict.fromkeys(PARTS, description)
            if class_id in typical:
                description = say_of_class(typical[class_id], number)
                texts = {part: say_of_class(typical[class_id], number, part) for part in PARTS}
            result.append({"class_id": class_id, "number": number, "sentence": description, "source": SOURCE, **texts})
    return result


def _typical(seen: pd.DataFrame) -> dict[str, str]:
    """What the most typical of some clips shows: the one whose words the most others share.

    Details that fewer than half of them share are not said.
    """
    share = seen.apply(lambda words: words.map(words.value_counts(normalize=True)))
    most = share.sum(axis=1).idxmax()
    unsaid = {name: "" for name in _DETAILS if share.loc[most, name] < 0.5}
    return seen.loc[most].to_dict() | unsaid
