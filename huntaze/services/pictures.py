"""Uploaded pictures of people: read with care, and written anew without anything but the pixels."""

from __future__ import annotations

import logging

from huntaze.services.errors import Invalid, Problem

LARGEST = 5 * 1024 * 1024
"""Bytes of an uploaded file."""
MOST_PIXELS = 30_000_000
"""A phone's photo has 12 to 24 million. A small file can unfold into far more."""
SIZE = 256
"""Pixels a side of what is kept."""

# The file's own first bytes say what it is, neither its name nor what the browser claims. What is not among these
# (SVG, PDF, TIFF ...) never meets a decoder.
LOADERS = {b"\xff\xd8\xff": "jpegload_buffer", b"\x89PNG\r\n\x1a\n": "pngload_buffer", b"GIF8": "gifload_buffer"}


def portrait(file: bytes) -> bytes:
    """A square WebP of it, the right way up, without metadata.

    Raises Invalid for `picture`: too large, no picture of a kind that we read, too many pixels, damaged.
    """
    # Here and not above: with libvips a process takes 20 MB more, and hardly any needs it.
    import pyvips

    if not file:
        raise _refused("missing")
    if len(file) > LARGEST:
        raise _refused("picture_too_large", most=LARGEST // 1024**2)
    loader = next((name for magic, name in LOADERS.items() if file.startswith(magic)), None)
    if file[:4] == b"RIFF" and file[8:12] == b"WEBP":
        loader = "webpload_buffer"
    if loader is None:
        raise _refused("not_a_picture")
    pyvips.block_untrusted_set(True)
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # a damaged file has a warning for each of its lines
    try:
        load = getattr(pyvips.Image, loader)
        head = load(file)  # the header alone
        if head.width * head.height > MOST_PIXELS:
            raise _refused("too_many_pixels", most=MOST_PIXELS // 10**6)
        # A JPEG can be read at an eighth of its size; an eighth of the memory, too.
        eighth = {"shrink": 8} if loader == "jpegload_buffer" and min(head.width, head.height) >= 16 * SIZE else {}
        whole = load(file, access="sequential", fail_on="truncated", **eighth)
        small = whole.thumbnail_image(SIZE, height=SIZE, crop="centre", no_rotate=True, output_profile="srgb")
        small = small.copy_memory().autorot()  # a square is cut out of the middle, so turning it can wait
        webp: bytes = small.webpsave_buffer(Q=75, keep="none")
        bare = set(pyvips.Image.webpload_buffer(webp).get_fields())
    except pyvips.Error:
        raise _refused("damaged_picture") from None
    if any(field.startswith(("exif", "xmp", "iptc", "icc", "orientation")) for field in bare):
        raise RuntimeError("metadata was left in a picture")
    return webp


def _refused(kind: str, **detail: int) -> Invalid:
    return Invalid({"picture": [Problem(kind, detail)]})
