"""Why a host could not be examined: the closed list of reasons, each with its remedy.

    Exception
    └── ConnectError    a host could not be examined: ``reason``, ``host``, ``endpoint``, message

Every failure between "resolve the name" and "read the answer" becomes a ``ConnectError``. Its text
says what was tried, on which host and address, and what came back; it never holds a secret, a
traceback or the repr of another exception.
"""

from __future__ import annotations

import re
from enum import Enum

EXCERPT = 200  # characters of a peer's own words that fit in one readable message


class Reason(str, Enum):
    """Everything that can stop us, in the order in which a connection meets it."""

    SECRET_MISSING = "secret-missing"  # noqa: S105
    UNSUPPORTED = "unsupported"
    NAME_NOT_RESOLVED = "name-not-resolved"
    FILTERED = "filtered"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    JUMP_HOST_FAILED = "jump-host-failed"
    HANGS_BEFORE_BANNER = "hangs-before-banner"
    NOT_SSH = "not-ssh"
    NOT_WINRM = "not-winrm"
    TLS_UNTRUSTED = "tls-untrusted"
    NO_COMMON_ALGORITHM = "no-common-algorithm"
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    LOGIN_REFUSED = "login-refused"
    WINRM_LOGIN_REFUSED = "winrm-login-refused"
    ACCESS_DENIED = "access-denied"
    NO_SUCH_ENDPOINT = "no-such-endpoint"
    QUOTA = "quota"
    WINRM_FAULT = "winrm-fault"
    SUDO_REFUSED = "sudo-refused"
    CONSTRAINED_LANGUAGE = "constrained-language"
    BLOCKED_BY_ANTIVIRUS = "blocked-by-antivirus"
    SCRIPT_FAILED = "script-failed"
    ANSWER_UNREADABLE = "answer-unreadable"
    DEADLINE = "deadline"
    CONNECTION_LOST = "connection-lost"

    @property
    def remedy(self) -> str:
        """What to tell the administrator of the host: one or two short sentences."""
        return _REMEDIES[self]


_REMEDIES = {
    Reason.SECRET_MISSING: (
        "Provide the secret where the inventory says it is kept, or change the reference there."
    ),
    Reason.UNSUPPORTED: "Change how the inventory reaches this host; the message says what to.",
    Reason.NAME_NOT_RESOLVED: (
        "Correct the address in the inventory, or add the name to the DNS this machine uses."
    ),
    Reason.FILTERED: (
        "Check that the host is up, and permit TCP from this machine to its management port on "
        "every firewall between."
    ),
    Reason.REFUSED: (
        "Start the service on the host (sshd; on Windows Enable-PSRemoting, for HTTPS with a "
        "listener and certificate), or correct the port in the inventory. A firewall that rejects "
        "looks the same: permit the port there."
    ),
    Reason.UNREACHABLE: (
        "Check the route from this machine to the host's network (VPN, gateway), and that the "
        "address in the inventory is right."
    ),
    Reason.JUMP_HOST_FAILED: (
        "Make the jump host work first: reach it, log in, and let its SSH service forward TCP "
        "(AllowTcpForwarding, PermitOpen)."
    ),
    Reason.HANGS_BEFORE_BANNER: (
        "The port accepts but nothing answers: restart the SSH or WinRM service, and look for an "
        "overloaded host or a middlebox that answers in its place."
    ),
    Reason.NOT_SSH: "Correct the port in the inventory: another service answers there.",
    Reason.NOT_WINRM: (
        "Look at what listens there (winrm enumerate winrm/config/listener), correct port, tls or "
        "proxy in the inventory, or create the WinRM listener (winrm quickconfig)."
    ),
    Reason.TLS_UNTRUSTED: (
        "Give the path of the listener's CA or self-signed certificate (PEM) as ca_file, or trust "
        "it on this machine; the address in the inventory must be a name in the certificate."
    ),
    Reason.NO_COMMON_ALGORITHM: (
        "Update the host's SSH server, or permit a current key exchange, cipher and host key "
        "type in its configuration."
    ),
    Reason.HOST_KEY_UNKNOWN: (
        "Compare the fingerprint with the one on the host's console (ssh-keygen -lf on its public "
        "host key). If they are the same, add the line to known_hosts, or the key as host_key."
    ),
    Reason.HOST_KEY_CHANGED: (
        "Do not log in. Ask why the key changed (reinstalled host, other host at this address, "
        "interception); replace the known key only after comparing fingerprints on the console."
    ),
    Reason.LOGIN_REFUSED: (
        "Check the user name; install the public key in the user's authorized_keys, or correct the "
        "password. The host's own sshd log says why it refused."
    ),
    Reason.WINRM_LOGIN_REFUSED: (
        "Check user (DOMAIN\\user, user@domain, or a local user) and password, that the account is "
        "not locked, and that WinRM permits this auth (winrm get winrm/config/service/auth)."
    ),
    Reason.ACCESS_DENIED: (
        "Log in as an administrator. A local one other than the built-in loses its rights over the "
        "network (UAC token filter) unless LocalAccountTokenFilterPolicy is 1 in HKLM policies; a "
        "domain account does not."
    ),
    Reason.NO_SUCH_ENDPOINT: (
        "Compare configuration_name with the host's Get-PSSessionConfiguration; where the list is "
        "empty, run Enable-PSRemoting there."
    ),
    Reason.QUOTA: (
        "Close sessions left open on the host (Get-PSSession; restarting WinRM ends all), or raise "
        "the quota it names under WSMan:\\localhost\\Shell or \\Service."
    ),
    Reason.WINRM_FAULT: (
        "Look into the host's event log Windows Remote Management/Operational for this moment; "
        "restart its WinRM service (Restart-Service WinRM) if it stays."
    ),
    Reason.SUDO_REFUSED: (
        "Let the user run sh as root by sudo (with NOPASSWD, or with the password the inventory "
        "refers to), or log in as root, or leave sudo out."
    ),
    Reason.SCRIPT_FAILED: (
        "Check that the user has a working login shell and that sh (on Windows: PowerShell) can be "
        "run; the message holds the host's own words."
    ),
    Reason.CONSTRAINED_LANGUAGE: (
        "AppLocker, WDAC or the session configuration restricts PowerShell for this user: permit "
        "the collector there, or name a session configuration that lets scripts run."
    ),
    Reason.BLOCKED_BY_ANTIVIRUS: (
        "The host's antivirus (AMSI) stopped the collector before it ran: have the security team "
        "review its text and permit it, or name a session configuration that is exempt."
    ),
    Reason.ANSWER_UNREADABLE: (
        "Run again; if it stays, look for programs that write to standard output at login, and "
        "report the message as a defect."
    ),
    Reason.DEADLINE: (
        "Look for an overloaded host or a hanging command there; allow more time under timeouts in "
        "the inventory if the host is slow by nature."
    ),
    Reason.CONNECTION_LOST: (
        "Run again; if it stays, look at the host's log (sshd, or Windows Remote Management) and "
        "for devices between that cut connections (MaxStartups, intrusion prevention)."
    ),
}


class ConnectError(Exception):
    """One host could not be examined. ``str()`` is the whole message, for people.

    ``host`` is the inventory name, ``endpoint`` is "address:port" as it was tried.
    """

    def __init__(self, reason: Reason, host: str, endpoint: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.host = host
        self.endpoint = endpoint
        self.message = message

    def __reduce__(self) -> tuple[type[ConnectError], tuple[Reason, str, str, str]]:
        return type(self), (self.reason, self.host, self.endpoint, self.message)

    @property
    def remedy(self) -> str:
        """What to do next."""
        return self.reason.remedy


def excerpt(words: bytes | str, limit: int = EXCERPT) -> str:
    """A peer's words as one printable line of at most ``limit`` characters."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = text[: 16 * limit]  # an answer gone wrong may be long
    line = "".join(char if char.isprintable() else "\0" for char in text)
    line = re.sub("\0+", " ", line).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def endpoint_of(address: str, port: int) -> str:
    """``address:port`` as people write it, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
