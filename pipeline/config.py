"""Settings: flags beat the environment, the environment beats `.env`, and `.env` beats the defaults.

Everything else that is a path is derived from two roots, the data folder and the warehouse. The API key is
a secret type: it prints as stars wherever settings end up.
"""

from __future__ import annotations

import os
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import ConfigurationError
from pipeline.times import parse_duration

_CREDENTIALS = re.compile(r"//.*@")
_LONGEST_S = 100 * 365 * 86_400
_SHORTEST_TOKEN = 16


def _read_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _read_publish(value: object) -> object:
    return value if value in ("run", "always", "off") else _read_duration(value)


def _expand_home(value: object) -> object:
    # A shell does that; whoever writes `.env` means it too.
    return os.path.expanduser(value) if isinstance(value, (str, Path)) else value  # noqa: PTH111  never raises


def _require_length(token: SecretStr) -> SecretStr:
    if len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"write at least {_SHORTEST_TOKEN} characters, or leave it out")
    return token


def _require_time_zone(name: str) -> str:
    # What a machine calls its own time is no zone to anybody else.
    if name not in zoneinfo.available_timezones() - {"localtime"}:
        raise ValueError("name one of the IANA time zones, such as Europe/Berlin or UTC")
    return name


def _split_list(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


Seconds = Annotated[float, BeforeValidator(_read_duration)]


class Settings(BaseSettings):
    """What a run needs to know; every field is named after its environment variable."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
        frozen=True,
    )

    api_key: SecretStr | None = Field(
        None, alias="RETELL_API_KEY", description="API key of the Retell workspace"
    )
    base_url: str = Field(
        "https://api.retellai.com", alias="RETELL_BASE_URL", description="Where the API answers"
    )
    allow_http: bool = Field(
        False,
        alias="RETELL_ALLOW_HTTP",
        description="Send the key over plain http to another machine; never needed for Retell itself",
    )
    api_version: Literal["auto", "v1", "v2"] = Field(
        "auto", alias="RETELL_API_VERSION", description="auto, v1 or v2; auto finds out by the first 404"
    )
    data_dir: Annotated[Path, BeforeValidator(_expand_home)] = Field(
        Path("data"), alias="PIPELINE_DATA_DIR", description="Folder of landed payloads and quarantine"
    )
    warehouse: Annotated[str | None, BeforeValidator(_expand_home)] = Field(
        None,
        alias="PIPELINE_WAREHOUSE",
        description="DuckDB file or SQLAlchemy URL; by default warehouse.duckdb in the data folder",
    )
    concurrency: int = Field(
        16, alias="PIPELINE_CONCURRENCY", ge=1, le=256, description="Most requests under way at once"
    )
    rate: float | None = Field(
        None, alias="PIPELINE_RATE", gt=0, description="Most requests per second; no limit by default"
    )
    chunk_size: int = Field(
        250, alias="PIPELINE_CHUNK_SIZE", ge=1, le=10_000, description="Calls per landed chunk"
    )
    lock_timeout_s: Seconds = Field(
        60, alias="PIPELINE_LOCK_TIMEOUT", ge=0, description="How long to wait for a locked warehouse"
    )
    refresh_window_s: Seconds = Field(
        86_400,
        alias="PIPELINE_REFRESH_WINDOW",
        ge=0,
        le=_LONGEST_S,
        description="After this long since its end a call counts as final even without an analysis",
    )
    refetch_after_s: Seconds = Field(
        900,
        alias="PIPELINE_REFETCH_AFTER",
        ge=0,
        le=_LONGEST_S,
        description="A call that is not final is fetched again by `backfill` only after this long",
    )

    publish: Annotated[Literal["run", "always", "off"] | float, BeforeValidator(_read_publish)] = Field(
        "run",
        alias="PIPELINE_PUBLISH",
        description="When readers get a new copy: run (at its end), always (after each load), at most every "
        "so often (15m), or off",
    )
    serve_token: Annotated[SecretStr, AfterValidator(_require_length)] | None = Field(
        None,
        alias="PIPELINE_SERVE_TOKEN",
        description="What clients of `serve` must show; by default each server makes one and prints it",
    )
    sync_lookback_s: Seconds = Field(
        3600,
        alias="PIPELINE_SYNC_LOOKBACK",
        ge=0,
        le=_LONGEST_S,
        description="How far `sync` goes back before the latest call it has seen",
    )

    webhook_key: SecretStr | None = Field(
        None,
        alias="RETELL_WEBHOOK_KEY",
        description="Key that signs events, by default the API key; two, with a comma between, while one is "
        "being replaced",
    )
    receive_load_s: Seconds = Field(
        15,
        alias="PIPELINE_RECEIVE_LOAD",
        ge=1,
        le=3600,
        description="How long `receive` gathers events before it loads them; 1,000 are loaded sooner",
    )
    receive_url: str | None = Field(
        None,
        alias="PIPELINE_RECEIVE_URL",
        description="URL that Retell sends events to, for `doctor` to ask whether they would arrive",
    )
    receive_allow: str | None = Field(
        None,
        alias="PIPELINE_RECEIVE_ALLOW",
        description="Addresses or networks that events are taken from, with commas between; all by default",
    )
    receive_forward: str | None = Field(
        None,
        alias="PIPELINE_RECEIVE_FORWARD",
        description="URLs that each event is passed on to, with commas between; none by default",
    )
    opted_out: Literal["drop", "keep"] = Field(
        "drop",
        alias="PIPELINE_OPTED_OUT",
        description="Whether what was said in opted-out calls, which only events have, is left out or kept",
    )

    deleted: Literal["keep", "hide"] = Field(
        "keep",
        alias="PIPELINE_DELETED",
        description="Whether views show calls that are deleted at the source: keep or hide",
    )

    time_zone: Annotated[str, AfterValidator(_require_time_zone)] | None = Field(
        None,
        alias="PIPELINE_TIMEZONE",
        description="Time zone of days and hours in views, such as Europe/Berlin; by default that of the "
        "warehouse, UTC in a new one",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        alias="PIPELINE_LOG_LEVEL",
        description="Least that stderr tells of; debug: every retry, answer and outcome",
    )
    log_format: Literal["text", "json"] = Field(
        "text", alias="PIPELINE_LOG_FORMAT", description="text, or json: one object a line on stderr"
    )

    @property
    def landing_dir(self) -> Path:
        """Folder of landed chunks."""
        return self.data_dir / "landing"

    @property
    def quarantine_dir(self) -> Path:
        """Folder of payloads that failed validation."""
        return self.data_dir / "quarantine"

    @property
    def received_dir(self) -> Path:
        """Folder of events that were received and are not landed yet, or not passed on."""
        return self.data_dir / "received"

    @property
    def allowed_sources(self) -> list[str]:
        """Addresses and networks that events are taken from; from everywhere where there is none."""
        return _split_list(self.receive_allow)

    @property
    def forward_targets(self) -> list[str]:
        """URLs that events are passed on to."""
        return _split_list(self.receive_forward)

    @property
    def readers_copy(self) -> Path:
        """The copy of the warehouse that readers open."""
        return self.data_dir / "analytics.duckdb"

    @property
    def warehouse_location(self) -> str:
        """The warehouse as a path or a SQLAlchemy URL."""
        return self.warehouse or str(self.data_dir / "warehouse.duckdb")

    @property
    def hides_deleted(self) -> bool:
        """Whether views leave out calls that are deleted at the source."""
        return self.deleted == "hide"

    @property
    def has_key(self) -> bool:
        """Whether there is an API key."""
        return bool(self.api_key and self.api_key.get_secret_value().strip())

    def require_key(self) -> str:
        """Return the API key; raise ConfigurationError when there is none."""
        key = self.api_key.get_secret_value().strip() if self.api_key else ""
        if not key:
            raise ConfigurationError(
                "no API key: set RETELL_API_KEY (or put it into .env), "
                "or try `python -m pipeline demo`, which needs none"
            )
        return key

    def require_webhook_keys(self) -> list[str]:
        """Return the keys that sign events, the newest first; raise ConfigurationError when there is none."""
        keys = _split_list(self.webhook_key.get_secret_value() if self.webhook_key else None)
        if not keys and self.has_key:
            keys = [self.require_key()]
        if not keys:
            raise ConfigurationError(
                "no key to verify events with: set RETELL_API_KEY to the key with the webhook badge, or "
                "RETELL_WEBHOOK_KEY where another one signs them"
            )
        return keys


def load_settings(**flags: Any) -> Settings:
    """Read the settings; a flag that is None was not given.

    Raises ConfigurationError that names the variable (never its value) when one cannot be used.
    """
    try:
        # The keyword of a flag is its field's name, so it takes part under the alias of that field.
        given = {
            str(Settings.model_fields[name].alias): value
            for name, value in flags.items()
            if value is not None
        }
        return Settings(**given)
    except ValidationError as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "a setting"
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name} cannot be used: {problem}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(".env is not UTF-8 text: save it as such or remove it") from None


def describe_settings(settings: Settings, flags: dict[str, Any]) -> list[dict[str, str]]:
    """List every setting with its value, where that came from, and what it means; the key is masked."""
    in_file = dotenv_values(".env") if Path(".env").is_file() else {}
    described = []
    for name, field in Settings.model_fields.items():
        variable = str(field.alias)
        if flags.get(name) is not None:
            source = "flag"
        elif os.environ.get(variable):
            source = "environment"
        elif in_file.get(variable):
            source = ".env"
        else:
            source = "default"
        value = getattr(settings, name)
        if name == "warehouse":
            value = settings.warehouse_location
        described.append(
            {
                "setting": variable,
                "value": _format_value(name, value),
                "source": source,
                "meaning": field.description or "",
            }
        )
    return described


def _format_value(name: str, value: object) -> str:
    if value is None:
        return "not set"
    if name in ("warehouse", "base_url"):
        # A URL can carry a password or a token.
        return _CREDENTIALS.sub("//***@", str(value)).split("?", 1)[0]
    if name == "receive_forward":
        return ",".join(_CREDENTIALS.sub("//***@", url).split("?", 1)[0] for url in _split_list(str(value)))
    # Printed the way it may be set.
    if name == "publish" and isinstance(value, float):
        return f"{value:g}s"
    return f"{value:g}s" if name.endswith("_s") else str(value)
