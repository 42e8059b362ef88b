"""Where the tree is kept (树的存放): the hashes of the perfect subtrees in rows of 256, and the commit position of every leaf.

A row holds the hashes of one level beside each other, so a million leaves are some 8,000 rows instead of two million: an append of a batch
touches a few of them, a proof reads at most two a level. The tree can be thrown away and made again from the log; what must not be lost
are the signed checkpoints, which stand in the log and outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from shared.eventlog.integrity import tree

WIDE = 256  # hashes in a row
BYTES = 32

metadata = sa.MetaData()
rows = sa.Table(
    "tree_rows",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)
places = sa.Table(
    "tree_places",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("positions", sa.LargeBinary, nullable=False),  # WIDE commit positions of eight bytes
)
_ROW = sa.select(rows.c.hashes).where(rows.c.level == sa.bindparam("level"), rows.c.number == sa.bindparam("number"))


class MissingNode(Exception):
    """A hash that should be kept is not there: the kept tree is not whole."""


# What reading a kept tree may raise when its store was damaged; the last two: a column that holds something else than bytes.
DAMAGED = (MissingNode, sa.exc.SQLAlchemyError, TypeError, ValueError)


class Nodes:
    """The kept tree, read and appended to through one connection. Not for two threads."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._read: dict[tuple[int, int], bytearray] = {}
        self._changed: set[tuple[int, int]] = set()
        self._places: dict[int, bytes] = {}

    @staticmethod
    def create(engine: sa.Engine) -> None:
        """Make the tables."""
        metadata.create_all(engine)

    def __call__(self, level: int, index: int) -> bytes:
        row, at = self._row(level, index // WIDE), index % WIDE * BYTES
        found = bytes(row[at : at + BYTES])
        if len(found) < BYTES:
            raise MissingNode(f"level {level}, index {index}")
        return found

    @property
    def size(self) -> int:
        """How many leaves there are."""
        last = self._connection.execute(sa.select(places.c.number, places.c.positions).order_by(places.c.number.desc()).limit(1)).first()
        return 0 if last is None else last.number * WIDE + len(last.positions) // 8

    def position(self, index: int) -> int:
        """The commit position of a leaf's event."""
        found, at = self._placed(index // WIDE), index % WIDE * 8
        if len(found) < at + 8:
            raise MissingNode(f"place {index}")
        return int.from_bytes(found[at : at + 8], "big")

    def index_of(self, position: int, size: int | None = None) -> int | None:
        """The leaf whose event has this commit position, among the first ``size``; None if there is none. A binary search, for positions
        ascend."""
        size = self.size if size is None else size
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            if self.position(middle) < position:
                low = middle + 1
            else:
                high = middle
        return low if low < size and self.position(low) == position else None

    def amiss(self) -> Iterator[tuple[int, int]]:
        """(level, index) of every kept hash that is not the hash of the two below it, or is missing; read row by row. Whether the leaves
        are the events' is for whoever has the events."""
        count, level = self.size // 2, 1
        while count:
            for number in range(-(-count // WIDE)):
                below = self._stored(level - 1, 2 * number).ljust(WIDE * BYTES, b"\0") + self._stored(level - 1, 2 * number + 1)
                row = self._stored(level, number)
                for at in range(min(WIDE, count - number * WIDE)):
                    left, right = (below[n * BYTES : (n + 1) * BYTES] for n in (2 * at, 2 * at + 1))
                    if row[at * BYTES : (at + 1) * BYTES] != tree.node_hash(left, right):
                        yield level, number * WIDE + at
            count, level = count // 2, level + 1

    def append(self, leaves: Sequence[bytes], positions: Sequence[int]) -> int:
        """Add leaves with their positions behind the last; answers the new size. Call ``flush`` before the transaction ends."""
        size = self.size
        for level, index, found in tree.completed(size, leaves, self):
            row = self._row(level, index // WIDE)
            at = index % WIDE * BYTES
            if at > len(row):
                raise MissingNode(f"level {level}, before index {index}")
            row[at : at + BYTES] = found
            self._changed.add((level, index // WIDE))
        self._place(size, positions)
        return size + len(leaves)

    def flush(self) -> None:
        """Write what has changed."""
        for level, number in sorted(self._changed):
            self._put(rows, {"level": level, "number": number}, {"hashes": bytes(self._read[level, number])})
        self._changed.clear()

    def _place(self, size: int, positions: Sequence[int]) -> None:
        at = 0
        while at < len(positions):
            number, there = divmod(size + at, WIDE)
            part = positions[at : at + WIDE - there]
            more = b"".join(p.to_bytes(8, "big") for p in part)
            self._places[number] = self._placed(number)[: there * 8] + more
            self._put(places, {"number": number}, {"positions": self._places[number]})
            at += len(part)

    def _placed(self, number: int) -> bytes:
        found = self._places.get(number)
        if found is None:
            read = self._connection.execute(sa.select(places.c.positions).where(places.c.number == number)).scalar()
            found = self._places[number] = bytes(read or b"")
        return found

    def _row(self, level: int, number: int) -> bytearray:
        row = self._read.get((level, number))
        if row is None:
            row = self._read[level, number] = bytearray(self._stored(level, number))
        return row

    def _stored(self, level: int, number: int) -> bytes:
        return bytes(self._connection.execute(_ROW, {"level": level, "number": number}).scalar() or b"")

    def _put(self, table: sa.Table, key: dict[str, int], values: dict[str, bytes]) -> None:
        where = sa.and_(*(table.c[name] == value for name, value in key.items()))
        if self._connection.execute(table.update().where(where).values(values)).rowcount == 0:
            self._connection.execute(table.insert().values({**key, **values}))
