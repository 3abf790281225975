"""What libraries raise, as reasons: also what no server of the tests can make them raise."""

from __future__ import annotations

import binascii
import ssl
import struct
import xml.etree.ElementTree as ET

import pytest
import requests
import spnego.exceptions
import urllib3.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st
from pypsrp.exceptions import (
    AuthenticationError,
    FragmentError,
    WinRMError,
    WinRMTransportError,
    WSManFaultError,
)

from pytest_wfo.connect.errors import Reason
from pytest_wfo.connect.psrp_errors import QUOTAS, explain


def tls_error(reason: str) -> requests.exceptions.SSLError:
    """As requests wraps what urllib3 wraps of what OpenSSL said."""
    inner = ssl.SSLError(1, "[SSL] error")
    inner.reason = reason
    return requests.exceptions.SSLError(urllib3.exceptions.SSLError(inner))


def fault(code: object, words: str = "words") -> WSManFaultError:
    return WSManFaultError(code, "host", words, None, None, None)


CASES = [
    (AuthenticationError("Failed to authenticate"), 1, Reason.WINRM_LOGIN_REFUSED),
    (spnego.exceptions.BadMechanismError(context_msg="no ticket"), 1, Reason.WINRM_LOGIN_REFUSED),
    (ValueError("protocol 'X' which is incompatible with"), 1, Reason.WINRM_LOGIN_REFUSED),
    (ValueError("unsupported hash type md4"), 1, Reason.UNSUPPORTED),
    (tls_error("WRONG_VERSION_NUMBER"), 0, Reason.NOT_WINRM),
    (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), 0, Reason.WINRM_LOGIN_REFUSED),
    (tls_error("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), 3, Reason.CONNECTION_LOST),
    (requests.exceptions.ProxyError("x"), 0, Reason.UNREACHABLE),
    (requests.exceptions.ReadTimeout("x"), 0, Reason.HANGS_BEFORE_BANNER),
    (requests.exceptions.ReadTimeout("x"), 3, Reason.DEADLINE),
    (urllib3.exceptions.ReadTimeoutError(None, "", "x"), 3, Reason.DEADLINE),  # type: ignore[arg-type]
    (requests.exceptions.ChunkedEncodingError("x"), 3, Reason.CONNECTION_LOST),
    (ConnectionResetError(), 3, Reason.CONNECTION_LOST),
    (requests.exceptions.TooManyRedirects(), 1, Reason.NOT_WINRM),
    (WinRMTransportError("http", 400, ""), 3, Reason.CONNECTION_LOST),
    (WinRMTransportError("http", 404, ""), 3, Reason.NOT_WINRM),
    (WinRMTransportError("http", 413, ""), 3, Reason.QUOTA),
    (WinRMTransportError("http", 503, ""), 3, Reason.WINRM_FAULT),
    (fault(None), 1, Reason.NOT_WINRM),
    (fault(5), 1, Reason.ACCESS_DENIED),
    (fault(1326), 1, Reason.WINRM_LOGIN_REFUSED),
    (fault(2150858752), 1, Reason.NO_SUCH_ENDPOINT),
    (fault(2150858754), 1, Reason.NO_SUCH_ENDPOINT),
    (fault(2150858811), 1, Reason.NO_SUCH_ENDPOINT),
    (fault("w:QuotaLimit"), 1, Reason.QUOTA),
    (fault(2150858793), 1, Reason.DEADLINE),
    (fault(995), 3, Reason.CONNECTION_LOST),
    (fault("w:Whatever"), 3, Reason.WINRM_FAULT),
    (WinRMError("related id does not match"), 3, Reason.ANSWER_UNREADABLE),
    (FragmentError("x"), 3, Reason.ANSWER_UNREADABLE),
    (ET.ParseError("x"), 3, Reason.ANSWER_UNREADABLE),
    (binascii.Error("x"), 3, Reason.ANSWER_UNREADABLE),
    (struct.error("x"), 3, Reason.ANSWER_UNREADABLE),
    (AttributeError("x"), 3, Reason.ANSWER_UNREADABLE),
    (RecursionError("x"), 3, Reason.ANSWER_UNREADABLE),
]  # fmt: skip


@pytest.mark.parametrize(("error", "answers", "reason"), CASES)
def test_each_failure_is_one_of_the_reasons(error: Exception, answers: int, reason: Reason) -> None:
    found, words = explain(error, answers=answers, user="alice", auth="ntlm")
    assert found is reason
    assert words.isprintable()


@pytest.mark.parametrize("code", sorted(QUOTAS))
def test_every_quota_of_winrm_is_one(code: int) -> None:
    assert explain(fault(code), answers=1, user="", auth="ntlm")[0] is Reason.QUOTA


@given(st.text(), st.one_of(st.integers(), st.text(), st.none()), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_whatever_a_host_says_is_one_printable_line(words: str, code: object, answers: int) -> None:
    for error in (fault(code, words), AuthenticationError(f"actual: {words}"), Exception(words)):
        reason, said = explain(error, answers=answers, user="alice", auth="ntlm")
        assert isinstance(reason, Reason)
        assert said.isprintable()
        assert len(said) < 600
