-- The payloads that become rows: one typed column for every field that the contract has a column for.
-- Grain: call. Source: landed chunks, winners, odd_payloads. A rerun replaces the temporary table.
--
-- Turns come from transcript_object. Where that is missing or empty they are what was spoken in the
-- woven transcript, and where only the scrubbed one exists, in that; turn_source says from which.
-- Calls are numbered, because numbers sort and group faster than ids.
-- Variables: payloads, paths of the payload files; payload_fields, from the contract of payloads.
create or replace temp table staged as
with payloads as (
    select
        columns(lambda name: not list_contains(extra_fields('call'), name)),
        parse_filename(filename) as payload_file,
        cast(scrubbed_transcript_with_tool_calls as json[]) as scrubbed,
        scrubbed_metadata,
        scrubbed_retell_llm_dynamic_variables,
        scrubbed_collected_dynamic_variables,
        scrubbed_call_analysis,
        scrubbed_pre_session_transcript_with_tool_calls,
        scrubbed_post_session_transcript_with_tool_calls,
        map_entries(
            cast(struct_pack(*columns(extra_fields('call'))) as map(varchar, json))
        ) as extra_entries
    from
        read_json(
            getvariable('payloads'),
            format = 'newline_delimited',
            compression = 'zstd',
            filename = true,
            hive_partitioning = false,
            maximum_object_size = 33554432,
            columns = getvariable('payload_fields').columns
        )
),

wanted as (
    select
        winners.*,
        odd_payloads.unkept,
        odd_payloads.odd_turns
    from winners
    left join odd_payloads
        on winners.payload_file = odd_payloads.payload_file
        and winners.call_id = odd_payloads.call_id
),

chosen as (
    select
        payloads.*,
        wanted.payload_hash,
        wanted.detail,
        wanted.listed_hash,
        wanted.fetched_at,
        wanted.sequence,
        wanted.has_plain_speech,
        wanted.odd_turns,
        coalesce(
            wanted.unkept,
            list_filter(payloads.extra_entries, lambda entry: entry."value" is not null)
        ) as unkept,
        coalesce(len(transcript_object) > 0, false) as has_turns,
        coalesce(len(transcript_with_tool_calls) > 0, false) as is_woven,
        if(is_woven, transcript_with_tool_calls, scrubbed) as woven
    from payloads
    inner join wanted
        on payloads.payload_file = wanted.payload_file
        and payloads.call_id = wanted.call_id
),

-- Of a woven item its role and its number of words are read once; a null stands for each word.
shaped as (
    select
        *,
        list_transform(
            woven, lambda item: json_transform(item, '{"role": "VARCHAR", "words": ["NULL"]}')
        ) as shapes,
        items_of_phase(
            'pre_session',
            pre_session_transcript_with_tool_calls,
            scrubbed_pre_session_transcript_with_tool_calls
        ) as pre_session,
        items_of_phase(
            'post_session',
            post_session_transcript_with_tool_calls,
            scrubbed_post_session_transcript_with_tool_calls
        ) as post_session
    from chosen
),

-- Only for calls without turns of their own.
spoken as (
    select
        *,
        case when not has_turns then spoken_items(transcript_with_tool_calls) end as woven_turns,
        case
            when not has_turns and len(woven_turns) = 0 then spoken_items(scrubbed)
        end as scrubbed_turns,
        -- Whether the two transcripts differ in words, or in turns without any: one may have turns that the
        -- other lacks.
        has_turns
        and is_woven
        and count_words(spoken_shapes(shapes)) != count_words(transcript_object) as is_uneven
    from shaped
)

select
    cast(row_number() over () as integer) as call_number,
    * exclude (
        filename,
        payload_file,
        has_plain_speech,
        shapes,
        scrubbed_metadata,
        scrubbed_retell_llm_dynamic_variables,
        scrubbed_collected_dynamic_variables,
        pre_session_transcript_with_tool_calls,
        post_session_transcript_with_tool_calls,
        scrubbed_pre_session_transcript_with_tool_calls,
        scrubbed_post_session_transcript_with_tool_calls,
        extra_entries,
        transcript_with_tool_calls,
        scrubbed,
        has_turns,
        is_woven,
        woven,
        woven_turns,
        scrubbed_turns
    )
    replace (
        cast(latency as map(varchar, json)) as latency,
        raw_or_scrubbed(metadata, scrubbed_metadata) as metadata,
        raw_or_scrubbed(retell_llm_dynamic_variables, scrubbed_retell_llm_dynamic_variables)
            as retell_llm_dynamic_variables,
        raw_or_scrubbed(collected_dynamic_variables, scrubbed_collected_dynamic_variables)
            as collected_dynamic_variables,
        case
            when has_turns then transcript_object
            else list_transform(
                list_concat(woven_turns, scrubbed_turns), lambda item: read_as(item, 'turn')
            )
        end as transcript_object,
        case
            when has_turns then odd_turns
            else list_concat(woven_turns, scrubbed_turns)
        end as odd_turns
    ),
    case
        when has_turns then 'transcript_object'
        when len(woven_turns) > 0 then 'transcript_with_tool_calls'
        when len(scrubbed_turns) > 0 then 'scrubbed_transcript_with_tool_calls'
    end as turn_source,
    name_source(metadata, scrubbed_metadata, 'metadata') as metadata_source,
    name_source(
        retell_llm_dynamic_variables,
        scrubbed_retell_llm_dynamic_variables,
        'retell_llm_dynamic_variables'
    ) as retell_llm_dynamic_variables_source,
    name_source(
        collected_dynamic_variables,
        scrubbed_collected_dynamic_variables,
        'collected_dynamic_variables'
    ) as collected_dynamic_variables_source,
    nullif(
        list_filter(
            [
                name_if_removed('call_analysis', call_analysis, scrubbed_call_analysis),
                name_if_removed('metadata', metadata, scrubbed_metadata),
                name_if_removed(
                    'retell_llm_dynamic_variables',
                    retell_llm_dynamic_variables,
                    scrubbed_retell_llm_dynamic_variables
                ),
                name_if_removed(
                    'collected_dynamic_variables',
                    collected_dynamic_variables,
                    scrubbed_collected_dynamic_variables
                ),
                name_if_removed('transcript', transcript, nullif(len(scrubbed), 0)),
                name_if_removed('transcript_object', transcript_object, nullif(len(scrubbed), 0)),
                name_if_removed(
                    'transcript_with_tool_calls', transcript_with_tool_calls, nullif(len(scrubbed), 0)
                ),
                name_if_removed('recording_url', recording_url, scrubbed_recording_url),
                name_if_removed(
                    'recording_multi_channel_url',
                    recording_multi_channel_url,
                    scrubbed_recording_multi_channel_url
                ),
                -- The customer's number is one of the things that a source can be told to remove.
                case
                    when data_storage_setting is distinct from 'everything_except_pii' then null
                    when direction = 'inbound' and from_number is null then 'from_number'
                    when direction = 'outbound' and to_number is null then 'to_number'
                end
            ],
            lambda name: name is not null
        ),
        []
    ) as redacted_fields,
    if(
        is_woven, 'transcript_with_tool_calls', 'scrubbed_transcript_with_tool_calls'
    ) as woven_source,
    -- Of a woven item that is plain speech only its place and its number of words are kept: the text of
    -- a turn weighs much and is known already.
    list_transform(
        list_zip(shapes, woven),
        lambda pair: {
            'role': pair[1]['role'],
            'has_words': pair[1]['words'] is not null,
            'word_count': coalesce(len(pair[1]['words']), 0),
            'item': case
                when not is_uneven
                    and is_speaker(pair[1]['role'])
                    and (has_plain_speech or is_plain_speech(pair[2]))
                    then null
                else pair[2]
            end
        }
    ) as woven_items
from spoken;
