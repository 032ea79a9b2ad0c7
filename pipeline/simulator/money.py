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
    """Return the cost of a call; a call that lasted no time costs nothing."""
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
        "combined_cost": round(sum(line["cost"] for line in products), 4),
        "product_costs": products,
        "total_duration_seconds": seconds,
        "total_duration_unit_price": round(sum(price for _, price in lines), 7) if seconds else 0,
    }


def token_usage(rng: Random, requests: int) -> dict[str, Any]:
    """Return the tokens of every request to the LLM; the prompt grows with the conversation."""
    first = 1_200 + rng.randrange(800)
    values = [first + 45 * number + rng.randrange(30) for number in range(requests)]
    return {"values": values, "average": round(sum(values) / requests, 2), "num_requests": requests}
