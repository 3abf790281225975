"""What a failure of pypsrp, requests, TLS or the login means: one of the closed list of reasons."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import requests.exceptions
import spnego.exceptions
import urllib3.exceptions
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError

from pytest_wfo.connect.errors import Reason, excerpt

# Codes of wsmerror.h and winerror.h.
ACCESS_DENIED = 5
LOGON_FAILURE = 1326
OPERATION_ABORTED = 995
OPERATION_TIMEOUT = 0x80338029
SHELL_NOT_FOUND = 0x8033805B
NO_RESOURCE = frozenset({0x80338000, 0x80338002, 0x8033803B})
QUOTAS = frozenset(
    {0x8033803F, 0x803381A5, 0x803381A6, 0x803381A7, 0x803381A8, 0x803381AB}
    | set(range(0x803381E4, 0x803381EB))
)
TOO_LARGE, NOT_FOUND, BAD_REQUEST = 413, 404, 400

Explanation = tuple[Reason, str]


def explain(error: Exception, *, answers: int, user: str, auth: str) -> Explanation:
    """The reason behind ``error`` and words for it. ``answers``: HTTP answers before it.

    Whatever is not known here is an answer that could not be read.
    """
    for known in (_of_login, _of_winrm, _of_tls, _of_http):
        found = known(error, answers, f"the login as {user or 'the current user'} by {auth}")
        if found is not None:
            return found
    words = f"what came back could not be read as WinRM ({type(error).__name__})"
    return Reason.ANSWER_UNREADABLE, words


def _of_login(error: Exception, answers: int, login: str) -> Explanation | None:
    if isinstance(error, AuthenticationError):
        offered = str(error).partition("actual: ")[2]
        words = f"refused {login}"
        return Reason.WINRM_LOGIN_REFUSED, words + (
            f"; it offers {excerpt(offered)}" * bool(offered)
        )
    if isinstance(error, spnego.exceptions.SpnegoError):
        return Reason.WINRM_LOGIN_REFUSED, f"{login} failed: {excerpt(str(error))}"
    if isinstance(error, ValueError) and "incompatible" in str(error):
        return Reason.WINRM_LOGIN_REFUSED, f"does not take {login}: {excerpt(str(error))}"
    if isinstance(error, ValueError) and "unsupported hash" in str(error):
        words = "NTLM needs MD4, which this machine does not permit (FIPS); use kerberos"
        return Reason.UNSUPPORTED, words
    return None


def _of_winrm(error: Exception, answers: int, login: str) -> Explanation | None:
    if isinstance(error, WSManFaultError):
        return _of_fault(error)
    if not isinstance(error, WinRMTransportError):
        return None
    words = f"answered with HTTP status {error.code}"
    if error.code == BAD_REQUEST:
        words += ": it lost the key of the encrypted messages with an earlier connection"
        return Reason.CONNECTION_LOST, words
    if error.code == TOO_LARGE:
        return Reason.QUOTA, f"{words}: the request is larger than its MaxEnvelopeSizekb"
    reason = Reason.NOT_WINRM if error.code == NOT_FOUND else Reason.WINRM_FAULT
    return reason, words


def _of_fault(fault: WSManFaultError) -> Explanation:
    code = fault.code
    shown = f"{code:#x}" if isinstance(code, int) and code > 0xFFFF else excerpt(str(code), 40)
    words = (
        f"WinRM says {excerpt(str(fault.provider_fault or fault.reason or 'nothing'))} ({shown})"
    )
    if code is None:
        return Reason.NOT_WINRM, "answered with something that is not WinRM"
    if code == ACCESS_DENIED:
        return Reason.ACCESS_DENIED, f"the login worked, but access is denied: {words}"
    if code == LOGON_FAILURE:
        return Reason.WINRM_LOGIN_REFUSED, words
    if code in NO_RESOURCE:
        return Reason.NO_SUCH_ENDPOINT, f"has no such session configuration: {words}"
    if code in QUOTAS or "Quota" in str(code):  # some faults carry only their subcode
        return Reason.QUOTA, words
    if code == OPERATION_TIMEOUT:
        return Reason.DEADLINE, words
    if code in {SHELL_NOT_FOUND, OPERATION_ABORTED}:
        return Reason.CONNECTION_LOST, f"the host ended the PowerShell session: {words}"
    return Reason.WINRM_FAULT, words


def _of_tls(error: Exception, answers: int, login: str) -> Explanation | None:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Reason.TLS_UNTRUSTED, f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            said = excerpt((cause.reason or "no reason given").replace("_", " ").lower())
            if "alert" in said and ("certificate" in said or "unknown ca" in said):
                return Reason.WINRM_LOGIN_REFUSED, f"refused our certificate ({said})"
            if answers or isinstance(cause, ssl.SSLEOFError):
                return Reason.CONNECTION_LOST, f"the TLS connection broke ({said})"
            return Reason.NOT_WINRM, f"does not speak TLS as we do ({said}); plain HTTP there?"
    return None


def _of_http(error: Exception, answers: int, login: str) -> Explanation | None:
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return Reason.NOT_WINRM, "points to another address (HTTP redirect)"
    if isinstance(error, requests.exceptions.ProxyError):
        return Reason.UNREACHABLE, "the proxy did not make the connection"
    if any(isinstance(cause, _TIMEOUTS) for cause in _causes(error)):
        if answers:
            return Reason.DEADLINE, "the host stopped answering"
        return Reason.HANGS_BEFORE_BANNER, "accepted the connection, then said nothing"
    names = {type(cause).__name__ for cause in _causes(error)}
    if "BadStatusLine" in names:
        return Reason.NOT_WINRM, "answers, but not with HTTP (is it HTTPS?)"
    if isinstance(
        error, requests.exceptions.RequestException | urllib3.exceptions.HTTPError | OSError
    ):
        if answers:
            return Reason.CONNECTION_LOST, "the connection broke"
        return Reason.CONNECTION_LOST, "accepted the connection and closed it without an answer"
    return None


_TIMEOUTS = (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and everything it was made from: libraries wrap each other's exceptions."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [*each.args, each.__cause__, each.__context__, getattr(each, "reason", None)]
