"""The metrics of the house (指标): every one is declared here, so that this page is the list of what can be watched.

A label is a service, a method, a queue, a code: names that stand in the source. Never an id, never a division, never anything of a person:
the number of series must not grow with the work. What is counted, is counted where it happens. What has a value at any moment (how far the
relay is behind, how long a queue is) is *asked for* when somebody scrapes (``ask``): nothing is kept that could be stale, and who cannot be
asked gives no value instead of an old one.

docs/operations.md says what each means and when it should wake somebody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
OK = "ok"
disable_created_metrics()  # type: ignore[no-untyped-call]  # a time stamp beside every series is of use to nobody here

# ---- calls of the staff (worker) ---------------------------------------------------------------------------------------
RPC = Counter("minzheng_rpc", "窗口调用的次数，按结果（ok 或拒绝的代码）", ("service", "method", "kind", "outcome"))
RPC_SECONDS = Histogram("minzheng_rpc_seconds", "窗口调用在本进程中的用时", ("service", "method"), buckets=QUICK)
RPC_GIVEN_UP = Counter("minzheng_rpc_given_up", "超过时限、以“暂不可用”答复的调用", ("service", "method"))

# ---- reactions to events, and what is due (worker) ---------------------------------------------------------------------
REACTIONS = Counter("minzheng_reactions", "对事件的反应，按结果（ok、retry、dead）", ("service", "reaction", "outcome"))
REACTION_SECONDS = Histogram("minzheng_reaction_seconds", "一次反应的用时", ("service", "reaction"), buckets=QUICK)
RETRIES = Counter("minzheng_retries", "放入重试队列的次数，按原因", ("service", "reaction", "reason"))
DEAD_LETTERS = Counter("minzheng_dead_letters", "成为死信的次数，按原因", ("service", "reaction", "reason"))
DEADLINES = Counter("minzheng_deadlines", "定时器办理的到期事项，按结果", ("service", "deadline", "outcome"))

# ---- the log, seen by those who append (worker) ------------------------------------------------------------------------
APPENDED = Counter("minzheng_events_appended", "写入事件日志的事件", ("service", "event"))
CONFLICTS = Counter("minzheng_append_conflicts", "因他人先写入而重新决定的次数", ("service",))

# ---- relay, projector, seal; without a label, so told only by the process whose work it is (``tell``) --------------------
PUBLISHED = Counter("minzheng_relay_published", "转发到消息总线的消息", registry=None)
CONFIRMED = Counter("minzheng_relay_confirmed", "消息总线已确认的消息", registry=None)
UNROUTABLE = Counter("minzheng_relay_unroutable", "没有人订阅的消息", registry=None)
PROJECTED = Counter("minzheng_projection_events", "折叠进读模型的事件", ("service",))
SEALED = Counter("minzheng_seal_events", "封入默克尔树的事件", registry=None)
CHECKPOINTS = Counter("minzheng_seal_checkpoints", "签名的检查点", registry=None)

# ---- the embedded log (eventlog) ---------------------------------------------------------------------------------------
LOG_EVENTS = Counter("minzheng_log_events", "内嵌日志写入磁盘的事件", registry=None)
LOG_GROUP = Histogram("minzheng_log_group_commands", "一次落盘所含的追加（组提交的大小）", buckets=GROUPS, registry=None)
LOG_COMMIT_SECONDS = Histogram("minzheng_log_commit_seconds", "一次落盘的用时", buckets=QUICK, registry=None)

# ---- the portal --------------------------------------------------------------------------------------------------------
HTTP_SECONDS = Histogram("minzheng_http_seconds", "HTTP 请求的用时", ("method", "route", "status"), buckets=QUICK)

QUESTIONS_FAILED = Counter("minzheng_questions_failed", "抓取时没有问到答案的次数", ("question",))


# ---- asked for at the moment of the scrape -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A gauge whose values somebody is asked for at every scrape."""

    name: str
    about: str
    labels: tuple[str, ...] = ()


ALIVE = Asked("minzheng_alive", "进程的主循环在走（1）或停住了（0）")
READY = Asked("minzheng_ready", "进程能办事（1），或缺日志、总线而不能（0）")
DEADLINES_DUE = Asked("minzheng_deadlines_due", "已到期、还没有办结的事项", ("service",))
DEADLINES_OVERDUE = Asked("minzheng_deadlines_overdue", "到期超过十分钟仍没有办结的事项", ("service",))
QUEUE_MESSAGES = Asked("minzheng_queue_messages", "队列中的消息", ("queue",))
QUEUE_CONSUMERS = Asked("minzheng_queue_consumers", "队列的消费者", ("queue",))
RELAY_ACTIVE = Asked("minzheng_relay_active", "本转发进程在转发（1）或待命（0）", ("relay",))
RELAY_LAG_POSITIONS = Asked("minzheng_relay_lag_positions", "转发：日志末尾减断点", ("relay",))
RELAY_LAG_SECONDS = Asked("minzheng_relay_lag_seconds", "转发：最早一个未发布事件的年龄", ("relay",))
PROJECTION_LAG_POSITIONS = Asked("minzheng_projection_lag_positions", "投影：日志末尾减断点", ("service",))
PROJECTION_LAG_SECONDS = Asked("minzheng_projection_lag_seconds", "投影：最早一个未折叠事件的年龄", ("service",))
SEAL_LAG_POSITIONS = Asked("minzheng_seal_lag_positions", "封存：日志末尾减已封存的位置")
SEAL_LAG_SECONDS = Asked("minzheng_seal_lag_seconds", "封存：最早一个未封存事件的年龄")
LOG_BYTES = Asked("minzheng_log_bytes", "内嵌日志的文件大小（含预写日志）")
LOG_HEAD = Asked("minzheng_log_head_position", "内嵌日志末尾的位置")


def tell(*counted: Collector) -> None:
    """This process is the one whose work these count: in any other they would stand at zero for ever."""
    for metric in counted:
        REGISTRY.register(metric)


Value = tuple[Asked, tuple[str, ...], float]
Question = Callable[[], Iterable[Value]]


class _Questions(Collector):
    """Asks everybody who has something to say, at the scrape."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, Question]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def add(self, name: str, question: Question) -> Callable[[], None]:
        with self._lock:
            self._next += 1
            number = self._next
            self._asked[number] = (name, question)

        def withdraw() -> None:
            self._asked.pop(number, None)

        return withdraw

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from ()  # else the registry would ask everybody while they are still being set up

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, question in list(self._asked.values()):
            try:
                values = list(question())
            except Exception:  # the log, the broker or a store is away: the rest can still be told
                QUESTIONS_FAILED.labels(name).inc()
                continue
            for gauge, labels, value in values:
                family = families.get(gauge.name)
                if family is None:
                    family = families[gauge.name] = GaugeMetricFamily(gauge.name, gauge.about, labels=gauge.labels)
                family.add_metric(labels, value)
        yield from families.values()


questions = _Questions()
REGISTRY.register(questions)


def ask(name: str, question: Question) -> Callable[[], None]:
    """Have ``question`` asked at every scrape, in the scrape's own thread. If it raises, its values are left out. Returns how to end it."""
    return questions.add(name, question)
