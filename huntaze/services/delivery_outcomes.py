"""What the answer to a send means: for the message, and for the lane."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huntaze.adapters.platform import Capabilities, Outcome, PlatformError, Reason, SendResult
from huntaze.models.conversation import DeliveryState, Failure
from huntaze.models.delivery import AttemptOutcome, Halt


class Gateway(StrEnum):
    """How a gateway lets one find out what became of a call that broke off."""

    KEYS = "a"
    """It keeps keys: the same again is sent once. We ask first all the same: it does not keep what went wrong."""
    ASKED = "b"
    """It can be asked."""
    BLIND = "c"
    """Neither: a person has to look."""


def gateway_of(caps: Capabilities) -> Gateway:
    if caps.idempotent_send:
        return Gateway.KEYS
    return Gateway.ASKED if caps.read_back else Gateway.BLIND


@dataclass(frozen=True, slots=True)
class Verdict:
    """state: what the message is now; None: it is to be found out. ended: whether the platform is done with the call.

    halt: what is wrong with the lane, if anything; pause: only a person can help; wait: seconds that the platform
    asks for; counts: it is one of those that, in a row, pause the lane.
    """

    outcome: AttemptOutcome
    state: DeliveryState | None
    failure: Failure | None = None
    ended: bool = True
    halt: Halt | None = None
    pause: bool = False
    wait: float | None = None
    counts: bool = False
    detail: str = ""
    retry: bool = True
    """Whether the same may be sent again, once it is known that it did not go out."""


SENT = Verdict(AttemptOutcome.SENT, DeliveryState.SENT)


def verdict(result: SendResult, gateway: Gateway) -> Verdict:
    if result.state is Outcome.SENT:
        return SENT
    error = result.error
    detail = str(error) if error else ""
    if result.state is Outcome.NOT_SENT and error is not None:
        return _not_sent(error, detail)
    return _in_doubt(error, gateway, detail)


def _not_sent(error: PlatformError, detail: str) -> Verdict:
    """Nothing went out. What the gateway keeps with its key (refusals, for a day) is not worth the same again."""
    wait = error.retry_after
    match error.reason:
        case Reason.RATE_LIMITED:
            state, failure, halt, counts = DeliveryState.QUEUED, None, Halt.LIMITED, False
        case Reason.UNAUTHORIZED:
            state, failure, halt, counts = DeliveryState.QUEUED, None, Halt.KEY_REFUSED, True
        case Reason.FORBIDDEN:
            state, failure, halt, counts = DeliveryState.FAILED, Failure.REFUSED, Halt.FORBIDDEN, True
        case Reason.NOT_FOUND:
            state, failure, halt, counts = DeliveryState.FAILED, Failure.FAN_GONE, Halt.REFUSALS, True
        case Reason.REFUSED:
            state, failure, halt, counts = DeliveryState.FAILED, Failure.REFUSED, Halt.REFUSALS, True
        case _:
            state, failure, halt, counts = DeliveryState.QUEUED, None, Halt.UNREACHABLE, True
    return Verdict(
        AttemptOutcome.NOT_SENT,
        state,
        failure,
        halt=halt,
        pause=halt is Halt.KEY_REFUSED,
        wait=wait,
        counts=counts,
        detail=detail,
    )


def _in_doubt(error: PlatformError | None, gateway: Gateway, detail: str) -> Verdict:
    answered = error is not None and error.status is not None
    mismatch = error is not None and error.reason is Reason.REFUSED
    garbled = error is not None and error.reason is Reason.MALFORMED
    blind = gateway is Gateway.BLIND
    return Verdict(
        AttemptOutcome.UNKNOWN,
        DeliveryState.UNKNOWN if blind else None,
        Failure.NO_ANSWER if blind else None,
        ended=answered,
        halt=Halt.GARBLED if garbled else Halt.UNREACHABLE,
        wait=error.retry_after if error else None,
        counts=True,
        detail=detail,
        retry=not mismatch,
    )
