"""The gate to addresses: https, allowed hosts, no network of ours by mistake, one look at DNS."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from tests.fakes.http import HttpFake

from outreach import clock
from outreach.entry import egress, fetching, posting
from outreach.entry.egress import Question, Rules, guarded
from outreach.model.errors import InputRefused
from outreach.settings import Feed, SendGrid, Settings, Twilio, X
from outreach.settings_contactcenter import Connect, Egress, Endpoint, Genesys

SSRF = Path(__file__).parents[2].parent / "shared" / "corpora" / "payloads" / "ssrf_urls.txt"
PUBLIC = "93.184.215.14"
OPEN = Rules()
HERE = Rules(only_loopback=True)


def as_the_system_does(host: str, _port: int) -> list[str]:
    """What getaddrinfo makes of literals in every spelling; names of a public host else."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return ["127.0.0.1" if host.startswith(("localhost", "ip6-")) else PUBLIC]


def refused(url: str, *addresses: str, rules: Rules = OPEN) -> str:
    resolve = (lambda _host, _port: addresses) if addresses else as_the_system_does
    with pytest.raises(InputRefused, match=r"^it: ") as why:
        guarded(url, rules, what="it", resolve=resolve)
    return str(why.value)


ATTACKS = (
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0177.0.0.1/",
    "https://0x7f000001/", "https://0x7f.1/", "https://127.0.0.1./", "https://0/", "https://0.0.0.0/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::169.254.169.254]/",
    "https://[2002:7f00:1::]/", "https://[::ffff:0:10.0.0.1]/", "https://[fd00::1]/",
    "https://[fe80::1]/", "https://[ff02::1]/", "https://10.1.2.3/", "https://172.16.0.1/",
    "https://192.168.1.1/", "https://100.64.0.1/", "https://100.100.100.200/",
    "https://169.254.169.254/latest/meta-data/", "https://168.63.129.16/", "https://192.0.0.192/",
    "https://198.18.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://localhost/",
    "https://ip6-localhost/", "https://ana:hunter2@luz.example/", "https://luz.example@127.0.0.1/",
    "https://luz.example/#@127.0.0.1/", "https://luz.example\\@127.0.0.1/", "https://luz.example/ x",
    "https://luz.example/\r\nhost:x", "https://luz.exámple/", "https://①②⑦.⓪.⓪.①/",
    "https://luz.example:99999/", "https:///x", "https:127.0.0.1/", "//luz.example/", "luz.example",
    "ftp://luz.example/", "file:///etc/passwd", "gopher://luz.example/", "data:,x", "",
    "http://luz.example/",
)  # fmt: skip


@pytest.mark.parametrize("url", ATTACKS)
def test_an_attack_is_refused_without_repeating_it(url: str):
    said = refused(url)

    assert "hunter2" not in said
    assert "\n" not in said


@pytest.mark.skipif(not SSRF.exists(), reason=f"no corpora at {SSRF}")
def test_no_address_of_the_corpus_gets_through_with_tls_either():
    urls = [line.strip() for line in SSRF.read_text(encoding="utf-8").splitlines() if line.strip()]
    tried = [*urls, *(url.replace("http:", "https:", 1) for url in urls)]
    through = []
    for url in tried:
        try:
            through.append(guarded(url, OPEN, what="it", resolve=as_the_system_does).url)
        except InputRefused:
            continue

    # The only names among them: odd spellings of a host that is public here.
    assert [url for url in through if PUBLIC not in url] == []
    assert len(tried) > 80


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "fd00::7", "169.254.169.254", "64:ff9b::a00:1"])  # fmt: skip
def test_one_address_inside_among_public_ones_is_enough(address: str):
    said = refused("https://luz.example/", PUBLIC, address)

    assert "leads into a network of our own" in said


def test_the_name_is_looked_up_once_and_the_address_seen_is_the_one_asked():
    answers = iter([[PUBLIC], ["127.0.0.1"]])  # what rebinding does

    found = guarded(
        "https://luz.example:8443/a?b=c", OPEN, what="it", resolve=lambda *_: next(answers)
    )

    assert found.url == f"https://{PUBLIC}:8443/a?b=c"
    assert (found.host, found.host_header) == ("luz.example", "luz.example:8443")
    assert next(answers) == ["127.0.0.1"]  # nobody asked again


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("crm.luz.example", True), ("CRM.Luz.Example", True), ("luz.example", False),
        ("api.pagos.example", True), ("pagos.example.evil.example", False),
        ("evilcrm.luz.example.evil.example", False), ("oms.lan", True),
    ],
)  # fmt: skip
def test_where_hosts_are_named_no_other_is_asked(host: str, is_allowed):
    rules = Rules(hosts=("crm.luz.example", ".pagos.example"), private_hosts=("oms.lan",))

    if is_allowed:
        found = guarded(f"https://{host}/", rules, what="it", resolve=lambda *_: [PUBLIC])
        assert found.host == host.casefold()
    else:
        assert "is not among egress.hosts" in refused(f"https://{host}/", PUBLIC, rules=rules)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.4.4", "fd12::7", "127.0.0.1"])
def test_a_named_host_inside_is_asked_by_http_too(address: str):
    rules = Rules(private_hosts=("oms.lan",))

    found = guarded("http://oms.lan/feed", rules, what="it", resolve=lambda *_: [address])

    assert found.address == address


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fe80::1"])  # fmt: skip
def test_where_clouds_keep_their_secrets_no_setting_leads(address: str):
    rules = Rules(private_hosts=("oms.lan",))

    assert "keeps its secrets" in refused("https://oms.lan/", address, rules=rules)


def test_a_drill_reaches_this_machine_alone():
    assert "only_loopback" in refused("https://luz.example/", PUBLIC, rules=HERE)
    found = guarded("http://luz.example/", HERE, what="it", resolve=lambda *_: ["127.0.0.1"])
    assert found.address == "127.0.0.1"


def test_the_rules_are_those_of_the_settings():
    settings = Settings(egress=Egress(hosts=("a.example",), private_hosts=("b.lan",)))

    assert egress.rules(settings) == Rules(hosts=("a.example",), private_hosts=("b.lan",))


def ask(server: HttpFake, **given: object) -> egress.Answered:
    goal = guarded(f"{server.url}/x", HERE, what="it")
    question = Question(**{"most_bytes": 100, "deadline_s": 5.0, **given})  # type: ignore[arg-type]
    return egress.ask(goal, question, what="it", monotonic=clock.monotonic)


def test_an_answer_comes_whole_and_a_redirect_as_it_is():
    with HttpFake() as server:
        server.next(body=b"{}")
        server.next(302, headers={"location": "http://169.254.169.254/"})

        first, moved = ask(server), ask(server, method="POST", content=b"x")

    assert (first.status, first.body) == (200, b"{}")
    assert moved.status == 302
    assert [each.method for each in server.requests] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("reply", "given", "said"),
    [
        ({"body": b"x" * 101}, {}, "more than 100 bytes"),
        ({"body": b"x" * 12, "then": "drip"}, {"deadline_s": 0.1}, "took over 0.1 s"),
        ({"then": "drop"}, {}, "did not answer"),
    ],
)
def test_too_much_too_slow_or_nothing_is_refused(reply, given, said: str):
    with HttpFake() as server:
        server.next(**reply)

        with pytest.raises(InputRefused, match=f"^it: .*{said}"):
            ask(server, **given)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        (Twilio, "base_url"),
        (SendGrid, "base_url"),
        (X, "base_url"),
        (Genesys, "api_url"),
        (Genesys, "login_url"),
        (Connect, "endpoint_url"),
    ],
)
def test_credentials_of_ours_travel_by_https_or_not_off_this_machine(part, key: str):
    assert part(**{key: "https://proxy.luz.example"})
    assert part(**{key: "http://127.0.0.1:9"})
    for url in ("http://proxy.luz.example", "ftp://x.example", "https://"):
        with pytest.raises(ValidationError, match="must be https"):
            part(**{key: url})


def test_feeds_and_endpoints_go_through_the_same_gate():
    from_feed = Feed(name="oms", kind="jsonl", url="http://luz.example/")
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    endpoint = Endpoint(name="crm", url="https://luz.example/", secret=secret)
    rules = Rules(hosts=("other.example",))

    with pytest.raises(InputRefused, match=r"feed oms: .* is not among"):
        egress_of_feed(from_feed, rules)
    with pytest.raises(InputRefused, match=r"endpoint crm: .* is not among"):
        egress_of_endpoint(endpoint, rules)


def egress_of_feed(feed: Feed, rules: Rules) -> object:
    return fetching.target(feed, resolve=as_the_system_does, rules=rules)


def egress_of_endpoint(endpoint: Endpoint, rules: Rules) -> object:
    return posting.target(endpoint, resolve=as_the_system_does, rules=rules)
