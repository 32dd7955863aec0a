#!/bin/sh
# Nothing is enabled: there is no key yet, and no list of hosts.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
