"""Every route: who may call it, and a body that it accepts. A route that is missing here fails test_routes.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.models.base import Base, Tenant
from huntaze.models.conversation import DeliveryState
from huntaze.models.platform_account import Health, Platform
from huntaze.models.user import Membership, Role
from huntaze.services.platform_policies import POLICIES
from tests.factories import (
    PASSWORD,
    PNG,
    ApiTokenFactory,
    AttemptFactory,
    ConversationFactory,
    DomainEventFactory,
    DraftFactory,
    ImportChunkFactory,
    ImportFactory,
    ImportRowFactory,
    InvitationFactory,
    LaneFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    NotificationFactory,
    OutgoingFactory,
    PasskeyFactory,
    PayoutFactory,
    PeriodFactory,
    PictureFactory,
    PlatformAccountFactory,
    PlatformCheckFactory,
    SavedReplyFactory,
    SignInFactory,
    SubscriberFactory,
    SyncStateFactory,
    TagFactory,
    TaggedFactory,
    TrackingLinkFactory,
    TransactionFactory,
    VaultItemFactory,
    WebhookDeliveryFactory,
    WebhookRefusalFactory,
    session,
)

ANYONE = None
MEMBER = Role.VIEWER


@dataclass(frozen=True)
class Route:
    """needed: the least role, or ANYONE. files: (name, content) by field."""

    method: str
    needed: Role | None
    body: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def is_safe(self) -> bool:
        return self.method == "GET"


_NEW_FAN = {"username": "new.fan"}
_DRAFT = {"text": "Hello", "price": "5", "media": "7"}
_REPLY = {"text": "Hello", "key": "{key}"}
_WORKSPACE = {"name": "New Name", "currency": "USD", "time_zone": "Europe/Paris"}
_LOGIN = {"email": "nobody@huntaze.test", "password": "a wrong password"}

ROUTES = {
    "auth.login": Route("GET", ANYONE),
    "auth.sign_in": Route("POST", ANYONE, _LOGIN),
    "auth.register": Route("GET", ANYONE),
    "auth.create_account": Route("POST", ANYONE, _LOGIN),
    "auth.registration_sent": Route("GET", ANYONE),
    "auth.registration": Route("GET", ANYONE),
    "auth.open_account": Route("POST", ANYONE, {"token": "none", "password": PASSWORD}),
    "auth.logout": Route("POST", ANYONE),
    "auth.confirm": Route("GET", MEMBER),
    "auth.confirm_password": Route("POST", MEMBER, {"password": PASSWORD}),
    "second_factor.index": Route("GET", MEMBER),
    "second_factor.new_app": Route("GET", MEMBER),
    "second_factor.add_app": Route("POST", MEMBER, {"code": "000000"}),
    "second_factor.remove_app": Route("POST", MEMBER),
    "second_factor.renew_codes": Route("POST", MEMBER),
    "second_factor.code": Route("GET", ANYONE),
    "second_factor.check_code": Route("POST", ANYONE, {"code": "000000"}),
    "passkeys.new": Route("GET", MEMBER),
    "passkeys.add": Route("POST", MEMBER, {"name": "Phone"}),
    "passkeys.show": Route("GET", MEMBER),
    "passkeys.rename": Route("POST", MEMBER, {"name": "Phone"}),
    "passkeys.remove": Route("POST", MEMBER),
    "passkeys.challenge": Route("POST", ANYONE),
    "passkeys.sign_in": Route("POST", ANYONE),
    "passkeys.confirm": Route("POST", MEMBER),
    "password.forgot": Route("GET", ANYONE),
    "password.ask": Route("POST", ANYONE, {"email": "nobody@huntaze.test"}),
    "password.sent": Route("GET", ANYONE),
    "password.link": Route("GET", ANYONE),
    "password.reset": Route("POST", ANYONE, {"token": "none", "password": PASSWORD}),
    "email.link": Route("GET", ANYONE),
    "email.confirm": Route("POST", ANYONE, {"token": "none"}),
    "account.security": Route("GET", MEMBER),
    "account.sign_out_device": Route("POST", MEMBER),
    "account.sign_out_others": Route("POST", MEMBER),
    "account.password": Route("GET", MEMBER),
    "account.change_password": Route("POST", MEMBER, {"current": PASSWORD, "password": PASSWORD}),
    "account.email": Route("GET", MEMBER),
    "account.change_email": Route("POST", MEMBER, {"email": "new-{subscriber_id}@huntaze.test"}),
    "account.send_link": Route("POST", MEMBER),
    "dashboard.home": Route("GET", MEMBER),
    "dashboard.index": Route("GET", MEMBER),
    "dashboard.activity": Route("GET", MEMBER),
    "dashboard.events": Route("GET", MEMBER),
    "onlyfans.subscribers": Route("GET", MEMBER),
    "onlyfans.new_subscriber": Route("GET", Role.MANAGER),
    "onlyfans.create_subscriber": Route("POST", Role.MANAGER, _NEW_FAN),
    "onlyfans.subscriber": Route("GET", MEMBER),
    "onlyfans.subscriber_transactions": Route("GET", MEMBER),
    "onlyfans.edit_subscriber": Route("GET", Role.MANAGER),
    "onlyfans.update_subscriber": Route("POST", Role.MANAGER, {"display_name": "New"}),
    "onlyfans.archive_subscriber": Route("POST", Role.MANAGER),
    "onlyfans.restore_subscriber": Route("POST", Role.MANAGER),
    "onlyfans.subscriber_data": Route("GET", Role.MANAGER),
    "onlyfans.subscriber_json": Route("POST", Role.MANAGER),
    "onlyfans.subscriber_html": Route("POST", Role.MANAGER),
    "onlyfans.erase_subscriber": Route("POST", Role.MANAGER, {"username": "fan-{subscriber_id}"}),
    "onlyfans.imports": Route("GET", Role.MANAGER),
    "onlyfans.upload_import": Route("POST", Role.MANAGER, files={"file": ("fans.csv", b"username\nnew.fan\n")}),
    "onlyfans.subscriber_import": Route("GET", Role.MANAGER),
    "onlyfans.import_events": Route("GET", Role.MANAGER),
    "onlyfans.map_import": Route("POST", Role.MANAGER, {"field-0": "username"}),
    "onlyfans.run_import": Route("POST", Role.MANAGER),
    "onlyfans.remove_import": Route("POST", Role.MANAGER),
    "onlyfans.import_undo": Route("GET", Role.MANAGER),
    "onlyfans.undo_import": Route("POST", Role.MANAGER),
    "onlyfans.refused_rows": Route("GET", Role.MANAGER),
    "onlyfans.export_subscribers": Route("GET", Role.MANAGER),
    "onlyfans.download_subscribers": Route("POST", Role.MANAGER),
    "onlyfans.subscriber_notes": Route("GET", MEMBER),
    "onlyfans.add_note": Route("POST", Role.CHATTER, {"body": "Likes blue."}),
    "onlyfans.remove_note": Route("POST", Role.CHATTER),
    "onlyfans.add_tag": Route("POST", Role.CHATTER, {"name": "kind"}),
    "onlyfans.remove_tag": Route("POST", Role.CHATTER),
    "chatbot.conversations": Route("GET", MEMBER),
    "chatbot.inbox_events": Route("GET", MEMBER),
    "chatbot.begin_conversation": Route("POST", Role.CHATTER, {"subscriber_id": "{subscriber_id}"}),
    "chatbot.conversation": Route("GET", MEMBER),
    "chatbot.conversation_events": Route("GET", MEMBER),
    "chatbot.conversation_with": Route("GET", MEMBER),
    "chatbot.about": Route("GET", MEMBER),
    "chatbot.conversation_replies": Route("GET", Role.CHATTER),
    "chatbot.conversation_media": Route("GET", Role.CHATTER),
    "chatbot.read_conversation": Route("POST", Role.CHATTER, {"message_id": "1"}),
    "chatbot.pin_conversation": Route("POST", Role.CHATTER),
    "chatbot.unpin_conversation": Route("POST", Role.CHATTER),
    "chatbot.snooze_conversation": Route("POST", Role.CHATTER, {"hours": "3"}),
    "chatbot.wake_conversation": Route("POST", Role.CHATTER),
    "chatbot.close_conversation": Route("POST", Role.CHATTER),
    "chatbot.reopen_conversation": Route("POST", Role.CHATTER),
    "chatbot.assign_conversation": Route("POST", Role.CHATTER, {"user_id": ""}),
    "chatbot.keep_draft": Route("POST", Role.CHATTER, _DRAFT),
    "chatbot.insert_reply": Route("POST", Role.CHATTER, _DRAFT),
    "chatbot.send_message": Route("POST", Role.CHATTER, _REPLY),
    "chatbot.record_message": Route("POST", Role.CHATTER, _REPLY),
    "chatbot.unsend_message": Route("POST", Role.CHATTER),
    "chatbot.replies": Route("GET", MEMBER),
    "chatbot.new_reply": Route("GET", Role.CHATTER),
    "chatbot.add_reply": Route("POST", Role.CHATTER, {"name": "Thank {subscriber_id}", "body": "Thank you, {name}!"}),
    "chatbot.edit_reply": Route("GET", Role.CHATTER),
    "chatbot.change_reply": Route("POST", Role.CHATTER, {"name": "Thanks {subscriber_id}", "body": "Thank you!"}),
    "chatbot.remove_reply": Route("POST", Role.CHATTER),
    "onlyfans.messages": Route("GET", MEMBER),
    "onlyfans.message_events": Route("GET", MEMBER),
    "onlyfans.message_lanes": Route("GET", MEMBER),
    "onlyfans.message": Route("GET", MEMBER),
    "onlyfans.cancel_message": Route("POST", Role.CHATTER),
    "onlyfans.message_went_out": Route("POST", Role.CHATTER),
    "onlyfans.send_message_again": Route("POST", Role.CHATTER),
    "onlyfans.drop_message": Route("POST", Role.CHATTER),
    "onlyfans.lane": Route("GET", Role.MANAGER),
    "onlyfans.pause_lane": Route("POST", Role.MANAGER),
    "onlyfans.resume_lane": Route("POST", Role.MANAGER),
    "onlyfans.cancel_lane": Route("POST", Role.MANAGER, {"which": "all"}),
    "onlyfans.stop_lane": Route("POST", Role.MANAGER, {"at": "23:30"}),
    "notifications.index": Route("GET", MEMBER),
    "notifications.mark_read": Route("POST", MEMBER),
    "settings.index": Route("GET", MEMBER),
    "settings.appearance": Route("POST", ANYONE, {"theme": "dark"}),
    "settings.language": Route("POST", ANYONE, {"locale": "fr"}),
    "settings.switch_workspace": Route("POST", MEMBER, {"workspace_id": "1"}),
    "settings.profile": Route("GET", MEMBER),
    "settings.change_profile": Route("POST", MEMBER, {"name": "New Name", "time_zone": "Paris", "locale": "en"}),
    "settings.change_picture": Route("POST", MEMBER, {}, {"picture": ("me.png", PNG)}),
    "settings.remove_picture": Route("POST", MEMBER),
    "settings.workspace": Route("GET", Role.OWNER),
    "settings.change_workspace": Route("POST", Role.OWNER, _WORKSPACE),
    "settings.team": Route("GET", Role.MANAGER),
    "settings.member": Route("GET", Role.MANAGER),
    "settings.change_role": Route("POST", Role.OWNER, {"role": "manager"}),
    "settings.remove_member": Route("POST", Role.OWNER),
    "settings.leaving": Route("GET", MEMBER),
    "settings.leave": Route("POST", MEMBER),
    "settings.picture": Route("GET", MEMBER),
    "settings.invitations": Route("GET", Role.MANAGER),
    "settings.new_invitation": Route("GET", Role.OWNER),
    "settings.invite": Route("POST", Role.OWNER, {"email": "invited@huntaze.test", "role": "viewer"}),
    "settings.resend_invitation": Route("POST", Role.OWNER),
    "settings.revoke_invitation": Route("POST", Role.OWNER),
    "settings.tokens": Route("GET", MEMBER),
    "settings.new_token": Route("GET", MEMBER),
    "settings.create_token": Route("POST", MEMBER, {"name": "a script", "scope": "read"}),
    "settings.revoke_token": Route("POST", MEMBER),
    "settings.audit": Route("GET", Role.OWNER),
    "settings.platforms": Route("GET", Role.MANAGER),
    "settings.new_platform": Route("GET", Role.OWNER),
    "settings.check_platform": Route("POST", Role.OWNER, {"key": "a key"}),
    "settings.platform_check": Route("GET", Role.OWNER),
    "settings.platform_check_events": Route("GET", Role.OWNER),
    "settings.connect_platform": Route("POST", Role.OWNER, {"external_id": "acct-{subscriber_id}"}),
    "settings.platform": Route("GET", Role.MANAGER),
    "settings.platform_events": Route("GET", Role.MANAGER),
    "settings.test_platform": Route("POST", Role.OWNER),
    "settings.sync_platform": Route("POST", Role.OWNER),
    "settings.accept_platform_policy": Route("POST", Role.OWNER, {"version": "onlyfans-1"}),
    "settings.platform_key": Route("GET", Role.OWNER),
    "settings.replace_platform_key": Route("POST", Role.OWNER, {"key": "a key"}),
    "settings.platform_webhook": Route("GET", Role.OWNER),
    "settings.renew_platform_webhook": Route("POST", Role.OWNER),
    "settings.disconnecting_platform": Route("GET", Role.OWNER),
    "settings.disconnect_platform": Route("POST", Role.OWNER),
    "join.invitation": Route("GET", ANYONE),
    "join.accept": Route("POST", ANYONE),
    "join.register": Route("POST", ANYONE),
    "settings.data": Route("GET", Role.OWNER),
    "settings.export_workspace": Route("POST", Role.OWNER),
    "settings.delete_workspace": Route("POST", Role.OWNER, {"name": "Studio"}),
    "settings.keep_workspace": Route("POST", Role.OWNER),
    "webhooks.onlyfans": Route("POST", ANYONE),
    "health.healthz": Route("GET", ANYONE),
    "install.manifest": Route("GET", ANYONE),
    "install.worker": Route("GET", ANYONE),
    "install.offline": Route("GET", ANYONE),
    "api.list_subscribers": Route("GET", MEMBER),
    "api.add_subscriber": Route("POST", Role.MANAGER, _NEW_FAN),
    "api.get_subscriber": Route("GET", MEMBER),
    "api.change_subscriber": Route("PATCH", Role.MANAGER, {"display_name": "New"}),
    "api.archive_subscriber": Route("DELETE", Role.MANAGER),
    "api.send_message": Route("POST", Role.CHATTER, {"subscriber_id": "{subscriber_id}", "text": "Hello"}),
    "api.get_delivery_status": Route("GET", MEMBER),
    "api.get_profile": Route("GET", MEMBER),
    "api.put_profile": Route("PUT", MEMBER, {"name": "New Name"}),
    "api.get_settings": Route("GET", MEMBER),
    "api.put_settings": Route("PUT", Role.OWNER, _WORKSPACE),
    "api.list_conversations": Route("GET", MEMBER),
    "api.begin_conversation": Route("POST", Role.CHATTER, {"subscriber_id": "{subscriber_id}"}),
    "api.list_messages": Route("GET", MEMBER),
    "api.reply_to_fan": Route("POST", Role.CHATTER, _REPLY),
    "api.get_overview": Route("GET", MEMBER),
    "api.openapi": Route("GET", ANYONE),
    "dev.kit": Route("GET", ANYONE),
    "dev.mail": Route("GET", ANYONE),
}

NEEDS_MORE = {"auth.sign_in", "auth.create_account", "second_factor.add_app", "passkeys.add"}
"""No body that stands here is good enough: a right password or code, a device's signature."""

SIGNED = {"webhooks.onlyfans"}
"""No session opens these: to whoever has no signature of the platform, they are not there."""

PUBLIC = {name for name, route in ROUTES.items() if route.needed is ANYONE}
TENANTS = sorted(mapper.class_.__tablename__ for mapper in Base.registry.mappers if issubclass(mapper.class_, Tenant))
"""The tables whose rows belong to a workspace."""

PERSONAL = {"sign_in_id", "passkey_id"}
"""Ids of what belongs to one person: a teammate does not find it either."""

UNSAFE = {name for name, route in ROUTES.items() if not route.is_safe}


def call(
    app: Flask,
    browser: FlaskClient,
    endpoint: str,
    ids: Mapping[str, int],
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> TestResponse:
    """Calls a route with a body that it accepts (and `more` beside), and with those of the ids that it takes."""
    route = ROUTES[endpoint]
    rule = next(app.url_map.iter_rules(endpoint))
    path = app.url_map.bind("localhost").build(endpoint, {name: ids[name] for name in rule.arguments})
    fan = str(ids.get("subscriber_id"))
    key = str(UUID(int=ids.get("subscriber_id", 0)))
    typed = {name: value.replace("{subscriber_id}", fan).replace("{key}", key) for name, value in route.body.items()}
    files = {name: (BytesIO(content), filename) for name, (filename, content) in route.files.items()}
    form = {**(more or {}), **typed}
    content = {"json": form} if endpoint.startswith("api.") else {"data": {**form, **files}}
    body = content if route.method != "GET" else {}
    return browser.open(path, method=route.method, headers=dict(headers or {}), **body)


def belongings(member: Membership) -> dict[str, int]:
    """A row of each kind in the member's workspace; returns their ids by the names that routes give them."""
    fan = SubscriberFactory(workspace_id=member.workspace_id)
    fan.username = f"fan-{fan.id}"
    session.commit()
    tag = TagFactory(workspace_id=member.workspace_id)
    TaggedFactory(subscriber=fan, tag=tag)
    note = NoteFactory(subscriber=fan, author_id=member.user_id)
    TransactionFactory(subscriber=fan)
    account = PlatformAccountFactory(
        workspace_id=member.workspace_id,
        policy_version=POLICIES[Platform.ONLYFANS].version,
        policy_accepted_at=datetime.now(UTC),
    )
    fan.account_id, fan.platform_id = account.id, str(fan.id)
    session.commit()
    for factory in (SyncStateFactory, WebhookDeliveryFactory, PayoutFactory, VaultItemFactory, TrackingLinkFactory):
        factory(account=account)
    WebhookRefusalFactory(account=account)
    PeriodFactory(subscriber=fan)
    DomainEventFactory(subscriber=fan)
    chat = ConversationFactory(account=account, subscriber_id=fan.id)
    MessageFactory(conversation=chat)
    outgoing = OutgoingFactory(conversation=chat, state=DeliveryState.UNKNOWN)
    AttemptFactory(message=outgoing)
    DraftFactory(conversation=chat, user_id=member.user_id)
    LaneFactory(account=account)
    NotificationFactory(member=member)
    token = ApiTokenFactory(member=member)
    invitation = InvitationFactory(workspace_id=member.workspace_id)
    colleague = MemberFactory(workspace_id=member.workspace_id, role=Role.VIEWER)
    PictureFactory(user_id=colleague.user_id)
    file = ImportFactory(workspace_id=member.workspace_id, author_id=member.user_id)
    ImportChunkFactory(file=file)
    ImportRowFactory(file=file, subscriber=fan)
    # One to be connected again: a walk of the routes would make more new ones than a workspace may have.
    former = {"external_id": f"acct-{fan.id}", "workspace_id": member.workspace_id}
    PlatformAccountFactory(**former, key_sealed=None, health=Health.DISCONNECTED)
    return {
        "subscriber_id": fan.id,
        "tag_id": tag.id,
        "note_id": note.id,
        "conversation_id": chat.id,
        "message_id": outgoing.id,
        "reply_id": SavedReplyFactory(workspace_id=member.workspace_id).id,
        "token_id": token.id,
        "invitation_id": invitation.id,
        "user_id": colleague.user_id,
        "token": 0,
        "account_id": account.id,
        "check_id": PlatformCheckFactory(**former).id,
        "import_id": file.id,
        "passkey_id": PasskeyFactory(user_id=member.user_id).id,
        "sign_in_id": SignInFactory(member=member).id,
    }


def digest(owner: Session, workspace_id: int) -> dict[str, str]:
    """A fingerprint of all rows of a workspace, by table."""
    keys = {**dict.fromkeys(TENANTS, "workspace_id"), "workspaces": "id"}
    all_rows = "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} t WHERE {} = :id"
    return {
        table: owner.scalar(text(all_rows.format(table, key)), {"id": workspace_id}) for table, key in keys.items()
    }
