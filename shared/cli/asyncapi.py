"""``minzheng asyncapi``: docs/asyncapi.yaml from what the services declare (事件契约).

Channels are the published event types in their public form, and the agencies' messages that we accept. Field names come from the
public form of the golden example, types from the event's dataclass; what a form adds of its own has the type of the example.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
import types
import typing
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from shared.config import ROOT
from shared.eventsourcing.titles import words
from shared.messaging import names

if typing.TYPE_CHECKING:
    from shared.eventsourcing.events import EventType

FILE = ROOT / "docs" / "asyncapi.yaml"
FROZEN = ROOT / "docs" / "contracts"
GOLDEN = ROOT / "tests" / "golden"
SERVICE_TITLES = {"registry": "登记", "assistance": "社会救助", "eldercare": "养老服务", "childwelfare": "儿童福利", "orgs": "社会组织"}
AGENCY_TITLES = {
    "hrss": "人社局", "hospital": "卫健部门（医院）", "dpf": "残联", "housing": "住建部门", "education": "教育局", "medicare": "医保局",
    "psb": "公安局",
}  # fmt: skip
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
}
DESCRIPTIONS = {
    "person_id": "人员标识：身份证号的带密钥摘要，不能还原",
    "payee_id": "领取人的人员标识",
    "subject_id": "救助或津贴对象（家庭或人员）的标识",
    "household_id": "家庭标识",
    "case_id": "个案编号",
    "run_id": "发放批次编号",
    "recovery_id": "追回事项编号",
    "programme": "项目代码",
    "division": "行政区划代码（6、9或12位）",
    "month": "月份 YYYY-MM",
    "effective_month": "起始月份 YYYY-MM",
    "first_month": "首个发放月份 YYYY-MM",
    "first_unpaid_month": "首个停发月份 YYYY-MM",
    "died_on": "死亡日期",
    "round": "第几轮：死亡日期每更正一次加一",
    "step": "环节",
    "steps": "应办的环节",
    "outcome": "结果",
    "reason": "理由",
    "note": "说明",
    "amount_fen": "金额（分）",
    "resident_id": "公民身份号码（在门口即转为人员标识，不留存）",
}
HEADERS = {
    "cloudEvents_specversion": "CloudEvents 版本，固定为 1.0",
    "cloudEvents_id": "事件编号；重复投递时相同",
    "cloudEvents_type": "事件类型",
    "cloudEvents_source": "来源，/minzheng/<服务>",
    "cloudEvents_time": "事情发生的时间（RFC 3339）",
    "cloudEvents_dataschema": "公开形式的版本，urn:minzheng:<类型>:<版本>",
    "cloudEvents_position": "在事件日志中的位置（十进制文本）",
    "cloudEvents_correlationid": "关联编号",
    "cloudEvents_causationid": "起因编号",
}


@click.command("asyncapi")
@click.option("--check", is_flag=True, help="只检查文件是否为最新，不写；不是最新时退出码为 1。")
def command(check: bool) -> None:
    """由事件类型生成 docs/asyncapi.yaml（AsyncAPI 3.0），并冻结新出现的公开版本（docs/contracts）。

    已冻结的版本从不改写：不兼容的改动须提高 public_version。
    """
    text = render()
    if check:
        if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
            click.echo("docs/asyncapi.yaml 不是最新的：请运行 minzheng asyncapi。", err=True)
            sys.exit(1)
        click.echo("docs/asyncapi.yaml 是最新的。")
        return
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    new = freeze()
    click.echo(f"已写入 docs/asyncapi.yaml；新冻结 {len(new)} 个公开版本。")


# -- what is declared ----------------------------------------------------------------------------------------------------


def published() -> list[EventType]:
    """Every published event type of all services, by name."""
    from shared.eventlog import discovery
    from shared.eventsourcing.events import REGISTRY

    discovery.load_all()
    ours = discovery.services()
    return [REGISTRY[name] for name in sorted(REGISTRY) if REGISTRY[name].published and REGISTRY[name].service in ours]


def reactions() -> list[tuple[str, str, str, type, str]]:
    """(service, source, event, reads, method) of every reaction of all services."""
    from importlib import import_module

    from shared.eventlog import discovery

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # eventlet says on import that it is deprecated
        from shared.messaging.doors import reactions_of

        doors = {name: import_module(f"services.{name}.service").SERVICE for name in discovery.services()}
    return [(name, *found) for name, door in doors.items() for found in reactions_of(door)]


def example(kind: EventType, case: str = "complete") -> Any:
    """The event of the golden example of the newest version."""
    from shared.eventsourcing import codec

    stored = json.loads((GOLDEN / f"{kind.name}.v{kind.version}.json").read_text(encoding="utf-8"))
    return codec.decode(kind.name, kind.version, json.dumps(stored[case]).encode(), lambda sealed: sealed)


def public_example(kind: EventType, case: str = "complete") -> dict[str, Any]:
    """The public form of the golden example, as JSON values."""
    import msgspec

    from shared.eventlog.relay.forms import public

    return typing.cast(dict[str, Any], msgspec.json.decode(msgspec.json.encode(public(kind, example(kind, case)))))


# -- schemas -----------------------------------------------------------------------------------------------------------


def payload(kind: EventType) -> dict[str, Any]:
    """JSON Schema of a published event's public form. All its fields are always there; further ones may come."""
    hints = typing.get_type_hints(kind.cls)
    known = {f.name: f for f in dataclasses.fields(kind.cls)}
    fields: dict[str, Any] = {}
    for name, value in public_example(kind).items():
        if name in known:
            if known[name].metadata.get("personal"):
                raise ValueError(f"{kind.name}: the public form shows the personal field {name}")
            schema = _of_type(hints[name])
            fields[name] = _described(name, schema if _fits(value, schema) else _of_value(value))
        else:
            fields[name] = _described(name, _of_value(value))
    return {"type": "object", "required": list(fields), "properties": fields}


def accepted(reads: type) -> dict[str, Any]:
    """JSON Schema of an agency's message: what we read of it, with the resident ID that the door turns into a person_id."""
    hints = typing.get_type_hints(reads)
    fields: dict[str, Any] = {}
    required = []
    for f in dataclasses.fields(reads):
        name = "resident_id" if f.name == "person_id" else f.name
        schema = dict(_of_type(hints[f.name]))
        if name == "resident_id":
            schema["pattern"] = "^[0-9]{17}[0-9X]$"
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            required.append(name)
        elif f.default is not dataclasses.MISSING:
            schema["default"] = f.default
        fields[name] = _described(name, schema)
    return {"type": "object", "required": required, "properties": fields}


def _of_type(hint: Any) -> dict[str, Any]:
    from shared.eventsourcing.events import nested_dataclass, personal_plan

    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        arms = typing.get_args(hint)
        inner = dict(_of_type(next(a for a in arms if a is not type(None))))
        if type(None) in arms:
            inner["type"] = [inner["type"], "null"]
        return inner
    nested, many = nested_dataclass(hint)
    if nested is not None:
        hints = typing.get_type_hints(nested)
        hidden = {name for name, _ in personal_plan(nested).own}
        fields = {f.name: _described(f.name, _of_type(hints[f.name])) for f in dataclasses.fields(nested) if f.name not in hidden}
        schema: dict[str, Any] = {"type": "object", "required": list(fields), "properties": fields}
        return {"type": "array", "items": schema} if many else schema
    if origin is tuple:
        return {"type": "array", "items": _of_type(typing.get_args(hint)[0])}
    if origin is dict or hint is dict:
        return {"type": "object"}
    if origin is typing.Literal:
        return {"type": "string", "enum": list(typing.get_args(hint))}
    return dict(PLAIN[hint])


def _of_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer"}
    if isinstance(value, list):
        return {"type": "array", "items": _of_value(value[0])}
    if isinstance(value, dict):
        fields = {k: _described(k, _of_value(v)) for k, v in value.items()}
        return {"type": "object", "required": list(fields), "properties": fields}
    if not isinstance(value, str):
        raise TypeError(f"a public form cannot hold {type(value).__name__}")
    return {"type": "string"}


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether an example has the shape of a schema: a public form may say the same word and mean less of it."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None:
        return "null" in kinds
    if isinstance(value, list):
        return "array" in kinds and all(_fits(v, schema["items"]) for v in value)
    if isinstance(value, dict):
        return "object" in kinds and ("properties" not in schema or set(value) == set(schema["properties"]))
    if isinstance(value, bool):
        return "boolean" in kinds
    return ("integer" if isinstance(value, int) else "string") in kinds


def _described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = DESCRIPTIONS.get(name) or ("金额（分）" if name.endswith("_fen") else "")
    return {**schema, "description": description} if description else schema


# -- the document ------------------------------------------------------------------------------------------------------


def document() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for kind in published():
        about = inspect.getdoc(kind.cls) or kind.name
        name = f"{kind.name}.v{kind.public_version}"
        messages[name] = _message(
            kind.name, about, payload(kind), public_example(kind), {"x-public-version": kind.public_version, "headers": _headers(kind)}
        )
        channels[kind.name] = _channel(kind.service, kind.short, name, about, SERVICE_TITLES.get(kind.service, kind.service), kind.keyed)
        operations[f"send.{kind.name}"] = _operation("send", kind.name, name)
    for source, event, reads in agencies():
        full = f"{source}.{event}"
        about = inspect.getdoc(reads) or full
        schema = accepted(reads)
        messages[full] = _message(full, about, schema, _agency_example(schema), {})
        channels[full] = _channel(source, event, full, about, AGENCY_TITLES.get(source, source))
        operations[f"receive.{full}"] = _operation("receive", full, full)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "民政：区县民政局的事件",
            "version": "1.0.0",
            "description": (
                "由 minzheng asyncapi 从事件类型生成，请勿手改。\n\n"
                "send 是本系统发布的事件（公开形式，不含个人信息），receive 是接受的外部单位消息。"
                "交换机为 <服务>.events（topic，持久），路由键为事件名。投递至少一次：以 cloudEvents_id（即 message_id）去重。"
                "同一公开版本只增加字段；读者应忽略不认识的字段。"
            ),
            "license": {"name": "AGPL-3.0-or-later", "url": "https://www.gnu.org/licenses/agpl-3.0.html"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def agencies() -> Iterator[tuple[str, str, type]]:
    """The agencies' messages that somebody here reads."""
    known = sorted(reactions(), key=lambda r: r[1:3])  # imports nameko
    from shared.messaging.reactions import is_agency

    seen = set()
    for _, source, event, reads, _ in known:
        if is_agency(source) and (source, event) not in seen:
            seen.add((source, event))
            yield source, event, reads


def _message(name: str, about: str, schema: dict[str, Any], body: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": title(about, name),
        "description": about,
        "contentType": "application/json",
        **more,
        "payload": schema,
        "examples": [{"payload": body}],
    }


def _headers(kind: EventType) -> dict[str, Any]:
    fixed = {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_type": kind.name,
        "cloudEvents_source": f"/minzheng/{kind.service}",
        "cloudEvents_dataschema": f"urn:minzheng:{kind.name}:{kind.public_version}",
    }
    fields = {
        name: {"type": "string", **({"const": fixed[name]} if name in fixed else {}), "description": about}
        for name, about in HEADERS.items()
    }
    return {"type": "object", "required": list(HEADERS), "properties": fields}


def _channel(source: str, event: str, message: str, about: str, who: str, keyed: str = "") -> dict[str, Any]:
    further = f"同一消息另有路由键 {names.further_key(event, f'<{keyed}>')}（{names.FURTHER} 头）：只需其中几种的读者可只绑定这些键。"
    exchange = {"name": f"{source}.events", "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": event,
        "title": f"{who}：{title(about, event)}",
        **({"description": further} if keyed else {}),
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(action: str, channel: str, message: str) -> dict[str, Any]:
    there = f"#/channels/{channel}"
    return {"action": action, "channel": {"$ref": there}, "messages": [{"$ref": f"{there}/messages/{message}"}]}


def _agency_example(schema: dict[str, Any]) -> dict[str, Any]:
    samples = {
        "resident_id": "11010519491231002X",
        "monthly_income_fen": 320000,
        "effective_from": "2023-08-01",
        "died_on": "2023-08-20",
        "division": "330225101",
        "certificate_no": "SW330225202300001",
        "reason": "employment",
    }
    plain = {"string": "", "integer": 0, "boolean": False, "array": [], "object": {}}

    def sample(of: dict[str, Any]) -> Any:
        kinds = of.get("type", "object")
        return of["enum"][0] if of.get("enum") else plain[kinds if isinstance(kinds, str) else kinds[0]]

    return {name: samples[name] if name in samples else sample(f) for name, f in schema["properties"].items()}


def title(about: str, name: str) -> str:
    """The Chinese words with which a docstring begins, or the event's name where it has none."""
    return words(about) or name


def render() -> str:
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(document(), Dumper=Plain, allow_unicode=True, sort_keys=False, width=120)


def frozen_path(kind: EventType) -> Path:
    return FROZEN / f"{kind.name}.v{kind.public_version}.json"


def freeze() -> list[str]:
    """Keep the schema of every public version that has none yet; one that is there is never written again."""
    FROZEN.mkdir(parents=True, exist_ok=True)
    new = []
    for kind in published():
        path = frozen_path(kind)
        if not path.exists():
            path.write_text(json.dumps(payload(kind), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            new.append(path.name)
    return new


def incompatible(old: dict[str, Any], new: dict[str, Any], at: str = "") -> list[str]:
    """What a reader of ``old`` would miss in ``new``: fields removed, retyped or no longer certain."""
    found = []
    if old.get("type") != new.get("type") or old.get("format") != new.get("format"):
        return [f"{at or '.'}: {old.get('type')} {old.get('format', '')} → {new.get('type')} {new.get('format', '')}"]
    for name, schema in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            found.append(f"{at}.{name}: removed")
        elif name in old.get("required", ()) and name not in new.get("required", ()):
            found.append(f"{at}.{name}: no longer always there")
        else:
            found += incompatible(schema, new["properties"][name], f"{at}.{name}")
    if "items" in old:
        found += incompatible(old["items"], new.get("items", {}), f"{at}[]")
    return found
