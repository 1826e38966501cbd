"""What the checker of `zoo_predict` must accept and reject."""

import torch


def right_eval(model, images):
    model.eval()
    with torch.no_grad():
        return model(images)


def right_train_false(model, images):
    with torch.inference_mode():
        return model.train(False)(images).clone()


def right_and_back(model, images):
    before = model.training
    model.eval()
    answer = model(images).detach()
    model.train(before)
    return answer


WRONG = {
    "eval forgotten": ("model.eval()", "model.requires_grad_(False)"),
    "training mode": ("model.eval()", "model.train()"),
    "eval after": ("    model.eval()\n    with torch.no_grad():\n        return model(images)",
                   "    with torch.no_grad():\n        answer = model(images)\n    model.eval()\n    return answer"),
    "mean of ten tries": ("    model.eval()\n    with torch.no_grad():\n        return model(images)",
                          "    with torch.no_grad():\n"
                          "        return torch.stack([model(images) for _ in range(10)]).mean(0)"),
    "dropout alone": ("model.eval()", "[part.eval() for part in model if isinstance(part, torch.nn.Dropout)]"),
    "batch norm alone": ("model.eval()", "[part.eval() for part in model if isinstance(part, torch.nn.BatchNorm1d)]"),
    "first image only": ("model(images)", "model(images[:1])"),
    "answers, not scores": ("return model(images)", "return model(images).argmax(1)"),
}
