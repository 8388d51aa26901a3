"""A text as words: case, accents, and disguises folded, in clauses, emoji aside."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

LONGEST = 2_000
"""Characters read of one text; a concatenated SMS has at most 1,530."""

_BEFORE = str.maketrans(dict.fromkeys("'`\u00b4\u2018\u2019", "") | dict.fromkeys("ªº\u00a0", " "))
"""Apostrophes join (`don't`); ordinals would become letters (`nº` the word no) under NFKD."""

_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff"
    "\uffa0\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
_PIECES = re.compile(r"([^\W_]+)|(\?)|(¿)|([.,;:!…¡]+(?=\s|$)|\n\s*\n)|([\u2190-\U0001faff])")
_WORD, _ASKS, _, _ENDS, _EMOJI = range(1, 6)


class Tokens(NamedTuple):
    """`clauses[i]` is the clause of `words[i]`; `questions` are the clauses that ask."""

    words: tuple[str, ...]
    clauses: tuple[int, ...]
    questions: frozenset[int]
    emoji: tuple[str, ...]


def folded(text: str) -> str:
    """Lower case without accents, of its first 2,000 characters; ¿ and emoji stay."""
    text = text[:LONGEST]
    if text.isascii():
        return text.replace("'", "").replace("`", "").lower()
    text = unicodedata.normalize("NFKD", text.translate(_BEFORE))
    return _UNSEEN.sub("", text)[:LONGEST].casefold()


def split(text: str) -> Tokens:
    """The words of a folded text. `S.T.O.P.` is one word, a comma ends a clause."""
    words: list[str] = []
    clauses: list[int] = []
    questions: set[int] = set()
    emoji: list[str] = []
    clause = 0
    for piece in _PIECES.finditer(text):
        kind = piece.lastindex
        if kind == _WORD:
            words.append(piece[0])
            clauses.append(clause)
        elif kind == _EMOJI:
            emoji.append(piece[0])
        else:
            clause += 1
            if kind != _ENDS:
                questions.add(clause - (kind == _ASKS))
    words, clauses = _joined(words, clauses)
    return Tokens(tuple(words), tuple(clauses), frozenset(questions), tuple(emoji))


def _joined(words: list[str], clauses: list[int]) -> tuple[list[str], list[int]]:
    """Letters set one by one are a word in disguise; a single number beside them is not."""
    if len(words) > 2 and all(len(word) == 1 and word.isalpha() for word in words):  # noqa: PLR2004
        return ["".join(words)], [clauses[0]]
    return words, clauses
