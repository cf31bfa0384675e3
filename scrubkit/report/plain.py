"""Text from methods and suites as it may be shown: no control characters, which could steer a terminal."""

from __future__ import annotations

import re

from scrubkit.errors import UNPRINTABLE

_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|" + UNPRINTABLE.pattern
)
"""Everything that XML 1.0 cannot hold, escaped or not, and what steers the direction of text."""


def plain(text: str) -> str:
    """Replace control characters by a mark."""
    return _FORBIDDEN.sub("\ufffd", text)
