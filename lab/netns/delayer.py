#!/usr/bin/env python3
"""Delays what arrives on the wires of a lab, where the kernel has no netem.

Every wire has a queue in the namespace where its packets arrive (iptables NFQUEUE in mangle PREROUTING). Packets stay in the kernel;
this process only says when each may go on. It ends with everything that is queued: a wire without it is silent, never fast.

Arguments: the abstract name of its control socket, then a JSON file {"queues": [{"id", "namespace", "queue", "delayMs", "lossPercent"}]}.
Control: one JSON object per line, {"set": [{"id", "delayMs", "lossPercent"}]}, answered by {"ok": true} when it is in force.
"""
import ctypes
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
NFNL_SUBSYS_QUEUE = 3
MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0, 1, 2
CFG_CMD, CFG_PARAMS, CFG_QUEUE_MAXLEN = 1, 2, 3
COPY_META = 1
NF_DROP, NF_ACCEPT = 0, 1
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
SOL_NETLINK, NETLINK_NO_ENOBUFS = 270, 5
QUEUE_LENGTH = 65536

libc = ctypes.CDLL(None, use_errno=True)


def attribute(kind, payload):
    padding = (4 - len(payload) % 4) % 4
    return struct.pack("=HH", len(payload) + 4, kind) + payload + b"\0" * padding


def message(kind, queue, attributes, flags):
    body = struct.pack(">BBH", 0, 0, queue)
    body = struct.pack("=BB", 0, 0) + body[2:] + attributes
    return struct.pack("=IHHII", 16 + len(body), (NFNL_SUBSYS_QUEUE << 8) | kind, flags, 0, 0) + body


class Queue:
    """One wire's queue, and what is done to its packets."""

    def __init__(self, spec):
        self.number = spec["queue"]
        self.set(spec)
        with open("/run/netns/" + spec["namespace"]) as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns " + spec["namespace"])
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        request, acknowledge = 1, 4
        bind = attribute(CFG_CMD, struct.pack(">BBH", 1, 0, socket.AF_INET))
        params = attribute(CFG_PARAMS, struct.pack(">IB", 0, COPY_META))
        length = attribute(CFG_QUEUE_MAXLEN, struct.pack(">I", QUEUE_LENGTH))
        for attributes in (bind, params, length):
            self.socket.send(message(MSG_CONFIG, self.number, attributes, request | acknowledge))
            answer = self.socket.recv(4096)
            error = struct.unpack_from("=i", answer, 16)[0]
            if error != 0:
                raise OSError(-error, "queue %d in %s" % (self.number, spec["namespace"]))
        self.socket.setblocking(False)

    def set(self, spec):
        self.delay = spec["delayMs"] / 1000
        self.loss = spec["lossPercent"] / 100

    def receive(self):
        """Identifiers of the packets that have arrived."""
        ids = []
        for _ in range(256):
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                break
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == (NFNL_SUBSYS_QUEUE << 8) | MSG_PACKET:
                    # The packet's header is always the first attribute; its identifier the header's first word.
                    ids.append(data[at + 24 : at + 28])
                at += (length + 3) & ~3
        return ids

    def verdict(self, packet, what):
        body = attribute(2, struct.pack(">I", what) + packet)
        try:
            self.socket.send(message(MSG_VERDICT, self.number, body, 1))
        except OSError:
            pass


def main():
    name, config = sys.argv[1], sys.argv[2]
    home = open("/proc/self/ns/net")
    with open(config) as text:
        specs = json.load(text)["queues"]
    queues = {}
    for spec in specs:
        queues[spec["id"]] = Queue(spec)
    libc.setns(home.fileno(), CLONE_NEWNET)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind("\0" + name)
    control.listen(8)
    control.setblocking(False)
    by_fd = {queue.socket.fileno(): queue for queue in queues.values()}
    clients = {}
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    except OSError:
        pass
    print("ready", flush=True)
    waiting = []
    sequence = 0
    while True:
        timeout = None if not waiting else max(0.0, waiting[0][0] - time.monotonic())
        # Not epoll: its time-out has whole milliseconds, and rounds up.
        for fd in select.select([*by_fd, control.fileno(), *clients], [], [], timeout)[0]:
            queue = by_fd.get(fd)
            if queue is not None:
                now = time.monotonic()
                for packet in queue.receive():
                    if queue.loss > 0 and random.random() < queue.loss:
                        queue.verdict(packet, NF_DROP)
                        continue
                    sequence += 1
                    heapq.heappush(waiting, (now + queue.delay, sequence, queue, packet))
            elif fd == control.fileno():
                client, _ = control.accept()
                peer = struct.unpack("=iii", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                if peer[1] != os.getuid():
                    client.close()
                    continue
                clients[client.fileno()] = (client, b"")
            else:
                client, pending = clients[fd]
                data = client.recv(65536)
                if not data:
                    client.close()
                    del clients[fd]
                    continue
                *lines, rest = (pending + data).split(b"\n")
                clients[fd] = (client, rest)
                for line in lines:
                    for change in json.loads(line)["set"]:
                        queues[change["id"]].set(change)
                    client.sendall(b'{"ok":true}\n')
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, queue, packet = heapq.heappop(waiting)
            queue.verdict(packet, NF_ACCEPT)


main()
