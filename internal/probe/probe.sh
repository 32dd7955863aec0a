# shellcheck shell=sh disable=SC2217,SC3045
# twaudit probe: reads what a Linux host knows about its TIME_WAIT bucket table
# and prints it. Read-only: it writes to standard output and nowhere else.
#
#   sh -s -- NONCE [sample=MS] [since=S] [limit=S] [logs=auto|full|none]
#            [peers=0|1] [sockets=0|1] < probe.sh      or by hand: sh probe.sh
#
# The whole script is one brace group: a shell runs it only when the closing
# brace has arrived, so a transfer that is cut short runs nothing.
{
version=1
nl='
'
unset IFS
set -f
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH

# What the shell prints waits in $out: each write is a packet, and hundreds cost
# more than the login. Flush before what may take long or prints by itself.
say() { out=$out$*$nl; }
raw() {
	if [ ${#1} -le 1000 ]; then out="$out|$1$nl"; return; fi
	flush
	printf '|%.1000s\n' "$1" || exit 1
}
flush() {
	printf %s "$out" || exit 1
	out=
}
mark() { say "twaudit-probe $nonce $*"; }
section() { mark "section $1"; }
have() { command -v "$1" >/dev/null 2>&1; }
refuse() { printf 'twaudit-probe: %s\n' "$1" >&2; exit 2; }

# first FILE: its first line in $value. Not for numbers under /proc/sys: dash
# and BusyBox read byte by byte there, and get the first digit only.
first() {
	value=
	if [ -f "$1" ] && [ -r "$1" ]; then read -r value <"$1"; fi
}

# head_of FILE LINES
head_of() {
	count=0
	while [ "$count" -lt "$2" ] && { read -r line || [ -n "$line" ]; }; do
		raw "$line"
		count=$((count + 1))
	done <"$1"
}

plain_name() { case $1 in *[[:cntrl:]]*) skipped=$((skipped + 1)); return 1 ;; esac; }

# now_cs: centiseconds since boot in $cs, as text in $up; 0 and empty where the
# kernel does not tell. 1xx - 100, for 08 is no octal number.
now_cs() {
	up='' cs=0
	read -r up value </proc/uptime
	case $up in
	*[0-9].[0-9][0-9]) cs=$((${up%.*} * 100 + 1${up#*.} - 100)) ;;
	*) up= ;;
	esac
}

# limited SECONDS COMMAND…
limited() {
	if [ -n "$timeout" ]; then timeout "$@"; else shift; "$@"; fi
}

# --- command line ---

number() {
	case $1 in '' | *[!0-9]* | 0?* | ?????????*) refuse "bad number in the request" ;; esac
}

option() {
	case $1 in
	sample=*) sample=${1#*=}; number "$sample" ;;
	since=*) since=${1#*=}; number "$since" ;;
	limit=*) limit=${1#*=}; number "$limit" ;;
	logs=auto | logs=full | logs=none) logs=${1#*=} ;;
	peers=0 | peers=1) peers=${1#*=} ;;
	sockets=0 | sockets=1) sockets=${1#*=} ;;
	sudo=denied) sudo=denied ;;
	*) refuse "unknown word in the request" ;;
	esac
}

words() {
	if [ $# -gt 0 ]; then
		case $1 in *[!0-9a-f]*) refuse "the nonce is not hexadecimal" ;; esac
		[ ${#1} -eq 32 ] || refuse "the nonce has not 32 digits"
		nonce=$1
		shift
	fi
	for word; do option "$word"; done
	if [ "$limit" -lt 5 ]; then limit=5; fi
	if [ "$sample" -gt 60000 ]; then sample=60000; fi
}

# A forced command gets the request from sshd. Only the two forms that twaudit
# sends are taken, and of them only checked words.
requested() {
	case $SSH_ORIGINAL_COMMAND in
	"sh -s -- "*) request=${SSH_ORIGINAL_COMMAND#"sh -s -- "} ;;
	"sh -c '"*"' sh "*) request=${SSH_ORIGINAL_COMMAND##*"' sh "} ;;
	*) refuse "this key may only run the twaudit probe" ;;
	esac
	# shellcheck disable=SC2086
	words $request
}

# --- limits on ourselves ---

# watchdog ends us and our children in time: the end of a session does not. It holds
# none of our streams and outlives us by 5 s at most.
watchdog() {
	exec </dev/null >/dev/null 2>&1
	trap 'kill "$nap"; exit 0' TERM
	left=$limit
	while [ "$left" -gt 0 ] && kill -0 $$; do
		step=5
		if [ "$left" -lt 5 ]; then step=$left; fi
		sleep "$step" &
		nap=$!
		wait "$nap"
		left=$((left - step))
	done
	trap - TERM
	read -r me value </proc/self/stat
	reap
	kill -9 $$
}

# reap kills the descendants of $$, but $me, whose numbers are in no order.
reap() {
	family=" $$ "
	grown=1
	set +f
	while [ "$grown" = 1 ]; do
		grown=0
		for dir in /proc/[0-9]*; do
			pid=${dir#/proc/}
			case "$family" in *" $pid "*) continue ;; esac
			read -r line <"$dir/stat" || continue
			line=${line##*") "}
			line=${line#* }
			case "$family" in *" ${line%% *} "*) ;; *) continue ;; esac
			if [ "$pid" != "$me" ]; then
				family="$family$pid "
				grown=1
			fi
		done
	done
	set -f
	# shellcheck disable=SC2086
	kill -9 ${family#" $$ "}
}

# From here on no byte can be written to a file, whatever a tool does; pipes are
# none. ksh93 passes command output through a temporary file of its own.
bound() {
	case ${KSH_VERSION-} in Version*) ;; *) ulimit -f 0 ;; esac
	ulimit -c 0
	ulimit -S -t "$limit"
	ulimit -S -v 262144
}

find_timeout() {
	timeout=
	have timeout || return 0
	# Before 1.30 BusyBox wanted "timeout -t SECONDS".
	for file in /usr/bin/timeout /bin/timeout /usr/sbin/timeout /sbin/timeout; do
		if [ -L "$file" ]; then timeout 5 true </dev/null || return 0; fi
	done
	timeout=yes
}

# --- identity ---

# identity: 1 when there is nothing more to ask.
identity() {
	section identity
	first /proc/sys/kernel/ostype
	ostype=$value
	if [ -z "$ostype" ]; then ostype=$(exec uname -s </dev/null); fi
	say "ostype $ostype"
	if [ "$ostype" != Linux ]; then return 1; fi
	if [ ! -r /proc/uptime ] && [ ! -r /proc/net/sockstat ]; then
		say "proc missing"
		return 1
	fi
	names
	clock
	process_one
	zone
	release
	say "options sample=$sample since=$since limit=$limit logs=$logs peers=$peers sockets=$sockets"
	if [ -n "$sudo" ]; then say "sudo $sudo"; fi
	have awk || say "gap awk no-tool"
	return 0
}

# fact KEY: prints $value unless it is empty.
fact() { if [ -n "$value" ]; then say "$1 $value"; fi; }

names() {
	first /proc/sys/kernel/osrelease
	kernel=$value
	fact kernel
	first /proc/sys/kernel/arch
	if [ -z "$value" ]; then value=$(exec uname -m </dev/null); fi
	arch=$value
	fact arch
	first /proc/sys/kernel/hostname
	fact hostname
	first /proc/sys/kernel/random/boot_id
	fact boot_id
	first /etc/machine-id
	if [ -z "$value" ]; then first /var/lib/dbus/machine-id; fi
	fact machine_id
	kernel_age
}

# kernel_age: quadratic=1 before 2.6.37, whose /proc/net/tcp costs the square of
# its rows; silent=1 from 2.6.38 on, which never log overflows; sorted=1 from 6.15
# on, which keep the connections to one destination side by side.
kernel_age() {
	quadratic=0 silent=1 sorted=0
	case $kernel in
	2.6.*) ;;
	[01].* | 2.[0-5].*) quadratic=1 silent=0; return ;;
	6.1[5-9]* | 6.[2-9][0-9]* | [7-9].* | [1-9][0-9]*) sorted=1; return ;;
	*) return ;;
	esac
	patch=${kernel#2.6.}
	patch=${patch%%[!0-9]*}
	if [ "${patch:-0}" -lt 37 ]; then quadratic=1; fi
	if [ "${patch:-0}" -lt 38 ]; then silent=0; fi
}

clock() {
	value=$(exec date '+%s %z' </dev/null)
	now=${value%% *}
	case $now in '' | *[!0-9]*) now=0 value= ;; esac
	fact clock
	now_cs
	begun=$cs value=$up
	fact uptime
	uid=
	while read -r word line value; do
		case $word in Uid:) uid=${value%%[!0-9]*}; break ;; esac
	done </proc/self/status
	if [ -z "$uid" ]; then uid=$(exec id -u </dev/null); fi
	value=$uid
	fact uid
	read -r word value line </proc/meminfo
	if [ "$word" = MemTotal: ]; then say "mem_total_kb ${value%% *}"; fi
}

# zone: log stamps are by the clock on the wall, with its summer time.
zone() {
	if [ "$silent" = 1 ] || [ ! -r /etc/localtime ] || ! have od; then return 0; fi
	value=$(exec od -A n -v -t x1 -N 8192 /etc/localtime </dev/null)
	say "= localtime"
	IFS=$nl
	for line in $value; do raw "$line"; done
	unset IFS
}

process_one() {
	first /proc/1/comm
	if [ -z "$value" ]; then
		first /proc/1/stat
		value=${value#*"("}
		value=${value%%")"*}
	fi
	pid1=$value
	fact pid1
	first /run/systemd/container
	if [ -z "$value" ]; then
		# read drops the NULs, so values run into the next name.
		first /proc/1/environ
		case $value in
		*container=lxc*) value=lxc ;;
		*container=docker*) value=docker ;;
		*container=podman*) value=podman ;;
		*container=oci*) value=oci ;;
		*container=systemd-nspawn*) value=systemd-nspawn ;;
		*) value= ;;
		esac
	fi
	fact container
	if [ -e /.dockerenv ]; then say "dockerenv yes"; fi
	if [ -e /run/.containerenv ]; then say "containerenv yes"; fi
	if [ -e /proc/vz ]; then say "proc_vz yes"; fi
	if [ -e /proc/bc ]; then say "proc_bc yes"; fi
	if [ -r /proc/1/cgroup ]; then
		say "= cgroup1"
		head_of /proc/1/cgroup 15
	fi
}

release() {
	for file in /etc/os-release /usr/lib/os-release /etc/redhat-release /etc/SuSE-release \
		/etc/openwrt_release /etc/alpine-release /etc/slackware-version /etc/gentoo-release \
		/etc/debian_version; do
		if [ -f "$file" ] && [ -r "$file" ]; then
			say "= release $file"
			head_of "$file" 30
			break
		fi
	done
	first /proc/cmdline
	say "= cmdline"
	for word in $value; do
		case $word in sysctl.*) raw "$word" ;; esac
	done
}

# --- sysctls and counters ---

# limits reads all sysctls with one awk; see first for why not with read.
limits() {
	section limits
	set --
	for name in \
		net/ipv4/tcp_max_tw_buckets net/ipv4/tcp_tw_reuse net/ipv4/tcp_tw_recycle \
		net/ipv4/tcp_tw_timeout net/ipv4/tcp_tw_reuse_delay net/ipv4/tcp_fin_timeout \
		net/ipv4/tcp_timestamps net/ipv4/tcp_ehash_entries net/ipv4/tcp_child_ehash_entries \
		net/ipv4/ip_local_port_range net/ipv4/ip_local_reserved_ports net/ipv4/tcp_syncookies \
		net/ipv4/tcp_max_syn_backlog net/core/somaxconn net/ipv4/tcp_abort_on_overflow \
		net/ipv4/tcp_max_orphans net/ipv4/tcp_mem net/core/warnings net/core/message_cost \
		net/core/message_burst kernel/printk_ratelimit kernel/printk_ratelimit_burst \
		kernel/dmesg_restrict net/netfilter/nf_conntrack_max net/netfilter/nf_conntrack_count \
		net/nf_conntrack_max net/ipv4/netfilter/ip_conntrack_max \
		net/ipv4/netfilter/ip_conntrack_count net/ipv4/neigh/default/gc_thresh3 \
		net/ipv6/neigh/default/gc_thresh3 net/ipv4/tcp_max_tw_buckets_ub \
		net/ipv4/tcp_max_tw_kmem_fraction; do
		if [ -r "/proc/sys/$name" ]; then
			set -- "$@" "/proc/sys/$name"
		elif [ -e "/proc/sys/$name" ]; then
			say "gap ${name##*/} denied"
		fi
	done
	if [ $# -eq 0 ]; then say "gap limits missing"; return; fi
	value=$(exec awk 'FNR == 1 {
		name = substr(FILENAME, 11)
		gsub("/", ".", name)
		$1 = $1
		print name " " substr($0, 1, 900)
	}' "$@" </dev/null) || say "gap limits failed"
	if [ -n "$value" ]; then say "$value"; fi
}

# counters NAME: one reading, by cat: a shell reads /proc byte by byte.
counters() {
	section "$1"
	now_cs
	value=$up
	fact uptime
	value=$(exec cat /proc/net/netstat /proc/net/snmp /proc/net/sockstat /proc/net/sockstat6 </dev/null)
	block netstat TcpExt:
	block snmp Tcp:
	block sockstat TCP:
	case $nl$value in *"${nl}TCP6:"*) block sockstat6 TCP6: ;; esac
	case $value in *" TCPTimeWaitOverflow"*) silent=1 ;; esac
}

# block NAME PREFIX: those lines of $value that begin with PREFIX, uncut.
block() {
	case $nl$value in *"$nl$2"*) ;; *) say "gap $1 missing"; return ;; esac
	say "= $1"
	IFS=$nl
	for line in $value; do
		case $line in "$2"*) say "|$line" ;; esac
	done
	unset IFS
}

# sockstat FILE: $tw and $inuse of a network namespace, empty when unreadable.
sockstat() {
	tw='' inuse=
	[ -r "$1" ] || return 0
	while read -r word line; do
		if [ "$word" = TCP: ]; then break; fi
	done <"$1"
	# shellcheck disable=SC2086
	set -- $line
	while [ $# -ge 2 ]; do
		case $1 in inuse) inuse=$2 ;; tw) tw=$2 ;; esac
		shift 2
	done
	case $tw in *[!0-9]*) tw= ;; esac
	case $inuse in *[!0-9]*) inuse= ;; esac
}

neighbours() {
	[ -r "$1" ] || return 0
	value=
	{ read -r line; read -r value line; } <"$1"
	case $value in '' | *[!0-9a-fA-F]*) return 0 ;; esac
	say "$2 $((0x$value))"
}

tables() {
	section tables
	neighbours /proc/net/stat/arp_cache neighbour4
	neighbours /proc/net/stat/ndisc_cache neighbour6
}

openvz() {
	section openvz
	[ -e /proc/user_beancounters ] || return 0
	if [ ! -r /proc/user_beancounters ]; then say "gap beancounters denied"; return 0; fi
	ubc='' blocks=0
	while read -r line; do
		case $line in
		[0-9]*:*)
			ubc=${line%%:*}
			line=${line#*:}
			blocks=$((blocks + 1))
			;;
		esac
		if [ "$blocks" -gt 256 ]; then say "gap beancounters budget"; break; fi
		# shellcheck disable=SC2086
		set -- $line
		case ${1-} in
		kmemsize | numtcpsock | tcpsndbuf | tcprcvbuf | numothersock)
			if [ $# -ge 6 ]; then say "bc $ubc $1 $2 $3 $4 $5 $6"; fi
			;;
		esac
	done </proc/user_beancounters
}

# --- network namespaces ---

# overflow_in FILE: TCPTimeWaitOverflow in $overflow.
overflow_in() {
	overflow='' header=
	[ -r "$1" ] || return 0
	while read -r line; do
		case $line in
		"TcpExt: "[A-Z]*) header=$line ;;
		"TcpExt: "*) overflow_of "$header" "$line" ;;
		esac
	done <"$1"
}

# overflow_of NAMES NUMBERS finds the column by its name.
overflow_of() {
	case $1 in *" TCPTimeWaitOverflow"*) ;; *) return 0 ;; esac
	line=$2
	# shellcheck disable=SC2086
	set -- ${1%%" TCPTimeWaitOverflow"*}
	column=$#
	# shellcheck disable=SC2086
	set -- $line
	if [ $# -gt "$column" ]; then
		shift "$column"
		overflow=$1
	fi
	case $overflow in *[!0-9]*) overflow= ;; esac
}

# list_namespaces: $value gets lines "INODE PATH", our own first; $asked the paths
# of the processes. Only root may read their namespaces; all may look at
# /proc/PID/net, whose files have another inode in each.
list_namespaces() {
	set +f
	if [ "$uid" = 0 ] && [ -e /proc/self/ns/net ]; then
		by=ns
		set -- /proc/[0-9]*/ns/net
		value=$(exec stat -L -c '%i %n' -- /proc/self/ns/net "$@" /run/netns/* \
			/var/run/docker/netns/* </dev/null)
	else
		by=procnet
		set -- /proc/[0-9]*/net/netstat
		value=$(exec stat -L -c '%i %n' -- /proc/self/ns/net /proc/self/net/netstat "$@" \
			/run/netns/* /var/run/docker/netns/* </dev/null)
	fi
	set -f
	case $1 in *"["*) shift ;; esac
	asked=$*
	processes=$#
}

# sort_namespaces splits that list: $own, $spaces ("ID:PID:START" each), $netns
# ("ID=PATH" each), $told (paths of processes that were told apart).
sort_namespaces() {
	own='' same='' spaces='' netns='' told='' init='' found=0 named=0 elders=0
	IFS=$nl
	for line in $value; do
		unset IFS
		id=${line%% *}
		path=${line#* }
		pid=${path#/proc/}
		pid=${pid%%/*}
		case $path in
		/proc/self/ns/net) own=$id; if [ "$by" = ns ]; then same=$id; fi; continue ;;
		/proc/self/net/netstat) same=p$id; continue ;;
		/proc/*)
			told="$told $path"
			if [ "$pid" = 1 ]; then init=$id; fi
			;;
		*) plain_name "$path" || continue; pid=0; netns="$netns$id=$path$nl" ;;
		esac
		# By their names they cannot be told from those of the processes.
		if [ "$pid$by" = 0procnet ]; then
			if [ "$id" != "$own" ]; then named=$((named + 1)); fi
			continue
		fi
		if [ "$by" = procnet ]; then id=p$id; fi
		case " $same $spaces" in
		*" $id "*) continue ;;
		*" $id:"*) elder; continue ;;
		esac
		found=$((found + 1))
		if [ "$found" -le 256 ]; then spaces="$spaces $id:$pid:"; fi
	done
	unset IFS
}

# elder: the process of a namespace that began first. One of a login is gone soon,
# and numbers wrap.
elder() {
	known=${spaces#*" $id:"}
	known=${known%%" "*}
	case $known/$pid/$elders in 1:* | */0/* | */2000) return 0 ;; esac
	elders=$((elders + 1))
	value=${known#*:}
	if [ -z "$value" ]; then begun "${known%%:*}"; fi
	oldest=$value
	begun "$pid"
	if [ "$value" -ge "$oldest" ]; then pid=${known%%:*} value=$oldest; fi
	spaces="${spaces%%" $id:"*} $id:$pid:$value${spaces#*" $id:$known"}"
}

# begun PID: its start in $value; late when gone.
begun() {
	line=
	value=999999999999999
	{ read -r line <"/proc/$1/stat"; } || return 0
	# shellcheck disable=SC2086
	set -- ${line##*") "}
	case ${20-} in '' | *[!0-9]*) ;; *) value=${20} ;; esac
}

# refusals: $refused gets the processes that live and were not told apart; both
# lists have one order. Zombies, and those about to be, have none.
refusals() {
	refused=
	# shellcheck disable=SC2086
	set -- $told
	[ $# -ne "$processes" ] || return 0
	for path in $asked; do
		if [ "$path" = "${1-}" ]; then shift; continue; fi
		path=${path#/proc/}
		path=${path%%/*}
		line=
		{ read -r line <"/proc/$path/stat"; } || continue
		line=${line##*") "}
		case $line in [ZX]*) continue ;; esac
		# PF_EXITING: proc_pid_stat(5), flags.
		line=${line#* * * * * * }
		line=${line%% *}
		case $line in '' | *[!0-9]*) line=0 ;; esac
		[ $((line & 4)) -ne 0 ] || refused="$refused $path"
	done
}

cgroup_of() {
	cgroup=
	[ -r "/proc/$1/cgroup" ] || return 0
	while read -r line; do
		line=${line#*:}
		line=${line#*:}
		if [ ${#line} -gt ${#cgroup} ]; then cgroup=$line; fi
	done <"/proc/$1/cgroup"
	case $cgroup in *[[:cntrl:]]*) cgroup= ;; esac
}

# netns_path ID: the file under /run/netns in $path, empty when it has none.
netns_path() {
	path=
	case "$nl$netns" in *"$nl$1="*) ;; *) return 0 ;; esac
	path="$nl$netns"
	path=${path#*"$nl$1="}
	path=${path%%"$nl"*}
}

# readings ID PID [limit]: uptime, tw, overflow and, with a third word, limit.
# The limit cannot be had from /proc/PID/root/proc/sys: that shows our own.
readings() {
	overflow='' cap='' name=
	now_cs
	if [ "$2" != 0 ]; then
		sockstat "/proc/$2/net/sockstat"
		overflow_in "/proc/$2/net/netstat"
		if [ $# -eq 3 ] && [ "$by" = ns ] && have nsenter; then
			cap=$(exec nsenter -t "$2" -n -u cat /proc/sys/net/ipv4/tcp_max_tw_buckets /proc/sys/kernel/hostname </dev/null)
			case $cap in *"$nl"*) name=${cap#*"$nl"} cap=${cap%%"$nl"*} ;; esac
		fi
	else
		readings_by_name "$1"
	fi
	value=$up
	fact uptime
	value=$tw
	fact tw
	value=$overflow
	fact overflow
	value=$cap
	case $value in *[!0-9-]*) value= ;; esac
	if [ $# -eq 3 ]; then
		fact limit
		value=$name
		plain_name "$value" && fact hostname
	fi
}

# readings_by_name: without a process.
readings_by_name() {
	tw='' header=
	netns_path "$1"
	have nsenter && [ -n "$path" ] || return 0
	value=$(exec nsenter --net="$path" cat /proc/sys/net/ipv4/tcp_max_tw_buckets \
		/proc/net/sockstat /proc/net/netstat </dev/null)
	IFS=$nl
	for line in $value; do
		unset IFS
		case $line in
		"TCP: "*" tw "*) tw=${line#*" tw "}; tw=${tw%% *} ;;
		"TcpExt: "[A-Z]*) header=$line ;;
		"TcpExt: "*) overflow_of "$header" "$line" ;;
		[0-9-]*) cap=$line ;;
		esac
	done
	unset IFS
	case $tw in *[!0-9]*) tw= ;; esac
}

namespaces() {
	flush
	section namespaces
	spaces='' netns=
	if ! have stat; then say "gap namespaces no-tool"; return; fi
	list_namespaces
	sort_namespaces
	if [ -n "$own" ]; then
		say "own $own"
		netns_path "$own"
		case $path$init in /run/netns/*"$own") ;; /run/netns/*) say "netns ${path##*/}" ;; esac
	fi
	say "by $by"
	say "processes $processes"
	refusals
	# shellcheck disable=SC2086
	set -- $refused
	say "refused $#"
	say "found $found"
	if [ "$named" -gt "$found" ]; then say "named $named"; fi
	if [ "$uid" != 0 ] && [ ! -r /proc/1/stat ]; then say "hidepid yes"; fi
	unseen
	for id in $spaces; do
		pid=${id#*:}
		pid=${pid%%:*}
		id=${id%%:*}
		say "= ns $id $pid"
		if [ "$pid" != 0 ]; then
			first "/proc/$pid/comm"
			plain_name "$value" && fact comm
			cgroup_of "$pid"
			value=$cgroup
			fact cgroup
		fi
		netns_path "$id"
		value=${path##*/}
		fact netns
		readings "$id" "$pid" limit
	done
}

# unseen names containers among the refused processes.
unseen() {
	seen=$nl shown=0
	for pid in $refused; do
		cgroup_of "$pid"
		case $cgroup in
		*docker* | *kubepods* | *lxc* | *libpod* | *containerd* | *crio* | *machine.slice/*) ;;
		*) continue ;;
		esac
		case $seen in *"$nl$cgroup$nl"*) continue ;; esac
		seen="$seen$cgroup$nl"
		shown=$((shown + 1))
		if [ "$shown" -gt 20 ]; then break; fi
		say "unseen $cgroup"
	done
}

namespaces_last() {
	section namespaces-last
	for id in $spaces; do
		pid=${id#*:}
		pid=${pid%%:*}
		say "= ns ${id%%:*} $pid"
		readings "${id%%:*}" "$pid"
	done
}

# --- TCP states and who makes them ---

# sizes: sockets of our namespace in $total, TIME_WAIT buckets in $tw.
sizes() {
	sockstat /proc/net/sockstat
	total=$((${inuse:-0} + ${tw:-0}))
	if [ -r /proc/net/sockstat6 ]; then
		read -r word line value </proc/net/sockstat6
		value=${value%%[!0-9]*}
		total=$((total + ${value:-0}))
	fi
}

# too_dear MOST: a listing of more rows than MOST would take seconds here.
too_dear() {
	[ "$quadratic" = 1 ] && [ "$sockets" = 0 ] && [ "$total" -gt "$1" ]
}

# sockets prints the sections states and top, both from one listing: the kernel
# walks its whole table for each.
sockets() {
	section states
	sizes
	if too_dear 20000; then without_listing too-large; return; fi
	most=20000 how=whole
	if [ "$sockets" = 1 ]; then
		most=500000
	elif [ "${tw:-0}" -gt 20000 ]; then
		most=5000 how=sample
		if [ "$sorted" = 1 ]; then how=states; fi
	fi
	if have ss; then
		tally
		case $? in 0) return ;; 5) how=both; tally && return ;; esac
	fi
	if too_dear 10000; then without_listing too-large; return; fi
	if [ "$how" = whole ] && have netstat && states_netstat; then how=rows; else how=proc; fi
	tally || without_listing failed
}

without_listing() {
	say "gap states $1"
	value=$tw
	fact tw
	section top
	say "gap top $1"
}

# tally lists, by $how: with ss all sockets (whole), all but TIME_WAIT (states, both)
# or these of IPv6 too (sample); without ss (proc, rows where states are known). -o tells the FIN_WAIT2 sockets that occupy a bucket. It returns 1 when the
# listing failed, 5 when IPv6 has too many rows, and has printed nothing then.
tally() {
	flush
	{
		case $how in
		whole) limited 10 ss -tano </dev/null; listed ;;
		states | both) limited 10 ss -tano exclude time-wait </dev/null; listed ;;
		sample)
			limited 10 ss -4tano exclude time-wait </dev/null; listed
			limited 10 ss -6tano </dev/null; listed
			;;
		esac
	} | awk -v how="$how" -v tw="$tw" -v most="$most" -v sorted="$sorted" -v peers="$peers" -v arch="$arch" \
		-v nonce="$nonce" "$tally_program"
}

listed() { printf '\nlisted %s\n' "$?"; }

states_netstat() {
	flush
	{
		limited 10 netstat -ant </dev/null
		printf '\nstatus %s\n' "$?"
	} | awk '
		$1 == "status" { status = $2; next }
		$1 == "Proto" { header = 1; next }
		/^tcp/ && header { count[$NF]++ }
		END {
			if (!header || status != 0) exit 1
			print "source netstat"
			for (s in count) print "state " substr(s, 1, 20) " " count[s]
		}'
}

# What ss leaves out is sampled from /proc/net/tcp, whose reader may stop: its rows
# are in hash order, so the first ones will do.
# shellcheck disable=SC2016
tally_program='
function ipv4(a) {
	if (big) return byte[substr(a,1,2)] "." byte[substr(a,3,2)] "." byte[substr(a,5,2)] "." byte[substr(a,7,2)]
	return byte[substr(a,7,2)] "." byte[substr(a,5,2)] "." byte[substr(a,3,2)] "." byte[substr(a,1,2)]
}
function ipv6(a,   i, w, s) {
	s = ""
	for (i = 0; i < 4; i++) {
		w = substr(a, i * 8 + 1, 8)
		if (!big) w = substr(w,7,2) substr(w,5,2) substr(w,3,2) substr(w,1,2)
		s = s (i ? ":" : "") substr(w,1,4) ":" substr(w,5,4)
	}
	return tolower(s)
}
# cut takes an end point apart, into A and P, and tells its family in SIX. A
# mapped address is written as an IPv4 one.
function cut(e,   n) {
	if (hex) {
		n = length(e)
		SIX = n > 13
		P = byte[substr(e, n - 3, 2)] * 256 + byte[substr(e, n - 1)]
		A = substr(e, 1, n - 5)
		if (SIX && substr(A, 1, 24) == mapped) A = ipv4(substr(A, 25))
		else A = SIX ? ipv6(A) : ipv4(A)
		return
	}
	n = index(e, ":")
	P = substr(e, n + 1)
	A = substr(e, 1, n - 1)
	SIX = index(P, ":") > 0
	if (SIX) {
		match(e, /:[0-9*]+$/)
		P = substr(e, RSTART + 1)
		A = substr(e, 1, RSTART - 1)
		gsub(/^\[|\]$/, "", A)
		sub(/^::ffff:/, "", A)
	}
	sub(/%.*$/, "", A)
}
# best prints the ten largest of all[].
function best(word,   i, k, n, key) {
	for (i = 0; i < 10; i++) key[i] = ""
	n = 0
	for (k in all) {
		if (n == 10 && all[k] <= all[key[9]]) continue
		i = n < 10 ? n++ : 9
		while (i > 0 && all[key[i-1]] < all[k]) { key[i] = key[i-1]; i-- }
		key[i] = k
	}
	for (i = 0; i < n; i++) show(word, key[i], all[key[i]])
}
function show(word, k, n,   part) {
	if (word == "port") printf "port %d %.0f %d\n", k, n, (k in listens)
	else if (word == "peer") printf "peer %s %.0f\n", k, n
	else { split(k, part, " "); printf "dest %s %d %.0f\n", part[1], part[2], n }
}
# gather makes all[] of the two families, each scaled to its whole.
function gather(four, six,   k) {
	for (k in all) delete all[k]
	for (k in four) all[k] = four[k] * w4
	for (k in six) all[k] += six[k] * w6
}
# socket counts one row.
function socket(state, here, there,   out, lport) {
	count[state]++
	if (state != time_wait && ++others > 60000) return
	cut(here)
	if (state == time_wait && rows[SIX] == most) { full[SIX] = 1; return }
	mine[A] = 1
	if (state == listening) listens[P] = 1
	if (state != time_wait) return
	rows[SIX]++
	lport = P
	out = !(lport in listens)
	# The family of a mapped address is that of its listing.
	if (SIX) { cut(there); ports6[lport]++; pairs6[A " " out]++; peers6[A]++; if (out) dest6[A " " P]++ }
	else { cut(there); ports4[lport]++; pairs4[A " " out]++; peers4[A]++; if (out) dest4[A " " P]++ }
}
# scan reads all rows, or those in TIME_WAIT until there are enough.
function scan(file, part, six,   n, i, c) {
	if (!hex++) for (i = 0; i < 256; i++) { c = sprintf("%02X", i); byte[c] = i }
	time_wait = "06"; listening = "0A"
	while ((getline < file) > 0 && !(part && (full[six] || n > 60000))) {
		good++
		if (n++ && (!part || $4 == "06")) socket($4, $2, $3)
	}
}
BEGIN {
	big = arch ~ /^(s390|ppc$|ppc64$|mips$|mips64$|sparc|parisc|m68k|armeb)/
	mapped = big ? "00000000000000000000FFFF" : "0000000000000000FFFF0000"
	source = how == "proc" || how == "rows" ? "proc" : "ss"
	time_wait = "TIME-WAIT"; listening = "LISTEN"
	wanted = how == "sample" ? 2 : 1
	if (source == "proc") { scan("/proc/net/tcp", 0, 0); scan("/proc/net/tcp6", 0, 1) }
}
$1 == "listed" { if ($2 == 0 && header) good++; header = 0; next }
$1 == "State" { header = 1; next }
!header || NF < 4 { next }
$1 == "FIN-WAIT-2" && /timer:\(timewait/ { mini++ }
{ socket($1, $4, $5) }
how == "sample" && full[1] { exit }
END {
	if (how == "sample" && full[1]) exit 5
	if (good < wanted) exit 1
	states()
	if (how == "sample" || how == "both") scan("/proc/net/tcp", 1, 0)
	if (how == "both") scan("/proc/net/tcp6", 1, 1)
	print "twaudit-probe " nonce " section top"
	top()
}
function states(   file, i) {
	if (how != "rows") {
		print "source " source
		if (source == "ss") delete count[time_wait]
		for (i in count) print "state " substr(i, 1, 20) " " count[i]
		if (source == "ss") print "timewait_fin_wait2 " mini + 0
	}
	file = "/proc/net/sockstat"
	while ((getline < file) > 0)
		if ($1 == "TCP:") for (i = 2; i < NF; i += 2) if ($i == "tw" && $(i+1) ~ /^[0-9]+$/) print "tw " $(i+1)
}
function top(   r4, r6, k, part) {
	if (tw == "") { print "gap top missing"; return }
	if (how == "states" || sorted && (full[0] || full[1])) { print "gap top sorted"; return }
	if (!peers) print "peers off"
	r4 = rows[0] + 0; r6 = rows[1] + 0; w4 = 1; w6 = 1
	tw -= mini
	if (full[0] && full[1]) { if (tw > r4 + r6) w4 = w6 = tw / (r4 + r6) }
	else if (full[0]) { if (r4 && tw - r6 > r4) w4 = (tw - r6) / r4 }
	else if (full[1]) { if (r6 && tw - r4 > r6) w6 = (tw - r4) / r6 }
	print "source " source
	print "rows4 " r4
	print "rows6 " r6
	if (full[0]) print "cut4 yes"
	if (full[1]) print "cut6 yes"
	if (!(r4 + r6)) return
	gather(pairs4, pairs6)
	for (k in all) {
		split(k, part, " ")
		if (part[1] ~ /^(127\..*|::1|(0000:)+0001)$/ || (part[1] in mine)) internal += all[k]
		else if (part[2]) outbound += all[k]
		else inbound += all[k]
	}
	printf "inbound %.0f\noutbound %.0f\ninternal %.0f\n", inbound, outbound, internal
	gather(ports4, ports6)
	best("port")
	if (!peers) return
	gather(peers4, peers6)
	best("peer")
	gather(dest4, dest6)
	best("dest")
}'

# --- sysctl files ---

# The kind of a file follows from its path; lines are ours when they name a key
# of ours or are a glob that may match one. systemd knows globs.
# shellcheck disable=SC2016
config_program='
function kind(f) {
	if (f ~ /^\/etc\/ufw\//) return "ufw"
	if (f ~ /\/tuned\//) return "tuned"
	if (f == "/etc/sysctl.conf" || f ~ /\/sysctl\.d\/[^\/]*\.conf$/) return "sysctl"
	if (f ~ /sysctl/) return "odd"
	return "script"
}
function matching(s,   i) {
	sub(/^[ \t]*-?[ \t]*/, "", s)
	sub(/[ \t]*=.*$/, "", s)
	i = match(s, /[*?\[]/)
	if (!i || s ~ /^[#;]/) return 0
	s = substr(s, 1, i - 1)
	gsub("/", ".", s)
	return index("net.ipv4.tcp_max_tw_buckets", s) == 1 || index("net.ipv4.tcp_tw_", s) == 1
}
FNR == 1 { shown = 0 }
shown < 50 && (/tcp_max_tw_buckets|tcp_tw_/ || (/[*?\[]/ && matching($0))) {
	if (!shown++) print "= file " kind(FILENAME) " " FILENAME
	print "|" FNR " " substr($0, 1, 900)
}'

config() {
	flush
	section config
	skipped=0
	readers
	config_files
	if [ "$skipped" -gt 0 ]; then say "skipped $skipped"; fi
}

readers() {
	for file in /usr/lib/systemd/systemd-sysctl /lib/systemd/systemd-sysctl; do
		if [ -x "$file" ]; then say "systemd_sysctl $file"; break; fi
	done
	sysctl=
	for file in /usr/sbin/sysctl /sbin/sysctl /usr/bin/sysctl /bin/sysctl; do
		if [ -x "$file" ]; then sysctl=$file; say "sysctl $file"; break; fi
	done
	if [ "$pid1" != systemd ] && [ -n "$sysctl" ] && [ ! -L "$sysctl" ]; then
		if grep -q -e --system "$sysctl" </dev/null; then say "procps_system yes"; fi
	fi
	for file in /etc/init.d/procps /etc/init.d/procps.sh /etc/init.d/sysctl /etc/init.d/boot.sysctl \
		/etc/init/procps.conf /etc/rc.d/rc.sysinit /etc/init.d/rcS; do
		if [ -e "$file" ]; then say "init_script $file"; fi
	done
	first /etc/init.d/sysctl
	case $value in
	"#!"*/openrc-run* | "#!"*/runscript*) say "sysctl_starter openrc" ;;
	"#!"*/etc/rc.common*) say "sysctl_starter procd" ;;
	esac
	if [ -d /etc/tuned ]; then
		first /etc/tuned/active_profile
		plain_name "$value" && fact tuned_profile
	fi
}

# config_files: $changed gets the newest change of a file that mentions our key.
config_files() {
	changed=0
	set +f
	set -- /etc/sysctl.conf /etc/sysctl.conf?* /etc/sysctl.d/* /run/sysctl.d/* \
		/usr/local/lib/sysctl.d/* /usr/lib/sysctl.d/* /etc/rc.local /etc/rc.d/rc.local \
		/etc/init.d/boot.local /etc/local.d/*.start /etc/rc.conf /jffs/scripts/* \
		/etc/firewall.user /etc/ufw/sysctl.conf
	# On a merged /usr /lib/sysctl.d is /usr/lib/sysctl.d.
	if [ ! -L /lib ]; then set -- "$@" /lib/sysctl.d/*; fi
	if [ -e /etc/tuned/active_profile ]; then
		set -- "$@" /etc/tuned/*/tuned.conf /etc/tuned/profiles/*/tuned.conf \
			/usr/lib/tuned/*/tuned.conf /usr/lib/tuned/profiles/*/tuned.conf
	fi
	set -f
	for dir in /etc/sysctl.d /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
		if [ -d "$dir" ] && [ ! -r "$dir" ]; then say "unreadable $dir"; fi
	done
	left=300 links=
	for file; do
		shift
		# A link to /dev/null masks the files of its name in other directories.
		if [ ! -f "$file" ] && ! { [ -L "$file" ] && [ -c "$file" ]; }; then continue; fi
		plain_name "$file" || continue
		if [ "$left" -eq 0 ]; then say "gap config too-large"; break; fi
		left=$((left - 1))
		if [ -L "$file" ]; then links=$links$nl$file; fi
		if [ ! -r "$file" ]; then say "unreadable $file"; fi
		set -- "$@" "$file"
	done
	if [ -n "$sysctl" ] && [ -L "$sysctl" ]; then links=$links$nl$sysctl; fi
	link_targets
	stat_files "$@"
	read_files "$@"
}

link_targets() {
	[ -n "$links" ] || return 0
	IFS=$nl
	# shellcheck disable=SC2086
	value=$(exec ls -ld $links </dev/null)
	case $value in *"/sysctl -> "*busybox*) say "busybox_sysctl $sysctl" ;; esac
	say "= links"
	for line in $value; do raw "$line"; done
	unset IFS
}

# stat_files: $stats gets one line "stat MTIME CTIME SIZE PATH" for each file and
# for that under /proc/sys, whose mtime is that of the last write by sysctl.
stat_files() {
	own_key=/proc/sys/net/ipv4/tcp_max_tw_buckets
	if have stat; then
		stats=$(exec stat -L -c 'stat %Y %Z %s %n' -- "$@" "$own_key" </dev/null)
	else
		stats=
		for file in "$@" "$own_key"; do
			value=$(exec date -r "$file" +%s </dev/null)
			case $value in '' | *[!0-9]*) continue ;; esac
			stats="${stats}stat $value - - $file$nl"
		done
	fi
	if [ -n "$stats" ]; then say "$stats"; else say "gap stat failed"; fi
}

# read_files prints the lines of the files that have a line in $stats.
read_files() {
	set --
	IFS=$nl
	for line in $stats; do
		path=${line#stat * * * }
		value=${line%" $path"}
		value=${value##* }
		case $path in /proc/*) continue ;; esac
		case $value in ???????*) say "gap config too-large"; continue ;; esac
		if [ -f "$path" ] && [ -r "$path" ]; then set -- "$@" "$path"; fi
	done
	unset IFS
	[ $# -gt 0 ] || return 0
	value=$(exec awk "$config_program" "$@" </dev/null) || say "gap config failed"
	[ -n "$value" ] || return 0
	say "$value"
	newest_change "$value"
}

# newest_change BLOCKS: $changed, the newest mtime of a file among them that is
# not in the future.
newest_change() {
	IFS=$nl
	for line in $stats; do
		path=${line#stat * * * }
		case "$nl$1" in *"$nl= file "*" $path$nl"*) ;; *) continue ;; esac
		line=${line#stat }
		line=${line%% *}
		if [ "$line" -gt "$changed" ] && [ "$line" -le "$now" ]; then changed=$line; fi
	done
	unset IFS
}

# --- kernel log ---

# collate turns matching lines into a few groups. Input is the output of grep
# with a context line ("--" between stretches) or of a command (stream=1), then
# a status line that begins with our nonce. It exits 3 when the search failed, with
# nothing printed, and 4 when there are more lines than it was given, with their
# number and the first record. With years=1, 5: records of ours have no year.
# shellcheck disable=SC2016
collate_program='
# stamp splits p, what stands before a message: HOUR, SEC (of the day, or -1), DAY
# (of a leap year, or since 1970 or boot) and the REST. Minutes and seconds begin
# at CLOCK (0: unknown) and end before ZONE.
function stamp(p,   i, s) {
	sub(/^<[0-9]+>/, "", p)
	HOUR = "-"; SEC = DAY = -1; REST = p; CLOCK = 0
	if (match(p, /^[A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9] ?/)) {
		i = index(p, ":")
		HOUR = substr(p, 1, i - 1)
		daytime(p, i)
		DAY = before[month(p)] + substr(p, 5)
		CLOCK = i; ZONE = i + 6
	} else if (match(p, /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9][^ ]* ?/)) {
		s = RLENGTH
		HOUR = substr(p, 1, 10) "T" substr(p, 12, 2)
		daytime(p, 14)
		DAY = before[substr(p, 6, 2) + 0] + substr(p, 9, 2)
		i = substr(p, 20, s - 19)
		sub(/ $/, "", i)
		if (match(i, /(Z|[+-][0-9][0-9]:?[0-9][0-9])$/)) {
			HOUR = HOUR substr(i, RSTART)
			CLOCK = 14; ZONE = 19 + RSTART
		}
		RLENGTH = s
	} else if (match(p, /^[A-Z][a-z][a-z] [A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [0-9][0-9][0-9][0-9] ?/)) {
		i = index(p, ":")
		HOUR = substr(p, 1, i - 1) substr(p, i + 6, 5)
		daytime(p, i)
		DAY = before[month(substr(p, 5))] + substr(p, 9)
	} else if (match(p, /^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]+\.[0-9]+ /)) {
		i = int(substr(p, 1, RLENGTH))
		SEC = i % 86400; DAY = int(i / 86400)
		HOUR = sprintf("@%.0f", i - i % 3600)
	} else if (match(p, /^\[ *[0-9]+\.[0-9]+\] ?/)) {
		i = substr(p, 2, RLENGTH)
		sub(/^ */, "", i)
		i = int(i)
		SEC = i % 86400; DAY = int(i / 86400)
		HOUR = sprintf("+%.0f", i - i % 3600)
	} else return
	REST = substr(p, RLENGTH + 1)
}
function daytime(p, i) { SEC = substr(p, i - 2, 2) * 3600 + substr(p, i + 1, 2) * 60 + substr(p, i + 4, 2) }
function month(s) { return (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(s, 1, 3)) + 2) / 3 }
# apart is how many seconds the second time lies after the first; 0 when unknown.
function apart(day, sec, day2, sec2,   n) {
	if (day < 0 || day2 < 0 || sec < 0 || sec2 < 0) return 0
	n = (day2 - day) * 86400 + sec2 - sec
	if (n < -60) n += 366 * 86400
	return n < 0 ? 0 : n
}
# classify reads r, what stands between stamp and message: FORM, HOST, and TIMES
# of "message repeated". Siblings have own words before the message.
function classify(r, sibling,   w) {
	FORM = "other"; HOST = "-"; TIMES = 0
	if (index(r, "[")) gsub(/\[ *[0-9]+\.[0-9]+\]:? */, "", r)
	if (match(r, /message repeated [0-9]+ times: \[ *$/)) {
		TIMES = substr(r, RSTART + 17) + 0
		r = substr(r, 1, RSTART - 1)
	}
	if (match(r, /^[^ ]+ /)) {
		w = substr(r, 1, RLENGTH - 1)
		if (w !~ /:$/ && w !~ /^[a-z0-9]+\.(emerg|alert|crit|err|error|warn|warning|notice|info|debug)$/) {
			HOST = w
			r = substr(r, RLENGTH + 1)
		} else if (w !~ /:$/ && substr(r, RLENGTH + 1) ~ /^[a-z0-9]+\.[a-z]+ kernel: /) {
			HOST = w
			r = substr(r, RLENGTH + 1)
		}
	}
	sub(/^[a-z0-9]+\.[a-z]+ /, "", r)
	if (sibling && (r ~ /^kernel: ?/ || stream)) {
		sub(/^kernel: ?/, "", r)
		sub(/^: */, "", r)
		gsub(/[A-Za-z0-9_-]+: */, "", r)
	}
	if (r ~ /^(kernel: ?)?(: *)*(TCP: kernel: ?)?$/) FORM = "kernel"
	gsub(/[^!-~]/, "?", HOST)
	if (length(HOST) > 64) HOST = substr(HOST, 1, 64)
}
# speaker is the host in a line of a kernel, of which r is what follows the stamp;
# - without a name, and empty when it is no such line.
function speaker(r,   w) {
	w = "-"
	if (match(r, /^[^ ]*[^ :] /) && substr(r, 1, RLENGTH) !~ /^[a-z0-9]+\.(emerg|alert|crit|err|error|warn|warning|notice|info|debug) $/) {
		w = substr(r, 1, RLENGTH - 1)
		r = substr(r, RLENGTH + 1)
	}
	sub(/^[a-z0-9]+\.[a-z]+ /, "", r)
	return r ~ /^kernel: / ? w : ""
}
# enter counts a record and leaves its group in G and its hour in H (0: none).
function enter(kind, pre, message, ct,   key) {
	if (FORM == "other") { HOST = "-"; ct = "-" }
	key = kind " " FORM " " HOST " " ct
	G = H = 0
	if (!(key in group)) {
		if (groups == 60) { dropped++; return }
		group[key] = ++groups
		label[groups] = key
		first[groups] = substr(pre message, 1, 400)
	}
	G = group[key]
	last[G] = substr(pre message, 1, 400)
	lines[G]++
	# rsyslog folds N further lines into one, which stands for these N.
	events[G] += TIMES ? TIMES : 1
	if (kind != "ours" || FORM != "kernel") return
	key = G SUBSEP HOUR
	if (!(key in hour)) {
		if (hours == 3000) { dropped++; return }
		hour[key] = ++hours
		hgroup[hours] = G
		hstamp[hours] = HOUR
	}
	H = hour[key]
	hlines[H]++
	hevents[H] += TIMES ? TIMES : 1
}
# records takes a line with our message apart; there may be several on it.
function records(line,   p, pre, rest, ct, n) {
	while (p = index(line, ours)) {
		pre = substr(line, 1, p - 1)
		rest = substr(line, p + length(ours))
		ct = "-"
		if (match(rest, /^ \(CT[0-9]+\)/)) {
			ct = substr(rest, 3, RLENGTH - 3)
			rest = substr(rest, RLENGTH + 1)
		}
		stamp(pre)
		# Behind a seek the first line has lost its front.
		if (partial && NR == 1 && HOUR == "-") return
		classify(REST, 0)
		enter("ours", pre, ours (ct == "-" ? "" : " (" ct ")"), ct)
		if (G && FORM == "kernel") {
			waits[HOST] = G; since[HOST] = SEC; sinceday[HOST] = DAY; at[HOST] = H
			delete rivalday[HOST]
		}
		line = rest
		sub(/^t?[ \t]+/, "", line)
		n++
	}
	same = "-"
	if (n == 1 && H && CLOCK && !TIMES && $0 !~ /^</) remember(ct == "-" ? 0 : length(ct) + 3)
}
# Most lines differ from earlier ones in minutes, seconds and the stamp of printk
# alone. skeleton is a line without these (empty when it has other words
# there); alike counts a line by its skeleton, which costs a fifth of records.
function skeleton(p,   k) {
	k = index($0, "[")
	if (!k || k > p) k = p
	else if (substr($0, k, p - k) !~ /^\[ *[0-9]+\.[0-9]+\] $/) return ""
	return substr($0, 1, clock) "\n" substr($0, zone, k - zone) "\n" substr($0, p + length(ours))
}
function remember(extra,   key) {
	clock = CLOCK; zone = ZONE
	key = skeleton(index($0, ours))
	if (key == "" || ++kept > 5000) return
	keptgroup[key] = G; kepthour[key] = H; kepthost[key] = HOST; keptextra[key] = extra; keptday[key] = DAY
}
function alike(p,   key) {
	if (!clock) return 0
	key = skeleton(p)
	if (key != same) {
		if (!(key in keptgroup)) return 0
		same = key
		samegroup = keptgroup[key]; samehour = kepthour[key]; samehost = kepthost[key]; sameextra = keptextra[key]
		sinceday[samehost] = keptday[key]
	}
	G = samegroup; H = samehour
	lines[G]++; events[G]++; hlines[H]++; hevents[H]++
	last[G] = substr($0, 1, p - 1 + length(ours) + sameextra)
	waits[samehost] = G; at[samehost] = H
	since[samehost] = substr($0, clock - 2, 8)
	if (rivals) delete rivalday[samehost]
	return 1
}
# sparing counts a line about suppressed messages. The kernel prints it with the
# next message that it lets through, maybe hours later, and means the window of
# the last one before: ours, or another one.
function sparing(line,   name, n, d, p) {
	if (!match(line, /[A-Za-z_0-9]+: [0-9]+ (callbacks|messages) suppressed/)) return
	name = substr(line, RSTART, RLENGTH)
	n = name
	sub(/:.*/, "", name)
	sub(/[^:]*: /, "", n)
	n += 0
	if (!((" " name " ") ~ / (net_ratelimit|__ratelimit|printk|NET) /)) return
	p = RSTART
	previous()
	stamp(substr(line, 1, p - 1))
	classify(REST, 0)
	if (FORM != "kernel") return
	if (index(since[HOST], ":")) { d = SEC; daytime(since[HOST], 3); since[HOST] = SEC; SEC = d }
	d = waits[HOST] ? apart(sinceday[HOST], since[HOST], DAY, SEC) : 0
	if (waits[HOST] && (d <= 60 || d <= 86400 && !between(HOST))) {
		slines[waits[HOST], name]++
		ssum[waits[HOST], name] += n
		if (at[HOST]) hspared[at[HOST]] += n
		waits[HOST] = 0
	} else { ulines++; usum += n }
}
# previous takes apart the line before: BY, the host whose kernel said something
# else there; ? when that line is not known.
function previous() {
	BY = ""
	if (prior == "") BY = "?"
	else if (!index(prior, ours) && index(prior, "kernel: ")) {
		stamp(prior)
		BY = speaker(REST); BYDAY = DAY; BYSEC = SEC
	}
}
# between is whether the window may be that of other messages, more than a minute
# after ours. Which lines are rate-limited cannot be known; the one before is.
function between(host) {
	if (BY == "?" || BY == host && apart(sinceday[host], since[host], BYDAY, BYSEC) > 60) return 1
	return (host in rivalday) && apart(sinceday[host], since[host], rivalday[host], rivalsec[host]) > 60
}
function sibling(line, kind, p) {
	stamp(substr(line, 1, p - 1))
	classify(REST, 1)
	enter(kind, line, "", "-")
	if (FORM == "kernel") { rivals = 1; rivalday[HOST] = DAY; rivalsec[HOST] = SEC }
}
function kind_of(line) {
	if (line !~ /table (full|overflow)|socket memory|tcp_mem|orphaned|SYN flooding/) return ""
	if (match(line, /[a-z_]*conntrack: table full/)) return "conntrack"
	if (match(line, /[Nn]eighbou?r table overflow/)) return "neighbour"
	if (match(line, /Out of socket memory|out of memory -- consider tuning tcp_mem/)) return "tcp-memory"
	if (match(line, /too many (of )?orphaned sockets/)) return "orphans"
	if (match(line, /[Pp]ossible SYN flooding on port/)) return "syn-flood"
	return ""
}
BEGIN {
	ours = "TCP: time wait bucket table overflow"; status = -1
	split("0 31 60 91 121 152 182 213 244 274 305 335", before, " ")
}
stream && !/kernel: |^[[<]/ && /insufficient permissions|not permitted|Permission denied/ { denied = 1 }
stream && /^No journal files/ { missing = 1; next }
stream && /^-- / { next }
stream && !denied && length($0) && index($0, nonce) != 1 {
	if (!streamed++) earliest = $0
	latest = $0
	if (!tagged && index($0, "kernel: ")) { stamp($0); tagged = speaker(REST) != "" }
}
p = index($0, ours) {
	if (only == "siblings") next
	if (alike(p)) adjhost = samehost
	else { records($0); adjhost = HOST }
	adjacent = G
	adjhour = H
	prior = ours
	next
}
index($0, nonce) == 1 {
	if ($2 == "unpack") unpack = $3
	else if ($2 == "rest") more = NF > 2 ? $3 : -1
	else status = $3
	next
}
$0 == "--" { adjacent = 0; prior = ""; next }
adjacent && match($0, /last message repeated [0-9]+ times/) {
	n = substr($0, RSTART + 22) + 0
	stamp(substr($0, 1, RSTART - 1))
	sub(/kernel: $/, "", REST)
	sub(/[a-z0-9]+\.[a-z]+ $/, "", REST)
	# On a log server it may be about the line of another host.
	if (REST == (adjhost == "-" ? "" : adjhost " ")) {
		events[adjacent] += n
		if (adjhour) hevents[adjhour] += n
	}
	adjacent = 0
	next
}
{ adjacent = 0 }
index($0, "s suppressed") { if (only != "siblings") sparing($0); prior = $0; next }
{ prior = $0 }
only != "ours" { kind = kind_of($0); if (kind != "") { TIMES = 0; sibling($0, kind, RSTART) } }
function source_lines() {
	if (stream) {
		if (missing && !streamed) print "error missing"
		else if (status != 0 && !streamed) print "error " (denied ? "denied" : status == 124 ? "timeout" : "failed")
		if (most && streamed >= most) print "gap journal budget"
		if (streamed && (stream == 1 || tagged)) print "kernel yes"
	}
	# 2 is only a warning of gzip, that something follows the packed data.
	if (unpack && !(unpack == 2 && tool == "gzip")) print "error failed"
	if (took != "") print "read " took
	if (left != "") print "unread " left
	if (ulines) printf "unattributed %.0f %.0f\n", ulines, usum
	if (dropped) printf "dropped %.0f\n", dropped
	if (streamed) print "= first\n|" substr(earliest, 1, 300) "\n= last\n|" substr(latest, 1, 300)
}
END {
	if (!stream && status != 0 && status != 1 || more < 0) exit 3
	if (more > 0) {
		printf "%.0f\n%s\n", most + more, first[1]
		exit 4
	}
	source_lines()
	for (g = 1; g <= groups; g++) {
		split(label[g], part, " ")
		printf "= group %s %s %.0f %.0f %s %s\n|%s\n", part[1], part[2], lines[g], events[g], part[3], part[4], first[g]
		if (lines[g] > 1) print "|" substr(last[g], 1, 400)
		split("net_ratelimit __ratelimit printk NET", name, " ")
		for (i = 1; i <= 4; i++)
			if ((g, name[i]) in slines) printf "suppressed %s %.0f %.0f\n", name[i], slines[g, name[i]], ssum[g, name[i]]
		for (h = 1; h <= hours; h++)
			if (hgroup[h] == g) printf "hour %.0f %.0f %.0f %s\n", hevents[h], hlines[h], hspared[h], hstamp[h]
	}
	for (h = 1; h <= hours && years; h++) if (hstamp[h] ~ /^[A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]$/) exit 5
}'

# places_program returns 0 when a big log may hold more than a year: a step to the
# next place is long, or all make a year.
# shellcheck disable=SC2016
places_program='
BEGIN { split("0 31 60 91 121 152 182 213 244 274 305 335", before, " ") }
$0 == "--" { part = 1; next }
part == 1 { part = 2; next }
part == 2 && /^[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:/ {
	part = 0
	date = before[(index("JanFebMarAprMayJunJulAugSepOctNovDec", substr($0, 1, 3)) + 2) / 3] + substr($0, 5, 2)
	step = places++ ? (date - latest + 366) % 366 : 0
	# Clocks are set back by a few days.
	if (step > 356) step = 0
	if (step > 20) long = 1
	total += step
	latest = date
}
END { exit !(long || total > 330 || places < 8) }'

# turning tells for the hours of our records, and of the first line, how often the
# year turned behind them: where the calendar falls back by half of it and goes on,
# for a week or to the end of the file. A clock that is wrong after each boot comes
# back sooner, and smaller steps are clocks that were set.
# shellcheck disable=SC2016
turning_program='
function turn(   i) {
	turns++
	for (i = 1; i <= waiting; i++) passed[waits[i]]++
}
BEGIN { split("0 31 60 91 121 152 182 213 244 274 305 335", before, " ") }
substr($0, 1, 6) != day {
	day = substr($0, 1, 6)
	m = 0
	if (day ~ /^[A-Z][a-z][a-z] [ 0-9][0-9]$/) m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(day, 1, 3)) + 2) / 3
	if (m) {
		date = before[m] + substr(day, 5)
		if (date < latest - (low ? 1 : 182)) {
			if (!low || date < low) low = date
			if (date < low + 7) back = 1
			else { turn(); back = 0 }
		} else back = 0
		if (!back) { low = waiting = 0; latest = date }
	}
}
m && (NR == 1 || index($0, "TCP: time wait bucket table overflow")) {
	hour = substr($0, 1, 9)
	if (!(hour in passed) && ++hours > 3000) next
	passed[hour] = turns
	if (low) waits[++waiting] = hour
}
END {
	if (low) turn()
	for (h in passed) if (turns > passed[h]) printf "turned %.0f %s\n", turns - passed[h], h
}'

log() {
	flush
	section log
	skipped=0
	say "mode $logs"
	if [ "$logs" = none ]; then return; fi
	from=$((now - since))
	if [ "$changed" -gt 0 ] && [ $((changed - 86400)) -lt "$from" ]; then from=$((changed - 86400)); fi
	if [ "$from" -lt 0 ]; then from=0; fi
	say "since $from"
	readable=0
	deadline=$((begun + limit * 50))
	full=0
	if [ "$logs" = full ] || [ "$silent" = 0 ]; then full=1; fi
	blind=0
	if [ "$full" = 1 ]; then own_lines; fi
	log_files
	journal
	if [ "$full" = 1 ] || [ "$readable" = 0 ]; then ring; fi
	if [ "$readable" = 0 ]; then busybox_log; fi
	if [ "$skipped" -gt 0 ]; then say "skipped $skipped"; fi
}

# own_lines: $own matches the lines of this host ($host) in a log, or without any
# name, and $own_kernel those of its kernel: on a log server the others say nothing.
# The name may be short or full, and is not set yet early in a boot.
own_lines() {
	first /proc/sys/kernel/hostname
	host=$value
	case $value in
	'' | *[!A-Za-z0-9._-]*) names='[^ ]*[^ :]' ;;
	*)
		names='-|\(none\)|localhost(\.[^ ]*)?' part=
		while [ -n "$value" ]; do
			part=$part${value%%.*}
			names="$names|$part"
			case $value in *.*) value=${value#*.} part="$part\\." ;; *) value= ;; esac
		done
		names="$names(\.[^ ]*)?"
		;;
	esac
	own='^(<[0-9]+>)?(([A-Z][a-z][a-z] )?[A-Z][a-z][a-z] +[0-9]+ [0-9:]{8}( [0-9]{4})?|[0-9-]{10}[T ][0-9]{2}:[^ ]*) '
	value='[a-z0-9]+\.(emerg|alert|crit|err|error|warn|warning|notice|info|debug) '
	own_kernel="$own(($names) )?($value)?kernel: "
	own="$own(($names) |($value)?[^ ]+: )"
	# A line ends at a NUL for the grep of BusyBox.
	printf '\000x\n' | grep -a -q -F x || blind=1
}

# by_another LINE: it begins with a stamp and the name of another host. What has
# another shape may be ours.
by_another() {
	[ "$full" = 1 ] || return 1
	# shellcheck disable=SC2086
	set -- $1
	case ${1-} in
	[A-Z][a-z][a-z]) [ $# -gt 4 ] || return 1; shift 3 ;;
	[0-9][0-9][0-9][0-9]-*T*) [ $# -gt 2 ] || return 1; shift ;;
	*) return 1 ;;
	esac
	case $1 in "$host" | "${host%%.*}" | *: | *.info | *.notice | *.warning | *.err | *.debug) return 1 ;; esac
}

# log_files: with $full all files, newest first, within 1 GiB; otherwise the end
# of the first that there is, for the sibling messages.
log_files() {
	set +f
	set -- /var/log/kern.log /var/log/kern /var/log/messages /var/log/syslog
	if [ "$full" = 1 ]; then
		set -- /var/log/kern.log* /var/log/kern /var/log/kern-* /var/log/kern.[0-9]* \
			/var/log/messages* /var/log/syslog*
	fi
	set -f
	if [ -d /var/log ] && [ ! -x /var/log ]; then say "gap logs denied"; fi
	for path; do
		shift
		if [ ! -f "$path" ] || ! plain_name "$path"; then continue; fi
		set -- "$@" "$path"
		if [ "$full" = 0 ]; then break; fi
	done
	[ $# -gt 0 ] || return 0
	budget=16777216
	if [ "$full" = 1 ]; then
		budget=1073741824
		IFS=$nl
		# shellcheck disable=SC2046
		set -- $(exec ls -1td -- "$@" </dev/null)
		unset IFS
	fi
	if have stat; then
		value=$(exec stat -L -c '%Y %s %n' -- "$@" </dev/null)
	else
		value=$(for path; do date -r "$path" "+%s - $path" </dev/null; done)
	fi
	files=$value rest=60
	IFS=$nl
	for line in $files; do
		unset IFS
		rest=$((rest - 1))
		if [ "$rest" -lt 0 ]; then say "gap logs budget"; break; fi
		mtime=${line%% *}
		line=${line#* }
		size=${line%% *}
		path=${line#* }
		log_file
	done
	unset IFS
}

# log_file: $path, $mtime and $size ("-" when unknown, then it is read whole).
log_file() {
	name=${path##*/}
	case $name in kern*) kind=kern ;; messages*) kind=messages ;; *) kind=syslog ;; esac
	say "= source $kind $path"
	if [ "$size" = - ]; then size=0; else say "size $size"; fi
	say "mtime $mtime"
	now_cs
	if [ ! -r "$path" ]; then
		say "error denied"
	elif [ "$mtime" -lt "$from" ]; then
		say "error old"
	elif [ "$cs" -ge "$deadline" ]; then
		say "unread $size${nl}error timeout"
	else
		seconds=$(((deadline - cs) / 100 + 1))
		case $name in
		*.gz | *.xz | *.bz2 | *.zst) log_packed ;;
		*) log_plain ;;
		esac
	fi
}

# The lines about the source itself come before its blocks.
log_plain() {
	readable=1
	take=$size
	if [ "$take" -gt "$budget" ]; then take=$budget; fi
	budget=$((budget - take))
	searched=$take
	from_end "$take"
	if [ "$full" = 1 ]; then kernel_lines; fi
	yearless=0
	if [ "$full" = 1 ] && [ "$blind" = 1 ]; then
		search_long
		case $? in 0) ;; 5) yearless=1 ;; *) give_up ;; esac
		search_siblings
	elif [ "$take" -le 16777216 ]; then
		search_all
		case $? in 0) ;; 5) yearless=1 ;; *) search_long || give_up ;; esac
	else
		value=$(search_ours 8000)
		case $? in
		0) say "$value" ;;
		4) yearless=1; search_newest ;;
		5) yearless=1; say "$value" ;;
		*) search_long || give_up ;;
		esac
		search_siblings
	fi
	log_ends
}

# log_ends: the first and the last line of this host. The newest line of another
# one does not show that ours still writes.
log_ends() {
	value=$(exec head -c 300 <"$path")
	value=${value%%"$nl"*}
	if by_another "$value"; then value=$(limited "$seconds" grep -a -i -m 1 -E -e "$own" <"$path"); fi
	oldest=$value
	say "= first"
	raw "$value"
	value=$(exec tail -c 2000 <"$path")
	value=${value##*"$nl"}
	if by_another "$value"; then
		say "alien yes"
		from_end 16777216
		newest_own
		if [ -z "$value" ] && [ "$skip" -gt 0 ]; then from_end "$searched"; newest_own; fi
		[ -n "$value" ] || return 0
	elif [ "$full" = 1 ] && [ "$yearless" = 1 ]; then
		turning
	fi
	say "= last"
	flush
	printf '|%.300s\n' "$value" || exit 1
}

newest_own() {
	value=$({
		seek
		limited "$seconds" grep -a -i -E -e "$own"
	} <"$path" | tail -n 1)
}

# turning looks for turns of the year in what was searched. Most files have no
# line from a month outside of $oldest to $value.
turning() {
	flush
	from_end "$searched"
	if [ "$searched" -gt 16777216 ]; then
		places | awk "$places_program" || return 0
	else
		others='Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'
		others="$others $others"
		others=${others#*"${value%% *}"}
		others=${others%%"${oldest%% *}"*}
		# shellcheck disable=SC2086
		set -- $others
		if [ $# -gt 0 ]; then
			IFS='|'
			others="^($*) "
			unset IFS
			limited "$seconds" grep -a -q -E -e "$others" <"$path" || return 0
		fi
	fi
	{
		seek
		tr -d '\000' | limited "$seconds" cut -b 1-200
	} <"$path" | awk "$turning_program"
}

# places prints the first line, 4 KB from each of 15 places, and the last line.
places() {
	printf -- '--\n\n%s\n' "$oldest"
	part=$((searched / 65536))
	for place in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		place=$((skip * 16 + part * place))
		printf '\n--\n'
		dd bs=4096 skip="$place" count=1 <"$path"
	done
	printf '\n--\n\n%s\n' "$value"
}

kernel_lines() {
	{
		seek
		limited "$seconds" grep -a -q -i -E -e "$own_kernel"
	} <"$path"
	case $? in 0) say "kernel yes" ;; 1) say "kernel no" ;; esac
}

# from_end BYTES: $skip blocks from the front and $take bytes behind them.
from_end() {
	skip=$(((size - $1) / 65536))
	take=$((size - skip * 65536))
	left=''
	if [ "$skip" -gt 0 ]; then left=$((skip * 65536)); fi
}

give_up() {
	now_cs
	if [ "$cs" -ge "$deadline" ]; then say "error timeout"; else say "error failed"; fi
	say "unread $size"
}

# seek moves the common file offset behind what the budget leaves out: a pipe
# from tail would cost more than the search.
seek() {
	if [ "$skip" -gt 0 ]; then dd bs=65536 skip="$skip" count=0; fi
}

# status tells awk how the search before it ended.
status() { printf '\n%s search %s\n' "$nonce" "$?"; }

# trim cuts long lines before awk sees them: 80 MB in one cost mawk a minute. A
# power cut leaves NULs in front of a line, by the block.
trim() {
	[ "$full" = 1 ] || exec cut -b 1-1000
	tr -d '\000' | cut -b 1-1000
}

# search_all looks for everything at once, in at most 16 MiB.
search_all() {
	flush
	{
		seek
		limited "$seconds" grep -a -F -C 1 -e 'TCP: time wait bucket table overflow' -e 's suppressed' \
			-e 'SYN flooding' -e 'conntrack: table full' -e 'r table overflow' -e 'socket memory' \
			-e 'consider tuning tcp_mem' -e 'orphaned sockets'
		status
	} <"$path" | trim | awk -v nonce="$nonce" -v years=1 -v took="$take" -v left="$left" -v partial="$skip" "$collate_program"
}

# search_ours MOST: our message alone, which is three times as fast as all, with
# a line around it for what was suppressed and repeated. Behind MOST lines grep
# leaves the file where it stopped, and the rest is counted only.
search_ours() {
	{
		seek
		limited "$seconds" grep -a -F -C 1 -m "$1" -e 'TCP: time wait bucket table overflow'
		status
		printf '%s rest ' "$nonce"
		limited "$seconds" grep -a -c -F -e 'TCP: time wait bucket table overflow'
	} <"$path" | trim | awk -v nonce="$nonce" -v most="$1" -v only=ours -v years=1 -v took="$take" -v left="$left" -v partial="$skip" "$collate_program"
}

# search_long is the second try where grep ran out of memory, as on a line of
# 100 MB: lines are cut first, at ten times the cost. Where grep is blind, the first.
search_long() {
	now_cs
	[ "$cs" -lt "$deadline" ] || return 1
	flush
	{
		seek
		tr -d '\000' | limited "$seconds" cut -b 1-1000
		printf '\n%s unpack %s\n' "$nonce" "$?"
	} <"$path" | {
		grep -a -F -C 1 -e "$nonce" -e 'TCP: time wait bucket table overflow' -e 's suppressed'
		status
	} | awk -v nonce="$nonce" -v only=ours -v years="$blind" -v took="$take" -v left="$left" -v partial="$skip" "$collate_program" || return
	if [ "$blind" = 0 ]; then say "gap long-lines budget"; fi
}

# search_newest: of too many records about the newest 8000 are taken apart; $value
# is their number and the first one.
search_newest() {
	count=${value%%"$nl"*}
	earliest=${value#*"$nl"}
	say "read $take"
	if [ -n "$left" ]; then say "unread $left"; fi
	say "count $count"
	part=$((take / (count / 8000 + 1)))
	say "part $part"
	from_end "$part"
	take='' left=''
	value=$(search_ours 500000)
	case $? in 0 | 5) say "$value" ;; *) say "gap ours failed" ;; esac
	say "= earliest"
	raw "$earliest"
}

search_siblings() {
	from_end 16777216
	flush
	{
		seek
		limited "$seconds" grep -a -F -e 'SYN flooding' -e 'conntrack: table full' -e 'r table overflow' \
			-e 'socket memory' -e 'consider tuning tcp_mem' -e 'orphaned sockets'
		status
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v only=siblings "$collate_program" || say "gap siblings failed"
}

unpack() {
	case $name in
	*.gz) limited "$seconds" gzip -dc ;;
	*.xz) limited "$seconds" xz -dc ;;
	*.bz2) limited "$seconds" bzip2 -dc ;;
	*.zst) limited "$seconds" zstd -dcq ;;
	esac
}

log_packed() {
	case $name in *.gz) tool=gzip ;; *.xz) tool=xz ;; *.bz2) tool=bzip2 ;; *) tool=zstd ;; esac
	if ! have "$tool"; then say "unread $size${nl}error no-tool"; return; fi
	if [ $((size * 10)) -gt "$budget" ]; then say "unread $size${nl}error budget"; return; fi
	budget=$((budget - size * 10))
	readable=1
	flush
	{
		{
			unpack
			printf '\n%s unpack %s\n' "$nonce" "$?"
		} | tr -d '\000' | grep -a -F -C 1 -e "$nonce" -e 'TCP: time wait bucket table overflow' -e 's suppressed' \
			-e 'SYN flooding' -e 'conntrack: table full' -e 'r table overflow' -e 'socket memory' \
			-e 'consider tuning tcp_mem' -e 'orphaned sockets'
		status
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v tool="$tool" "$collate_program" || say "error failed${nl}unread $size"
	say "= first"
	flush
	unpack <"$path" | head -c 300 | awk 'NR == 1 { print "|" $0 }'
}

# journal: an account that may not read the system's journal gets no line and
# status 0, so look at the files first.
journal() {
	have journalctl || return 0
	set +f
	set -- /var/log/journal/*/system.journal /run/log/journal/*/system.journal
	set -f
	exists=0 allowed=0
	for path; do
		if [ -e "$path" ]; then exists=1; fi
		if [ -r "$path" ]; then allowed=1; fi
	done
	[ "$exists" = 1 ] || return 0
	say "= source journal journal"
	if [ "$allowed" = 0 ]; then say "error denied"; return; fi
	readable=1
	flush
	if [ "$full" = 1 ]; then
		{
			ulimit -S -v 2097152
			limited 20 journalctl -q --no-pager -o short-unix --since "@$from" -n 100000 _TRANSPORT=kernel </dev/null 2>&1
			status
		} | awk -v nonce="$nonce" -v stream=1 -v most=100000 "$collate_program"
	else
		{
			# journalctl maps many windows of 8 MB each.
			ulimit -S -v 2097152
			limited 10 journalctl -q --no-pager -o short-unix -b -n 20000 _TRANSPORT=kernel </dev/null 2>&1
			status
		} | awk -v nonce="$nonce" -v stream=1 "$collate_program"
	fi
}

# ring: the kernel's own buffer, which holds the newest lines only.
ring() {
	have dmesg || return 0
	say "= source dmesg dmesg"
	flush
	{
		limited 10 dmesg </dev/null 2>&1
		status
	} | awk -v nonce="$nonce" -v stream=1 "$collate_program"
}

busybox_log() {
	have logread || return 0
	say "= source logread logread"
	flush
	{
		limited 10 logread </dev/null 2>&1
		status
	} | awk -v nonce="$nonce" -v stream=2 "$collate_program"
}

# --- the run ---

# rest sleeps what is left of the sample time since the first counters.
rest() {
	now_cs
	left=$((sample / 10 - cs + counted))
	[ "$left" -gt 0 ] || return 0
	flush
	value=$((left % 100))
	if [ "$value" -lt 10 ]; then value=0$value; fi
	sleep "$((left / 100)).$value" </dev/null || sleep "$((left / 100 + 1))" </dev/null
}

answer() {
	mark "begin $version"
	if identity; then
		limits
		counters counters
		counted=$cs
		tables
		openvz
		namespaces
		sockets
		config
		log
		if [ "$sample" -gt 0 ]; then
			rest
			counters counters-last
			namespaces_last
		fi
	fi
	mark end
	flush
}

main() {
	nonce=00000000000000000000000000000000
	sample=1000 since=2592000 limit=60 logs=auto peers=1 sockets=0 sudo=''
	if [ $# -eq 0 ] && [ -n "${SSH_ORIGINAL_COMMAND-}" ]; then requested; else words "$@"; fi
	exec 2>/dev/null
	skipped=0 out=''
	renice -n 10 -p $$ </dev/null >/dev/null
	watchdog &
	dog=$!
	find_timeout
	# Saved by hand, standard output is a file itself: cat may write it, we not.
	if [ -f /proc/self/fd/1 ]; then
		(bound; answer) | cat
	else
		bound
		answer
	fi
	kill "$dog"
}

main "$@"
exit 0
}
