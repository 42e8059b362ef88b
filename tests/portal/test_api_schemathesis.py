"""Schemathesis against the running portal, from its own OpenAPI document: no 5xx, no undocumented status, content as documented,
bad input refused. Two runs with fixed seeds, bounded: random input to every operation, and what the document forbids, one thing at a time,
to every one of assistance and of the registry."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.config import ROOT
from shared.security import tokens
from shared.security.permissions import ROLES
from tests.e2e.conftest import DISTRICT, Bureau

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
    "missing_required_header,unsupported_method,allow_header_conformance,refuses_bad_input"
)


RANDOM = ("--phases", "fuzzing", "-n", "3", "-w", "2")
# One worker: two make Python's parser, which Hypothesis asks about its own sources, trip over itself now and then. What eldercare has
# beside its lists stands on the same doors and forms as assistance.
SYSTEMATIC = ("--phases", "coverage", "-w", "1", "--include-operation-id-regex", "^assistance_|^registry_|^eldercare_list")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("least", "chosen"), [pytest.param(1000, RANDOM, id="random"), pytest.param(20_000, SYSTEMATIC, id="systematic")])
def test_the_portal_answers_as_its_document_says(base: str, bureau: Bureau, tmp_path: Path, least: int, chosen: tuple[str, ...]) -> None:
    """A hand of the district with every role; what Schemathesis finds is in the message."""
    assert bureau.settings.token_private_key is not None
    roles = tuple(r for r in ROLES if not r.startswith(tokens.SERVICE))
    token = tokens.issue(bureau.settings.token_private_key, "staff:schemathesis", roles, DISTRICT)
    run = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{base}/api/openapi.json", "-H", f"Authorization: Bearer {token}",
        "-c", CHECKS, *chosen, "--seed", "20260301", "--generation-database", "none", "--continue-on-failure", "--warnings", "off",
        "--no-color", "--request-timeout", "30",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.portal.refusing"}
    done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=900, check=False)
    told = "\n".join(line[:300] for line in done.stdout.splitlines() if line.strip())[-6000:]
    assert done.returncode == 0, told + done.stderr[-2000:]
    generated = re.search(r"(\d+) generated", told)
    assert generated is not None, told
    assert int(generated.group(1)) > least
