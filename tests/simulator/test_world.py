"""The same seed makes the same world, and what fans do in it adds up."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from tests.simulated import ACCOUNT, Json, Simulated, simulated

PATHS = (
    f"/api/{ACCOUNT}/fans/all?limit=20&offset=20",
    f"/api/{ACCOUNT}/chats?limit=30",
    f"/api/{ACCOUNT}/transactions?limit=100&startDate=2020-01-01",
    f"/api/{ACCOUNT}/chargebacks?limit=100",
    f"/api/{ACCOUNT}/payouts/balances",
    f"/api/{ACCOUNT}/payouts/payout-requests",
    f"/api/{ACCOUNT}/payouts/earning-statistics",
    f"/api/{ACCOUNT}/media/vault",
    f"/api/{ACCOUNT}/tracking-links",
    f"/api/{ACCOUNT}/trial-links",
    f"/api/{ACCOUNT}/user-lists",
    f"/api/{ACCOUNT}/me",
    "/api/accounts",
    "/_sim/state?part=fans",
    "/_sim/state?part=messages",
)


def bytes_of(**options: object) -> list[bytes]:
    """All that a simulator says after a day in which fans were busy."""
    with simulated(activity=40, **options) as simulator:
        simulator.send(str(10_000_003), {"text": "Hi", "price": 5, "mediaFiles": [1]}, "k")
        simulator.tell("clock", advance=86_400)
        return [simulator.ask("GET", path)[2] for path in PATHS]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first = bytes_of(seed=7)
    assert bytes_of(seed=7) == first
    others = bytes_of(seed=8)
    assert [one for one in PATHS[:5] if first[PATHS.index(one)] == others[PATHS.index(one)]] == []


def test_an_account_is_the_same_whenever_it_is_made() -> None:
    path = "/_sim/state?part=transactions&account=acct_000003"
    with simulated(accounts=3) as simulator:
        first = simulator.ask("GET", path)[2]
    with simulated(accounts=3) as simulator:
        for n in (2, 1):
            simulator.get(f"/api/acct_00000{n}/me")
        assert simulator.ask("GET", path)[2] == first


def test_time_stands_still_until_it_is_moved(simulator: Simulated) -> None:
    assert simulator.get("/_sim/health")["now"] == "2026-06-01T12:00:00+00:00"
    assert simulator.tell("clock", advance=90) == {"now": "2026-06-01T12:01:30+00:00"}


def test_a_live_clock_runs() -> None:
    with simulated(live=True) as simulator:
        assert simulator.get("/_sim/health")["now"] > "2026-11"


def test_a_busy_month_adds_up() -> None:
    with simulated(activity=20, fans=80, transactions=400) as simulator:
        before = simulator.lines("/_sim/state")[0]
        simulator.tell("clock", advance=30 * 86_400)
        after = simulator.lines("/_sim/state")[0]
        rows = simulator.lines("/_sim/state?part=transactions")
        fans = simulator.lines("/_sim/state?part=fans")
    assert after["fans"] > before["fans"]
    assert after["chargebacks"] > before["chargebacks"]
    kinds = Counter(row["kind"] for row in rows[before["transactions"] :])
    assert set(kinds) == {"subscription", "renewal", "tip", "message", "post", "stream"}
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    spent: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        spent[row["fan"]] += row["gross"]
    assert {fan["id"]: fan["spent"] for fan in fans} == {fan["id"]: spent[fan["id"]] for fan in fans}
    assert sum(row["net"] for row in rows if not row["reversed"]) == after["net"]
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({fan["username"] for fan in fans}) == len(fans)


def test_fans_answer_and_buy() -> None:
    with simulated(activity=0.001) as simulator:
        fans = [fan["id"] for fan in simulator.lines("/_sim/state?part=fans")]
        for fan in fans:
            simulator.send(fan, {"text": "Look", "price": 7, "mediaFiles": [1]})
        simulator.tell("clock", advance=3_600)
        messages = simulator.lines("/_sim/state?part=messages")
        answers = [message for message in messages if not message["mine"] and message["at"] > "2026-06-01T12:00:01"]
        bought = [row for row in simulator.lines("/_sim/state?part=transactions") if row["gross"] == 700]
    assert len(fans) * 0.25 < len(answers) < len(fans) * 0.75
    assert len(fans) * 0.1 < len(bought) < len(fans) * 0.6


def test_who_renews_is_renewed_and_who_does_not_expires() -> None:
    with simulated(activity=0.001) as simulator:
        before = {fan["id"]: fan for fan in simulator.lines("/_sim/state?part=fans") if fan["active"]}
        simulator.tell("clock", advance=30 * 86_400)
        after = {fan["id"]: fan for fan in simulator.lines("/_sim/state?part=fans")}
    renewed = {id_ for id_ in before if after[id_]["active"]}
    assert renewed == {id_ for id_, fan in before.items() if fan["renews"]}
    assert renewed != set(before)


DEEDS = (
    "subscribe",
    "message",
    "tip",
    "purchase",
    "unlock",
    "renew",
    "expire",
    "return",
    "chargeback",
    "rename",
    "delete",
)


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_can_be_asked_for(simulator: Simulated, deed: str) -> None:
    before = state(simulator)
    fan = {} if deed in ("subscribe", "return") else {"fan": simulator.fan()}
    if deed == "return":  # one who is gone
        fan = {"fan": next(fan["id"] for fan in before["fans"] if not fan["active"])}
    if deed == "unlock":  # something that can be bought
        simulator.send(fan["fan"], {"text": "Hi", "price": 5, "mediaFiles": [1]})
    done = simulator.tell("act", deed=deed, **fan)
    assert done["deed"] == deed
    assert state(simulator) != before


def state(simulator: Simulated) -> dict[str, list[Json]]:
    return {part: simulator.lines(f"/_sim/state?part={part}") for part in ("fans", "transactions", "messages")}


def test_deeds_that_cannot_be(simulator: Simulated) -> None:
    assert simulator.ask("POST", "/_sim/act", {"deed": "fly"})[0] == 422
    assert simulator.ask("POST", "/_sim/act", {"deed": "tip", "fan": "5"})[0] == 404
    assert simulator.ask("POST", "/_sim/act", {"deed": "tip", "account": "acct_9"})[0] == 404
    assert simulator.ask("POST", "/_sim/act", b"[]")[0] == 400


def test_a_deleted_fan_is_gone_from_lists_but_not_from_the_books(simulator: Simulated) -> None:
    fan = simulator.fan()
    simulator.tell("act", deed="delete", fan=fan)
    assert simulator.ask("GET", f"/api/{ACCOUNT}/users/{fan}")[0] == 404
    assert simulator.send(fan, {"text": "Hi"})[0] == 404
    page = simulator.get(f"/api/{ACCOUNT}/fans/all?limit=20")["data"]
    assert len(page["list"]) == 19
    assert page["hasMore"]
    assert fan in {row["fan"] for row in simulator.lines("/_sim/state?part=transactions")}


def test_a_renamed_fan_has_another_name(simulator: Simulated) -> None:
    fan = simulator.fan()
    old = simulator.get(f"/api/{ACCOUNT}/users/{fan}")["data"]["username"]
    simulator.tell("act", deed="rename", fan=fan)
    new = simulator.get(f"/api/{ACCOUNT}/users/{fan}")["data"]["username"]
    assert new != old
    assert simulator.get(f"/api/{ACCOUNT}/users/{new}")["data"]["id"] == int(fan)


def test_text_comes_back_as_html_and_prices_in_dollars(simulator: Simulated) -> None:
    _, _, answer = simulator.send(simulator.fan(), {"text": "a < b\n& c", "price": 9.99, "mediaFiles": [1_000]})
    assert answer["data"]["text"] == "<p>a &lt; b<br />\n&amp; c</p>"
    assert answer["data"]["price"] == 9.99
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", answer["data"]["createdAt"])


def test_uploads_in_the_background_can_be_followed(simulator: Simulated) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="async"\r\n\r\ntrue\r\n--x\r\nContent-Disposition: form-data; '
    )
    body += b'name="file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\nabc\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    status, _, answer = simulator.ask("POST", f"/api/{ACCOUNT}/media/vault", body, headers)
    assert status == 200, answer
    path = f"/api/{ACCOUNT}/media/uploads/ofapi_media_1040/status"
    assert simulator.get(path)["status"] == "processing"
    simulator.tell("clock", advance=2)
    assert simulator.get(path)["media"]["type"] == "video"
    assert simulator.ask("POST", f"/api/{ACCOUNT}/media/vault", b"x", {"Content-Type": "text/plain"})[0] == 422
    assert simulator.ask("POST", f"/api/{ACCOUNT}/media/vault", b"x", headers)[0] == 422
