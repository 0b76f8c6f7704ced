"""Uploaded pictures: what is kept is our own WebP without metadata; what is hostile is refused with a reason."""

from __future__ import annotations

import resource
import struct
import zlib
from collections.abc import Callable

import pytest
import pyvips

from huntaze.services.errors import Invalid
from huntaze.services.pictures import LARGEST, MOST_PIXELS, SIZE, portrait
from tests.factories import PNG

CANARY = b"GPS canary 48.8584 2.2945"


def _photo(width: int = 640, height: int = 480) -> pyvips.Image:
    red = pyvips.Image.black(width, height, bands=3).linear(1, [200, 30, 30])
    return red.cast("uchar").copy(interpretation="srgb").draw_rect([30, 30, 200], 0, 0, width // 2, height, fill=True)


def _with_metadata() -> bytes:
    image = _photo().copy()
    for name in ("exif-data", "xmp-data", "iptc-data"):
        image.set_type(pyvips.GValue.blob_type, name, (b"Exif\0\0" if name == "exif-data" else b"") + CANARY)
    bare = image.jpegsave_buffer(keep="xmp")
    comment = b"\xff\xfe" + struct.pack(">H", len(CANARY) + 2) + CANARY
    return bare[:2] + comment + bare[2:]


def _turned() -> bytes:
    image = _photo().copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)  # the camera was held upright
    return image.jpegsave_buffer()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, pixels: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + body + _chunk(b"IEND", b"")


def _jpeg_of(width: int, height: int) -> bytes:
    """A small photo whose header claims another size."""
    data = bytearray(_photo(64, 64).jpegsave_buffer())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><script>alert(1)</script></svg>'

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "missing"),
    "one byte": (lambda: b"\xff", "not_a_picture"),
    "text": (lambda: b"hello", "not_a_picture"),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "not_a_picture"),
    "svg": (lambda: SVG, "not_a_picture"),
    "svg behind blanks": (lambda: b"\xef\xbb\xbf   \n<?xml version='1.0'?>" + SVG, "not_a_picture"),
    "svg, zipped": (lambda: zlib.compress(SVG), "not_a_picture"),
    "pdf": (lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj", "not_a_picture"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", "not_a_picture"),
    "tiff": (lambda: _photo(8, 8).tiffsave_buffer(), "not_a_picture"),
    "zip": (lambda: b"PK\x03\x04" + b"\0" * 100, "not_a_picture"),
    "windows program": (lambda: b"MZ" + b"\0" * 200, "not_a_picture"),
    "mvg of magick": (lambda: b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'url(x)'", "not_a_picture"),
    "riff that is a sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt ", "not_a_picture"),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "not_a_picture"),
    "too large": (lambda: b"\xff\xd8\xff" + b"\0" * LARGEST, "picture_too_large"),
    "bomb": (lambda: _png(60_000, 60_000), "too_many_pixels"),
    "bomb, just above": (lambda: _png(MOST_PIXELS // 1000 + 1, 1000), "too_many_pixels"),
    "bomb of a jpeg": (lambda: _jpeg_of(65_500, 65_500), "too_many_pixels"),
    "no pixels": (lambda: _png(0, 0), "damaged_picture"),
    "negative size": (lambda: _png(2**31 + 5, 2), "damaged_picture"),
    "magic alone, png": (lambda: b"\x89PNG\r\n\x1a\n", "damaged_picture"),
    "magic alone, jpeg": (lambda: b"\xff\xd8\xff", "damaged_picture"),
    "magic alone, gif": (lambda: b"GIF89a", "damaged_picture"),
    "magic alone, webp": (lambda: b"RIFF\x04\0\0\0WEBP", "damaged_picture"),
    "png that promises more": (lambda: _png(500, 500, b"\0" * 10), "damaged_picture"),
    "truncated jpeg": (lambda: _photo().jpegsave_buffer()[:2000], "damaged_picture"),
    "truncated png": (lambda: _photo().pngsave_buffer()[:300], "damaged_picture"),
    "wrong checksum": (lambda: _png(8, 8, b"\0" * 200).replace(b"IDAT", b"IDAX"), "damaged_picture"),
    "svg named jpeg": (lambda: b"\xff\xd8\xff" + SVG, "damaged_picture"),
    "gif of noise": (lambda: b"GIF89a\x10\0\x10\0\x80\0\0" + bytes(range(256)), "damaged_picture"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused(name: str) -> None:
    make, kind = HOSTILE[name]
    with pytest.raises(Invalid) as caught:
        portrait(make())
    assert [problem.kind for problem in caught.value.errors["picture"]] == [kind]


@pytest.mark.parametrize(
    "make",
    [
        lambda: _photo().jpegsave_buffer(),
        lambda: _photo().jpegsave_buffer(interlace=True),
        lambda: _photo().colourspace("b-w").jpegsave_buffer(),
        lambda: _photo().colourspace("cmyk").jpegsave_buffer(),
        lambda: _photo().pngsave_buffer(),
        lambda: _photo().cast("ushort").pngsave_buffer(bitdepth=16),
        lambda: _photo().bandjoin(128).pngsave_buffer(),
        lambda: _photo().webpsave_buffer(lossless=True),
        lambda: _photo().gifsave_buffer(),
        lambda: _photo(1, 4000).pngsave_buffer(),
        lambda: PNG,
    ],
)
def test_what_is_taken_is_a_square_webp(make: Callable[[], bytes]) -> None:
    kept = pyvips.Image.webpload_buffer(portrait(make()))
    assert (kept.width, kept.height) == (SIZE, SIZE)


def test_nothing_but_pixels_is_left() -> None:
    source = _with_metadata()
    assert source.count(CANARY) >= 2
    kept = portrait(source)
    assert b"canary" not in kept
    assert not [chunk for chunk in (b"EXIF", b"XMP ", b"ICCP") if chunk in kept]


def test_it_is_the_right_way_up() -> None:
    kept = pyvips.Image.webpload_buffer(portrait(_turned()))
    above, below = kept(SIZE // 2, 10), kept(SIZE // 2, SIZE - 10)
    assert above[2] > above[0], "blue, which was on the left, is above"
    assert below[0] > below[2]


def test_the_largest_that_is_taken_stays_small() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = portrait(_photo(6000, 5000).pngsave_buffer(compression=1))
    assert len(kept) < 20_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024, "KB"
