"""The lint: clean on what we ship, and each rule shown to catch."""

from __future__ import annotations

import pytest
from tests.messages.notice import WORDS, shipped

from outreach.messages.lint import SPOKEN_FILES, findings
from outreach.messages.texts import FILES
from outreach.model.notice import Texts
from outreach.model.words import Service


def rules(
    template: str = "outage_x", locale: str = "es", *, fold: bool = True, **files: str
) -> set[str]:
    texts = {template: {locale: {name.replace("__", "."): text for name, text in files.items()}}}
    found = findings(texts, WORDS, fold=fold)
    return {one.rule for one in found if one.rule != "missing-file"}


@pytest.mark.no_cover  # other tests walk the same lines; traced, it takes twice as long
@pytest.mark.parametrize("service", Service)
def test_the_shipped_templates_are_clean_for_every_service(service):
    assert findings(shipped(), WORDS, services=(service,), locales=("es", "pt", "en")) == []


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("sms-length", {"sms__txt": "{{ zone }} " + "x" * 150}),
        ("sms-alphabet", {"sms__txt": "corte ⚡ en {{ zone }}"}),
        ("social-length", {"social__txt": "x" * 250 + " {{ url }} {{ zone }}"}),
        ("forbidden", {"sms__txt": "Vuelve hoy"}),
        ("forbidden", {"email__txt": "Lo haremos mañana"}),
        ("forbidden", {"social__txt": "Pronto habrá novedades"}),
        ("forbidden", {"sms__txt": "Su luz volvió"}),
        ("forbidden", {"ivr__txt": "Garantizamos. Dato {{ asof }}."}),
        ("forbidden", {"email__html": "<p>Cuadrilla en camino</p>"}),
        ("forbidden", {"sms__txt": "A las 6 tendrá luz"}),
        ("forbidden", {"email__subject__txt": "Repondremos el servicio"}),
        ("estimate", {"sms__txt": "Vuelve a las {{ etr }}"}),
        ("apology", {"sms__txt": "Corte en {{ zone }}. Disculpe."}),
        ("one-way", {"sms__txt": "Responda {{ report }}"}),
        ("health", {"agent__txt": "Tiene soporte vital"}),
        ("carrier-word", {"sms__txt": "Responda AYUDA"}),
        ("as-of", {"ivr__txt": "Hay un corte."}),
        ("digits", {"voice__txt": "Marque 1. Dato {{ asof }}."}),
        ("too-long", {"ivr__txt": "Dato {{ asof }}. " + "palabra larga " * 40}),
        ("absent-field", {"ivr__txt": "{{ url }} Dato {{ asof }}."}),
        ("absent-field", {"sms__txt": "Llame al {{ tel }}"}),
        ("unknown-field", {"sms__txt": "{{ zona }}"}),
        ("unknown-field", {"email__txt": "{{ personal.nombre }}"}),
        ("places", {"sms__txt": "Corte{{ personal.places }}"}),
        ("syntax", {"sms__txt": "ok\n{% if %}"}),
        ("not-allowed", {"sms__txt": "{% for a in zone %}x{% endfor %}"}),
    ],
)
def test_each_rule_catches(rule, files):
    assert rule in rules(**files)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("pt", "Volta hoje"), ("pt", "Terá luz às 6"), ("pt", "equipe a caminho"), ("pt", "sua luz voltou"),
        ("en", "Back soon"), ("en", "We guarantee it"), ("en", "Your power is back"), ("en", "crew is on the way"),
    ],
)  # fmt: skip
def test_other_languages_have_their_own_words(locale, text):
    assert rules(locale=locale, sms__txt=text) == {"forbidden"}


@pytest.mark.parametrize(
    ("template", "text", "caught"),
    [
        ("outage_etr_later", "Cambia. Lo lamentamos. Dato de {{ asof }}. {{ link }}", False),
        ("outage_etr_later", "Lo lamentamos. El corte sigue. {{ link }}", True),
        ("outage_etr_later", "Disculpe. Lo lamentamos.", True),
        ("correction", "Era erróneo. Disculpe. {{ link }}", False),
    ],
)
def test_an_apology_is_for_our_own_change_once_and_last(template, text, caught):
    assert ("apology" in rules(template, sms__txt=text)) is caught


@pytest.mark.parametrize(
    ("text", "caught"),
    [("responda SIN LUZ", False), ("responda NO HAY", True), ("responda SALIR YA", True)],
)
def test_restoration_replies_share_no_word_with_opt_out_or_yes_and_no(text, caught):
    guarded = "{% if two_way %}" + text + "{% endif %}"

    assert ("reply-word" in rules("outage_restored", sms__txt=guarded)) is caught


def test_a_campaign_that_keeps_accents_has_70_characters():
    assert rules(fold=False, sms__txt="Próxima noticia") == set()
    assert rules(fold=False, sms__txt="Próxima noticia " * 5) == {"sms-length"}


def test_speech_may_say_tomorrow_with_its_weekday():
    assert rules(ivr__txt="Será mañana lunes. Dato {{ asof }}.") == set()


def test_findings_name_file_line_and_mend():
    texts = {"t": {"es": {"sms.txt": "uno\ndos hoy"}}}

    found = [one for one in findings(texts, WORDS) if one.rule == "forbidden"]

    assert [(one.file, one.line) for one in found] == [("t/es/sms.txt", 2)]
    assert "write the weekday" in found[0].message


def test_missing_files_and_locales_are_named():
    whole = dict.fromkeys(FILES, "Dato {{ asof }}.")
    texts: Texts = {"a": {"es": whole, "es-CL": {"sms.txt": "x"}}, "b": {"pt": {}}}

    found = {(one.file, one.rule) for one in findings(texts, WORDS, locales=("es",))}

    assert ("b/es", "missing-locale") in found
    assert ("b/pt/sms.txt", "missing-file") in found
    assert not any(file.startswith("a/") and rule.startswith("missing") for file, rule in found)


def test_a_locale_without_words_is_refused_as_a_finding():
    assert rules(locale="fr", sms__txt="x") == {"refused"}


def test_spoken_files_are_those_for_the_ear():
    assert set(SPOKEN_FILES) < set(FILES)
