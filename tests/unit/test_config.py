"""Settings come from flags, the environment, `.env` and defaults, in that order, and the key stays masked."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Settings, describe_settings, load_settings
from pipeline.errors import ConfigurationError
from pipeline.times import parse_duration

KEY = "key_0123456789"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("RETELL_", "PIPELINE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_contract() -> None:
    settings = load_settings()
    assert settings.api_key is None
    assert settings.base_url == "https://api.retellai.com"
    assert settings.api_version == "auto"
    assert settings.data_dir == Path("data")
    assert settings.landing_dir == Path("data/landing")
    assert settings.quarantine_dir == Path("data/quarantine")
    assert settings.warehouse_location == "data/warehouse.duckdb"
    assert settings.rate is None
    assert settings.refresh_window_s == 86_400


def test_flags_beat_the_environment_which_beats_dotenv_which_beats_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("PIPELINE_CONCURRENCY=2\nPIPELINE_CHUNK_SIZE=2\nPIPELINE_RATE=2\n")
    monkeypatch.setenv("PIPELINE_CONCURRENCY", "3")
    monkeypatch.setenv("PIPELINE_CHUNK_SIZE", "3")
    settings = load_settings(concurrency=4, rate=None)
    assert (settings.concurrency, settings.chunk_size, settings.rate) == (4, 3, 2)
    sources = {
        row["setting"]: row["source"] for row in describe_settings(settings, {"concurrency": 4, "rate": None})
    }
    assert sources["PIPELINE_CONCURRENCY"] == "flag"
    assert sources["PIPELINE_CHUNK_SIZE"] == "environment"
    assert sources["PIPELINE_RATE"] == ".env"
    assert sources["PIPELINE_DATA_DIR"] == "default"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.setenv(str(field.alias), "")
    assert load_settings() == load_settings(api_version="auto")
    assert load_settings().data_dir == Path("data")


def test_the_warehouse_is_below_the_data_folder_unless_it_is_named() -> None:
    assert load_settings(data_dir="elsewhere").warehouse_location == "elsewhere/warehouse.duckdb"
    assert load_settings(data_dir="elsewhere", warehouse="w.db").warehouse_location == "w.db"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("15m", 900),
        ("24h", 86_400),
        ("2 d", 172_800),
        (" 1H ", 3600),
    ],
)
def test_durations_are_seconds_or_have_a_unit(
    text: str, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse_duration(text) == pytest.approx(expected)
    monkeypatch.setenv("PIPELINE_REFRESH_WINDOW", text)
    assert load_settings().refresh_window_s == pytest.approx(expected)


@given(st.text())
def test_any_other_duration_is_refused_and_none_is_endless(text: str) -> None:
    try:
        found = parse_duration(text)
    except ValueError:
        return
    assert isinstance(found, float)
    assert found >= 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETELL_API_VERSION", "v3"),
        ("PIPELINE_CONCURRENCY", "0"),
        ("PIPELINE_CONCURRENCY", "257"),
        ("PIPELINE_CONCURRENCY", "2.5"),
        ("PIPELINE_RATE", "0"),
        ("PIPELINE_RATE", "-1"),
        ("PIPELINE_RATE", "nan"),
        ("PIPELINE_CHUNK_SIZE", "10001"),
        ("PIPELINE_LOCK_TIMEOUT", "-1"),
        ("PIPELINE_LOCK_TIMEOUT", "inf"),
        ("PIPELINE_REFRESH_WINDOW", "one day"),
        ("PIPELINE_REFETCH_AFTER", "1w"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name} cannot be used: ") as refused:
        load_settings()
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("bad", ["v3", "0", "x"])
def test_an_error_in_a_setting_does_not_show_the_key(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETELL_API_KEY", KEY)
    monkeypatch.setenv("PIPELINE_CHUNK_SIZE", bad)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert KEY not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_the_key_shows_as_stars_wherever_settings_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETELL_API_KEY", f" {KEY}\n")
    settings = load_settings()
    assert settings.require_key() == KEY
    for shown in (
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        json.dumps(describe_settings(settings, {})),
    ):
        assert KEY not in shown


@pytest.mark.parametrize("key", [None, "", "  ", "\n"])
def test_no_key_is_an_error_that_names_the_variable_and_the_demo(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"RETELL_API_KEY.*demo"):
        load_settings(api_key=key).require_key()


def test_describe_lists_every_setting_with_its_meaning() -> None:
    described = describe_settings(load_settings(), {})
    assert [row["setting"] for row in described] == [field.alias for field in Settings.model_fields.values()]
    assert all(row["meaning"] and row["value"] for row in described)
