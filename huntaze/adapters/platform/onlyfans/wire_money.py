"""The platform's payments, chargebacks, payouts and balances as they come, and the records that they are for us."""

from __future__ import annotations

from huntaze.adapters.platform import records
from huntaze.adapters.platform.onlyfans.text import plain
from huntaze.adapters.platform.onlyfans.values import Id, Maybe, Money, Text, Utc
from huntaze.adapters.platform.onlyfans.wire import User, Wire
from huntaze.adapters.platform.records import Cents, Raw, TransactionKind, TransactionStatus

KINDS = {
    "subscribes": TransactionKind.SUBSCRIPTION,
    "subscription": TransactionKind.SUBSCRIPTION,
    "tips": TransactionKind.TIP,
    "tip": TransactionKind.TIP,
    "chat_messages": TransactionKind.MESSAGE,
    "message": TransactionKind.MESSAGE,
    "post": TransactionKind.POST,
    "stream": TransactionKind.STREAM,
    "referral": TransactionKind.REFERRAL,
    "referrals": TransactionKind.REFERRAL,
    "recurring_subscription": TransactionKind.RENEWAL,
}
STATUSES = {
    "done": TransactionStatus.DONE,
    "loading": TransactionStatus.PENDING,
    "pending": TransactionStatus.PENDING,
    "undo": TransactionStatus.REVERSED,
    "chargeback": TransactionStatus.REVERSED,
}


def kind_of(type_: str, description: str) -> TransactionKind:
    """The filter of the platform's list knows no renewals; only their description tells them from the first month."""
    kind = KINDS.get(type_, TransactionKind.OTHER)
    if kind is TransactionKind.SUBSCRIPTION and description.lower().startswith(("recurring", "renew")):
        return TransactionKind.RENEWAL
    return kind


class Transaction(Wire):
    id: Id
    amount: Money
    net: Money
    fee: Money | None = None
    vat_amount: Money | None = None
    tax_amount: Money | None = None
    currency: Text = "USD"
    type: Text = ""
    status: Text = ""
    description: Text = ""
    created_at: Utc
    user: Maybe[User] = None

    def record(self, raw: Raw) -> records.Transaction:
        """Raises ValueError if gross, fee and net do not add up, by more than the cent that rounding costs."""
        fee = Cents(self.amount - self.net) if self.fee is None else self.fee
        if abs(self.amount - fee - self.net) > 1:
            raise ValueError("amount: is not fee and net together")
        description = plain(self.description)
        return records.Transaction(
            id=self.id,
            fan_id=self.user.id if self.user else None,
            kind=kind_of(self.type, description),
            status=STATUSES.get(self.status, TransactionStatus.OTHER),
            gross=self.amount,
            fee=fee,
            net=self.net,
            vat=self.vat_amount or Cents(0),
            tax=self.tax_amount or Cents(0),
            currency=self.currency or "USD",
            description=description,
            at=self.created_at,
            raw=raw,
        )


class Payment(Wire):
    id: Id | None = None
    amount: Money
    net: Money
    currency: Text = "USD"
    description: Text = ""
    user: Maybe[User] = None


class Chargeback(Wire):
    id: Id
    created_at: Utc
    payment_type: Text = ""
    payment: Payment

    def record(self, raw: Raw) -> records.Chargeback:
        paid = self.payment
        return records.Chargeback(
            id=self.id,
            transaction_id=paid.id,
            fan_id=paid.user.id if paid.user else None,
            kind=kind_of(self.payment_type, plain(paid.description)),
            gross=Cents(abs(paid.amount)),
            net=Cents(abs(paid.net)),
            currency=paid.currency or "USD",
            at=self.created_at,
            raw=raw,
        )


class Payout(Wire):
    amount: Money
    created_at: Utc
    currency: Text = "USD"
    invoice_id: Id | None = None
    state: Text = ""

    def record(self, raw: Raw) -> records.Payout:
        return records.Payout(self.invoice_id, self.amount, self.currency, self.state, self.created_at, raw)


class Balances(Wire):
    payout_available: Money
    payout_pending: Money
    currency: Text = "USD"
    min_payout_summ: Money | None = None

    def record(self, raw: Raw, limits: records.Limits) -> records.Balances:
        return records.Balances(
            self.payout_available, self.payout_pending, self.currency, self.min_payout_summ, limits, raw
        )
