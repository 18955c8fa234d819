from __future__ import annotations

import threading
from pathlib import Path

from kombu import Connection, Exchange, Producer, Queue
from kombu.simple import SimpleQueue

from curation.embedded_broker import Channel, install


def connect(folder: Path) -> Connection:
    install()
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder / "control")}
    return Connection("filesystem://localhost", transport_options=options)


def folder_queue(folder: Path) -> str:
    return folder.name  # kombu remembers by queue what it has declared, whatever the folder


def channel_of(connection: Connection) -> Channel:
    channel = connection.channel()
    assert isinstance(channel, Channel)
    return channel


def take(queue: SimpleQueue) -> int:
    message = queue.get(timeout=10)
    message.ack()
    number: int = message.payload["number"]
    return number


def test_messages_come_in_the_order_they_were_sent(tmp_path: Path) -> None:
    with connect(tmp_path) as connection, connection.SimpleQueue(folder_queue(tmp_path)) as queue:
        for number in range(5):
            queue.put({"number": number})
        assert [take(queue) for _ in range(5)] == list(range(5))
    assert list(tmp_path.glob("*.msg")) == []


def test_a_torn_message_is_dropped_and_the_next_one_read(tmp_path: Path) -> None:
    with connect(tmp_path) as connection, connection.SimpleQueue(folder_queue(tmp_path)) as queue:
        (tmp_path / f"0_torn.{folder_queue(tmp_path)}.msg").write_text('{"body": "eyJu')
        queue.put({"number": 1})
        assert take(queue) == 1


def test_a_reader_beside_a_writer_sees_only_whole_messages(tmp_path: Path) -> None:
    def write() -> None:
        with connect(tmp_path) as connection, connection.SimpleQueue(folder_queue(tmp_path)) as queue:
            for number in range(300):
                queue.put({"number": number})

    writer = threading.Thread(target=write)
    writer.start()
    with connect(tmp_path) as connection, connection.SimpleQueue(folder_queue(tmp_path)) as queue:
        seen = {take(queue) for _ in range(300)}
    writer.join()
    assert seen == set(range(300))


def test_processes_that_start_together_all_find_their_queues(tmp_path: Path) -> None:
    """The exchange is new, and each thread sends at once: no table is read half-written, no queue is lost."""
    failures: list[BaseException] = []

    def send(name: str) -> None:
        try:
            exchange = Exchange(tmp_path.name, type="direct")
            with connect(tmp_path) as connection, channel_of(connection) as channel:
                queue = Queue(name, exchange=exchange, routing_key=name, channel=channel)
                queue.declare()
                start.wait(10)
                for _ in range(20):
                    queue.queue_bind()
                    channel.get_table(tmp_path.name)
                Producer(channel, exchange=exchange, routing_key=name).publish({"number": 1})
        except BaseException as error:  # noqa: BLE001 -- told by the test
            failures.append(error)

    names = [f"{tmp_path.name}-{number}" for number in range(8)]
    start = threading.Barrier(len(names))
    threads = [threading.Thread(target=send, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with connect(tmp_path) as connection, channel_of(connection) as channel:
        assert {row.queue for row in channel.get_table(tmp_path.name)} == set(names)
    assert len(list(tmp_path.glob("*.msg"))) == len(names)


def test_a_torn_table_is_made_anew_and_a_deleted_queue_leaves_it(tmp_path: Path) -> None:
    with connect(tmp_path) as connection, channel_of(connection) as channel:
        channel.control_folder.mkdir()
        (channel.control_folder / "torn.exchange").touch()
        queue = Queue("torn", exchange=Exchange("torn", type="direct"), routing_key="torn", channel=channel)
        queue.declare()
        assert [row.queue for row in channel.get_table("torn")] == ["torn"]
        queue.delete()
        assert channel.get_table("torn") == []
