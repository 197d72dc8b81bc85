"""HDF5 files, and NetCDF-4 files, which are HDF5: datasets that are read a hyperslab at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from distnn.data.tables.files import DataFile, open_file
from distnn.data.tables.npz import ROLES
from distnn.data.tables.parts import PartsSource, check_shape, column_names
from distnn.data.tables.source import listed
from distnn.errors import UserError, missing_package
from distnn.parallel.ranks import Ranks

ENDINGS = (".h5", ".hdf5", ".hdf", ".he5", ".nc", ".nc4")
AHEAD = 1 << 22  # bytes read at a time, at least: a chunk that is compressed is not to be decompressed for each block


@dataclass(frozen=True)
class Meaning:
    """What NetCDF's attributes say of stored values: value = stored · scale + offset, unless it is missing.

    gaps: stored values that stand for none (_FillValue, missing_value). low, high: of stored values (valid_range).
    """

    gaps: tuple[Any, ...] = ()
    low: Any = None
    high: Any = None
    scale: float | None = None
    offset: float | None = None

    @staticmethod
    def of(attributes: Any) -> Meaning:
        def values(name: str) -> list[Any]:
            return list(np.ravel(attributes[name])) if name in attributes else []

        low, high = (values("valid_range") or [None, None])[:2]
        low, high = ((values(name) or [bound])[0] for name, bound in (("valid_min", low), ("valid_max", high)))
        scale, offset = ((values(name) or [None])[0] for name in ("scale_factor", "add_offset"))
        gaps = [gap for name in ("_FillValue", "missing_value") for gap in values(name)]
        return Meaning(
            tuple(gaps), low, high, None if scale is None else float(scale), None if offset is None else float(offset)
        )

    @property
    def packed(self) -> bool:
        """Do values differ from what is stored?"""
        return self.scale is not None or self.offset is not None

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """The values; masked where they are missing."""
        missing = np.zeros(stored.shape, bool)
        for gap in self.gaps:
            missing |= np.isnan(stored) if stored.dtype.kind == "f" and gap != gap else stored == gap
        if self.low is not None:
            missing |= stored < self.low
        if self.high is not None:
            missing |= stored > self.high
        values = stored
        if self.packed:
            values = stored * np.float64(1 if self.scale is None else self.scale) + (self.offset or 0.0)
        return np.ma.masked_array(values, missing) if missing.any() else values


class Dataset:
    """A dataset of one or two dimensions; a `Part`. What was read last is kept, for the rows that follow."""

    words = False

    def __init__(
        self, file: DataFile, opened: Any, name: str, columns: tuple[str, ...] | None = None, field: str | None = None
    ):
        self._file, self.name, self._field = file, name, field
        data = opened[name]
        what = f"{file.path}:{name}" + (f", field {field}" if field else "")
        self.n, width = check_shape(data.shape, what)
        self._meaning = Meaning.of(data.attrs)
        stored = data.dtype if field is None else data.dtype[field]
        self._words = stored.kind in "SO"
        if stored.kind not in "biufSO" or (stored.kind == "O" and not _is_text(stored)):
            raise UserError(f"{what} holds the type {stored}; it must hold real numbers or words.")
        self.dtype = np.dtype("U1") if self._words else np.dtype(np.float64) if self._meaning.packed else stored
        self.columns = columns if columns and len(columns) == width else tuple(map(str, range(width)))
        row = max(1, stored.itemsize * width)
        chunk = data.chunks[0] if data.chunks else 1
        self._step = max(chunk, AHEAD // row // chunk * chunk)
        self._ahead: tuple[int, np.ndarray] = (0, np.empty((0, width), stored))

    def rows(self, start: int, stop: int) -> np.ndarray:
        parts, row = [], start
        with self._file.open(), damaged(self._file.path):
            while row < stop:
                first, values = self._ahead
                if not first <= row < first + len(values):
                    first = row // self._step * self._step
                    values = self._stored(first, min(first + self._step, self.n))
                    self._ahead = first, values
                parts.append(values[row - first : stop - first])
                row += len(parts[-1])
        return self._meaning.apply(np.concatenate(parts)) if not self._words else np.concatenate(parts)

    def _stored(self, start: int, stop: int) -> np.ndarray:
        import h5py

        with h5py.File(self._file.path, "r", locking=False) as opened:
            values = opened[self.name][start:stop]
        if self._field is not None:
            values = values[self._field]
        if self._words:
            decoded = [word.decode() if isinstance(word, bytes) else word for word in values.ravel()]
            values = np.array(decoded, str).reshape(values.shape)
        return values if values.ndim == 2 else values[:, None]


class HDFSource(PartsSource):
    """Datasets side by side."""

    def __init__(self, path: str, n: int, parts: Sequence[Dataset], targets: Sequence[int], notes: tuple[str, ...]):
        super().__init__(path, n, parts, targets, named=any(not name.isdigit() for p in parts for name in p.columns))
        self.notes = notes

    def default_weights(self) -> int | None:
        return super().default_weights() if self._targets and max(self._targets) < len(self.columns) - 1 else None


def split_path(path: str) -> tuple[str, list[str]]:
    """The file, and the datasets or the group that are named after a colon: table.h5:/group/X,/group/Y. Local."""
    for ending in ENDINGS:
        at = path.lower().rfind(f"{ending}:")
        if at >= 0:
            return path[: at + len(ending)], [name for name in path[at + len(ending) + 1 :].split(",") if name]
    return path, []


def open_hdf5(path: str, ranks: Ranks, *, header: bool | None = None) -> HDFSource:
    """The table in an HDF5 or NetCDF-4 file. Collective; UserError on all ranks. header: for text tables only.

    path: of a file, or with a colon and what is meant in it: a dataset that is a table; X and Y as two datasets; three
    or more, each of them a column; or a group, that has datasets X, Y and weights, as .npz files have them, or
    one-dimensional ones, each of them a column.
    """
    name, inside = split_path(path)
    file = open_file(name, ranks)
    with ranks.sharing_errors():
        try:
            import h5py
        except ImportError as error:
            raise missing_package("h5py", "hdf5", "An HDF5 or NetCDF-4 file") from error
        with file.open() as stream:
            if stream.read(3) == b"CDF":
                raise UserError(f"{name} is NetCDF-3; make it NetCDF-4: nccopy -k nc4 {name} new.nc.")
        with file.open(), damaged(name), h5py.File(name, "r", locking=False) as opened:
            return _choose(path, file, opened, inside or ["/"])


def _choose(path: str, file: DataFile, opened: Any, names: list[str]) -> HDFSource:
    """What is meant, as parts of a table."""
    for name in names:
        if name not in opened:
            raise UserError(f"{file.path} has no {name}; it holds {listed(_datasets(opened))}.")
    groups = [name for name in names if not hasattr(opened[name], "shape")]
    if groups and len(names) > 1:
        raise UserError(f"{path} names {len(names)} things; name a group, or datasets: one, X and Y, or the columns.")
    if len(names) > 2:
        parts = [Dataset(file, opened, name, (PurePosixPath(name).name,)) for name in names]
        return _source(path, parts, [len(parts) - 1], ())
    if not groups and len(names) == 1:
        return _one(path, file, opened, names[0])
    members = {"X": names[0], "Y": names[1]} if not groups else _roles(opened, names[0])
    if not members:
        return _columns(path, file, opened, names[0])
    parts = []
    for role, name in members.items():
        columns = ("weights",) if role == "weights" else column_names(role.lower(), _width(opened[name]))
        parts.append(Dataset(file, opened, name, columns))
    first = len(parts[0].columns)
    targets = range(first, first + len(parts[1].columns)) if "Y" in members else ()
    left = [name for name in _inside(opened, names[0]) if name not in members.values()] if groups else []
    notes = (f"it also holds {listed(left)}: left out",) if left else ()
    return _source(path, parts, targets, notes)


def _one(path: str, file: DataFile, opened: Any, name: str) -> HDFSource:
    """A dataset that is a table by itself: of numbers, or of records."""
    fields = opened[name].dtype.names
    if fields:
        parts = [Dataset(file, opened, name, (field,), field) for field in fields]
        return _source(path, parts, [len(parts) - 1], ())
    parts = [Dataset(file, opened, name)]
    return _source(path, parts, [len(parts[0].columns) - 1], ())


def _roles(opened: Any, group: str) -> dict[str, str]:
    """Datasets of a group that are named X, Y or weights; none if they are columns, or coordinates, of others."""
    inside = _inside(opened, group)
    found: dict[str, str] = {}
    for name, role in ROLES.items():
        path = f"{group.rstrip('/')}/{name}"
        if path in inside and role not in found:
            found[role] = path
    if "X" not in found or (len(found) < len(inside) and len(opened[found["X"]].shape) < 2):
        return {}
    return {role: found[role] for role in ("X", "Y", "weights") if role in found}


def _inside(opened: Any, group: str) -> list[str]:
    """The paths of a group's own datasets."""
    return [f"{group.rstrip('/')}/{name}" for name, item in opened[group].items() if hasattr(item, "shape")]


def _columns(path: str, file: DataFile, opened: Any, group: str) -> HDFSource:
    """One-dimensional datasets of a group, each of them a column; or its only dataset."""
    inside = opened[group]
    names = [name for name in inside if hasattr(inside[name], "shape")]
    if len(names) == 1:
        return _one(path, file, opened, f"{group.rstrip('/')}/{names[0]}")
    flat = [name for name in names if len(inside[name].shape) == 1 and not _is_scale(inside[name])]
    if not flat or any(len(inside[name].shape) > 1 for name in names):
        raise UserError(
            f"{path}: say which dataset is the table, such as {file.path}:{(_datasets(opened) or ['/X'])[0]}; "
            f"or which are its columns, such as {file.path}:/a,/b,/y. It holds {listed(_datasets(opened)) or 'none'}."
        )
    parts = [Dataset(file, opened, f"{group.rstrip('/')}/{name}", (name,)) for name in flat]
    scales = [name for name in names if _is_scale(inside[name])]
    single = [name for name in names if name not in flat and name not in scales]
    notes = (
        *((f"its coordinates ({listed(scales)}) are left out",) if scales else ()),
        *((f"it also holds {listed(single)}, a single value each: left out",) if single else ()),
    )
    return _source(path, parts, [len(parts) - 1], notes)


def _source(path: str, parts: Sequence[Dataset], targets: Sequence[int], notes: tuple[str, ...]) -> HDFSource:
    if len({part.n for part in parts}) > 1:
        rows = ", ".join(f"{part.name} has {part.n}" for part in parts)
        raise UserError(
            f"{path}: all datasets must have the same number of rows, but {rows}. Name those that are meant: "
            f"{split_path(path)[0]}:/a,/b,/y, the last one as the target."
        )
    return HDFSource(path, parts[0].n, parts, targets, notes)


def _width(dataset: Any) -> int:
    return dataset.shape[1] if len(dataset.shape) == 2 else 1


def _datasets(opened: Any) -> list[str]:
    """The names of all datasets."""
    names: list[str] = []
    opened.visititems(lambda name, item: names.append(f"/{name}") if hasattr(item, "shape") else None)
    return names


def _is_scale(dataset: Any) -> bool:
    """Is it what NetCDF calls a coordinate, or only a dimension?"""
    return dataset.attrs.get("CLASS") in (b"DIMENSION_SCALE", "DIMENSION_SCALE")


def _is_text(dtype: np.dtype) -> bool:
    import h5py

    return h5py.check_string_dtype(dtype) is not None


@contextmanager
def damaged(path: str) -> Iterator[None]:
    """UserError for whatever a damaged file makes HDF5 raise."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(f"{path} is damaged or no HDF5 file: {reason}.") from error
