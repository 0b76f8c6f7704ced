"""Talking with fans: the inbox, one conversation, and what a team writes again and again."""

from flask import Blueprint

bp = Blueprint("chatbot", __name__, url_prefix="/chatbot")

from huntaze.blueprints.chatbot import (  # noqa: E402
    conversation_marks,
    conversations,
    events,
    messages,
    replies,
)

__all__ = ["bp", "conversation_marks", "conversations", "events", "messages", "replies"]
