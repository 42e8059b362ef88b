"""A Merkle tree as in RFC 6962 (默克尔树): hashes, inclusion proofs (含于证明), consistency proofs (一致性证明).

Pure: a tree is whatever gives the hash of a perfect subtree by (level, index), level 0 being the leaves; ``nodes.py`` keeps them. Every
proof asks for at most some 2·log2(size) of them. The proofs are RFC 6962's own (section 2.1), so any verifier of certificate
transparency checks them; ``verify_inclusion`` and ``verify_consistency`` follow RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Nodes = Callable[[int, int], bytes]  # (level, index) → hash of the perfect subtree over leaves [index·2^level, (index+1)·2^level)
EMPTY = hashlib.sha256().digest()


class ProofError(Exception):
    """A proof that does not prove what it should; says which hash differs."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def completed(size: int, leaves: Sequence[bytes], nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """(level, index, hash) of every perfect subtree that is whole once these leaf hashes stand behind the first ``size``."""
    row = list(enumerate(leaves, size))
    level = 0
    while row:
        yield from ((level, index, found) for index, found in row)
        if row[0][0] % 2:  # its left neighbour was there before
            row.insert(0, (row[0][0] - 1, nodes(level, row[0][0] - 1)))
        row = [(index // 2, node_hash(left, row[n + 1][1])) for n, (index, left) in enumerate(row[:-1]) if index % 2 == 0]
        level += 1


def _perfect(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees that leaves [first, last) fall into, left to right; ``first`` begins one at least as large as all of them."""
    at = first
    while at < last:
        level = (last - at).bit_length() - 1
        yield level, at >> level
        at += 1 << level


def _range(first: int, last: int, nodes: Nodes) -> bytes:
    """MTH of leaves [first, last): RFC 6962 splits at the largest power of two, so the hash is folded from the right."""
    hashes = [nodes(level, index) for level, index in _perfect(first, last)]
    found = hashes.pop()
    while hashes:
        found = node_hash(hashes.pop(), found)
    return found


def root(size: int, nodes: Nodes) -> bytes:
    """The hash of the tree of the first ``size`` leaves."""
    return _range(0, size, nodes) if size else EMPTY


def _split(count: int) -> int:
    """The largest power of two smaller than ``count``."""
    return 1 << (count - 1).bit_length() - 1


def inclusion(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]): the hashes that lead from a leaf to the root, from below."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    found: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            found.append(_range(middle, last, nodes))
            last = middle
        else:
            found.append(_range(first, middle, nodes))
            first = middle
    return found[::-1]


def consistency(old: int, size: int, nodes: Nodes) -> list[bytes]:
    """PROOF(old, D[size]): the hashes that show the tree of ``old`` leaves to be the beginning of that of ``size``."""
    if not 0 <= old <= size:
        raise ValueError(f"no tree of {old} in one of {size}")
    if old in (0, size):
        return []
    found: list[bytes] = []
    first, last, whole = 0, size, True
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            found.append(_range(middle, last, nodes))
            last = middle
        else:
            found.append(_range(first, middle, nodes))
            first, whole = middle, False
    if not whole:
        found.append(_range(first, last, nodes))
    return found[::-1]


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to; ProofError when it is not a path of that length."""
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    at, last, found = index, size - 1, leaf
    for beside in path:
        if last == 0:
            raise ProofError("the path is too long")
        if at % 2 or at == last:
            found = node_hash(beside, found)
            at, last = _up(at, last)
        else:
            found = node_hash(found, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the path is too short")
    return found


def _up(at: int, last: int) -> tuple[int, int]:
    """A node without a right neighbour stands for its parent as it is."""
    while at and at % 2 == 0:
        at, last = at >> 1, last >> 1
    return at, last


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], expected: bytes) -> None:
    """Raise ProofError unless the leaf is at that place of the tree with that root."""
    if root_by_inclusion(index, size, leaf, path) != expected:
        raise ProofError("the path leads to another root")


def verify_consistency(old: int, size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless the smaller tree is the beginning of the larger one."""
    if not 0 <= old <= size:
        raise ProofError(f"no tree of {old} in one of {size}")
    if old in (0, size):
        if proof or old_root != (new_root if old else EMPTY):
            raise ProofError("one size, two roots" if old else "what is empty begins everything, without proof")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)  # a perfect tree is its own first hash
    if not path:
        raise ProofError("the proof is too short")
    at, last = old - 1, size - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for beside in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if at % 2 or at == last:
            first, second = node_hash(beside, first), node_hash(beside, second)
            at, last = _up(at, last)
        else:
            second = node_hash(second, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    if first != old_root:
        raise ProofError("the proof leads to another old root")
    if second != new_root:
        raise ProofError("the proof leads to another new root")
