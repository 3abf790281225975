"""Did the peer speak the transport the document names, once the connection stood?"""

from __future__ import annotations

import hashlib
import re
from xml.etree import ElementTree

from pytest_wfo.core.checks.answers import met, not_met, not_verified
from pytest_wfo.core.facts import Heard, Probe, Transport
from pytest_wfo.core.requirements import Requirement
from pytest_wfo.core.verdicts import Evidence, Judgement

_NAMES = {
    Transport.HTTP: "HTTP",
    Transport.HTTPS: "HTTPS",
    Transport.TCP: "TCP",
    Transport.SILVERLIGHT_POLICY: "a Silverlight policy",
}


def spoken(requirement: Requirement, probe: Probe, source: str) -> Judgement:
    """Judge what was heard on an open connection; ``source`` says who asked and how."""
    target = probe.target
    name = _NAMES[target.transport]
    where = f"{target.address}:{target.port}"
    excerpt = probe.excerpt[:2000]
    if probe.heard is Heard.NOT_ASKED and target.transport is Transport.TCP:
        return met(
            f"{where} accepts connections",
            [Evidence(f"connected to {where} in {probe.milliseconds} ms", source)],
        )
    if probe.heard in (Heard.UNMEASURED, Heard.NOT_ASKED):
        return not_verified(
            f"{where} accepts connections, but it could not be seen whether it speaks {name}"
            f"{_detail(probe)}",
            "run again; if it stays, install python3 (or openssl) on the host that tried, or try from "
            "another host",
            [Evidence(f"connected to {where}", source)],
        )
    if probe.heard is not Heard.EXPECTED:
        words = {
            Heard.SILENCE: "says nothing when asked",
            Heard.CLOSED: "closes the connection without a word",
            Heard.RESET: "resets the connection when asked",
            Heard.OTHER: "answers with something else",
        }[probe.heard]
        return not_met(
            f"{where} accepts connections but {words}: not {name}{_detail(probe)}",
            [Evidence(f"asked {where} for {name}: {words}{_detail(probe)}", source, excerpt)],
            f"find out which program answers on TCP {target.port} of {target.peer or target.address}, "
            "and let the WFO service have the port",
        )
    if target.transport is Transport.SILVERLIGHT_POLICY:
        return _policy(requirement, probe, source)
    evidence = Evidence(f"{where} speaks {name}{_detail(probe)}", source, excerpt)
    if probe.certificate:
        digest = hashlib.sha256(probe.certificate).hexdigest()
        return met(
            f"{where} speaks {name}",
            [evidence, Evidence(f"presents the certificate with SHA-256 {digest}", source)],
        )
    return met(f"{where} speaks {name}", [evidence])


def granted_ports(policy: str) -> tuple[tuple[int, int], ...]:
    """The TCP port ranges a Silverlight socket policy grants, as (first, last).

    Source: Microsoft, "Network Security Access Restrictions in Silverlight": the root element is
    ``access-policy``, sockets are granted by ``grant-to/socket-resource`` with ``port`` ("4502" or
    "4502-4534") and ``protocol="tcp"``. A Flash policy (``cross-domain-policy``) grants none.

    Raises:
        ValueError: not well-formed XML, or XML with a document type (never needed here, and a way
            to make parsers expand it without end).
    """
    if "<!" in policy.replace("<!--", ""):
        raise ValueError("the policy declares a document type")
    try:
        root = ElementTree.fromstring(policy.strip().rstrip("\0"))  # noqa: S314 (no DTD, at most 4 KiB)
    except ElementTree.ParseError as error:
        raise ValueError(f"the policy is not well-formed XML: {error}") from error
    if root.tag != "access-policy":
        return ()
    found = []
    for rule in root.iterfind("cross-domain-access/policy"):
        if rule.find("allow-from/domain") is None:
            continue
        for resource in rule.iterfind("grant-to/socket-resource"):
            if resource.get("protocol", "").lower() != "tcp":
                continue
            span = re.fullmatch(r"\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?", resource.get("port", ""))
            if span:
                found.append((int(span[1]), int(span[2] or span[1])))
    return tuple(found)


def _policy(requirement: Requirement, probe: Probe, source: str) -> Judgement:
    where = f"{probe.target.address}:{probe.target.port}"
    port = requirement.grants_port
    try:
        granted = granted_ports(probe.excerpt)
    except ValueError as error:
        return not_met(
            f"{where} answers the policy request, but {error}",
            [Evidence(f"policy of {where}", source, probe.excerpt[:2000])],
            f"correct the Silverlight policy that {probe.target.peer} serves on TCP 943",
        )
    spans = ", ".join(f"{low}-{high}" if high > low else str(low) for low, high in granted)
    evidence = [
        Evidence(
            f"{where} serves a policy that grants TCP {spans or 'nothing'}",
            source,
            probe.excerpt[:2000],
        )
    ]
    if any(low <= port <= high for low, high in granted):
        return met(f"{where} serves a Silverlight policy that grants TCP {port}", evidence)
    return not_met(
        f"{where} serves a policy that does not grant TCP {port} (it grants {spans or 'nothing'})",
        evidence,
        f'let the policy on TCP 943 of {probe.target.peer} hold <socket-resource port="{port}" '
        'protocol="tcp"/> (or a range with it) for the portal\'s domain',
    )


def _detail(probe: Probe) -> str:
    return f" ({probe.detail})" if probe.detail else ""
