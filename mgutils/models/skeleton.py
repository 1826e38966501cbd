"""Networks that read a clip's joints (B, T, 22, 3) into one vector (B, D), and the heads on top.

Three of them: heatmaps and 3-D convolutions as in the original, a transformer over the frames'
coordinates, and a graph network. A frame in which no joint has a score is padding.
"""

from __future__ import annotations

import torch
from numpy import ndarray
from torch import Tensor, nn

from mgutils.config.skeleton import SkeletonConfig
from mgutils.data.keypoints import JOINTS, LIMBS
from mgutils.errors import ConfigError
from mgutils.models.slowonly import PoseConv3D, Stream, parts_of

NECK, RIGHT, LEFT = (JOINTS.index(name) for name in ("neck", "right_shoulder", "left_shoulder"))


class CoordinateTransformer(nn.Module):
    """A transformer over the frames, each a token of coordinates, scores and velocities.

    Shape: joints (B, T, 22, 3) -> (B, ``width``). Padded frames are neither attended to nor averaged;
    a clip of padding only becomes zeros.

    Parameters
    ----------
    stream : {"joint", "limb"}
        Where the joints are, or how the limbs between them lie.
    width : int
        Of the tokens.
    layers, heads : int
        Of the encoder; its hidden layers are twice as wide as the tokens.
    frames : int
        The longest clip, in frames: each has a learned position.
    dropout : float
        Inside the encoder.

    Raises
    ------
    ConfigError
        If a clip has more frames than there are positions.

    Taught in: 10, section 4.
    """

    def __init__(self, stream: Stream = "joint", width: int = 96, layers: int = 2, heads: int = 4,
                 frames: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.stream = stream
        self.width = width
        self.embed = nn.Linear(5 * parts_of(stream), width)
        self.positions = nn.Parameter(0.02 * torch.randn(frames, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(
            layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def forward(self, joints: Tensor) -> Tensor:
        there = frames_there(joints)  # (B, T)
        if joints.shape[1] > len(self.positions):
            raise ConfigError(
                f"clips: found {joints.shape[1]} frames; wanted at most {len(self.positions)}. "
                "Sample fewer frames, or build the network with more.")
        tokens = self.embed(frame_features(joints, self.stream)) + self.positions[: joints.shape[1]]

        # attention over nothing is 0 / 0: a clip that is all padding attends to itself
        ignored = ~there & there.any(dim=1, keepdim=True)
        tokens = self.encoder(tokens, src_key_padding_mask=ignored)  # (B, T, width)
        return mean_there(tokens, there)


class STGCN(nn.Module):
    """A graph network: joints exchange features with their neighbours, then with other frames.

    Shape: joints (B, T, 22, 3) -> (B, ``width``). Each layer has its own 22 x 22 matrix of who listens
    to whom; it starts as the limbs (and every joint itself), and is learned.

    Parameters
    ----------
    width : int
        Channels of each layer.
    layers : int
    span : int
        Frames that a convolution over time sees; odd.

    References
    ----------
    Yan et al. 2018, arXiv:1801.07455; the learned matrix: Shi et al. 2019, arXiv:1805.07694.
    """

    def __init__(self, width: int = 48, layers: int = 3, span: int = 5) -> None:
        super().__init__()
        self.width = width
        self.adjacency = nn.Parameter(limb_graph().repeat(layers, 1, 1))  # (layers, 22, 22)
        self.embed = nn.Conv2d(5, width, 1)
        self.mixes = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(layers))
        self.times = nn.ModuleList(
            nn.Conv2d(width, width, (span, 1), padding=(span // 2, 0)) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(layers))

    def forward(self, joints: Tensor) -> Tensor:
        there = frames_there(joints)
        parts = frame_features(joints).unflatten(-1, (len(JOINTS), 5))  # (B, T, 22, 5)
        features = self.embed(parts.permute(0, 3, 1, 2))  # (B, width, T, 22)
        shown = there[:, None, :, None]
        for graph, mix, time, norm in zip(
                self.adjacency, self.mixes, self.times, self.norms, strict=True):
            heard = torch.relu(mix(features @ graph.T)) * shown
            features = torch.relu(features + norm(time(heard))) * shown
        return mean_there(features.mean(dim=3).transpose(1, 2), there)


def frames_there(joints: Tensor) -> Tensor:
    """Which frames are no padding: (B, T, 22, 3) -> (B, T), True where a joint has a score."""
    return (joints[..., 2] > 0).any(dim=2)


def mean_there(frames: Tensor, there: Tensor) -> Tensor:
    """Mean over the frames that are there, zeros where none is: (B, T, D), (B, T) -> (B, D)."""
    weight = there[..., None].to(frames.dtype)
    return (frames * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def frame_features(joints: Tensor, stream: Stream = "joint") -> Tensor:
    """What a person does, wherever she sits and however far away: (B, T, 22, 3) -> (B, T, 110).

    For each joint x, y, score, and how far it went since the frame before. Coordinates are seen from
    the clip's mean neck, in shoulder widths; without a neck or without shoulders, from the middle of
    the joints that are seen, in sizes of their box. A missing joint is 0 in all five. Of limbs the
    vector from start to end is taken in place of the coordinates: (B, T, 105).

    Taught in: 10, section 4.
    """
    points = joints[..., :2]
    score = joints[..., 2:]
    seen = score > 0  # (B, T, 22, 1)
    centre, unit = _frame_of(points, seen)
    placed = torch.where(seen, (points - centre) / unit, 0)
    if stream == "limb":
        start, end = torch.from_numpy(LIMBS).to(joints.device).T
        seen = seen[:, :, start] & seen[:, :, end]
        score = torch.minimum(score[:, :, start], score[:, :, end])
        placed = torch.where(seen, placed[:, :, end] - placed[:, :, start], 0)

    # a joint moves only between two neighbouring frames that both show it
    both = seen[:, 1:] & seen[:, :-1]
    moved = torch.where(both, placed[:, 1:] - placed[:, :-1], 0)
    moved = torch.cat([torch.zeros_like(placed[:, :1]), moved], dim=1)
    return torch.cat([placed, score, moved], dim=-1).flatten(2)


def _frame_of(points: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (B, 1, 1, 2) and unit of length (B, 1, 1, 1) of each clip."""
    low = torch.where(seen, points, torch.inf).amin(dim=(1, 2), keepdim=True)
    high = torch.where(seen, points, -torch.inf).amax(dim=(1, 2), keepdim=True)
    some = torch.isfinite(low)
    low = torch.where(some, low, 0)
    high = torch.where(some, high, 0)

    necks = seen[:, :, NECK].sum(dim=1)[:, :, None, None]
    neck = (points * seen)[:, :, NECK].sum(dim=1)[:, None, None] / necks.clamp(min=1)
    both = seen[:, :, RIGHT] & seen[:, :, LEFT]  # (B, T, 1)
    apart = torch.linalg.vector_norm(points[:, :, RIGHT] - points[:, :, LEFT], dim=-1, keepdim=True)
    width = (apart * both).sum(dim=1) / both.sum(dim=1).clamp(min=1)  # (B, 1)
    width = width[:, :, None, None]

    usable = (necks > 0) & (width > 0)
    centre = torch.where(usable, neck, (low + high) / 2)
    size = torch.where(usable, width, (high - low).amax(dim=-1, keepdim=True))
    return centre, torch.where(size > 0, size, 1)


def limb_graph(limbs: ndarray = LIMBS) -> Tensor:
    """The mean over each joint and its neighbours, as a matrix (22, 22): its rows sum to 1."""
    graph = torch.eye(len(JOINTS))
    start, end = torch.from_numpy(limbs).T
    graph[start, end] = 1
    graph[end, start] = 1
    return graph / graph.sum(dim=1, keepdim=True)


class SkeletonClassifier(nn.Module):
    """A skeleton network and its heads: joints (B, T, 22, 3) -> logits (B, C) and words (B, W) or ``None``.

    The word head reads the vector as it is, the class head after dropout, as in the original; at test
    only the logits are used.

    Parameters
    ----------
    network : nn.Module
        With an attribute ``width``.
    classes : int
        C.
    words : int
        W, the length of a class's word vector; 0: no word head.
    dropout : float
        Before the class head.
    """

    def __init__(self, network: nn.Module, classes: int, words: int = 0,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.network = network
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(network.width, classes)
        self.words = nn.Linear(network.width, words) if words else None
        for head in self.heads:
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    @property
    def heads(self) -> list[nn.Linear]:
        """The layer of the classes and, if there is one, that of the words."""
        return [self.classes] if self.words is None else [self.classes, self.words]

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor | None]:
        vector = self.network(joints)  # (B, width)
        logits = self.classes(self.dropout(vector))
        return logits, None if self.words is None else self.words(vector)


NETWORKS = {"transformer": CoordinateTransformer, "stgcn": STGCN, "poseconv3d": PoseConv3D}


def build_skeleton(settings: SkeletonConfig, classes: int, words: int = 0) -> SkeletonClassifier:
    """The network of a configuration with its heads.

    Raises
    ------
    ConfigError
        If the network does not take what it is given.
    """
    streams = {} if settings.network == "stgcn" else {"stream": settings.stream}
    if settings.network == "stgcn" and settings.stream != "joint":
        raise ConfigError(f"stream: found {settings.stream!r} for a network over the graph of the joints; wanted "
                          "'joint'.")
    try:
        network = NETWORKS[settings.network](**streams, **settings.network_kwargs)
    except TypeError as error:
        raise ConfigError(f"network_kwargs: found {settings.network_kwargs}; wanted what "
                          f"{NETWORKS[settings.network].__name__} takes ({error}).") from None
    return SkeletonClassifier(network, classes, words, settings.dropout)
