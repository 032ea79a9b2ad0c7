"""The warehouse holds calls, what was said in them, how fast they answered and how they were loaded.

Revision: 20261122_initial, the first.

No table has a primary key, a foreign key or an index: loads replace whole calls, and what a constraint would
promise is asked by `sql/checks/`.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_initial"
down_revision = None
branch_labels = None
depends_on = None

# Whether the step loses rows: the warehouse is copied beside itself before such a step.
destructive_upgrade = False
destructive_downgrade = True


class Compressed(sa.types.UserDefinedType[str]):
    """Text that is stored with zstd, where the file is of a format that has it."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return how the column is declared."""
        return "VARCHAR USING COMPRESSION zstd"


def upgrade() -> None:
    """Create every table with its comments."""
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column("agent_id", sa.String, comment="Agent that took or made the call"),
        sa.Column("agent_name", sa.String, comment="Agent's name at the time of the call"),
        sa.Column(
            "agent_version", sa.String, comment="Agent's version, as text: the API sends numbers and names"
        ),
        sa.Column("agent_tag", sa.String, comment="Tag of the agent's version, such as prod"),
        sa.Column(
            "call_type", sa.String, comment="web_call or phone_call; null where the payload does not say"
        ),
        sa.Column(
            "call_status",
            sa.String,
            nullable=False,
            comment="registered, not_connected, ongoing, ended or error, or what the API sent",
        ),
        sa.Column("direction", sa.String, comment="inbound or outbound; null for web calls"),
        sa.Column("from_number", sa.String, comment="Caller's number as sent; mostly E.164"),
        sa.Column("to_number", sa.String, comment="Callee's number as sent; mostly E.164"),
        sa.Column("audio_websocket_protocol", sa.String, comment="web or twilio (v1 payloads)"),
        sa.Column("audio_encoding", sa.String, comment="s16le or mulaw (v1 payloads)"),
        sa.Column("sample_rate", sa.Integer, comment="Audio sample rate in Hz (v1 payloads)"),
        sa.Column(
            "end_call_after_silence_ms",
            sa.BigInteger,
            comment="Silence after which the agent hangs up, in ms",
        ),
        sa.Column(
            "drop_call_if_machine_detected",
            sa.Boolean,
            comment="Whether the call is dropped when a machine answers",
        ),
        sa.Column(
            "opt_out_sensitive_data_storage",
            sa.Boolean,
            comment="Whether transcript, recording and log are not stored (v1)",
        ),
        sa.Column(
            "data_storage_setting",
            sa.String,
            comment="everything, everything_except_pii or basic_attributes_only",
        ),
        sa.Column("metadata", sa.JSON, comment="Free object given when the call was made"),
        sa.Column("retell_llm_dynamic_variables", sa.JSON, comment="Variables put into the prompt"),
        sa.Column("collected_dynamic_variables", sa.JSON, comment="Variables gathered during the call"),
        sa.Column("custom_sip_headers", sa.JSON, comment="SIP headers given with the call"),
        sa.Column("started_at", sa.DateTime, comment="Start of the call, UTC; null when it never connected"),
        sa.Column("ended_at", sa.DateTime, comment="End of the call, UTC"),
        sa.Column("transfer_ended_at", sa.DateTime, comment="End of the transferred leg, UTC"),
        sa.Column(
            "duration_ms", sa.BigInteger, comment="Duration in ms: the API's, else ended_at minus started_at"
        ),
        sa.Column("transcript", Compressed, comment="Whole transcript as one text"),
        sa.Column("recording_url", sa.String, comment="Recording; signed query strings are removed"),
        sa.Column("recording_multi_channel_url", sa.String, comment="Recording with one channel a party"),
        sa.Column("scrubbed_recording_url", sa.String, comment="Recording without personal data"),
        sa.Column(
            "scrubbed_recording_multi_channel_url",
            sa.String,
            comment="Multi-channel recording without personal data",
        ),
        sa.Column("public_log_url", sa.String, comment="Log of the call's requests and latencies"),
        sa.Column(
            "knowledge_base_retrieved_contents_url",
            sa.String,
            comment="What the knowledge base returned during the call",
        ),
        sa.Column(
            "disconnection_reason",
            sa.String,
            comment="Why the call ended, as sent; disconnection_breakdown has its category",
        ),
        sa.Column("transfer_destination", sa.String, comment="Number or SIP URI the call was transferred to"),
        sa.Column("telephony_identifier", sa.JSON, comment="Ids at the telephony provider"),
        sa.Column(
            "combined_cost_cents", sa.Double, comment="Cost of the call in cents, all products together"
        ),
        sa.Column("llm_tokens_average", sa.Double, comment="Average LLM tokens per request"),
        sa.Column("llm_requests_count", sa.BigInteger, comment="LLM requests during the call"),
        sa.Column(
            "extra", sa.JSON, comment="Fields of the payload that have no column; null when there are none"
        ),
        sa.Column(
            "payload_shape",
            sa.String,
            nullable=False,
            comment="Shape read from the payload: v1, early_v2 or today",
        ),
        sa.Column("payload_hash", sa.String, nullable=False, comment="SHA-256 of the payload as landed"),
        sa.Column(
            "first_seen_at",
            sa.DateTime,
            nullable=False,
            comment="When the pipeline first fetched the call, UTC",
        ),
        sa.Column(
            "extracted_at", sa.DateTime, nullable=False, comment="When this payload was last fetched, UTC"
        ),
        sa.Column("load_id", sa.String, nullable=False, comment="Load that wrote these rows"),
        comment="One row per call: the newest payload fetched",
    )
    op.create_table(
        "utterances",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "utterance_index",
            sa.Integer,
            nullable=False,
            comment="Position of the turn in the transcript, from 0",
        ),
        sa.Column("role", sa.String, comment="agent, user, transfer_target, or what the API sent"),
        sa.Column("content", sa.String, comment="What was said"),
        sa.Column("start_s", sa.Double, comment="Start of the first timed word, in seconds of call audio"),
        sa.Column("end_s", sa.Double, comment="End of the last timed word, in seconds of call audio"),
        sa.Column("word_count", sa.Integer, nullable=False, comment="Number of words in the turn"),
        sa.Column("metadata", sa.JSON, comment="Turn metadata as sent: response and interrupt ids and more"),
        comment="One row per turn of the transcript",
    )
    op.create_table(
        "words",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "utterance_index",
            sa.Integer,
            nullable=False,
            comment="Position of the turn in the transcript, from 0",
        ),
        sa.Column(
            "word_index", sa.Integer, nullable=False, comment="Position of the word in its turn, from 0"
        ),
        sa.Column("word", sa.String, comment="The word as transcribed"),
        sa.Column("start_s", sa.Double, comment="Start in seconds of call audio"),
        sa.Column("end_s", sa.Double, comment="End in seconds of call audio"),
        comment="One row per spoken word",
    )
    op.create_table(
        "latency_stats",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "metric",
            sa.String,
            nullable=False,
            comment="e2e, llm, llm_websocket_network_rtt, asr, tts, knowledge_base, s2s or newer",
        ),
        sa.Column("p50_ms", sa.Double, comment="50th percentile over the call's samples, in ms"),
        sa.Column("p90_ms", sa.Double, comment="90th percentile over the call's samples, in ms"),
        sa.Column("p95_ms", sa.Double, comment="95th percentile over the call's samples, in ms"),
        sa.Column("p99_ms", sa.Double, comment="99th percentile over the call's samples, in ms"),
        sa.Column("max_ms", sa.Double, comment="Largest sample in ms"),
        sa.Column("min_ms", sa.Double, comment="Smallest sample in ms"),
        sa.Column("num", sa.BigInteger, comment="Number of samples"),
        comment="One row per call and latency metric: the API's summary over the call's turns",
    )
    op.create_table(
        "latency_values",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column("metric", sa.String, nullable=False, comment="Latency metric, as in latency_stats"),
        sa.Column("value_index", sa.Integer, nullable=False, comment="Position of the sample, from 0"),
        sa.Column("value_ms", sa.Double, comment="Latency of the sample in ms"),
        comment="One row per latency sample, where the API sends them",
    )
    op.create_table(
        "call_analysis",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column("call_summary", sa.String, comment="Summary of the call"),
        sa.Column(
            "user_sentiment", sa.String, comment="Negative, Positive, Neutral, Unknown, or what the API sent"
        ),
        sa.Column("agent_sentiment", sa.String, comment="Agent's sentiment (v1 payloads)"),
        sa.Column(
            "agent_task_completion_rating", sa.String, comment="Whether the agent did its task (v1 payloads)"
        ),
        sa.Column("agent_task_completion_rating_reason", sa.String, comment="Why that rating"),
        sa.Column(
            "call_completion_rating", sa.String, comment="Whether the call was completed (v1 payloads)"
        ),
        sa.Column("call_completion_rating_reason", sa.String, comment="Why that rating"),
        sa.Column("call_successful", sa.Boolean, comment="Whether the agent reached the call's goal"),
        sa.Column("in_voicemail", sa.Boolean, comment="Whether the call reached a voicemail"),
        sa.Column("custom_analysis_data", sa.JSON, comment="Custom analysis fields as sent"),
        sa.Column("extra", sa.JSON, comment="Analysis fields that have no column; null when there are none"),
        comment="One row per analysed call: Retell's analysis after the call",
    )
    op.create_table(
        "tool_calls",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "tool_call_index",
            sa.Integer,
            nullable=False,
            comment="Position among the call's invocations, from 0",
        ),
        sa.Column("tool_call_id", sa.String, comment="Id that joins invocation and result"),
        sa.Column("name", sa.String, comment="Name of the tool"),
        sa.Column("type", sa.String, comment="Type of the tool, where sent"),
        sa.Column("arguments", sa.String, comment="Arguments as the text that was sent, mostly JSON"),
        sa.Column("result", sa.String, comment="Content of the result; null when none came"),
        sa.Column("successful", sa.Boolean, comment="Whether the tool succeeded, where sent"),
        sa.Column(
            "utterance_index",
            sa.Integer,
            comment="Turn of the last word spoken before the invocation; null before any word",
        ),
        sa.Column("word_index", sa.Integer, comment="Position of that word in its turn"),
        comment="One row per tool invocation, with its result and its place in the conversation",
    )
    op.create_table(
        "transcript_events",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "event_index", sa.Integer, nullable=False, comment="Position among the call's events, from 0"
        ),
        sa.Column("role", sa.String, comment="node_transition, dtmf, sms, injected, or newer"),
        sa.Column(
            "utterance_index",
            sa.Integer,
            comment="Turn of the last word spoken before the event; null before any word",
        ),
        sa.Column("event", sa.JSON, comment="The item as sent"),
        comment="One row per woven transcript item that is neither speech nor a tool call",
    )
    op.create_table(
        "call_costs",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column(
            "cost_index", sa.Integer, nullable=False, comment="Position in the list of product costs, from 0"
        ),
        sa.Column("product", sa.String, comment="Product that was charged"),
        sa.Column("cost_cents", sa.Double, comment="Cost in cents"),
        sa.Column("unit_price_cents", sa.Double, comment="Price in cents per second"),
        sa.Column(
            "is_transfer_leg_cost", sa.Boolean, comment="Whether the cost belongs to the transferred leg"
        ),
        comment="One row per call and product line of its cost",
    )
    op.create_table(
        "etl_runs",
        sa.Column("run_id", sa.String, nullable=False, comment="Id of the run; sorts by start"),
        sa.Column(
            "command", sa.String, nullable=False, comment="Command that ran: backfill, demo, load, replay, …"
        ),
        sa.Column(
            "status", sa.String, nullable=False, comment="running, succeeded, partial, failed or interrupted"
        ),
        sa.Column("started_at", sa.DateTime, nullable=False, comment="Start of the run, UTC"),
        sa.Column(
            "finished_at",
            sa.DateTime,
            comment="End of the run, UTC; null while it runs or after it was killed",
        ),
        sa.Column("requested_count", sa.BigInteger, nullable=False, comment="Distinct call ids asked for"),
        sa.Column("fetched_count", sa.BigInteger, comment="Calls answered by the API and landed in this run"),
        sa.Column("request_count", sa.BigInteger, comment="HTTP requests sent"),
        sa.Column("retry_count", sa.BigInteger, comment="HTTP requests that were retries"),
        sa.Column("detail", sa.String, comment="Why the run failed or was interrupted"),
        sa.Column("host", sa.String, nullable=False, comment="Machine that ran it"),
        sa.Column("pid", sa.Integer, nullable=False, comment="Process that ran it"),
        sa.Column("pipeline_version", sa.String, nullable=False, comment="Version of this package"),
        comment="One row per run of a command that writes",
    )
    op.create_table(
        "etl_chunks",
        sa.Column("chunk_id", sa.String, nullable=False, comment="Id of the landed chunk"),
        sa.Column("run_id", sa.String, nullable=False, comment="Run that landed it"),
        sa.Column(
            "path",
            sa.String,
            comment="Payload file, relative to the landing folder; null when the chunk has no payload",
        ),
        sa.Column("record_count", sa.BigInteger, nullable=False, comment="Payloads in the chunk"),
        sa.Column("byte_count", sa.BigInteger, nullable=False, comment="Size of the payload file in bytes"),
        sa.Column("sha256", sa.String, comment="SHA-256 of the payload file"),
        sa.Column(
            "landed_at", sa.DateTime, nullable=False, comment="When the chunk was complete on disk, UTC"
        ),
        sa.Column("loaded_at", sa.DateTime, nullable=False, comment="When it was loaded, UTC"),
        sa.Column("load_id", sa.String, nullable=False, comment="Load that loaded it first"),
        comment="One row per landed chunk that is loaded",
    )
    op.create_table(
        "etl_outcomes",
        sa.Column("call_id", sa.String, nullable=False, comment="Retell's id of the call"),
        sa.Column("run_id", sa.String, nullable=False, comment="Run that asked for it last"),
        sa.Column(
            "outcome",
            sa.String,
            nullable=False,
            comment="loaded, unchanged, not_final, not_found, rejected or failed",
        ),
        sa.Column("reason", sa.String, comment="Why it is not loaded"),
        sa.Column(
            "attempts",
            sa.Integer,
            nullable=False,
            comment="HTTP requests made for it in that run; 0 when none was needed",
        ),
        sa.Column("http_status", sa.Integer, comment="Status of the last answer"),
        sa.Column(
            "fetched_at",
            sa.DateTime,
            comment="When the API last answered for it, UTC; null when that run did not ask",
        ),
        sa.Column("recorded_at", sa.DateTime, nullable=False, comment="When this outcome was recorded, UTC"),
        comment="One row per call id ever asked for: its latest outcome",
    )
    op.create_table(
        "etl_rejects",
        sa.Column("call_id", sa.String, nullable=False, comment="Call id that was asked for"),
        sa.Column("run_id", sa.String, nullable=False, comment="Run that fetched it"),
        sa.Column("reason", sa.String, nullable=False, comment="What is wrong with the payload"),
        sa.Column("json_path", sa.String, nullable=False, comment="Where in the payload, as a JSON path"),
        sa.Column("value", sa.String, comment="The offending value, cut to 200 characters"),
        sa.Column("http_status", sa.Integer, comment="Status of the answer"),
        sa.Column(
            "path", sa.String, nullable=False, comment="Body in quarantine, relative to the quarantine folder"
        ),
        sa.Column("rejected_at", sa.DateTime, nullable=False, comment="When it was fetched, UTC"),
        sa.Column(
            "resolved_at",
            sa.DateTime,
            comment="When a later payload of the call was accepted, UTC; null while open",
        ),
        comment="One row per quarantined payload",
    )


def downgrade() -> None:
    """Drop every table; the landed payloads refill them with `replay`."""
    for name in (
        "etl_rejects",
        "etl_outcomes",
        "etl_chunks",
        "etl_runs",
        "call_costs",
        "transcript_events",
        "tool_calls",
        "call_analysis",
        "latency_values",
        "latency_stats",
        "words",
        "utterances",
        "calls",
    ):
        op.drop_table(name)
