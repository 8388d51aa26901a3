"""What a text asks of us: read by its words, or left for a person to read; never guessed."""

from __future__ import annotations

from typing import NamedTuple

from outreach.desk.lexicon import LOCALES, Entry, Lexicon, Tag, lexicon
from outreach.desk.tokens import Tokens, folded, split
from outreach.model.reply import Asks, Meaning, Reading
from outreach.model.words import Service

_OPT_OUT = frozenset({Tag.OPT_OUT_WORD, Tag.OPT_OUT})
_REPORT = frozenset({Tag.OUT_WORD, Tag.OUT, Tag.OUT_SELF, Tag.STILL_OUT, Tag.TROUBLE})
_SURE_REPORT = frozenset({Tag.OUT_SELF, Tag.STILL_OUT, Tag.TROUBLE})
_BESIDE_OPT_OUT = _OPT_OUT | {Tag.THANKS, Tag.ORDINARY, Tag.URGENT}
_ABOUT = frozenset({Tag.ABOUT})
_STOPPING = _OPT_OUT | {Tag.NOT_OPT_OUT}
_REPORTED = frozenset({Meaning.OUT, Meaning.STILL_OUT})
_MOST_BESIDE = 2
"""Unknown words that may stand beside a phrase that says it all, as a name does."""
_MOST_BESIDE_FINE = 3
_LONGEST_REACTION = 60
_CHOICE_DIGITS = 2
_ACCOUNT_DIGITS = 12
"""Who has many premises is asked for the last digits of an account."""


class _Span(NamedTuple):
    entry: Entry
    start: int
    end: int
    tags: frozenset[Tag]


class _Heard(NamedTuple):
    """The phrases found, and the words that none of them covers and courtesy does not explain."""

    tokens: Tokens
    known: tuple[str, ...]
    """The words in their one spelling."""
    spans: tuple[_Span, ...]
    tags: frozenset[Tag]
    left: tuple[int, ...]
    denials: tuple[int, ...]
    """Negations that belong to no phrase."""
    asked: str

    @property
    def questions(self) -> bool:
        return bool(self.tokens.questions)

    def denies(self, tags: frozenset[Tag]) -> bool:
        """Is each span of these kinds behind a negation of its own clause?"""
        return all(
            any(at < span.start and clauses[at] == clauses[span.start] for at in self.denials)
            for clauses in (self.tokens.clauses,)
            for span in self.spans
            if span.tags & tags
        )

    def matched(self, tags: frozenset[Tag]) -> str:
        return next((span.entry.phrase for span in self.spans if span.tags & tags), "")


def read(
    text: str, *, locale: str, asked: str = "", service: Service = Service.ELECTRICITY
) -> Reading:
    """The meaning of one text of any length; its first 2,000 characters count.

    `locale` is the person's (`es-CL`), for the few words that differ by language. `asked` is the
    open dialogue's kind (`model.reply.Asks`), empty without one: `1` means nothing by itself.
    `service` says which supply a report is about. Source of the words: field-rules 1.3, and how
    people in Latin America write.
    """
    words = lexicon(service)
    plain = folded(text)
    if (reaction := _reaction(words, plain)) is not None:
        return Reading(meaning=reaction)
    tokens = split(plain)
    if not tokens.words:
        return Reading(meaning=_without_words(words, tokens))
    language = _language(words, tokens)
    home = locale[:2].lower()
    negations = words.negations.get(language or home, words.negations[""])
    heard = _heard(words, tokens, home=home, asked=asked, negations=negations)
    meaning, matched, choice = _meaning(words, heard)
    return Reading(
        meaning=meaning,
        choice=choice,
        locale=language,
        matched=matched,
        urgent=Tag.URGENT in heard.tags,
        partly=meaning in _REPORTED and heard.tags & _REPORT == {Tag.TROUBLE},
    )


def _reaction(words: Lexicon, plain: str) -> Meaning | None:
    """`Liked "…"`: what stands in quotation marks is our own text, stop words and all."""
    head, quote, _ = plain[:_LONGEST_REACTION].replace("“", '"').replace("«", '"').partition('"')
    if not quote:
        return None
    head = f" {head.strip()}"
    found = (is_thanks for text, is_thanks in words.reactions if head.endswith(f" {text}"))
    is_thanks = next(found, None)
    if is_thanks is None:
        return None
    return Meaning.THANKS if is_thanks else Meaning.UNSURE


def _without_words(words: Lexicon, tokens: Tokens) -> Meaning:
    if tokens.emoji:
        return Meaning.THANKS if words.yes_emoji.issuperset(tokens.emoji) else Meaning.UNSURE
    return Meaning.UNSURE if tokens.questions else Meaning.EMPTY


def _heard(
    words: Lexicon, tokens: Tokens, *, home: str, asked: str, negations: frozenset[str]
) -> _Heard:
    known = tuple(map(words.known, tokens.words))
    spans = tuple(_spans(words, known, tokens.clauses, home))
    covered = {at for span in spans if span.tags != _ABOUT for at in range(span.start, span.end)}
    left = tuple(
        at for at, word in enumerate(known) if at not in covered and word not in words.filler
    )
    return _Heard(
        tokens=tokens,
        known=known,
        spans=spans,
        tags=frozenset().union(*(span.tags for span in spans)),
        left=left,
        denials=tuple(at for at in left if known[at] in negations),
        asked=asked,
    )


def _spans(
    words: Lexicon, known: tuple[str, ...], clauses: tuple[int, ...], home: str
) -> list[_Span]:
    """The longest phrase at each place, from the left; none runs over the end of a clause."""
    spans: list[_Span] = []
    at = 0
    while at < len(known):
        end, entry = _longest(words, known, clauses, at)
        if entry is not None:
            spans.append(_Span(entry, at, end, _tags(entry, home)))
        at = end
    return spans


def _longest(
    words: Lexicon, known: tuple[str, ...], clauses: tuple[int, ...], start: int
) -> tuple[int, Entry | None]:
    end, found, node = start + 1, None, words.root
    for at in range(start, len(known)):
        below = node.next.get(known[at])
        if below is None or clauses[at] != clauses[start]:
            break
        node = below
        if node.entry is not None:
            end, found = at + 1, node.entry
    return end, found


def _tags(entry: Entry, home: str) -> frozenset[Tag]:
    if Tag.OPT_OUT_WORD_AT_HOME in entry.tags and home in entry.locales:
        return entry.tags - {Tag.OPT_OUT_WORD_AT_HOME} | {Tag.OPT_OUT_WORD}
    return entry.tags


_Verdict = tuple[Meaning, str, int | None]


def _meaning(words: Lexicon, heard: _Heard) -> _Verdict:
    """Opt-outs are looked for first: beside anything else they are for a person to read."""
    if not heard.tags.isdisjoint(_STOPPING):
        return _opting_out(words, heard)
    for verdict in (_choosing(words, heard), _reporting(heard), _fine(heard), _asking(heard)):
        if verdict is not None:
            return verdict
    return _single(words, heard)


def _unsure(matched: str = "") -> _Verdict:
    return Meaning.UNSURE, matched, None


def _opting_out(words: Lexicon, heard: _Heard) -> _Verdict:
    matched = heard.matched(_OPT_OUT)
    if heard.questions or heard.denials or not heard.tags <= _BESIDE_OPT_OUT:
        return _unsure(matched)
    typed, clauses = heard.tokens.words, heard.tokens.clauses
    left = [at for at in heard.left if typed[at] not in words.insults]
    clear = [span for span in heard.spans if Tag.OPT_OUT in span.tags and span.entry.names_us]
    bounded = any(
        at >= span.end and clauses[at] == clauses[span.start] for span in clear for at in left
    )
    numbers = any(typed[at].isdigit() for at in left)
    if numbers or bounded or len(left) > (_MOST_BESIDE if clear else 0):
        return _unsure(matched)
    return Meaning.OPT_OUT, matched, None


def _choosing(words: Lexicon, heard: _Heard) -> _Verdict | None:
    """A number that answers what was asked: alone, or with words that say the same."""
    if not heard.asked or heard.questions:
        return None
    said = heard.tokens.words
    longest = _ACCOUNT_DIGITS if heard.asked == Asks.WHICH_PREMISE else _CHOICE_DIGITS
    found = {_number(words, word, longest) for word in said} - {None}
    if not found:
        return _yes_or_no(words, heard)
    number = found.pop()
    rest = [at for at in heard.left if _number(words, said[at], longest) is None]
    both = found or not words.choice_both.isdisjoint(said)
    if both or any(said[at] not in words.choice_filler for at in rest):
        return _unsure()
    if heard.asked == Asks.STILL_OUT and heard.tags & (_REPORT | {Tag.FINE}):
        return None if bool(heard.tags & _REPORT) == (number == 1) else _unsure()
    return Meaning.CHOICE, "", number


def _number(words: Lexicon, word: str, longest: int) -> int | None:
    if word.isascii() and word.isdigit() and len(word) <= longest:
        return int(word)
    return words.choices.get(word)


def _yes_or_no(words: Lexicon, heard: _Heard) -> _Verdict | None:
    """`Have you backup? YES or NO` is 1 or 2. Still out? `Yes` says so; `no` may mean no light."""
    said = [word for word in heard.known if word not in words.filler]
    if not said:
        return None
    is_yes, is_no = words.yes.issuperset(said), words.no.issuperset(said)
    if heard.asked == Asks.BACKUP and (is_yes or is_no):
        return Meaning.CHOICE, "", 1 if is_yes else 2
    if heard.asked == Asks.STILL_OUT and is_yes:
        return Meaning.STILL_OUT, "", None
    return None


def _reporting(heard: _Heard) -> _Verdict | None:
    tags = heard.tags & _REPORT
    if not tags or (tags == {Tag.OUT_WORD} and not _is_all(heard, Tag.OUT_WORD)):
        return _unsure() if Tag.OTHER_SERVICE in heard.tags else None
    matched = heard.matched(tags)
    if _is_not_now(heard, tags):
        over = Tag.FINE in heard.tags and not heard.questions and _is_over(heard)
        return (Meaning.FINE, matched, None) if over else _unsure(matched)
    still = Tag.STILL_OUT in tags or heard.asked == Asks.STILL_OUT
    return Meaning.STILL_OUT if still else Meaning.OUT, matched, None


def _is_not_now(heard: _Heard, tags: frozenset[Tag]) -> bool:
    """Another's, a past, a denied or a merely asked report, or one beside word that it is back."""
    unclear = {Tag.NOT_NOW, Tag.PAST, Tag.OPT_IN, Tag.OPT_IN_WORD}
    if heard.tags & unclear or heard.denies(tags):
        return True
    if Tag.FINE in heard.tags and not _ends_dark(heard):
        return True
    asked = Tag.STATUS not in heard.tags and not tags & _SURE_REPORT
    return asked and _is_in_question(heard, tags)


def _is_in_question(heard: _Heard, tags: frozenset[Tag]) -> bool:
    clauses = {heard.tokens.clauses[span.start] for span in heard.spans if span.tags & tags}
    return clauses <= heard.tokens.questions


def _ends_dark(heard: _Heard) -> bool:
    """`They say it is back but we are still dark`: the last word is a report of their own."""
    last = [span for span in heard.spans if span.tags & (_REPORT | {Tag.FINE})][-1]
    return bool(last.tags & (_SURE_REPORT | {Tag.OUT}))


def _is_over(heard: _Heard) -> bool:
    """`There was none, but now it is back`: only where the past came first."""
    spans = [span for span in heard.spans if span.tags & (_REPORT | {Tag.FINE, Tag.PAST})]
    return Tag.PAST in spans[0].tags and Tag.FINE in spans[-1].tags and _is_clear(heard)


def _is_clear(heard: _Heard) -> bool:
    """Nothing denied, taken back after it, of another place, or left open: a report hangs on it."""
    last = max(span.end for span in heard.spans if Tag.FINE in span.tags)
    taken_back = any(Tag.BUT in span.tags and span.start >= last for span in heard.spans)
    other = heard.tags & {Tag.NOT_NOW, Tag.OTHER_SERVICE, Tag.NOT_THANKS, Tag.ABOUT}
    return not (heard.denials or taken_back or other or len(heard.left) > _MOST_BESIDE_FINE)


def _fine(heard: _Heard) -> _Verdict | None:
    if Tag.FINE not in heard.tags:
        return None
    matched = heard.matched(frozenset({Tag.FINE}))
    if heard.questions or Tag.STATUS in heard.tags:
        return Meaning.STATUS, matched, None
    return (Meaning.FINE, matched, None) if _is_clear(heard) else _unsure(matched)


def _asking(heard: _Heard) -> _Verdict | None:
    if heard.tags & {Tag.OPT_IN, Tag.OPT_IN_WORD} or Tag.STATUS not in heard.tags:
        return None
    return Meaning.STATUS, heard.matched(frozenset({Tag.STATUS})), None


_ALONE = (
    (Tag.STATUS_WORD, Meaning.STATUS),
    (Tag.HELP_WORD, Meaning.HELP),
    (Tag.OPT_IN_WORD, Meaning.OPT_IN),
    (Tag.THANKS, Meaning.THANKS),
)


def _single(words: Lexicon, heard: _Heard) -> _Verdict:
    """Words that mean something when they are all that is said."""
    if Tag.OPT_IN in heard.tags:
        beside = heard.questions or heard.denials or heard.tags & {Tag.ABOUT, Tag.BUT}
        clear = len(heard.left) <= _MOST_BESIDE and not beside
        matched = heard.matched(frozenset({Tag.OPT_IN}))
        return (Meaning.OPT_IN, matched, None) if clear else _unsure(matched)
    for tag, meaning in _ALONE:
        if not _is_all(heard, tag):
            continue
        if meaning in {Meaning.OPT_IN, Meaning.THANKS} and heard.questions:
            return _unsure()
        if meaning == Meaning.THANKS and not words.yes_emoji.issuperset(heard.tokens.emoji):
            return _unsure()
        return meaning, heard.matched(frozenset({tag})), None
    return _unsure()


def _is_all(heard: _Heard, tag: Tag) -> bool:
    """Nothing but words of this kind, and courtesy."""
    if tag not in heard.tags or any(not _is_account(heard, tag, at) for at in heard.left):
        return False
    return all(tag in span.tags or Tag.THANKS in span.tags for span in heard.spans)


def _is_account(heard: _Heard, tag: Tag, at: int) -> bool:
    """`OUT 4455667`: a stranger is asked to name the account beside the word."""
    return tag in {Tag.OUT_WORD, Tag.STATUS_WORD} and heard.tokens.words[at].isdigit()


def _language(words: Lexicon, tokens: Tokens) -> str | None:
    """The one language that most of the telling words belong to; None when none leads clearly."""
    found = [of for word in tokens.words if (of := words.languages.get(word)) is not None]
    votes = [sum(of) for of in zip(*found, strict=True)] or [0]
    most = max(votes)
    return LOCALES[votes.index(most)] if votes.count(most) == 1 and most else None
