"""The kinds of values an inventory holds: how each is checked, what is said when it is wrong.

A validator raises ``ValueError`` with the message for the user. Importing this imports pydantic.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from annotated_types import Interval
from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainValidator,
    Strict,
    WithJsonSchema,
)

from pytest_wfo.core.antivirus.paths import split
from pytest_wfo.core.hosts import Feature, Role, SecretRef
from pytest_wfo.documents.editions import known_editions
from pytest_wfo.documents.host_names import NAME, check_ipv4
from pytest_wfo.documents.problems import did_you_mean, either, kind_of, shown
from pytest_wfo.documents.validation import Expect, one_of
from pytest_wfo.documents.yaml_values import WrittenFloat, WrittenInt

TESTINFRA = (
    "local", "ssh", "safe-ssh", "paramiko", "salt", "docker", "podman",
    "ansible", "kubectl", "winrm", "lxc", "openshift", "chroot",
)  # fmt: skip
RANGE = r"\[[0-9]{1,9}:[0-9]{1,9}\]"
HOST_PATTERN = f"^([A-Za-z0-9]|{RANGE})(([A-Za-z0-9._-]|{RANGE})*([A-Za-z0-9]|{RANGE}))?$"
_REFERENCE = (
    r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.*[^\s].*|keyring:[^/]*[^/\s][^/]*/.*[^\s].*|prompt)$"
)
_SPEC = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST_KEY = (
    r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)"
    r"|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+={0,2}( .*)?$"
)
_FOLDER = r"^([A-Za-z]:[\\/]|\\\\[^\\/]+\\[^\\/]|/)"
_PROXY = r"^http://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$"
AUTHS = ("negotiate", "ntlm", "kerberos", "credssp", "certificate", "basic")
_MOMENT = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"
_WINDOW = f"^{_MOMENT}/{_MOMENT}$"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text, got an empty one")
    if _CONTROL.search(text):
        raise ValueError("expected one line of text without control characters")
    return text


def _true(value: Any) -> Any:
    if value is not True:  # 1 == True, so that a Literal takes it
        raise ValueError("not true")
    return value


def _prose(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a sentence, got an empty text")
    return " ".join(text.split())


def _as_written(value: Any) -> Any:
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


def _secret(value: Any) -> SecretRef:
    if isinstance(value, str) and re.fullmatch(_REFERENCE, value):
        scheme, _, name = value.partition(":")
        if not _CONTROL.search(name):
            return SecretRef(scheme, name)
    raise ValueError(
        "a secret is not written here but by reference: env:NAME, file:PATH,"
        " keyring:SERVICE/USER or prompt; write env:WFO_PASSWORD instead"
    )


def _file_name(text: str) -> str:
    if "-----BEGIN" in text:
        raise ValueError("expected the path of a file, got its content; write the path instead")
    return text


def _folder(text: str) -> str:
    if not re.match(_FOLDER, text):
        raise ValueError(f"expected a folder such as D:\\wfo\\temp or /srv/wfo, got {shown(text)}")
    if re.search(r'[*?%"<>|]', text) or ".." in split(text):
        raise ValueError("expected one folder, without wildcards, variables and ..")
    if len(split(text)) == 1:
        raise ValueError("expected a folder, got all of a drive")
    return text


def _connection(value: Any) -> str:
    words = f"ssh, local, psrp or a testinfra connection such as docker://name, got {shown(value)}"
    spec = _SPEC.fullmatch(value) if isinstance(value, str) else None
    if spec is None:
        if value in ("ssh", "local", "psrp"):
            return str(value)
        near = did_you_mean(value, ("ssh", "local", "psrp")) if isinstance(value, str) else ""
        raise ValueError(f"expected {words}{near}")
    scheme, rest = spec.groups()
    if ":" in rest.rpartition("@")[0] or re.search("passw|secret", rest, re.IGNORECASE):
        raise ValueError('no password in an address; use "user" and "password: env:WFO_PASSWORD"')
    if scheme not in TESTINFRA:
        raise ValueError(f'testinfra knows no "{scheme[:30]}"{did_you_mean(scheme, TESTINFRA)}')
    if (not rest and scheme != "local") or "," in rest or _CONTROL.search(rest):
        raise ValueError(f'expected exactly one machine after "{scheme}://"')
    return str(value)


def _host_key(text: str) -> str:
    if not re.fullmatch(_HOST_KEY, text):
        raise ValueError(
            'expected a public host key such as "ssh-ed25519 AAAA..." (ssh-keyscan prints'
            " it after the host's name)"
        )
    return " ".join(text.split()[:2])


def _proxy(text: str) -> str:
    if "@" in text or re.search("passw|secret", text, re.IGNORECASE):
        raise ValueError("no password in an address; a proxy that asks for one cannot be used")
    if not re.fullmatch(_PROXY, text):
        raise ValueError(f"expected a proxy such as http://proxy:3128, got {shown(text)}")
    return text


def _ipv4(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected an IPv4 address, got {kind_of(value)}")  # noqa: TRY004
    check_ipv4(value)
    return value


def _edition(text: str) -> str:
    known = known_editions()
    if text not in known:
        near = did_you_mean(text, known)
        raise ValueError(f"expected a known edition ({either(known)}), got {shown(text)}{near}")
    return text


def _timezone(value: Any) -> tzinfo:
    name = value if isinstance(value, str) else ""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = available_timezones()
    if not zones:
        raise ValueError("this machine has no time zone data; run: pip install tzdata")
    near = did_you_mean(name, zones)
    raise ValueError(f"expected a time zone such as Europe/Berlin, got {shown(value)}{near}")


def _window(value: Any) -> tuple[datetime, datetime]:
    words = f"expected from/to such as 2026-11-28T22:00/2026-11-29T02:00, got {shown(value)}"
    if not isinstance(value, str) or not re.fullmatch(_WINDOW, value):
        raise ValueError(words)
    try:
        opens, closes = (datetime.fromisoformat(moment) for moment in value.split("/"))
    except ValueError:
        raise ValueError(f"{words}: the calendar has no such moment") from None
    if closes <= opens:
        raise ValueError(f"the window ends before it begins: {value}")
    return opens, closes


_PATTERN = {"type": "string", "pattern": r"\S"}
AnyText = Annotated[str, Strict(), Expect("text")]
Text = Annotated[AnyText, AfterValidator(_one_line), WithJsonSchema(_PATTERN)]
Prose = Annotated[AnyText, AfterValidator(_prose), WithJsonSchema(_PATTERN)]
Written = Annotated[
    Text,
    BeforeValidator(_as_written),
    WithJsonSchema({"type": ["string", "number"], "pattern": r"\S"}),
]
FileName = Annotated[Text, AfterValidator(_file_name)]
FolderPath = Annotated[
    Text,
    AfterValidator(_folder),
    WithJsonSchema({"type": "string", "pattern": _FOLDER, "examples": ["D:\\wfo\\temp"]}),
]
Secret = Annotated[
    SecretRef,
    PlainValidator(_secret),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": _REFERENCE,
            "examples": ["env:WFO_PASSWORD", "file:secret.txt", "keyring:wfo/audit", "prompt"],
        }
    ),
]
ConnectionWord = Annotated[
    str,
    PlainValidator(_connection),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^(ssh|local|psrp|local://|({'|'.join(TESTINFRA)})://[^,]+)$",
            "examples": ["ssh", "local", "psrp", "docker://name"],
        }
    ),
]
Edition = Annotated[Written, AfterValidator(_edition)]
TimeZone = Annotated[
    tzinfo, PlainValidator(_timezone), WithJsonSchema({"type": "string", "pattern": r"\S"})
]
Window = Annotated[
    tuple[datetime, datetime],
    PlainValidator(_window),
    WithJsonSchema({"type": "string", "pattern": _WINDOW}),
]
HostKey = Annotated[
    AnyText,
    AfterValidator(_host_key),
    WithJsonSchema({"type": "string", "pattern": _HOST_KEY}),
]
IPv4 = Annotated[str, PlainValidator(_ipv4), WithJsonSchema({"type": "string", "format": "ipv4"})]
Flag = Annotated[bool, Strict(), Expect("true or false")]
OnlyTrue = Annotated[Literal[True], BeforeValidator(_true), Expect("true")]
Port = Annotated[
    int, Strict(), Interval(ge=1, le=65535), Expect("a port number between 1 and 65535")
]
Seconds = Annotated[
    float, Strict(), Interval(gt=0, le=3600), Expect("seconds, more than 0 and at most 3600")
]
RoleWord = Annotated[Role, one_of(*(role.value for role in Role))]
FeatureWord = Annotated[Feature, one_of(*(feature.value for feature in Feature))]
Platform = Annotated[Literal["posix", "windows"], one_of("posix", "windows")]
AuthWord = Annotated[
    Literal["negotiate", "ntlm", "kerberos", "credssp", "certificate", "basic"], one_of(*AUTHS)
]
ProxyUrl = Annotated[
    AnyText, AfterValidator(_proxy), WithJsonSchema({"type": "string", "pattern": _PROXY})
]
HostName = Annotated[str, WithJsonSchema({"type": "string", "pattern": HOST_PATTERN})]
PlainName = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{NAME}$"})]
