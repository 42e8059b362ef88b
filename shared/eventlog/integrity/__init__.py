"""Proof that the log is what it was (完整性): a Merkle tree over its events in order, and proofs that a stranger can check.

Read in this order: ``tree`` (hashing and proofs, no storage), ``leaf`` (what of an event is hashed), ``nodes`` (where the tree is kept).
"""
