"""Retell's API v1 and the listing of v3 on loopback, with calls made up by seed, for demo and tests.

Invariant: a seed fixes ids, payloads, broken bodies and faults; only request counts depend on who asks.
Data order: chance, ids, schedule, agents → script, scenarios, slots → dialogue, outcomes, conversation
→ calls, analysis, payload, breakage → book → timeline, criteria, listing
→ faults, requestlog, wire, app, server.
"""

from .app import create_app
from .book import CallBook
from .breakage import BREAKAGE_KINDS
from .faults import FAULT_KINDS, Faults
from .listing import LISTING_FAULTS
from .requestlog import RequestLog
from .server import Simulator, running, serve

__all__ = [
    "BREAKAGE_KINDS",
    "FAULT_KINDS",
    "LISTING_FAULTS",
    "CallBook",
    "Faults",
    "RequestLog",
    "Simulator",
    "create_app",
    "running",
    "serve",
]
