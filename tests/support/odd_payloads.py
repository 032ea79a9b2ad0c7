"""Payloads of every odd kind: what Hypothesis makes of texts, numbers and values is dealt out to thousands.

HUNT=20000 makes that many, other ones each time.
"""

import json
import os
import random
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.expected_rows import SUMMARY

HUNT = int(os.environ.get("HUNT", 0))
_DRAWS = 150

# Numbers as they may be spelled; the marks go when the body is written.
_RAW = re.compile(r'"@([^"@]+)@"')


def raw(*texts: str) -> list[str]:
    return [f"@{text}@" for text in texts]


HARD_TEXTS = [
    *(
        "",
        "\0",
        "a\0b",
        "\ud83d",
        "\ude00x",
        "😀",
        '"',
        "\\",
        "\\ud83d",
        "'; drop table calls",
        "\u2028",
        "\x7f",
    ),
    *("null", "nan", "Infinity", "1e5", "true", "{}", "[]", "$.a", "%", "\r\n", "é" * 40, "\ufeff", "\uffff"),
]
ODD_NUMBERS = raw("1E3", "1e-400", "5e-324", "-0.0", "1e+300", "9" * 300, "1.0", "0.1e1")


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


texts = st.sampled_from(HARD_TEXTS) | st.text(st.characters(exclude_categories=()), max_size=6)
numbers = (
    st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(ODD_NUMBERS)
    | st.floats(0, 5000)
)
leaves = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([200, 240]).map(nested)
urls = st.sampled_from(
    [
        *("https://a.example/r.wav?X-Amz-Signature=0", "https://a.example/r.wav", "http://[x?token=1"),
        *("https://ⅷ／x.example/?sig=1", "?token=x", "https://a.example:port/?token=1#f"),
    ]
)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": numbers,
    "whole": st.integers(-(2**63) + 1, 2**63 - 1) | st.sampled_from([*raw("1E3", "7.0", "-2e2"), -1, 0]),
    "count": st.integers(0, 2**53) | st.sampled_from([0, 1, 2**53, *raw("1E3", "7.0")]),
    "epoch": st.integers(0, 253_402_300_799_999) | st.sampled_from([0, *raw("1.703302407333e12")]),
    "hertz": st.sampled_from([8000, 2**31 - 1, *raw("24000.0")]),
    "flag": st.booleans(),
    "value": values,
    "url": urls | texts,
    "id": st.sampled_from(["tool_a", "tool_b", "tool_c", "\0"]),
    "role": st.sampled_from(["agent", "user", "transfer_target"]) | texts,
    "status": st.sampled_from(["ended", "ongoing", "registered"]) | texts,
}
ITEM_ROLES = [*["tool_call_invocation", "tool_call_result"] * 3, "node_transition", "dtmf", 7, ""]
TOOL_CALL_IDS = [*"aaaabbc", "\0", None, 1]


@cache
def drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return what Hypothesis makes of a strategy."""
    found: list[Any] = []

    @settings(
        max_examples=_DRAWS,
        derandomize=not HUNT,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


class Maker:
    """Deals out what Hypothesis has made to payloads."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._drawn = {kind: drawn(strategy) for kind, strategy in KINDS.items()}

    def one(self, kind: str) -> Any:
        return self.rng.choice(self._drawn[kind])

    def object(self, share: float = 0.7, **kinds: str | Callable[[], Any]) -> dict[str, Any]:
        """Make an object with some of the fields in any order, a few of them null."""
        chosen = [name for name in kinds if self.rng.random() < share]
        self.rng.shuffle(chosen)
        made = {}
        for name in chosen:
            kind = kinds[name]
            is_null = self.rng.random() < 0.1
            made[name] = None if is_null else self.one(kind) if isinstance(kind, str) else kind()
        return made

    def list(self, make: Callable[[], Any], most: int) -> list[Any]:
        return [make() for _ in range(self.rng.randint(0, most))]

    def word(self) -> dict[str, Any]:
        return self.object(0.9, word="text", start="number", end="number", confidence="value", Word="value")

    def turn(self) -> dict[str, Any]:
        return self.object(
            role="role", content="text", words=lambda: self.list(self.word, 4), metadata="value", Role="value"
        )

    def item(self) -> dict[str, Any]:
        if self.rng.random() < 0.4:
            return self.turn()
        return self.object(
            0.8,
            role=lambda: self.rng.choice(ITEM_ROLES), tool_call_id=lambda: self.rng.choice(TOOL_CALL_IDS),
            name="text", type="value", arguments="value",
            content="value", successful="value", digit="text",
        )  # fmt: skip

    def latency(self) -> dict[str, Any]:
        share = self.rng.choice([0, 0.2, 0.9])
        return self.object(
            share, p50="number", p90="number", p95="number", p99="number", max="number", min="number",
            num=lambda: self.one(self.rng.choice(["count", "count", "number"])),
            values=lambda: self.list(lambda: self.one("number"), 4), p42="value",
        )  # fmt: skip

    def metrics(self) -> dict[str, Any]:
        names = ["e2e", "llm", "asr", "tts", "s2s", "knowledge_base", "E2E", self.one("text")]
        others = [None, 5, "x", [1]]
        return {
            name: self.rng.choice(others) if self.rng.random() < 0.1 else self.latency()
            for name in self.rng.sample(names, self.rng.randint(0, 4))
        }

    def analysis(self) -> dict[str, Any]:
        return self.object(
            self.rng.choice([0, 0.5]), call_summary="text", user_sentiment="text", agent_sentiment="text",
            agent_task_completion_rating="text", call_successful="flag", in_voicemail="flag",
            custom_analysis_data="value", news="value",
        )  # fmt: skip

    def cost(self) -> dict[str, Any]:
        def line() -> dict[str, Any]:
            return self.object(
                product="text", cost="number", unit_price="number", is_transfer_leg_cost="flag", more="value"
            )

        return self.object(combined_cost="number", product_costs=lambda: self.list(line, 3), total="value")

    def payload(self) -> dict[str, Any]:
        made = {"agent_id": self.one("text"), "call_status": self.one("status")} | self.object(
            0.4, agent_name="text", agent_version="number", call_type="text", direction="text",
            from_number="text", audio_encoding="text", sample_rate="hertz", end_call_after_silence_ms="whole",
            drop_call_if_machine_detected="flag", metadata="value", retell_llm_dynamic_variables="value",
            collected_dynamic_variables="value", custom_sip_headers="value", start_timestamp="epoch",
            end_timestamp="epoch", transfer_end_timestamp="epoch", duration_ms="whole", transcript="text",
            transcript_object=lambda: self.list(self.turn, 4),
            transcript_with_tool_calls=lambda: self.list(self.item, 12),
            scrubbed_transcript_with_tool_calls=lambda: self.list(self.item, 6),
            pre_session_transcript_with_tool_calls=lambda: self.list(self.item, 4), opt_in_signed_url="flag",
            recording_url="url", public_log_url="url", disconnection_reason="text",
            telephony_identifier="value", e2e_latency=self.latency, llm_latency=self.latency,
            llm_websocket_network_rtt_latency=self.latency,
            latency=self.metrics, call_analysis=self.analysis, call_cost=self.cost,
            llm_token_usage=lambda: self.object(
                average="number", values="value",
                num_requests=lambda: self.one(self.rng.choice(["count", "number"])),
            ),
            access_token="value",
        )  # fmt: skip
        if self.rng.random() < 0.3:
            made |= self.object(
                0.3, turn_latency=self.junk_latency, _latency=self.latency, new_url="url", Call_Id="value",
                json="value", filename="value", extra="value", CALL_STATUS="value",
            )  # fmt: skip
            odd = {
                "new\nline_latency": self.latency(),
                "": self.one("value"),
                self.one("text"): self.one("value"),
            }
            name = self.rng.choice(list(odd))
            made |= {name: odd[name]}
        if self.rng.random() < 0.2:
            # A copy: what was dealt out is dealt out again.
            made = json.loads(json.dumps(made))
            self.spoil(made)
        return made

    def junk_latency(self) -> Any:
        kinds = dict.fromkeys([*SUMMARY, "values"], "value")
        return self.object(**kinds) if self.rng.random() < 0.8 else self.one("value")

    def spoil(self, made: dict[str, Any]) -> None:
        """Put a value of any kind somewhere in a payload."""
        node: Any = made
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = self.rng.choice(keys)
            if not isinstance(node[key], dict | list) or not node[key] or self.rng.random() < 0.2:
                node[key] = self.one("value")
                return
            node = node[key]


def body_of(payload: dict[str, Any], ascii_only: bool) -> bytes:
    text = _RAW.sub(r"\1", json.dumps(payload, ensure_ascii=ascii_only))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _RAW.sub(r"\1", json.dumps(payload)).encode()
