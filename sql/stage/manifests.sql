-- The manifests of the chunks in this load.
-- Grain: chunk. Source: chunk manifests. A rerun replaces the temporary table.
-- Parameters: $manifests, paths of the manifests; $longest, bytes that the longest of them may have: twice as
-- many are taken from memory.
create or replace temp table manifests as
select
    * exclude (filename),
    -- The folder is named after the run, until somebody renames it.
    parse_filename(parse_dirpath(filename)) || '/' || payload_file as path
from
    read_json(
        $manifests,
        filename = true,
        format = 'newline_delimited',
        hive_partitioning = false,
        maximum_object_size = $longest,
        columns = {
            chunk_id: 'varchar',
            run_id: 'varchar',
            payload_file: 'varchar',
            record_count: 'bigint',
            byte_count: 'bigint',
            sha256: 'varchar',
            landed_at: 'timestamp',
            merged: 'varchar[]',
            outcomes: 'struct(
                call_id varchar,
                outcome varchar,
                reason varchar,
                attempts integer,
                http_status integer,
                fetched_at timestamp,
                payload_hash varchar,
                json_path varchar,
                value varchar,
                quarantine_path varchar,
                has_plain_speech boolean,
                detail varchar,
                listed_hash varchar,
                is_fresh boolean,
                sequence bigint,
                landed_by varchar,
                body_hash varchar,
                is_superseded boolean,
                progress integer,
                event struct(
                    name varchar,
                    "key" varchar,
                    destination json,
                    "option" json
                )
            )[]'
        }
    );
