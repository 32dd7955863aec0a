package probe

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"twaudit/internal/audit"
)

func TestStates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lines string
		want  map[string]int64
	}{
		"ss, TIME_WAIT from the buckets": {
			"source ss\nstate ESTAB 3\nstate FIN-WAIT-2 30\nstate SYN-RECV 1\nstate LISTEN 2\nstate CLOSE-WAIT 9\ntimewait_fin_wait2 30\ntw 165\n",
			map[string]int64{"ESTABLISHED": 3, "FIN_WAIT2": 30, "SYN_RECV": 1, "LISTEN": 2, "CLOSE_WAIT": 9, "TIME_WAIT": 135},
		},
		"more FIN_WAIT2 than buckets":          {"source ss\nstate ESTAB 1\nstate FIN-WAIT-2 9\ntimewait_fin_wait2 9\ntw 5\n", map[string]int64{"ESTABLISHED": 1, "FIN_WAIT2": 9, "TIME_WAIT": 0}},
		"no guess without the FIN_WAIT2 share": {"source ss\nstate FIN-WAIT-2 9\ntw 50\n", map[string]int64{"FIN_WAIT2": 9}},
		"no FIN_WAIT2 at all":                  {"source ss\nstate ESTAB 1\ntw 50\n", map[string]int64{"ESTABLISHED": 1, "TIME_WAIT": 50}},
		"netstat counts them itself":           {"source netstat\nstate ESTABLISHED 2\nstate TIME_WAIT 7\ntw 90\n", map[string]int64{"ESTABLISHED": 2, "TIME_WAIT": 7}},
		"netstat without TIME_WAIT":            {"source netstat\nstate ESTABLISHED 2\ntw 90\n", map[string]int64{"ESTABLISHED": 2}},
		"hex, new SYN_RECV joined":             {"source proc\nstate 01 1\nstate 06 4\nstate 0a 2\nstate 03 1\nstate 0C 5\n", map[string]int64{"ESTABLISHED": 1, "TIME_WAIT": 4, "LISTEN": 2, "SYN_RECV": 6}},
		"unknown states are still sockets":     {"source netstat\nstate WEIRD\x1b 2\nstate FIN_WAIT 1\n", map[string]int64{"UNKNOWN": 3}},
		"not listed":                           {"gap states too-large\n", nil},
	}
	for name, test := range tests {
		a := parsed(t, "states\n"+test.lines)
		maps.DeleteFunc(a.Facts.TCPStates, func(state string, n int64) bool { return n == 0 && state != "TIME_WAIT" })
		if !maps.Equal(a.Facts.TCPStates, test.want) {
			t.Errorf("%s: %v, want %v", name, a.Facts.TCPStates, test.want)
		}
	}
	a := parsed(t, "states\nsource ss\nstate ESTAB 3\n")
	if n, listed := a.Facts.TCPStates["SYN_RECV"]; !listed || n != 0 {
		t.Errorf("SYN_RECV = %d, %t: a whole listing without it proves zero", n, listed)
	}
	a = parsed(t, "states\nsource ss\nstate ESTAB 3\ngap states timeout\n")
	if _, listed := a.Facts.TCPStates["SYN_RECV"]; listed {
		t.Error("a listing that was cut proves no zero")
	}
	a = parsed(t, "states\nsource ss\nstate ESTAB -3\n")
	if g := gapIn(t, a, "states"); a.Facts.TCPStates != nil || !strings.Contains(g.Reason, "ESTAB -3") {
		t.Errorf("states %v, gap %+v", a.Facts.TCPStates, g)
	}
}

func TestTop(t *testing.T) {
	t.Parallel()
	a := parsed(t, "top\nsource ss\nrows4 20000\nrows6 5\ncut4 yes\ninbound 90\noutbound 10\ninternal 0\n"+
		"port 8080 10 0\nport 443 90 1\nport 80 90 1\npeer ::ffff:192.0.2.1 50\npeer 2001:db8::1 60\ndest 198.51.100.7 3306 10\n")
	top := a.Facts.Top
	want := []audit.PortCount{{Port: 80, Count: 90, Listening: true}, {Port: 443, Count: 90, Listening: true}, {Port: 8080, Count: 10}}
	if fmt.Sprint(top.LocalPorts) != fmt.Sprint(want) {
		t.Errorf("ports = %v", top.LocalPorts)
	}
	if fmt.Sprint(top.Peers) != fmt.Sprint([]audit.PeerCount{{Address: "2001:db8::1", Count: 60}, {Address: "192.0.2.1", Count: 50}}) {
		t.Errorf("peers = %v", top.Peers)
	}
	if fmt.Sprint(top.Destinations) != fmt.Sprint([]audit.PeerCount{{Address: "198.51.100.7", Port: 3306, Count: 10}}) {
		t.Errorf("destinations = %v", top.Destinations)
	}
	is(t, "sampled rows", top.SampledRows, 20005)
	is(t, "inbound", top.Inbound, 90)
	noGapIn(t, a, "top")
	if whole := parsed(t, "top\nsource proc\nrows4 3\nrows6 0\n").Facts.Top; whole.Sampled || whole.SampledRows != nil || whole.Inbound != nil {
		t.Errorf("top = %+v", whole)
	}
	for _, row := range []string{"port 0 1 1", "port 70000 1 1", "port 80 -1 1", "peer evil;rm 3", "peer 1.2.3.4", "dest 1.2.3.4 0 3"} {
		a := parsed(t, "top\nsource ss\nport 80 1 1\n"+row+"\n")
		gapIn(t, a, "top")
		if len(a.Facts.Top.LocalPorts) != 1 || len(a.Facts.Top.Peers)+len(a.Facts.Top.Destinations) != 0 {
			t.Errorf("%q: %+v", row, a.Facts.Top)
		}
	}
}

const testNamespaces = "namespaces\nown 4026531840\nby ns\nprocesses 90\nrefused 0\nfound 3\n" +
	"= ns 4026532001 812\ncomm nginx\ncgroup /system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\nuptime 5.00\ntw 100\noverflow 400\nlimit 777\nhostname shop-7f9c\n" +
	"= ns 4026532002 0\nnetns blue\nuptime 5.10\ntw 1\noverflow 2\nlimit -1\n" +
	"= ns 4026532003 99\ncomm redis\ncgroup /system.slice/redis.service\nuptime 5.20\ntw 0\n"

// The login's own namespace keeps the name by which everything knows it, and says
// beside it that ip netns made it.
func TestNamespaces_ownByName(t *testing.T) {
	t.Parallel()
	for name, section := range map[string]string{"newc1": "namespaces\nown 4026531840\nnetns newc1\nby ns\n", "": "namespaces\nown 4026531840\nby ns\n"} {
		if own := parsed(t, firstReading, section).Facts.Namespaces[0]; own.Name != "host" || own.Netns != name {
			t.Errorf("%+v, want %q", own, name)
		}
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	a := parsed(t, "limits\nnet.ipv4.tcp_max_tw_buckets 9\n", firstReading, testNamespaces,
		"namespaces-last\n= ns 4026532001 812\nuptime 6\ntw 110\noverflow 450\n= ns 4026531840 1\noverflow 1\n= ns 9 9\noverflow 1\n")
	list := a.Facts.Namespaces
	if len(list) != 4 {
		t.Fatalf("namespaces = %+v", list)
	}
	own, docker, blue, redis := list[0], list[1], list[2], list[3]
	if own.Name != "host" || own.ID != "4026531840" || docker.Name != "docker:0123456789ab (shop-7f9c)" || blue.Name != "blue" || redis.Name != "redis.service" {
		t.Errorf("names: %+v", list)
	}
	is(t, "own limit", own.Limit, 9)
	is(t, "own buckets", own.Buckets, 165)
	is(t, "own overflow", own.OverflowTotal, 10)
	is(t, "container buckets", docker.Buckets, 110)
	is(t, "container limit", docker.Limit, 777)
	is(t, "container total", docker.OverflowTotal, 450)
	is(t, "container delta", docker.OverflowDelta, 50)
	is(t, "unlimited", blue.Limit, -1)
	is(t, "delta of one reading", blue.OverflowDelta, absent)
	is(t, "unread limit", redis.Limit, absent)
	if g := gapIn(t, a, "namespaces"); !strings.HasPrefix(g.Reason, "the limit of another ") || g.Remedy == "" {
		t.Errorf("gap = %+v", g)
	}
}

func TestNamespaces_afterAResetNothingIsForgotten(t *testing.T) {
	t.Parallel()
	a := parsed(t, testNamespaces, "namespaces-last\n= ns 4026532001 812\nuptime 6\noverflow 3\n")
	docker := a.Facts.Namespaces[1]
	is(t, "total", docker.OverflowTotal, 400)
	is(t, "delta", docker.OverflowDelta, absent)
	hasGap(t, a, "counters", "docker:0123456789ab (shop-7f9c): the overflow counter was reset")
}

func TestNamespaces_gapsOnlyWhereSomethingIsHidden(t *testing.T) {
	t.Parallel()
	for lines, reason := range map[string]string{
		"own 1\nby procnet\nprocesses 90\nrefused 80\nfound 0\n": "",
		"own 1\nfound 300\n": "300 of 300",
		"own 1\nrefused 80\nunseen /lxc/db\nunseen /lxc/db\n":                    "container:db",
		"own 1\nby procnet\nfound 0\nnamed 2\n":                                  "of 2 named",
		"own 1\nhidepid yes\n":                                                   "hidepid",
		"own 1\nby procnet\nfound 1\n= ns p77 5\ncomm nginx\ntw 3\noverflow 1\n": "limit of another",
		"own 1\nfound 1\n= ns evil 5\ntw 3\n":                                    "1 of 1",
	} {
		a := parsed(t, "namespaces\n"+lines)
		if reason == "" {
			noGapIn(t, a, "namespaces")
		} else if g := gapIn(t, a, "namespaces"); !strings.Contains(g.Reason, reason) {
			t.Errorf("%q: %+v", lines, g)
		}
	}
}

// Before 4.11 a namespace shows the table of the whole machine as its own.
func TestNamespaces_sharedTable(t *testing.T) {
	t.Parallel()
	a := parsedAs(t, "ostype Linux\nkernel 3.10.0-1160.el7.x86_64\n", "namespaces\nown 1\nfound 1\n= ns 2 5\ncomm x\ntw 300\noverflow 4\n")
	ns := a.Facts.Namespaces[1]
	is(t, "buckets", ns.Buckets, absent)
	is(t, "overflow", ns.OverflowTotal, 4)
	noGapIn(t, a, "namespaces")
}

func TestContainerName(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("0123456789abcdef", 4)
	for cgroup, want := range map[string]string{
		"/docker/" + id:                          "docker:0123456789ab docker",
		"/system.slice/docker-" + id + ".scope":  "docker:0123456789ab docker",
		"/machine.slice/libpod-" + id + ".scope": "podman:0123456789ab podman",
		"/system.slice/crio-" + id + ".scope":    "crio:0123456789ab container",
		"/" + id:                                 "container:0123456789ab container",
		"/kubepods/besteffort/pod2f3c4d5e-1111-2222-3333-444444444444/" + id:                                     "pod:2f3c4d5e/0123456789ab pod",
		"/kubepods.slice/kubepods-pod2f3c4d5e_1111_2222_3333_444444444444.slice/cri-containerd-" + id + ".scope": "pod:2f3c4d5e/0123456789ab pod",
		"/lxc/web":                    "container:web lxc",
		"/lxc.payload.web/init.scope": "container:web lxc",
		"/machine.slice/systemd-nspawn@web.service": "container:web nspawn",
		"/system.slice/nginx.service":               " ",
		"/user.slice/user-0.slice/session-1.scope":  " ",
		"": " ",
	} {
		if name, kind := containerName(cgroup); name+" "+kind != want {
			t.Errorf("%q: %s %s, want %q", cgroup, name, kind, want)
		}
	}
}

func TestKernelBefore(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{
		"2.6.32-431.el6": true, "3.10.0": true, "4.9.0-19-amd64": true, "4.10.17": true,
		"4.11.0": false, "4.18.0-553.el8": false, "6.18.44": false, "10.0.1": false, "": false, "x": false, "4.9": true,
	} {
		if got := kernelBefore(release, 4, 11, 0); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}
