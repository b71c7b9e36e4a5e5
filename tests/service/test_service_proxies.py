"""Behind a proxy with TLS: only its headers are trusted, and its public address is the server's own."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Serve
from listening import LIMITS, Running

from insitu import Memory
from insitu.core import InsituError
from insitu.service.limits import Limits
from insitu.service.proxies import parse_networks, parse_origin
from insitu.service.rules import AccessRules

NAME = "memory.example.org"
PUBLIC = f"https://{NAME}"
EXAMPLE = {"label": "a", "vector": [1.0]}
SECURE = {"host": NAME, "origin": PUBLIC, "x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.7"}
PROXY = parse_networks(["127.0.0.1"])


def test_the_headers_of_a_trusted_proxy_are_believed(serve: Serve) -> None:
    service = serve(Memory("digital"), rules=AccessRules(hosts=None, proxies=PROXY))
    assert service.post("/api/teach", EXAMPLE, **SECURE).status == 200
    assert service.post("/api/teach", EXAMPLE, **SECURE | {"x-forwarded-proto": "http"}).status == 403
    assert service.post("/api/teach", EXAMPLE, **SECURE | {"origin": "https://evil.example"}).status == 403


def test_the_headers_of_others_are_ignored(serve: Serve) -> None:
    for proxies in ((), parse_networks(["10.0.0.0/8"])):
        service = serve(Memory("digital"), rules=AccessRules(hosts=None, proxies=proxies))
        assert service.post("/api/teach", EXAMPLE, **SECURE).status == 403


def test_the_public_address_is_the_servers_own(serve: Serve) -> None:
    service = serve(Memory("digital"), rules=AccessRules(public=PUBLIC))
    for host in (NAME, "127.0.0.1:8000"):  # proxies pass the name on, or call the server by its own
        assert service.post("/api/teach", EXAMPLE, host=host, origin=PUBLIC).status == 200
    assert service.get("/", host=f"{NAME}:443").status == 200
    assert service.post("/api/teach", EXAMPLE, host="evil.example", origin=PUBLIC).status == 421
    assert service.post("/api/teach", EXAMPLE, host=NAME, origin="https://evil.example").status == 403
    assert service.post("/api/teach", EXAMPLE, host=NAME, origin=f"http://{NAME}:8000").status == 403
    assert serve(Memory("digital")).get("/", host=NAME).status == 421


def test_the_rate_is_of_the_client_behind_a_trusted_proxy(serve: Serve) -> None:
    service = serve(Memory("digital"), rules=AccessRules(proxies=PROXY), limits=Limits(rate=0.5))

    def status(forwarded: str) -> int:
        return service.get("/api/health", x_forwarded_for=forwarded).status

    assert [status("198.51.100.7"), status("198.51.100.7")] == [200, 429]
    assert status("203.0.113.9, 198.51.100.7") == 429, "what the client wrote before the proxy's entry is not believed"
    assert status("198.51.100.8") == 200
    plain = serve(Memory("digital"), limits=Limits(rate=0.5))
    assert [plain.get("/api/health", x_forwarded_for=f"198.51.100.{n}").status for n in (1, 2)] == [200, 429]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Memory.Example.org/", "https://memory.example.org"),
        ("https://memory.example.org:443", "https://memory.example.org"),
        ("http://memory.example.org:8080", "http://memory.example.org:8080"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_becomes_what_browsers_send(url: str, origin: str) -> None:
    assert parse_origin(url, "--public-url") == origin


@pytest.mark.parametrize(
    "url", ["", "memory.example.org", "ftp://a", "https://", "https://a/b", "https://u@a", "https://a:x", "https://a?b"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InsituError, match="--public-url takes"):
        parse_origin(url, "--public-url")


@pytest.mark.parametrize("address", ["*", "nginx", "127.0.0", "10.0.0.0/40", ""])
def test_a_proxy_is_an_address(address: str) -> None:
    with pytest.raises(InsituError, match="--trusted-proxy takes"):
        parse_networks([address])


# -- a real proxy ------------------------------------------------------------------------------------------------------

CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


class Nginx:
    """nginx with TLS before a server."""

    def __init__(self, folder: Path, behind: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        made += ["-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={NAME}"]
        subprocess.run([*made, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, behind=behind))
        self.context = ssl.create_default_context(cafile=str(certificate))
        found = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([found, "-c", str(config), "-e", str(folder / "error.log")])
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
            except OSError:
                assert self.process.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask as a browser on a page of the public address does."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection = http.client.HTTPSConnection(NAME, self.port, timeout=30)
        connection.sock = self.context.wrap_socket(plain, server_hostname=NAME)
        body = None if content is None else json.dumps(content)
        origin = f"https://{NAME}:{self.port}"
        connection.request(method, path, body, {"Content-Type": "application/json", "Origin": origin, **headers})
        reply = connection.getresponse()
        if path.endswith("events"):
            line = reply.readline()
            connection.close()
            return reply.status, line
        out = reply.read()
        connection.close()
        return reply.status, json.loads(out) if path.startswith("/api/") else out


@pytest.fixture
def behind_nginx(tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a server with given rules, and nginx before it."""
    if not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()) or not shutil.which("openssl"):
        pytest.skip("a real proxy needs nginx and openssl (Debian: apt-get install nginx-light openssl)")
    made: list[Any] = []

    def start(rules: AccessRules) -> Nginx:
        made.append(Running(Memory("digital", dim=8), rules, LIMITS))
        made.append(Nginx(tmp_path, made[-1].port))
        proxy: Nginx = made[-1]
        return proxy

    yield start
    for each in reversed(made):
        each.stop()


def test_a_page_behind_nginx_with_tls_works(behind_nginx: Any) -> None:
    proxy = behind_nginx(AccessRules(hosts=None, proxies=PROXY))
    assert proxy.ask("GET", "/")[0] == 200
    assert proxy.ask("POST", "/api/teach", EXAMPLE)[0] == 200
    assert proxy.ask("POST", "/api/predict", {"vector": [1.0]})[1]["predictions"][0]["label"] == "a"
    assert proxy.ask("POST", "/api/teach", EXAMPLE, Origin="https://evil.example")[0] == 403
    assert proxy.ask("GET", "/api/events") == (200, b": listening\n")


def test_without_the_options_nginx_is_another_site(behind_nginx: Any) -> None:
    proxy = behind_nginx(AccessRules(hosts=None))
    assert proxy.ask("GET", "/")[0] == 403
    assert proxy.ask("POST", "/api/teach", EXAMPLE)[0] == 403


def test_a_public_address_behind_nginx_works_without_its_headers(behind_nginx: Any) -> None:
    proxy = behind_nginx(AccessRules(public=PUBLIC))
    assert proxy.ask("POST", "/api/teach", EXAMPLE, Origin=PUBLIC)[0] == 200
    assert proxy.ask("POST", "/api/teach", EXAMPLE, Origin=f"http://{NAME}")[0] == 403
