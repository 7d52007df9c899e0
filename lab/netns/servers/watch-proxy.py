"""Says in a file what a machine weighs for its proxy: `watch-proxy.py SOCKET FILE`.

Nobody listens: -254, which is a fault. It listens and does not answer: -100, which may be this machine's own slowness. Ends with whoever
started it.
"""

import os
import socket
import sys
import time

EVERY_SECONDS = 0.04
ANSWER_WITHIN_SECONDS = 0.12
GONE, SILENT, WELL = -254, -100, 0


def look(path):
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asking.settimeout(ANSWER_WITHIN_SECONDS)
    try:
        asking.connect(path)
        asking.sendall(b"show info\n")
        return WELL if asking.recv(64) else GONE
    except (FileNotFoundError, ConnectionError):
        return GONE
    except OSError:
        return SILENT
    finally:
        asking.close()


def main(path, file):
    parent = os.getppid()
    said = None
    while os.getppid() == parent:
        weight = look(path)
        if weight != said:
            with open(file, "w", encoding="ascii") as out:
                out.write(f"{weight}\n")
            said = weight
        time.sleep(EVERY_SECONDS)


main(*sys.argv[1:])
