"""Measures how many events are answered for, how soon they are rows, and what memory that takes.

    python -m benchmarks.receive                            all of it, about a quarter of an hour
    python -m benchmarks.receive --part answers
    python -m benchmarks.receive --part arrival --rate 20 --minutes 10

Parts: `answers` sends as fast as they are taken, to a server that throws bodies away (the floor) and to the
receiver, in turns; `rows` sends so many at once and waits until readers have them; `arrival` sends at a
steady rate with the default settings, asks the readers' copy ten times a second which calls are there, and
reads the memory of both processes. Bodies are those of `benchmarks.bodies`, 59 KB.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks import contest
from benchmarks.bodies import Bodies, call_id
from pipeline.simulator.webhooks import HEADER, sign

KEY = "key_benchmark"
CONNECTIONS = 32
_DISTINCT = 200
_HEAD = "POST /retell HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%s: %s\r\n\r\n"

_FLOOR = """
import asyncio, sys
from pipeline.receive.listen import Server, listen
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
listener = listen("127.0.0.1", 0)
print("receiving events at http://127.0.0.1:%d/retell" % listener.getsockname()[1], flush=True)
asyncio.run(Server(app, lambda: None).serve(sockets=[listener]))
"""


def body_of(bodies: Bodies, number: int) -> bytes:
    return b'{"event":"call_analyzed","call":' + bodies.body(call_id(number).encode()) + b"}"


@contextmanager
def serving(data: Path | None, **env: str) -> Iterator[tuple[int, int]]:
    """Run the receiver, or the floor without a data folder; yield its process id and port."""
    command = ["-m", "pipeline", "receive", "--port", "0"] if data else ["-c", _FLOOR]
    given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    given |= {"RETELL_API_KEY": KEY, "PIPELINE_DATA_DIR": str(data)} | env
    with subprocess.Popen(
        [sys.executable, *command], cwd=contest.ROOT, env=given, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        [port] = re.findall(r":(\d+)/retell", process.stdout.readline())
        try:
            yield process.pid, int(port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


class Sender:
    """Sends events over a few connections; knows when each was sent and how long its answer took."""

    def __init__(self, port: int, bodies: Bodies, rate: float | None = None) -> None:
        self.port = port
        self.bodies = bodies
        self.rate = rate
        self.seconds: list[float] = []
        self.sent_at: dict[str, float] = {}

    def run(self, numbers: range) -> float:
        """Send; return the seconds that it took."""
        started = time.perf_counter()
        asyncio.run(self._run(numbers))
        return time.perf_counter() - started

    async def _run(self, numbers: range) -> None:
        rest = iter(numbers)
        begun = time.perf_counter()

        async def send() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for number in rest:
                body = body_of(self.bodies, number)
                if self.rate is not None:
                    await asyncio.sleep(
                        max(0, begun + (number - numbers.start) / self.rate - time.perf_counter())
                    )
                head = _HEAD % (len(body), HEADER, sign(body, KEY, time.time_ns() // 1_000_000))
                self.sent_at[call_id(number)] = time.time()
                at = time.perf_counter()
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                self.seconds.append(time.perf_counter() - at)
                assert b" 204 " in answer.partition(b"\r\n")[0], answer
            writer.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(send())


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure_answers(count: int, turns: int) -> None:
    bodies = Bodies(_DISTINCT)
    found: dict[str, list[tuple[float, float, float]]] = {"bodies thrown away": [], "receive": []}
    for _ in range(turns):
        for name in found:
            with contest.scratch() as folder, serving(folder if name == "receive" else None) as (_, port):
                sender = Sender(port, bodies)
                took = sender.run(range(count))
                found[name].append(
                    (count / took, quantile(sender.seconds, 0.5), quantile(sender.seconds, 0.99))
                )
    print("| server | events/s, most | p50 ms | p99 ms |\n|---|--:|--:|--:|")
    for name, runs in found.items():
        best = max(runs)
        print(f"| {name} | {best[0]:,.0f} | {1000 * best[1]:.1f} | {1000 * best[2]:.1f} |")
    ratio = max(found["receive"])[0] / max(found["bodies thrown away"])[0]
    print(
        f"\n{ratio:.2f} of what a server takes that throws them away, {CONNECTIONS} connections\n", flush=True
    )


class Watch:
    """Asks the readers' copy again and again which calls are there, and notes when each was first."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        self.seen_at: dict[str, float] = {}
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        known = 0
        while not self.is_over.wait(0.1):
            try:
                stamp = self.copy.stat().st_ino
                if stamp == known:
                    continue
                with duckdb.connect(str(self.copy), read_only=True) as connection:
                    ids = connection.execute("select call_id from calls").fetchall()
                known = stamp
            except (OSError, duckdb.Error):
                continue
            now = time.time()
            for (each,) in ids:
                self.seen_at.setdefault(each, now)

    def wait_for(self, count: int) -> None:
        while len(self.seen_at) < count:
            time.sleep(0.1)
        self.is_over.set()
        self._thread.join()


def measure_rows(count: int) -> None:
    with contest.scratch() as folder, serving(folder) as (_, port):
        watch = Watch(folder / "analytics.duckdb")
        sender = Sender(port, Bodies(_DISTINCT))
        started = time.perf_counter()
        answered = sender.run(range(count))
        watch.wait_for(count)
        took = time.perf_counter() - started
    print(f"{count:,} events: answered in {answered:.1f} s ({count / answered:,.0f}/s), ", end="")
    print(f"all with readers after {took:.1f} s ({count / took:,.0f}/s)\n", flush=True)


def measure_arrival(rate: float, minutes: float) -> None:
    count = int(rate * 60 * minutes)
    memory: list[list[float]] = []
    with contest.scratch() as folder, serving(folder) as (pid, port):
        watch = Watch(folder / "analytics.duckdb")
        sender = Sender(port, Bodies(_DISTINCT), rate)
        is_over = threading.Event()

        def note_memory() -> None:
            while not is_over.wait(5):
                memory.append([read_rss_mb(each) for each in (pid, *find_children(pid))])

        thread = threading.Thread(target=note_memory, daemon=True)
        thread.start()
        sender.run(range(count))
        is_over.set()
        thread.join()
        watch.wait_for(count)
        size = (folder / "analytics.duckdb").stat().st_size / 1e6
    waited = [watch.seen_at[each] - at for each, at in sender.sent_at.items()]
    tenth = max(1, len(memory) // 10)
    print(f"{rate:g} events/s for {minutes:g} minutes, {count:,} calls, readers' copy of {size:,.0f} MB\n")
    print("| | p50 | p99 | most |\n|---|--:|--:|--:|")
    for name, values, unit in (("answer, ms", sender.seconds, 1000), ("with readers, s", waited, 1)):
        figures = [unit * quantile(values, share) for share in (0.5, 0.99, 1)]
        print(f"| {name} | {' | '.join(f'{figure:,.1f}' for figure in figures)} |")
    print("\n| memory, MB | first tenth | last tenth |\n|---|--:|--:|")
    for place, name in enumerate(("answers", "loads")):
        parts = [
            max(row[place] for row in part if len(row) > place) for part in (memory[:tenth], memory[-tenth:])
        ]
        print(f"| the process that {name} | {parts[0]:,.0f} | {parts[1]:,.0f} |")
    sys.stdout.flush()


def read_rss_mb(pid: int) -> float:
    try:
        [kb] = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(kb) / 1024
    except (OSError, ValueError):
        return 0.0


def find_children(pid: int) -> list[int]:
    """Return the processes that a process has started, the largest first: one of them only watches."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(stat.parent.name))
    return sorted(found, key=read_rss_mb, reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", action="append", choices=("answers", "rows", "arrival"))
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    parts = given.part or ["answers", "rows", "arrival"]
    if "answers" in parts:
        measure_answers(given.count, given.turns)
    if "rows" in parts:
        measure_rows(given.count)
    if "arrival" in parts:
        measure_arrival(given.rate, given.minutes)


if __name__ == "__main__":
    main()
