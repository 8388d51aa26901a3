"""Templates that would hang a sender or eat its memory: refused in one line, at once."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from outreach.messages.sandbox import MAX_SOURCE, Mistake, compiled, environment, rendered
from outreach.model.errors import InputRefused

PLAIN = environment((), html=False)
BOMBS = {
    "a long loop": "{% for i in range(10**9) %}x{% endfor %}",
    "a loop over text": "{% for i in s %}{% for j in s %}x{% endfor %}{% endfor %}",
    "a loop that calls itself": "{% for i in s recursive %}{{ loop(s) }}{% endfor %}",
    "text times a number": "{{ 'a' * 10**9 }}",
    "a power of a power": "{{ 9**9**9**9 }}",
    "a shift by format": "{{ '%1000000000d' % 1 }}",
    "format by method": "{{ '{:>1000000000}'.format(1) }}",
    "center": "{{ s|center(10**9) }}",
    "indent": "{{ s|indent(10**9) }}",
    "join": "{{ s|join(s) }}",
    "a list": "{{ [s, s, s] }}",
    "concatenation": "{{ s ~ s ~ s }}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "doubling by set": "{% set x = 'aa' %}{% set x = x ~ x %}{{ x }}",
    "doubling by blocks": "{% block a %}{{ self.a() }}{% endblock %}",
    "a file": "{% include '/etc/passwd' %}",
    "another template": "{% extends 'other.html' %}",
    "an import": "{% import 'x' as y %}",
    "the way into Python": "{{ ''.__class__.__mro__ }}",
    "a global": "{{ range(10) }}",
    "deep brackets": "{{ " + "(" * 20_000 + "s" + ")" * 20_000 + " }}",
    "deep not": "{% if " + "not " * 20_000 + "s %}x{% endif %}",
    "deep if": "{% if s %}" * 500 + "x" + "{% endif %}" * 500,
    "a long source": "x" * (MAX_SOURCE + 1),
    "an open comment": "{#" * 30_000,
    "open braces": "{{" * 30_000,
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_at_once_in_one_line(source: str):
    tracemalloc.start()
    began = time.process_time()

    with pytest.raises(Mistake) as refused:
        compiled(PLAIN, source)

    took = time.process_time() - began
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 1
    assert peak < 64 * 1024 * 1024
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 300


def test_what_renders_too_large_is_refused():
    with pytest.raises(Mistake, match="more than"):
        rendered(compiled(PLAIN, "{{ s }}" * 50), {"s": "x" * 10_000})


@pytest.mark.parametrize(
    "frame", ["{{ " + "(" * 20_000 + "}}", "x" * (MAX_SOURCE + 1)], ids=["deep", "long"]
)
def test_a_layout_is_held_to_the_same(frame: str):
    with pytest.raises(InputRefused, match="templates/_layout"):
        environment((("_layout/a.html", frame),), html=True)
