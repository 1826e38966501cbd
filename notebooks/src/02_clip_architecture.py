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

# %% tags=["hidden"]
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image

from mgutils.config import OBJECTIVES, PROFILES, get_profile
from mgutils.course.slider import TemperatureSlider
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
from mgutils.report.figures.model import directions, similarity_matrix
from mgutils.style import save, use_style

# %% tags=["hidden"]
use_style()
torch.manual_seed(seed)
figure_dir = Path(out_dir) / "figures"
settings = get_profile(profile)
if settings.synth is not None and not Path(data_root).exists():
    from mgutils.synth.dataset import make_dataset
    make_dataset(settings.synth, data_root)
dataset = read_dataset(data_root)

# %% [markdown]
# ## 1. The idea in two drawings
#
# CLIP (Radford et al. 2021) puts images and texts into one space. In training, a batch has N images and their N
# captions. All N x N pairs are compared, and the N true ones should win. Afterwards the captions of the classes *are*
# the classifier: an image gets the class whose caption is nearest. This is the report's Figure 2.

# %% alt="CLIP: N images and N captions are encoded, all pairs compared; then captions classify an image" tags=["hidden"]
figure_2 = clip_architecture()
save(figure_2, figure_dir / "report_figure_2.png")
figure_2

# %% [markdown]
# The report's own framework, its Figure 3, is the same with particular parts: ResNet-50 for images, DistilBERT for
# captions, a projection head behind each, and a target matrix that knows which captions are equal. We draw it with a
# batch of four of our images, two of which share a class. The logits are still empty: section 3 computes them.

# %% alt="The report's Figure 3 with four images: encoders, heads, empty logits, a target matrix" tags=["hidden"]
def another(row: int) -> int:
    """An image of the same class from another clip."""
    same_class = dataset.frames["class_id"] == dataset.frames.at[row, "class_id"]
    return int(np.flatnonzero(same_class & (dataset.frames["clip_id"] != dataset.frames.at[row, "clip_id"]))[0])

batch_ids = [17, 11, 17, 28]  # folding arms, touching jaw, folding arms, head up
batch = [middle_frame(dataset, class_id) for class_id in batch_ids]
batch[2] = another(batch[0])
short = [dataset.labels.display[class_id - 1] for class_id in batch_ids]
pictures = [read_image(dataset, row) for row in batch]
framework(short, pictures)

# %% [markdown]
# The rest of this notebook walks through Figure 3 from left to right, and computes every number on it: the sizes, the
# dropout, the logits and the target matrix.
#
# The heart of it is small. Say that the space had two dimensions instead of 256<!--= caption_embeddings.shape[1] -->.
# Three images and three captions are then six arrows, and all comparisons are one matrix product:

# %%
toy_images = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])  # (3, 2)
toy_captions = torch.tensor([[0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])  # (3, 2)
toy = toy_images @ toy_captions.T  # (3, 2) x (2, 3) -> (3, 3)
print(toy.numpy().round(2))
print("answers:", toy.argmax(dim=1).tolist())

# %% [markdown]
# Row i has the scores of image i. The highest one is its answer, and all three are right. The third image
# gets its own by little, 1.00<!--= toy[2, 2] --> against 0.96<!--= toy[2, 0] -->.
#
# ## 2. From pixels and letters to 256 numbers
#
# **Image encoder.** ResNet-50 without its classifier. The weights are random, since shapes do not depend on them. Two
# images of 224 x 224 go in; we print the shape that leaves each stage.

# %%
def load(rows: list[int]) -> torch.Tensor:
    """The images of some rows, 224 x 224, normalised: (B, 3, 224, 224)."""
    images = [Image.fromarray(read_image(dataset, row)) for row in rows]
    return as_images(torch.from_numpy(np.stack([np.asarray(image.resize((224, 224))) for image in images])))

image_encoder = ImageEncoder("resnet50", pretrained=False).eval()
images = load(batch[:2])
state = images  # (2, 3, 224, 224)
with torch.no_grad():
    for stage, layer in image_encoder.model.named_children():
        state = layer(state)
        print(f"{stage:12s} {tuple(state.shape)}")
    features = image_encoder(images)
assert torch.equal(state, features) and features.shape == (2, 2048)

# %% [markdown]
# Each of the four layers halves the picture or keeps it, and widens the features. At the end, 7 x 7 places are averaged
# into one vector of 2048<!--= image_encoder.width --> numbers. *Where* in the picture something was is gone by then,
# except as far as the features themselves say so. Remember that when a gesture is a hand at the jaw and not at the
# neck.
#
# **Tokenizer.** A text encoder does not read letters. The tokenizer cuts a caption into pieces from a fixed list and
# gives each its number. DistilBERT's own list has 30,522<!--= text_encoder.model.config.vocab_size --> pieces and must
# be downloaded; ours is made from the 32<!--= len(dataset.labels) --> captions.

# %%
tokenizer = make_tokenizer("scratch", dataset.labels.names)
caption = dataset.labels.names[11 - 1]
numbers = tokenizer(caption)["input_ids"]
print(repr(caption), "->", tokenizer.convert_ids_to_tokens(numbers), "->", numbers)

# %% [markdown]
# `[CLS]` opens every caption and `[SEP]` closes it. Shorter captions are filled up with `[PAD]`, and a mask says which
# tokens are real. Capitals are gone, and so are the spaces at the ends of captions, one of the traps of notebook 01.

# %%
assert tokenizer(caption.upper() + "  ")["input_ids"] == numbers
tokens = tokenize(tokenizer, dataset.labels.names)  # both (32, L)
lengths = tokens["attention_mask"].sum(dim=1)
print(f"{tuple(tokens['input_ids'].shape)}: captions of {lengths.min()} to {lengths.max()} tokens")

# %% [markdown]
# **Text encoder.** DistilBERT turns each token into 768<!--= text_encoder.width --> numbers and lets the tokens of a
# caption look at one another, six times. Only the numbers at `[CLS]` are kept.

# %%
text_encoder = TextEncoder("distilbert-base-uncased", pretrained=False).eval()
with torch.no_grad():
    states = text_encoder.model(**tokens, output_hidden_states=True).hidden_states
    text_features = text_encoder(**tokens)
print(f"embedding and {len(states) - 1} layers, each {tuple(states[0].shape)}; kept: {tuple(text_features.shape)}")
assert torch.allclose(states[-1][:, 0], text_features, atol=1e-5)

# %% [markdown]
# DistilBERT is by far the largest part of the model, with 66<!--= count_parameters(text_encoder) / 1e6 --> million
# parameters beside the 24<!--= count_parameters(image_encoder) / 1e6 --> million of ResNet-50. In the report's training
# it reads 32<!--= len(dataset.labels) --> different captions.
#
# **Projection heads.** 2048<!--= image_encoder.width --> and 768<!--= text_encoder.width --> numbers cannot be
# compared. A head brings each to 256<!--= embedding.shape[1] -->. It first projects, then refines the result, and adds
# both.

# %%
head = ProjectionHead(2048).eval()
with torch.no_grad():
    projected = head.projection(features)        # (2, 2048) -> (2, 256)
    refined = head.fc(head.gelu(projected))      # (2, 256) -> (2, 256)
    embedding = head.layer_norm(refined + projected)
assert torch.equal(embedding, head(features))
print(tuple(features.shape), "->", tuple(projected.shape), "->", tuple(embedding.shape))

# %% [markdown]
# The dropout of Figure 3 acts in training only: it sets a random tenth of the refined numbers to zero and stretches the
# others, so that the mean stays.

# %%
ones = torch.ones(100_000)
dropped = head.dropout.train()(ones)
print(f"p = {head.dropout.p}: {(dropped == 0).float().mean():.3f} are zero, the others {dropped.max():.3f}")
assert torch.equal(head.dropout.eval()(ones), ones)

# %% [markdown]
# How many parameters has a head? Two linear layers with biases, and a LayerNorm with a factor and a shift for each of
# its numbers. From three to two numbers that is $(3 \cdot 2 + 2) + (2 \cdot 2 + 2) + 2 \cdot 2 = 18$.

# %%
def head_size(width: int, projection: int = 256) -> int:
    """Parameters of a projection head, counted by hand."""
    return (width * projection + projection) + (projection * projection + projection) + 2 * projection

print(f"image head {head_size(2048):,}, text head {head_size(768):,}")
assert head_size(3, 2) == 18
assert head_size(2048) == count_parameters(ProjectionHead(2048)) == 590_848
assert head_size(768) == count_parameters(ProjectionHead(768)) == 263_168

# %% [markdown]
# The head ends in a LayerNorm, which brings the numbers of an embedding to mean 0 and variance 1. The squares of
# 256<!--= embedding.shape[1] --> such numbers add up to 256<!--= embedding.shape[1] -->, so the length is
# 16<!--= embedding.norm(dim=1).mean() -->. This holds while its factors are 1 and its shifts 0, where they begin.
# Section 5 needs it.

# %%
print("lengths:", embedding.norm(dim=1).tolist())
assert torch.allclose(embedding.norm(dim=1), torch.tensor(16.0), atol=0.1)

# %% [markdown]
# ## 3. From two embeddings to an answer
#
# Put together, the parts are one model. Here it is at the report's settings: embeddings as they leave the heads, dot
# products divided by a temperature of 0.05<!--= model.temperature -->.

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
# columns are the captions of the batch instead of all classes, and the softmax is taken once over rows (*which caption
# fits this image?*) and once over columns (*which image fits this caption?*).

# %% alt="The 4 x 4 logits of the batch as a heat map, the six pairs with equal captions framed"
pairs = logits[:, [class_id - 1 for class_id in batch_ids]]  # (4, 4): the batch against its own captions
over_rows, over_columns = pairs.softmax(dim=1), pairs.softmax(dim=0)
assert torch.allclose(over_rows.sum(dim=1), torch.ones(4)) and torch.allclose(over_columns.sum(dim=0), torch.ones(4))
similarity_matrix(pairs, short, short, digits=0, mark=np.equal.outer(batch_ids, batch_ids),
                  name="logit", title="a batch, before training")

# %% [markdown]
# The framed cells are pairs that belong together: the diagonal, and two more, because two images have the same caption.
# The logits lie between −653<!--= pairs.min() --> and −379<!--= pairs.max() -->. They are that large because the
# vectors are long and the temperature is small; section 5 says what follows. The framed cells do not stand
# out.<!--? pairs[np.equal.outer(batch_ids, batch_ids)].mean() < pairs.mean() + pairs.std() / 2 --> What stands out is
# the first row and the last column: that image scores high with every caption, that caption with every
# image.<!--? pairs.mean(dim=1).argmax() == 0 and pairs.mean(dim=0).argmax() == 3 -->
#
# Two columns are equal, number for number, since equal captions have equal embeddings. An identity target would ask for
# two different answers from two equal columns. Notebook 04 works out what that does.

# %% alt="The report's Figure 3 with four images, now with the logits that the model computes"
assert torch.equal(pairs[:, 0], pairs[:, 2])
figure_3 = framework(short, pictures, pairs)
save(figure_3, figure_dir / "framework_with_images.png")
figure_3

# %% [markdown]
# ## 4. The space before training
#
# Eight images against their eight captions. We use the cosine, the dot product of vectors brought to length one, so
# that only the direction counts. **Predict:** will the framed cells, the right pairs, be darker than the others?

# %% alt="Cosines of eight images and their eight captions before training: the framed diagonal does not stand out"
shown = [24, 11, 12, 13, 17, 3, 28, 31]
own = [class_id - 1 for class_id in shown]
with torch.no_grad():
    eight = model.encode_image(load([middle_frame(dataset, class_id) for class_id in shown]))  # (8, 256)
unit_images, unit_captions = F.normalize(eight, dim=1), F.normalize(caption_embeddings, dim=1)
cosines = unit_images @ unit_captions.T  # (8, 32)
names = [dataset.labels.display[index] for index in own]
before = similarity_matrix(cosines[:, own], names, names, digits=2, mark=np.eye(len(own), dtype=bool), name="cosine",
                           title="eight images and their captions, before training")
save(before, figure_dir / "similarity_before_training.png")
before

# %% [markdown]
# They are not. The mean cosine of the right pairs is −0.11<!--= cosines[range(8), own].mean() -->, that of all pairs
# also −0.11<!--= cosines[:, own].mean() -->.<!--? cosines[range(8), own].mean() < cosines[:, own].mean() + 0.02 -->
# Whole rows and whole columns are darker or lighter, and all values lie close
# together.<!--? cosines[:, own].std() < 0.05 --> Why?

# %%
def mean_cosine(unit: torch.Tensor) -> float:
    """Mean cosine between different rows of unit vectors (N, D)."""
    matrix = unit @ unit.T
    return float(matrix[~torch.eye(len(matrix), dtype=torch.bool)].mean())

print(f"between images {mean_cosine(unit_images):.3f}, between captions {mean_cosine(unit_captions):.3f}, "
      f"between an image and a caption {cosines.mean():.3f}")

# %% [markdown]
# An untrained encoder gives nearly the same vector to everything: the mean cosine between two images is
# 0.97<!--= mean_cosine(unit_images) -->, between two captions
# 0.95<!--= mean_cosine(unit_captions) -->.<!--? min(mean_cosine(unit_images), mean_cosine(unit_captions)) > 0.9 --> All
# images lie in one narrow cone, all captions in another.<!--? abs(cosines.mean()) < 0.5 --> As arrows on a circle:

# %% alt="Three circles of arrows: two narrow cones before training; each image beside its caption; all in one cone" tags=["hidden"]
axis = F.normalize(unit_images.mean(dim=0), dim=0)
across = unit_captions.mean(dim=0)
across = F.normalize(across - (across @ axis) * axis, dim=0)

def angle_in_plane(unit: torch.Tensor) -> np.ndarray:
    """Angle of each vector in the plane of the two cones' axes, in degrees from the images' axis."""
    return np.degrees(np.arctan2((unit @ across).numpy(), (unit @ axis).numpy()))

apart = np.arange(0, 360, 45)
circles = directions({
    "before training: measured": (angle_in_plane(unit_images), angle_in_plane(unit_captions[own])),
    "the aim: a drawing": (apart + 6, apart - 6),
    "turned, not spread: a drawing": (20 + 2 * np.arange(8), 20 + 2 * np.arange(8))})
save(circles, figure_dir / "two_cones.png")
circles

# %% [markdown]
# The left circle is measured, in the plane of the two cones. Training must do two things at once: turn the cones
# towards one another, and spread them out, each image beside its own caption. A loss that only turns them ends as on
# the right, with all captions in nearly one direction, so that small differences must decide. A model has *collapsed*
# when nearly every image gets the same answer; notebook 06 shows one.
#
# ## 5. Temperature and length
#
# The temperature divides the scores before the softmax. Three numbers: the cosines `0.3, 0.2, 0.1` become `3, 2, 1` at
# temperature `0.1`, and stay as they are at temperature 1.

# %%
three = torch.tensor([0.3, 0.2, 0.1])
for temperature in (1, 0.1, 0.01):
    print(f"temperature {temperature:5}: probabilities {(three / temperature).softmax(dim=0).numpy().round(3)}")

# %% [markdown]
# Now one image and the eight captions. In a running notebook there is a slider; on the page, three of its positions.
# Each panel has its own axis.

# %% alt="One image's probabilities for eight captions at temperatures 1, 0.07 and 0.0002: even, leaning, certain"
slider = TemperatureSlider(cosines[0, own].tolist(), names)
save(slider.figure(), figure_dir / "temperature_effect.png")
slider

# %% [markdown]
# The cosines are the same in all three panels. At temperature 1 the largest of the eight probabilities is
# 0.13<!--= largest(1) -->, at `0.07` it is 0.16<!--= largest(0.07) -->, and at `0.0002` it is
# 1.00<!--= largest(0.05 / 256) -->: the model is certain, and it has learned nothing at
# all.<!--? largest(1) < 0.2 and largest(0.05 / 256) > 0.95 -->
#
# First the left panel. A cosine is at most 1, so at temperature 1 even a perfect match cannot get far ahead. How sure
# could a perfect model become among 32<!--= len(dataset.labels) --> captions, if the right one had cosine 1 and all
# others 0?

# %%
def surest(temperature: float, classes: int = 32) -> float:
    """Probability of a caption with cosine 1 among others with cosine 0."""
    return 1 / (1 + (classes - 1) * math.exp(-1 / temperature))

def largest(temperature: float) -> float:
    """The largest probability of a panel above."""
    return float((cosines[0, own] / temperature).softmax(dim=0).max())

print(f"temperature 1: {surest(1):.2f}; temperature 0.07: {surest(0.07):.5f}")

# %% [markdown]
# It stays at 0.08<!--= surest(1) -->: at temperature 1, CLIP could not even express that it is right.
#
# Now the right panel, at the tiny temperature `0.05 / 256`. Where does it come from? The report divides by
# 0.05<!--= model.temperature --> *without* bringing the vectors to length one. Two vectors of length
# 16<!--= eight.norm(dim=1).mean() --> have a dot product of 256<!--= eight.shape[1] --> times their cosine. So its
# logits are those of a cosine softmax at temperature `0.05 / 256`, which is
# 0.0002<!--= model.temperature / caption_embeddings.shape[1] -->.

# %%
as_cosine = similarity_logits(unit_images, unit_captions, 0.05 / 256)
as_run = similarity_logits(eight, caption_embeddings, 0.05)
off = ((as_run - as_cosine).abs().max() / as_run.abs().max()).item()
print(f"largest difference: {off:.2%} of the largest logit")
assert torch.allclose(as_run, as_cosine, rtol=0.03, atol=5)

# %% [markdown]
# The small difference, 0.26<!--= 100 * off --> %, comes from LayerNorm, which adds 0.00001<!--= head.layer_norm.eps -->
# to the variance to avoid a division by zero. **Predict:** what does the report's setting do to an untrained model? We
# compare it with that of Shariatnia's code, on which the report builds, and with the *sound* one, which brings the
# vectors to length one (L2 normalisation), as CLIP does.

# %%
certainty = pd.Series({
    "report: lengths as they are, temperature 0.05": as_run.softmax(dim=1).max(dim=1).values.mean().item(),
    "Shariatnia: lengths as they are, temperature 1": (as_run * 0.05).softmax(dim=1).max(dim=1).values.mean().item(),
    "sound: length one, temperature 0.07": (cosines / 0.07).softmax(dim=1).max(dim=1).values.mean().item(),
    "guessing": 1 / 32}, name="mean probability of the first answer")
certainty.round(3).to_frame()

# %% [markdown]
# At the report's settings an untrained model gives its first answer a mean probability of
# 1.00<!--= certainty.iloc[0] -->; at the sound ones 0.046<!--= certainty.iloc[2] -->, near the
# 0.031<!--= certainty.iloc[3] --> of
# guessing.<!--? certainty.iloc[0] > 0.95 and certainty.iloc[2] < 2 * certainty.iloc[3] --> How good are the certain
# answers?

# %%
answers = as_run.argmax(dim=1)
right = int((answers == torch.tensor(shown) - 1).sum())
print("answers to eight different images:", {dataset.labels.display[index] for index in answers.tolist()})
print(f"right: {right} of {len(shown)}")

# %% [markdown]
# None of eight is right, and only two captions are ever given.<!--? right == 0 and len(answers.unique()) == 2 --> Being
# certain and wrong is the worst place to start from. A softmax that puts nearly all weight on one answer is
# *saturated*. A loss that cannot exceed some value, such as the real Jensen-Shannon divergence, then has hardly a
# gradient. Cross entropy has one: $p_j$ on each wrong logit $j$, and $p - 1$ on the right one. A saturated example with
# three logits, of which the last is right:

# %%
saturated = torch.tensor([[40.0, 20.0, 10.0]], requires_grad=True)
F.cross_entropy(saturated, torch.tensor([2])).backward()
print("probabilities:", saturated.softmax(dim=1).tolist()[0])
print("gradient:     ", saturated.grad.tolist()[0])
assert torch.isclose(saturated.grad.sum(), torch.tensor(0.0), atol=1e-6)

# %% [markdown]
# The leading wrong logit is pushed down and the right one up, each with a gradient of
# 1.0<!--= saturated.grad[0, 0] -->; the other wrong logit gets next to nothing. The gradients on all wrong logits
# together sum to at most 1, never more. On the way to the dot products, the division by 0.05<!--= model.temperature -->
# makes that 20<!--= saturated.grad[0, 0] / model.temperature -->.
#
# So normalisation and temperature belong together. With vectors of length one, CLIP learns its temperature and keeps it
# above 0.01<!--= kept -->. With vectors of length 16<!--= eight.norm(dim=1).mean() -->, the same range of logits would
# need a temperature 256<!--= eight.shape[1] --> times as large. The parameter is the logarithm, so that the temperature
# stays positive.

# %%
learned = replace(OBJECTIVES["sound_ce"], learn_temperature=True)
tiny, _ = build_model(PROFILES["cpu"].model, learned, dataset.labels.names)
with torch.no_grad():
    tiny.log_temperature.fill_(math.log(0.0001))
tiny.limit_temperature()  # the training loop does this after every step
kept = tiny.temperature.item()
print(f"asked for 0.0001, got {kept:.4f}")

# %% [markdown]
# ## 6. The same model, small
#
# The report's model has 91<!--= total["report"] / 1e6 --> million parameters. The `cpu` profile trains one of the same
# design that is 159<!--= total["report"] / total["cpu profile"] --> times smaller: a ResNet with one block in each
# stage, where ResNet-18 has two, and narrow (it ends in 128<!--= small.image_encoder.width --> features); and a
# DistilBERT of two layers, 64<!--= small.text_encoder.width --> wide. The heads are built alike and read fewer numbers;
# the shared space and the losses are the same.

# %%
small, small_tokenizer = build_model(PROFILES["cpu"].model, OBJECTIVES["sound_ce"], dataset.labels.names)
parts = ["image_encoder", "text_encoder", "image_projection", "text_projection"]
sizes = pd.DataFrame({name: {part: count_parameters(getattr(network, part)) for part in parts}
                      for name, network in (("report", model), ("cpu profile", small))})
sizes.loc["total"] = sizes.sum()
total = sizes.loc["total"]
sizes

# %% [markdown]
# Its embeddings have 256<!--= image.shape[1] --> numbers too, and with `normalize=True` they have length one.

# %%
two = tokenize(small_tokenizer, [dataset.labels.name(class_id) for class_id in (17, 11)])
with torch.no_grad():
    image, text = small.eval()(images, **two)
print(tuple(image.shape), tuple(text.shape), image.norm(dim=1).tolist())
assert image.shape == text.shape == (2, 256) and torch.allclose(image.norm(dim=1), torch.ones(2), atol=1e-5)

# %% [markdown]
# ## What we showed
#
# * An image becomes 2048<!--= image_encoder.width --> numbers, a caption 768<!--= text_encoder.width -->, and a head
#   brings both to 256<!--= caption_embeddings.shape[1] -->. The heads have 590,848<!--= head_size(2048) --> and
#   263,168<!--= head_size(768) --> parameters (section 2).
# * One matrix product compares every image with every caption. Equal captions have equal columns (section 3).
# * Before training, images lie in one narrow cone (mean cosine 0.97<!--= mean_cosine(unit_images) -->) and captions in
#   another (0.95<!--= mean_cosine(unit_captions) -->) (section 4).
# * Temperature 0.05<!--= model.temperature --> on vectors of length 16<!--= eight.norm(dim=1).mean() --> is a cosine
#   temperature of 0.0002<!--= model.temperature / caption_embeddings.shape[1] -->. There an untrained model is certain
#   of its answers (1.00<!--= certainty.iloc[0] -->), and wrong
#   (section 5).<!--? certainty.iloc[0] > 0.95 and right < len(shown) / 4 -->

# %% [markdown]
# ## Exercises that check themselves
#
# Replace the dots by your own lines and run the cell below yours: `check` tries your function and says in words what
# it tried, what came back and what it expected. Nothing breaks while an exercise is unsolved. Write the steps yourself;
# the kit's own functions do not count.

# %%
from mgutils.course.exercises import check

# %% [markdown]
# ### Exercise: the cosine matrix
# *Core. Easy, 10 minutes.* Write `cosine_matrix(images, texts)` for embeddings (B, D) and (C, D) of any length. Row i,
# column j of the answer (B, C) is the cosine between image i and text j.
# You will see the cosines of section 4 again, from three lines.

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
# *Core. Medium, 20 minutes.* Write `project(x, w1, b1, w2, b2, gain, shift)`, a head in evaluation mode, from its
# weights: project `x` (B, W) with `w1` (D, W) and `b1`; refine by GELU and a second linear layer; add what was
# projected; end in a LayerNorm over the D numbers of each row (eps `1e-5`), with a factor and a shift for each number.
# You will see the embeddings of section 2, equal to the last digits.

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
# *Easy, 10 minutes.* `zoo_pooling` should take the mean of a caption's token states (B, L, D) over its real tokens;
# the mask (B, L) is 1 for a token and 0 for `[PAD]`. It runs, and its numbers look harmless. Find the wrong line.
# You will see that a caption's embedding must not depend on the longest caption of its batch.

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
# You will see how CLIP turns prompts into a classifier; with random weights it is still close to guessing.

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
# 1. *5 minutes.* How many parameters would the image head have with a shared space of twice as many dimensions?
#    Predict, then check with `count_parameters`.
#
#    <details><summary>Answer</summary>
#
#    `head_size(2048, 512)` is `1_312_768`: more than twice as many, because the second layer grows with the square.
#
#    </details>
# 2. *10 minutes.* Encode the captions "touching jaw" and "Touching Jaw" and "touching a jaw". Which of them are equal,
#    and where in the model does the difference get lost or stay?
#
#    <details><summary>Answer</summary>
#
#    The first two are equal: the tokenizer makes capitals small. "a" is a token of its own, so the third differs at once.
#
#    </details>
# 3. *15 minutes.* Pad the captions to some tokens more than the longest one has. Do the text features change? Why, or
#    why not?
#
#    <details><summary>Answer</summary>
#
#    No, apart from the last digits: the mask keeps attention away from `[PAD]`, and only `[CLS]` is read.
#
#    </details>
# 4. *15 minutes.* Find the temperature at which an untrained model *without* normalisation is about as undecided as the
#    sound one.
#
#    <details><summary>Answer</summary>
#
#    The sound temperature times the squared length of the vectors: `0.07 * 256`.
#
#    </details>
#
# ## Further reading
#
# * Radford et al. 2021, *Learning transferable visual models from natural language supervision*, figures 1 and 3.
# * Shariatnia 2021, *Simple implementation of OpenAI CLIP model*: the code that the report builds on.
# * Wang and Liu 2021, *Understanding the behaviour of contrastive loss*: what the temperature does to the gradient.
# * Next: in notebook 03 you build this model yourself and train it.
