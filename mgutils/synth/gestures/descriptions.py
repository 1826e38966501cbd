"""Gestures in words: one sentence a clip, from the known truth."""

from __future__ import annotations

from mgutils.synth.gestures.face import facial_part

_SENTENCES = {
    1: "The head is drawn in between raised shoulders.",
    2: "The cheeks bulge and the chest rises with a deep breath.",
    3: "The {hand} hand touches the brim of the cap.",
    5: "The fingers of the {hand} hand rub the forehead.",
    9: "Thumb and index finger of the {hand} hand hold the {hand} ear.",
    10: "The fingertips of the {hand} hand are at the mouth, nails between the teeth.",
    11: "The chin rests in the {hand} hand.",
    12: "The {hand} hand lies on the {hand} side of the neck.",
    13: "The {hand} hand pulls at a lock of hair.",
    15: "The flat {hand} hand covers the suprasternal notch.",
    16: "The {hand} hand reaches over the {hand} shoulder and scratches the back.",
    17: "The arms are folded before the chest, the {hand} forearm above.",
    19: "Both arms are behind the body.",
    21: "The trunk rises to sit straight, hands on the edge of the table.",
    23: "Both hands rub each other.",
    24: "The fingers of both hands are interlocked on the table.",
    25: "The fingertips of both hands meet in a steeple.",
    27: "Both arms are held back, fists at the sides.",
    28: "The head goes up and the eyes look at the ceiling.",
    29: "The lips are pressed together.",
    30: "Both hands are on the hips, elbows outward.",
    31: "The shoulders shake, one up after the other.",
}


def sentence(class_id: int, hand: str, choice: float) -> str:
    """One sentence for a class 1..32, the acting hand and the variant that ``choice`` picks."""
    other = "left" if hand == "right" else "right"
    place, _ = facial_part(choice)
    varied = {
        4: "The {hand} hand scratches the top of the head." if choice < 0.6
        else "The {hand} hand scratches the {hand} side of the head.",
        6: "Both hands cover the face." if choice < 0.7 else "The {hand} hand covers the face.",
        7: "Both hands rub the eyes." if choice < 0.5 else "The fingers of the {hand} hand rub the {hand} eye.",
        8: f"The index finger of the {hand} hand touches the {place}.",
        14: "Both hands adjust the front of the shirt at the collar." if choice < 0.6
        else "The {hand} hand pulls the collar away from the neck.",
        18: f"The {hand} hand dusts the {other} {'sleeve' if choice < 0.6 else 'side of the shirt'}.",
        20: f"The trunk leans to the {hand if choice < 0.5 else other} and turns.",
        22: f"The {hand} hand scratches the {other} {'upper arm' if choice < 0.25 else 'forearm'}.",
        26: "Both hands turn a bottle." if choice < 0.55 else "Both hands turn a pen.",
        32: "Both open hands move freely in talk." if choice < 0.6 else "The open {hand} hand moves freely in talk.",
    }
    return (varied | _SENTENCES)[class_id].format(hand=hand, other=other)
