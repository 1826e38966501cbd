"""What the checker of `plateau_rates` must accept and reject."""

import math


def right_loop(losses, rate, factor, patience):
    best, waited, rates = math.inf, 0, []
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            rate, waited = rate * factor, 0
        rates.append(rate)
    return rates


def right_class(losses, rate, factor, patience):
    class State:
        best, waited, falls = float("inf"), 0, 0

    def step(loss):
        State.waited = 0 if loss < State.best else State.waited + 1
        State.best = min(State.best, loss)
        if State.waited == patience + 1:
            State.falls, State.waited = State.falls + 1, 0
        return rate * factor**State.falls

    return [step(loss) for loss in losses]


def right_recursive(losses, rate, factor, patience, best=1e300, waited=0):
    if not losses:
        return []
    first, rest = losses[0], losses[1:]
    waited = 0 if first < best else waited + 1
    if waited > patience:
        rate, waited = rate * factor, 0
    return [rate] + right_recursive(rest, rate, factor, patience, min(best, first), waited)


WRONG = {
    "one epoch early": ("waited > patience", "waited >= patience"),
    "one epoch late": ("waited > patience", "waited > patience + 1"),
    "equal is better": ("loss < best", "loss <= best"),
    "count not reset after a fall": ("rate, waited = rate * factor, 0", "rate = rate * factor"),
    "count not reset by a better loss": ("best, waited = loss, 0", "best = loss"),
    "compares with the last loss": ("        if waited > patience:",
                                    "        best = loss\n        if waited > patience:"),
    "falls once only": ("rate * factor, 0", "0.8 * factor, 0"),
    "rate before the step": ("return rates", "return [0.8] + rates[:-1]"),
    "divides": ("rate * factor", "rate / factor"),
    "never falls": ("rate * factor, 0", "rate, 0"),
}
