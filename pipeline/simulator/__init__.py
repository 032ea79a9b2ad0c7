"""Retell's API on loopback, v1's and today's and the listing of v3, with made-up calls, for demo and tests.

Invariant: a seed fixes ids, payloads, broken bodies and faults; only request counts depend on who asks.
Data order: chance, ids, schedule, agents → script, scenarios, slots → dialogue, outcomes, conversation
→ calls, analysis, payload, reasons, money, woven, blanks → quirks, odd_turns, timed_items, sessions,
scrubbed, oddities → today, breakage → entries, book, items
→ timeline, rules, catalogue → failures, account → criteria, pagekeys, listing
→ faults, limits, requestlog, wire, app, server; events → webhooks.
"""

from .account import Account
from .app import create_app
from .book import SHAPES, CallBook
from .breakage import BREAKAGE_KINDS, HOSTILE_KINDS
from .events import make_chat_events, make_events
from .faults import FAULT_KINDS, Faults
from .limits import Limits, Window
from .listing import LISTING_FAULTS
from .quirks import RATES
from .requestlog import RequestLog
from .rules import ListingRules
from .server import Simulator, running, serve
from .webhooks import EventSender, Sent

__all__ = [
    "BREAKAGE_KINDS",
    "FAULT_KINDS",
    "HOSTILE_KINDS",
    "LISTING_FAULTS",
    "RATES",
    "SHAPES",
    "Account",
    "CallBook",
    "EventSender",
    "Faults",
    "Limits",
    "ListingRules",
    "RequestLog",
    "Sent",
    "Simulator",
    "Window",
    "create_app",
    "make_chat_events",
    "make_events",
    "running",
    "serve",
]
