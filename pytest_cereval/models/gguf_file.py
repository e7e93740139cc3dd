"""Turns the first megabytes of one GGUF file into a header, or into a sentence about what is wrong with the
bytes.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Arrays (vocabularies) are hashed, not
kept, which reads a header of 6 MB in about 30 ms.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from pytest_cereval.errors import ModelError

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_SCALARS = {
    kind: struct.Struct(f"<{code}")
    for kind, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}
_STRING, _ARRAY = 8, 9

# Name, elements per block, bytes per block, from ggml's type table. A type that is missing here costs one
# thing only: the end of its last tensor is not checked.
_TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip

Scalar: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class GgufArray:
    """What is kept of an array: the GGUF type number of its items, how many, and the sha256 of its bytes."""

    item_type: int
    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says about itself.

    `tensor_types` counts tensors by type, which shows mixed quantisations that `general.file_type` hides;
    `data_end` is the size in bytes that the file must at least have; `parts` are all files of a split
    model, in order.
    """

    path: Path
    version: int
    metadata: dict[str, Scalar | GgufArray]
    tensor_types: dict[str, int]
    data_end: int
    file_size: int
    parts: tuple[Path, ...]

    @property
    def total_size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.stat().st_size for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """The metadata for the record, as JSON builtins. Long texts such as the chat template as their
        digest.
        """
        metadata: dict[str, Any] = {}
        for key, value in self.metadata.items():
            if isinstance(value, GgufArray):
                metadata[key] = {"item_type": value.item_type, "count": value.count, "sha256": value.sha256}
            elif isinstance(value, str) and len(value) > 400:
                metadata[key] = {"length": len(value), "sha256": hashlib.sha256(value.encode()).hexdigest()}
            elif isinstance(value, float) and not math.isfinite(value):
                metadata[key] = str(value)
            else:
                metadata[key] = value
        return {"version": self.version, "metadata": metadata, "tensor_types": dict(self.tensor_types)}


def read_file(path: Path) -> GgufHeader:
    """Read the header of this one file; raises `ModelError` whatever else its bytes are."""
    if path.is_dir():
        found = sorted(entry.name for entry in path.glob("*.gguf"))[:5]
        hint = f"give one of its files: {', '.join(found)}" if found else "give a .gguf file"
        raise ModelError(f"{path} is a directory, not a model file", next_step=hint)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size == 0:
                raise ModelError(f"{path} is empty", next_step="download it again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _HeaderReader(path, data, size).read()
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}", next_step="check the path in --cereval-model") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", next_step="check its permissions") from error


class _HeaderReader:
    """Walks one header; whatever the bytes are, it ends with a header or a `ModelError`."""

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self._path, self._data, self._size, self._at = path, data, size, 0

    def read(self) -> GgufHeader:
        magic = self._data[:4]
        if magic != b"GGUF":
            raise ModelError(
                f"{self._path} is not a GGUF file: it starts with {magic!r} instead of b'GGUF'",
                next_step="give a .gguf file; other formats have to be converted with llama.cpp first",
            )
        self._at = 4
        version = self._u32()
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            what = f"big-endian GGUF version {swapped}" if swapped in (2, 3) else f"GGUF version {version}"
            raise ModelError(f"{self._path} is {what}; versions 2 and 3 can be read", next_step="convert it again")
        n_tensors, n_metadata = self._u64(), self._u64()
        metadata: dict[str, Scalar | GgufArray] = {}
        for _ in range(n_metadata):
            key = self._text()
            metadata[key] = self._value(self._u32())
        types, data_end = self._tensors(n_tensors, metadata.get("general.alignment", 32))
        if data_end > self._size:
            self._truncated(data_end)
        return GgufHeader(self._path, version, metadata, types, data_end, self._size, (self._path,))

    def _tensors(self, count: int, alignment: object) -> tuple[dict[str, int], int]:
        if not isinstance(alignment, int) or alignment <= 0:
            self._damaged(f"the alignment is {alignment!r}")
        types: dict[str, int] = {}
        last = 0
        for _ in range(count):
            self._text()
            dimensions = [self._u64() for _ in range(self._bounded(self._u32(), 8, "dimensions"))]
            kind, offset = self._u32(), self._u64()
            name, block, block_bytes = _TENSOR_TYPES.get(kind, (f"type_{kind}", 1, 0))
            types[name] = types.get(name, 0) + 1
            last = max(last, offset + math.prod(dimensions) // block * block_bytes)
        start = -(-self._at // alignment) * alignment
        return types, start + last if types else self._at

    def _value(self, kind: int) -> Scalar | GgufArray:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array()
        scalar: Scalar = self._unpack(_SCALARS[kind] if kind in _SCALARS else self._damaged(f"value type {kind}"))
        return scalar

    def _array(self) -> GgufArray:
        item_type, count = self._u32(), self._u64()
        start = self._at
        if item_type == _STRING:
            if count * _U64.size > self._size - self._at:
                self._truncated(self._at + count * _U64.size)
            for _ in range(count):
                self._skip(self._u64())
        elif item_type in _SCALARS:
            self._skip(count * _SCALARS[item_type].size)
        else:
            self._damaged(f"an array of type {item_type}")
        digest = hashlib.sha256(memoryview(self._data)[start : self._at]).hexdigest()
        return GgufArray(item_type, count, digest)

    def _text(self) -> str:
        length = self._u64()
        start = self._at
        self._skip(length)
        return self._data[start : self._at].decode(errors="replace")

    def _u32(self) -> int:
        return int(self._unpack(_U32))

    def _u64(self) -> int:
        return int(self._unpack(_U64))

    def _unpack(self, form: struct.Struct) -> Any:
        start = self._at
        self._skip(form.size)
        return form.unpack_from(self._data, start)[0]

    def _skip(self, count: int) -> None:
        if count > self._size - self._at:
            self._truncated(self._at + count)
        self._at += count

    def _bounded(self, value: int, limit: int, what: str) -> int:
        if value > limit:
            self._damaged(f"{value} {what}")
        return value

    def _truncated(self, expected: int) -> NoReturn:
        raise ModelError(
            f"{self._path} is cut off: it has {self._size:,} bytes and needs at least {expected:,}",
            next_step="download it again and compare its sha256",
        )

    def _damaged(self, detail: str) -> NoReturn:
        raise ModelError(
            f"{self._path} is damaged: byte {self._at:,} of its header speaks of {detail}",
            next_step="download it again and compare its sha256",
        )
