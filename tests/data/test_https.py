"""Downloads over https from a server on the loopback interface: certificates, redirects, limits."""

import contextlib
import hashlib
import http.server
import io
import ssl
import threading
import time
from pathlib import Path

import pytest

from benchhost.data import https
from benchhost.data.fetch import _Bounded, fetch
from benchhost.data.places import cached_path
from benchhost.errors import ChecksumMismatch, DatasetMissing

DATA = b"0123456789" * 100
CERTIFICATE = Path(__file__).with_name("loopback.pem")  # for 127.0.0.1, self-signed, with its key


def files_in(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


class Handler(http.server.BaseHTTPRequestHandler):
    """``/good a.bin`` and ``/a.png`` answer, two paths redirect, ``/slowly`` sends byte by byte, the rest is 404."""

    moved = {"/moved": "/good%20a.bin", "/unsafe": "http://127.0.0.1:9/a.png", "/away": "ftp://127.0.0.1/a.png"}

    def do_GET(self):
        if self.path in self.moved:
            self.send_response(302)
            self.send_header("Location", self.moved[self.path])
            self.end_headers()
            return
        if self.path == "/slowly":
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the other side has had enough
                for _ in DATA:
                    self.wfile.write(b"0")
                    time.sleep(0.05)
            return
        good = self.path in ("/good%20a.bin", "/a.png")
        self.send_response(200 if good else 404)
        self.send_header("Content-Length", str(len(DATA) if good else 0))
        self.end_headers()
        if good:
            self.wfile.write(DATA)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that breaks off, which some tests are about


@contextlib.contextmanager
def serving(certificate=None):
    """A web server on the loopback interface, with TLS where there is a certificate; gives its port."""
    with Server(("127.0.0.1", 0), Handler) as running:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


@pytest.fixture
def secure(monkeypatch):
    """A server with a certificate that nobody but the test trusts."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with serving(CERTIFICATE) as port:
        yield f"https://127.0.0.1:{port}/{{file}}"


def test_a_dataset_is_fetched_over_https_and_verified(make_card, secure, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    (path,) = fetch(make_card({"a.png": DATA}, urls=(secure,)))
    assert path.read_bytes() == DATA
    assert files_in(path.parent) == ["a.png"]


def test_other_bytes_over_https_are_refused_and_nothing_is_kept(make_card, secure, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    dataset = make_card({"a.png": DATA[::-1]}, urls=(secure,))
    with pytest.raises(ChecksumMismatch) as caught:
        fetch(dataset)
    for sha256 in (hashlib.sha256(DATA[::-1]).hexdigest(), hashlib.sha256(DATA).hexdigest()):
        assert sha256 in str(caught.value)
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == []


def test_a_server_that_cannot_prove_who_it_is_is_refused(make_card, secure):
    dataset = make_card({"a.png": DATA}, urls=(secure,))
    with pytest.raises(DatasetMissing, match="SSLError"):
        fetch(dataset)
    assert files_in(cached_path(dataset, dataset.items[0]).parent) == []


@pytest.fixture
def trusted(secure, monkeypatch):
    """The address of the server, whose certificate is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    return secure.removesuffix("/{file}")


@pytest.mark.parametrize("path", ["good a.bin", "moved"])
def test_the_downloader_streams_and_follows_and_quotes(trusted, path):
    sink = _Bounded(io.BytesIO(), len(DATA))
    https.get(f"{trusted}/{path}", sink)
    assert sink.file.getvalue() == DATA
    assert sink.hash.hexdigest() == hashlib.sha256(DATA).hexdigest()


def test_the_downloader_is_cut_off_when_too_much_comes(trusted):
    with pytest.raises(ValueError, match="more than the 999 bytes"):
        https.get(f"{trusted}/moved", _Bounded(io.BytesIO(), 999))


def test_the_downloader_reports_an_http_error(trusted):
    with pytest.raises(OSError, match="404"):
        https.get(f"{trusted}/nothing", _Bounded(io.BytesIO(), 1))


@pytest.mark.parametrize(("path", "leads"), [("unsafe", "http://127.0.0.1:9/a.png"), ("away", "ftp://127.0.0.1/a.png")])
def test_a_redirect_to_another_scheme_is_not_followed(trusted, path, leads):
    with pytest.raises(OSError, match=leads):
        https.get(f"{trusted}/{path}", _Bounded(io.BytesIO(), len(DATA)))


def test_a_server_that_sends_byte_by_byte_is_left(trusted):
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="not complete after 0 s"):
        https.get(f"{trusted}/slowly", _Bounded(io.BytesIO(), len(DATA)), patience_s=0.2)
    assert time.monotonic() - begun < 20  # 50 s for all of it
