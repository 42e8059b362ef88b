"""The `minzheng` script, with stubs on PATH in place of Python, apt-get and sudo: what it does, in which order, and what it refuses.

The stub Python makes a "virtual environment" that holds itself, and notes each call, so nothing is downloaded or installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from shared.config import ROOT

TOOLS = (
    "sh",
    "dirname",
    "readlink",
    "cut",
    "sha256sum",
    "mkdir",
    "flock",
    "cat",
    "mv",
    "rm",
    "env",
    "mktemp",
    "tail",
    "grep",
    "chmod",
    "cp",
    "touch",
    "sleep",
)
PYTHON = """#!/bin/sh
note() { printf '%s\\n' "$*" >> "$NOTES"; }
case "$*" in
  *os.path.realpath*) [ -e "$WORLD/python-is-old" ] && exit 1; echo "$0" ;;
  *ensurepip*) [ ! -e "$WORLD/no-venv-module" ] ;;
  *version_info*) echo 3.11 ;;
  "-m pip --version") [ -e "$(dirname "$0")/pip" ] ;;
  "-m venv"*)
    note "$*"; eval "last=\\${$#}"; mkdir -p "$last/bin"; rm -f "$last"/minzheng.*
    cp "$0" "$last/bin/python"; touch "$last/bin/pip" ;;
  "-m pip install"*) note pip install; sleep "${PIP_TAKES:-0}"; [ ! -e "$WORLD/pip-fails" ] || { rm "$WORLD/pip-fails"; exit 1; } ;;
  "-P -m shared.cli"*)
    compiled=${PYTHONPYCACHEPREFIX:+ compiled=$PYTHONPYCACHEPREFIX}${PYTHONDONTWRITEBYTECODE:+ each by itself}
    shift 3; note "cli in $(pwd)$(for a in "$@"; do printf ' [%s]' "$a"; done) path=$PYTHONPATH$compiled" ;;
  *) note "unexpected: $*"; exit 9 ;;
esac
"""
APT = """#!/bin/sh
printf 'apt %s frontend=%s policy=%s\\n' "$*" "${DEBIAN_FRONTEND:-}" "$([ -e "$WORLD/policy-rc.d" ] && echo there)" >> "$NOTES"
case "$*" in
  *update*) touch "$WORLD/lists" ;;
  *install*)
    [ -e "$WORLD/lists" ] || exit 100
    case "$*" in *rabbitmq*) mkdir -p "$WORLD/rabbitmq/bin"; cp "$0" "$WORLD/rabbitmq/bin/rabbitmq-server" ;;
                 *postgresql*) mkdir -p "$WORLD/postgresql/15/bin"; cp "$0" "$WORLD/postgresql/15/bin/initdb" ;;
                 *venv*) rm "$WORLD/no-venv-module" ;; esac ;;
esac
"""


class Machine:
    """A bare machine in a directory: a clone, a PATH of stubs, and notes of what was called."""

    def __init__(self, place: Path, uid: int = 0) -> None:
        self.world, self.root, self.bin, self.notes = place / "world", place / "clone 一", place / "bin", place / "notes"
        for directory in (self.world, self.root / "requirements", self.bin):
            directory.mkdir(parents=True)
        script = (ROOT / "minzheng").read_text(encoding="utf-8")
        # the places outside the clone that it looks at
        for real in ("/usr/lib/rabbitmq", "/usr/lib/postgresql", "/usr/sbin/policy-rc.d"):
            assert real in script
            script = script.replace(real, str(self.world / Path(real).name))
        script = script.replace("PATH=$PATH:/usr/sbin ", "")
        script = script.replace("/run/systemd/system", str(self.world / "no-systemd"))
        self.script = self.root / "minzheng"
        self.write(self.script, script)
        (self.root / "requirements" / "dev.txt").write_text("one==1\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        self.write(self.bin / "python3", PYTHON)
        self.write(self.bin / "apt-get", APT)
        self.write(self.bin / "id", f"#!/bin/sh\necho {uid}\n")

    @staticmethod
    def write(file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def start(self, *args: str, cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        given = {"PATH": str(self.bin), "NOTES": str(self.notes), "WORLD": str(self.world), "TMPDIR": str(self.world), "LC_ALL": "C.UTF-8"}
        return subprocess.Popen(
            [str(self.script), *args],
            cwd=cwd,
            env=given | env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *args: str, cwd: Path | None = None, **env: str) -> tuple[int, str]:
        started = self.start(*args, cwd=cwd, **env)
        out, err = started.communicate(timeout=30)
        return started.returncode, out + err

    def noted(self) -> list[str]:
        """What was called since the last look."""
        found = self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_run_sets_up_and_the_second_does_not(machine: Machine, tmp_path: Path) -> None:
    """After the first use nothing stands between the caller and the command line, which runs where the caller is."""
    code, said = machine.run("stream", "a b", cwd=tmp_path)
    assert code == 0, said
    assert machine.noted() == [
        f"-m venv --clear {machine.root}/.venv",
        "pip install",
        f"cli in {tmp_path} [stream] [a b] path={machine.root}",
    ]
    assert "正在创建 Python 虚拟环境" in said
    code, said = machine.run("stream", cwd=tmp_path)
    assert (code, said) == (0, ""), "quiet when there is nothing to do"
    assert machine.noted() == [f"cli in {tmp_path} [stream] path={machine.root}"]


def test_nothing_is_compiled_beside_the_sources_where_the_caller_wants_it_so(machine: Machine, tmp_path: Path) -> None:
    """And no process of the house compiles for itself what another has: it is kept in var/, or where the caller says."""
    machine.run("stream", cwd=tmp_path)
    machine.noted()
    said = f"cli in {tmp_path} [stream] path={machine.root}"
    assert machine.run("stream", cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1")[0] == 0
    assert machine.noted() == [f"{said} compiled={machine.root}/var/pycache"]
    assert machine.run("stream", cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="/elsewhere")[0] == 0
    assert machine.noted() == [f"{said} compiled=/elsewhere"]


def test_a_changed_lock_file_installs_again(machine: Machine) -> None:
    """After a pull that changes dependencies the next use installs them into the same environment."""
    machine.run("stream")
    machine.noted()
    (machine.root / "requirements" / "dev.txt").write_text("one==2\n")
    machine.run("stream")
    assert machine.noted()[0] == "pip install"


def test_an_interrupted_set_up_heals(machine: Machine) -> None:
    """A set-up that was killed or failed leaves an environment nobody can trust: the next run empties it and starts anew."""
    (machine.world / "pip-fails").touch()
    code, said = machine.run("stream")
    assert code == 1
    assert "安装依赖失败" in said
    assert not any(line.startswith("cli") for line in machine.noted())
    assert machine.run("stream")[0] == 0
    assert machine.noted()[:2] == [f"-m venv --clear {machine.root}/.venv", "pip install"]


def test_two_at_once_set_up_once(machine: Machine) -> None:
    """The second waits for the first, says so, and finds everything done."""
    first = machine.start("stream", PIP_TAKES="1")
    deadline = time.monotonic() + 10
    while not (machine.notes.exists() and "pip install" in machine.notes.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    code, said = machine.run("state")
    assert code == 0
    assert "等待它完成" in said
    assert first.wait(10) == 0
    first.communicate()
    assert [line.split(" ")[0] for line in machine.noted()].count("pip") == 1


def test_python_too_old_is_told(machine: Machine) -> None:
    """No Python 3.11: a sentence that says what to install."""
    (machine.world / "python-is-old").touch()
    code, said = machine.run("stream")
    assert code == 1
    assert "找不到 Python 3.11" in said


def test_a_missing_venv_module_is_installed(machine: Machine) -> None:
    """Debian ships Python without ensurepip; the package for this very Python is installed."""
    (machine.world / "no-venv-module").touch()
    assert machine.run("stream")[0] == 0
    installed = [line for line in machine.noted() if " install " in line]
    assert "python3.11-venv" in installed[-1]


@pytest.mark.parametrize("command", ["up", "demo", "bench", "test"])
def test_the_broker_is_installed_for_commands_that_need_it(machine: Machine, command: str) -> None:
    """With fresh package lists when the first try fails, without questions, and with services forbidden to start meanwhile."""
    code, said = machine.run(command)
    assert code == 0, said
    apt = [line for line in machine.noted() if line.startswith("apt") and not any(p in line for p in ("postgresql", "chromium", "fonts-"))]
    assert [("install" in line, "update" in line) for line in apt] == [(True, False), (False, True), (True, False)]
    assert all("frontend=noninteractive policy=there" in line for line in apt if "rabbitmq-server" in line)
    assert not (machine.world / "policy-rc.d").exists(), "what forbids services is taken away again"


def test_postgresql_is_installed_for_the_tests_only(machine: Machine) -> None:
    """Only `test` runs a private PostgreSQL."""
    machine.run("up")
    assert not any(line.startswith("apt") and " postgresql " in line for line in machine.noted())
    machine.run("test")
    assert any(line.startswith("apt") and " postgresql " in line for line in machine.noted())


def test_a_browser_is_installed_for_the_tests_only(machine: Machine) -> None:
    """Only `test` looks at the pages in a browser, which comes with a font that can write Chinese."""
    machine.run("up")
    assert not any(line.startswith("apt") and " chromium" in line for line in machine.noted())
    machine.run("test")
    installed = [line for line in machine.noted() if line.startswith("apt") and " install " in line]
    assert any(" chromium" in line for line in installed)
    assert any(" fonts-noto-cjk" in line for line in installed)


@pytest.mark.parametrize("args", [("--help",), ("up", "--help"), ("stream",), ()])
def test_other_commands_need_no_broker(machine: Machine, args: tuple[str, ...]) -> None:
    """--help works on a machine without one."""
    assert machine.run(*args)[0] == 0
    assert not any(line.startswith("apt") for line in machine.noted())


def test_a_given_broker_is_used(machine: Machine) -> None:
    """AMQP_URI: nothing is installed for `up`; the tests install all the same, since they kill brokers."""
    machine.run("up", AMQP_URI="amqp://elsewhere")
    assert not any(line.startswith("apt") for line in machine.noted())
    machine.run("test", AMQP_URI="amqp://elsewhere")
    assert any("rabbitmq-server" in line for line in machine.noted())


def test_without_root_it_says_what_to_install(tmp_path: Path) -> None:
    """An ordinary user without sudo gets a sentence for the administrator, and no half-done installation."""
    machine = Machine(tmp_path, uid=1000)
    code, said = machine.run("up")
    assert code == 1
    assert "apt-get install -y rabbitmq-server" in said
    assert not any(line.startswith(("apt", "cli")) for line in machine.noted())


def test_a_policy_left_by_a_killed_run_is_taken_away_and_the_operators_own_is_not(machine: Machine) -> None:
    """policy-rc.d concerns every package of the machine: ours must not stay, another's must not go."""
    policy = machine.world / "policy-rc.d"
    policy.write_text("#!/bin/sh\n# minzheng-temporary-policy\nexit 101\n")
    machine.run("up")
    assert not policy.exists()
    shutil.rmtree(machine.world / "rabbitmq")
    policy.write_text("#!/bin/sh\nexit 101\n")
    machine.run("up")
    assert policy.exists()


def test_it_names_no_registry_and_is_plain_sh() -> None:
    """Where packages come from is the machine's business; the script runs in any POSIX shell."""
    text = (ROOT / "minzheng").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert text.startswith("#!/bin/sh\n")
    assert os.access(ROOT / "minzheng", os.X_OK)
    assert subprocess.run(["/bin/sh", "-n", str(ROOT / "minzheng")], check=False).returncode == 0


def test_the_lock_files_name_no_registry_and_pin_everything() -> None:
    """Every requirement has a version and hashes."""
    for name in ("runtime.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        assert "://" not in text
        requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in line and line.endswith("\\") for line in requirements), name
        assert text.count("--hash=sha256:") >= len(requirements)
