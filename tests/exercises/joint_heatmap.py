"""What the checker of `joint_heatmap` must accept and reject."""

import numpy as np
import torch


def right_outer(x, y, score, size, sigma=0.6):
    pixel = np.arange(size)
    rows = (pixel >= int(y - 3 * sigma)) & (pixel < int(y + 3 * sigma) + 1)
    columns = (pixel >= int(x - 3 * sigma)) & (pixel < int(x + 3 * sigma) + 1)
    down = rows * np.exp(-(pixel - y) ** 2 / (2 * sigma**2))
    across = columns * np.exp(-(pixel - x) ** 2 / (2 * sigma**2))
    if score < 1e-3:
        return np.zeros((size, size))
    return score * np.outer(down, across)


def right_loops(x, y, score, size, sigma=0.6):
    heat = np.zeros((size, size), dtype=np.float32)
    if score < 1e-3:
        return heat
    for row in range(max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, size)):
        for column in range(max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, size)):
            heat[row, column] = np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2)) * score
    return heat


def right_patch(x, y, score, size, sigma=0.6):
    heat = np.zeros((size, size))
    top, left = max(int(y - 3 * sigma), 0), max(int(x - 3 * sigma), 0)
    bottom, right = max(int(y + 3 * sigma) + 1, 0), max(int(x + 3 * sigma) + 1, 0)
    row, column = np.mgrid[top:min(bottom, size), left:min(right, size)]
    if row.size and score >= 1e-3:
        spot = np.exp(-((row - y) ** 2 + (column - x) ** 2) / 2 / sigma / sigma)
        heat[top:bottom, left:right] = score * spot
    return heat


def right_torch(x, y, score, size, sigma=0.6):
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    inside = torch.ones(size, size, dtype=torch.bool)
    for pixel, place in ((row, y), (column, x)):
        inside &= (pixel >= int(place - 3 * sigma)) & (pixel <= int(place + 3 * sigma))
    spot = torch.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2))
    return (score >= 1e-3) * score * torch.where(inside, spot, 0)


WRONG = {
    "no window": ("return score * np.outer(down, across)",
                  "return score * np.exp(-((pixel[:, None] - y) ** 2 + (pixel - x) ** 2) / (2 * sigma**2))"),
    "x and y exchanged": ("np.outer(down, across)", "np.outer(across, down)"),
    "sigma not squared": ("down = rows * np.exp(-(pixel - y) ** 2 / (2 * sigma**2))\n"
                          "    across = columns * np.exp(-(pixel - x) ** 2 / (2 * sigma**2))",
                          "down = rows * np.exp(-(pixel - y) ** 2 / (2 * sigma))\n"
                          "    across = columns * np.exp(-(pixel - x) ** 2 / (2 * sigma))"),
    "no 2": ("down = rows * np.exp(-(pixel - y) ** 2 / (2 * sigma**2))\n"
             "    across = columns * np.exp(-(pixel - x) ** 2 / (2 * sigma**2))",
             "down = rows * np.exp(-(pixel - y) ** 2 / (sigma**2))\n"
             "    across = columns * np.exp(-(pixel - x) ** 2 / (sigma**2))"),
    "distance not squared": ("np.exp(-(pixel - y) ** 2 / ", "np.exp(-abs(pixel - y) / "),
    "rows not cut": ("down = rows * ", "down = "),
    "columns not cut": ("across = columns * ", "across = "),
    "last row left out": ("int(y + 3 * sigma) + 1", "int(y + 3 * sigma)"),
    "window to the exact end": ("(pixel >= int(y - 3 * sigma))", "(pixel >= y - 3 * sigma)"),
    "window of three pixels": ("(pixel >= int(x - 3 * sigma)) & (pixel < int(x + 3 * sigma) + 1)",
                               "(pixel >= int(x - 3)) & (pixel < int(x + 3) + 1)"),
    "window of two sigma": ("int(y - 3 * sigma)", "int(y - 2 * sigma)"),
    "score forgotten": ("return score * np", "return np"),
    "faint joints drawn": ("score < 1e-3", "score < 0"),
    "a faint joint left out": ("score < 1e-3", "score <= 1e-3"),
    "faint at one per cent": ("score < 1e-3", "score < 1e-2"),
    "a density": ("return score * np.outer(down, across)",
                  "return score * np.outer(down, across) / (2 * np.pi * sigma**2)"),
    "sums to the score": ("return score * np.outer(down, across)",
                          "return score * np.outer(down, across) / max(np.outer(down, across).sum(), 1e-9)"),
    "highest pixel is the score": ("return score * np.outer(down, across)",
                                   "return score * np.outer(down, across) / max(np.outer(down, across).max(), 1e-9)"),
    "centres at a half": ("pixel = np.arange(size)", "pixel = np.arange(size) + 0.5"),
    "sigma not used": ("    pixel = np.arange(size)", "    sigma = 0.6\n    pixel = np.arange(size)"),
    "another sigma by default": ("sigma=0.6", "sigma=0.7"),
    "no default": ("sigma=0.6", "sigma"),
    "x as a part of the picture": ("(pixel - x) ** 2", "(pixel - x * size) ** 2"),
    "down only": ("np.outer(down, across)", "np.outer(down, columns)"),
    "a sum of two": ("np.outer(down, across)", "(down[:, None] + across)"),
    "upside down": ("np.outer(down, across)", "np.outer(down, across)[::-1]"),
}


def wrong_negative_slice(x, y, score, size, sigma=0.6):
    heat = np.zeros((size, size))
    if score < 1e-3:
        return heat
    row, column = np.mgrid[:size, :size]
    spot = score * np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2))
    window = tuple(slice(int(place - 3 * sigma), int(place + 3 * sigma) + 1) for place in (y, x))
    heat[window] = spot[window]
    return heat


def wrong_moved_to_the_edge(x, y, score, size, sigma=0.6):
    return right_outer(min(max(x, 0), size - 1), min(max(y, 0), size - 1), score, size, sigma)


def wrong_one_pixel(x, y, score, size, sigma=0.6):
    heat = np.zeros((size, size))
    if score >= 1e-3 and 0 <= x < size and 0 <= y < size:
        heat[int(y), int(x)] = score
    return heat


def wrong_round_window(x, y, score, size, sigma=0.6):
    row, column = np.mgrid[:size, :size]
    square = (row - y) ** 2 + (column - x) ** 2
    return (score >= 1e-3) * score * np.exp(-square / (2 * sigma**2)) * (square <= 9 * sigma**2)
