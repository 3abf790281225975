"""What the audit user of a lab host may do as root: single commands, no more."""

from __future__ import annotations

from tests.lab.topology import USER

_COMMANDS = (
    "/usr/sbin/nft -j list ruleset",
    "/usr/sbin/iptables-save",
    "/usr/sbin/iptables-legacy-save",
    "/usr/sbin/iptables-nft-save",
    "/usr/bin/ss -H -tlnp",
)
SUDOERS = f"""\
Defaults:{USER} !requiretty, !syslog
{USER} ALL=(root) NOPASSWD: {", ".join(_COMMANDS)}
"""
