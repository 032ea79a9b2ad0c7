"""Lands what a listing says of calls: a chunk of its own for each page, judged by the same judge as payloads.

Invariant: every item of a page gets an outcome. One that is no call, or has no id, is kept in quarantine
under a name made from what it says, so that the same item has the same name in the next listing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.landing.chunk import LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Judgement, Receipt, judge, keep
from pipeline.landing.outcome import Outcome
from pipeline.payload.body_hash import hash_body
from pipeline.retell.page import ListedItem

# In the names of chunks, beside those of batches.
_BATCH = "listed"


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """An item of a listing and whether it can be landed."""

    item: ListedItem
    judgement: Judgement

    @property
    def call_id(self) -> str:
        """The id of the call, or the name of an item without one."""
        return self.judgement.outcome.call_id

    @property
    def listed_hash(self) -> str | None:
        """Hash of what the item says; None for an item without an id."""
        return self.judgement.outcome.listed_hash


def judge_items(
    items: Iterable[ListedItem], listed_at: datetime, *, are_fresh: bool = False
) -> list[JudgedItem]:
    """Judge items, each call once; nothing is written. `listed_at` is aware.

    They `are_fresh` where their calls were made shortly before, as far as they are new.
    """
    judged: dict[str, JudgedItem] = {}
    for item in items:
        if item.call_id is None:
            judgement = _refuse(item, listed_at)
        else:
            receipt = Receipt(item.call_id, listed_at, 200, 1, detail="listed", is_fresh=are_fresh)
            judgement = judge(receipt, item.body, item.parsed)
            if judgement.line is None:
                # It cannot be read, but it can be told from another.
                judgement = replace(
                    judgement,
                    outcome=replace(judgement.outcome, listed_hash=hash_body(item.body, item.parsed)),
                )
        known = judged.get(judgement.outcome.call_id)
        # Where an odd item says an id too, the sound one tells of the call.
        if known is None or (known.judgement.line is None and judgement.line is not None):
            judged[judgement.outcome.call_id] = JudgedItem(item, judgement)
    return list(judged.values())


def land_items(landing: Landing, run_id: str, number: int, items: Iterable[JudgedItem]) -> LandedChunk:
    """Land items as a chunk of the run; those that were rejected go into quarantine.

    Raises LandingError when they cannot be written.
    """
    chunk = landing.open_chunk(run_id, number, _BATCH)
    for judged in items:
        kept = keep(landing, run_id, judged.judgement, judged.item.body, judged.item.parsed)
        chunk.add(kept.outcome, kept.line)
    return chunk.finish()


def _refuse(item: ListedItem, listed_at: datetime) -> Judgement:
    name = f"no_id_{hash_body(item.body, item.parsed)}"
    reason = "an item of the listing without a call id"
    return Judgement(Outcome(name, "rejected", 1, listed_at, 200, reason, json_path="$.call_id"))
