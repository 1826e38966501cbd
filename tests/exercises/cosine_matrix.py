"""What the checker of `cosine_matrix` must accept and reject."""

import torch
import torch.nn.functional as F


def right_norms(images, texts):
    images = images / images.norm(dim=1, keepdim=True)
    texts = texts / texts.norm(dim=1, keepdim=True)
    return images @ texts.T


def right_einsum(images, texts):
    return torch.einsum("id,jd->ij", F.normalize(images, dim=-1), F.normalize(texts, dim=-1))


def right_divide_after(images, texts):
    return (images @ texts.T) / torch.outer(images.norm(dim=1), texts.norm(dim=1))


def right_loops(images, texts):
    rows = [[float(a @ b / (a @ a * (b @ b)) ** 0.5) for b in texts] for a in images]
    return rows


WRONG = {
    "images not normalised": ("images / images.norm(dim=1, keepdim=True)", "images"),
    "texts not normalised": ("texts / texts.norm(dim=1, keepdim=True)", "texts"),
    "transposed": ("images @ texts.T", "texts @ images.T"),
    "norm over the batch": ("images.norm(dim=1, keepdim=True)", "images.norm(dim=0, keepdim=True)"),
    "norm of the whole matrix": ("images.norm(dim=1, keepdim=True)", "images.norm()"),
    "squared length": ("images.norm(dim=1, keepdim=True)", "images.square().sum(dim=1, keepdim=True)"),
    "absolute value": ("return images @ texts.T", "return (images @ texts.T).abs()"),
    "sum norm": ("images.norm(dim=1, keepdim=True)", "images.norm(p=1, dim=1, keepdim=True)"),
    "distance": ("images @ texts.T", "1 - images @ texts.T"),
}
