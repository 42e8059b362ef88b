"""The tree's hashes are RFC 6962's, every proof of every size proves what it says, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.integrity import tree

# The inputs and roots that the implementations of certificate transparency test themselves with.
INPUTS = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
MOST = 70


class Kept:
    """Nodes in a dict, filled a few leaves at a time."""

    def __init__(self, leaves: Sequence[bytes], steps: Sequence[int] = (1,)) -> None:
        self.known: dict[tuple[int, int], bytes] = {}
        at = n = 0
        while at < len(leaves):
            step = steps[n % len(steps)]
            for level, index, found in tree.completed(at, leaves[at : at + step], self):
                assert self.known.setdefault((level, index), found) == found
            at, n = at + step, n + 1

    def __call__(self, level: int, index: int) -> bytes:
        return self.known[level, index]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + mth(leaves[:split]) + mth(leaves[split:])).digest()


LEAVES = [tree.leaf_hash(str(n).encode()) for n in range(MOST)]
NODES = Kept(LEAVES)


def test_known_roots() -> None:
    """Those that everybody's implementation gives."""
    leaves = [tree.leaf_hash(i) for i in INPUTS]
    for size, expected in ROOTS.items():
        assert tree.root(size, Kept(leaves)).hex() == expected


@pytest.mark.parametrize("size", range(MOST))
def test_the_root_of_every_size(size: int) -> None:
    """However far the log has grown since."""
    assert tree.root(size, NODES) == mth(LEAVES[:size])


@given(st.lists(st.integers(1, 19), min_size=1, max_size=6))
def test_it_does_not_matter_in_what_batches_leaves_come(steps: list[int]) -> None:
    """The same nodes, one leaf at a time or many."""
    assert Kept(LEAVES, steps).known == NODES.known


@given(st.integers(1, MOST).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))), st.data())
def test_a_leaf_is_proven_at_its_place_and_nowhere_else(at: tuple[int, int], data: st.DataObject) -> None:
    """Another leaf, place, size, root or path is refused."""
    index, size = at
    path = tree.inclusion(index, size, NODES)
    root = tree.root(size, NODES)
    assert len(path) <= (size - 1).bit_length()
    tree.verify_inclusion(index, size, LEAVES[index], path, root)
    wrong = data.draw(st.sampled_from(["leaf", "place", "root", "longer", "shorter", "hash"]))
    other = tree.leaf_hash(b"other")
    leaf, where, expected = LEAVES[index], index, root
    if wrong == "leaf":
        leaf = other
    elif wrong == "place":
        where = data.draw(st.integers(-1, size + 1).filter(lambda n: n != index))
    elif wrong == "root":
        expected = other
    elif wrong == "longer":
        path = [*path, other]
    elif not path:
        return
    elif wrong == "shorter":
        path = path[:-1]
    else:
        n = data.draw(st.integers(0, len(path) - 1))
        path = [*path[:n], other, *path[n + 1 :]]
    with pytest.raises(tree.ProofError):
        tree.verify_inclusion(where, size, leaf, path, expected)


@pytest.mark.parametrize("size", range(MOST))
def test_every_earlier_tree_is_the_beginning(size: int) -> None:
    """And its proof is logarithmic."""
    new = tree.root(size, NODES)
    for old in range(size + 1):
        proof = tree.consistency(old, size, NODES)
        assert len(proof) <= 2 * max(1, size).bit_length()
        tree.verify_consistency(old, size, tree.root(old, NODES), new, proof)


@given(st.integers(1, MOST - 1).flatmap(lambda old: st.tuples(st.just(old), st.integers(old + 1, MOST))), st.data())
def test_a_rewritten_beginning_is_not_the_beginning(sizes: tuple[int, int], data: st.DataObject) -> None:
    """A changed leaf among the first, a wrong root or a damaged proof is refused."""
    old, size = sizes
    proof = tree.consistency(old, size, NODES)
    roots = [tree.root(old, NODES), tree.root(size, NODES)]
    wrong = data.draw(st.sampled_from(["rewritten", "old", "new", "shorter", "longer", "hash"]))
    other = tree.leaf_hash(b"other")
    if wrong == "rewritten":
        n = data.draw(st.integers(0, old - 1))
        changed = Kept([*LEAVES[:n], other, *LEAVES[n + 1 :]])
        proof, roots[1] = tree.consistency(old, size, changed), tree.root(size, changed)
    elif wrong in ("old", "new"):
        roots[wrong == "new"] = other
    elif wrong == "longer":
        proof = [*proof, other]
    elif wrong == "shorter":
        proof = proof[:-1]
    else:
        n = data.draw(st.integers(0, len(proof) - 1))
        proof = [*proof[:n], other, *proof[n + 1 :]]
    with pytest.raises(tree.ProofError):
        tree.verify_consistency(old, size, *roots, proof)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    """A leaf behind the end, a tree larger than the log."""
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(index, size, NODES)
    with pytest.raises(ValueError, match="no tree"):
        tree.consistency(6, 5, NODES)
