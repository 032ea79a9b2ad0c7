"""Tries Superset with a readers' copy, in an environment of its own, and says what it saw.

    python docs/readers/try_superset.py data/demo/analytics.duckdb [ENVIRONMENT]

Installs Superset into a temporary folder (150 packages) unless an environment that has it is named, starts it
on loopback, adds the copy through its API, asks a view, attempts what a reader must not do, publishes again,
asks again. Ends with an error if Superset does something else than docs/readers/superset.md says.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Superset 6.1.0 as it installs misses two packages, and breaks with a newer Flask-Caching.
PACKAGES = [
    "apache-superset==6.1.0",
    "duckdb-engine==0.17.0",
    "duckdb>=1.5,<2",
    "flask-caching==2.3.1",
    "cachetools",
    "rich",
]
PASSWORD = secrets.token_urlsafe(12)
HARDENED = {
    "engine_params": {
        "connect_args": {
            "read_only": True,
            "config": {"enable_external_access": False, "lock_configuration": True},
        }
    }
}
# Run by Superset's own Python, which has `requests`.
CLIENT = """
import json, os, subprocess, sys, time
import requests
base, copy, extra, publish = sys.argv[1:]
session = requests.Session()
deadline = time.monotonic() + 300
while True:
    try:
        if session.get(base + "/health", timeout=5).ok:
            break
    except requests.RequestException:
        pass
    assert time.monotonic() < deadline, "Superset did not start"
    time.sleep(1)
login = {"username": "admin", "password": os.environ["TRY_PASSWORD"], "provider": "db", "refresh": False}
token = session.post(base + "/api/v1/security/login", json=login).json()["access_token"]
session.headers.update({"Authorization": f"Bearer {token}", "Referer": base})
session.headers["X-CSRFToken"] = session.get(base + "/api/v1/security/csrf_token/").json()["result"]

def post(path, **body):
    answer = session.post(base + path, json=body)
    return answer.status_code, answer.json()

status, added = post("/api/v1/database/", database_name="calls", sqlalchemy_uri="duckdb:///" + copy,
    expose_in_sqllab=True, allow_dml=False, extra=extra)
print("add the database:", status)
assert status == 201, added

def ask(sql):
    return post("/api/v1/sqllab/execute/", database_id=added["id"], sql=sql, schema="main", runAsync=False,
        client_id=os.urandom(5).hex())

status, found = ask("select disconnection_reason, calls from disconnection_breakdown order by calls desc")
print("ask a view:", status, found["data"][0])
for attempt in ("from read_csv('/etc/passwd')", "insert into calls select * from calls", "set threads = 1"):
    status, refused = ask(attempt.replace("from read", "select * from read"))
    print("refused:", attempt, status, refused["errors"][0]["message"].splitlines()[0][:100])
    assert status >= 400
published = lambda: ask("select published_at from published")[1]["data"][0]["published_at"]
before = published()
subprocess.run([publish, "-m", "pipeline", "publish", "--data-dir", os.path.dirname(copy)], check=True)
assert published() > before
print("a new copy is seen by the next query")
table = session.get(f"{base}/api/v1/database/{added['id']}/table_metadata/",
    params={"name": "daily_latency", "schema": "main"}).json()
print("columns come with their comments:", table["columns"][0])
assert all(column["comment"] for column in table["columns"])
status, dataset = post("/api/v1/dataset/", database=added["id"], schema="main", table_name="daily_latency")
status, chart = post("/api/v1/chart/data", datasource={"id": dataset["id"], "type": "table"},
    result_format="json", result_type="full",
    queries=[{"columns": ["day"], "row_limit": 3, "orderby": [["day", True]],
    "metrics": [{"expressionType": "SQL", "sqlExpression": "max(p99_ms)", "label": "p99"}]}])
print("a chart of a view:", status, chart["result"][0]["data"][0])
assert status == 200
"""


def main(copy: Path, environment: Path | None) -> None:
    assert copy.exists(), f"there is no {copy}: run `python -m pipeline demo`"
    with tempfile.TemporaryDirectory(prefix="superset-") as made:
        folder = Path(made)
        programs = (environment or folder / "venv").absolute() / "bin"
        if environment is None:
            subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
            subprocess.run([programs / "pip", "install", "-q", *PACKAGES], check=True)
        env = os.environ | {
            "SUPERSET_HOME": made,
            "HOME": made,
            "SUPERSET_SECRET_KEY": secrets.token_urlsafe(42),
            "FLASK_APP": "superset",
        }
        names = {"username": "admin", "firstname": "a", "lastname": "b", "email": "a@example.com"}
        admin = [word for name, value in names.items() for word in (f"--{name}", value)]
        with (folder / "superset.log").open("wb") as log:
            for command in (
                ["db", "upgrade"],
                ["fab", "create-admin", *admin, "--password", PASSWORD],
                ["init"],
            ):
                subprocess.run([programs / "superset", *command], env=env, stdout=log, stderr=log, check=True)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = str(free.getsockname()[1])
            server = subprocess.Popen(
                [programs / "superset", "run", "-h", "127.0.0.1", "-p", port], env=env, stdout=log, stderr=log
            )
            try:
                (folder / "client.py").write_text(CLIENT)
                tried = subprocess.run(
                    [
                        *(programs / "python", folder / "client.py", f"http://127.0.0.1:{port}"),
                        *(copy.absolute(), json.dumps(HARDENED), sys.executable),
                    ],
                    env=env | {"TRY_PASSWORD": PASSWORD},
                )
            finally:
                server.terminate()
                server.wait(30)
        if tried.returncode != 0:
            sys.exit("Superset does something else than the page says")
        subprocess.run([programs / "pip", "show", "apache-superset", "duckdb", "duckdb-engine"], check=True)


if __name__ == "__main__":
    started = time.monotonic()
    named = [Path(argument) for argument in sys.argv[1:]]
    main(named[0] if named else Path("data/demo/analytics.duckdb"), named[1] if len(named) > 1 else None)
    print(f"done in {time.monotonic() - started:.0f} s")
