"""The peer: what a competent team writes by hand, a Celery task per SMS with SQLAlchemy and Twilio's SDK.

Runs in an environment of its own and knows nothing of the product. As the field's guides advise: late
acknowledgement, tasks of a lost worker go back, retries with backoff, a status that is looked at first,
no transaction open during the call, pooled connections. The broker hands out again after 60 s what nobody
acknowledged: by default that is an hour, in which a killed worker's messages would just be stuck.

    python celery_pipeline.py fill N        N rows to send, and nothing else
    python celery_pipeline.py enqueue       a task for each
    celery -A celery_pipeline worker
"""

from __future__ import annotations

import os
import sqlite3
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from requests.exceptions import RequestException
from sqlalchemy import String, create_engine, event, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

DATABASE, BROKER, CARRIER = (
    os.environ.get(name, "")  # noqa: TID251  it has no settings of ours
    for name in ("PEER_DATABASE", "PEER_BROKER", "PEER_CARRIER")
)
ACCOUNT, SENDER = "AC" + "0" * 32, "+56911111111"
BODY = "Outreach: corte de luz en Providencia. Vuelta estimada: mar 05:30. Puede cambiar."
VISIBILITY_S = 60
"""No retry may be put off for longer, or it would go out twice by itself: five do not come to 20 s."""
_SLICE = 1_000

app = Celery("celery_pipeline", broker=BROKER)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    broker_transport_options={"visibility_timeout": VISIBILITY_S},
    broker_connection_retry_on_startup=True,
)
engine = create_engine(DATABASE or "sqlite://")
sessions = sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables of the peer."""


class Message(Base):
    """One SMS and how far it is: queued, sent."""

    __tablename__ = "peer_message"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(10), index=True)
    sid: Mapped[str | None] = mapped_column(String(34))
    sent_at: Mapped[datetime | None]


@event.listens_for(engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    """Just as durable as the product."""
    if isinstance(connection, sqlite3.Connection):
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
            connection.execute(f"PRAGMA {pragma}")


@worker_process_init.connect
def _forked(**_signal: Any) -> None:
    engine.dispose(close=False)


@cache
def carrier() -> Client:
    """One client a process, with kept connections."""
    client = Client(ACCOUNT, "x" * 32, http_client=TwilioHttpClient(timeout=10, max_retries=0))
    client.api.base_url = CARRIER
    return client


@app.task(
    autoretry_for=(TwilioException, RequestException),
    retry_backoff=True,
    retry_jitter=True,
    max_retries=5,
)
def send_message(message_id: int) -> None:
    with sessions() as session:
        message = session.get_one(Message, message_id)
        session.commit()
        if message.status == "sent":
            return
        sent = carrier().messages.create(
            to=message.phone,
            from_=SENDER,
            body=message.body,
            status_callback=f"https://luz.example.com/status/{message.id}",
        )
        message.status, message.sid, message.sent_at = "sent", sent.sid, datetime.now(UTC)  # noqa: TID251  see above
        session.commit()


def fill(how_many: int) -> None:
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushall()  # nor do tasks of an earlier run come again
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with sessions.begin() as session:
        for start in range(1, how_many + 1, _SLICE):
            numbers = range(start, min(start + _SLICE, how_many + 1))
            rows = [{"id": n, "phone": f"+569{n:08}", "body": BODY, "status": "queued"} for n in numbers]  # fmt: skip
            session.execute(insert(Message), rows)


def enqueue() -> None:
    """All over one connection."""
    with sessions() as session, app.producer_or_acquire() as producer:
        for number in session.scalars(select(Message.id)):
            send_message.apply_async((number,), producer=producer)


if __name__ == "__main__":
    fill(int(sys.argv[2])) if sys.argv[1] == "fill" else enqueue()
