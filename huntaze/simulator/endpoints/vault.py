"""The vault: photos and videos. Uploads are counted and hashed, not kept."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

from aiohttp import BodyPartReader, web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, endpoint
from huntaze.simulator.world import Media

LARGEST = 100 * 2**20


@endpoint("vault")
def list_media(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    wanted = call.query.get("type")
    items = [item for item in reversed(call.account.media) if not wanted or item.type == wanted]
    page = [shapes.media(call.account, item) for item in items[offset : offset + limit]]
    return {"data": {"list": page, "hasMore": offset + limit < len(items)}}


@endpoint("upload", buffered=False)
async def upload(call: Call) -> Json:
    """multipart/form-data with a `file`, or a `file_url`."""
    if not call.request.content_type.startswith("multipart/"):
        raise Refusal(422, "The file or the file_url is required.")
    fields: dict[str, Any] = {}
    try:
        async for part in await call.request.multipart():
            if not isinstance(part, BodyPartReader):
                raise Refusal(422, "Parts must not be nested.")
            fields[part.name or ""] = await (_measure(part) if part.name == "file" else part.text())
    except (ValueError, asyncio.IncompleteReadError):
        raise Refusal(422, "The body is no multipart form.") from None
    item = fields.get("file")
    if item is None:
        if not fields.get("file_url"):
            raise Refusal(422, "The file or the file_url is required.")
        item = Media(0, "photo", 0, name=str(fields["file_url"]).rpartition("/")[2], size=1)
    account = call.account
    item.id, item.created = account.media[-1].id + 1, account.clock.now()
    account.media.append(item)
    shown = shapes.media(account, item)
    if fields.get("async") == "true":
        done = {"prefixed_id": f"ofapi_media_{item.id}", "status": "completed", "media": shown, "credits_used": 1}
        call.simulator.webhooks.emit("media_uploads.completed", account.id, done)
        url = call.request.url.origin() / f"api/{account.id}/media/uploads/ofapi_media_{item.id}/status"
        return {"data": {"prefixed_id": done["prefixed_id"], "status": "pending", "polling_url": str(url)}}
    return {"data": shown}


@endpoint("upload_status")
def upload_status(call: Call) -> Json:
    """Has no `data` around it."""
    number = call.params["upload"].removeprefix("ofapi_media_")
    item = next((item for item in call.account.media if str(item.id) == number), None)
    if item is None:
        raise Refusal(404, "Upload not found")
    shown = shapes.media(call.account, item)
    if not shown["isReady"]:
        return {"prefixed_id": call.params["upload"], "status": "processing"}
    return {"prefixed_id": call.params["upload"], "status": "completed", "media": shown, "credits_used": 1}


async def _measure(part: BodyPartReader) -> Media:
    size, digest = 0, sha256()
    while chunk := await part.read_chunk(64 * 1024):
        size += len(chunk)
        digest.update(chunk)
        if size > LARGEST:
            raise Refusal(413, "A file may have 100 MB.")
    if not size:
        raise Refusal(422, "The file is empty.")
    kind = part.headers.get("Content-Type", "").partition("/")[0]
    type_ = {"image": "photo", "video": "video", "audio": "audio"}.get(kind, "photo")
    return Media(0, type_, 0, name=part.filename or "", size=size, sha256=digest.hexdigest())


ROUTES = [
    web.get("/api/{account}/media/vault", list_media),
    web.post("/api/{account}/media/vault", upload),
    web.get("/api/{account}/media/uploads/{upload}/status", upload_status),
]
