"""What a page would fetch from the network: pages of the course must fetch nothing."""

import re

_LOADED = re.compile(
    r"""<(?:script|img|iframe|link|source|video|audio|embed|object)\b[^>]*?\b(?:src|href|data)\s*=\s*["']?(?:https?:)?//
      | url\(\s*["']?(?:https?:)?// | \bimport\b[^;\n]*["'](?:https?:)?//""", re.VERBOSE | re.IGNORECASE)


def network_references(html: str) -> list[str]:
    """What a browser would fetch to show the page; plain links, which it does not follow by itself, are not counted."""
    return [match.group(0) for match in _LOADED.finditer(html)]
