"""Receives events until it is told to stop: this process answers, another one loads.

sender → server → journal (on disk, then 204)
                     ├→ the process that loads: chunk → warehouse → readers' copy
                     └→ other receivers
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import socket
from typing import Any

from pipeline.config import Settings
from pipeline.errors import LandingError, UsageError
from pipeline.landing.folder import Landing
from pipeline.receive.forward import Forwarder, Originals, check_targets
from pipeline.receive.journal import Journal
from pipeline.receive.listen import Server, listen
from pipeline.receive.numbers import Numbers
from pipeline.receive.segment import Received
from pipeline.receive.server import Receiver
from pipeline.receive.sources import Sources
from pipeline.runs.load_received import load_received
from pipeline.runs.record import new_run_id
from pipeline.times import utc_now

Say = Callable[[str], None]
MOST_WAITING = 1000
"""So many events are loaded before their time."""
_LOOK_EVERY_S = 0.25
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_PATHS_TAKEN = ("/healthz", "/metrics")


@dataclass(frozen=True)
class Address:
    """Where events are received, and whose word on the sender's address counts."""

    host: str = "127.0.0.1"
    port: int = 8088
    path: str = "/retell"
    trusted_proxies: tuple[str, ...] = ()


def receive(settings: Settings, address: Address, *, on_ready: Callable[[str], None], say: Say) -> None:
    """Receive events until SIGTERM, Ctrl-C or SIGHUP; what was accepted by then is landed and loaded.

    `on_ready` is given the URL once events are accepted. Raises ConfigurationError or UsageError for settings
    that cannot be used, LandingError where nothing can be written.
    """
    if not address.path.startswith("/") or address.path in _PATHS_TAKEN:
        raise UsageError(f"--path {address.path} cannot be used: write one such as /retell")
    sources = Sources.read(settings.allowed_sources, address.trusted_proxies)
    keys = settings.require_webhook_keys()
    targets = check_targets(settings.forward_targets)
    Landing.of(settings).check_writable()
    listener = listen(address.host, address.port)
    try:
        port = listener.getsockname()[1]
        shown = f"[{address.host}]" if ":" in address.host else address.host
        url = f"http://{shown}:{port}{address.path}"
        receiving = _Receiving(settings, keys, sources, address.path, targets, say)
        asyncio.run(receiving.serve(listener, lambda: on_ready(url)))
    finally:
        listener.close()


@dataclass
class _Receiving:
    settings: Settings
    keys: list[str]
    sources: Sources
    path: str
    targets: list[str]
    say: Say
    numbers: Numbers = field(init=False, default_factory=Numbers)

    async def serve(self, listener: socket, on_ready: Callable[[], None]) -> None:
        """Answer until a signal comes, then finish what was accepted."""
        originals = Originals()
        folder = self.settings.received_dir
        forwarders = [
            Forwarder(target, folder / "forward", self.keys, self.numbers, originals)
            for target in self.targets
        ]
        loader = _LoaderProcess(self.settings, self.numbers, self.say)

        def open_segment(path: Path) -> None:
            for forwarder in forwarders:
                forwarder.open_segment(path)

        def note_written(path: Path, size: int) -> None:
            for forwarder in forwarders:
                forwarder.note_written(path, size)

        def keep_original(event: Received, body: bytes) -> None:
            if forwarders:
                originals.keep(event, body)

        journal = Journal(
            folder,
            loader.start(),
            longest_s=self.settings.receive_load_s,
            most_events=MOST_WAITING,
            on_open=open_segment,
            on_write=note_written,
        )
        receiver = Receiver(journal, self.keys, self.path, self.sources, self.numbers, keep_original)
        server = Server(receiver, on_ready)
        tasks = [
            asyncio.create_task(self._complete_segments(journal, loader)),
            *(asyncio.create_task(forwarder.run()) for forwarder in forwarders),
        ]
        try:
            for task in tasks:
                # None of them ends by itself.
                task.add_done_callback(lambda ended: setattr(server, "should_exit", True))
            with _stopped_by_signals(server):
                await server.serve(sockets=[listener])
            self.say("stopping: what was received is loaded first")
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(LandingError):  # its events lie in a segment that the next run finds
                await journal.close()
            await asyncio.to_thread(loader.stop)
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _complete_segments(self, journal: Journal, loader: _LoaderProcess) -> None:
        """Complete each segment in time; each day, and each process that loads, has a run of its own."""
        day = utc_now().date()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            run_id = loader.restart_if_gone()
            if utc_now().date() != day:
                day = utc_now().date()
                run_id = run_id or loader.begin_run()
            with suppress(LandingError):  # what cannot be completed is found by the next run
                await journal.complete_due(run_id=run_id)


class _LoaderProcess:
    """The process that loads, which is started again when it ends by itself."""

    def __init__(self, settings: Settings, numbers: Numbers, say: Say) -> None:
        self._settings = settings
        self._numbers = numbers
        self._say = say
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._end: Connection | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._started = 0.0
        self._listening: threading.Thread | None = None

    def start(self) -> str:
        """Start it, and return the id of the run that it loads for."""
        ours, theirs = self._context.Pipe()
        run_id = new_run_id()
        process = self._context.Process(
            target=load_received, args=(self._settings, run_id, theirs), name="loader"
        )
        process.start()
        theirs.close()
        self._process, self._end = process, ours
        self._started = time.monotonic()
        self._listening = threading.Thread(target=self._listen, args=(ours,), daemon=True)
        self._listening.start()
        return run_id

    def restart_if_gone(self) -> str | None:
        """Start it again if it has ended, after a while; return the id of the new run then."""
        if self._process is None or self._process.is_alive():
            return None
        age_s = time.monotonic() - self._started
        if age_s < self._pause_s:
            return None
        self._pause_s = (
            _FIRST_PAUSE_S if age_s > _LONGEST_PAUSE_S else min(2 * self._pause_s, _LONGEST_PAUSE_S)
        )
        self._say("the process that loads has ended: it is started again")
        try:
            return self.start()
        except OSError:
            # No memory, no files, or what is said cannot be written: events are answered for all the same.
            self._started = time.monotonic()
            return None

    def begin_run(self) -> str:
        """Let it end its run, and begin another, whose id is returned."""
        run_id = new_run_id()
        self._send(f"run {run_id}")
        return run_id

    def stop(self) -> None:
        """Let it load what is there, and wait until it has ended."""
        self._send("stop")
        if self._process is not None:
            self._process.join()
        if self._listening is not None:
            self._listening.join()

    def _send(self, message: str) -> None:
        if self._end is not None:
            with suppress(OSError):  # it has ended
                self._end.send(message)

    def _listen(self, end: Connection) -> None:
        while True:
            try:
                facts: dict[str, Any] = end.recv()
            except (EOFError, OSError):
                return
            if "say" in facts:
                self._say(facts["say"])
            if "loaded" in facts:
                self._numbers.load(facts["loaded"], facts["lag_s"])


@contextmanager
def _stopped_by_signals(server: Server) -> Iterator[None]:
    """Let a signal stop the server in order, and a second one at once."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    def handle(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(stop)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
