"""Chromium without a window, driven by the DevTools protocol over two pipes: no driver of its own
version, no socket, no package. What a test waits for is waited for inside the page.

https://chromedevtools.github.io/devtools-protocol/
https://chromium.googlesource.com/chromium/src/+/main/content/browser/devtools/devtools_pipe_handler.h
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_INSTALL = (
    "the browser tests need Chromium: apt-get install --no-install-recommends chromium "
    "(looked for " + ", ".join(NAMES) + ")"
)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
)
# Of one answer.
_WAIT_SECONDS = 20
_KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}
_TEXTS = {"Enter": "\r", " ": " "}


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser, or the page in it, did not do what it was asked to."""


class Browser:
    """One process; each page is a tab with cookies and storage of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        read_here, write_there = os.pipe()
        read_there, self._write = os.pipe()
        self._read, self._buffer, self._last_id = read_here, b"", 0
        log = os.open(profile / "log.txt", os.O_WRONLY | os.O_CREAT)
        # It reads commands from descriptor 3 and answers on 4.
        self._pid = os.posix_spawn(
            program,
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_there, 3),
                (os.POSIX_SPAWN_DUP2, write_there, 4),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
        )
        for end in (read_there, write_there, log):
            os.close(end)

    def close(self) -> None:
        self.call("Browser.close")
        os.waitpid(self._pid, 0)
        os.close(self._read)
        os.close(self._write)

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """One command. Raises BrowserError where it fails."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._last_id:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _message(self) -> dict[str, Any]:
        """The next one that comes: an answer, or an event, which nobody waits for."""
        until = time.monotonic() + _WAIT_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise BrowserError(f"no answer within {_WAIT_SECONDS} seconds")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise BrowserError("the browser has ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    @contextmanager
    def page(self, *, width: int = 1280, height: int = 900, script: bool = True) -> Iterator[Page]:
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        page.resize(width, height)
        page.call("Emulation.setScriptExecutionDisabled", value=not script)
        try:
            yield page
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)


class Page:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def hurry(self, factor: int) -> None:
        """In pages that are opened from here on, timers go off that much sooner."""
        source = (
            f"{{ const timer = setTimeout; setTimeout = (act, ms) => timer(act, ms / {factor}); }}"
        )
        self.call("Page.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=source)

    def open(self, url: str) -> None:
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Of a JavaScript expression in the page; what it promises is waited for."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            timeout=_WAIT_SECONDS * 1000,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {json.dumps(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait for a JavaScript condition, through loads of pages. Raises BrowserError."""
        end = time.monotonic() + _WAIT_SECONDS
        problem: object = None
        while time.monotonic() < end:
            try:
                if self.value(f"Boolean({condition})"):
                    return
            except BrowserError as error:
                # A page that comes or goes cannot be asked.
                problem = error
            select.select([], [], [], 0.02)
        raise BrowserError(f"never came true: {condition} ({problem})")

    def text(self, selector: str) -> str:
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def press(self, key: str, *, shift: bool = False) -> None:
        event = {
            "key": key,
            "code": "Space" if key == " " else key,
            "windowsVirtualKeyCode": _KEYS[key],
            "modifiers": 8 if shift else 0,
        }
        text = {"text": _TEXTS[key]} if key in _TEXTS else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        found = f"document.querySelector({json.dumps(selector)})"
        box = self.value(
            f"({found}.scrollIntoView({{block: 'center', behavior: 'instant'}}),"
            f" {found}.getBoundingClientRect().toJSON())"
        )
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **at)

    @property
    def focused(self) -> str:
        """The id of what has the focus, or what it is."""
        return str(self.value("document.activeElement.id || document.activeElement.localName"))

    def described(self, selector: str) -> dict[str, Any]:
        """What a screen reader is told of an element: role, name, description, and states."""
        self.call("Accessibility.enable")
        element = self.call(
            "Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})"
        )
        nodes = self.call(
            "Accessibility.getPartialAXTree",
            objectId=element["result"]["objectId"],
            fetchRelatives=False,
        )["nodes"]
        node = nodes[0]
        told = {
            name: node[name]["value"] for name in ("role", "name", "description") if name in node
        }
        return {**told, **{one["name"]: one["value"].get("value") for one in node["properties"]}}

    def screenshot(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
