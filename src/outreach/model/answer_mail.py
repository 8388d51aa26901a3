"""What answers an e-mail: its thread, its subject, its words."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field

from outreach.model.reply import InboundReply

LONGEST_SUBJECT = 200
_ANSWERED = re.compile(r"^(?:(?:re|res|rv|aw)\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMail:
    """`answers` is the Message-ID of what it answers, empty if that had none."""

    answers: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def to(cls, reply: InboundReply, text: str, *, company: str) -> AnswerMail:
        """Under the subject that they wrote, or the company's name where they wrote none."""
        about = " ".join(_ANSWERED.sub("", reply.subject.strip()).split()) or company
        return cls(answers=reply.message_id, subject=f"Re: {about[:LONGEST_SUBJECT]}", text=text)

    def written(self) -> str:
        """As it is kept; `read` reads it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> AnswerMail:
        return cls(**json.loads(text))
