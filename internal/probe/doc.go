// Package probe is the question that twaudit asks a host and the answer: one
// read-only POSIX shell script of constant bytes (probe.sh, embedded) and the
// parser of what it prints. It runs nothing and judges nothing: Script and
// CommandLine are handed to remote, Parse turns the bytes that come back into
// audit.Facts and gaps. Start with the wire format below; it is the contract
// between probe.sh and the parsers.
//
// # Frame
//
// NONCE is 32 lower-case hex digits, chosen for each run; a script that is run
// by hand uses 32 zeros. VERSION is Version, a small integer.
//
//	twaudit-probe NONCE begin VERSION
//	twaudit-probe NONCE section NAME
//	…lines of the section…
//	twaudit-probe NONCE end
//
// Whatever stands before the begin mark is ignored (banners, noise of a login
// profile). The end mark is the very last line; without it the answer is
// incomplete whatever the exit status, and a section that began may be cut in
// its last line. The script exits 0 after the end mark.
//
// # Lines of a section
//
//	key VALUE…      ours: key is [a-z0-9][a-z0-9_.-]*, one blank, the rest is the value
//	= NAME ARGS…    opens a block; what follows belongs to it until the next "= " or mark
//	|TEXT           one raw line of the host, unchanged but cut at 1000 bytes (counters are not
//	                cut); may hold any byte but a newline, belongs to the open block
//	gap WHAT REASON in every section: WHAT could not be read completely
//
// REASON is one word: denied, missing, timeout, failed, budget, too-large,
// no-tool, sorted. A key that is absent was not there on the host, or not readable;
// absent is never zero. Unknown keys, blocks and sections must be skipped.
// Paths in ARGS and VALUE are the last thing in their line and may hold blanks;
// file names with control characters are left out and counted (key skipped).
// Integers are decimal, may be negative, and are at most 20 digits; EPOCH is
// seconds, BYTES are bytes.
//
// Sections come in this order, each at most once: identity, limits, counters,
// tables, openvz, namespaces, states, top, config, log, counters-last,
// namespaces-last. The two last are missing with sample=0. On a system that is
// not Linux, or has no /proc, only identity is there, followed by the end mark.
//
// # identity
//
//	ostype Linux            as uname -s; anything else ends the answer
//	proc missing            Linux without a usable /proc; ends the answer
//	kernel 6.18.44          uname -r
//	arch x86_64             uname -m
//	hostname web1
//	boot_id UUID
//	machine_id HEX          /etc/machine-id or D-Bus's
//	clock EPOCH ZONE        date '+%s %z', such as 1795375589 +0000
//	uptime SECONDS          two decimals, read beside clock; absent, here and below, where
//	                        /proc/uptime cannot be read
//	uid N                   effective
//	mem_total_kb N
//	pid1 COMM               name of process 1
//	sudo denied             sudo was asked for and refused (from the command line)
//	options WORDS           what the script understood of its command line
//	container NAME          container= of process 1's environment (root) or /run/systemd/container
//	dockerenv yes           /.dockerenv exists
//	containerenv yes        /run/.containerenv exists (podman)
//	proc_vz yes             /proc/vz exists (OpenVZ node or container)
//	proc_bc yes             /proc/bc exists (OpenVZ node only)
//	= release PATH          the first of os-release, redhat-release, SuSE-release, debian_version, openwrt_release, alpine-release, …
//	|raw lines, at most 30
//	= localtime             /etc/localtime in hex, where the log is the evidence: it knows summer time
//	|54 5a 69 66 …          any number of bytes a line
//	= cgroup1               /proc/1/cgroup
//	|raw lines, at most 15
//	= cmdline               words of /proc/cmdline that begin with sysctl.
//	|sysctl.net.ipv4.tcp_max_tw_buckets=5000
//
// # limits
//
//	net.ipv4.tcp_max_tw_buckets 131072
//	net.ipv4.ip_local_port_range 32768 60999
//
// One line for each sysctl that exists and can be read: dotted name, value with
// blanks folded to one. The list is in probe.sh; it covers the names in the
// JSON's facts.sysctl and the limits and fill of conntrack
// (net.netfilter.nf_conntrack_count and _max, or net.ipv4.netfilter.ip_conntrack_*),
// neighbour tables (net.ipv4.neigh.default.gc_thresh3, net.ipv6.…), tcp_mem,
// tcp_max_orphans.
//
// # counters, counters-last
//
//	uptime SECONDS          when this reading was made, two decimals
//	= netstat               /proc/net/netstat
//	|TcpExt: NAME…          header and value line(s) of TcpExt only
//	|TcpExt: N…
//	= snmp                  /proc/net/snmp, Tcp only
//	|Tcp: RtoAlgorithm …
//	|Tcp: 1 …
//	= sockstat
//	|TCP: inuse 14 orphan 0 tw 165 alloc 14 mem 0
//	= sockstat6
//	|TCP6: inuse 2
//
// # tables
//
//	neighbour4 N            entries of the IPv4 neighbour table, all namespaces
//	neighbour6 N
//
// # openvz
//
// Empty on other kernels.
//
//	bc UID RESOURCE HELD MAXHELD BARRIER LIMIT FAILCNT
//
// Rows of /proc/user_beancounters for kmemsize, numtcpsock, tcpsndbuf,
// tcprcvbuf and numothersock, at most 256 UIDs. The two sysctls of OpenVZ are
// in limits.
//
// # namespaces, namespaces-last
//
//	own ID                  inode of the login's own namespace; absent before Linux 3.0
//	by ns | procnet         how they are told apart: see below
//	processes N             processes looked at
//	refused N               processes whose namespace could not be told
//	found N                 distinct namespaces besides our own (may exceed the blocks: 256)
//	named N                 without root: more names than that under /run/netns or docker's, so
//	                        that some have no process and can be read by root only
//	hidepid yes             other users' processes are invisible: more namespaces may exist
//	unseen CGROUP           (repeated, at most 20) cgroup of a refused process that looks like a container's
//	= ns ID PID             one for each namespace but our own; PID 0: no process, a name under /run/netns
//	comm NAME               of PID
//	cgroup PATH             of PID, the most telling one
//	netns NAME              its name under /run/netns or docker's
//	uptime SECONDS
//	tw N                    sockstat
//	overflow N              TCPTimeWaitOverflow; absent: no such counter or not readable
//	limit N                 tcp_max_tw_buckets of that namespace (root only)
//	hostname NAME           of PID, where it has one of its own
//
// ID is the inode in net:[ID] with "by ns". Without the right to read that,
// namespaces are told apart by the inode of their /proc/PID/net/netstat ("by
// procnet"): ID is then "p" and that inode, and no limit can be read.
// namespaces-last holds only "= ns ID PID" blocks with uptime, tw, overflow.
//
// # states
//
//	source ss | netstat | proc
//	state NAME N            NAME as the source prints it: ESTAB, FIN-WAIT-2 (ss), ESTABLISHED,
//	                        FIN_WAIT2 (netstat), or the two hex digits of /proc/net/tcp (proc)
//	timewait_fin_wait2 N    of the FIN-WAIT-2 rows (ss), those that occupy a bucket
//	tw N                    sockstat, read right after the listing
//
// No state line is TIME-WAIT with source ss: TIME_WAIT sockets = tw -
// timewait_fin_wait2, never below 0. TCP sockets only. "gap states too-large":
// not listed because it would be too dear for this kernel.
//
// # top
//
//	source proc | ss
//	rows4 N, rows6 N        TIME_WAIT rows looked at in each address family
//	cut4 yes, cut6 yes      the listing of that family was cut: counts are scaled (see below)
//	peers off               addresses were not asked for
//	inbound N, outbound N, internal N
//	port PORT N LISTENING   LISTENING is 1 or 0; most first, at most 10
//	peer ADDR N             at most 10; ADDR is plain IPv4 or IPv6, a mapped one as IPv4
//	dest ADDR PORT N        of connections that we opened, at most 10
//
// Counts are scaled to the whole table when a listing was cut (5000 rows of a
// family where there are more than 20000 TIME_WAIT sockets); rows4 and rows6 are
// not. "gap top sorted": Linux since 6.15 lists side by side what goes to one
// destination, so that a part is no fair sample, and the whole is too dear. Without TIME_WAIT sockets the section holds source, rows4 and rows6.
//
// # config
//
//	systemd_sysctl PATH     systemd-sysctl is installed
//	sysctl PATH             the sysctl command
//	busybox_sysctl PATH     … which is BusyBox's
//	procps_system yes       … which knows --system
//	init_script PATH        (repeated) a start script or unit that loads sysctl files
//	sysctl_starter openrc | procd   whose start script /etc/init.d/sysctl is, when it is one of these
//	tuned_profile NAME      active profile of tuned
//	stat MTIME CTIME SIZE PATH   of the file a path leads to; CTIME or SIZE are - where they cannot be had.
//	                        One for each file looked at, and for
//	                        /proc/sys/net/ipv4/tcp_max_tw_buckets (last runtime change, best effort)
//	unreadable PATH         a file or directory that exists and cannot be read
//	skipped N               file names with control characters
//	= links                 output of ls -ld for those paths that are symbolic links
//	|lrwxrwxrwx 1 root root 14 May 29  2025 /etc/sysctl.d/99-sysctl.conf -> ../sysctl.conf
//	= file KIND PATH        KIND: sysctl, odd (in a sysctl directory, but its name is no *.conf),
//	                        script (rc.local and the like), tuned, ufw
//	|LINE TEXT              line number, blank, the line as it stands
//
// A file block is there only when lines mention tcp_max_tw_buckets or tcp_tw_,
// or when their key is a glob that may match one; at most 50 lines of a file.
// Every existing file has its stat line. Files of 1,000,000 bytes and more are not read
// ("gap config too-large").
//
// # log
//
//	mode auto | full | none
//	since EPOCH             begin of the window that was searched
//	= source FAMILY PATH    FAMILY: kern, messages, syslog, journal, dmesg, logread
//	size BYTES              on disk
//	mtime EPOCH
//	read BYTES              of text that were searched (absent for compressed files and commands)
//	unread BYTES            left out because of the budget (size on disk for a compressed file)
//	error REASON            denied, missing, no-tool, timeout, failed, budget, old (ends before since: not searched)
//	part BYTES              groups come from the newest BYTES only: there were too many records
//	count LINES             … and this many lines with our record are in all that was read
//	unattributed LINES SUM  suppressed counts outside the window of any record of ours
//	dropped LINES           records beyond 60 groups or 3000 hours
//	kernel yes | no         it holds lines of this host's kernel; absent: not looked for
//	= first                 first line of the source (the first 300 bytes), or of this host in it
//	|TEXT
//	alien yes               the newest line is another host's (a log server)
//	turned N STAMP          between the records of that hour (or the first line) and the last
//	                        line the year turned N times; only for stamps without a year
//	= last                  last line of this host; absent for compressed files, whose mtime
//	                        tells, and when alien and none was found, where nothing does
//	|TEXT
//	= earliest              first record of ours in what was read, with part and count only
//	|RECORD
//	= group KIND FORM LINES EVENTS HOST CT
//	|FIRST RECORD
//	|LAST RECORD            when LINES > 1
//	suppressed NAME LINES SUM
//	hour EVENTS LINES SUPPRESSED STAMP
//
// Everything after "= source" belongs to that source until the next "= source".
// The lines about the source itself (size to count, unattributed, dropped) come
// before its blocks, alien and turned behind first, and suppressed and hour lines within their group. Blocks
// come in any order. Groups are additive: one source may bring the same group
// twice (it was searched twice, for ours and for siblings).
// Families overlap (kern.log and syslog hold the same lines): their counts must
// not be added. Within a family the files do not overlap.
//
// KIND is ours, conntrack, neighbour, tcp-memory, orphans or syn-flood. FORM is
// kernel when nothing but stamp, host, a facility such as kern.info (BusyBox),
// "kernel:", ": ", a printk stamp or a doubled "TCP: kernel:" stands before the
// message, other when something does (HOST and CT are then -).
// LINES are records as they stand (two on a glued line count two), EVENTS has
// repeats unfolded: "message repeated N times" stands for N, and "last message
// repeated N times" of the same host adds N. HOST and CT are - when there is none; records of KIND ours
// with another HOST or CT make another group. A record is cut to the text from
// its stamp to the end of the message.
//
// suppressed counts lines "NAME: SUM callbacks (messages) suppressed" in whose
// window a record of the group fell, of the same host: at most a minute before, or
// at most a day when no other message of the kernel is known to have come between,
// for the line is printed with the next message only. NAME is net_ratelimit,
// __ratelimit, printk or NET. hour lines exist for KIND ours
// with FORM kernel, oldest first as in the source; STAMP is the rest of the line
// and one of
//
//	Mar  9 18               RFC 3164, zone of the host, no year
//	2026-11-22T19+08:00     RFC 3339, offset as written (also +0800, Z, or none)
//	@1795374000             journal: epoch of the hour
//	Mon Mar  9 18 2026      OpenWrt's logread, zone of the host
//	+2811600                printk stamp: seconds since boot, floored to the hour
//	-                       no stamp
package probe
