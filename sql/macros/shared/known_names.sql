-- What the API is known to send: fields, enum values, latency metrics and transcript roles.
-- Grain: kind × place, with the list of names known there. Source: none. A place is a JSON path, or
-- what stands in a list of a transcript: a word, an item by its role, what an item holds.
-- A rerun replaces the macro. Whatever a payload holds beyond these is drift: it is loaded all the
-- same, and recorded in etl_drift. Disconnection reasons are known where known_disconnection_reasons
-- lists them. Below metadata, variables and the like any name is allowed.
-- The names of fields are those of the contract of payloads, and null outside a load.
create or replace macro known_names() as table
select
    kind,
    place,
    names
from (
    values
        ('field', '$', known_fields('call')),
        ('field', '$.latency.*', known_fields('latency')),
        ('field', '$.e2e_latency', known_fields('latency')),
        ('field', '$.llm_latency', known_fields('latency')),
        ('field', '$.llm_websocket_network_rtt_latency', known_fields('latency')),
        ('field', '$.call_cost', known_fields('call_cost')),
        ('field', '$.call_cost.product_costs[*]', known_fields('product_cost')),
        ('field', '$.llm_token_usage', known_fields('llm_token_usage')),
        ('field', '$.call_analysis', known_fields('call_analysis')),
        ('field', '$.scrubbed_call_analysis', known_fields('call_analysis')),
        ('field', '$.telephony_identifier', known_fields('telephony_identifier')),
        ('field', 'word', known_fields('word')),
        ('field', 'tool_call_invocation', known_fields('tool_call_invocation')),
        ('field', 'tool_call_result', known_fields('tool_call_result')),
        ('field', 'node_transition', known_fields('node_transition')),
        ('field', 'dtmf', known_fields('dtmf')),
        ('field', 'sms', known_fields('sms')),
        ('field', 'injected', known_fields('injected')),
        ('field', 'turn metadata', known_fields('turn_metadata')),
        ('value', '$.call_status', ['registered', 'not_connected', 'ongoing', 'ended', 'error']),
        ('value', '$.call_type', ['web_call', 'phone_call']),
        ('value', '$.direction', ['inbound', 'outbound']),
        ('value', '$.audio_websocket_protocol', ['web', 'twilio']),
        ('value', '$.audio_encoding', ['s16le', 'mulaw']),
        (
            'value',
            '$.data_storage_setting',
            ['everything', 'everything_except_pii', 'basic_attributes_only']
        ),
        (
            'value',
            '$.call_analysis.user_sentiment',
            ['Negative', 'Positive', 'Neutral', 'Unknown']
        ),
        (
            'value',
            'event',
            [
                'call_started', 'call_ended', 'call_analyzed', 'transcript_updated',
                'transfer_started', 'transfer_bridged', 'transfer_cancelled', 'transfer_ended',
                'chat_started', 'chat_ended', 'chat_analyzed'
            ]
        ),
        (
            'value',
            'transition_type',
            ['global', 'global_go_back', 'interrupt_go_back', 'normal']
        ),
        (
            'value',
            'tool type',
            [
                'custom', 'code', 'mcp', 'integration_app', 'end_call', 'transfer_call',
                'bridge_transfer', 'cancel_transfer', 'agent_swap', 'press_digit', 'send_sms',
                'extract_dynamic_variable', 'adjust_voice_speed', 'book_appointment_cal',
                'check_availability_cal'
            ]
        ),
        (
            'metric',
            '$.latency',
            ['e2e', 'llm', 'llm_websocket_network_rtt', 'asr', 'tts', 'knowledge_base', 's2s']
        ),
        ('role', 'transcript', speaker_roles() || tool_roles() || event_roles())
) as known(kind, place, names)
union all
select
    'field' as kind,
    unnest(speaker_roles()) as place,
    known_fields('turn') as names;
