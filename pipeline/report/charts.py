"""Draws all cards of the report's first page, in their order."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.report import conversation_charts, latency_charts, outcome_charts, version_tables
from pipeline.report.drawing import Card
from pipeline.report.queries import Answers

_CARDS: tuple[Callable[[Answers], Card], ...] = (
    outcome_charts.draw_volume,
    latency_charts.draw_latency,
    latency_charts.draw_parts,
    latency_charts.draw_agents,
    outcome_charts.draw_disconnections,
    outcome_charts.draw_reasons,
    outcome_charts.draw_sentiment,
    outcome_charts.draw_success,
    conversation_charts.draw_talk,
    conversation_charts.draw_interruptions,
    conversation_charts.draw_tools,
    conversation_charts.draw_nodes,
    outcome_charts.draw_costs,
    version_tables.draw_versions,
    latency_charts.draw_worst,
)


def draw_cards(answers: Answers) -> list[Card]:
    """Return every card in the order of the page; one without rows shows a sentence instead."""
    return [draw(answers) for draw in _CARDS]
