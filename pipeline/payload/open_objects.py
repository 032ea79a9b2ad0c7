"""What the API sends in those objects of a payload that nobody validates, since any JSON may stand there.

What one of them holds beyond these fields is kept, and recorded as drift.
"""

from __future__ import annotations

from typing import Any

from pydantic import StrictBool, StrictStr

# The contract's own: only that module recognises it on Python 3.11.
from typing_extensions import TypedDict

from pipeline.payload.field_types import InExtra, Number


class TelephonyIdentifier(TypedDict, total=False):
    """Ids of the call at the telephony provider."""

    twilio_call_sid: StrictStr


class TurnMetadata(TypedDict, total=False):
    """What the API notes of a turn."""

    response_id: Number
    interrupt_id: Number
    is_backchannel: StrictBool
    backup_model_used: Any


class ToolCallInvocation(TypedDict, total=False):
    """A woven item: a tool was called."""

    role: StrictStr
    tool_call_id: StrictStr
    name: StrictStr
    type: StrictStr
    arguments: StrictStr
    time_sec: Number
    metadata: InExtra
    thought_signature: InExtra


class ToolCallResult(TypedDict, total=False):
    """A woven item: what a tool answered."""

    role: StrictStr
    tool_call_id: StrictStr
    content: StrictStr
    successful: StrictBool
    time_sec: Number


class NodeTransition(TypedDict, total=False):
    """A woven item: a conversation flow went on to another node."""

    role: StrictStr
    former_node_id: StrictStr
    former_node_name: StrictStr
    new_node_id: StrictStr
    new_node_name: StrictStr
    transition_type: StrictStr
    time_sec: Number


class Dtmf(TypedDict, total=False):
    """A woven item: a key was pressed."""

    role: StrictStr
    digit: StrictStr
    time_sec: Number


class Sms(TypedDict, total=False):
    """A woven item: a text message."""

    role: StrictStr
    content: StrictStr
    time_sec: Number
    multimedia: Any


class Injected(TypedDict, total=False):
    """A woven item: words that were put into the call from outside."""

    role: StrictStr
    content: StrictStr
    time_sec: Number
