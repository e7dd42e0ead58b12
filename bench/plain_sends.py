"""The limit of `bench.streams`: one process, one subscription, one `send()` per open socket and nothing else."""

import os
import socket
import sys
import threading

import redis

CHANNEL = "bench:limit"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def take(listener: socket.socket, open_now: set[socket.socket]) -> None:
    """Answer every request with the head of a stream."""
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.recv(4096)
        sock.sendall(HEAD)
        sock.setblocking(False)
        open_now.add(sock)


def main(port: int) -> None:
    """Send whatever is published, as it is, to everybody."""
    open_now: set[socket.socket] = set()
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    subscription = redis.Redis.from_url(os.environ["REDIS_URL"]).pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(CHANNEL)
    threading.Thread(target=take, args=(listener, open_now), daemon=True).start()
    for message in subscription.listen():
        data, gone = message["data"], []
        for sock in open_now:
            try:
                sock.send(data)
            except OSError:
                gone.append(sock)
        for sock in gone:
            open_now.discard(sock)
            sock.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
