"""The business rules. A service is built with a session and, where it serves a workspace, with that workspace."""
