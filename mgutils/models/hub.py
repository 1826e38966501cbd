"""The model hub: pretrained weights come from there once, and lie on this disk from then on.

The hub's own client tries five times for every file of a network before it looks at the disk or gives up, which takes
minutes on a machine without a network. Here the hub is asked once whether it answers.
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from mgutils.errors import ConfigError


def hub_address() -> str:
    """Where the hub is: ``HF_ENDPOINT``, or the public one."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def why_silent(timeout: float = 3) -> str | None:
    """``None`` where the hub answers, else why it does not.

    Parameters
    ----------
    timeout : float
        Seconds to wait; looking the hub's name up counts.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return "switched off by HF_HUB_OFFLINE"
    answer: list[str | None] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(hub_address(), method="HEAD"), timeout=timeout).close()
            answer.append(None)
        except urllib.error.HTTPError:  # it answered
            answer.append(None)
        except (OSError, ValueError) as error:
            answer.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout + 0.5)
    return answer[0] if answer else f"no answer in {timeout:g} seconds"


@contextmanager
def hub_files(part: str, name: str) -> Iterator[None]:
    """Load a network's files inside: from the disk alone where the hub does not answer.

    Parameters
    ----------
    part, name : str
        What is loaded, and what the hub calls it: for the message.

    Raises
    ------
    ConfigError
        If the files cannot be had.
    """
    from huggingface_hub import constants

    silence, before = why_silent(), constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or silence is not None
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise no_weights(part, name, f"not on this disk; the hub: {silence}" if silence else error) from error
    finally:
        constants.HF_HUB_OFFLINE = before


def no_weights(part: str, name: str, reason: Exception | str) -> ConfigError:
    """The error to raise where a network's files could not be had."""
    line = (str(reason).splitlines() or [type(reason).__name__])[0]
    return ConfigError(f"{part}: the files of {name!r} could not be had ({line}). "
                       "Let the hub be reached once, or use the cpu profile, which needs no download.")
