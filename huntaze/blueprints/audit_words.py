"""What the audit log says of each action, and where its subject is found. A test wants words for every action."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from huntaze.models.audit import Action

WORDS = {
    Action.INVITATION_RESENT: _("Invitation sent again"),
    Action.INVITATION_REVOKED: _("Invitation revoked"),
    Action.INVITATION_SENT: _("Invitation sent"),
    Action.MEMBER_JOINED: _("Member joined"),
    Action.MEMBER_LEFT: _("Member left"),
    Action.MEMBER_REMOVED: _("Member removed"),
    Action.ROLE_CHANGED: _("Role changed"),
    Action.TOKEN_CREATED: _("API token created"),
    Action.TOKEN_REVOKED: _("API token revoked"),
    Action.WORKSPACE_CHANGED: _("Workspace settings changed"),
}

LINKS = {
    "fan": ("onlyfans.subscriber", "subscriber_id"),
    "member": ("settings.member", "user_id"),
}
"""By the subject, as an action begins: the page of the thing and what that page calls its id."""
