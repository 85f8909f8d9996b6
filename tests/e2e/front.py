"""An HTTP API of the app on a port of this machine: what a browser asks is asked of the app in this
process, in virtual time, one request after the other. Tests look into the app, and let it fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sfnlocal.testing import LocalApp


@dataclass(frozen=True, slots=True)
class Front:
    """`url` is the API's root. Who holds `turn` has the app alone."""

    url: str
    turn: threading.Lock


@contextmanager
def served(app: LocalApp, api: str) -> Iterator[Front]:
    turn = threading.Lock()

    class Asked(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            with turn:
                answered = app.request(
                    self.command, self.path, api=api, headers=dict(self.headers), body=body
                )
            self.send_response_only(answered.status)
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answered.body)))
            self.end_headers()
            self.wfile.write(answered.body)

        do_GET = do_POST = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="front", daemon=True)
        thread.start()
        try:
            yield Front(f"http://127.0.0.1:{server.server_port}/", turn)
        finally:
            server.shutdown()
            thread.join()
