"""What the API promises of a call, as pydantic models: the v1 page, and the fields that came since.

Strict where a wrong value would corrupt a table: types, whole numbers, times, numbers that a double can
hold. Tolerant where Retell changes: unknown fields, unknown enum values and metrics, nulls and absences.
Whatever these models accept, `sql/load/` turns into rows without an error.

Here and in `open_objects` is the one list of the fields that a payload may have: validation, the load and the
search for drift take their names from it. A field has a column, or is marked `IN_EXTRA`; any other that a
payload brings is kept in `extra` too, and recorded as drift.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StrictStr,
    field_validator,
)

# pydantic needs this TypedDict on Python 3.11; the one in `typing` is enough from 3.12 on.
from typing_extensions import TypedDict

from pipeline.payload.field_types import (
    IN_EXTRA,
    AnyObject,
    EpochMs,
    Hertz,
    InExtra,
    NamedObject,
    Number,
    Whole,
)

SPEAKERS = ("agent", "user", "transfer_target")
_TOOL_ITEMS = frozenset({"tool_call_invocation", "tool_call_result"})


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


WovenItem = Annotated[dict[str, Any], AnyObject()]


# Words and turns are no models because there are so many of them: a TypedDict takes a third of the time.
class Word(TypedDict, total=False):
    """A word with its time in the call's audio, in seconds."""

    word: StrictStr | None
    start: Number | None
    end: Number | None


class Turn(TypedDict, total=False):
    """A turn of the transcript."""

    role: StrictStr | None
    content: StrictStr | None
    words: list[Word] | None
    metadata: Any


Utterance = Annotated[Turn, NamedObject("Utterance")]


class Latency(_Model):
    """The samples of one latency metric in one call, in ms: summary, and today the samples themselves."""

    p50: Number | None = None
    p90: Number | None = None
    p95: Number | None = None
    p99: Number | None = None
    max: Number | None = None
    min: Number | None = None
    num: Number | None = None  # today's API types it as any number; what counts nothing lands in extra
    # Real accounts send nulls between samples: what is no sample is dropped, and told as drift.
    values: list[Number | None] | None = None


class Analysis(_Model):
    """Retell's analysis after the call."""

    call_summary: StrictStr | None = None
    user_sentiment: StrictStr | None = None
    agent_sentiment: StrictStr | None = None
    agent_task_completion_rating: StrictStr | None = None
    agent_task_completion_rating_reason: StrictStr | None = None
    call_completion_rating: StrictStr | None = None
    call_completion_rating_reason: StrictStr | None = None
    call_successful: StrictBool | None = None
    in_voicemail: StrictBool | None = None
    custom_analysis_data: Any = None


class ProductCost(_Model):
    """One line of a call's cost, in cents."""

    product: StrictStr | None = None
    cost: Number | None = None
    unit_price: Number | None = None
    is_transfer_leg_cost: StrictBool | None = None


class Cost(_Model):
    """What a call cost, in cents."""

    combined_cost: Number | None = None
    product_costs: list[ProductCost] | None = None
    total_duration_seconds: InExtra = None
    total_duration_unit_price: InExtra = None


class TokenUsage(_Model):
    """How many tokens the call's LLM requests took."""

    average: Number | None = None
    num_requests: Number | None = None
    values: InExtra = None


class Call(_Model):
    """A call as `get-call` answers it."""

    call_id: StrictStr
    agent_id: StrictStr | None = None
    call_status: StrictStr
    agent_name: StrictStr | None = None
    agent_version: StrictStr | Number | None = None
    agent_tag: StrictStr | None = None
    call_type: StrictStr | None = None
    direction: StrictStr | None = None
    from_number: StrictStr | None = None
    to_number: StrictStr | None = None
    audio_websocket_protocol: StrictStr | None = None
    audio_encoding: StrictStr | None = None
    sample_rate: Hertz | None = None
    end_call_after_silence_ms: Whole | None = None
    drop_call_if_machine_detected: StrictBool | None = None
    opt_out_sensitive_data_storage: StrictBool | None = None
    data_storage_setting: StrictStr | None = None
    opt_in_signed_url: InExtra = None
    metadata: Any = None
    retell_llm_dynamic_variables: Any = None
    collected_dynamic_variables: Any = None
    custom_sip_headers: Any = None
    custom_attributes: Any = None
    # What stays where the source deletes the originals: rows are filled from these then.
    scrubbed_metadata: InExtra = None
    scrubbed_retell_llm_dynamic_variables: InExtra = None
    scrubbed_collected_dynamic_variables: InExtra = None
    scrubbed_call_analysis: InExtra = None
    start_timestamp: EpochMs | None = None
    end_timestamp: EpochMs | None = None
    transfer_end_timestamp: EpochMs | None = None
    duration_ms: Whole | None = None
    transcript: StrictStr | None = None
    transcript_object: list[Utterance] | None = None
    transcript_with_tool_calls: list[WovenItem] | None = None
    scrubbed_transcript_with_tool_calls: Annotated[list[WovenItem] | None, IN_EXTRA] = None
    # Whatever is in these becomes a tool call or an event, so nothing in them can corrupt a turn.
    pre_session_transcript_with_tool_calls: list[Any] | None = None
    post_session_transcript_with_tool_calls: list[Any] | None = None
    scrubbed_pre_session_transcript_with_tool_calls: InExtra = None
    scrubbed_post_session_transcript_with_tool_calls: InExtra = None
    recording_url: StrictStr | None = None
    recording_multi_channel_url: StrictStr | None = None
    scrubbed_recording_url: StrictStr | None = None
    scrubbed_recording_multi_channel_url: StrictStr | None = None
    public_log_url: StrictStr | None = None
    knowledge_base_retrieved_contents_url: StrictStr | None = None
    disconnection_reason: StrictStr | None = None
    transfer_destination: StrictStr | None = None
    telephony_identifier: Any = None
    e2e_latency: Latency | None = None
    llm_latency: Latency | None = None
    llm_websocket_network_rtt_latency: Latency | None = None
    latency: dict[str, Latency | None] | None = None
    call_analysis: Analysis | None = None
    call_cost: Cost | None = None
    llm_token_usage: TokenUsage | None = None

    @field_validator("latency", mode="before")
    @classmethod
    def _only_objects_are_metrics(cls, value: object) -> object:
        # A new member that is no summary must not stop a load; the raw payload keeps it.
        if not isinstance(value, dict):
            return value
        return {metric: stats for metric, stats in value.items() if isinstance(stats, dict)}


def _turn_or_none(item: object) -> object:
    """Keep a woven item that was spoken, as `sql/macros/payload/is_speech.sql` decides, and its place."""
    if not isinstance(item, dict):
        return None
    # Any JSON may stand there, and what is no text cannot be looked up.
    role = item.get("role") if isinstance(item.get("role"), str) else None
    brings_words = isinstance(item.get("words"), list) and role not in _TOOL_ITEMS
    return item if brings_words or role in SPEAKERS else None


WovenTurn = Annotated[Utterance | None, BeforeValidator(_turn_or_none)]


class WovenTranscripts(_Model):
    """The woven transcripts of a call that has no turns of its own, so that theirs become rows."""

    transcript_with_tool_calls: list[WovenTurn] | None = None
    scrubbed_transcript_with_tool_calls: list[WovenTurn] | None = None
