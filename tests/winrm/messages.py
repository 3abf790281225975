"""PSRP messages and their fragments, as [MS-PSRP] 2.2 has them; only what a server needs."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator
from xml.sax.saxutils import escape, unescape

SESSION_CAPABILITY = 0x00010002
RUNSPACEPOOL_STATE = 0x00021005
CREATE_PIPELINE = 0x00021006
APPLICATION_PRIVATE_DATA = 0x00021009
PIPELINE_OUTPUT = 0x00041004
ERROR_RECORD = 0x00041005
PIPELINE_STATE = 0x00041006

OPENED = 2
STOPPED, COMPLETED, FAILED = 3, 4, 5

FRAGMENT_BYTES = 32768  # of output, as Windows cuts it
_HEAD = struct.Struct(">QQBI")
_CLIENT = 1
_NOBODY = uuid.UUID(int=0)


def fragments(number: int, message: bytes) -> Iterator[bytes]:
    """The message with this object number, cut."""
    size = FRAGMENT_BYTES - _HEAD.size
    for index, start in enumerate(range(0, len(message), size)):
        piece = message[start : start + size]
        flags = (start == 0) | (start + size >= len(message)) << 1
        yield _HEAD.pack(number, index, flags, len(piece)) + piece


def split(data: bytes) -> Iterator[bytes]:
    """The fragments that ``data`` is made of, each with its head."""
    while data:
        end = _HEAD.size + _HEAD.unpack_from(data)[3]
        yield data[:end]
        data = data[end:]


def joined(data: bytes) -> bytes:
    """What the fragments in ``data`` carry, without their heads."""
    return b"".join(fragment[_HEAD.size :] for fragment in split(data))


def ends(data: bytes) -> bool:
    """Whether the last fragment in ``data`` is the last of its message."""
    return bool(_HEAD.unpack_from(list(split(data))[-1])[2] & 2)


def addressed(data: bytes, pipeline: uuid.UUID) -> bytes:
    """The fragments with ``pipeline`` in each message's head: Windows trusts WSMan's CommandId."""
    pieces = []
    for fragment in split(data):
        if _HEAD.unpack_from(fragment)[2] & 1 and len(fragment) >= _HEAD.size + 40:
            at = _HEAD.size + 24
            fragment = fragment[:at] + pipeline.bytes_le + fragment[at + 16 :]  # noqa: PLW2901
        pieces.append(fragment)
    return b"".join(pieces)


def message(kind: int, xml: str, pool: uuid.UUID, pipeline: uuid.UUID = _NOBODY) -> bytes:
    """A message for the client."""
    head = struct.pack("<II", _CLIENT, kind) + pool.bytes_le + pipeline.bytes_le
    return head + b"\xef\xbb\xbf" + xml.encode()


def kind_of(fragment: bytes) -> int:
    """The kind of the message that begins with ``fragment``."""
    return int(struct.unpack_from("<I", fragment, _HEAD.size + 4)[0])


def begins(fragment: bytes, kind: int) -> bool:
    """Whether a message of this kind begins with ``fragment``."""
    return bool(_HEAD.unpack_from(fragment)[2] & 1) and kind_of(fragment) == kind


def pool_of(data: bytes) -> uuid.UUID:
    """The runspace pool that the message in ``data`` is about."""
    at = _HEAD.size + 8
    return uuid.UUID(bytes_le=data[at : at + 16])


def script_of(create_pipeline: bytes) -> str:
    """The text of the first command of a CREATE_PIPELINE message."""
    xml = create_pipeline[40:].decode("utf-8-sig")
    found = re.search(r'<S N="Cmd">(.*?)</S>', xml, re.DOTALL)
    text = unescape(found[1]) if found else ""
    text = re.sub(r"_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")  # joins the halves


def _coded(text: str) -> str:
    """``text`` for XML; what XML cannot say is written as its code."""
    return re.sub("[\x00-\x1f]", lambda char: f"_x{ord(char[0]):04X}_", escape(text))


def capability() -> str:
    return (
        '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version>'
        '<Version N="PSVersion">2.0</Version>'
        '<Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>'
    )


def private_data() -> str:
    return (
        '<Obj RefId="0"><MS><Obj N="ApplicationPrivateData" RefId="1"><TN RefId="0">'
        "<T>System.Management.Automation.PSPrimitiveDictionary</T><T>System.Object</T></TN>"
        "<DCT /></Obj></MS></Obj>"
    )


def pool_state(state: int) -> str:
    return f'<Obj RefId="0"><MS><I32 N="RunspaceState">{state}</I32></MS></Obj>'


def pipeline_state(state: int, error: tuple[str, str] | None = None) -> str:
    record = error_record(*error, name=' N="ExceptionAsErrorRecord"') if error else ""
    return f'<Obj RefId="0"><MS><I32 N="PipelineState">{state}</I32>{record}</MS></Obj>'


def error_record(error_id: str, words: str, name: str = "") -> str:
    """An ErrorRecord with this FullyQualifiedErrorId."""
    words = _coded(words)
    return (
        f'<Obj{name} RefId="1"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T>'
        f"<T>System.Object</T></TN><ToString>{words}</ToString><MS>"
        '<Obj N="Exception" RefId="2"><TN RefId="1"><T>System.Exception</T><T>System.Object</T>'
        f'</TN><ToString>{words}</ToString><Props><S N="Message">{words}</S></Props></Obj>'
        f'<S N="FullyQualifiedErrorId">{_coded(error_id)}</S><I32 N="ErrorCategory_Category">0</I32>'
        '<B N="SerializeExtendedInfo">false</B></MS></Obj>'
    )


def text_output(text: str) -> str:
    return f"<S>{_coded(text)}</S>"
