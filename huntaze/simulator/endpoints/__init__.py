"""The platform's endpoints: those that Huntaze uses, with the paths and answers that the client `onlyfans` knows."""

from huntaze.simulator.endpoints import account, chats, fans, mass, money, vault

# The dispatcher tries one route after the other: what is called most often comes first.
ROUTES = [*chats.ROUTES, *fans.ROUTES, *money.ROUTES, *mass.ROUTES, *vault.ROUTES, *account.ROUTES]

__all__ = ["ROUTES"]
