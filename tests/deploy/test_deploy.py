"""compose.yaml, Procfile and the local runner start the same house. No container engine is needed: the files are read."""
from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.cli.main import COMMANDS
from shared.cli.processes import PROCESSES, SERVICES
from shared.cli.sealing import checking_key, signing_key
from shared.config import ROOT, ConfigError, load
from shared.messaging import definitions
from shared.observing import TOWARDS, _open
from shared.observing import load as seen_as

COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
EXAMPLE = dict(
    line.split("=", 1) for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
)
# compose renders for a broker that we do not start; the local node renders in its own process
INIT_STEPS = {("definitions",)}


def local_commands() -> set[tuple[str, ...]]:
    """Every command the local runner starts, without its options; one projector for all stands for one of each service."""
    commands = {tuple(part for part in p.argv if not part.startswith(("-", "{"))) for p in PROCESSES if p.argv}
    if ("projector",) in commands:
        commands |= {("projector", service) for service in (*SERVICES, "portal")}
    return commands


def test_every_command_compose_starts_is_one_that_the_local_runner_starts() -> None:
    """What is tested on one machine is what runs on many."""
    started = {tuple(part for part in service["command"] if not part.startswith(("-", "/", "0.0.0.0"))) for service in OURS.values()}
    assert started <= local_commands() | INIT_STEPS
    known = {name for group in COMMANDS.values() for name in group}
    assert {command[0] for command in started} <= known


def test_every_local_process_has_its_place_in_compose() -> None:
    """Nothing that runs locally is forgotten: ours by command, the engines by their image."""
    started = {tuple(service["command"]) for service in OURS.values()}
    for declared in PROCESSES:
        if declared.name == "projector":
            assert {("projector", service) for service in (*SERVICES, "portal")} <= started
        elif not declared.instead:
            assert declared.argv in {command[: len(declared.argv)] for command in started}, declared.name
    images = " ".join(service.get("image", "") for service in COMPOSE["services"].values())
    assert all(engine in images for engine in ("rabbitmq:", "eventstore/eventstore:", "postgres:"))


def test_the_procfile_starts_the_same_commands() -> None:
    """The Procfile lists what is ours; the engines are given by environment."""
    lines = [line for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    listed = {name.strip(): tuple(command.split()[1:]) for name, command in (line.split(":", 1) for line in lines)}
    assert listed == {p.name: p.argv for p in PROCESSES if not p.instead}


def test_every_service_has_a_health_check_and_stops_gently() -> None:
    """compose can tell a process that runs from one that works, and gives each time to finish what it has begun."""
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["restart"], name
        assert int(service["stop_grace_period"].removesuffix("s")) >= 30, name


def test_who_needs_whom_is_the_same_as_locally() -> None:
    """A worker waits for the log and the broker in compose as it does under the local runner."""
    engines = {"eventlog": "eventstore", "broker": "rabbitmq"}
    needs = {p.argv[0]: {engines[need] for need in p.needs if need in engines} for p in PROCESSES if p.argv}
    for name, service in OURS.items():
        if (service["command"][0],) not in INIT_STEPS:
            assert needs[service["command"][0]] <= set(service["depends_on"]), name


def test_every_secret_comes_from_the_environment_and_has_no_default() -> None:
    """`${NAME:?}` everywhere: a missing secret stops compose; no value stands in the file."""
    assert set(re.findall(r"\$\{(\w+)(?!\w*:\?\})", COMPOSE_TEXT)) == set(), "each variable must be written ${NAME:?}"
    for name, service in COMPOSE["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|KEY|SECRET", variable) and not str(value).startswith("/run/secrets/"):
                assert re.fullmatch(r"\$\{\w+:\?\}", str(value)), f"{name}: {variable}"
            for password in re.findall(r"//[^:/]+:([^@]*)@", str(value)):
                assert re.fullmatch(r"\$\{\w+:\?\}", password), f"{name}: {variable}"
    assert {re.search(r"\$\{(\w+):\?\}", secret["file"]) is not None for secret in COMPOSE["secrets"].values()} == {True}


def test_the_example_names_every_variable_and_no_more() -> None:
    """.env.example is complete, and .env itself cannot be committed."""
    assert set(EXAMPLE) == set(re.findall(r"\$\{(\w+):\?\}", COMPOSE_TEXT))
    assert ".env" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_settings_of_compose_are_accepted_in_production() -> None:
    """The environment that compose gives our processes is complete: production mode refuses nothing of it."""
    given = {
        key: re.sub(r"\$\{(\w+):\?\}", lambda found: EXAMPLE[found[1]], str(value))
        for key, value in OURS["worker-registry"]["environment"].items()
    }
    settings = load(given)
    assert settings.production
    assert settings.amqp_uri.startswith("amqp://minzheng:")
    assert settings.eventstore_uri
    assert settings.database_url
    assert settings.token_public_key


def test_compose_and_the_local_node_use_one_definitions_file() -> None:
    """compose renders the same template into the volume that the broker loads it from."""
    assert OURS["definitions"]["command"] == ["definitions", "--out", "/definitions/definitions.json"]
    assert set(OURS["definitions"]["environment"]) == set(definitions.password_variables().values())
    assert COMPOSE["services"]["rabbitmq"]["depends_on"] == {"definitions": {"condition": "service_completed_successfully"}}
    assert "load_definitions = /definitions/definitions.json" in (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text(encoding="utf-8")
    assert "COPY deploy/rabbitmq deploy/rabbitmq" in (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")


def test_compose_mounts_the_settings_that_the_local_node_has_too() -> None:
    """How soon a broker that was restarted looks again at what waits for another try; the node's own test reads the same file."""
    mounted = [v for v in COMPOSE["services"]["rabbitmq"]["volumes"] if v.endswith(":/etc/rabbitmq/advanced.config:ro")]
    assert mounted == ["./deploy/rabbitmq/advanced.config:/etc/rabbitmq/advanced.config:ro"]
    assert "dead_letter_worker_publisher_confirm_timeout" in (ROOT / "deploy/rabbitmq/advanced.config").read_text(encoding="utf-8")


def test_the_exchanges_are_those_the_house_needs() -> None:
    """One per line of work and one per outside agency, durable topics; an agency writes to its own, reads at most its own queries."""
    lines_of_work = {*SERVICES, "childwelfare", "orgs"}
    assert set(definitions.exchanges()) == {f"{name}.events" for name in {*lines_of_work, *definitions.agencies()}}
    assert {(e["type"], e["durable"], e["vhost"]) for e in definitions.template()["exchanges"]} == {("topic", True, "minzheng")}
    for permission in definitions.template()["permissions"]:
        if permission["user"] in definitions.agencies():
            own = "^" + re.escape(f"{permission['user']}.events") + "$"
            assert (permission["configure"], permission["write"]) == ("^$", own)
            assert permission["read"] in ("^$", "^" + re.escape(f"{permission['user']}.queries") + "$")


def test_the_template_holds_no_password() -> None:
    """In place of each hash stands the name of a variable, and a missing password is refused by that name."""
    assert all(user["password_hash"].startswith("$MINZHENG_AMQP_PASSWORD") for user in definitions.template()["users"])
    with pytest.raises(ConfigError, match="MINZHENG_AMQP_PASSWORD_HOSPITAL"):
        definitions.render_definitions({"minzheng": "a", "hrss": "b"})


def test_rendered_hashes_are_salted_sha256_as_rabbitmq_wants_them() -> None:
    """base64(salt + SHA-256(salt + password)); the same password never gives the same hash twice."""
    passwords = dict.fromkeys(definitions.password_variables(), "一样的密码")
    hashes = [user["password_hash"] for user in json.loads(definitions.render_definitions(passwords))["users"]]
    assert len(set(hashes)) == len(hashes)
    for text in hashes:
        raw = base64.b64decode(text)
        assert raw[4:] == hashlib.sha256(raw[:4] + "一样的密码".encode()).digest()


def test_images_are_pinned_and_ours_does_not_run_as_root() -> None:
    """No `latest`; dependencies by hash; a user of its own; nothing of the caller's machine in the image."""
    for service in COMPOSE["services"].values():
        assert re.search(r":[\w.-]+$", service["image"]), service["image"]
        assert not service["image"].endswith(":latest")
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements/runtime.txt" in dockerfile
    assert dockerfile.index("USER minzheng") < dockerfile.index("ENTRYPOINT")


def test_read_models_of_earlier_moments_lie_on_a_disk() -> None:
    """Not in a container's memory: every worker has the one volume where it looks for them, and may write there."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    [var] = re.findall(r"MINZHENG_VAR=(\S+)", dockerfile)
    workers = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
    assert {service["command"][1] for service in workers.values()} == set(SERVICES)
    for name, service in workers.items():
        assert f"past:{var}/past" in service["volumes"], name
    assert "past" in COMPOSE["volumes"]
    [owned] = re.findall(r"install -d -o minzheng (.+)", dockerfile)
    assert f"{var}/past" in owned.split(), "a named volume takes its owner from the image"


def test_the_portal_stands_behind_one_proxy_and_tells_its_metrics_to_the_house_alone() -> None:
    """It believes the proxy who asks, is probed where it answers the public, and its metrics are not on the proxy's network."""
    portal = OURS["portal"]
    given = portal["environment"]
    settings = load({"MINZHENG_PORTAL_PROXIES": str(given["MINZHENG_PORTAL_PROXIES"])})
    assert settings.portal_proxies == 1
    assert "MINZHENG_PORTAL_PROXIES" in (ROOT / ".env.example").read_text(encoding="utf-8")
    assert f":{settings.portal_port}/readyz" in portal["healthcheck"]["test"][-1]
    assert portal["networks"] == ["house", "front"]
    inner = given["MINZHENG_METRICS_HOST"].removeprefix(TOWARDS)
    assert inner != given["MINZHENG_METRICS_HOST"]
    assert COMPOSE["services"][inner]["networks"] == ["house"]
    assert [name for name, service in OURS.items() if service["networks"] != ["house"]] == ["portal"]


def test_the_readme_names_all_that_production_wants(tmp_path: Path) -> None:
    """With what its line on production names, and nothing else, the settings are accepted, the seal can sign and an auditor can check."""
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    given = {
        "MINZHENG_MODE": "production", "MINZHENG_MASTER_KEY": EXAMPLE["MINZHENG_MASTER_KEY"], "MINZHENG_PROFILE": "xiangshan-2023",
        "MINZHENG_TOKEN_PUBLIC_KEY": str(public), "MINZHENG_SEAL_KEY": str(private), "MINZHENG_SEAL_PUBLIC_KEY": str(public),
        "MINZHENG_PORTAL_TOKEN": str(tmp_path / "portal.token"),
    }  # fmt: skip
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = [line for line in readme.splitlines() if line.startswith("- 生产：")]
    named = set(re.findall(r"`(MINZHENG_\w+)", line))
    assert set(given) <= named
    settings = load({"MINZHENG_VAR": str(tmp_path), **given})
    assert signing_key(settings).public_key() == checking_key(settings)
    assert "MINZHENG_PORTAL_PROXIES" in readme


def test_a_door_towards_a_host_listens_at_one_address_only(tmp_path: Path) -> None:
    """Of several networks the one where that host is: the door is announced there, and refused at any other address of this machine."""
    seen = seen_as("portal", {"MINZHENG_VAR": str(tmp_path), "MINZHENG_METRICS_HOST": f"{TOWARDS}127.0.0.2", "MINZHENG_PROCESS": "portal"})
    door, file = _open(seen)
    try:
        told = json.loads(file.read_text())
        assert (told["host"], told["port"]) == (door.host, door.port)
        with socket.create_connection((door.host, door.port), timeout=10):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.3", door.port), timeout=10)
    finally:
        door.close()


def test_the_image_holds_what_the_code_reads_beside_itself() -> None:
    """Profiles, the broker's definitions, the contracts that go into a bundle: none of them is left out of the image."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (\S+) \1$", dockerfile, re.MULTILINE))
    assert {"shared", "services", "profiles", "deploy/rabbitmq", "docs/contracts"} <= copied
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert not [line for line in ignored if line.strip("/").split("/")[0] in {path.split("/")[0] for path in copied} - {"deploy"}]


def test_the_portals_own_token_is_a_file_that_it_is_given() -> None:
    """The setting names a file: in compose a secret of the portal's own, and of nobody else's."""
    settings = load({key: str(value) for key, value in OURS["portal"]["environment"].items() if key == "MINZHENG_PORTAL_TOKEN"})
    assert str(settings.portal_token) == "/run/secrets/portal_token"
    assert [name for name, service in OURS.items() if "portal_token" in service["secrets"]] == ["portal"]
