"""An outside agency's system (外部单位): a process of its own, with its own RabbitMQ user, plain pika, none of our code.

    AMQP_URI=amqp://hrss:…@127.0.0.1:5672/minzheng python examples/agency.py hrss.events income_changed < messages.jsonl

Reads one JSON object a line from standard input and publishes each with a publisher confirm. This is all that an agency
needs to know of us: its exchange, the event's name, and a message id that stays the same when a message is sent again.
"""

import json
import os
import sys
import uuid

import pika


def main() -> None:
    exchange, event = sys.argv[1:3]
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URI"]))
    channel = connection.channel()
    channel.confirm_delivery()
    for line in sys.stdin:
        body = json.loads(line)
        properties = pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=body.pop("message_id", str(uuid.uuid4()))
        )
        channel.basic_publish(exchange, event, json.dumps(body, ensure_ascii=False).encode(), properties, mandatory=True)
    connection.close()


main()
