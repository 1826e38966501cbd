"""What the checker of `hidden_patch_loss` must accept and reject."""

import numpy as np
import torch


def right_transpose(video, guessed, hidden, frames, side):
    time, height, width, colours = video.shape
    parts = video.reshape(time // frames, frames, height // side, side, width // side, side, colours)
    patches = parts.transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, frames * side * side * colours)
    square = (guessed[hidden] - patches[hidden]) ** 2
    return patches, square.mean()


def right_loops(video, guessed, hidden, frames, side):
    time, height, width, _ = video.shape
    patches = []
    for first in range(0, time, frames):
        for top in range(0, height, side):
            for left in range(0, width, side):
                block = video[first:first + frames, top:top + side, left:left + side]
                patches.append(block.flatten())
    total, count = 0.0, 0
    for guess, patch, is_hidden in zip(guessed, patches, hidden, strict=True):
        if is_hidden:
            total += sum((guess - patch) ** 2)
            count += len(patch)
    return np.stack(patches), total / count


def right_unfold(video, guessed, hidden, frames, side):
    parts = torch.tensor(video).unfold(0, frames, frames).unfold(1, side, side).unfold(2, side, side)
    patches = parts.movedim(3, -1).flatten(3).flatten(0, 2)
    kept = torch.tensor(hidden)
    return patches, torch.nn.functional.mse_loss(torch.tensor(guessed)[kept], patches[kept])


def right_split(video, guessed, hidden, frames, side):
    patches = [part.ravel()
               for clip in np.split(video, len(video) // frames)
               for band in np.split(clip, clip.shape[1] // side, axis=1)
               for part in np.split(band, band.shape[2] // side, axis=2)]
    error = np.array(patches) - guessed
    return patches, np.nanmean(np.where(hidden[:, None], error**2, np.nan))


ORDER, MEAN = ".transpose(0, 2, 4, 1, 3, 5, 6)", "square.mean()"
ROWS = ".reshape(-1, frames * side * side * colours)"
WRONG = {
    "strips of memory": ("parts.transpose(0, 2, 4, 1, 3, 5, 6)", "video"),
    "the original's strips": ("parts.transpose(0, 2, 4, 1, 3, 5, 6)", "video.transpose(3, 0, 1, 2)"),
    "not transposed": (ORDER, ""),
    "down before across": (ORDER, ".transpose(0, 4, 2, 1, 3, 5, 6)"),
    "time first": (ORDER, ".transpose(2, 4, 0, 1, 3, 5, 6)"),
    "down before across within": (ORDER, ".transpose(0, 2, 4, 1, 5, 3, 6)"),
    "time first within": (ORDER, ".transpose(0, 2, 4, 3, 5, 1, 6)"),
    "colours apart": (ORDER, ".transpose(0, 2, 4, 6, 1, 3, 5)"),
    "colours before time": (ORDER, ".transpose(0, 2, 4, 1, 6, 3, 5)"),
    "cut the wrong way round": ("frames, height // side, side,", "frames, side, height // side,"),
    "time cut the wrong way round": ("reshape(time // frames, frames,", "reshape(frames, time // frames,"),
    "in blocks": (ROWS, ".reshape(-1, frames, side, side, colours)"),
    "on a grid": (ROWS, ".reshape(time // frames, -1, frames * side * side * colours)"),
    "a column each": ("return patches, ", "return patches.T, "),
    "hidden patches only": ("return patches, ", "return patches[hidden], "),
    "guesses": ("return patches, ", "return guessed, "),
    "guesses put in": ("return patches, ", "return np.where(hidden[:, None], guessed, patches), "),
    "normalised": ("    square =", "    patches = (patches - patches.mean(axis=1, keepdims=True))\n    square ="),
    "all patches": ("guessed[hidden] - patches[hidden]", "guessed - patches"),
    "what was seen": ("guessed[hidden] - patches[hidden]", "guessed[~hidden] - patches[~hidden]"),
    "multiplied by the mask": ("(guessed[hidden] - patches[hidden]) ** 2",
                               "(guessed - patches) ** 2 * hidden[:, None] * len(hidden) / hidden.sum()"),
    "divided by all patches": (MEAN, "square.sum() / patches.size"),
    "divided by the patches": (MEAN, "square.sum() / len(square)"),
    "divided by all numbers of a patch": (MEAN, "square.sum() / square.shape[1]"),
    "divided by the patches seen": (MEAN, "square.sum() / (~hidden).sum() / square.shape[1]"),
    "sum": (MEAN, "square.sum()"),
    "half": (MEAN, "square.mean() / 2"),
    "root": (MEAN, "square.mean() ** 0.5"),
    "one loss a patch": (MEAN, "square.mean(axis=1)"),
    "median": (MEAN, "np.median(square)"),
    "not squared": (") ** 2", ")"),
    "absolute": ("(guessed[hidden] - patches[hidden]) ** 2", "abs(guessed[hidden] - patches[hidden])"),
    "sorted guesses": ("guessed[hidden]", "np.sort(guessed[hidden], axis=1)"),
    "first guesses": ("guessed[hidden]", "guessed[:hidden.sum()]"),
    "first patches": ("- patches[hidden]", "- patches[:hidden.sum()]"),
    "loss alone": ("return patches, square.mean()", "return square.mean()"),
    "patches alone": ("return patches, square.mean()", "return patches"),
    "exchanged": ("return patches, square.mean()", "return square.mean(), patches"),
}


def wrong_loss_of_strips(video, guessed, hidden, frames, side):
    patches, _ = right_transpose(video, guessed, hidden, frames, side)
    strips = video.reshape(patches.shape)
    return patches, ((guessed - strips)[hidden] ** 2).mean()


def wrong_blocks_of_one_frame(video, guessed, hidden, frames, side):
    patches = np.concatenate([right_transpose(each[None], guessed, hidden[:1], 1, side)[0] for each in video])
    patches = patches.reshape(len(hidden), -1)
    return patches, ((guessed - patches)[hidden] ** 2).mean()


def wrong_nan_made_zeros(video, guessed, hidden, frames, side):
    patches, _ = right_transpose(video, guessed, hidden, frames, side)
    return patches, np.nan_to_num((guessed - patches) ** 2).mean() * len(hidden) / hidden.sum()
