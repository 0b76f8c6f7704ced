"""How gunicorn serves Huntaze: `gunicorn` in this folder, as `huntaze up` does."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()  # before anything is imported that it would miss

import gc  # noqa: E402
import os  # noqa: E402

host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"

wsgi_app = "huntaze.wsgi:app"
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "gevent"  # an open stream costs a greenlet and not a process
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
preload_app = True  # two processes: 131 MB in all and not 202 (PSS)
keepalive = 75  # seconds: on mobile data a new connection costs most of a second
timeout = 60
graceful_timeout = 3  # seconds that an open request has when we stop
forwarded_allow_ips = ""  # only TRUSTED_PROXIES decides whose X-Forwarded-* counts
loglevel = "warning"
control_socket_disable = True


def when_ready(server: object) -> None:
    """Before the first fork: what is loaded by now stays shared, since the collector won't touch it."""
    gc.collect()
    gc.freeze()
