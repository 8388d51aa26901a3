"""Reading the template folder safely."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.messages.notice import corpus

from outreach.messages.texts import chosen, pinned, read_texts
from outreach.model.errors import InputRefused

TEXTS = {
    "_layout": {"es": {"email.html": "frame"}},
    "etr": {"es": {"sms.txt": "hola", "ivr.txt": "voz"}, "es-CL": {"sms.txt": "po"}},
    "other": {"es": {"sms.txt": "otro"}},
}


def write(folder: Path, path: str, content: bytes = b"hola\r\n") -> Path:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def test_files_are_read_by_template_locale_and_name(tmp_path):
    write(tmp_path, "etr/es/sms.txt", b"\xef\xbb\xbfhola\r\n")
    write(tmp_path, "README.md")
    write(tmp_path, ".git/config")

    texts = read_texts(tmp_path)

    assert texts == {"etr": {"es": {"sms.txt": "hola\n"}}}


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("etr/es/deep/sms.txt", b"x", "does not stand as"),
        ("sms.txt", b"x", "does not stand as"),
        ("Etr/es/sms.txt", b"x", "unsafe name"),
        ("etr/spanish/sms.txt", b"x", "unsafe name"),
        ("etr/es/note.txt", b"x", "unknown file"),
        ("etr/es/sms.txt", b"x" * 8001, "larger than"),
        ("etr/es/sms.txt", b"\xe1rbol", "not UTF-8 at byte 0"),
        ("etr/es/sms.txt", b"a\0b", "NUL"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(tmp_path, path, content, message):
    target = write(tmp_path, path, content)

    with pytest.raises(InputRefused, match=message) as refused:
        read_texts(tmp_path)

    assert str(target) in str(refused.value)


def test_a_symbolic_link_is_refused(tmp_path):
    outside = write(tmp_path, "outside.txt")
    (tmp_path / "t/etr/es").mkdir(parents=True)
    (tmp_path / "t/etr/es/sms.txt").symlink_to(outside)

    with pytest.raises(InputRefused, match="symbolic link"):
        read_texts(tmp_path / "t")


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(InputRefused, match="outreach init"):
        read_texts(tmp_path / "none")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("outreach.messages.texts.MAX_FILES", 1)
    write(tmp_path, "etr/es/sms.txt")
    write(tmp_path, "etr/es/ivr.txt")

    with pytest.raises(InputRefused, match="more than 1 files"):
        read_texts(tmp_path)


@pytest.mark.parametrize(
    ("locale", "file", "expected"),
    [
        ("es-CL", "sms.txt", ("es-CL", "po")),
        ("es-CL", "ivr.txt", ("es", "voz")),
        ("pt-BR", "sms.txt", ("es", "hola")),
    ],
)
def test_the_nearest_locale_that_has_the_file_is_taken(locale, file, expected):
    assert chosen(TEXTS, "etr", locale, file, main="es") == expected


def test_a_file_in_no_locale_is_refused():
    with pytest.raises(InputRefused, match=r"template etr: no agent.txt for pt, nor for es"):
        chosen(TEXTS, "etr", "pt", "agent.txt", main="es")


@pytest.mark.parametrize(
    "name", ["../etr", "/etc/passwd", "etr\0", "etr/../x", "_layout", "ETR", ""]
)
def test_unsafe_template_names_are_refused(name):
    with pytest.raises(InputRefused):
        chosen(TEXTS, name, "es", "sms.txt", main="es")


def test_no_traversal_of_the_corpus_names_a_template():
    payloads = (
        corpus("payloads", "directory_traversal.txt").read_text(encoding="utf-8").splitlines()
    )

    for payload in filter(None, payloads):
        with pytest.raises(InputRefused):
            chosen(TEXTS, payload, payload, payload, main=payload)


def test_a_launch_pins_its_templates_and_the_layout():
    assert set(pinned(TEXTS, {"etr"})) == {"etr", "_layout"}
