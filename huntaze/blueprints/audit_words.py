"""What the audit log says of each action, and where its subject is found. A test wants words for every action."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from huntaze.models.audit import Action

WORDS = {
    Action.EMAIL_CHANGED: _("E-mail changed"),
    Action.IMPORT_UNDONE: _("Import undone"),
    Action.INVITATION_RESENT: _("Invitation sent again"),
    Action.INVITATION_REVOKED: _("Invitation revoked"),
    Action.INVITATION_SENT: _("Invitation sent"),
    Action.MEMBER_JOINED: _("Member joined"),
    Action.MEMBER_LEFT: _("Member left"),
    Action.MEMBER_REMOVED: _("Member removed"),
    Action.PASSKEY_ADDED: _("Passkey added"),
    Action.PASSKEY_REMOVED: _("Passkey removed"),
    Action.PASSWORD_CHANGED: _("Password changed"),
    Action.PASSWORD_RESET: _("Password set anew by a mailed link"),
    Action.RECOVERY_CODES_RENEWED: _("Recovery codes renewed"),
    Action.ROLE_CHANGED: _("Role changed"),
    Action.SECOND_FACTOR_OFF: _("Second factor turned off"),
    Action.SECOND_FACTOR_ON: _("Second factor turned on"),
    Action.SUBSCRIBER_ERASED: _("Fan erased"),
    Action.SUBSCRIBER_EXPORTED: _("Fan’s data handed over"),
    Action.SUBSCRIBER_READMITTED: _("Erased fan added again"),
    Action.SUBSCRIBERS_EXPORTED: _("Fans exported"),
    Action.SUBSCRIBERS_IMPORTED: _("Fans imported"),
    Action.TOKEN_CREATED: _("API token created"),
    Action.TOKEN_REVOKED: _("API token revoked"),
    Action.WORKSPACE_CHANGED: _("Workspace settings changed"),
    Action.WORKSPACE_DELETION_ASKED: _("Deletion of the workspace asked for"),
    Action.WORKSPACE_EXPORTED: _("Workspace exported"),
    Action.WORKSPACE_KEPT: _("Deletion of the workspace taken back"),
    Action.PLATFORM_CONNECTED: _("Platform account connected"),
    Action.PLATFORM_KEY_REPLACED: _("API key of a platform account replaced"),
    Action.PLATFORM_WEBHOOK_RENEWED: _("Webhook of a platform account renewed"),
    Action.PLATFORM_POLICY_ACCEPTED: _("Platform rules accepted"),
    Action.PLATFORM_DISCONNECTED: _("Platform account disconnected"),
    Action.PLATFORM_ERASED: _("Data of a platform account erased"),
}

LINKS = {
    "fan": ("onlyfans.subscriber", "subscriber_id"),
    "member": ("settings.member", "user_id"),
    "platform": ("settings.platform", "account_id"),
}
"""By the subject, as an action begins: the page of the thing and what that page calls its id."""
