"""What each platform lets one do by program, as we read its rules, and what Huntaze does as long as nobody says more.

The words that people read are in templates/settings/platforms/_policy.html. A change of what stands here needs a new
`version`: owners are then asked again, and what is automatic waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.services.errors import Conflict, Problem


class Matter(StrEnum):
    CALL_API = "call_api"
    """May we call its API?"""
    SEND = "send"
    """May we send automatically?"""
    AI_DRAFTS = "ai_drafts"
    """May AI draft?"""
    AI_DISCLOSURE = "ai_disclosure"
    """Must AI be disclosed?"""


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"
    """Its rules can be read either way, or we have no dated copy: we do what is safe in both cases."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document. dated: of the document; None where it bears no date that we know: read the current one."""

    name: str
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """done: whether Huntaze does it before the owner has said anything."""

    matter: Matter
    answer: Answer
    done: bool
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """read_on: when we looked at the sources last."""

    version: str
    read_on: date
    rules: tuple[Rule, ...]


_TERMS = Source("OnlyFans, Terms of Service")
_ACCEPTABLE_USE = Source("OnlyFans, Acceptable Use Policy")
_GATEWAY = Source("onlyfansapi.com, documentation")
_AI_ACT = Source("Regulation (EU) 2024/1689 (AI Act), Article 50", date(2024, 6, 13))

POLICIES = {
    Platform.ONLYFANS: Policy(
        version="onlyfans-1",
        read_on=date(2026, 11, 26),
        rules=(
            # It has no public API: a gateway acts as the creator. Connecting is her decision, and only reads.
            Rule(Matter.CALL_API, Answer.UNCLEAR, True, (_TERMS, _GATEWAY)),
            Rule(Matter.SEND, Answer.UNCLEAR, False, (_TERMS, _ACCEPTABLE_USE)),
            Rule(Matter.AI_DRAFTS, Answer.UNCLEAR, False, (_TERMS, _ACCEPTABLE_USE)),
            Rule(Matter.AI_DISCLOSURE, Answer.YES, True, (_AI_ACT,)),
        ),
    ),
}


def policy_of(account: PlatformAccount) -> Policy:
    return POLICIES[account.platform]


def is_accepted(account: PlatformAccount) -> bool:
    """Whether the owner has accepted what the table says now."""
    return account.policy_accepted_at is not None and account.policy_version == policy_of(account).version


def require_accepted(account: PlatformAccount) -> None:
    """Before anything is sent by itself. Raises Conflict."""
    if not is_accepted(account):
        raise Conflict({"_": [Problem("policy_not_accepted")]})
