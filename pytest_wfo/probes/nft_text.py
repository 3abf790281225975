"""nft's JSON as the words a person would write, to name a rule in a report."""

from __future__ import annotations

from typing import Any

_LONGEST = 200


def rule_text(expressions: Any) -> str:
    """The rule in nft's own syntax, nearly: it is read by people, never by nft."""
    parts = [_words(each) for each in expressions] if isinstance(expressions, list) else []
    text = " ".join(part for part in parts if part)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _words(node: Any) -> str:
    if isinstance(node, list):
        return ",".join(_words(each) for each in node)
    if not isinstance(node, dict):
        return "" if node is None else str(node)
    if len(node) != 1:
        return " ".join(f"{key} {_words(value)}".strip() for key, value in node.items())
    ((kind, body),) = node.items()
    if isinstance(body, dict):
        return _object(kind, body)
    if kind == "set":
        listed = body if isinstance(body, list) else [body]
        shown = [_element(each) for each in listed[:8]] + ["..."] * (len(listed) > 8)
        return "{ " + ", ".join(shown) + " }"
    if kind == "concat" and isinstance(body, list):
        return " . ".join(_words(each) for each in body)
    if kind == "range" and isinstance(body, list):
        return "-".join(_words(each) for each in body)
    if kind in {"&", "|", "^"} and isinstance(body, list):
        return f" {kind} ".join(_words(each) for each in body)
    return f"{kind} {_words(body)}".strip()


def _object(kind: str, body: dict[str, Any]) -> str:
    if kind == "match":
        op = body.get("op")
        shown = "" if op in ("==", "in") else f"{op} "
        return f"{_words(body.get('left'))} {shown}{_words(body.get('right'))}"
    if kind == "payload":
        return f"{body.get('protocol', 'payload')} {body.get('field', '')}".strip()
    if kind in {"meta", "ct"}:
        prefix = "" if str(body.get("key")) in {"iif", "iifname", "oif", "oifname"} else f"{kind} "
        return f"{prefix}{body.get('key')}"
    if kind == "prefix":
        return f"{_words(body.get('addr'))}/{_words(body.get('len'))}"
    if kind == "elem":
        return _words(body.get("val"))
    if kind in {"jump", "goto"}:
        return f"{kind} {body.get('target')}"
    if kind == "counter":
        return ""
    if kind == "limit":
        return f"limit rate {_words(body.get('rate'))}/{_words(body.get('per'))}"
    if kind == "vmap":
        return f"{_words(body.get('key'))} vmap {_words(body.get('data'))}"
    if kind in {"dnat", "snat"}:
        address, port = _words(body.get("addr")), _words(body.get("port"))
        return f"{kind} to {address}{':' if port else ''}{port}"
    if kind == "reject":
        return f"reject with {_words(body.get('type'))} {_words(body.get('expr'))}".strip()
    inner = " ".join(f"{key} {_words(value)}".strip() for key, value in body.items())
    return f"{kind} {inner}".strip()


def _element(node: Any) -> str:
    if isinstance(node, list) and len(node) == 2:  # of a map
        return f"{_words(node[0])} : {_words(node[1])}"
    return _words(node)
