# SPDX-License-Identifier: Apache-2.0
"""What S3's checksum algorithms make of bytes, by other means than the server's."""
import ctypes
import hashlib
import zlib


def crc(polynomial, bits, data):
    """A reflected CRC, bit by bit: slow and plainly right."""
    value = mask = (1 << bits) - 1
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return ((value ^ mask) & mask).to_bytes(bits // 8, "big")


class Wide(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


LIBRARY = ctypes.CDLL("libxxhash.so.0")
LIBRARY.XXH64.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
for function, result in (LIBRARY.XXH64, ctypes.c_uint64), (LIBRARY.XXH3_64bits, ctypes.c_uint64), (LIBRARY.XXH3_128bits, Wide):
    function.restype = result


def xxh128(data):
    wide = LIBRARY.XXH3_128bits(data, ctypes.c_size_t(len(data)))
    return (wide.high << 64 | wide.low).to_bytes(16, "big")


DIGESTS = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crc(0x82F63B78, 32, data),
    "CRC64NVME": lambda data: crc(0x9A6C9329AC4BC9B5, 64, data),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "MD5": lambda data: hashlib.md5(data).digest(),
    "XXHASH64": lambda data: LIBRARY.XXH64(data, len(data), 0).to_bytes(8, "big"),
    "XXHASH3": lambda data: LIBRARY.XXH3_64bits(data, ctypes.c_size_t(len(data))).to_bytes(8, "big"),
    "XXHASH128": xxh128,
}
