"""Imports eventlet without its notice of retirement (docs/adr/0005 says why it is used all the same). Import this before nameko."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import eventlet

__all__ = ["eventlet"]
