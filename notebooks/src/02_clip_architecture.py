# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 CLIP architecture: two encoders, one space
#
# **You will be able to**
# * draw the model from memory and write the shape of every arrow;
# * count the parameters of a projection head by hand;
# * compute the similarity matrix of a batch and read an answer off it;
# * say what temperature and normalisation do to the probabilities, and why they belong together.
#
# **Needs** notebook 01 (the data). Nothing is trained and nothing is downloaded: all weights here are random. It takes
# less than a minute in every profile.

# %% tags=["parameters"]
profile = "cpu"
data_root = "../data/cpu"
seed = 0
out_dir = "../out/cpu"

# %%
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image

from mgutils.config import OBJECTIVES, PROFILES, get_profile
from mgutils.data.table import read_dataset
from mgutils.losses import similarity_logits
from mgutils.models.clip import VisualTextModel, build_model
from mgutils.models.encoders import (
    ImageEncoder,
    ProjectionHead,
    TextEncoder,
    as_images,
    count_parameters,
    make_tokenizer,
    tokenize,
)
from mgutils.report.figures.data import middle_frame, read_image
from mgutils.report.figures.framework import clip_architecture, framework
from mgutils.report.figures.model import similarity_matrix, temperature_effect
from mgutils.style import save, use_style

# %%
use_style()
torch.manual_seed(seed)
figure_dir = Path(out_dir) / "figures"
settings = get_profile(profile)
if settings.synth is not None and not Path(data_root).exists():
    from mgutils.synth.dataset import make_dataset

    make_dataset(settings.synth, data_root)
dataset = read_dataset(data_root)
print(f"{len(dataset)} images, {len(dataset.labels)} captions")

# %% [markdown]
# ## 1. The idea in two drawings
#
# CLIP (Radford et al. 2021) puts images and texts into one space. In training, a batch has N images and their N
# captions. All N x N pairs are compared, and the N true ones should win. Afterwards the captions of the classes *are*
# the classifier: an image gets the class whose caption is nearest. This is the report's Figure 2.

# %%
figure_2 = clip_architecture()
save(figure_2, figure_dir / "report_figure_2.png")
figure_2

# %% [markdown]
# The report's own framework, its Figure 3, is the same with particular parts: ResNet-50 for images, DistilBERT for
# captions, a projection head behind each, and a target matrix that knows which captions are equal. We draw it with a
# batch of four of our images, two of which share a class.

# %%
def another(row: int) -> int:
    """An image of the same class from another clip."""
    same_class = dataset.frames["class_id"] == dataset.frames.at[row, "class_id"]
    return int(np.flatnonzero(same_class & (dataset.frames["clip_id"] != dataset.frames.at[row, "clip_id"]))[0])

batch_ids = [17, 11, 17, 28]  # folding arms, touching jaw, folding arms, head up
batch = [middle_frame(dataset, class_id) for class_id in batch_ids]
batch[2] = another(batch[0])
figure_3 = framework([dataset.labels.display[class_id - 1] for class_id in batch_ids],
                     [read_image(dataset, row) for row in batch])
save(figure_3, figure_dir / "framework_with_images.png")
figure_3

# %% [markdown]
# The rest of this notebook walks through Figure 3 from left to right, and checks every number on it.
#
# ## 2. From pixels and letters to 256 numbers
#
# **Image encoder.** ResNet-50 without its classifier. The weights are random, since shapes do not depend on them. We
# feed it two images of 224 x 224 and write down what leaves each stage.

# %%
def load(rows: list[int]) -> torch.Tensor:
    """The images of some rows, 224 x 224, normalised: (B, 3, 224, 224)."""
    images = [Image.fromarray(read_image(dataset, row)) for row in rows]
    return as_images(torch.from_numpy(np.stack([np.asarray(image.resize((224, 224))) for image in images])))

image_encoder = ImageEncoder("resnet50", pretrained=False).eval()
images = load(batch[:2])
print(tuple(images.shape))

# %%
state = images  # (2, 3, 224, 224)
with torch.no_grad():
    for stage, layer in image_encoder.model.named_children():
        state = layer(state)
        print(f"{stage:12s} {tuple(state.shape)}")
    features = image_encoder(images)
assert torch.equal(state, features) and features.shape == (2, 2048)

# %% [markdown]
# Each of the four layers halves the picture or keeps it, and widens the features. At the end, 7 x 7 places are averaged
# into one vector of 2048 numbers. *Where* in the picture something was is gone by then, except as far as the features
# themselves say so. That is worth remembering when a gesture is a hand at the jaw rather than at the neck.

# %%
print(f"ResNet-50 without classifier: {count_parameters(image_encoder):,} parameters")
assert count_parameters(image_encoder) == 23_508_032 and image_encoder.width == 2048

# %% [markdown]
# **Tokenizer.** A text encoder does not read letters. The tokenizer cuts a caption into pieces from a fixed list and
# gives each its number. DistilBERT's own list has 30,522 pieces and must be downloaded; ours is made from the 32
# captions.

# %%
tokenizer = make_tokenizer("scratch", dataset.labels.names)
caption = dataset.labels.names[11 - 1]
numbers = tokenizer(caption)["input_ids"]
print(repr(caption), "->", tokenizer.convert_ids_to_tokens(numbers), "->", numbers)

# %% [markdown]
# `[CLS]` opens every caption and `[SEP]` closes it. Shorter captions are filled up with `[PAD]`, and a mask says which
# tokens are real. Capitals and trailing spaces, on which notebook 01 stumbled, are gone.

# %%
assert tokenizer(caption.upper() + "  ")["input_ids"] == numbers
tokens = tokenize(tokenizer, dataset.labels.names)  # both (32, L)
lengths = tokens["attention_mask"].sum(dim=1)
print(f"{tuple(tokens['input_ids'].shape)}: captions of {lengths.min()} to {lengths.max()} tokens")

# %% [markdown]
# **Text encoder.** DistilBERT turns each token into 768 numbers and lets the tokens of a caption look at one another,
# six times. Only what stands at `[CLS]` is kept.

# %%
text_encoder = TextEncoder("distilbert-base-uncased", pretrained=False).eval()
with torch.no_grad():
    states = text_encoder.model(**tokens, output_hidden_states=True).hidden_states
    text_features = text_encoder(**tokens)
print(f"embedding and {len(states) - 1} layers, each {tuple(states[0].shape)}; kept: {tuple(text_features.shape)}")
assert len(states) == 7 and states[-1].shape[-1] == text_encoder.width == 768
assert torch.allclose(states[-1][:, 0], text_features, atol=1e-5)

# %% [markdown]
# It is by far the largest part of the model, and it reads 32 different sentences in its whole life here.

# %%
print(f"DistilBERT: {count_parameters(text_encoder):,} parameters")
assert count_parameters(text_encoder) == 66_362_880 > 2 * count_parameters(image_encoder)

# %% [markdown]
# **Projection heads.** 2048 and 768 numbers cannot be compared. A head brings each to 256. It first projects, then
# refines what it projected, and adds both.

# %%
head = ProjectionHead(2048).eval()
with torch.no_grad():
    projected = head.projection(features)        # (2, 2048) -> (2, 256)
    refined = head.fc(head.gelu(projected))      # (2, 256) -> (2, 256)
    embedding = head.layer_norm(refined + projected)
assert torch.equal(embedding, head(features))
print(tuple(features.shape), "->", tuple(projected.shape), "->", tuple(embedding.shape))

# %% [markdown]
# Dropout is missing above because the head is in evaluation mode. How many parameters has it? Two linear layers with
# biases, and a LayerNorm with a factor and a shift for each of its 256 numbers.

# %%
def head_size(width: int, projection: int = 256) -> int:
    """Parameters of a projection head, counted by hand."""
    return (width * projection + projection) + (projection * projection + projection) + 2 * projection

print(f"image head {head_size(2048):,}, text head {head_size(768):,}")
assert head_size(2048) == count_parameters(ProjectionHead(2048)) == 590_848
assert head_size(768) == count_parameters(ProjectionHead(768)) == 263_168

# %% [markdown]
# The head ends in a LayerNorm, which brings the 256 numbers to mean 0 and variance 1: their squares add up to 256, so
# the length is 16 (a little less, because LayerNorm adds 0.00001 to the variance lest it divide by zero). That holds
# as long as its factors are 1 and its shifts 0, which is where they begin. Training moves them, and the lengths stay
# near 16. Section 5 needs that.

# %%
print("lengths:", embedding.norm(dim=1).tolist())
assert torch.allclose(embedding.norm(dim=1), torch.tensor(16.0), atol=0.1)

# %% [markdown]
# ## 3. From two embeddings to an answer
#
# Put together, the parts are one model. Here it is at the report's settings: embeddings as they leave the heads,
# divided by a temperature of 0.05.

# %%
model = VisualTextModel(image_encoder, text_encoder, normalize=False, temperature=0.05).eval()
with torch.no_grad():
    image_embeddings = model.encode_image(load(batch))  # (4, 256)
    caption_embeddings = model.encode_text(**tokens)        # (32, 256)
logits = similarity_logits(image_embeddings, caption_embeddings, model.temperature)
print(tuple(image_embeddings.shape), "x", tuple(caption_embeddings.T.shape), "->", tuple(logits.shape))
assert logits.shape == (4, 32)

# %% [markdown]
# A row has one score per caption. A softmax makes probabilities of it, and the largest is the answer. In training, the
# columns are the captions of the batch instead of the 32 classes, and the softmax is taken once over rows (*which
# caption fits this image?*) and once over columns (*which image fits this caption?*).

# %%
pairs = logits[:, [class_id - 1 for class_id in batch_ids]]  # (4, 4): the batch against its own captions
over_rows, over_columns = pairs.softmax(dim=1), pairs.softmax(dim=0)
assert torch.allclose(over_rows.sum(dim=1), torch.ones(4)) and torch.allclose(over_columns.sum(dim=0), torch.ones(4))
short = [dataset.labels.display[class_id - 1] for class_id in batch_ids]
batch_figure = similarity_matrix(pairs, short, short, digits=0, mark=np.equal.outer(batch_ids, batch_ids),
                                 name="logit", title="a batch, before training")
batch_figure

# %% [markdown]
# The framed cells are pairs that belong together: the diagonal, and two more, because two images have the same caption.
# Their columns are equal, number for number, since equal captions have equal embeddings. An identity target would ask
# for two different answers from two equal columns. Notebook 04 works out what that does.

# %%
assert torch.equal(pairs[:, 0], pairs[:, 2])
print("first and third column:", pairs[:, 0].tolist(), pairs[:, 2].tolist())

# %% [markdown]
# ## 4. The space before training
#
# Eight images against all captions. We use the cosine, the dot product of vectors brought to length one, so that only
# the direction counts.

# %%
shown = [24, 11, 12, 13, 17, 3, 28, 31]
with torch.no_grad():
    eight = model.encode_image(load([middle_frame(dataset, class_id) for class_id in shown]))  # (8, 256)
unit_images, unit_captions = F.normalize(eight, dim=1), F.normalize(caption_embeddings, dim=1)
cosines = unit_images @ unit_captions.T  # (8, 32)
before = similarity_matrix(cosines, [dataset.labels.display[class_id - 1] for class_id in shown],
                           dataset.labels.display, name="cosine", title="eight images, 32 captions, before training")
save(before, figure_dir / "similarity_before_training.png")
before

# %% [markdown]
# Whole columns or whole rows are lighter or darker than others. What is missing is a pattern that follows the gestures:
# look at the colour bar, all values lie close together. The reason is in the first two of the next three numbers.

# %%
def mean_cosine(unit: torch.Tensor) -> float:
    """Mean cosine between different rows of unit vectors (N, D)."""
    matrix = unit @ unit.T
    return float(matrix[~torch.eye(len(matrix), dtype=torch.bool)].mean())

print(f"between images {mean_cosine(unit_images):.2f}, between captions {mean_cosine(unit_captions):.2f}, "
      f"between an image and a caption {cosines.mean():.2f}")
assert mean_cosine(unit_images) > 0.9 and mean_cosine(unit_captions) > 0.9
assert cosines.std() < 0.1

# %% [markdown]
# An untrained encoder gives nearly the same vector to everything: all images lie in one narrow cone, all captions in
# another. Training must do two things at once, turn the cones towards one another and spread them out. A loss that only
# does the first ends with everything in one place. That is called *collapse*, and notebook 06 looks for it.
#
# ## 5. Temperature and length
#
# The temperature divides the scores before the softmax. A small one makes small differences count. We take one row of
# ten cosines.

# %%
ten = [class_id - 1 for class_id in (24, 11, 12, 13, 17, 3, 28, 31, 6, 32)]
effect = temperature_effect(cosines[0, ten], [1, 0.07, 0.05 / 256], [dataset.labels.display[index] for index in ten])
save(effect, figure_dir / "temperature_effect.png")
effect

# %% [markdown]
# The cosines are the same in all three panels. At temperature 1 the model is undecided whatever it saw: a cosine is at
# most 1, so even a perfect match cannot get far ahead. At 0.07 it begins to lean. At the third temperature it is
# certain, and it has learned nothing at all. First the left panel: how sure could a perfect model become among 32
# captions, if the right one had cosine 1 and all others 0?

# %%
def surest(temperature: float, classes: int = 32) -> float:
    """Probability of a caption with cosine 1 among others with cosine 0."""
    return 1 / (1 + (classes - 1) * math.exp(-1 / temperature))

print(f"temperature 1: {surest(1):.2f}; temperature 0.07: {surest(0.07):.5f}")
assert surest(1) < 0.1 and surest(0.07) > 0.9999

# %% [markdown]
# Now the right panel. Why 0.05 / 256? Because the report divides by 0.05 *without* bringing the vectors to length one.
# Two vectors of length 16 have a dot product of 256 times their cosine. So its logits are those of a cosine softmax at
# temperature 0.05 / 256, which is 0.0002.

# %%
as_cosine = similarity_logits(unit_images, unit_captions, 0.05 / 256)
as_run = similarity_logits(eight, caption_embeddings, 0.05)
print(f"largest difference {100 * ((as_run - as_cosine).abs().max() / as_run.abs().max()):.1f} % of the largest logit; "
      f"0.05 / 256 = {0.05 / 256:.4f}")
assert torch.allclose(as_run, as_cosine, rtol=0.03, atol=5) and round(0.05 / 256, 4) == 0.0002

# %% [markdown]
# The small difference is the LayerNorm's guard against division by zero. What does this do to an untrained model? We
# compare three settings: the report's; that of Shariatnia's code, on which the report builds; and the *sound* one,
# which brings the vectors to length one (one says, *L2-normalises* them), as CLIP does.

# %%
certainty = pd.Series({
    "report: lengths as they are, temperature 0.05": as_run.softmax(dim=1).max(dim=1).values.mean().item(),
    "Shariatnia: lengths as they are, temperature 1": (as_run * 0.05).softmax(dim=1).max(dim=1).values.mean().item(),
    "sound: length one, temperature 0.07": (cosines / 0.07).softmax(dim=1).max(dim=1).values.mean().item(),
    "guessing": 1 / 32}, name="mean probability of the first answer")
certainty.round(3).to_frame()

# %% [markdown]
# At the report's settings an untrained model is all but certain of its answers, and at the sound ones it starts near
# guessing. How good are the certain answers?

# %%
assert certainty.iloc[0] > 0.8 and certainty.iloc[2] < 0.1
answers = as_run.argmax(dim=1)
right = int((answers == torch.tensor(shown) - 1).sum())
print("answers to eight different images:", {dataset.labels.display[index] for index in answers.tolist()})
print(f"right: {right} of {len(shown)}")

# %% [markdown]
# Being certain and wrong is the worst place to start from. A softmax that puts nearly all weight on one answer is
# *saturated*: a loss that cannot exceed some value, as the real Jensen-Shannon divergence, then has hardly a
# gradient. Cross entropy has the gradient $p_j$ on each wrong logit $j$, and all of them together sum to at most 1.
# Saturated, it still pushes the leading wrong logit down and the right one up, each with a gradient of about 1. The
# division by 0.05 makes that 20 at the embeddings.

# %% [markdown]
# So normalisation and temperature belong together. With vectors of length one, CLIP learns its temperature and keeps it
# above 0.01. With vectors of length 16, the same range of logits would need a temperature 256 times as large.

# %%
learned = replace(OBJECTIVES["sound_ce"], learn_temperature=True)
tiny, _ = build_model(PROFILES["cpu"].model, learned, dataset.labels.names)
with torch.no_grad():
    tiny.log_temperature.fill_(math.log(0.0001))
tiny.limit_temperature()  # the training loop does this after every step
kept = tiny.temperature.item()
print(f"asked for 0.0001, got {kept:.4f}")
assert math.isclose(kept, 0.01, rel_tol=1e-5)

# %% [markdown]
# ## 6. The same model, small
#
# The report's model has about 91 million parameters. The `cpu` profile trains one of the same design that is more than
# a hundred times smaller: a ResNet with one block in each stage where ResNet-18 has two, and narrow (it ends in 128
# features); and a DistilBERT of two layers, 64 wide. The heads are built alike and read fewer numbers; the shared space
# and the losses are the same.

# %%
small, small_tokenizer = build_model(PROFILES["cpu"].model, OBJECTIVES["sound_ce"], dataset.labels.names)
parts = ["image_encoder", "text_encoder", "image_projection", "text_projection"]
sizes = pd.DataFrame({name: {part: count_parameters(getattr(network, part)) for part in parts}
                      for name, network in (("report", model), ("cpu profile", small))})
sizes.loc["total"] = sizes.sum()
sizes

# %%
total = sizes.loc["total"]
assert round(total["report"] / 1e6) == 91 and 100 < total["report"] / total["cpu profile"] < 200
print(f"{total['report']:,} against {total['cpu profile']:,} parameters")

# %% [markdown]
# Its embeddings have 256 numbers too, and with `normalize=True` they have length one.

# %%
two = tokenize(small_tokenizer, [dataset.labels.name(class_id) for class_id in (17, 11)])
with torch.no_grad():
    image, text = small.eval()(images, **two)
print(tuple(image.shape), tuple(text.shape), image.norm(dim=1).tolist())
assert image.shape == text.shape == (2, 256) and torch.allclose(image.norm(dim=1), torch.ones(2), atol=1e-5)

# %% [markdown]
# ## What we showed
#
# * Images become 2048 numbers, captions 768, and both 256; the heads have 590,848 and 263,168 parameters (section 2).
# * One matrix product compares every image with every caption, and equal captions have equal columns (section 3).
# * Before training, everything lies in two narrow cones (section 4).
# * Without normalisation, temperature 0.05 is a cosine temperature of 0.0002; untrained, it is certain (section 5).

# %%
assert (image_encoder.width, text_encoder.width, caption_embeddings.shape[1]) == (2048, 768, 256)
assert sizes.loc["image_projection", "report"] == 590_848 and sizes.loc["text_projection", "report"] == 263_168
assert certainty.iloc[0] > 10 * certainty.iloc[2]
print("all claims hold")

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Easy ones take some ten
# minutes, the project about an hour. Write the steps yourself; the kit's own functions do not count.

# %%
from mgutils.course.exercises import check

# %% [markdown]
# ### Exercise: the cosine matrix
# *Easy, 10 minutes.* Write `cosine_matrix(images, texts)` for embeddings (B, D) and (C, D) of any length. Row i,
# column j of the answer (B, C) is the cosine between image i and text j.
# *It should show* the picture of section 4, from three lines.

# %% tags=["solution"]
def cosine_matrix(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """(B, D), (C, D) -> (B, C) cosines."""
    # Hint: bring every row to length one, then one matrix product does the rest.
    images = images / images.norm(dim=1, keepdim=True)
    texts = texts / texts.norm(dim=1, keepdim=True)
    return images @ texts.T

# %%
if check("cosine_matrix", cosine_matrix):
    print("largest difference from section 4:", (cosine_matrix(eight, caption_embeddings) - cosines).abs().max().item())

# %% [markdown]
# ### Exercise: a projection head's forward pass
# *Medium, 20 minutes.* Write `project(x, w1, b1, w2, b2, gain, shift)`, a head in evaluation mode, from its weights:
# project `x` (B, W) with `w1` (D, W) and `b1`; refine by GELU and a second linear layer; add what was projected; end
# in a LayerNorm over the D numbers of each row (eps 1e-5), with a factor and a shift for each number.
# *It should show* the 256 numbers of section 2, equal to the last digits.

# %% tags=["solution"]
def project(x: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor,
            gain: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """(B, W) features -> (B, D) embeddings."""
    # Hint: `F.linear(x, w, b)` is x wᵀ + b. `F.gelu` and `F.layer_norm` are there too.
    projected = F.linear(x, w1, b1)
    refined = F.linear(F.gelu(projected), w2, b2)
    return F.layer_norm(refined + projected, (len(gain),), gain, shift)

# %%
if check("project", project):
    weights = [head.projection, head.fc, head.layer_norm]
    by_hand = project(features, *(part for layer in weights for part in (layer.weight.detach(), layer.bias.detach())))
    print("largest difference from section 2:", (by_hand - embedding).abs().max().item())

# %% [markdown]
# ### Exercise: find the wrong line, padding
# *Easy, 10 minutes.* `zoo_pooling` shall take the mean of a caption's token states (B, L, D) over its real tokens;
# the mask (B, L) is 1 for a token and 0 for `[PAD]`. It runs, and its numbers look harmless. Find the wrong line.
# *It should show* that a caption's embedding must not depend on the longest caption of its batch.

# %% tags=["solution"]
def zoo_pooling(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, L, D), (B, L) -> (B, D), the mean over real tokens."""
    weights = mask[..., None].to(states.dtype)
    # student: weights = torch.ones_like(states[..., :1])
    summed = (states * weights).sum(dim=1)
    return summed / weights.sum(dim=1)

# %%
if check("zoo_pooling", zoo_pooling):
    pooled = F.normalize(zoo_pooling(states[-1], tokens["attention_mask"]), dim=1)
    first = F.normalize(text_features, dim=1)
    print(f"mean cosine between captions: [CLS] {mean_cosine(first):.3f}, mean over tokens {mean_cosine(pooled):.3f}")

# %% [markdown]
# ### Project: a classifier from several sentences
# *Project, 60 minutes.* One class can be described by several sentences. Write `zero_shot(images, texts,
# temperature)` for images (B, D) and sentences (C, K, D), K for each class. Bring every sentence to length one, take
# the mean of a class's sentences, bring that to length one, compare with the images by cosine, divide by the
# temperature, and return the probabilities (B, C).
# *It should show* how CLIP turns prompts into a classifier; with random weights it is still close to guessing.

# %% tags=["solution"]
def zero_shot(images: torch.Tensor, texts: torch.Tensor, temperature: float) -> torch.Tensor:
    """(B, D), (C, K, D) -> (B, C) probabilities."""
    # Hint: two normalisations for the texts, one for the images. `dim=-1` is the axis of the D numbers.
    classes = F.normalize(F.normalize(texts, dim=-1).mean(dim=1), dim=-1)  # (C, D)
    cosine = F.normalize(images, dim=-1) @ classes.T  # (B, C)
    return (cosine / temperature).softmax(dim=1)

# %%
if check("zero_shot", zero_shot):
    prompts = ["{}", "an athlete, {}", "a photograph of a person {}"]
    sentences = [prompt.format(name.strip().lower()) for name in dataset.labels.names for prompt in prompts]
    with torch.no_grad():
        sentence_embeddings = small.encode_text(**tokenize(small_tokenizer, sentences)).reshape(32, 3, -1)
    print("probability of the first answer:", zero_shot(image, sentence_embeddings, 0.07).max(dim=1).values.tolist())

# %% [markdown]
# ## More to try
#
# 1. *5 minutes.* How many parameters would the image head have with a shared space of 512 dimensions? Predict, then
#    check with `count_parameters`.
# 2. *10 minutes.* Encode the captions "touching jaw" and "Touching Jaw" and "touching a jaw". Which of them are equal,
#    and where in the model does the difference get lost or stay?
# 3. *15 minutes.* Pad the captions to 40 tokens instead of the longest one. Do the text features change? Why, or why
#    not?
# 4. *15 minutes.* Find the temperature at which an untrained model *without* normalisation is about as undecided as the
#    sound one.
#
# ## Further reading
#
# * Radford et al. 2021, *Learning transferable visual models from natural language supervision*, figures 1 and 3.
# * Shariatnia 2021, *Simple implementation of OpenAI CLIP model*: the code that the report builds on.
# * Wang and Liu 2021, *Understanding the behaviour of contrastive loss*: what the temperature does to the gradient.
# * Next: notebook 04 asks what the report's loss functions really are.
