# %% tags=["hidden"]
from scipy.special import softmax

from mgutils.course.exercises import check
from mgutils.evaluation.probes import linear_probe
from mgutils.metrics.cosine import emergent

# %% [markdown]
# ### Exercise: a batch in which cameras are off
# *Core. Medium, 20 minutes.* Write `loss_of_both(a, b, has_a, has_b, temperature)`, the loss of section 2 for a batch
# in which some clips lack a camera. `a` and `b` (B, D) are the embeddings, `has_a` and `has_b` (B,) say which clips
# have them. Compare only rows that have both: length one, cosines over the temperature, cross entropy of the rows and
# of the columns with the diagonal as the right answers, the mean over the rows that take part, and the mean of both
# directions. What stands in a row that lacks one may be anything, also NaN, and must reach neither the loss nor its
# gradient. Training goes on where no row has both: return 0 then, as a tensor that hangs on `a` and on `b`, so that
# both get a gradient of 0. You will see what zeros that count do to the loss of 32 clips.

# %% tags=["solution"]
def loss_of_both(a: torch.Tensor, b: torch.Tensor, has_a: torch.Tensor, has_b: torch.Tensor,
                 temperature: float) -> torch.Tensor:
    """(B, D), (B, D), (B,) bool, (B,) bool -> InfoNCE of the rows that have both."""
    # Hint: `a[has_a & has_b]` has the rows that count. Do this before anything else: 0 x NaN is NaN.
    # Hint: The sum over no rows is 0, and has a gradient.
    both = has_a & has_b
    a = a[both]
    b = b[both]
    if len(a) == 0:
        return a.sum() + b.sum()
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    own = torch.arange(len(a))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

# %%
if check("loss_of_both", loss_of_both):
    chance = torch.Generator().manual_seed(seed)
    colour = torch.randn(32, 64, generator=chance)
    depths = colour + 1.5 * torch.randn(32, 64, generator=chance)
    every = torch.ones(32, dtype=torch.bool)
    for off in (0, 8, 16, 24, 32):
        on = torch.arange(32) >= off
        zeros = torch.where(on[:, None], depths, 0)
        counted = loss_of_both(colour, zeros, every, every, 0.1)
        left_out = loss_of_both(colour, zeros, every, on, 0.1)
        print(f"{off:2} of 32 depth cameras off: zeros that count {counted:.2f}, left out {left_out:.2f}")

# %% [markdown]
# ### Exercise: a place among equals
# *Core. Medium, 25 minutes.* Write `ranks_with_ties(scores, text)`. Row i of `scores` (N, N) has the scores of clip i
# for all N captions; caption i is its own. `text` (N,) has a number for the text of each caption: captions of one
# number are equal. Return two things. **First**, the rank of each clip's *own* caption (N,): 1 is the best, and of a
# tie it takes the mean of all places, since every order is as likely. **Second**, R@1, a number in 0..1: how often the
# first caption has the clip's text, whichever caption of that text it is. If several share the highest score, a coin
# takes one of them, so that a clip counts with a part; then comes the mean over the clips. You will see that an R@1
# over class texts is an old acquaintance.

# %% tags=["solution"]
def ranks_with_ties(scores: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, float]:
    """(N, N), (N,) -> expected ranks of the own captions (N,), and R@1 where equal texts are right."""
    # Hint: `np.diag(scores)[:, None]` has the scores of the own captions as a column. Count who is above, who is equal.
    # Hint: `scores == scores.max(axis=1, keepdims=True)` marks who may come first; of these, which part has the text?
    own = np.diag(scores)[:, None]
    above = (scores > own).sum(axis=1)
    others = (scores == own).sum(axis=1) - 1
    first = scores == scores.max(axis=1, keepdims=True)
    right = first & (text[:, None] == text)
    return 1 + above + others / 2, (right.sum(axis=1) / first.sum(axis=1)).mean()

# %%
if check("ranks_with_ties", ranks_with_ties):
    cameras_of_star = tables.spaces_of(dataset, runs["star"])[0]
    colour, depths = cameras_of_star["rgb"], cameras_of_star["depth"]
    by_class = emergent(colour.train, colour.train_target, depths.valid, len(dataset.labels))  # (N, C)
    text = depths.valid_target
    for name, scores in {"the star, depth": by_class[:, text], "a perfect model": text[:, None] == text,
                         "a model that scores all alike": np.zeros((len(text), len(text)))}.items():
        rank, recall = ranks_with_ties(np.asarray(scores, dtype=float), text)
        print(f"{name}: median rank {np.median(rank):.1f} of {len(text)}, R@1 {recall:.1%}")
    print(f"emergent classes of depth: {(by_class.argmax(axis=1) == text).mean():.1%} right")

# %% [markdown]
# ### Exercise: the mean of those who are there
# *Easy, 15 minutes.* Write `mean_of_present(logits, present)`, the head that needs no training. `logits` (N, M, C) are
# what M single probes say of N clips, `present` (N, M) which of the M cameras were on. Make each camera's logits
# probabilities, and return for each clip the mean of those that were on, (N, C): each row sums to 1. What stands where
# a camera was off means nothing, and may be NaN. Where all were off, every class gets 1 / C. You will see which
# mistake changes the answers, and which one only how sure they are.

# %% tags=["solution"]
def mean_of_present(logits: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(N, M, C), (N, M) bool -> mean of the probabilities that are there (N, C)."""
    # Hint: The softmax comes first, over the last axis; the mean comes after it.
    # Hint: `np.where(present[..., None], probabilities, 0)` leaves no NaN; `* present[..., None]` does.
    power = np.exp(logits - logits.max(axis=2, keepdims=True))
    probabilities = power / power.sum(axis=2, keepdims=True)
    total = np.where(present[..., None], probabilities, 0).sum(axis=1)
    count = present.sum(axis=1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), 1 / logits.shape[2])

# %%
if check("mean_of_present", mean_of_present):
    star_run, some = runs["star"][0], split.train[:1000]
    voices = np.stack([linear_probe(star_run.arrays[name][some], dataset.target[some],
                                    star_run.arrays[name][split.valid], len(dataset.labels))
                       for name in star_run.config.model.modalities], axis=1)  # (N, M, C)
    on = np.random.default_rng(seed).uniform(size=voices.shape[:2]) < 0.5
    count = on.sum(axis=1, keepdims=True)
    fair = mean_of_present(voices, on)
    logarithms = np.where(on[..., None], np.maximum(voices, -50), 0).sum(axis=1) / np.maximum(count, 1)
    rows = {"mean of probabilities": fair, "divided by all four": fair * count / on.shape[1],
            "softmax of the mean": softmax(logarithms, axis=1)}
    for name, said in rows.items():
        right = (said.argmax(axis=1) == dataset.target[split.valid]).mean()
        print(f"{name}: {right:.1%} right, on average {said.max(axis=1).mean():.0%} sure")

# %% [markdown]
# ### Exercise: the loss of what is hidden
# *Medium, 25 minutes.* Write `hidden_patch_loss(video, guessed, hidden, frames, side)` for one video (T, H, W, C), as
# clips are stored: the colours are the last axis here. Cut it into N blocks of `frames` frames and `side` x `side`
# pixels. Patches are counted across first, then down, then in time; so are the pixels of a patch, and the C colours of
# a pixel stand side by side: a patch is a row of `frames * side * side * C` numbers. `guessed` has the shape of the
# patches and `hidden` (N,) says which of them were hidden. Return the patches, and the mean of the squared errors over
# all numbers of all hidden patches. A guess of a patch that was not hidden means nothing, and may be NaN. You will see
# what the right numbers cost in the wrong order, beside one grey value for each patch.

# %% tags=["solution"]
def hidden_patch_loss(video: np.ndarray, guessed: np.ndarray, hidden: np.ndarray, frames: int,
                      side: int) -> tuple[np.ndarray, float]:
    """(T, H, W, C), (N, n), (N,) bool, size of a block -> patches (N, n), mean squared error of the hidden ones."""
    # Hint: `reshape` cuts an axis in two: T becomes T / frames and frames. `transpose` brings what is cut to the end.
    # Hint: `guessed[hidden]` has the rows that count; the mean is over these.
    time, height, width, colours = video.shape
    parts = video.reshape(time // frames, frames, height // side, side, width // side, side, colours)
    patches = parts.transpose(0, 2, 4, 1, 3, 5, 6).reshape(len(hidden), -1)
    return patches, ((guessed[hidden] - patches[hidden]) ** 2).mean()

# %%
if check("hidden_patch_loss", hidden_patch_loss):
    clip = depth_as_float(load_modality(dataset, "depth")[:8])[..., None]  # (8, S, S, 1), metres
    count = clip.size // (2 * 8 * 8)
    away = np.random.default_rng(seed).permutation(count) < 3 * count // 4
    true, nothing = hidden_patch_loss(clip, np.zeros((count, 128)), away, 2, 8)
    guesses = {"one grey value for each patch": np.repeat(true.mean(axis=1, keepdims=True), 128, axis=1),
               "the right numbers in the order of memory": clip.reshape(count, 128)}
    for name, guess in guesses.items():
        print(f"{name}: {hidden_patch_loss(clip, guess, away, 2, 8)[1]:.3f}; zeros cost {nothing:.3f}")
