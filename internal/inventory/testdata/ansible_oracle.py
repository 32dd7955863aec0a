"""Runs ansible-inventory --list for many sources in forks of one process.

The imports of Ansible cost more than all else. Each line of standard input is
SOURCE, a tab, OUT: OUT.json gets the answer, OUT.err what was said, and OUT.rc
the exit status.
"""
import os
import sys

import ansible.cli.inventory as command


def child(source, out):
    for name, fd in ((out + ".json", 1), (out + ".err", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), fd)
    sys.argv = ["ansible-inventory", "-i", source, "--list"]
    status = 0
    try:
        command.main()
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    with open(out + ".rc", "w") as f:
        f.write(str(status))
    os._exit(0)


running = 0
for line in sys.stdin:
    if running == (os.cpu_count() or 1):
        os.wait()
        running -= 1
    if os.fork() == 0:
        child(*line.rstrip("\n").split("\t"))
    running += 1
while running:
    os.wait()
    running -= 1
