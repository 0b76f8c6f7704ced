"""The actors of all accounts."""

from __future__ import annotations

from typing import Any

from huntaze.simulator import payloads, shapes
from huntaze.simulator.actor import Actor
from huntaze.simulator.call import Simulator
from huntaze.simulator.world import Account


class Cast:
    """Gives each account its actor, tells it what happened, and lets time pass for it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._actors: dict[str, Actor] = {}
        simulator.acted = self.hear

    def actor(self, account: Account) -> Actor:
        actor = self._actors.get(account.id)
        if actor is None:
            options = self._simulator.options
            actor = self._actors[account.id] = Actor(
                account, self._simulator.webhooks, seed=options.seed, activity=options.activity
            )
            actor.advance(self._simulator.clock.now())  # since the world began
        return actor

    def hear(self, account: Account, event: str, what: dict[str, Any]) -> None:
        """The creator did something."""
        if event == "mass":
            self.actor(account).sent_to_many(what["mass"])
            self._simulator.webhooks.emit("chat_queue.updated", account.id, shapes.mass(account, what["mass"]))
            return
        self.actor(account).sent(what["fan"], what["message"])
        if self._simulator.webhooks.hooks:
            self._simulator.webhooks.emit(event, account.id, payloads.sent(account, what["fan"], what["said"]))

    def advance(self) -> None:
        """What is due by now happens, in all accounts that somebody asked for."""
        now = self._simulator.clock.now()
        for account in self._simulator.world.made():
            self.actor(account).advance(now)
