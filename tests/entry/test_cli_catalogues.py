"""Everything an operator can read stands in Spanish and in Portuguese."""

from __future__ import annotations

import gettext
import re
import shutil

import pytest

from outreach.entry import catalogues, languages

FIELD = re.compile(r"\{[a-z_]*[^}]*\}|%\([a-z]+\)s")


@pytest.fixture(params=catalogues.TRANSLATED)
def language(request):
    return request.param


def test_every_string_of_the_program_and_of_click_is_translated(language):
    known = catalogues.read(language)
    wanted = {text if isinstance(text, str) else text[0] for text in catalogues.texts()}

    missing = sorted(
        text for text in wanted if not all(_forms(getattr(known.get(text), "string", "")))
    )

    assert missing == [], "translate them in the .po, then `python -m outreach.entry.catalogues`"


def test_the_fields_of_a_translation_are_those_of_its_source(language):
    for message in catalogues.read(language):
        allowed = set(FIELD.findall(" ".join(_forms(message.id))))

        for form in _forms(message.string):
            assert not message.id or set(FIELD.findall(form)) <= allowed, message.id


def test_the_compiled_catalogue_is_that_of_the_text_file(language):
    compiled = catalogues.path_of(language, "mo").read_bytes()

    assert compiled == catalogues.compiled(catalogues.read(language))


def test_renewing_keeps_translations_and_marks_what_is_new(language, tmp_path, monkeypatch):
    for each in catalogues.TRANSLATED:
        shutil.copytree(languages.LOCALES / each, tmp_path / each)
    monkeypatch.setattr(catalogues, "LOCALES", tmp_path)
    monkeypatch.setattr(catalogues, "texts", lambda: iter(["yes", "brand new", ("a", "many")]))

    catalogues.main()

    renewed = catalogues.read(language)
    assert getattr(renewed.get("yes"), "string", None) in {"sí", "sim"}
    assert getattr(renewed.get("brand new"), "string", None) == ""
    assert renewed.get("no") is None
    read = gettext.translation(languages.DOMAIN, str(tmp_path), [language])
    assert read.gettext("brand new") == "brand new"


def test_a_first_catalogue_begins_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogues, "LOCALES", tmp_path)

    assert len(catalogues.read("es")) == 0


def _forms(text) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)
