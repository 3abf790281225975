"""Tries TCP connections from a target host; runs there as ``python3 -c``, not in our process.

Standard library only, Python 3.6 and later (the system Python of RHEL 8), hence no modern syntax.
Reads lines "INDEX ADDRESS PORT TRANSPORT" and writes one line of tab-separated fields each:
index, reach, end, attempts, milliseconds, detail, first words (hex), leaf certificate (hex).
``end`` is how the talk ended: said, silent, closed, reset, tls (handshake failed) or not-asked.
"""

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


def talk(sock, address, transport):
    # type: (socket.socket, str, str) -> tuple[str, str, bytes, bytes]
    until = time.monotonic() + min(ANSWER, max(left(), 0.01))
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


def probe(index, address, port, transport, delay):
    # type: (str, str, int, str, float) -> list[str]
    attempts = 0
    sock, reach, detail = None, "unmeasured", "not tried: the time for all connections was over"
    end, words, certificate = "not-asked", b"", b""
    start = time.monotonic()
    while attempts < 2 and left() >= CONNECT:
        attempts += 1
        start = time.monotonic()
        sock, reach, detail = connect(address, port)
        if reach != "filtered":
            break
        if attempts == 1:
            time.sleep(delay)  # a rate limit on SYNs must not look like a closed way
    if reach == "filtered" and attempts < 2:
        reach, detail = "unmeasured", "timed out once, and no time was left for a second attempt"
    took = int((time.monotonic() - start) * 1000)
    if sock is not None:
        if transport != "tcp":
            end, detail, words, certificate = talk(sock, address, transport)
        sock.close()
    fields = [index, reach, end, str(attempts), str(took), detail]
    return [*fields, words.hex(), certificate.hex()]


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
