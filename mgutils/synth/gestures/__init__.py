"""The 32 gestures as motions: approach, hold or swing, return.

``perform`` is the entry point: class, phase, style and subject in, pose out.
"""

from __future__ import annotations

from mgutils.synth.gestures.perform import (
    BOTH_HANDS,
    GESTURES,
    NO_HANDS,
    Style,
    costume,
    describe,
    neutral,
    perform,
    sample_style,
)

__all__ = ["BOTH_HANDS", "GESTURES", "NO_HANDS", "Style", "costume", "describe", "neutral", "perform", "sample_style"]
