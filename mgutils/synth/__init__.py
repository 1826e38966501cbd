"""The studio: a synthetic press conference with known truth.

``geometry`` has the shapes and the camera, ``cast`` finds what a ray meets, ``shade`` gives it colour, ``render`` puts
the two together, ``scene`` draws the room of a video. This file holds nothing else.
"""
