"""What a simulated call cost, and how many tokens its prompts took.

Invariant: the combined cost is the sum of the product lines, in cents.
"""

from math import ceil
from random import Random
from typing import Any

from .chance import choose

# Cents per second.
_VOICES = (("elevenlabs_tts", 0.116_666_7), ("cartesia_tts", 0.116_666_7), ("openai_tts", 0.133_333_3))
_MODELS = (("gpt_4_1", 0.075), ("gpt_4_1_mini", 0.026_666_7), ("claude_4_5_sonnet", 0.133_333_3))
_TELEPHONY = ("us_telephony", 0.025)


def cost(rng: Random, duration_ms: int, *, by_phone: bool) -> dict[str, Any]:
    """Return the cost of a call when all of it is over; a call that lasted no time costs nothing."""
    seconds = ceil(duration_ms / 1000)
    lines = [choose(rng, _VOICES), choose(rng, _MODELS), *([_TELEPHONY] if by_phone else [])]
    products: list[dict[str, Any]] = [
        {"product": product, "unit_price": price, "cost": round(price * seconds, 4)}
        for product, price in lines
        if seconds
    ]
    if by_phone and products and rng.random() < 0.05:
        transfer = {"product": _TELEPHONY[0], "unit_price": _TELEPHONY[1], "cost": 0.5}
        products.append({**transfer, "is_transfer_leg_cost": True})
    return {
        "combined_cost": _combine(products),
        "product_costs": products,
        "total_duration_seconds": seconds,
        "total_duration_unit_price": round(sum(price for _, price in lines), 7) if seconds else 0,
    }


def add_leg(cost: dict[str, Any], leg_ms: int) -> dict[str, Any]:
    """Return the cost of a call with that of a transferred leg, in place of any that it has."""
    seconds = ceil(leg_ms / 1000)
    leg = {"product": _TELEPHONY[0], "unit_price": _TELEPHONY[1], "cost": round(_TELEPHONY[1] * seconds, 4)}
    products = [*drop_leg(cost)["product_costs"], {**leg, "is_transfer_leg_cost": True}]
    return {**cost, "product_costs": products, "combined_cost": _combine(products)}


def drop_leg(cost: dict[str, Any]) -> dict[str, Any]:
    """Return the cost of a call while its transferred leg goes on."""
    products = [line for line in cost["product_costs"] if not line.get("is_transfer_leg_cost")]
    return {**cost, "product_costs": products, "combined_cost": _combine(products)}


def _combine(products: list[dict[str, Any]]) -> float:
    costs: list[float] = [line["cost"] for line in products]
    return round(sum(costs), 4)


def token_usage(rng: Random, requests: int) -> dict[str, Any]:
    """Return the tokens of every request to the LLM; the prompt grows with the conversation."""
    first = 1_200 + rng.randrange(800)
    values = [first + 45 * number + rng.randrange(30) for number in range(requests)]
    return {"values": values, "average": round(sum(values) / requests, 2), "num_requests": requests}
