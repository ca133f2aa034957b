# SPDX-License-Identifier: Apache-2.0
"""As much CBOR (RFC 8949) as the scenarios need. A datetime is tag 1 with whole milliseconds, as the SDKs for Java have it."""
import datetime
import struct


def _head(major, value):
    for info, size, limit in ((24, 1, 2 ** 8), (25, 2, 2 ** 16), (26, 4, 2 ** 32), (27, 8, 2 ** 64)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < limit:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def dumps(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(dumps, value))
    if isinstance(value, dict):
        return b"\xbf" + b"".join(dumps(part) for pair in value.items() for part in pair) + b"\xff"
    if isinstance(value, datetime.datetime):
        return b"\xc1" + dumps(int(value.timestamp() * 1000))
    raise TypeError(value)


def _item(data, at):
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if info == 27:
            return struct.unpack(">d", data[at:at + 8])[0], at + 8
        return {20: False, 21: True, 22: None}[info], at
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
    number = int.from_bytes(data[at:at + size], "big") if size else info
    at += size
    if major < 2:
        return (number if major == 0 else -1 - number), at
    if major in (2, 3):
        piece = data[at:at + number]
        return (piece if major == 2 else piece.decode()), at + number
    if major == 6:
        milliseconds, at = _item(data, at)
        assert number == 1 and isinstance(milliseconds, int)
        return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc), at
    parts, wanted = [], None if info == 31 else number * (2 if major == 5 else 1)
    while len(parts) != wanted:
        if wanted is None and data[at] == 0xff:
            at += 1
            break
        part, at = _item(data, at)
        parts.append(part)
    return (parts if major == 4 else dict(zip(parts[::2], parts[1::2]))), at


def loads(data):
    value, end = _item(data, 0)
    assert end == len(data)
    return value
