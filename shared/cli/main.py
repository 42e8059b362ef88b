"""The command line (命令行). Each command lives in a module of its own that is imported only when the command is used.

That is more than tidiness: ``worker`` has to patch the standard library before anything else is imported, and
``--help`` has to work on a machine where nothing but the virtual environment is ready. So nothing is imported here but click.
"""
from __future__ import annotations

import importlib
import sys

import click

# name -> (module that has a click command called `command`, what --help says), in groups as an operator looks for them
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "从这里开始": {
        "demo": ("shared.cli.demo", "启动全部进程，把两件真实的业务从头到尾走一遍（--once：走完即停）"),
        "up": ("shared.cli.up", "启动全部进程并守护它们，直到 Ctrl-C"),
        "test": ("shared.cli.test", "运行全部测试；参数原样交给 pytest"),
        "check": ("shared.cli.check", "代码规范、类型、模块边界、依赖许可证，逐项检查"),
    },
    "日常业务": {
        "import": ("shared.cli.import_households", "从 CSV 或 Excel 导入家庭；坏行逐行报告，重复导入不改变任何东西"),
        "payments": ("shared.cli.payments", "发放批次：代发文件、银行回盘、进度"),
        "token": ("shared.cli.token", "签发一枚工作人员令牌（仅限开发和测试）"),
        "stream": ("shared.cli.stream", "显示一条事件流：谁、何时、做了什么、因何而起"),
        "state": ("shared.cli.state", "显示一个对象在某一时刻的状态（--as-of）"),
        "status": ("shared.cli.status", "运行状况：进程、滞后、队列、死信"),
        "dead-letters": ("shared.cli.dead_letters", "列出、查看、重放处理不了的消息"),
        "renew-disclosures": ("shared.cli.renew_disclosures", "逐件核对公开内容，不一致的按现行公开范围更新；可中断、可重复"),
        "erasure": ("shared.cli.erasure", "已删除个人信息的人员；清除日志之外的残留（死信、代发文件）"),
        "rebuild": ("shared.cli.rebuild", "从事件日志重建读模型，并证明与现有的逐行相同"),
        "past": ("shared.cli.past", "预先准备某一时刻的查询数据，供查询以 as_of 使用"),
    },
    "审计": {
        "audit": ("shared.cli.audit", "核验整个事件日志；取某一事件的回执、两个检查点的一致性证明"),
    },
    "制度与政策": {
        "rules": ("shared.cli.rules", "规则：有哪些项目，参数是多少、依据哪份文件，由哪些用例证明"),
        "simulate": ("shared.cli.simulate", "改变标准之前先测算：多少户、多少钱、哪些街镇；只读"),
        "standards": ("shared.cli.standards", "保障标准：查看、拟定、批准、公布，看着个案逐一复核"),
        "disclosures": ("shared.cli.disclosures", "各项目公开什么：字段、地点层级、期限、依据；写入 docs/disclosure.md"),
        "capabilities": ("shared.cli.capabilities", "能力目录逐行列出：由哪个项目或聚合承载，哪些还没有"),
    },
    "单个进程": {
        "eventlog": ("shared.cli.eventlog", "只运行内嵌事件日志（EventStoreDB 的 gRPC 协议）"),
        "worker": ("shared.cli.worker", "运行一个或几个服务：RPC、对事件的反应、定时器"),
        "projector": ("shared.cli.projector", "把事件日志折叠成读模型；多开的处于待命"),
        "relay": ("shared.cli.relay", "把事件日志转发到消息总线；多开的处于待命"),
        "portal": ("shared.cli.portal", "门户：工作人员接口、办事窗口、阳光公开、审计、运行"),
        "seal": ("shared.cli.seal", "把事件日志逐批封入默克尔树，并签名检查点"),
    },
    "测量与文档": {
        "bench": ("shared.cli.bench", "速度测量：每项旁边是同一次运行中测得的上限"),
        "asyncapi": ("shared.cli.asyncapi", "由事件类型生成 docs/asyncapi.yaml"),
        "licences": ("shared.cli.licences", "列出依赖及其许可证，拒绝与 AGPL-3.0-or-later 不相容的"),
        "source-key": ("shared.cli.source_key", "写出某核对来源的查询密钥，交给该单位"),
        "definitions": ("shared.cli.definitions", "生成 RabbitMQ 的定义文件（用户、权限、交换机），供 compose 使用"),
    },
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    @property
    def table(self) -> dict[str, tuple[str, str]]:
        return {name: entry for commands in COMMANDS.values() for name, entry in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module = self.table[cmd_name][0]
        try:
            found = importlib.import_module(module).command
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise click.ClickException(f"命令 {cmd_name} 在这个版本中还没有。") from error
        assert isinstance(found, click.Command)
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.table:
            ctx.fail(f"没有命令 {args[0]}。可用的命令：{'、'.join(self.table)}。")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                for name, (_, about) in commands.items():  # not click's columns, which cut and wrap by bytes of Latin text
                    formatter.write(f"  {name:<13} {about}\n")


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["--help"]}, options_metavar="", subcommand_metavar="命令 [参数…]")
def cli() -> None:
    """民政：区县民政局的事件溯源后端。

    每个命令都有自己的说明：minzheng 命令 --help
    """


def main() -> None:
    """Run the command line; faults that are the operator's to mend are told in one line, not as a traceback."""
    from shared.config import ConfigError

    try:
        cli.main(prog_name="minzheng")
    except ConfigError as error:
        click.echo(f"错误：{error}", err=True)
        sys.exit(2)
