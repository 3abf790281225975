"""Real packet filters in a namespace, read as root, by single sudo commands, and not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.facts import HostFacts, Known, Unknown
from pytest_wfo.core.packet_filter import PacketFilter
from tests.probes.posix_host import HIDE_SBIN, NOBODY, TOOLS, PosixHost, is_root, tools
from tests.probes.test_posix import SIMPLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces"),
]

NFT = "nft add table inet wfo; nft 'add chain inet wfo in { type filter hook input priority 0; }'\n"
LEGACY = "iptables-legacy -A INPUT -p tcp --dport 2010 -j DROP\n"
COMPAT = "iptables-nft -A INPUT -p tcp --dport 2012 -j DROP\n"
SAVES = ("iptables-legacy-save", "iptables-nft-save", "iptables-save")

GRANTS = {
    "ss": "/usr/bin/ss -tlnpe",
    "nft": "/usr/sbin/nft -j list ruleset",
    "legacy": "/usr/sbin/iptables-legacy-save",
    "compat": "/usr/sbin/iptables-nft-save",
    "names": "/usr/bin/cat /proc/net/ip_tables_names",
    "fanotify": (
        r"/usr/bin/find /proc -maxdepth 3 -ignore_readdir_race -path /proc/\\*/fd/\\* "
        r"-lname anon_inode\\:?fanotify?"
    ),
}

# Holds a fanotify descriptor that may refuse openings (FAN_CLASS_CONTENT) until its namespace ends.
GUARD = """
cp /usr/bin/python3 /mnt/acme-guard
/mnt/acme-guard -I -S -c '
import ctypes, sys, time
ctypes.CDLL(None).fanotify_init(4, 0)
print("up", flush=True)
time.sleep(60)
' </dev/null >/mnt/guard.out 2>&1 &
until grep -q up /mnt/guard.out; do sleep 0.05; done
"""

# Programs that have ended and that nobody waits for, until their namespace ends.
ZOMBIES = """
/usr/bin/python3 -I -S -c '
import os, time
for _ in range(150):
    os.fork() or os._exit(0)
print("up", flush=True)
time.sleep(60)
' </dev/null >/mnt/zombies.out 2>&1 &
until grep -q up /mnt/zombies.out; do sleep 0.05; done
"""


def packet_filter(facts: HostFacts) -> PacketFilter:
    assert isinstance(facts.firewall, Known), facts.firewall
    assert isinstance(facts.firewall.value, PacketFilter)
    return facts.firewall.value


def tables(facts: HostFacts) -> set[str]:
    return {base.key.rpartition(" ")[0] for base in packet_filter(facts).base_chains}


def granting(*names: str) -> str:
    """Lets the user nobody run just these commands as root."""
    lines = "\\n".join(f"nobody ALL=(root) NOPASSWD: {GRANTS[name]}" for name in names)
    return f"""
    mount -t tmpfs none /mnt
    printf 'root ALL=(ALL) ALL\\n{lines}\\n' > /mnt/sudoers
    chmod 440 /mnt/sudoers
    mount --bind /mnt/sudoers /etc/sudoers
    mount -t tmpfs none /etc/sudoers.d
    """


@pytest.mark.parametrize("shell", [("dash",), ("busybox", "sh"), ("bash",)])
def test_every_flavour_of_rules_is_read(shell: tuple[str, ...]) -> None:
    facts = PosixHost(shell, isolated=True, setup=NFT + LEGACY + COMPAT).ask().facts
    assert packet_filter(facts).unread == ()
    assert tables(facts) == {
        "inet wfo",
        "iptables-legacy filter",
        "iptables-nft filter",
    }


def test_legacy_rules_without_a_tool_to_read_them_stay_unread(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *TOOLS)
    host = PosixHost(path=path, isolated=True, setup=NFT + LEGACY + HIDE_SBIN)
    facts = host.ask().facts
    (gap,) = packet_filter(facts).unread
    assert gap.startswith("iptables-legacy rules: no tool to read them is installed")
    assert tables(facts) == {"inet wfo"}


def test_an_iptables_save_that_shows_the_other_flavour_does_not_hide_legacy_rules(
    open_folder: Path,
) -> None:
    path = tools(open_folder / "bin", *TOOLS, "iptables-save")
    host = PosixHost(path=path, isolated=True, setup=COMPAT + LEGACY + HIDE_SBIN)
    facts = host.ask().facts
    (gap,) = packet_filter(facts).unread
    assert gap.startswith("iptables-legacy rules:")
    assert tables(facts) == {"iptables-nft filter"}


def test_without_nft_its_rules_stay_unread_whatever_iptables_says(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *(each for each in TOOLS if each != "nft"), *SAVES)
    host = PosixHost(path=path, isolated=True, setup=NFT + COMPAT + HIDE_SBIN)
    facts = host.ask().facts
    (gap,) = packet_filter(facts).unread
    assert gap == "nftables rules: nft is not installed (install nftables)"
    assert tables(facts) == {"iptables-nft filter"}


def test_single_commands_by_sudo_are_enough_to_see_everything() -> None:
    setup = SIMPLE + NFT + LEGACY + COMPAT + granting("ss", "nft", "legacy", "compat")
    facts = PosixHost(isolated=True, setup=setup, user=NOBODY).ask().facts
    assert isinstance(facts.rights, Known)
    assert (facts.rights.value.user, facts.rights.value.elevated) == ("nobody", "sudo")
    assert packet_filter(facts).unread == ()
    assert len(tables(facts)) == 3
    assert isinstance(facts.listeners, Known)
    (listener,) = facts.listeners.value
    assert isinstance(listener.owner, Known)
    assert listener.owner.value.process == "python3"


def test_one_command_withdrawn_leaves_a_gap_and_no_claim_of_rights() -> None:
    setup = SIMPLE + NFT + LEGACY + granting("ss", "legacy", "compat")
    facts = PosixHost(isolated=True, setup=setup, user=NOBODY).ask().facts
    assert isinstance(facts.rights, Known)
    assert facts.rights.value.elevated == "none"
    assert "nft: sudo: a password is required" in facts.rights.value.detail
    (gap,) = packet_filter(facts).unread
    assert "nftables rules: sudo: a password is required" in gap
    assert "nft -j list ruleset" in gap
    assert tables(facts) == {"iptables-legacy filter"}


def test_by_sudo_it_is_seen_that_no_unknown_program_scans_files() -> None:
    setup = SIMPLE + granting("fanotify")
    facts = PosixHost(isolated=True, setup=setup, user=NOBODY).ask().facts
    assert isinstance(facts.antivirus, Known), facts.antivirus
    assert facts.antivirus.value.products == ()
    assert "fanotify" in facts.antivirus.value.looked_for


@pytest.mark.parametrize("user", [NOBODY, ()], ids=["sudo", "root"])
def test_a_program_that_may_block_files_is_seen_whatever_its_name(user: tuple[str, ...]) -> None:
    setup = SIMPLE + granting("fanotify") + GUARD
    facts = PosixHost(isolated=True, setup=setup, user=user).ask().facts
    assert isinstance(facts.antivirus, Known), facts.antivirus
    (product,) = facts.antivirus.value.products
    assert product.name == "/mnt/acme-guard"
    assert isinstance(product.active, Unknown)


@pytest.mark.parametrize("user", [NOBODY, ()], ids=["sudo", "root"])
def test_programs_that_have_ended_hide_nothing(user: tuple[str, ...]) -> None:
    host = PosixHost(isolated=True, setup=SIMPLE + granting("fanotify") + ZOMBIES, user=user)
    facts = host.ask().facts
    assert isinstance(facts.antivirus, Known), facts.antivirus
    assert facts.antivirus.value.products == ()
    assert "who watches files by fanotify" in facts.antivirus.value.looked_for


def test_without_rights_no_host_is_said_to_have_no_antivirus() -> None:
    facts = PosixHost(isolated=True, setup=SIMPLE + granting("ss"), user=NOBODY).ask().facts
    assert isinstance(facts.antivirus, Unknown)
    assert "sudo: a password is required" in facts.antivirus.reason


def test_the_grant_is_for_that_one_search() -> None:
    """What the documented rule lets pass, tried with sudo itself."""
    search = "find /proc -maxdepth 3 -ignore_readdir_race -path"
    setup = f"""{granting("fanotify")}
    set -f
    for last in '/proc/*/fd/* -lname anon_inode:?fanotify?' \\
        '/proc/*/fd/* -lname anon_inode:x /etc' '/proc/*/fd/* -lname x -exec id +' \\
        '/proc/*/fd/* -lname anon_inode:[fanotify] -ls' \\
        '/proc/1/fd/1 -lname anon_inode:?fanotify?' \\
        '/proc/* -delete /fd/* -lname anon_inode:?fanotify?'; do
      setpriv --reuid=65534 --regid=65534 --clear-groups sudo -n {search} $last >/dev/null 2>&1
      echo $? >> /mnt/codes
    done
    hostname "$(tr -d '[:space:]' </mnt/codes)x"
    """
    facts = PosixHost(isolated=True, setup=setup).ask().facts
    assert isinstance(facts.identity, Known)
    assert facts.identity.value.hostname == "011111x"


def test_no_sudo_at_all_is_said(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *TOOLS)
    host = PosixHost(path=path, isolated=True, setup=SIMPLE + HIDE_SBIN, user=NOBODY)
    facts = host.ask().facts
    assert isinstance(facts.rights, Known)
    assert facts.rights.value.detail == "sudo is not installed"
    assert isinstance(facts.firewall, Unknown)
    assert "needs root, and sudo is not installed" in facts.firewall.reason


def test_root_without_the_capability_sees_no_rules_and_says_so() -> None:
    user = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    facts = PosixHost(isolated=True, setup=NFT, user=user).ask().facts
    if isinstance(facts.firewall, Known):
        assert "nftables rules" in packet_filter(facts).unread[0]
    else:
        assert "nftables rules" in facts.firewall.reason
