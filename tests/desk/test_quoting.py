"""What a mail program quotes below an answer is never read as the answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from tests.desk.texts import mail

from outreach.desk.quoting import own_words, said
from outreach.desk.words import read
from outreach.model.reply import Meaning

OURS = "Corte de luz en Ñuñoa. Vuelta estimada: 05:30.\nPara no recibir más correos responda BAJA.\nSTOP"
QUOTED = "\n".join(f"> {line}" for line in OURS.splitlines())

BELOW = {
    "Gmail es": f"El dom, 12 jul 2026 a las 3:40, Luz Sur (<avisos@luz.example>) escribió:\n\n{QUOTED}",
    "Gmail pt": f"Em dom., 12 de jul. de 2026 às 03:40, Luz Sur <avisos@luz.example> escreveu:\n\n{QUOTED}",
    "Gmail en": f"On Sun, Jul 12, 2026 at 3:40 AM Luz Sur <avisos@luz.example> wrote:\n\n{QUOTED}",
    "wrapped": f"On Sun, Jul 12, 2026 at 3:40 AM Luz Sur Distribuidora\n<avisos@luz.example>\nwrote:\n{OURS}",
    "wrapped es": f"El dom, 12 jul 2026 a las 3:40, Luz Sur Distribuidora\n(<avisos@luz.example>) escribió:\n{OURS}",
    "Outlook es": f"De: Luz Sur <avisos@luz.example>\nEnviado: domingo, 12 de julio de 2026 3:40\nPara: Ana\nAsunto: Corte\n\n{OURS}",
    "Outlook pt": f"De: Luz Sur <avisos@luz.example>\nEnviada em: domingo, 12 de julho\nPara: Ana\nAssunto: Corte\n\n{OURS}",
    "Outlook en": f"From: Luz Sur <avisos@luz.example>\nSent: Sunday, July 12, 2026\nTo: Ana\nSubject: x\n\n{OURS}",
    "bold Outlook": f"*De:* Luz Sur\n*Enviado el:* domingo\n\n{OURS}",
    "old Outlook es": f"-----Mensaje original-----\nDe: Luz Sur\n{OURS}",
    "old Outlook pt": f"-----Mensagem original-----\n{OURS}",
    "old Outlook en": f"-----Original Message-----\n{OURS}",
    "Yahoo rule": f"________________________________\nDe: Luz Sur\n{OURS}",
    "Apple": f"> El 12 jul 2026, a las 3:40, Luz Sur <avisos@luz.example> escribió:\n> \n{QUOTED}",
    "Apple pt": f"Em 12 de jul. de 2026, à(s) 03:40, Luz Sur <a@luz.example> escreveu:\n\n{OURS}",
    "signature": "Enviado desde mi iPhone\n\nSTOP",
    "signature pt": "Enviado do meu Galaxy\nSAIR",
    "signature en": "Sent from my iPhone\n\nBAJA",
    "dashes": "--\nAna Rojas\nSTOP",
    "bare quote": QUOTED,
    "forwarded": f"---------- Forwarded message ---------\n{OURS}",
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_only_what_stands_above_is_theirs(below):
    assert own_words(f"Sigo sin luz\n\n{below}") == "Sigo sin luz"


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_a_word_in_our_own_footer_is_never_their_opt_out(below):
    own = own_words(f"Gracias, ya llegó.\n\n{below}")

    assert read(own, locale="es").meaning != Meaning.OPT_OUT
    assert own == "Gracias, ya llegó."


def test_an_answer_below_the_quotation_is_found():
    assert own_words(f"{QUOTED}\n\nSigo sin luz") == "Sigo sin luz"


def test_an_empty_answer_stays_empty():
    assert own_words(BELOW["Outlook es"]) == ""
    assert own_words("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "BAJA",
        "Hola,\n\nno me manden más correos.\nSaludos",
        "Mi vecino escribió:\nya volvió",
        "De: todas maneras\nsigo sin luz",
        "A las 3 se fue la luz - y volvió\nGracias",
    ],
)
def test_a_text_without_a_quotation_is_kept_whole(text):
    assert own_words(text) == text


def test_our_own_subject_is_never_read_and_theirs_is():
    assert said(mail("", subject="Re: Corte de luz en Ñuñoa")) == ""
    assert said(mail(BELOW["Gmail es"], subject="RV: Falta de luz")) == ""
    assert said(mail("", subject="Outage in Centre", in_reply_to="<1@luz.example>")) == ""
    assert said(mail("", subject="unsubscribe")) == "unsubscribe"
    assert said(mail("> sin luz", channel="sms")) == "> sin luz"


@given(st.text(max_size=300), st.sampled_from(sorted(BELOW.values())))
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_stripped_and_again_without_change(text, below):
    own = own_words(f"{text}\n{below}")

    assert own_words(own) == own or own_words(own) in own
