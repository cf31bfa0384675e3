"""Text from methods and suites as it may be shown: nothing that steers a terminal or turns text round."""

from __future__ import annotations

import re

from scrubkit.errors import UNPRINTABLE

_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]|"
    + UNPRINTABLE.pattern
)
"""What XML 1.0 cannot hold, escaped or not, the control characters beyond ASCII, and those that have no
width, order text from right to left, or break lines where nobody sees it."""


def plain(text: str) -> str:
    """Replace control and invisible characters by a mark."""
    return _FORBIDDEN.sub("\ufffd", text)
