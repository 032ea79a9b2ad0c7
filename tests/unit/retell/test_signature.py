"""A signature is right exactly where the API's own library says so."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retell.lib import webhook_auth

from pipeline.retell.signature import WINDOW_MS, sign, verify

KEY = "key_0123456789abcdef"
NOW = 1_790_000_000_000
BODY = b'{"event":"call_ended","call":{"call_id":"call_1","transcript":"gr\xc3\xbc\xc3\x9fe"}}'


@given(st.text(max_size=200), st.integers(0, 10**13))
def test_the_apis_library_takes_ours_and_we_take_its(text: str, at_ms: int) -> None:
    body = text.encode("utf-8", "surrogatepass")
    if not _is_text(body):
        return
    theirs = webhook_auth.symmetric["sign"](text, KEY, at_ms)
    assert sign(body, KEY, at_ms) == theirs
    found = verify(body, theirs, [KEY], at_ms)
    assert found is not None
    assert (found.at_ms, found.key_number) == (at_ms, 0)
    assert webhook_auth.symmetric["verify"](text, KEY, sign(body, KEY, at_ms), {"timestamp": at_ms})


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_a_thousand_changed_bits_are_refused() -> None:
    header = sign(BODY, KEY, NOW).encode()
    rng = random.Random(11)
    for _ in range(1000):
        body, given_header = bytearray(BODY), bytearray(header)
        changed = rng.choice((body, given_header))
        place = rng.randrange(8 * len(changed))
        changed[place // 8] ^= 1 << place % 8
        assert verify(bytes(body), given_header.decode("latin-1"), [KEY], NOW) is None


@pytest.mark.parametrize("cut", range(len(BODY)))
def test_a_cut_body_is_refused(cut: int) -> None:
    assert verify(BODY[:cut], sign(BODY, KEY, NOW), [KEY], NOW) is None


@pytest.mark.parametrize("sign_of_shift", [-1, 1])
def test_the_window_is_five_minutes_either_way(sign_of_shift: int) -> None:
    header = sign(BODY, KEY, NOW)
    assert verify(BODY, header, [KEY], NOW + sign_of_shift * WINDOW_MS) is not None
    assert verify(BODY, header, [KEY], NOW + sign_of_shift * (WINDOW_MS + 1)) is None


def test_either_key_counts_while_one_is_replaced() -> None:
    keys = ["key_new", "key_old"]
    for number, key in enumerate(keys):
        found = verify(BODY, sign(BODY, key, NOW), keys, NOW)
        assert found is not None
        assert found.key_number == number
    assert verify(BODY, sign(BODY, "key_older", NOW), keys, NOW) is None


RIGHT = sign(BODY, KEY, NOW)
DIGEST = RIGHT.partition(",d=")[2]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v=,d=",
        DIGEST,
        f"d={DIGEST},v={NOW}",
        f"v={NOW},d={DIGEST.upper()}",
        f"v={NOW},d={DIGEST[:-1]}",
        f"v={NOW},d={DIGEST}0",
        f" v={NOW},d={DIGEST}",
        f"v={NOW},d={DIGEST}\n",
        f"v={NOW}, d={DIGEST}",
        f"v=-{NOW},d={DIGEST}",
        f"v={NOW}.0,d={DIGEST}",
        f"v={10**400},d={DIGEST}",
        f"v=\u0661{NOW},d={DIGEST}",
        f"{RIGHT},{RIGHT}",
        "x" * 100_000,
    ],
)
def test_what_is_no_signature_is_refused(header: str | None) -> None:
    assert verify(BODY, RIGHT, [KEY], NOW) is not None
    assert verify(BODY, header, [KEY], NOW) is None
