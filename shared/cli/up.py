"""``minzheng up``: start everything and stay (启动)."""
from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from shared.cli.supervisor import House, HouseError
from shared.config import ConfigError
from shared.messaging.node import BrokerError


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def running(house: House) -> Iterator[House]:
    """The house, started; stopped on the way out, however one leaves. ``demo`` uses it as ``up`` does.

    Ctrl-C, SIGTERM and a closed terminal all arrive as KeyboardInterrupt, which is swallowed here once everything has
    stopped in order; a second one meanwhile kills what is left at once. Faults at start become one line for the operator.
    """
    started = False
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it is meant to be ignored
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        house.start()
        started = True
        yield house
    except KeyboardInterrupt:
        click.echo("正在停止……（再按一次 Ctrl-C 立即结束）", err=True)
        if not started:
            raise click.exceptions.Exit(130) from None
    except (HouseError, BrokerError, ConfigError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        try:
            house.stop()
        except KeyboardInterrupt:
            house.stop(limit=0)
        for number, handler in before.items():
            signal.signal(number, handler)


def stay() -> None:
    """Wait for Ctrl-C."""
    click.echo("按 Ctrl-C 停止。")
    while True:
        signal.pause()


@click.command("up", context_settings={"help_option_names": ["--help"]})
@click.option("--log-port", type=int, default=None, help="事件日志的端口（默认：MINZHENG_LOG_PORT，否则自动寻找）")
@click.option("--amqp-port", type=int, default=None, help="消息总线的端口（默认：MINZHENG_AMQP_PORT，否则自动寻找）")
@click.option("--clock", is_flag=True, help="启用可以拨动的业务时钟（演示和测试用，生产模式拒绝）")
def command(log_port: int | None, amqp_port: int | None, clock: bool) -> None:
    """启动全部进程并守护它们：意外退出的重新启动，Ctrl-C 时按次序停止。

    \b
    数据、日志和端口都在 var/（或 MINZHENG_VAR）：
      var/log/*.log    各进程的日志
      var/run.json     端口和进程号；其他命令由它找到正在运行的系统
    给出 EVENTSTORE_URI、AMQP_URI、DATABASE_URL 时使用现成的，不再自己启动。
    """
    began = time.monotonic()
    with running(House(log_port=log_port, amqp_port=amqp_port, clock=clock, say=lambda line: click.echo(line, err=True))) as house:
        click.echo(f"全部就绪（{time.monotonic() - began:.1f} 秒）。")
        for one in house.processes().values():
            click.echo(f"  {one.name:<18} 进程 {one.pid:<8} {one.about}")
        stay()
    click.echo("已全部停止。", err=True)
