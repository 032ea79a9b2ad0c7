"""The warehouse's tables, column by column, each with the comment that BI tools show.

This is the schema as it should be after every migration: `tests/test_migrations.py` compares a migrated
database with it. Each change here needs a migration too: docs/contributing.md says how.

No table has a primary key, a foreign key or an index, because a load replaces whole
calls inside one transaction and must also work on a catalogue that has none of these; what a constraint
would promise is asked by `sql/checks/` instead.
"""

from __future__ import annotations

from sqlalchemy import Table

from pipeline.warehouse import columns

metadata = columns.metadata

_text = columns.text
_int = columns.whole
_big = columns.big
_number = columns.number
_flag = columns.flag
_time = columns.time
_json = columns.json

_CALL_ID = "Retell's id of the call"
_TURN = "Position of the turn in the transcript, from 0"

calls = Table(
    "calls",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("agent_id", "Agent that took or made the call"),
    _text("agent_name", "Agent's name at the time of the call"),
    _text("agent_version", "Agent's version, as text: the API sends numbers and names"),
    _text("agent_tag", "Tag of the agent's version, such as prod"),
    _text("call_type", "web_call or phone_call; null where the payload does not say"),
    _text("call_status", "registered, not_connected, ongoing, ended or error, or what the API sent", False),
    _text("direction", "inbound or outbound; null for web calls"),
    _text("from_number", "Caller's number as sent; mostly E.164"),
    _text("to_number", "Callee's number as sent; mostly E.164"),
    _text("audio_websocket_protocol", "web or twilio (v1 payloads)"),
    _text("audio_encoding", "s16le or mulaw (v1 payloads)"),
    _int("sample_rate", "Audio sample rate in Hz (v1 payloads)"),
    _big("end_call_after_silence_ms", "Silence after which the agent hangs up, in ms"),
    _flag("drop_call_if_machine_detected", "Whether the call is dropped when a machine answers"),
    _flag("opt_out_sensitive_data_storage", "Whether transcript, recording and log are not stored (v1)"),
    _text("data_storage_setting", "everything, everything_except_pii or basic_attributes_only"),
    _json("metadata", "Free object given when the call was made"),
    _json("retell_llm_dynamic_variables", "Variables put into the prompt"),
    _json("collected_dynamic_variables", "Variables gathered during the call"),
    _json("custom_sip_headers", "SIP headers given with the call"),
    _time("started_at", "Start of the call, UTC; null when it never connected"),
    _time("ended_at", "End of the call, UTC"),
    _time("transfer_ended_at", "End of the transferred leg, UTC"),
    _big("duration_ms", "Duration in ms: the API's, else ended_at minus started_at"),
    columns.long_text("transcript", "Whole transcript as one text"),
    _text("recording_url", "Recording; signed query strings are removed"),
    _text("recording_multi_channel_url", "Recording with one channel a party"),
    _text("scrubbed_recording_url", "Recording without personal data"),
    _text("scrubbed_recording_multi_channel_url", "Multi-channel recording without personal data"),
    _text("public_log_url", "Log of the call's requests and latencies"),
    _text("knowledge_base_retrieved_contents_url", "What the knowledge base returned during the call"),
    _text("disconnection_reason", "Why the call ended, as sent; disconnection_breakdown has its category"),
    _text("transfer_destination", "Number or SIP URI the call was transferred to"),
    _json("telephony_identifier", "Ids at the telephony provider"),
    _number("combined_cost_cents", "Cost of the call in cents, all products together"),
    _number("llm_tokens_average", "Average LLM tokens per request"),
    _big("llm_requests_count", "LLM requests during the call"),
    _json("extra", "Fields of the payload that have no column; null when there are none"),
    _text("payload_shape", "Shape read from the payload: v1, early_v2 or today", False),
    _text("payload_hash", "SHA-256 of the payload as landed", False),
    _time("first_seen_at", "When the pipeline first fetched the call, UTC", False),
    _time("extracted_at", "When this payload was last fetched, UTC", False),
    _text("load_id", "Load that wrote these rows", False),
    _text(
        "transcript_source",
        "Field the turns come from: transcript_object, transcript_with_tool_calls or, where only that is "
        "stored, scrubbed_transcript_with_tool_calls; null without turns",
    ),
    _text(
        "detail",
        "whole, or listed: only what a listing says of the call is here yet, all but what was spoken",
        default="whole",
    ),
    _text("listed_hash", "Hash of the part of the payload that listings have too; null until that is known"),
    _time("deleted_at_source_at", "When the API was first found not to have the call any more, UTC"),
    _flag(
        "is_hidden",
        "Whether views leave the call out: deleted at the source, and PIPELINE_DELETED is hide",
        default="false",
    ),
    _json("custom_attributes", "Attributes that a team gives to its calls"),
    _text("metadata_source", "metadata, or scrubbed_metadata where the source keeps only that; null without"),
    _text(
        "retell_llm_dynamic_variables_source",
        "retell_llm_dynamic_variables, or scrubbed_retell_llm_dynamic_variables; null without",
    ),
    _text(
        "collected_dynamic_variables_source",
        "collected_dynamic_variables, or scrubbed_collected_dynamic_variables; null without",
    ),
    _json(
        "redacted_fields",
        "Names of fields that the source removed for privacy, as a list; null where it removed none: what is "
        "null and not named here was never there",
    ),
    _time(
        "dated_at",
        "Moment that the call is counted at, UTC: its start, else its end, else when a sync first saw it, if "
        "that looked often enough; null: date unknown",
    ),
    _time("local_at", "dated_at on the clocks of PIPELINE_TIMEZONE"),
    columns.date("day", "Day of local_at; null: date unknown"),
    _big(
        "sequence",
        "Number of that answer: of two answers for a call the one with the greater number is newer",
    ),
    _big("deleted_sequence", "Number of the answer that first said so; null while the call is there"),
    _text("event", "Event that brought this payload, such as call_analyzed; null where the API was asked"),
    comment="One row per call: the newest whole payload, or what a listing says of it until that is fetched",
)

utterances = Table(
    "utterances",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("utterance_index", _TURN, False),
    _text("role", "agent, user, transfer_target, or what the API sent"),
    _text("content", "What was said"),
    _number("start_s", "Start of the first timed word that was spoken, in seconds of call audio"),
    _number("end_s", "End of the last timed word that was spoken, in seconds of call audio"),
    _int("word_count", "Number of words in the turn, spoken or not", False),
    _json("metadata", "Turn metadata as sent: response and interrupt ids and more"),
    _json("extra", "Fields of the turn and of its words that have no column; null when there are none"),
    _text("primary_model", "Model that was to speak, where another took its place; else null"),
    _text("backup_model", "Model that took its place"),
    _text("fallback_reason", "Why it took its place"),
    _number("fallback_latency_ms", "Milliseconds that choosing it took"),
    comment="One row per turn of the transcript",
)

words = Table(
    "words",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("utterance_index", _TURN, False),
    _int("word_index", "Position of the word in its turn, from 0", False),
    _text("word", "The word as transcribed, with the blanks that it was sent with"),
    _number("start_s", "Start in seconds of call audio"),
    _number("end_s", "End in seconds of call audio"),
    _text("role", "Who said it, as in utterances; null in words loaded before this was kept, until a replay"),
    _flag(
        "is_spoken",
        "Whether it was spoken: false where its start is its end, as that of text that was planned and cut "
        "off; null in words loaded before this was kept, until a replay",
    ),
    comment="One row per word of the transcript",
)

latency_stats = Table(
    "latency_stats",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("metric", "e2e, llm, llm_websocket_network_rtt, asr, tts, knowledge_base, s2s or newer", False),
    _number("p50_ms", "50th percentile over the call's samples, in ms"),
    _number("p90_ms", "90th percentile over the call's samples, in ms"),
    _number("p95_ms", "95th percentile over the call's samples, in ms"),
    _number("p99_ms", "99th percentile over the call's samples, in ms"),
    _number("max_ms", "Largest sample in ms"),
    _number("min_ms", "Smallest sample in ms"),
    _big("num", "Number of samples"),
    comment="One row per call and latency metric: the API's summary over the call's turns",
)

latency_values = Table(
    "latency_values",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("metric", "Latency metric, as in latency_stats", False),
    _int("value_index", "Position of the sample, from 0", False),
    _number("value_ms", "Latency of the sample in ms"),
    comment="One row per latency sample, where the API sends them",
)

call_analysis = Table(
    "call_analysis",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("call_summary", "Summary of the call"),
    _text("user_sentiment", "Negative, Positive, Neutral, Unknown, or what the API sent"),
    _text("agent_sentiment", "Agent's sentiment (v1 payloads)"),
    _text("agent_task_completion_rating", "Whether the agent did its task (v1 payloads)"),
    _text("agent_task_completion_rating_reason", "Why that rating"),
    _text("call_completion_rating", "Whether the call was completed (v1 payloads)"),
    _text("call_completion_rating_reason", "Why that rating"),
    _flag("call_successful", "Whether the agent reached the call's goal"),
    _flag("in_voicemail", "Whether the call reached a voicemail"),
    _json("custom_analysis_data", "Custom analysis fields as sent"),
    _json("extra", "Analysis fields that have no column; null when there are none"),
    _text(
        "analysis_source",
        "call_analysis, scrubbed_call_analysis, or both where what one lacks is from the other",
    ),
    comment="One row per analysed call: Retell's analysis after the call",
)

tool_calls = Table(
    "tool_calls",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("tool_call_index", "Position among the call's invocations, from 0", False),
    _text("tool_call_id", "Id that joins invocation and result"),
    _text("name", "Name of the tool"),
    _text("type", "Type of the tool, where sent"),
    _text("arguments", "Arguments as the text that was sent, mostly JSON"),
    _text("result", "Content of the result; null when none came"),
    _flag("successful", "Whether the tool succeeded, where sent"),
    _int("utterance_index", "Turn of the last word spoken before the invocation; null before any word"),
    _int("word_index", "Position of that word in its turn"),
    _json("extra", "Fields of invocation and result that have no column; null when there are none"),
    _text(
        "phase",
        "session, or pre_session or post_session: before or after the conversation",
        default="session",
    ),
    _number("invoked_at_s", "When it was invoked, in seconds of call audio; null where not sent"),
    _number("result_at_s", "When its result came, in seconds of call audio; null where not sent"),
    _number("latency_ms", "result_at_s - invoked_at_s, in ms"),
    _text("primary_model", "Model that was to answer, where another took its place; else null"),
    _text("backup_model", "Model that took its place"),
    _text("fallback_reason", "Why it took its place"),
    _number("fallback_latency_ms", "Milliseconds that choosing it took"),
    comment="One row per tool invocation, with its result and its place in the conversation",
)

transcript_events = Table(
    "transcript_events",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("event_index", "Position among the call's events, from 0", False),
    _text("role", "node_transition, dtmf, sms, injected, or newer"),
    _int("utterance_index", "Turn of the last word spoken before the event; null before any word"),
    _json("event", "The item as sent"),
    _text(
        "phase",
        "session, or pre_session or post_session: before or after the conversation",
        default="session",
    ),
    _number("at_s", "When it happened, in seconds of call audio; null where not sent"),
    comment="One row per woven transcript item that is neither speech nor a tool call",
)

call_costs = Table(
    "call_costs",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("cost_index", "Position in the list of product costs, from 0", False),
    _text("product", "Product that was charged"),
    _number("cost_cents", "Cost in cents"),
    _number("unit_price_cents", "Price in cents per second"),
    _flag("is_transfer_leg_cost", "Whether the cost belongs to the transferred leg"),
    comment="One row per call and product line of its cost",
)

conversations = Table(
    "conversations",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("agent_turn_count", "Turns of the agent, timed or not", False),
    _int("user_turn_count", "Turns of the user, timed or not", False),
    _int("other_turn_count", "Turns of other roles such as transfer_target; in no other measure", False),
    _int("agent_word_count", "Words of the agent, timed or not", False),
    _int("user_word_count", "Words of the user, timed or not", False),
    _int("other_word_count", "Words of other roles", False),
    _int(
        "agent_untimed_word_count",
        "Words of the agent without sound times, or never spoken: in no measure of time",
        False,
    ),
    _int(
        "user_untimed_word_count",
        "Words of the user without sound times, or never spoken: in no measure of time",
        False,
    ),
    _number("first_word_s", "Start of the first timed word of agent or user, in seconds of call audio"),
    _number("last_word_s", "End of the last timed word of agent or user, in seconds of call audio"),
    _number("agent_first_word_s", "Start of the agent's first timed word, in seconds of call audio"),
    _number("agent_talk_s", "Seconds in which the agent spoke: union of its words"),
    _number("user_talk_s", "Seconds in which the user spoke: union of its words"),
    _number("overlap_s", "Seconds in which agent and user spoke at once"),
    _number("silence_s", "Seconds between first_word_s and last_word_s in which nobody spoke, in any role"),
    _number("longest_silence_s", "Longest of these silences, in seconds"),
    _number("long_silence_s", "Seconds in silences longer than 2 s"),
    _int("long_silence_count", "Silences longer than 2 s"),
    _number("dead_air_s", "Seconds in silences longer than 5 s"),
    _int("dead_air_count", "Silences longer than 5 s"),
    _number(
        "agent_silence_s",
        "Seconds of silence in the agent's turn: before it answers, within its turn, while its tool runs",
    ),
    _number(
        "user_silence_s",
        "Seconds of silence in the user's turn: before it answers or while it does not, within its turn",
    ),
    _int("agent_response_count", "Turns of the agent that follow the user's, with a gap of 0 or more"),
    _number("agent_response_p50_ms", "Median of these gaps in ms: user's last word to agent's first"),
    _number("agent_response_p95_ms", "95th percentile of these gaps in ms"),
    _int("user_response_count", "Turns of the user that follow the agent's, with a gap of 0 or more"),
    _number("user_response_p50_ms", "Median of these gaps in ms: agent's last word to user's first"),
    _number("user_response_p95_ms", "95th percentile of these gaps in ms"),
    _int(
        "agent_interruption_count",
        "Turns of the agent that begin later than a turn of the user and overlap it",
    ),
    _number("agent_interruption_ms", "Milliseconds both spoke because the agent interrupted"),
    _int(
        "user_interruption_count",
        "Turns of the user that begin later than a turn of the agent and overlap it",
    ),
    _number("user_interruption_ms", "Milliseconds both spoke because the user interrupted"),
    _number(
        "agent_longest_monologue_s",
        "Longest stretch of the agent's words without a word of anybody else between, in seconds",
    ),
    _number(
        "user_longest_monologue_s",
        "Longest stretch of the user's words without a word of anybody else between, in seconds",
    ),
    comment="One row per call with a transcript: who spoke when, measured from word times",
)

turn_timings = Table(
    "turn_timings",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _int("utterance_index", _TURN, False),
    _text("role", "agent or user", False),
    _number("talk_ms", "Milliseconds that the turn adds to its speaker's talk: union of its words"),
    _number(
        "response_gap_ms",
        "Silence in ms between the other party's last word and this turn's first; null when the turn "
        "follows its own speaker or another role, or begins while somebody speaks",
    ),
    _number(
        "overlap_ms",
        "Milliseconds of talk over a turn of the other party that began before: 0 interrupts nobody",
    ),
    comment="One row per turn of agent or user with a timed word: how it came",
)

etl_runs = Table(
    "etl_runs",
    metadata,
    _text("run_id", "Id of the run; sorts by start", False),
    _text("command", "Command that ran: backfill, demo, load, replay, …", False),
    _text("status", "running, succeeded, partial, failed or interrupted", False),
    _time("started_at", "Start of the run, UTC", False),
    _time("finished_at", "End of the run, UTC; null while it runs or after it was killed"),
    _big("requested_count", "Distinct call ids asked for", False),
    _big("fetched_count", "Calls answered by the API and landed in this run"),
    _big("request_count", "HTTP requests sent"),
    _big("retry_count", "HTTP requests that were retries"),
    _text("detail", "Why the run failed or was interrupted"),
    _text("host", "Machine that ran it", False),
    _int("pid", "Process that ran it", False),
    _text("pipeline_version", "Version of this package", False),
    _number(
        "allowed_calls_per_second",
        "Calls a second that the account let through, where its limit held the run back; else null",
    ),
    comment="One row per run of a command that writes",
)

etl_chunks = Table(
    "etl_chunks",
    metadata,
    _text("chunk_id", "Id of the landed chunk", False),
    _text("run_id", "Run that landed it", False),
    _text("path", "Payload file, relative to the landing folder; null when the chunk has no payload"),
    _big("record_count", "Payloads in the chunk", False),
    _big("byte_count", "Size of the payload file in bytes", False),
    _text("sha256", "SHA-256 of the payload file"),
    _time("landed_at", "When the chunk was complete on disk, UTC", False),
    _time("loaded_at", "When it was loaded, UTC", False),
    _text("load_id", "Load that loaded it first", False),
    comment="One row per landed chunk that is loaded",
)

call_events = Table(
    "call_events",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("event", "What happened, as the API calls it: call_ended, transfer_bridged and the like", False),
    _text("event_key", "What the event has again when it is sent again", False),
    _time("received_at", "When it was received first, UTC", False),
    _big("sequence", "Number of that moment: of two events the one with the greater number came later"),
    _json("transfer_destination", "Where the call is transferred to, as sent; null for other events"),
    _json("transfer_option", "How the call is transferred, as sent; null for other events"),
    _time("loaded_at", "When it was loaded, UTC", False),
    _text("load_id", "Load that loaded it", False),
    comment="One row per event of a call that was received, however often it was sent",
)

etl_events = Table(
    "etl_events",
    metadata,
    _text("chunk_id", "Chunk that the events are landed in", False),
    _text("event", "What happened, as the API calls it", False),
    _big("event_count", "How many of these events were received, repeated ones included", False),
    _text("first_id", "A call, chat or event that one of them tells of", False),
    _time("first_received_at", "When the first of them was received, UTC", False),
    _time("last_received_at", "When the last of them was received, UTC", False),
    comment="One row per chunk and kind of event: how many came, also of those that become no rows",
)

etl_outcomes = Table(
    "etl_outcomes",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("run_id", "Run that asked for it last", False),
    _text(
        "outcome",
        "Settled: loaded, unchanged, not_found, deleted or rejected. To be asked for again: waiting, listed, "
        "changed, failed, or not_final by refresh",
        False,
    ),
    _text("reason", "Why it is not loaded"),
    _int("attempts", "HTTP requests made for it in that run; 0 when none was needed", False),
    _int("http_status", "Status of the last answer"),
    _time("fetched_at", "When the API last answered for the whole call, UTC; null before that"),
    _time("recorded_at", "When this outcome was recorded, UTC", False),
    _time("first_seen_at", "When the id was first given, listed or answered for, UTC"),
    _time("listed_at", "When a listing last brought something new of it, UTC; null before that"),
    _text("listed_hash", "Hash of what that listing said of it"),
    _time("given_at", "When a run was last given the id, UTC; null where it is known from listings alone"),
    _big("fetched_sequence", "Number of that answer"),
    _big("listed_sequence", "Number of what that listing said"),
    _big("given_sequence", "Number of the moment at which a run was last given the id"),
    _big(
        "id_key",
        "Half of the lower half of the id's MD5: what is compared in place of the id where one is looked for "
        "among all; null where a row was not written by a run",
    ),
    comment="One row per call id that was ever given or listed: how it stands",
)

etl_rejects = Table(
    "etl_rejects",
    metadata,
    _text("call_id", "Call id that was asked for", False),
    _text("run_id", "Run that brought it first, or first again after it was settled", False),
    _text("reason", "What is wrong with the payload", False),
    _text("json_path", "Where in the payload, as a JSON path", False),
    _text("value", "The offending value, cut to 200 characters"),
    _int("http_status", "Status of the answer"),
    _text("path", "Body in quarantine, relative to the quarantine folder", False),
    _time("rejected_at", "When it was fetched first, UTC", False),
    _time("resolved_at", "When a later payload of the call was accepted, UTC; null while open"),
    _big("sequence", "Number of the answer that brought it last"),
    _text("detail", "whole, or listed for an item of a listing; null where an earlier version loaded it"),
    _text("body_hash", "Hash of the payload without its secrets; null where an earlier version landed it"),
    _int("seen_count", "How often it was fetched, as it is but for its secrets"),
    _time("last_seen_at", "When it was fetched last, UTC"),
    comment="One row per call id and quarantined payload, however often that came",
)

etl_drift = Table(
    "etl_drift",
    metadata,
    _text("call_id", _CALL_ID, nullable=False),
    _text("kind", "field, value (of an enum), metric (of latency) or role (in a transcript)", False),
    _text("json_path", "Where the payload has it, as a JSON path", False),
    _text("value", "The value, metric or role, cut to 200 characters; null for a field"),
    _big("occurrence_count", "How often the payload has it", False),
    _time("recorded_at", "When it was loaded, UTC", False),
    _time("first_seen_at", "When the pipeline first fetched the call, UTC"),
    comment="One row per call and thing in its payload that the API is not known to send",
)

etl_checks = Table(
    "etl_checks",
    metadata,
    _text("check_name", "Name of the check: its query is sql/checks/<name>.sql", False),
    _text("severity", "fail: numbers cannot be trusted; warn: somebody should look", False),
    _big("offending_rows", "Rows that broke what the check asks for; 0 is good", False),
    _time("checked_at", "When it was asked, UTC", False),
    comment="One row per check: what it found when `check` ran last",
)

etl_reconciliations = Table(
    "etl_reconciliations",
    metadata,
    _text("run_id", "Run that compared", False),
    _time("since_at", "First start of a call that was compared, UTC", False),
    _time("until_at", "Last start of a call that was compared, UTC: when the listing began", False),
    _time("proved_at", "When what had been found was put right, UTC", False),
    _big("listed_count", "Calls that the account listed for that time", False),
    _big("unchanged_count", "Of these: the warehouse had them as they were", False),
    _big("missing_count", "Of these: the warehouse did not have them", False),
    _big("changed_count", "Of these: the account had changed them since", False),
    _big("deleted_count", "Calls of the warehouse that the account did not have any more", False),
    comment="One row per `reconcile` that proved that warehouse and account agree",
)

etl_settings = Table(
    "etl_settings",
    metadata,
    _text("setting", "time_zone", False),
    _text("value", "What the rows of the warehouse were made with", False),
    _time("changed_at", "When it was set, UTC", False),
    comment="One row per setting that decides what stored rows say",
)

stored_days = Table(
    "stored_days",
    metadata,
    columns.date("day", "Day in PIPELINE_TIMEZONE that no load has touched since", nullable=False),
    comment="One row per day whose stored results hold: views compute all others",
)

known_disconnection_reasons = Table(
    "known_disconnection_reasons",
    metadata,
    _text("disconnection_reason", "Reason as the API sends it", False),
    _text(
        "category",
        "completed, asked_to_stop, transferred, automated_answer, timeout, not_connected, "
        "capacity_or_account, platform_error or operator",
        False,
    ),
    _text(
        "reached",
        "What the reason says that the call reached: nobody, voicemail, ivr or transfer_target; null where "
        "it does not say",
    ),
    _flag("is_documented", "Whether a page of the API lists the reason"),
    _text("source", "Where the reason is listed: v1 reference, reference or SDK types", False),
    comment="One row per disconnection reason that is known, with what it means",
)

# Tables whose rows belong to a call and are replaced together with it, parents first.
CALL_TABLES = (
    calls,
    utterances,
    words,
    latency_stats,
    latency_values,
    call_analysis,
    tool_calls,
    transcript_events,
    call_costs,
    etl_drift,
    conversations,
    turn_timings,
)
