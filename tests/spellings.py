"""Whether a text stands anywhere in some files, in any spelling that a writer of ours or somebody's tool would give it: for canaries."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def spellings(text: str) -> list[bytes]:
    """In every encoding, plain, in base64 at each of its three offsets, and in hexadecimal; escaped as JSON, HTML, an address, a mail or a
    Python literal would."""
    found: list[bytes] = []
    for encoding in ENCODINGS:
        with suppress(UnicodeEncodeError):  # a character that Big5 does not have
            plain = text.encode(encoding)
            url = (base64.b64encode, base64.urlsafe_b64encode)
            shifted = (encode(b"\0" * n + plain)[4 if n else 0 : -4] for encode in url for n in range(3))
            found += [plain, *(s for s in shifted if len(s) > 8), plain.hex().encode(), plain.hex().upper().encode()]
    escaped = json.dumps(text)[1:-1]
    octets = text.encode()
    ways = [escaped, escaped.upper().replace("\\U", "\\u"), "".join(f"&#{ord(c)};" for c in text), "".join(f"&#x{ord(c):x};" for c in text)]
    ways += [quote(text), quote(text).lower(), "".join(f"={b:02X}" for b in octets), repr(octets)[2:-1]]
    return list(dict.fromkeys([*found, *(way.encode() for way in ways)]))


def everything(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file, of a house that may go on working; what is packed is unpacked as well."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield from unpacked(str(path), path.read_bytes())


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and what is in it if it is an archive."""
    yield name, content
    if content[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error):
            yield f"{name}!gzip", gzip.decompress(content)
    if content[:4] == b"PK\x03\x04":
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            for part in archive.namelist():
                yield f"{name}!{part}", archive.read(part)


def where(texts: Iterable[str], files: Iterable[tuple[str, bytes]]) -> list[str]:
    """The files in which any of the texts stands; the text itself is not told."""
    wanted = [(n, spelled) for n, text in enumerate(texts) for spelled in spellings(text)]
    return [f"{name}: {n}" for name, content in files for n, spelled in wanted if spelled in content]
