"""What a good inventory means."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zoneinfo
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.hosts import (
    Connection,
    Feature,
    Folder,
    Host,
    Role,
    SecretRef,
    SetAside,
    Timeouts,
)
from pytest_wfo.documents.inventory import load_inventory
from tests.documents.support import load, with_host

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_inventory_is_filled_up_with_the_documented_defaults(tmp_path: Path) -> None:
    site = load(tmp_path, with_host("role: premises, address: 10.20.0.10"))

    assert site.hosts == {
        "pc-1": Host(
            name="pc-1",
            roles=frozenset({Role.PREMISES}),
            addresses=("10.20.0.10",),
            connection=Connection("ssh", address="10.20.0.10"),
            platform="posix",
            public_address="",
        )
    }
    assert (site.name, site.ticket, site.edition) == ("A", "", "16.1")
    assert (site.features, site.cloud_endpoints, site.set_aside) == (frozenset(), (), ())
    assert (site.timezone, site.warnings, dict(site.jump_hosts)) == (None, (), {})


def test_everything_that_can_be_said_of_a_site_is_kept(tmp_path: Path) -> None:
    text = """\
site:
  name: Contoso
  ticket: CHG1
  features: [desktop_analytics, screen_recording]
  cloud_endpoints: [207.166.94.10, 207.166.95.10]
  timezone: Europe/Berlin
hosts:
  a: {role: premises}
  b: {roles: [client, edge]}
overlay:
  - {requirement: client-443.*, aside: true, because: "No\\n  listener.", approved_by: M. Rivera}
"""
    site = load(tmp_path, text)

    assert site.features == frozenset(Feature)
    assert site.cloud_endpoints == ("207.166.94.10", "207.166.95.10")
    assert site.timezone == zoneinfo.ZoneInfo("Europe/Berlin")
    assert site.set_aside == (SetAside("client-443.*", "No listener.", "M. Rivera"),)
    assert site.hosts["b"].roles == {Role.CLIENT, Role.EDGE}
    assert site.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_folders_of_a_host_come_before_those_of_the_site(tmp_path: Path) -> None:
    text = """\
site: {name: A, folders: {screen_recording: 'D:\\wfo\\temp\\', logging: 'D:\\wfo\\logs'}}
hosts:
  a: {role: premises}
  b-[1:2]: {role: premises, folders: {logging: /srv/wfo/logs}}
"""
    hosts = load(tmp_path, text).hosts

    site = {Folder.SCREEN_RECORDING: "D:\\wfo\\temp\\", Folder.LOGGING: "D:\\wfo\\logs"}
    assert hosts["a"].folders == site
    assert hosts["b-2"].folders == {**site, Folder.LOGGING: "/srv/wfo/logs"}
    assert load(tmp_path, with_host("role: premises")).hosts["pc-1"].folders == {}


def test_the_file_is_named_as_the_user_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, with_host("role: premises, key: id"))
    monkeypatch.chdir(tmp_path.parent)

    site = load_inventory(f"{tmp_path.name}/inventory.yml")

    assert site.source == f"{tmp_path.name}/inventory.yml"
    assert site.hosts["pc-1"].connection.key == str(tmp_path / "id")


def test_texts_that_look_like_numbers_are_kept_as_written(tmp_path: Path) -> None:
    site = load(
        tmp_path, "site: {name: 007, ticket: 0012345, edition: 16.1}\nhosts: {1: {role: premises}}"
    )

    assert (site.name, site.ticket, site.edition) == ("007", "0012345", "16.1")
    assert list(site.hosts) == ["1"]


def test_every_connection_key_reaches_the_connection(tmp_path: Path) -> None:
    keys = (
        "role: premises, address: 10.20.0.10, management_address: fd00::1, port: 2222, user: audit,"
        " password: env:PW, key: keys/id, passphrase: 'file:secrets/p', agent: false,"
        " host_key: ssh-ed25519 AAAA comment, known_hosts: /etc/known, sudo: true,"
        " sudo_password: keyring:wfo/audit, timeouts: {connect: 1, login: 2.5}"
    )
    connection = load(tmp_path, with_host(keys)).hosts["pc-1"].connection

    assert connection == Connection(
        kind="ssh",
        address="fd00::1",
        port=2222,
        user="audit",
        password=SecretRef("env", "PW"),
        key=str(tmp_path / "keys/id"),
        passphrase=SecretRef("file", str(tmp_path / "secrets/p")),
        agent=False,
        host_key="ssh-ed25519 AAAA",
        known_hosts="/etc/known",
        sudo=True,
        sudo_password=SecretRef("keyring", "wfo/audit"),
        timeouts=Timeouts(connect=1.0, login=2.5),
    )


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/qa")
    monkeypatch.setenv("USERPROFILE", "/home/qa")
    keys = "role: premises, key: ~/.ssh/id, password: 'file:~/pw'"
    connection = load(tmp_path, with_host(keys)).hosts["pc-1"].connection

    assert connection.key == os.path.join("/home/qa", ".ssh", "id")  # noqa: PTH118
    assert connection.password == SecretRef("file", os.path.join("/home/qa", "pw"))  # noqa: PTH118


def test_defaults_fill_what_a_host_does_not_say_and_timeouts_merge(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        """\
site: {name: A}
defaults: {user: audit, password: prompt, port: 2222, sudo: true, timeouts: {connect: 1, login: 2}}
hosts:
  a: {role: premises, user: root, sudo: false, timeouts: {login: 3}}
  b: {role: client, connection: psrp}
""",
    )
    a, b = site.hosts["a"].connection, site.hosts["b"].connection

    assert (a.user, a.password, a.port, a.sudo) == ("root", SecretRef("prompt"), 2222, False)
    assert (a.timeouts.connect, a.timeouts.login) == (1.0, 3.0)
    assert (b.kind, b.user) == ("psrp", "audit")
    assert b.port == 5986, "the default port is for SSH, as the defaults say"


@pytest.mark.parametrize(
    ("keys", "kind", "platform", "port", "address", "spec"),
    [
        ("", "ssh", "posix", 22, "pc-1", ""),
        ("connection: ssh, platform: windows", "ssh", "windows", 22, "pc-1", ""),
        ("connection: psrp", "psrp", "windows", 5986, "pc-1", ""),
        ("platform: windows", "psrp", "windows", 5986, "pc-1", ""),
        ("connection: psrp, tls: false", "psrp", "windows", 5985, "pc-1", ""),
        ("connection: psrp, tls: false, port: 80", "psrp", "windows", 80, "pc-1", ""),
        ("connection: local", "local", "posix", 22, "", ""),
        ("connection: docker://web", "testinfra", "posix", 22, "", "docker://web"),
        ("connection: 'ssh://audit@h?timeout=3'", "testinfra", "posix", 22, "", "ssh://audit@h?timeout=3"),
    ],
)  # fmt: skip
def test_the_ways_to_reach_a_host(
    tmp_path: Path, keys: str, kind: str, platform: str, port: int, address: str, spec: str
) -> None:
    host = load(tmp_path, with_host(f"role: premises, {keys}")).hosts["pc-1"]
    connection = host.connection

    assert (connection.kind, host.platform, connection.port) == (kind, platform, port)
    assert (connection.address, connection.spec) == (address, spec)


def test_what_only_windows_hosts_have(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        """\
site: {name: A}
defaults:
  {auth: certificate, certificate: c.pem, certificate_key: /k.pem, passphrase: env:P, ca_file: ca.pem}
hosts:
  a: {role: premises, platform: windows, proxy: "http://[fd00::1]:3128", configuration_name: Wfo}
  b: {role: client}
  c: {role: client, connection: psrp, auth: ntlm, tls: false}
""",
    )
    a, b, c = (site.hosts[name].connection for name in "abc")

    assert (a.auth, a.tls, a.passphrase) == ("certificate", True, SecretRef("env", "P"))
    assert (a.certificate, a.certificate_key) == (str(tmp_path / "c.pem"), "/k.pem")
    assert (a.ca_file, a.proxy) == (str(tmp_path / "ca.pem"), "http://[fd00::1]:3128")
    assert a.configuration_name == "Wfo"
    assert b == Connection("ssh", "b", passphrase=SecretRef("env", "P"))
    assert (c.auth, c.tls, c.port) == ("ntlm", False, 5985)


def test_a_range_runs_in_step_with_its_addresses(tmp_path: Path) -> None:
    keys = (
        "role: client, addresses: ['10.20.[1:2].[1:2]', '10.30.0.[1:4]'],"
        " management_address: 'm[1:4].example', public_address: 203.0.113.1"
    )
    site = load(tmp_path, f"site: {{name: A}}\nhosts:\n  'd[1:2]-[08:09]': {{{keys}}}\n")

    assert [
        (host.name, host.addresses, host.connection.address, host.public_address)
        for host in site.hosts.values()
    ] == [
        ("d1-08", ("10.20.1.1", "10.30.0.1"), "m1.example", "203.0.113.1"),
        ("d1-09", ("10.20.1.2", "10.30.0.2"), "m2.example", "203.0.113.1"),
        ("d2-08", ("10.20.2.1", "10.30.0.3"), "m3.example", "203.0.113.1"),
        ("d2-09", ("10.20.2.2", "10.30.0.4"), "m4.example", "203.0.113.1"),
    ]


def test_a_host_without_an_address_has_its_name_as_address(tmp_path: Path) -> None:
    site = load(tmp_path, "site: {name: A}\nhosts: {'desk-[001:002]': {role: client}}")

    assert [host.addresses for host in site.hosts.values()] == [("desk-001",), ("desk-002",)]
    assert site.hosts["desk-002"].connection.address == "desk-002"


def test_jump_hosts_and_hosts_can_be_jumped_through(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        """\
site: {name: A}
defaults: {user: audit, via: bastion, sudo: true}
jump_hosts:
  bastion: {address: 192.0.2.1, port: 2222, via: outer}
  outer: {}
hosts:
  a: {role: premises}
  b: {role: client, via: a}
  c: {role: client, via: ""}
  d: {role: client, connection: psrp}
""",
    )

    assert [host.connection.via for host in site.hosts.values()] == ["bastion", "a", "", ""]
    assert site.jump_hosts == {
        "bastion": Connection("ssh", "192.0.2.1", port=2222, user="audit", via="outer"),
        "outer": Connection("ssh", "outer", user="audit"),
    }


def test_the_host_that_all_others_jump_through_is_reached_directly(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        "site: {name: A}\ndefaults: {via: a}\nhosts: {a: {role: premises}, b: {role: client}}",
    )

    assert [host.connection.via for host in site.hosts.values()] == ["", "a"]


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (
            "hosts: {a: {role: edge}}",
            ['no host has the role "premises": nothing is verified about the server'],
        ),
        (
            "hosts: {a: {role: client}}",
            [
                'no host has the role "premises": nothing is verified about the server',
                "there are clients but no PREMISES server: their connections are not verified",
            ],
        ),
        (
            "hosts: {a: {role: premises, address: 10.0.0.1}, b: {role: client, address: 10.0.0.1}}",
            ['"a" and "b" are reached at the same address: is it one machine?'],
        ),
        (
            "hosts: {a: {role: premises, connection: local}, b: {role: edge, connection: local}}",
            ['"a" and "b" are reached at the same address: is it one machine?'],
        ),
        (
            "hosts: {a: {role: premises, address: 127.0.0.1, port: 1},"
            " b: {role: client, address: 127.0.0.1, port: 2}}",
            [],
        ),
    ],
)
def test_what_is_allowed_but_odd_is_warned_of(
    tmp_path: Path, text: str, warnings: list[str]
) -> None:
    assert list(load(tmp_path, f"site: {{name: A}}\n{text}").warnings) == warnings


def test_a_feature_without_clients_is_warned_of(tmp_path: Path) -> None:
    site = load(
        tmp_path, "site: {name: A, features: [screen_recording]}\nhosts: {a: {role: premises}}"
    )

    assert site.warnings == (
        'no host has the role "client": nothing is verified about screen_recording there',
    )


def test_merge_keys_share_settings_between_hosts(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        "site: {name: A}\nhosts:\n  a: &base {role: premises, user: x}\n  b: {<<: *base, user: y}\n",
    )

    assert [host.connection.user for host in site.hosts.values()] == ["x", "y"]


def test_importing_the_loader_imports_neither_pydantic_nor_ruamel() -> None:
    """Every pytest run loads the plugin; only those with an inventory pay."""
    code = (
        "import sys, pytest_wfo.documents.inventory\n"
        "print([name for name in ('pydantic', 'ruamel.yaml') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
