"""Who may see how the house runs, and who may act (运行岗位): what the operators' pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint

from services.portal.web import words
from services.portal.web.identity import who, with_permission
from services.portal.web.portal import here as portal
from shared.domain import division as divisions
from shared.operations import PERMISSION

F = TypeVar("F", bound=Callable[..., Any])
pages = Blueprint("ops", __name__, url_prefix="/ops", template_folder="templates")
READ = "operations:read"


def operating(view: F) -> F:
    """A page for whoever may see how the house runs: it runs for the whole district."""
    return with_permission(READ)(view)


def may_act() -> bool:
    """Whether to offer giving back and discarding: of the whole house, so not to a town's hand."""
    return who().may(PERMISSION) and divisions.covers(who().hand.division, portal().profile.division_code)


def service_name(service: str) -> str:
    return words.SERVICES.get(service, service)
