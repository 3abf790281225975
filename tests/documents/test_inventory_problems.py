"""One case for each kind of problem, with the exact text and position."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.inventory_fields import TESTINFRA
from pytest_wfo.documents.problems import DocumentError
from tests.documents.support import load, problems, with_host

if TYPE_CHECKING:
    from pathlib import Path

BY_REFERENCE = (
    "a secret is not written here but by reference: env:NAME, file:PATH,"
    " keyring:SERVICE/USER or prompt; write env:WFO_PASSWORD instead"
)


@pytest.mark.parametrize(
    ("keys", "place", "message"),
    [
        ("role: client, adress: x", "3:24: hosts.pc-1.adress", 'unknown key; did you mean "address"?'),
        ("role: client, zzz: x", "3:24: hosts.pc-1.zzz", "unknown key"),
        ("role: client, timeouts: {conect: 1}", "3:35: hosts.pc-1.timeouts.conect",
         'unknown key; did you mean "connect"?'),
        ("address: 10.0.0.1", "3:3: hosts.pc-1.role", "missing; say what the host is for the site"),
        ("role: premise", "3:16: hosts.pc-1.role",
         'expected premises, client, edge or cloud, got "premise"; did you mean "premises"?'),
        ("roles: [client, 7]", "3:26: hosts.pc-1.roles[1]",
         "expected premises, client, edge or cloud, got 7"),
        ("roles: []", "3:17: hosts.pc-1.roles", "expected at least one, got an empty list"),
        ("roles: client", "3:17: hosts.pc-1.roles", 'expected a list ("[a, b]"), got text'),
        ("role: client, roles: [edge]", "3:24: hosts.pc-1.roles", "write role or roles, not both"),
        ("role: client, port: ssh", "3:30: hosts.pc-1.port",
         'expected a port number between 1 and 65535, got "ssh"'),
        ("role: client, port: '22'", "3:30: hosts.pc-1.port",
         'expected a port number between 1 and 65535, got "22" as a text; write it without quotes'),
        ("role: client, port: 65536", "3:30: hosts.pc-1.port",
         "expected a port number between 1 and 65535, got 65536"),
        ("role: client, port: true", "3:30: hosts.pc-1.port",
         "expected a port number between 1 and 65535, got true"),
        ("role: client, sudo: yes", "3:30: hosts.pc-1.sudo",
         'expected true or false, got "yes" as a text (so says YAML 1.2); write true or false'),
        ("role: premises, folders: {loging: /a}", "3:36: hosts.pc-1.folders.loging",
         'unknown key; did you mean "logging"?'),
        ("role: premises, folders: {logging: Logs}", "3:45: hosts.pc-1.folders.logging",
         'expected a folder such as D:\\wfo\\temp or /srv/wfo, got "Logs"'),
        ("role: premises, folders: {logging: 'C:temp'}", "3:45: hosts.pc-1.folders.logging",
         'expected a folder such as D:\\wfo\\temp or /srv/wfo, got "C:temp"'),
        ("role: premises, folders: {logging: 'C:\\*\\Logs'}", "3:45: hosts.pc-1.folders.logging",
         "expected one folder, without wildcards, variables and .."),
        ("role: premises, folders: {logging: '/srv/../x'}", "3:45: hosts.pc-1.folders.logging",
         "expected one folder, without wildcards, variables and .."),
        ("role: premises, folders: {logging: 'D:\\'}", "3:45: hosts.pc-1.folders.logging",
         "expected a folder, got all of a drive"),
        ("role: premises, folders: {logging: 7}", "3:45: hosts.pc-1.folders.logging",
         "expected text, got 7; put it in quotes"),
        ("role: client, agent: 'true'", "3:31: hosts.pc-1.agent",
         'expected true or false, got "true" as a text; write it without quotes'),
        ("role: client, user: 12", "3:30: hosts.pc-1.user", "expected text, got 12; put it in quotes"),
        ("role: client, user: true", "3:30: hosts.pc-1.user",
         "expected text, got true; put it in quotes"),
        ("role: client, user: ' '", "3:30: hosts.pc-1.user", "expected text, got an empty one"),
        ('role: client, user: "a\\e[31m"', "3:30: hosts.pc-1.user",
         "expected one line of text without control characters"),
        ("role: client, user: [a]", "3:30: hosts.pc-1.user", "expected text, got a list"),
        ("role: client, user: ", "3:24: hosts.pc-1.user", "no value; write one or leave the key out"),
        ("role: client, timeouts: 5", "3:34: hosts.pc-1.timeouts",
         'expected a mapping ("key: value"), got a number'),
        ("role: client, timeouts: {login: 0}", "3:42: hosts.pc-1.timeouts.login",
         "expected seconds, more than 0 and at most 3600, got 0"),
        ("role: client, timeouts: {login: .nan}", "3:42: hosts.pc-1.timeouts.login",
         "expected seconds, more than 0 and at most 3600, got nan"),
        ("role: client, platform: Windows", "3:34: hosts.pc-1.platform",
         'expected posix or windows, got "Windows"; did you mean "windows"?'),
        ("role: client, connection: shh", "3:36: hosts.pc-1.connection",
         'expected ssh, local, psrp or a testinfra connection such as docker://name, got "shh";'
         ' did you mean "ssh"?'),
        ("role: client, connection: dokcer://x", "3:36: hosts.pc-1.connection",
         'testinfra knows no "dokcer"; did you mean "docker"?'),
        ("role: client, connection: 'docker://'", "3:36: hosts.pc-1.connection",
         'expected exactly one machine after "docker://"'),
        ("role: client, connection: 'docker://a,b'", "3:36: hosts.pc-1.connection",
         'expected exactly one machine after "docker://"'),
        ("role: client, connection: psrp, platform: posix", "3:52: hosts.pc-1.platform",
         "psrp reaches Windows hosts only; use ssh"),
        ("role: client, tls: true", "3:24: hosts.pc-1.tls", "only psrp hosts have it"),
        ("role: client, connection: psrp, auth: digest", "3:48: hosts.pc-1.auth",
         'expected negotiate, ntlm, kerberos, credssp, certificate or basic, got "digest"'),
        ("role: client, connection: psrp, auth: basic, tls: false", "3:48: hosts.pc-1.auth",
         "basic sends the password in clear text without TLS; use negotiate"),
        ("role: client, connection: psrp, auth: certificate", "3:48: hosts.pc-1.auth",
         "logging in by certificate needs certificate and certificate_key"),
        ("role: client, connection: psrp, auth: certificate, tls: false", "3:48: hosts.pc-1.auth",
         "a certificate logs in over TLS only; leave tls out"),
        ("role: client, connection: psrp, proxy: proxy", "3:49: hosts.pc-1.proxy",
         'expected a proxy such as http://proxy:3128, got "proxy"'),
        ("role: client, connection: psrp, proxy: 'http://u:hunter2@p:1'", "3:49: hosts.pc-1.proxy",
         "no password in an address; a proxy that asks for one cannot be used"),
        ("role: client, connection: psrp, certificate: '-----BEGIN X'", "3:55: hosts.pc-1.certificate",
         "expected the path of a file, got its content; write the path instead"),
        ("role: client, address: 10.20.0.300", "3:33: hosts.pc-1.address",
         'expected an IPv4 address, got "10.20.0.300"'),
        ("role: client, address: 'fd00::1'", "3:33: hosts.pc-1.address",
         '"fd00::1" is an IPv6 address; the requirements are about IPv4'
         " (only management_address may be IPv6)"),
        ("role: client, address: a b", "3:33: hosts.pc-1.address",
         'expected an IPv4 address or a DNS name, got "a b"'),
        ("role: client, address: '10.0.0.[1:2]'", "3:33: hosts.pc-1.address",
         "stands for 2 addresses, but the name for 1 host"),
        ("role: client, address: a, addresses: [b]", "3:36: hosts.pc-1.addresses",
         "write address or addresses, not both"),
        ("role: client, addresses: [a, a b]", "3:39: hosts.pc-1.addresses[1]",
         'expected an IPv4 address or a DNS name, got "a b"'),
        ("role: client, host_key: abc", "3:34: hosts.pc-1.host_key",
         'expected a public host key such as "ssh-ed25519 AAAA..." (ssh-keyscan prints it after'
         " the host's name)"),
        ("role: client, key: '-----BEGIN OPENSSH PRIVATE KEY----- abc'", "3:29: hosts.pc-1.key",
         "expected the path of a file, got its content; write the path instead"),
        ("role: client, password: hunter2", "3:34: hosts.pc-1.password", BY_REFERENCE),
        ("role: client, via: pc-2", "3:29: hosts.pc-1.via",
         'no host or jump host has the name "pc-2"; did you mean "pc-1"?'),
        ("role: client, via: pc-1", "3:29: hosts.pc-1.via", "runs in a circle: pc-1 -> pc-1"),
        ("role: client, connection: local, via: pc-1", "3:48: hosts.pc-1.via",
         "only SSH hosts are reached through a jump host"),
        ("role: client, address: 10.0.0.[1:9]", "3:40: not valid YAML",
         "expected ',' or '}', but got '['; inside braces a range needs quotes:"
         ' "10.20.1.[1:250]"'),
        ('role: client, "a\\ud800": "\\ud800"', "3:24: hosts.pc-1",
         "half of a surrogate pair (\\ud800 to \\udfff) is not text"),
        ("role: client, role: edge", "3:24: hosts.pc-1.role",
         'duplicate key "role", first written at 3:10'),
    ],
)  # fmt: skip
def test_a_problem_with_a_host(tmp_path: Path, keys: str, place: str, message: str) -> None:
    assert problems(tmp_path, with_host(keys))[:1] == [f"inventory.yml:{place}: {message}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", '1:1: expected an inventory ("site:" and "hosts:"), got a list'),
        ("just text", '1:1: expected an inventory ("site:" and "hosts:"), got text'),
        ("{}", "1:1: hosts: missing|1:1: site: missing"),
        ("site: {name: A}\nhosts: {}", "2:1: hosts: no host to examine"),
        ("site: {name: A}\nhosts:", "2:1: hosts: no value; write one or leave the key out"),
        ("site: {name: A}\nhosts: [a]", "2:8: hosts: expected a mapping of names, got a list"),
        ("site: {name: A}\nhost: {a: {role: edge}}",
         '1:1: hosts: missing|2:1: host: unknown key; did you mean "hosts"?'),
        ("site: A\nhosts: {a: {role: edge}}",
         '1:7: site: expected a mapping ("key: value"), got text'),
        ("site: {ticket: x}\nhosts: {a: {role: edge}}", "1:1: site.name: missing"),
        ("site: {name: A, edition: 16.2}\nhosts: {a: {role: edge}}",
         '1:26: site.edition: expected a known edition (16.1), got "16.2"; did you mean "16.1"?'),
        ("site: {name: A, features: [screen_recordin]}\nhosts: {a: {role: edge}}",
         "1:28: site.features[0]: expected screen_recording or desktop_analytics, got"
         ' "screen_recordin"; did you mean "screen_recording"?'),
        ("site: {name: A, cloud_endpoints: [207.166.94.0/24]}\nhosts: {a: {role: edge}}",
         '1:35: site.cloud_endpoints[0]: expected an IPv4 address, got "207.166.94.0/24"'),
        ("site: {name: A, cloud_endpoints: [7]}\nhosts: {a: {role: edge}}",
         "1:35: site.cloud_endpoints[0]: expected an IPv4 address, got a number"),
        ("site: {name: A, timezone: Europe/Berlim}\nhosts: {a: {role: edge}}",
         '1:27: site.timezone: expected a time zone such as Europe/Berlin, got "Europe/Berlim";'
         ' did you mean "Europe/Berlin"?'),
        ("site: {name: A, timezone: ../../etc/passwd}\nhosts: {a: {role: edge}}",
         "1:27: site.timezone: expected a time zone such as Europe/Berlin, got another text"),
        ("site: {name: A, timezone: 1}\nhosts: {a: {role: edge}}",
         "1:27: site.timezone: expected a time zone such as Europe/Berlin, got 1"),
    ],
)  # fmt: skip
def test_a_problem_with_the_site(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text) == [f"inventory.yml:{line}" for line in expected.split("|")]


EXPECTED = "expected from/to such as 2026-11-28T22:00/2026-11-29T02:00, got"


@pytest.mark.parametrize(
    ("zone", "canary", "expected"),
    [
        ("UTC", "{ticket: C1, window: tonight}", f'5:35: window: {EXPECTED} "tonight"'),
        ("UTC", "{ticket: C1, window: 2026-11-29T02:00/2026-11-28T22:00}",
         "5:35: window: the window ends before it begins: 2026-11-29T02:00/2026-11-28T22:00"),
        ("UTC", "{ticket: C1, window: 2026-02-30T02:00/2026-11-28T22:00}",
         f'5:35: window: {EXPECTED} "2026-02-30T02:00/2026-11-28T22:00": the calendar has no such moment'),
        ("null", "{ticket: C1, window: 2026-11-28T22:00/2026-11-29T02:00}",
         '5:35: window: the window needs a time zone; add "timezone: America/New_York" or the like to site'),
        ("UTC", "{window: 2026-11-28T22:00/2026-11-29T02:00}", "5:3: ticket: missing"),
    ],
)  # fmt: skip
def test_a_problem_with_the_canarys_window(
    tmp_path: Path, zone: str, canary: str, expected: str
) -> None:
    zone = "" if zone == "null" else f"timezone: {zone}"
    text = f"site:\n  name: A\n  {zone}\n  ticket: T\n  av_canary: {canary}\nhosts: {{a: {{role: edge}}}}\n"
    place, _, words = expected.partition(": ")
    assert problems(tmp_path, text) == [f"inventory.yml:{place}: site.av_canary.{words}"]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("  a b: {role: edge}",
         "3:3: hosts.a b: a host name consists of letters, digits, dots, hyphens and underscores,"
         " with a letter or digit at both ends"),
        ("  'd[5:1]': {role: edge}", '3:3: hosts.d[5:1]: "[5:1]" runs backwards; write [1:5]'),
        ("  'd[1:100000]': {role: edge}\n  b: {role: edge}",
         "4:3: hosts.b: with this, the inventory has more than 100,000 hosts"),
        ("  'd[1:99999999]': {role: edge}\n  b: {role: edge}",
         "3:3: hosts.d[1:99999999]: with this, the inventory has more than 100,000 hosts"),
        ("  'd[1:11][1:11]': {role: edge}",
         '3:3: hosts.d[1:11][1:11]: stands for "d111" twice; write a hyphen between the ranges'),
        ("  'd[1:9]': {role: edge}\n  D3: {role: edge}",
         '4:3: hosts.D3: host "D3" is already at line 3 as "d[1:9]"'),
        ("  d3: {role: edge}\n  'd[1:9]': {role: edge}",
         '4:3: hosts.d[1:9]: host "d3" is already at line 3'),
        ("  'd[1:9]': {role: edge}\n  'd[7:12]': {role: edge}",
         '4:3: hosts.d[7:12]: host "d7" (and 2 more) is already at line 3 as "d[1:9]"'),
        ("  a: {role: edge}\n  a: {role: edge}",
         '4:3: hosts.a: duplicate key "a", first written at 3:3'),
        ("  'd[1:9]': {role: edge, address: 10.0.0.1}",
         "3:35: hosts.d[1:9].address: 9 hosts cannot share one address;"
         " write a range such as 10.20.1.[1:250]"),
        ("  'd[1:9]': {role: edge, address: '10.0.0.[1:8]'}",
         "3:35: hosts.d[1:9].address: stands for 8 addresses, but the name for 9 hosts"),
        ("  'd[1:9]': {role: edge, address: '10.0.0.[250:258]'}",
         '3:35: hosts.d[1:9].address: expected an IPv4 address, got "10.0.0.256"'),
        ("  a: edge", '3:6: hosts.a: expected a mapping ("key: value"), got text'),
        ("  a: {role: edge, via: b}\n  b: {role: edge, via: a}",
         "3:24: hosts.a.via: runs in a circle: a -> b -> a"),
        ("  a: {role: edge, via: b}\n  b: {role: edge, connection: psrp}",
         '3:24: hosts.a.via: "b" is not reached by SSH and cannot be jumped through'),
        ("  a: {role: edge}\njump_hosts:\n  a: {}",
         '5:3: jump_hosts.a: host "a" is already at line 3'),
        ("  a: {role: edge}\njump_hosts:\n  'j[1:2]': {}",
         "5:3: jump_hosts.j[1:2]: a jump host has one name, no range"),
        ("  a: {role: edge}\njump_hosts:\n  j: {role: edge}", "5:7: jump_hosts.j.role: unknown key"),
        ("  'a[1:3]': {role: edge}\ndefaults: {via: j}",
         '4:17: defaults.via: no host or jump host has the name "j"'),
        ("  a: {role: edge}\ndefaults: {role: edge}", "4:12: defaults.role: unknown key"),
        ("  a: {role: edge}\noverlay: {}",
         '4:10: overlay: expected a list ("- requirement: ..."), got a mapping'),
        ("  a: {role: edge}\noverlay:\n- {requirement: x, aside: true, because: y, approved_by: z}",
         "5:17: overlay[0].requirement: no requirement of edition 16.1 matches"),
        ("  a: {role: edge}\noverlay:\n- {requirement: '*', aside: no, because: y, approved_by: z}",
         '5:29: overlay[0].aside: expected true, got "no"'),
        ("  a: {role: edge}\noverlay:\n- {requirement: '*', aside: 1, because: y, approved_by: z}",
         "5:29: overlay[0].aside: expected true, got 1"),
        ("  a: {role: edge}\noverlay:\n- {requirement: '*', aside: true, because: '', approved_by: z}",
         "5:44: overlay[0].because: expected a sentence, got an empty text"),
        ("  a: {role: edge}\noverlay:\n- {requirement: '*', aside: true, because: y}",
         "5:3: overlay[0].approved_by: missing"),
    ],
)  # fmt: skip
def test_a_problem_among_the_entries(tmp_path: Path, hosts: str, expected: str) -> None:
    text = f"site: {{name: A}}\nhosts:\n{hosts}\n"

    assert problems(tmp_path, text) == [f"inventory.yml:{expected}"]


def test_all_problems_of_a_file_come_at_once_in_its_order(tmp_path: Path) -> None:
    lines = problems(
        tmp_path,
        """\
site: {name: A, edition: 15}
defaults: {conection: ssh, port: ssh}
hosts:
  a: {role: client, via: nowhere}
  a: {role: client}
  b: {adress: x, role: client}
  'c[9:1]': {role: client}
  d: [x]
overlay: [x]
extra: 1
""",
    )

    assert [re.findall(r":(\d+):\d+: ([^:]+)", line)[0] for line in lines] == [
        ("1", "site.edition"),
        ("2", "defaults.conection"),
        ("2", "defaults.port"),
        ("4", "hosts.a.via"),
        ("5", "hosts.a"),
        ("6", "hosts.b.adress"),
        ("7", "hosts.c[9"),
        ("8", "hosts.d"),
        ("9", "overlay[0]"),
        ("10", "extra"),
    ]


@pytest.mark.parametrize("key", ["password", "passphrase", "sudo_password"])
@pytest.mark.parametrize(
    "value",
    [
        "SECRET", "'SECRET'", "[SECRET]", "{SECRET: 1}", "{a: SECRET}", "*SECRET", "&SECRET x",
        "!SECRET x", "env:SECRET!", "keyring:SECRET", "plain:SECRET", "file:", "prompt:SECRET",
        "|\n      SECRET\n", "&SECRET [*SECRET]", "@SECRET", "SECRET: x", "'SECRET",
    ],
)  # fmt: skip
@pytest.mark.parametrize("section", ["defaults:\n", "hosts:\n  a:\n  "])
def test_a_secret_written_out_is_refused_and_never_repeated(
    tmp_path: Path, section: str, key: str, value: str
) -> None:
    secret = "hunter2-Zq9"
    text = f"site: {{name: A}}\n{section}  {key}: {value.replace('SECRET', secret)}\n"

    lines = problems(tmp_path, text)

    assert not any(secret in line for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        "  a: {role: client, password:hunter2}",
        "  a: {role: client, password=hunter2}",
        "  a: {role: client, sudo_password hunter2: x}",
        "  a: {role: client, connection: 'ssh://audit:hunter2@10.0.0.1'}",
        "  a: {role: client, connection: 'winrm://h?password=hunter2'}",
        "  a: {role: client, key: '-----BEGIN PRIVATE KEY-----hunter2'}",
        "  a: {role: client, port: password=hunter2}",
        "  a: password=hunter2",
        "  a: {role: client, password: hunter2",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated_either(tmp_path: Path, line: str) -> None:
    lines = problems(tmp_path, f"site: {{name: A}}\nhosts:\n{line}\n")

    assert not any("hunter2" in line for line in lines)


def test_nothing_in_a_problem_can_control_a_terminal(tmp_path: Path) -> None:
    lines = problems(tmp_path, with_host('role: "a\\e[31m", "k\\e]0;x\\a": 1'))

    assert all(line.isprintable() for line in lines)


def test_the_known_testinfra_connections_are_testinfras_own() -> None:
    from testinfra.backend import BACKENDS

    assert set(TESTINFRA) == set(BACKENDS) - {"psrp"}, "psrp is ours, and registered there"


def test_a_thousand_slips_give_a_thousand_problems(tmp_path: Path) -> None:
    text = "site: {name: A}\nhosts:\n" + "".join(
        f"  h{number}: {{role: client, via: x{number}}}\n" for number in range(1000)
    )

    lines = problems(tmp_path, text)

    assert len(lines) == 1000
    assert lines[-1].endswith('hosts.h999.via: no host or jump host has the name "x999"')


KEYS = st.sampled_from([
    "site", "hosts", "defaults", "jump_hosts", "overlay", "name", "role", "roles", "address",
    "port", "via", "password", "timeouts", "addresses", "connection", "a", "b[1:3]", "<<",
])  # fmt: skip
SCALARS = st.sampled_from([
    "client", "premises", "10.0.0.[1:3]", "a", "1", "~", "true", "16.1", "ssh", "env:A", "*x",
    "psrp", "docker://a", '"\\ud800"', '"\\0"', "'[1:'", "&x y", "!t z", ".inf", "''",
])  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(KEYS, inner), max_size=5).map(
            lambda pairs: "{" + ", ".join(f"'{key}': {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=25,
)
INVENTORIES = st.lists(st.tuples(KEYS, VALUES), max_size=5).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(INVENTORIES, st.text(max_size=40)))
def test_any_text_gives_a_site_or_a_document_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "inventory.yml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_inventory(file)
    except DocumentError as error:
        told = error.problems
    else:
        told = ()

    assert all(str(problem).isprintable() for problem in told)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_any_keys_of_a_host_give_a_site_or_a_document_error(tmp_path: Path, value: str) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text(f"site: {{name: A}}\nhosts:\n  'h[1:3]': {value}\n")
    try:
        hosts = len(load_inventory(file).hosts)
    except DocumentError:
        hosts = 3

    assert hosts == 3


def test_what_is_right_beside_a_problem_is_not_reported(tmp_path: Path) -> None:
    assert len(load(tmp_path, with_host("role: premises")).hosts) == 1
    assert len(problems(tmp_path, with_host("role: premises, por: 1") + "  b: {role: edge}\n")) == 1
