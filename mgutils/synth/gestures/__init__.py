"""The 32 gestures as motions: approach, hold or swing, return.

``perform`` is the entry point: class, phase, style and subject in, pose out.
"""
