"""A real Prefect server for tests, with a process worker, in a folder of its own and on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
POOL = "call-analytics"
# A Prefect server with SQLite can stall for a minute when the machine is busy.
DEADLINE_S = 240
_TERMINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class PrefectServer:
    """The server and what was started beside it; `folder` is where the project was deployed from."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.home = folder / "home"
        self.clone = folder / "clone"
        self.logs = folder / "logs"
        for made in (self.home, self.clone, self.logs):
            made.mkdir(parents=True)
        # A clone as far as Prefect looks: the code is installed, and no developer's .env is near.
        for part in ("prefect.yaml", "pyproject.toml", "docs"):
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.clone / part)
        self.first_worker: Worker
        # The run of a worker that a test has killed.
        self.dead_run = ""
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.env = (
            kept
            | {
                "HOME": str(folder),
                "PREFECT_HOME": str(self.home),
                "PREFECT_API_URL": self.url,
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "DO_NOT_TRACK": "1",
                "PREFECT_WORKER_QUERY_SECONDS": "1",
            }
            | env
        )
        self._started: list[subprocess.Popen[bytes]] = []
        self._client = httpx.Client(base_url=self.url, timeout=90)
        self._start("server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
        self.until(self._answers)

    @property
    def data_dir(self) -> Path:
        """Where deployed flows keep what they fetch, as no setting names another place."""
        return self.clone / "data"

    def command(self, *args: str, code: int = 0) -> str:
        """Run a program of this environment in the clone, and return what it printed."""
        ran = subprocess.run(
            [Path(sys.executable).with_name(args[0]), *args[1:]],
            cwd=self.clone,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        (self.logs / f"{time.monotonic_ns()}.log").write_text(ran.stdout + ran.stderr)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout

    def worker(self) -> "Worker":
        """Start a worker."""
        return Worker(
            self._start("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process")
        )

    def get(self, path: str) -> Any:
        """Ask the server."""
        return self._ask("GET", path)

    def post(self, path: str, **body: Any) -> Any:
        """Ask or tell the server."""
        return self._ask("POST", path, json=body)

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment by its full name."""
        found: dict[str, Any] = self.get(f"/deployments/name/{name}")
        return found

    def pause_schedules(self) -> None:
        """Keep the server from starting runs by itself, between those that a test starts."""
        for deployment in self.post("/deployments/filter"):
            for schedule in deployment["schedules"]:
                path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
                self._ask("PATCH", path, json={"active": False})

    def trigger(self, name: str, **parameters: Any) -> str:
        """Start a run of a deployment, as the button in the page does; return the run's id."""
        deployment = self.deployment(name)["id"]
        run = self.post(f"/deployments/{deployment}/create_flow_run", parameters=parameters)
        return str(run["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a flow run as the server has it."""
        found: dict[str, Any] = self.get(f"/flow_runs/{run_id}")
        return found

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run, and return it."""
        self.until(lambda: self.run(run_id)["state_type"] in _TERMINAL)
        return self.run(run_id)

    def artifacts(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return what a run has left to look at, by key."""
        found = self.post("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run_id]}})
        return {artifact["key"]: artifact for artifact in found}

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name."""
        found: list[dict[str, Any]] = self.post("/events/filter", filter={"event": {"name": [name]}})[
            "events"
        ]
        return found

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """Return the task runs of a run."""
        found: list[dict[str, Any]] = self.post("/task_runs/filter", flow_runs={"id": {"any_": [run_id]}})
        return found

    def until(self, condition: Any) -> None:
        """Wait until something holds; fail at the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.2)

    def stop(self) -> None:
        """End all that was started."""
        self._client.close()
        for process in reversed(self._started):
            _kill_group(process)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        answer = self._client.request(method, f"{self.url}{path}", **content)
        # What the server says while its database is locked; Prefect's own client tries again too.
        while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            time.sleep(1)
            answer = self._client.request(method, f"{self.url}{path}", **content)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _start(self, name: str, *args: str) -> subprocess.Popen[bytes]:
        log = self.logs / f"{name}-{len(self._started)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [Path(sys.executable).with_name(args[0]), *args[1:]],
                cwd=self.clone,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def _answers(self) -> bool:
        try:
            return self._client.get(f"{self.url}/health").is_success
        except httpx.HTTPError:
            return False


class Worker:
    """A worker and the processes of its runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def kill(self) -> None:
        """Kill it and its runs, as a machine that dies does."""
        _kill_group(self._process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # A worker gives each run a session of its own, so that signals to the worker's group do not reach it.
    for child in _children(process.pid):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for listed in children for child in listed.read_text().split()]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
