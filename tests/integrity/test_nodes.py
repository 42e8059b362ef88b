"""The kept tree gives the same hashes as the one in memory, over transactions and restarts, and says when it is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import Settings
from shared.eventlog.integrity import nodes, tree
from shared.eventlog.integrity.nodes import MissingNode, Nodes
from shared.eventlog.stores import engine_for
from tests.integrity.test_tree import Kept

LEAVES = [tree.leaf_hash(str(n).encode()) for n in range(700)]
POSITIONS = [n * 7 + 3 for n in range(700)]
KNOWN = Kept(LEAVES, (256,))


def grown(engine: sa.Engine, size: int, step: int) -> None:
    """Append up to ``size``, each batch in a transaction and an object of its own, as after a restart."""
    at = 0
    while at < size:
        last = min(size, at + step)
        with engine.execution_options(writes=True).begin() as tx:
            kept = Nodes(tx)
            assert kept.append(LEAVES[at:last], POSITIONS[at:last]) == last
            kept.flush()
        at = last


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    made = engine_for(Settings(var=tmp_path), "integrity")
    Nodes.create(made)
    return made


@settings(max_examples=12)
@given(st.integers(1, 700), st.integers(1, 300))
def test_roots_and_proofs_are_those_of_the_tree(tmp_path_factory: pytest.TempPathFactory, size: int, step: int) -> None:
    """Whatever the batches, of every size that there was."""
    made = engine_for(Settings(var=tmp_path_factory.mktemp("tree")), "integrity")
    Nodes.create(made)
    grown(made, size, max(step, size // 8))
    with made.connect() as connection:
        kept = Nodes(connection)
        assert kept.size == size
        for old in {1, size // 3, size - 1, size} - {0}:
            assert tree.root(old, kept) == tree.root(old, KNOWN)
            assert tree.consistency(old, size, kept) == tree.consistency(old, size, KNOWN)
            assert tree.inclusion(old - 1, size, kept) == tree.inclusion(old - 1, size, KNOWN)
    made.dispose()


def test_a_leaf_is_found_by_its_events_position(engine: sa.Engine) -> None:
    """And a position between two events is nobody's."""
    grown(engine, 600, 250)
    with engine.connect() as connection:
        kept = Nodes(connection)
        for index in (0, 1, 255, 256, 599):
            assert kept.position(index) == POSITIONS[index]
            assert kept.index_of(POSITIONS[index]) == index
        assert kept.index_of(POSITIONS[5] + 1) is None
        assert kept.index_of(POSITIONS[600]) is None


def test_what_is_not_there_is_said_to_be_missing(engine: sa.Engine) -> None:
    """A row lost from the table is no hash of zeros."""
    grown(engine, 600, 600)
    with engine.execution_options(writes=True).begin() as tx:
        tx.execute(nodes.rows.delete().where(nodes.rows.c.level == 0, nodes.rows.c.number == 1))
    with engine.connect() as connection:
        kept = Nodes(connection)
        with pytest.raises(MissingNode, match="level 0, index 300"):
            tree.inclusion(301, 600, kept)
        with pytest.raises(MissingNode, match="place 600"):
            kept.position(600)


def test_a_batch_that_was_not_committed_never_was(engine: sa.Engine) -> None:
    """The next one begins where the tree ends."""
    grown(engine, 300, 300)
    with engine.execution_options(writes=True).connect() as connection:
        kept = Nodes(connection)
        kept.append(LEAVES[300:400], POSITIONS[300:400])
        kept.flush()
        connection.rollback()
    grown_to = 310
    with engine.execution_options(writes=True).begin() as tx:
        kept = Nodes(tx)
        assert kept.append(LEAVES[300:grown_to], POSITIONS[300:grown_to]) == grown_to
        kept.flush()
    with engine.connect() as connection:
        assert tree.root(grown_to, Nodes(connection)) == tree.root(grown_to, KNOWN)
