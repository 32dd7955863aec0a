package probe

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// eldest makes a machine of its own process numbers, on which the process that
// began first in another network namespace is 9 and the next one 10: by their
// names, 10 comes first.
const eldest = `i=2
while [ "$i" -lt 9 ]; do /bin/true; i=$((i + 1)); done
unshare -n sleep 60 &
while [ "$(readlink /proc/9/ns/net)" = "$(readlink /proc/1/ns/net)" ]; do /bin/true >&2; done
while read -r up rest </proc/uptime; do
	: "${begin:=$up}"
	[ "$up" = "$begin" ] || [ "${up%?}" = "${begin%?}" ] || break
done
echo 9 >/proc/sys/kernel/ns_last_pid
nsenter -t 9 -n sleep 60 &
until [ "$(readlink /proc/10/ns/net)" = "$(readlink /proc/9/ns/net)" ]; do :; done
sh -s -- "$1"
kill 9 10
`

// A process of a login is gone before anybody reads the advice that names it.
func TestScript_namesTheEldestProcess(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root, which CI has")
		}
		t.Skip("needs root, for namespaces")
	}
	cmd := exec.Command("timeout", "20", "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", eldest, "sh", wireNonce)
	cmd.Stdin = strings.NewReader(string(Script()))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := strings.Index(string(out), "\n= ns ")
	if at < 0 {
		t.Fatalf("no namespace:\n%s", out)
	}
	line, _, _ := strings.Cut(string(out[at+1:]), "\n")
	if !strings.HasSuffix(line, " 9") {
		t.Errorf("%q, want process 9", line)
	}
}
