"""SOAP as WinRM writes it: envelopes, faults with their real codes, what a request says."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "ps": "http://schemas.microsoft.com/powershell",
}
SHELL = NAMESPACES["rsp"]
POWERSHELL = NAMESPACES["ps"] + "/"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
_FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"


class Fault(Exception):
    """What WinRM refuses a request with. Without a ``code`` only the ``subcode`` is sent, as some
    servers do for quotas."""

    def __init__(self, code: int | None, subcode: str, text: str) -> None:
        super().__init__(text)
        self.code, self.subcode, self.text = code, subcode, text

    def body(self) -> str:
        """The fault as the content of a SOAP body."""
        text = escape(self.text)
        detail = ""
        if self.code is not None:
            detail = (
                f'<f:WSManFault xmlns:f="{_FAULT}" Code="{self.code}" Machine="localhost">'
                f"<f:Message>{text}</f:Message></f:WSManFault>"
            )
        return (
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value>"
            f"<s:Subcode><s:Value>{self.subcode}</s:Value></s:Subcode></s:Code>"
            f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason>'
            f"<s:Detail>{detail}</s:Detail></s:Fault>"
        )


def access_denied() -> Fault:
    return Fault(5, "w:AccessDenied", "Access is denied.")


def no_such_resource(uri: str) -> Fault:
    text = f"The resource URI ({uri}) was not found in the WS-Management catalog."
    return Fault(2150858811, "w:InvalidResourceURI", text)


def no_such_shell() -> Fault:
    text = "The shell was not found on the server."
    return Fault(2150858843, "w:InvalidSelectors", text)


def timed_out() -> Fault:
    text = "The WS-Management service cannot complete the operation within the time specified."
    return Fault(2150858793, "w:TimedOut", text)


def too_many_shells(limit: int) -> Fault:
    text = f"This user is allowed a maximum number of {limit} concurrent shells."
    return Fault(2150859173, "w:QuotaLimit", text)


def too_many_operations(*, coded: bool = True) -> Fault:
    text = "This user is allowed a maximum number of 1500 concurrent operations."
    return Fault(2150859174 if coded else None, "w:QuotaLimit", text)


def envelope(action: str, relates_to: str, body: str) -> str:
    """A whole answer."""
    spaces = "".join(f' xmlns:{name}="{uri}"' for name, uri in NAMESPACES.items())
    return (
        f'<s:Envelope xml:lang="en-US"{spaces}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
        f"<a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: ``verb`` is the last word of its action ("Create", "Receive" ...)."""

    action: str
    verb: str
    message_id: str
    resource: str
    shell_id: str
    patience: float
    largest_answer: int
    options: dict[str, str]
    body: ET.Element

    @classmethod
    def of(cls, text: bytes) -> Asked:
        """Read a request. Raises ``ET.ParseError``."""
        root = ET.fromstring(text)
        header, body = root.find("s:Header", NAMESPACES), root.find("s:Body", NAMESPACES)
        assert header is not None
        assert body is not None

        def said(path: str) -> str:
            return (header.findtext(path, "", NAMESPACES) or "").strip()

        seconds = re.match(r"PT([\d.]+)S", said("w:OperationTimeout"))
        action = said("a:Action")
        selectors = header.findall("w:SelectorSet/w:Selector", NAMESPACES)
        options = header.findall("w:OptionSet/w:Option", NAMESPACES)
        return cls(
            action=action,
            verb=action.rpartition("/")[2],
            message_id=said("a:MessageID"),
            resource=said("w:ResourceURI"),
            shell_id=next((each.text or "" for each in selectors), "").upper(),
            patience=float(seconds[1]) if seconds else 60.0,
            largest_answer=int(said("w:MaxEnvelopeSize") or 153600),
            options={each.get("Name", ""): each.text or "" for each in options},
            body=body,
        )

    def element(self, path: str) -> ET.Element:
        """An element of the body that must be there."""
        found = self.body.find(path, NAMESPACES)
        assert found is not None, path
        return found
