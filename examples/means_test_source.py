"""An outside source of the means test (核对数据来源): a process of its own, none of our code. Answers query files, or queries on the bus.

    python examples/means_test_source.py files <directory> <register.json>
    AMQP_URI=… SOURCE_KEY=<base64> python examples/means_test_source.py amqp <source> <register.json>

files: reads <directory>/out/*.csv (查询编号, 身份证号, 姓名) once and writes one answer file into <directory>/in; a request stays
where it is, the asking side deletes it. amqp: takes what waits in the queue <source>.queries (sealed with the key that the bureau
handed over) and answers each person as <source>.events / verification_answered; ends when the queue is empty.

The register ("-": on standard input) says what the source knows:

    {"columns": {"deposits_fen": "存款余额"},
     "people": {"<resident id>": {"deposits_fen": 1234500}}, "failing": ["<resident id>"]}

Files carry money in yuan (a field that ends in _fen), messages in fen. A person who is not in the register is answered with "无",
which says that the source knows nobody by that number; "失败" says that it could not look.
"""

import base64
import csv
import json
import os
import sys
from pathlib import Path


def main() -> None:
    how, where, told = sys.argv[1:4]
    register = json.loads(sys.stdin.read() if told == "-" else Path(told).read_text(encoding="utf-8"))
    if how == "files":
        answered = answer_files(Path(where), register)
    else:
        answered = answer_queue(where, register)
    print(f"answered {answered}")


def look_up(register: dict, resident_id: str) -> tuple[str, dict]:
    """What the source says of one person: outcome and values."""
    if resident_id in register.get("failing", []):
        return "失败", {}
    found = register["people"].get(resident_id)
    return ("无", {}) if found is None else ("有", found)


def answer_files(directory: Path, register: dict) -> int:
    answered = 0
    for request in sorted((directory / "out").glob("*.csv")):
        lines = []
        with request.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.DictReader(file):
                outcome, values = look_up(register, line["身份证号"])
                shown = {label: in_yuan(name, values[name]) for name, label in register["columns"].items() if name in values}
                lines.append({"查询编号": line["查询编号"], "结果": outcome, **shown})
                answered += 1
        done = directory / "in" / request.name
        aside = done.with_name("." + done.name)  # written aside and renamed: nobody reads half a file
        with aside.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, ["查询编号", "结果", *register["columns"].values()])
            writer.writeheader()
            writer.writerows(lines)
        aside.replace(done)
    return answered


def in_yuan(name: str, value: int) -> str:
    return f"{value // 100}.{value % 100:02d}" if name.endswith("_fen") else str(value)


def answer_queue(source: str, register: dict) -> int:
    import pika
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    box = AESGCM(base64.b64decode(os.environ["SOURCE_KEY"]))
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URI"]))
    channel = connection.channel()
    channel.confirm_delivery()
    answered = 0
    while True:
        method, properties, body = channel.basic_get(f"{source}.queries")
        if method is None:
            connection.close()
            return answered
        request = json.loads(box.decrypt(body[:12], body[12:], properties.message_id.encode()))
        for query in request["queries"]:
            outcome, values = look_up(register, query["resident_id"])
            answer = {
                "query_no": query["query_no"],
                "outcome": {"有": "found", "无": "none", "失败": "failed"}[outcome],
                "values": [{"name": name, "amount": amount} for name, amount in values.items()],
            }
            # The same answer sent again has the same id, so that it counts once.
            told = pika.BasicProperties(content_type="application/json", delivery_mode=2, message_id=f"answer-{query['query_no']}")
            channel.basic_publish(f"{source}.events", "verification_answered", json.dumps(answer).encode(), told, mandatory=True)
            answered += 1
        channel.basic_ack(method.delivery_tag)


if __name__ == "__main__":
    main()
