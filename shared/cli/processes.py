"""The processes of the house, declared as data (进程表). The supervisor, the Procfile and compose.yaml all follow this list.

A process's command line is what comes after ``minzheng``; ``{log_port}`` and ``{var}`` are filled in where it is started.
"""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SERVICES = ("registry", "assistance", "eldercare")


class Ready(Enum):
    """How one can tell that a process is ready."""

    GRPC = "grpc"  # its port answers a gRPC call
    LOGIN = "login"  # its user can log in by AMQP
    FILE = "file"  # it touched its ready file (shared.cli.ready)


@dataclass(frozen=True)
class Process:
    """One process: ``argv`` is empty for the broker, which is RabbitMQ itself and no command of ours."""

    name: str
    argv: tuple[str, ...]
    needs: tuple[str, ...]
    ready: Ready
    about: str  # in Chinese, for the operator
    instead: str = ""  # the environment variable that names somebody else's, in which case ours is not started


PROCESSES: tuple[Process, ...] = (
    Process("eventlog", ("eventlog", "--port", "{log_port}", "--data", "{var}/eventlog"), (), Ready.GRPC, "事件日志", "EVENTSTORE_URI"),
    Process("broker", (), (), Ready.LOGIN, "消息总线", "AMQP_URI"),
    *(
        Process(f"worker-{service}", ("worker", service), ("eventlog", "broker"), Ready.FILE, f"服务 {service}")
        for service in SERVICES
    ),
    Process("projector", ("projector",), ("eventlog",), Ready.FILE, "读模型投影"),
    Process("seal", ("seal",), ("eventlog",), Ready.FILE, "事件封存"),
    Process("portal", ("portal",), ("eventlog", "broker"), Ready.FILE, "门户"),
    # After the workers, so that on the first start of all the queues are there before the first event is sent.
    Process("relay", ("relay",), ("eventlog", "broker", *(f"worker-{service}" for service in SERVICES)), Ready.FILE, "事件转发"),
)
