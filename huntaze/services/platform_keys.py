"""What opens a platform account to us, sealed: its API key, and the secret that signs its webhooks."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple, Protocol

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.services.vault import Vault


class Webhook(NamedTuple):
    """The last part of the address that the gateway posts to, and the secret that it signs with."""

    token: str
    secret: str


class Sealed(Protocol):
    """An account, as far as its key is concerned."""

    @property
    def workspace_id(self) -> int: ...
    @property
    def platform(self) -> Platform: ...
    @property
    def external_id(self) -> str: ...
    @property
    def key_sealed(self) -> bytes | None: ...


class PlatformKeys:
    """Seals and opens with a key that is derived from SECRET_KEY.

    What is sealed belongs to one workspace, one account of a platform and one column: moved to another of them it
    does not open. In front of it stands which key sealed it.
    """

    def __init__(self, secret_key: str) -> None:
        self.vault = Vault(secret_key, "platform accounts")

    def seal(self, account: PlatformAccount, column: str, plain: str) -> bytes:
        """`account` need not be stored yet: it is known by what the platform calls it."""
        return self._seal(plain, _context(account, column))

    def api_key(self, account: Sealed) -> str | None:
        """None: there is none, or SECRET_KEY is another one than when it was stored."""
        return self._open(account.key_sealed, _context(account, "key_sealed"))

    def webhook_secret(self, account: PlatformAccount) -> str | None:
        """None: SECRET_KEY is another one than when it was stored."""
        return self._open(account.webhook_secret_sealed, _context(account, "webhook_secret_sealed"))

    def new_webhook(self) -> Webhook:
        return Webhook(secrets.token_urlsafe(24), secrets.token_urlsafe(32))

    def seal_candidate(self, workspace_id: WorkspaceId, plain: str) -> bytes:
        """A key of which it is not known yet what it opens."""
        return self._seal(plain, f"{workspace_id}:platform_checks.key_sealed")

    def candidate(self, workspace_id: WorkspaceId, sealed: bytes | None) -> str | None:
        return self._open(sealed, f"{workspace_id}:platform_checks.key_sealed")

    def _seal(self, plain: str, context: str) -> bytes:
        return self.vault.key_id + self.vault.seal(plain.encode(), context)

    def _open(self, sealed: bytes | None, context: str) -> str | None:
        key_id = self.vault.key_id
        if sealed is None or not sealed.startswith(key_id):
            return None
        plain = self.vault.open(sealed[len(key_id) :], context)
        return None if plain is None else plain.decode()


def webhook_hash(token: str) -> bytes:
    """How the token of a webhook's address is stored, and looked up."""
    return hashlib.sha256(token.encode()).digest()


def _context(account: Sealed, column: str) -> str:
    return f"{account.workspace_id}:{account.platform}:{account.external_id}:platform_accounts.{column}"
