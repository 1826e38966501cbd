"""What the checker of `train_step` must accept and reject."""

import torch
import torch.nn.functional as F


def right_autograd(images, texts, image_weight, text_weight, temperature, rate):
    image_weight, text_weight = image_weight.clone().requires_grad_(), text_weight.clone().requires_grad_()
    image = F.normalize(images @ image_weight.T, dim=1)
    text = F.normalize(texts @ text_weight.T, dim=1)
    logits = image @ text.T / temperature
    right = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    loss.backward()
    with torch.no_grad():
        new_image = image_weight - rate * image_weight.grad
        new_text = text_weight - rate * text_weight.grad
    return new_image, new_text, loss


def right_log_softmax(images, texts, image_weight, text_weight, temperature, rate):
    weights = [image_weight.requires_grad_(), text_weight.requires_grad_()]
    image, text = images @ weights[0].T, texts @ weights[1].T
    logits = F.cosine_similarity(image[:, None], text[None], dim=2) / temperature
    loss = -(logits.log_softmax(0).diagonal() + logits.log_softmax(1).diagonal()).mean() / 2
    moved = [old - rate * down for old, down in zip(weights, torch.autograd.grad(loss, weights), strict=True)]
    return moved[0].detach(), moved[1].detach(), loss.item()


def right_by_hand(images, texts, image_weight, text_weight, temperature, rate):
    one, two = images @ image_weight.T, texts @ text_weight.T
    long, wide = one.norm(dim=1, keepdim=True), two.norm(dim=1, keepdim=True)
    image, text = one / long, two / wide
    p = image @ text.T / temperature
    own = torch.eye(len(p), dtype=p.dtype)
    loss = -(p.log_softmax(1) + p.log_softmax(0)).diagonal().mean() / 2
    down = (p.softmax(1) - own + p.softmax(0) - own) / (2 * len(p) * temperature)

    def back(gradient, unit, length):
        return (gradient - unit * (gradient * unit).sum(dim=1, keepdim=True)) / length

    first = back(down @ text, image, long).T @ images
    second = back(down.T @ image, text, wide).T @ texts
    return [image_weight - rate * first, text_weight - rate * second, loss]


WRONG = {
    "rows only": ("(F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2",
                  "F.cross_entropy(logits, right)"),
    "columns only": ("(F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2",
                     "F.cross_entropy(logits.T, right)"),
    "rows twice": ("F.cross_entropy(logits.T, right)", "F.cross_entropy(logits, right)"),
    "sum of both directions": ("F.cross_entropy(logits.T, right)) / 2", "F.cross_entropy(logits.T, right))"),
    "sum over the batch": ("(F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2",
                           "len(right) * (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2"),
    "images not normalised": ("F.normalize(images @ image_weight.T, dim=1)", "images @ image_weight.T"),
    "texts not normalised": ("F.normalize(texts @ text_weight.T, dim=1)", "texts @ text_weight.T"),
    "normalised over the batch": ("F.normalize(images @ image_weight.T, dim=1)",
                                  "F.normalize(images @ image_weight.T, dim=0)"),
    "features normalised": ("F.normalize(images @ image_weight.T, dim=1)",
                            "F.normalize(images, dim=1) @ image_weight.T"),
    "multiplied by the temperature": ("/ temperature", "* temperature"),
    "no temperature": (" / temperature", ""),
    "up the gradient": ("image_weight - rate * image_weight.grad", "image_weight + rate * image_weight.grad"),
    "text up the gradient": ("text_weight - rate * text_weight.grad", "text_weight + rate * text_weight.grad"),
    "no rate": ("rate * image_weight.grad", "image_weight.grad"),
    "text without rate": ("rate * text_weight.grad", "text_weight.grad"),
    "image weight stays": ("image_weight - rate * image_weight.grad", "image_weight"),
    "text weight stays": ("text_weight - rate * text_weight.grad", "text_weight"),
    "no gradient through the text": ("F.normalize(texts @ text_weight.T, dim=1)",
                                     "F.normalize(texts @ text_weight.T, dim=1).detach() + 0 * text_weight.sum()"),
    "gradients exchanged for their mean": ("rate * text_weight.grad", "rate * text_weight.grad.mean()"),
    "two steps": ("    loss.backward()", "    (2 * loss).backward()"),
    "weights exchanged": ("return new_image, new_text", "return new_text, new_image"),
    "no loss": ("return new_image, new_text, loss", "return new_image, new_text"),
    "wrong diagonal": ("torch.arange(len(logits))", "torch.arange(len(logits)).flip(0)"),
    "uniform loss": ("    loss.backward()", "    loss = loss - loss.detach()\n    loss.backward()"),
}


def wrong_one_after_the_other(images, texts, image_weight, text_weight, temperature, rate):
    first = right_autograd(images, texts, image_weight, text_weight, temperature, rate)
    second = right_autograd(images, texts, first[0].detach(), text_weight, temperature, rate)
    return first[0], second[1], first[2]


def wrong_loss_after(images, texts, image_weight, text_weight, temperature, rate):
    first = right_autograd(images, texts, image_weight, text_weight, temperature, rate)
    second = right_autograd(images, texts, first[0].detach(), first[1].detach(), temperature, rate)
    return first[0], first[1], second[2]
