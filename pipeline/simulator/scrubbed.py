"""What is left of a call whose personal data is not stored: scrubbed copies in place of the originals.

Invariant: a scrubbed copy has the shape of its original, and a placeholder wherever that names the customer.
"""

from collections.abc import Mapping
from typing import Any

from .calls import Call
from .quirks import CallQuirks
from .slots import Slots

Item = dict[str, Any]
Placeholders = Mapping[str, str]
_HIDDEN_KEY = "[PII INFO]"
_MARKS = ".,!?"
# Fields of a payload that are deleted after the call, while a scrubbed copy stays.
_RECORDINGS = ("recording_url", "recording_multi_channel_url")
_COPIED = ("metadata", "retell_llm_dynamic_variables", "collected_dynamic_variables", "call_analysis")
# The log tells what was said.
_DELETED = ("transcript", "public_log_url")


def make_placeholders(slots: Slots) -> Placeholders:
    """Return what stands for the customer's names and numbers, the longer texts first."""
    first, last = slots["first"], slots["last"]
    return {
        f"{first} {last}": "[person name 1]",
        first: "[person name 1]",
        last: "[person name 1]",
        slots["order"]: "[customer account number 1]",
    }


def scrub_items(items: list[Item], placeholders: Placeholders) -> list[Item]:
    """Return a woven list without personal data."""
    return [_scrub_item(item, placeholders) for item in items]


def delete_originals(call: Call, payload: Item, quirks: CallQuirks) -> None:
    """Put scrubbed copies in place of what was stored of a call that is over."""
    placeholders = make_placeholders(call.slots)
    for name in _COPIED:
        if name in payload:
            payload[f"scrubbed_{name}"] = _scrub(payload.pop(name), placeholders)
    for name in _RECORDINGS:
        if name in payload:
            payload[f"scrubbed_{name}"] = payload.pop(name)
    for name in _DELETED:
        payload.pop(name, None)
    if call.by_phone and quirks.has("number_removed"):
        del payload["from_number" if call.channel == "inbound" else "to_number"]


def _scrub(value: Any, placeholders: Placeholders) -> Any:
    if isinstance(value, str):
        for text, placeholder in placeholders.items():
            value = value.replace(text, placeholder)
        return value
    if isinstance(value, dict):
        return {name: _scrub(member, placeholders) for name, member in value.items()}
    return [_scrub(member, placeholders) for member in value] if isinstance(value, list) else value


def _scrub_item(item: Item, placeholders: Placeholders) -> Item:
    if item.get("words"):
        # Words with blanks are joined as they are.
        has_blanks = any(" " in word["word"] for word in item["words"])
        words = _scrub_words(item["words"], placeholders, " " if has_blanks else "")
        between = "" if has_blanks else " "
        return {**item, "words": words, "content": between.join([word["word"] for word in words])}
    if item["role"] == "dtmf":
        return {**item, "digit": _HIDDEN_KEY}
    texts: Item = {
        name: _scrub(item[name], placeholders) for name in ("content", "arguments") if name in item
    }
    return {**item, **texts}


def _scrub_words(words: list[Item], placeholders: Placeholders, blank: str) -> list[Item]:
    """Return words with those of a placeholder in place of each name, as long as the name was."""
    scrubbed: list[Item] = []
    name_before: Item | None = None
    for word in words:
        said = word["word"].strip(" ")
        placeholder = placeholders.get(said.rstrip(_MARKS))
        if placeholder is None:
            scrubbed.append(word)
            name_before = None
            continue
        if name_before is not None and name_before["placeholder"] == placeholder:
            # First and last name are one person.
            del scrubbed[-len(placeholder.split(" ")) :]
            lead = " " if name_before["word"].startswith(" ") else ""
            word = {**word, "word": lead + word["word"].lstrip(" "), "start": name_before["start"]}
        scrubbed += _spread(word, placeholder, blank)
        name_before = None if said[-1] in _MARKS else {**word, "placeholder": placeholder}
    return scrubbed


def _spread(word: Item, placeholder: str, blank: str) -> list[Item]:
    """Return the words of a placeholder in the time of one word, with the marks and blanks around that."""
    parts = placeholder.split(" ")
    said = word["word"]
    step = (word["end"] - word["start"]) / len(parts)
    times = [round(word["start"] + step * number, 3) for number in range(len(parts))] + [word["end"]]
    texts = [f"{part}{blank}" for part in parts]
    texts[0] = " " * said.startswith(" ") + texts[0]
    texts[-1] = parts[-1] + said[len(said.rstrip(f" {_MARKS}")) :]
    return [
        {"word": text, "start": times[number], "end": times[number + 1]} for number, text in enumerate(texts)
    ]
