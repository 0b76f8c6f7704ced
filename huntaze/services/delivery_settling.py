"""What became of a message whose call broke off: the chat is read back.

A message in it that says the same as ours, and that nobody knows yet, becomes ours (platform_chats.ADOPT): whether
ours is sent then is the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from huntaze.adapters.platform import Message, PermanentError, PlatformAdapter, PlatformError
from huntaze.models.conversation import DeliveryState, Failure
from huntaze.models.delivery import AttemptOutcome
from huntaze.services.delivery_outcomes import Gateway, Verdict
from huntaze.services.delivery_rules import Rules
from huntaze.services.delivery_store import Doubt

Adopt = Callable[[Doubt, Sequence[Message]], Awaitable[bool]]
"""Is given what is in the chat; returns whether the message is among it."""


async def settle(
    doubt: Doubt, adapter: PlatformAdapter, gateway: Gateway, adopt: Adopt, rules: Rules, *, retry: bool
) -> Verdict:
    """Waits until the call has ended for sure, and asks. retry: whether what is not there may be sent again."""
    give_up_at = time.monotonic() + rules.settle
    await asyncio.sleep(max(doubt.wait, 0.0))
    if gateway is Gateway.BLIND:
        return _open(AttemptOutcome.LOST, Failure.NO_ANSWER)
    pause = rules.backoff
    while True:
        try:
            page = await adapter.list_messages(doubt.chat)
            break
        except PermanentError as error:
            return _open(AttemptOutcome.UNKNOWN, Failure.NO_ANSWER, str(error))
        except PlatformError as error:
            pause = max(pause, error.retry_after or 0.0)
            if time.monotonic() + pause > give_up_at:
                return _open(AttemptOutcome.UNKNOWN, Failure.NO_ANSWER, str(error))
        await asyncio.sleep(pause)
        pause = min(2 * pause, rules.backoff_most)
    if await adopt(doubt, page.rows):
        return Verdict(AttemptOutcome.FOUND, DeliveryState.SENT)
    if not retry:
        return _open(AttemptOutcome.NOT_FOUND, Failure.KEY_MISMATCH)
    return Verdict(AttemptOutcome.NOT_FOUND, DeliveryState.QUEUED)


def _open(outcome: AttemptOutcome, failure: Failure, detail: str = "") -> Verdict:
    """Only a person can say."""
    return Verdict(outcome, DeliveryState.UNKNOWN, failure, detail=detail)
