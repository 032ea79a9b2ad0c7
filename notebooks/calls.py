"""Latency, disconnections, dynamics and one call's timeline, read from the readers' copy through SQLAlchemy.

marimo edit notebooks/calls.py                            the copy of ./data, or of the demo
marimo run notebooks/calls.py -- --copy PATH              another one, as an app
marimo export html notebooks/calls.py -o calls.html       without anybody at the screen

It only reads, opens the copy for each question anew, and so never stands in the way of a load.
"""

import marimo

app = marimo.App(width="medium", app_title="Calls")


@app.cell
def _():
    from pathlib import Path

    import altair as alt
    import marimo as mo
    import pandas as pd
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    return NullPool, Path, alt, create_engine, mo, pd, text


@app.cell
def _(Path, mo):
    named = mo.cli_args().get("copy")
    copies = [Path(named)] if named else [Path("data/analytics.duckdb"), Path("data/demo/analytics.duckdb")]
    copy = next((path for path in copies if path.exists()), None)
    mo.stop(
        copy is None,
        mo.md(f"There is no `{copies[0]}`: run `python -m pipeline demo`, or name a copy with `-- --copy`."),
    )
    return (copy,)


@app.cell
def _(NullPool, copy, create_engine, pd, text):
    # Without a pool every question opens the copy as it is published then.
    engine = create_engine(f"duckdb:///{copy}", connect_args={"read_only": True}, poolclass=NullPool)

    def ask(question, **values):
        """Return the answer of the copy as a data frame."""
        with engine.connect() as connection:
            return pd.read_sql(text(question), connection, params=values, parse_dates=["day"])

    return (ask,)


@app.cell
def _(ask, mo):
    fresh = ask("select * from published").iloc[0]
    mo.md(
        f"# Calls\n{fresh.calls:,} calls up to {fresh.latest_call_at:%Y-%m-%d %H:%M} UTC, "
        f"published {fresh.published_at:%Y-%m-%d %H:%M} UTC. Run this notebook again for newer ones."
    )
    return


@app.cell
def _(ask, mo):
    metrics = ask("select metric from daily_latency group by metric order by metric")["metric"].tolist()
    metric = mo.ui.dropdown(metrics, value="e2e" if "e2e" in metrics else None, label="Metric")
    metric
    return (metric,)


@app.cell
def _(alt, ask, metric, mo):
    latency = ask(
        """
        select day, coalesce(agent_id, 'unknown') as agent, samples, p50_ms, p99_ms
        from daily_latency
        where metric = :metric
        order by day, agent
        """,
        metric=metric.value,
    )
    mo.vstack(
        [
            mo.md("## Latency by day: median and, dashed, the 99th percentile, pooled over turns"),
            alt.layer(
                *(
                    alt.Chart(latency)
                    .mark_line(point=True, strokeDash=dash)
                    .encode(
                        x=alt.X("day:T", title=None),
                        y=alt.Y(f"{column}:Q", title="ms"),
                        color=alt.Color("agent:N", title="Agent"),
                        tooltip=["day:T", "agent:N", "samples:Q", "p50_ms:Q", "p99_ms:Q"],
                    )
                    for column, dash in (("p50_ms", [1, 0]), ("p99_ms", [4, 4]))
                )
            ).properties(width="container"),
        ]
    )
    return (latency,)


@app.cell
def _(alt, ask, mo):
    endings = ask(
        """
        select day, category, sum(calls) as calls
        from daily_disconnection_categories
        group by day, category
        order by day, category
        """
    )
    reasons = ask("select * from disconnection_breakdown order by calls desc, disconnection_reason")
    mo.vstack(
        [
            mo.md("## Why calls ended"),
            alt.Chart(endings)
            .mark_bar()
            .encode(
                x=alt.X("day:T", title=None),
                y=alt.Y("calls:Q", title="Calls"),
                color=alt.Color("category:N", title="Category"),
                tooltip=["day:T", "category:N", "calls:Q"],
            )
            .properties(width="container"),
            mo.ui.table(reasons, selection=None, page_size=8),
        ]
    )
    return endings, reasons


@app.cell
def _(alt, ask, mo):
    dynamics = ask(
        """
        select
            day,
            sum(agent_talk_s) / nullif(sum(agent_talk_s) + sum(user_talk_s), 0) as "agent's share of talk",
            median(agent_response_p50_ms) / 1000 as "agent answers after (s)",
            sum(user_interruptions) * 1.0 / nullif(sum(timed_calls), 0) as "users interrupt, per call",
            sum(agent_interruptions) * 1.0 / nullif(sum(timed_calls), 0) as "agents interrupt, per call"
        from daily_conversations
        group by day
        order by day
        """
    )
    mo.vstack(
        [
            mo.md("## Dynamics: who talks, how fast agents answer, who interrupts"),
            alt.Chart(dynamics.melt("day"))
            .mark_line(point=True)
            .encode(
                x=alt.X("day:T", title=None), y=alt.Y("value:Q", title=None), tooltip=["day:T", "value:Q"]
            )
            .properties(width=320, height=120)
            .facet(alt.Facet("variable:N", title=None), columns=2)
            .resolve_scale(y="independent"),
        ]
    )
    return (dynamics,)


@app.cell
def _(ask, mo):
    nodes = ask(
        """
        select agent_id, agent_version, node_name, entries, drop_offs, drop_off_rate, dwell_p50_s
        from node_funnel
        order by entries desc, agent_id, agent_version, node_id
        """
    )
    versions = ask(
        """
        select
            agent_id, agent_version, previous_version, metric, previous_value, value,
            previous_count, count, is_clear
        from version_comparison
        where previous_version is not null and value is not null and previous_value is not null
        order by is_clear desc nulls last, agent_id, try_cast(agent_version as double) desc, metric
        """
    )
    mo.vstack(
        [
            mo.md("## Where conversations end, node by node"),
            mo.ui.table(nodes, selection=None, page_size=8),
            mo.md("## Versions beside the ones before them; clear changes first"),
            mo.ui.table(versions, selection=None, page_size=8),
        ]
    )
    return nodes, versions


@app.cell
def _(ask, mo):
    recent = ask(
        """
        select calls.call_id, calls.started_at, calls.duration_ms
        from calls
        join conversations on conversations.call_id = calls.call_id
        where conversations.last_word_s is not null
        order by calls.started_at desc, calls.call_id
        limit 200
        """
    )
    choices = {f"{row.started_at:%Y-%m-%d %H:%M}  {row.call_id}": row.call_id for row in recent.itertuples()}
    call = mo.ui.dropdown(choices, value=next(iter(choices), None), label="Call", searchable=True)
    mo.vstack([mo.md("## One call's timeline"), call])
    return (call,)


@app.cell
def _(alt, ask, call, mo):
    mo.stop(call.value is None, mo.md("No call of this copy has words with times."))
    turns = ask(
        """
        select utterance_index, role, start_s, end_s, response_gap_ms, is_interruption, content
        from turn_details
        where call_id = :call
        order by utterance_index
        """,
        call=call.value,
    )
    tools = ask(
        """
        select
            tool_calls.name,
            coalesce(tool_calls.invoked_at_s, words.end_s) as at_s,
            tool_calls.latency_ms,
            tool_calls.result
        from tool_calls
        left join words
            on words.call_id = tool_calls.call_id
            and words.utterance_index = tool_calls.utterance_index
            and words.word_index = tool_calls.word_index
        where tool_calls.call_id = :call and at_s is not null
        order by tool_calls.tool_call_index
        """,
        call=call.value,
    )
    spoken = (
        alt.Chart(turns)
        .mark_bar(height=22, cornerRadius=2)
        .encode(
            x=alt.X("start_s:Q", title="seconds of call audio"),
            x2="end_s:Q",
            y=alt.Y("role:N", title=None),
            color=alt.Color("role:N", legend=None),
            tooltip=["role:N", "start_s:Q", "end_s:Q", "response_gap_ms:Q", "is_interruption:N", "content:N"],
        )
    )
    called = (
        alt.Chart(tools)
        .mark_rule(strokeWidth=2, color="black")
        .encode(x="at_s:Q", tooltip=["name:N", "at_s:Q", "latency_ms:Q", "result:N"])
    )
    mo.vstack(
        [
            (spoken + called).properties(width="container", height=110),
            mo.md("Bars are turns, black lines are tool calls."),
            mo.ui.table(turns, selection=None, page_size=10),
        ]
    )
    return tools, turns


if __name__ == "__main__":
    app.run()
