"""What holds for all tests.

eventlet says on import that it is deprecated (docs/adr/0005 says why we use it all the same), once, so it is heard here
and no more. nameko's pytest plugin asks to be run under its own command, which patches everything: that is what we avoid.
"""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import eventlet  # noqa: F401


def pytest_configure(config: pytest.Config) -> None:
    config.option.suppress_eventlet_notification = True
