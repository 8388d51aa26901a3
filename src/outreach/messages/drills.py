"""Marks every text of an exercise, so that nobody who sees one believes it: SIMULACRO, SIMULADO, DRILL."""

from __future__ import annotations

import re

from outreach.messages.languages import language

_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def marked(file: str, text: str, locale: str) -> str:
    """The rendered text with its language's word before anything else; of HTML, before all that shows."""
    mark = language(locale)["drill"]
    if not file.endswith(".html"):
        return f"{mark}: {text}"
    banner = f'<p style="background:#ffd700;font-weight:bold">{mark}</p>'
    opened = _BODY.search(text)
    return text[: opened.end()] + banner + text[opened.end() :] if opened else banner + text
