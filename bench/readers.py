"""Readers of pages in a process of their own (访客): so many requests a second, each timed from when it was due, on connections kept open.

Reads its task as JSON: {"port", "rate", "paths"}; answers {"count", "p50", "p95", "max", "errors", "failed"}; milliseconds. Nobody waits
for a slow answer: readers come when they come, so a queue that builds up shows in the figures.
"""

from __future__ import annotations

import gc
import http.client
import json
import sys
import threading
import time
from queue import SimpleQueue

READERS = 32


def main() -> None:
    task = json.load(sys.stdin)
    took: list[float] = []
    errors: list[str] = []
    due: SimpleQueue[tuple[float, str] | None] = SimpleQueue()

    def reader() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", task["port"], timeout=30)
        while (item := due.get()) is not None:
            at, path = item
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
                took.append((time.perf_counter() - at) * 1000)
                if answer.status != 200 or b"</html>" not in body:
                    errors.append(f"{path}: {answer.status}")
            except OSError as error:
                errors.append(f"{path}: {type(error).__name__}")
                connection.close()

    threads = [threading.Thread(target=reader, daemon=True) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    gc.disable()
    begin = time.perf_counter() + 0.2
    for n, path in enumerate(task["paths"]):
        at = begin + n / task["rate"]
        time.sleep(max(0.0, at - time.perf_counter()))
        due.put((at, path))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join(60)
    took.sort()
    figures = {"p50": took[len(took) // 2], "p95": took[int(len(took) * 0.95)], "max": took[-1]} if took else {}
    json.dump({"count": len(took), **figures, "errors": errors[:3], "failed": len(errors)}, sys.stdout)


if __name__ == "__main__":
    main()
