"""Hooks of the documentation's build: equations as MathML, links into the source tree as plain text."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

# pages are also read in the source tree, where such links lead to files that the site does not hold
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page's Markdown with links out of ``docs`` replaced by their text."""
    return OUTSIDE.sub(r"\1", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Return the page's HTML with equations as MathML, which browsers draw without a script."""
    return EQUATION.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[2] == "[" else "inline"
    return convert(unescape(found[3]).strip(), display=display)
