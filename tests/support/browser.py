"""A headless Chromium for tests, spoken to by its own protocol, without a network."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

DEADLINE_S = 60
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """The browser; `folder` is its home."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None, "these tests need Chromium: apt-get install chromium"
        self._log = (folder / "browser.log").open("wb")
        self._process = subprocess.Popen(
            [
                PROGRAM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder / 'profile'}",
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # The browser writes here where it listens.
        place = folder / "profile" / "DevToolsActivePort"
        until(lambda: place.is_file() and len(place.read_text().splitlines()) == 2)
        port, path = place.read_text().splitlines()
        self._socket = connect(f"ws://127.0.0.1:{port}{path}", max_size=None, open_timeout=DEADLINE_S)

    def tab(self, width: int = 1280, height: int = 1000) -> Tab:
        """Open an empty tab of a size."""
        return Tab(self._socket, width, height)

    def stop(self) -> None:
        """End the browser and all its processes."""
        self._socket.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Tab:
    """A tab: what it shows can be asked, and what goes wrong in it is kept."""

    _numbers = iter(range(1, 1_000_000))

    def __init__(self, socket: ClientConnection, width: int, height: int) -> None:
        self._socket = socket
        self._session: str | None = None
        self.requests: list[str] = []
        self.problems: list[str] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Give the tab another size."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def colours(self, scheme: str, media: str = "") -> None:
        """Prefer light or dark, on screen or on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.tell("Emulation.setEmulatedMedia", media=media, features=features)

    def open(self, page: Path, drawn: str = "report", fragment: str = "") -> None:
        """Open a page from disk, and wait until it says that it has drawn what it shows."""
        self.tell("Page.navigate", url=page.as_uri() + fragment)
        self.until_drawn(drawn)

    def until_drawn(self, what: str) -> None:
        """Wait until the page says that it has drawn something."""
        until(lambda: self.ask("document.documentElement?.dataset.drawn") == what)

    def ask(self, expression: str) -> Any:
        """Return what an expression of JavaScript is worth in the page."""
        answer = self.tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def point(self, selector: str) -> None:
        """Move the pointer to the middle of an element."""
        self._mouse("mouseMoved", *self._middle(selector))

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a person would."""
        x, y = self._middle(selector)
        self._mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self._mouse(kind, x, y, button="left", clickCount=1)

    def screenshot(self) -> bytes:
        """Return what the tab shows as a PNG."""
        return base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"])

    def printed(self) -> bytes:
        """Return the page on paper as a PDF."""
        return base64.b64decode(self.tell("Page.printToPDF", printBackground=True)["data"])

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have the browser do something, and return its answer."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            heard = json.loads(self._socket.recv(DEADLINE_S))
            if heard.get("id") == number:
                assert "error" not in heard, heard["error"]
                found: dict[str, Any] = heard["result"]
                return found
            if heard.get("sessionId") == self._session:
                self._note(heard.get("method", ""), heard.get("params", {}))

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(about["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.problems.append(f"{about['type']}: {[value.get('value') for value in about['args']]}")
        elif event == "Log.entryAdded":
            self.problems.append(f"{about['entry']['source']}: {about['entry']['text']}")
        elif event == "Page.javascriptDialogOpening":
            self.problems.append(f"dialog: {about['message']}")

    def _middle(self, selector: str) -> tuple[float, float]:
        x, y = self.ask(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            " element.scrollIntoView({block: 'center'});"
            " const box = element.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return x, y

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def until(condition: Any) -> None:
    """Wait until something holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.1)
