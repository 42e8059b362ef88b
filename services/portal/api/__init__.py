"""api."""

from __future__ import annotations

from flask import Flask

from services.portal.web.portal import Portal


def install(app: Flask, portal: Portal) -> None:
    """Nothing yet."""
