"""Tries TCP connections from a target host; runs there as ``python3 -c``, not in our process.

Standard library only, Python 3.6 and later (the system Python of RHEL 8), hence no modern syntax.
Reads lines "INDEX ADDRESS PORT TRANSPORT" and writes one line of tab-separated fields each:
index, reach, end, attempts, milliseconds, detail, first words (hex), leaf certificate (hex).
``end`` is how the talk ended: said, silent, closed, reset, tls (handshake failed), not-asked or
unmeasured. What loss or chance explains (no connection, no word, a reset) counts when it was seen
twice; told is the outcome that came furthest, and of equals the later.
"""

import collections
import errno
import socket
import sys
import threading
import time

CONNECT = ANSWER = 4.0  # seconds; Linux repeats a SYN after 1 and 3 s, so one lost SYN is survived
DEADLINE = 14.0  # seconds for everything
IN_FLIGHT = 256
MOST = 4096  # bytes of an answer that are kept

UNREACHABLE = {
    errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ENOPROTOOPT,
    errno.EACCES, errno.EPERM, errno.EINVAL,  # prohibit route, local firewall, blackhole route
}  # fmt: skip

LATE = "not tried: the time for all connections was over"
ONCE = " once, and no time was left for a second attempt"

Try = collections.namedtuple("Try", "reach end detail took words certificate doubt")

began = time.monotonic()
writing = threading.Lock()


def left():
    # type: () -> float
    return DEADLINE - (time.monotonic() - began)


def connect(address, port):
    # type: (str, int) -> tuple[socket.socket | None, str, str]
    sock = None
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(min(CONNECT, max(left(), 0.01)))
        sock.connect((address, port))
        return sock, "open", ""
    except socket.timeout:  # noqa: UP041 - not the same before Python 3.10
        reach, word = "filtered", "timeout"
    except OSError as error:
        word = errno.errorcode.get(error.errno or 0, type(error).__name__)
        if error.errno == errno.ECONNREFUSED:
            reach = "refused"
        elif error.errno == errno.ETIMEDOUT:
            reach = "filtered"
        elif error.errno == errno.ECONNRESET:
            reach = "reset"
        else:
            reach = "unreachable" if error.errno in UNREACHABLE else "unmeasured"
    if sock is not None:
        sock.close()
    return None, reach, word


def enough(transport, words):
    # type: (str, bytes) -> bool
    if transport == "silverlight-policy":
        return words.count(b"-policy>") >= 2 or words.endswith(b"\0")
    return b"\n" in words


def listen(sock, transport, until):
    # type: (socket.socket, str, float) -> tuple[str, bytes]
    words = b""
    end = "silent"
    try:
        while len(words) < MOST and not enough(transport, words):
            sock.settimeout(max(until - time.monotonic(), 0.01))
            more = sock.recv(MOST - len(words))
            if not more:
                end = "closed"
                break
            words += more
    except socket.timeout:  # noqa: UP041 - not the same before Python 3.10
        pass
    except ConnectionError:
        end = "reset"
    except OSError:  # TLS: closed without the closing alert
        end = "closed"
    return ("said" if words else end), words


def secure(sock):
    # type: (socket.socket) -> tuple[socket.socket, str, bytes]
    import ssl

    # Whom we talk to is not asked here, only whether TLS is spoken: old servers count too.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= 4  # OP_LEGACY_SERVER_CONNECT
    try:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
    except (ssl.SSLError, AttributeError, ValueError):
        pass
    wrapped = context.wrap_socket(sock)
    return wrapped, wrapped.version() or "", wrapped.getpeercert(True) or b""


def talk(sock, address, transport, until):
    # type: (socket.socket, str, str, float) -> tuple[str, str, bytes, bytes]
    detail, certificate = "", b""
    if transport == "https":
        sock.settimeout(max(until - time.monotonic(), 0.01))
        try:
            sock, detail, certificate = secure(sock)
        except ImportError:
            return "unmeasured", "this python3 has no ssl module", b"", b""
        except socket.timeout:  # noqa: UP041 - not the same before Python 3.10
            return "silent", "no TLS handshake", b"", b""
        except ConnectionResetError:
            return "reset", "during the TLS handshake", b"", b""
        except OSError as error:
            reason = getattr(error, "reason", None) or "EOF"
            if "EOF" in type(error).__name__.upper() or "EOF" in reason:
                return "closed", "during the TLS handshake", b"", b""
            return "tls", reason, b"", b""
    request = "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: pytest-wfo\r\nConnection: close\r\n\r\n"
    host = "[" + address + "]" if ":" in address else address
    asked = (request % host).encode()
    if transport == "silverlight-policy":
        asked = b"<policy-file-request/>"
    try:
        sock.sendall(asked)
    except ConnectionResetError:
        return "reset", detail, b"", certificate
    except OSError:
        pass  # closed already; what it said before may still be there
    end, words = listen(sock, transport, until)
    sock.close()
    return end, detail, words, certificate


def attempt(address, port, transport):
    # type: (str, int, str) -> Try
    """``doubt`` is the stage that may have failed by chance: connect or talk; else nothing."""
    end, words, certificate = "not-asked", b"", b""
    start = time.monotonic()
    sock, reach, detail = connect(address, port)
    took = int((time.monotonic() - start) * 1000)
    doubt = "connect" if reach in {"filtered", "reset"} else ""
    if sock is not None:
        if transport != "tcp":
            patience = min(ANSWER, max(left(), 0.01))
            until = time.monotonic() + patience
            end, detail, words, certificate = talk(sock, address, transport, until)
            if end in {"silent", "reset"}:
                doubt = "talk" if end == "reset" or patience == ANSWER else "cut short"
        sock.close()
    return Try(reach, end, detail, took, words, certificate, doubt)


def rank(tried):
    # type: (Try) -> int
    return bool(tried.reach == "open") + bool(tried.certificate)


def probe(index, address, port, transport, delay):
    # type: (str, str, int, str, float) -> list[str]
    best = Try("unmeasured", "not-asked", LATE, 0, b"", b"", "")
    attempts, pause = 0, 0.0
    doubted = set()  # type: set[str]
    while left() - pause >= CONNECT:
        time.sleep(pause)  # a rate limit on SYNs must not look like a closed way
        attempts, pause = attempts + 1, delay
        tried = attempt(address, port, transport)
        if rank(tried) >= rank(best):
            best = tried
        if not tried.doubt or tried.doubt in doubted:
            break
        doubted.add(tried.doubt)
    else:
        if best.reach == "open":
            best = best._replace(end="unmeasured", detail=best.end + ONCE)
        elif attempts:
            word = "timed out" if best.reach == "filtered" else best.reach
            best = best._replace(reach="unmeasured", detail=word + ONCE)
    fields = [index, best.reach, best.end, str(attempts), str(best.took), best.detail]
    return [*fields, best.words.hex(), best.certificate.hex()]


def work(tasks):
    # type: (list[list[str]]) -> None
    pace = min(0.05, 2.0 / len(tasks))
    queue = list(enumerate(tasks))[::-1]

    def worker():
        # type: () -> None
        while True:
            try:
                number, (index, address, port, transport) = queue.pop()
            except IndexError:
                return
            line = "\t".join(probe(index, address, int(port), transport, number * pace))
            with writing:
                sys.stdout.write(line + "\n")

    threads = [threading.Thread(target=worker) for _ in range(min(IN_FLIGHT, len(tasks)))]
    started = []
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:  # a limit on processes; fewer must do
            break
        started.append(thread)
    if not started:
        worker()
    for thread in started:
        thread.join()


work([line.split() for line in sys.stdin if line.strip()])
