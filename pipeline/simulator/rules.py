"""How the listing of an account behaves where Retell documents nothing, and the ways it may disappoint.

Invariant: rules never change which calls there are; they change where, how often and on which page they come.
"""

from dataclasses import dataclass
from typing import Literal

MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class ListingRules:
    """The rules of a listing; the defaults are those of a sound one.

    Pages are numbered from 1 along the keys, so that a page that is asked for again keeps its number.
    """

    # Where calls without a start come in descending order; ascending order is the reverse. Omitted ones are
    # found by a filter on the status or the id only.
    startless: Literal["first", "last", "omitted"] = "first"
    # A filter of more ids is refused with 400.
    most_ids_in_filter: int | None = None
    # The status that refuses every filter of ids.
    refuses_id_filter: int | None = None
    # A filter of ids is read and then forgotten: the listing is that of the other filters.
    ignores_id_filter: bool = False
    # A page holds no more calls than this, whatever limit was asked for.
    most_on_page: int = MAX_LIMIT
    # Pages with half as many calls as could be there.
    short_pages: tuple[int, ...] = ()
    # Pages without any call, although more pages follow.
    empty_pages: tuple[int, ...] = ()
    # How many calls of each page come again at the top of the next one.
    repeated_items: int = 0

    def __post_init__(self) -> None:
        if self.startless not in ("first", "last", "omitted"):
            raise ValueError(f"startless must be first, last or omitted, not {self.startless!r}")
        if not 1 <= self.most_on_page <= MAX_LIMIT:
            raise ValueError(f"most_on_page must be between 1 and {MAX_LIMIT}, not {self.most_on_page}")
        if self.repeated_items < 0:
            raise ValueError(f"repeated_items must be 0 or more, not {self.repeated_items}")
