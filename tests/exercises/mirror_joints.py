"""What the checker of `mirror_joints` must accept and reject."""

import numpy as np
import torch


def right_table(joints, width, pairs):
    mirrored = joints.copy()
    found = joints[..., 2] > 0
    mirrored[..., 0] = np.where(found, width - joints[..., 0], joints[..., 0])
    table = np.arange(joints.shape[1])
    table[pairs] = pairs[:, ::-1]
    return mirrored[:, table]


def right_loops(joints, width, pairs):
    mirrored = np.zeros_like(joints)
    for frame in range(len(joints)):
        for joint in range(joints.shape[1]):
            to = joint
            for one, other in pairs:
                to = other if joint == one else one if joint == other else to
            x, y, score = joints[frame, joint]
            if score > 0:
                mirrored[frame, to] = [width - x, y, score]
    return mirrored


def right_exchange_first(joints, width, pairs):
    out = np.array(joints)
    for one, other in pairs:
        out[:, [one, other]] = out[:, [other, one]]
    out[out[..., 2] > 0, 0] = width - out[out[..., 2] > 0, 0]
    return out


def right_torch(joints, width, pairs):
    clip = torch.tensor(joints)
    x, y, score = clip.unbind(-1)
    out = torch.stack([(width - x) * (score > 0), y, score], dim=-1)
    for one, other in pairs.tolist():
        kept = out[:, one].clone()
        out[:, one] = out[:, other]
        out[:, other] = kept
    return out


WRONG = {
    "no pairs": ("return mirrored[:, table]", "return mirrored"),
    "pairs only": ("np.where(found, width - joints[..., 0], joints[..., 0])", "joints[..., 0]"),
    "missing joints mirrored": ("found = joints[..., 2] > 0", "found = joints[..., 2] >= 0"),
    "found by x": ("joints[..., 2] > 0", "joints[..., 0] > 0"),
    "found by a high score": ("joints[..., 2] > 0", "joints[..., 2] > 0.1"),
    "not found ones mirrored": ("joints[..., 2] > 0", "joints[..., 2] == 0"),
    "a whole frame missing": ("found = joints[..., 2] > 0", "found = (joints[..., 2] > 0).any(axis=1)[:, None]"),
    "every frame as the first": ("found = joints[..., 2] > 0", "found = joints[0, :, 2] > 0"),
    "width 1": ("width - joints[..., 0]", "1 - joints[..., 0]"),
    "minus x": ("width - joints[..., 0]", "-joints[..., 0]"),
    "pixel numbers": ("width - joints[..., 0]", "width - 1 - joints[..., 0]"),
    "x - width": ("width - joints[..., 0]", "joints[..., 0] - width"),
    "half the width": ("width - joints[..., 0]", "width / 2 - joints[..., 0]"),
    "largest x for the width": ("width - joints[..., 0]", "joints[..., 0].max() - joints[..., 0]"),
    "y": ("mirrored[..., 0] = np.where(found, width - joints[..., 0], joints[..., 0])",
          "mirrored[..., 1] = np.where(found, width - joints[..., 1], joints[..., 1])"),
    "first pair only": ("table[pairs] = pairs[:, ::-1]", "table[pairs[:1]] = pairs[:1, ::-1]"),
    "table not exchanged": ("pairs[:, ::-1]", "pairs"),
    "one way": ("table[pairs] = pairs[:, ::-1]", "table[pairs[:, 0]] = pairs[:, 1]"),
    "all joints reversed": ("mirrored[:, table]", "mirrored[:, ::-1]"),
    "frames reversed": ("mirrored[:, table]", "mirrored[::-1, table]"),
    "scores stay": ("return mirrored[:, table]",
                    "return np.concatenate([mirrored[:, table, :2], mirrored[..., 2:]], axis=2)"),
    "x alone exchanged": ("return mirrored[:, table]",
                          "return np.concatenate([mirrored[:, table, :1], mirrored[..., 1:]], axis=2)"),
    "stale mask": ("mirrored[..., 0] = np.where(found, width - joints[..., 0], joints[..., 0])\n"
                   "    table = np.arange(joints.shape[1])\n    table[pairs] = pairs[:, ::-1]\n"
                   "    return mirrored[:, table]",
                   "table = np.arange(joints.shape[1])\n    table[pairs] = pairs[:, ::-1]\n"
                   "    mirrored = mirrored[:, table]\n"
                   "    mirrored[..., 0] = np.where(found, width - mirrored[..., 0], mirrored[..., 0])\n"
                   "    return mirrored"),
    "writes into the clip": ("joints.copy()", "joints"),
    "COCO's pairs": ("table[pairs] = pairs[:, ::-1]",
                     "for one in range(1, len(table) - 1, 2):\n        table[[one, one + 1]] = one + 1, one"),
}


def wrong_views(joints, width, pairs):
    out = joints.copy()
    out[..., 0] = np.where(out[..., 2] > 0, width - out[..., 0], 0)
    for one, other in pairs:
        out[:, one], out[:, other] = out[:, other], out[:, one]
    return out
