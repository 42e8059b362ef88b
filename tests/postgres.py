"""A private PostgreSQL for tests: made in a temporary folder, on a free port of the loopback, gone with the session."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.process import free_port


def programs() -> Path:
    """Where initdb and postgres are: the newest that the distribution has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.fail("没有 PostgreSQL：./minzheng test 会安装它；直接运行 pytest 时请先安装 postgresql。")
    return found[-1].parent if found else Path(str(on_path)).parent


class PrivatePostgres:
    """Starts a server; as root under the distribution's postgres user, because PostgreSQL refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.bin = folder, free_port(), programs()
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    def run(self, *argv: str) -> None:
        as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        log = self.folder / "output.log"
        with log.open("ab") as out:
            done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", check=False, **as_user)
        assert done.returncode == 0, log.read_text()[-2000:]

    def __enter__(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        data = self.folder / "data"
        self.run(self.bin / "initdb", "-D", data, "-U", "minzheng", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=300"
        )
        self.run(self.bin / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", self.folder / "server.log", "-o", options, "start")
        return f"postgresql://minzheng@127.0.0.1:{self.port}/postgres"

    def __exit__(self, *_: object) -> None:
        self.run(self.bin / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")
