"""Serves the readers' copy to many clients at once, over quack, DuckDB's own protocol.

Whatever a client sends, it can only read the copy: the server's databases are read-only, no file or address
can be reached from SQL, no setting changed, and each query is judged before it runs (sql/serve/guard.sql). A
new copy is served from the next query on, in the same sessions; queries under way finish on the one before.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import duckdb

from pipeline import sql
from pipeline.config import Settings
from pipeline.errors import ConfigurationError, UsageError, WarehouseError

# httpfs brings the cryptography that quack makes its session ids with; no address is reached through it.
_EXTENSIONS = ("httpfs", "quack")
_LOOK_EVERY_S = 1.0
_LOCAL = ("127.0.0.1", "::1", "localhost")


def serve(
    settings: Settings,
    host: str,
    port: int,
    *,
    on_ready: Callable[[str, str, bool], None],
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Serve the readers' copy until Ctrl-C.

    `on_ready` is given the address, the token, and whether that was made up here. Raises ConfigurationError
    without the extensions, WarehouseError without a copy, and UsageError for a port that cannot be had.
    """
    extensions = [_find_extension(name) for name in _EXTENSIONS]
    copy = settings.readers_copy
    if not copy.exists():
        raise WarehouseError(
            f"there is no readers' copy at {copy}: run `python -m pipeline publish`, or name another folder "
            "with --data-dir"
        )
    _check_port_is_free(host, port)
    given = settings.serve_token.get_secret_value() if settings.serve_token else None
    token = given or secrets.token_urlsafe(32)
    uri = f"quack:[{host}]:{port}" if ":" in host else f"quack:{host}:{port}"
    if host not in _LOCAL:
        say(
            f"warning: {host} can be reached from other machines, and what is sent is not encrypted: put a "
            "proxy with TLS before it"
        )
    with _make_folder(copy) as folder, _Served(copy, folder, extensions) as served:
        served.listen(uri, token, beyond=host not in _LOCAL)
        on_ready(uri, token, given is None)
        with suppress(KeyboardInterrupt):
            while True:
                sleep(_LOOK_EVERY_S)
                if served.is_outdated():
                    say(served.renew())


class _Served:
    """A DuckDB that holds the copy under the name `analytics`, and that clients can be let in to.

    Each copy is held by a link of its own, in one of two folders in turn, so that a file whose name was given
    to a newer one stays whole until nobody asks it any more.
    """

    def __init__(self, copy: Path, folder: Path, extensions: list[Path]) -> None:
        self._copy = copy
        self._places = [folder / name / "analytics.duckdb" for name in ("first", "second")]
        self._uri: str | None = None
        with duckdb.connect(folder / "guard.duckdb") as guard:
            guard.execute(sql.read("serve/guard"))
        try:
            self._link()
            self._connection = duckdb.connect(
                self._places[0],
                read_only=True,
                config={
                    "home_directory": str(folder),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "python_enable_replacements": False,
                },
            )
        except duckdb.Error as refused:
            raise WarehouseError(
                f"cannot open the readers' copy {copy} ({_first_line(refused)}): run `python -m pipeline "
                "publish`"
            ) from None
        for extension in extensions:
            self._connection.load_extension(str(extension))
        self._connection.execute(sql.read("serve/attach_guard"))
        self._connection.execute(sql.read("serve/allow"), {"folder": str(folder)})
        self._connection.execute(sql.read("serve/lock"))

    def __enter__(self) -> _Served:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._uri is not None:
            self._connection.execute(sql.read("serve/stop"), {"uri": self._uri})
        self._connection.close()

    def listen(self, uri: str, token: str, *, beyond: bool) -> None:
        """Let clients in; raise UsageError when the address cannot be listened on."""
        try:
            self._connection.execute(
                sql.read("serve/start"), {"uri": uri, "token": token, "beyond": beyond}
            ).fetchall()
        except duckdb.Error as refused:
            raise UsageError(
                f"cannot listen at {uri} ({_first_line(refused)}): choose another with --host or --port"
            ) from None
        self._uri = uri

    def is_outdated(self) -> bool:
        """Return whether another copy stands under the name by now."""
        try:
            return not self._copy.samefile(self._places[0])
        except OSError:
            return False  # taken away: the one that is held is the newest there is

    def renew(self) -> str:
        """Serve the copy that stands under the name now; return a sentence about it."""
        self._places.reverse()
        try:
            self._link()
            self._connection.execute(sql.read(f"serve/attach_{self._places[0].parent.name}"))
        except (duckdb.Error, WarehouseError) as refused:
            self._places[0].unlink(missing_ok=True)
            self._places.reverse()
            return (
                f"warning: the new copy cannot be served, the one before it still is ({_first_line(refused)})"
            )
        self._places[1].unlink()
        return "a new copy is served"

    def _link(self) -> None:
        place = self._places[0]
        try:
            place.parent.mkdir(exist_ok=True)
            place.unlink(missing_ok=True)
            os.link(self._copy, place)
        except OSError as refused:
            raise WarehouseError(
                f"cannot hold the readers' copy {self._copy} by a link beside it ({refused.strerror}): serve "
                "it as its owner, from a disk with hard links"
            ) from None


@contextmanager
def _make_folder(copy: Path) -> Iterator[Path]:
    """Make a folder for the time of serving, and take away those of servers that were killed."""
    prefix = f".{copy.name}.served-"
    with ExitStack() as held:
        try:
            for left in copy.parent.glob(f"{prefix}*"):
                with _lock_folder(left) as is_ours:
                    if is_ours:
                        shutil.rmtree(left, ignore_errors=True)
            folder = held.enter_context(
                tempfile.TemporaryDirectory(
                    prefix=prefix, dir=copy.parent.absolute(), ignore_cleanup_errors=True
                )
            )
            held.enter_context(_lock_folder(Path(folder)))
        except OSError as refused:
            raise WarehouseError(
                f"cannot write beside {copy} ({refused.strerror}): fix the permissions of its folder"
            ) from None
        yield Path(folder)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder, which the system drops when this process dies; return whether it is held."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _find_extension(name: str) -> Path:
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "`serve` needs DuckDB extensions that are not installed: run `pip install -e '.[serve]'`"
        )
    file = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.exists():
        raise ConfigurationError(
            f"the DuckDB extensions that `serve` needs are not for version {duckdb.__version__}: run "
            "`pip install -e '.[serve]'`, which brings them into step"
        )
    return file


def _check_port_is_free(host: str, port: int) -> None:
    """Raise UsageError for a port in use: quack itself would share it with another server of this user."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as refused:
        raise UsageError(
            f"cannot listen on {host}:{port} ({refused.strerror}): choose another with --host or --port"
        ) from None


def _first_line(refused: Exception) -> str:
    return str(refused).splitlines()[0]
