"""The figures by which messages go out; docs/delivery.md explains them to who looks after the server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, where nothing else is said. Tests have shorter ones."""

    at_once: int = 2
    """Messages that may begin within a second: one begins no earlier than a second after the one so many before it
    has ended. So no second sees more, however long each takes to arrive."""
    window: float = 1.0
    run: float = 60.0
    """A run of the job; the next one goes on."""
    linger: float = 10.0
    """How long a run stays that has nothing to do."""
    heartbeat: float = 2.0
    lease: float = 8.0
    """A worker whose heart has not beaten for so long is taken for dead: its lanes are for others."""
    write: float = 5.0
    """So long after the claim a call may still begin."""
    call: float = 20.0
    """A call is given up then."""
    lanes: int = 1_500
    """Of one worker."""
    taken: int = 200
    """Lanes that it takes at once: others get theirs."""
    claims: int = 40
    """Messages that are claimed in one transaction, and chats of which is noted what was read back. With all messages
    that could be, calls and transactions took turns in waiting for each other (measured with 220 accounts: a third of
    a processor, and 61 % of the pace)."""
    spread: float = 0.005
    """Lanes that are taken together begin so long after each other: else they would go on in step, and each second
    would see all of their calls at once."""
    claim_ahead: float = 0.2
    """A message is claimed so long before it may begin, so that the claim does not delay it."""
    pause: float = 0.03
    """Between two transactions: what comes meanwhile goes into the same one. None where lanes queue up."""
    scan: float = 0.5
    """How often is looked for lanes that nobody was told about, and for scheduled messages that are due."""
    idle: float = 2.0
    """A lane with nothing to send is let go after so long."""
    backoff: float = 1.0
    """After an error, doubled with each further one in a row."""
    backoff_most: float = 300.0
    failures: int = 10
    """So many in a row pause the lane."""
    settle_after: float = 1.0
    """How long after an error the chat is read back: what went out may take a moment to be seen."""
    settle: float = 600.0
    """How long is asked what became of a message, where asking fails; then a person has to look."""

    @property
    def deadline(self) -> float:
        """After the claim: by then the call has ended, whoever made it."""
        return self.write + self.call


RULES = Rules()
