"""Names and addresses of hosts as an inventory writes them, and ranges such as ``desk-[001:250]``.

Both ends of a range are included; leading zeros are kept. Functions raise ``ValueError`` with a
message for the user.
"""

from __future__ import annotations

import ipaddress
import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_wfo.documents.problems import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HOSTS = 100_000  # of one inventory; more is a slip in a range
NAME = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_LONGEST_NAME = 253  # RFC 1035 (section 2.3.4) leaves as many characters for a DNS name

_NAME = re.compile(NAME)
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_ENDS = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
_DOTTED_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers ``first`` to ``last``, written with at least ``width`` digits."""

    first: int
    last: int
    width: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        return (f"{number:0{self.width}}" for number in range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with any number of ranges; the last range runs fastest."""

    pieces: tuple[Numbers | tuple[str], ...]

    @property
    def count(self) -> int:
        """How many texts it stands for."""
        return math.prod(len(piece) for piece in self.pieces)

    def __iter__(self) -> Iterator[str]:
        return ("".join(texts) for texts in itertools.product(*self.pieces))


def parse_pattern(text: str) -> Pattern:
    """Read the ranges in ``text``."""
    pieces: list[Numbers | tuple[str]] = []
    for index, piece in enumerate(_BRACKETS.split(text)):
        if index % 2:
            pieces.append(_numbers(piece))
        elif "[" in piece or "]" in piece:
            raise ValueError("a bracket without its partner; a range is written [001:250]")
        else:
            pieces.append((piece,))
    return Pattern(tuple(pieces))


def _numbers(text: str) -> Numbers:
    ends = _ENDS.fullmatch(text)
    if ends is None:
        raise ValueError(
            f'"[{text[:30]}]" is not a range; write two numbers of at most 9 digits: [001:250]'
        )
    low, high = ends.groups()
    padded = any(end.startswith("0") and len(end) > 1 for end in (low, high))
    if padded and len(low) != len(high):
        width = max(len(low), len(high))
        better = f"[{low.zfill(width)}:{high.zfill(width)}]"
        raise ValueError(f'"[{text}]" mixes leading zeros; write {better}')
    if int(low) > int(high):
        raise ValueError(f'"[{text}]" runs backwards; write [{high}:{low}]')
    return Numbers(int(low), int(high), len(low) if padded else 1)


def check_name(name: str) -> None:
    """Refuse what is not the name of a host."""
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"a host name has at most {_LONGEST_NAME} characters")
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a host name consists of letters, digits, dots, hyphens and underscores,"
            " with a letter or digit at both ends"
        )


def check_ipv4(text: str) -> None:
    """Refuse what is not the IPv4 address of one machine (the vendor's document knows no IPv6)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"expected an IPv4 address, got {shown(text)}") from None
    if address.version != 4:
        raise ValueError(
            f"{shown(text)} is an IPv6 address; the requirements are about IPv4"
            " (only management_address may be IPv6)"
        )
    if address.is_multicast or address.is_unspecified or text == "255.255.255.255":
        raise ValueError(f"{shown(text)} is not the address of one machine")


def check_service_address(text: str) -> None:
    """Refuse what is neither an IPv4 address nor a DNS name."""
    if _DOTTED_NUMBERS.fullmatch(text) or ":" in text:
        check_ipv4(text)
        return
    _check_dns_name(text, "an IPv4 address or a DNS name")


def check_management_address(text: str) -> None:
    """Refuse what is neither an IP address of any version nor a DNS name."""
    if ":" in text:
        try:
            ipaddress.IPv6Address(text)
        except ValueError:
            raise ValueError(f"expected an IP address, got {shown(text)}") from None
        return
    if _DOTTED_NUMBERS.fullmatch(text):
        check_ipv4(text)
        return
    _check_dns_name(text, "an IP address or a DNS name")


def _check_dns_name(text: str, words: str) -> None:
    try:
        check_name(text)
    except ValueError:
        raise ValueError(f"expected {words}, got {shown(text)}") from None
