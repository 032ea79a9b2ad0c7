-- Top-level fields of today's API that have no column of their own, and so stand in calls.extra.
create or replace macro extra_in_call() as
[
    'opt_in_signed_url', 'scrubbed_transcript_with_tool_calls',
    'pre_session_transcript_with_tool_calls', 'post_session_transcript_with_tool_calls',
    'scrubbed_pre_session_transcript_with_tool_calls',
    'scrubbed_post_session_transcript_with_tool_calls'
];
