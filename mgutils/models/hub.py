"""The model hub: pretrained weights come from there once, and lie in a cache on disk afterwards.

The cache is asked first. The hub's own client tries five times for every file before it gives up,
so a hub that does not answer is found out here, once, before anything is downloaded.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TypeVar

from mgutils.errors import ConfigError

Loaded = TypeVar("Loaded")


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


def from_hub(part: str, name: str, load: Callable[[bool], Loaded]) -> Loaded:
    """Load a network's files from the cache, or else from the hub.

    Parameters
    ----------
    part, name : str
        What is loaded, and what the hub calls it: for the message.
    load : callable
        Called with the value of ``local_files_only``.

    Raises
    ------
    ConfigError
        If the files are in neither place.
    """
    try:
        return load(True)
    except (OSError, RuntimeError):  # not in the cache, or not whole
        silence = why_silent()
    if silence:
        raise no_weights(part, name, f"not on this disk; the hub: {silence}")
    try:
        return load(False)
    except (OSError, RuntimeError) as error:
        raise no_weights(part, name, error) from error


def no_weights(part: str, name: str, reason: Exception | str) -> ConfigError:
    """The error to raise if a network's files cannot be loaded."""
    line = (str(reason).splitlines() or [type(reason).__name__])[0]
    return ConfigError(
        f"{part}: the files of {name!r} could not be had ({line}). Let the hub be reached once, or "
        "use the cpu profile, which needs no download.")
