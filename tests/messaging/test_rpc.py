from tests.messaging.house import *

def test_a(house, standing, client):
    c = new_id()
    a = client.counter.count(command_id="c1", counter_id=c)
    print(a)
    print(client.counter.get(counter_id=c))
    print(standing.log.read_text())
