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

mark() { printf 'twaudit-probe %s %s\n' "$nonce" "$*" || exit 1; }
section() { mark "section $1"; }
say() { printf '%s\n' "$*" || exit 1; }
raw() { printf '|%.1000s\n' "$1" || exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
refuse() { printf 'twaudit-probe: %s\n' "$1" >&2; exit 2; }

# first FILE: its first line in $value. Not for numbers under /proc/sys: dash
# and BusyBox read byte by byte there, and get the first digit only.
first() {
	value=
	if [ -f "$1" ] && [ -r "$1" ]; then read -r value <"$1"; fi
}

# head_of FILE LINES: raw lines.
head_of() {
	count=0
	while [ "$count" -lt "$2" ] && { read -r line || [ -n "$line" ]; }; do
		raw "$line"
		count=$((count + 1))
	done <"$1"
}

plain_name() { case $1 in *[[:cntrl:]]*) skipped=$((skipped + 1)); return 1 ;; esac; }

# now_cs: centiseconds since boot in $cs, as text in $up. 1xx - 100, for 08 is
# no octal number.
now_cs() {
	up=
	read -r up value </proc/uptime
	case $up in *[0-9].[0-9][0-9]) ;; *) up=0.00 ;; esac
	cs=$((${up%.*} * 100 + 1${up#*.} - 100))
}

# limited SECONDS COMMAND…
limited() {
	if [ -n "$timeout" ]; then timeout "$@"; else shift; "$@"; fi
}

# --- command line -----------------------------------------------------------

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

# --- limits on ourselves ----------------------------------------------------

# watchdog ends us and our children when the time is up: the end of an SSH
# session does not. It holds none of our streams and outlives us by 5 s at most.
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

# reap kills the descendants of $$, but $me. Process numbers are in no order, so
# it goes round until no new one is found.
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

# From here on no byte can be written to any file, whatever a tool does; pipes
# are no files. ksh93 passes command output through a temporary file of its own.
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

# --- identity ---------------------------------------------------------------

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
	old_kernel
}

# old_kernel: quadratic=1 before 2.6.37, whose /proc/net/tcp costs the square of
# its rows; silent=1 from 2.6.38 on, which count overflows and never log them.
old_kernel() {
	quadratic=0 silent=1
	case $kernel in 2.6.*) ;; [01].* | 2.[0-5].*) quadratic=1 silent=0; return ;; *) return ;; esac
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
	begun=$cs
	say "uptime $up"
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

# --- sysctls and counters ---------------------------------------------------

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
	awk 'FNR == 1 {
		name = substr(FILENAME, 11)
		gsub("/", ".", name)
		$1 = $1
		print name " " substr($0, 1, 900)
	}' "$@" </dev/null || say "gap limits failed"
}

# keep FILE NAME PREFIX: a block of the lines that begin with PREFIX, uncut.
keep() {
	if [ ! -r "$1" ]; then say "gap $2 missing"; return; fi
	say "= $2"
	while read -r line; do
		case $line in
		"$3"*)
			printf '|%s\n' "$line" || exit 1
			case $line in *" TCPTimeWaitOverflow"*) silent=1 ;; esac
			;;
		esac
	done <"$1"
}

# counters NAME: one reading.
counters() {
	section "$1"
	now_cs
	say "uptime $up"
	keep /proc/net/netstat netstat TcpExt:
	keep /proc/net/snmp snmp Tcp:
	keep /proc/net/sockstat sockstat TCP:
	if [ -r /proc/net/sockstat6 ]; then keep /proc/net/sockstat6 sockstat6 TCP6:; fi
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

# --- network namespaces -----------------------------------------------------

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
# of the processes. Root reads the namespace of each process. Others may not, but
# may look at /proc/PID/net, whose files have another inode in each namespace.
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
		value=$(exec stat -L -c '%i %n' -- /proc/self/ns/net /proc/self/net/netstat "$@" </dev/null)
	fi
	set -f
	if [ ! -e "$1" ]; then shift; fi
	asked=$*
	processes=$#
}

# sort_namespaces splits that list: $own, $spaces ("ID:PID" each), $netns
# ("ID=PATH" each), $told (paths of processes that were told apart).
sort_namespaces() {
	own='' same='' spaces='' netns='' told='' found=0
	IFS=$nl
	for line in $value; do
		id=${line%% *}
		path=${line#* }
		pid=${path#/proc/}
		pid=${pid%%/*}
		case $path in
		/proc/self/ns/net) own=$id; if [ "$by" = ns ]; then same=$id; fi; continue ;;
		/proc/self/net/netstat) same=p$id; continue ;;
		/proc/*) told="$told $path" ;;
		*) plain_name "$path" || continue; pid=0; netns="$netns$id=$path$nl" ;;
		esac
		if [ "$by" = procnet ]; then id=p$id; fi
		case " $same $spaces" in *" $id "* | *" $id:"*) continue ;; esac
		found=$((found + 1))
		if [ "$found" -le 256 ]; then spaces="$spaces $id:$pid"; fi
	done
	unset IFS
}

# refusals: $refused gets the processes that live and were not told apart; both
# lists are in the same order. Zombies have no namespace.
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
		case ${line##*") "} in [ZX]*) ;; *) refused="$refused $path" ;; esac
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
	overflow='' cap=
	now_cs
	if [ "$2" != 0 ]; then
		sockstat "/proc/$2/net/sockstat"
		overflow_in "/proc/$2/net/netstat"
		if [ $# -eq 3 ] && [ "$by" = ns ] && have nsenter; then
			cap=$(exec nsenter -t "$2" -n cat /proc/sys/net/ipv4/tcp_max_tw_buckets </dev/null)
		fi
	else
		readings_by_name "$1"
	fi
	say "uptime $up"
	value=$tw
	fact tw
	value=$overflow
	fact overflow
	value=$cap
	case $value in *[!0-9-]*) value= ;; esac
	if [ $# -eq 3 ]; then fact limit; fi
}

# readings_by_name: of a namespace without a process.
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
	case $tw in *[!0-9]*) tw= ;; esac
}

namespaces() {
	section namespaces
	spaces='' netns=
	if ! have stat; then say "gap namespaces no-tool"; return; fi
	list_namespaces
	sort_namespaces
	if [ -n "$own" ]; then say "own $own"; fi
	say "by $by"
	say "processes $processes"
	refusals
	# shellcheck disable=SC2086
	set -- $refused
	say "refused $#"
	say "found $found"
	if [ "$uid" != 0 ] && [ ! -r /proc/1/stat ]; then say "hidepid yes"; fi
	unseen
	for id in $spaces; do
		pid=${id#*:}
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

# unseen names containers among the processes that could not be told.
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
		say "= ns ${id%%:*} ${id#*:}"
		readings "${id%%:*}" "${id#*:}"
	done
}

# --- TCP states and who makes them ------------------------------------------

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

states() {
	section states
	sizes
	if too_dear 20000; then say "gap states too-large"; return; fi
	if have ss && states_ss; then
		:
	elif too_dear 10000; then
		say "gap states too-large"
	elif [ "$total" -le 20000 ] && have netstat && states_netstat; then
		:
	else
		states_proc || say "gap states failed"
	fi
	sockstat /proc/net/sockstat
	value=$tw
	fact tw
}

# states_ss: without the TIME_WAIT rows, which are the many and whose number
# sockstat knows. -o tells the FIN_WAIT2 sockets that occupy a bucket.
states_ss() {
	{
		limited 10 ss -tano exclude time-wait </dev/null
		printf '\nstatus %s\n' "$?"
	} | awk '
		$1 == "status" { status = $2; next }
		$1 == "State" { header = 1; next }
		NF > 3 && header {
			count[$1]++
			if ($1 == "FIN-WAIT-2" && /timer:\(timewait/) mini++
		}
		END {
			if (!header || status != 0) exit 1
			print "source ss"
			for (s in count) print "state " substr(s, 1, 20) " " count[s]
			print "timewait_fin_wait2 " mini + 0
		}'
}

states_netstat() {
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

states_proc() {
	set -- /proc/net/tcp
	if [ -r /proc/net/tcp6 ]; then set -- "$@" /proc/net/tcp6; fi
	[ -r "$1" ] || return 1
	awk '
		FNR > 1 { count[$4]++ }
		END {
			print "source proc"
			for (s in count) print "state " substr(s, 1, 20) " " count[s]
		}' "$@" </dev/null
}

# top aggregates TIME_WAIT here, so that only a few lines travel. Rows come in
# the order of a hash, so the first 8000 of each family are a fair sample where
# there are more than 20000 in all.
top() {
	section top
	if [ -z "$tw" ]; then say "gap top missing"; return; fi
	if [ "$peers" = 0 ]; then say "peers off"; fi
	if [ "$tw" -eq 0 ]; then
		say "source proc${nl}rows4 0${nl}rows6 0"
		return
	fi
	if too_dear 20000; then say "gap top too-large"; return; fi
	if [ "$quadratic" = 1 ] && have ss; then
		{
			limited 10 ss -tan </dev/null
		} | awk -v source=ss -v tw="$tw" -v peers="$peers" -v big=0 "$top_program" || say "gap top failed"
		return
	fi
	if too_dear 10000; then say "gap top too-large"; return; fi
	if [ ! -r /proc/net/tcp ]; then say "gap top missing"; return; fi
	big=0
	case $arch in s390* | ppc | ppc64 | mips | mips64 | sparc* | parisc* | m68k | armeb) big=1 ;; esac
	awk -v source=proc -v tw="$tw" -v peers="$peers" -v big="$big" "$top_program" </dev/null ||
		say "gap top failed"
}

# Addresses stay as they are in the file until the ten that are printed.
# shellcheck disable=SC2016
top_program='
function digit(c) { return index("0123456789ABCDEF", c) - 1 }
function number(hex,   i, n) {
	n = 0
	for (i = 1; i <= length(hex); i++) n = n * 16 + digit(substr(hex, i, 1))
	return n
}
function ipv4(a) {
	if (big) return number(substr(a,1,2)) "." number(substr(a,3,2)) "." number(substr(a,5,2)) "." number(substr(a,7,2))
	return number(substr(a,7,2)) "." number(substr(a,5,2)) "." number(substr(a,3,2)) "." number(substr(a,1,2))
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
function address(a) {
	if (source == "ss") return a
	return length(a) == 8 ? ipv4(a) : ipv6(a)
}
function port(p) { return source == "ss" ? p + 0 : number(p) }
# cut takes an end point apart, into A and P; a mapped address is an IPv4 one.
function cut(e,   n) {
	n = length(e)
	if (source == "proc") {
		P = substr(e, n - 3)
		A = substr(e, 1, n - 5)
		if (n == 37 && substr(A, 1, 24) == mapped) A = substr(A, 25)
		return
	}
	match(e, /:[0-9*]+$/)
	P = substr(e, RSTART + 1)
	A = substr(e, 1, RSTART - 1)
	gsub(/^\[|\]$/, "", A)
	sub(/%.*$/, "", A)
	sub(/^::ffff:/, "", A)
}
function loopback(a) {
	if (source == "ss") return a ~ /^127\./ || a == "::1"
	return length(a) == 8 ? substr(a, big ? 1 : 7, 2) == "7F" : a == (big ? one : onelittle)
}
# best prints the ten largest of all[], which it empties of them.
function best(word,   i, k, n, b, key) {
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
	if (word == "port") printf "port %d %.0f %d\n", port(k), n, (k in listens)
	else if (word == "peer") printf "peer %s %.0f\n", address(k), n
	else { split(k, part, " "); printf "dest %s %d %.0f\n", address(part[1]), port(part[2]), n }
}
# gather makes all[] of the two families, each scaled to its whole.
function gather(four, six,   k) {
	for (k in all) delete all[k]
	for (k in four) all[k] = four[k] * w4
	for (k in six) all[k] += six[k] * w6
}
# row counts one row; 0 when enough of this family were seen.
function row(   out) {
	if (++seen > 60000) { full[six] = 1; return 0 }
	cut($local)
	mine[A] = 1
	lport = P
	if ($state == listening) { listens[lport] = 1; return 1 }
	if ($state != time_wait) return 1
	cut($remote)
	out = !(lport in listens)
	if (six) { ports6[lport]++; pairs6[A " " out]++; peers6[A]++; if (out) dest6[A " " P]++ }
	else { ports4[lport]++; pairs4[A " " out]++; peers4[A]++; if (out) dest4[A " " P]++ }
	if (++rows[six] < most) return 1
	full[six] = 1
	return 0
}
function scan(file) {
	seen = 0
	if ((getline < file) <= 0) return
	while ((getline < file) > 0) if (!row()) return
}
BEGIN {
	mapped = big ? "00000000000000000000FFFF" : "0000000000000000FFFF0000"
	one = "00000000000000000000000000000001"
	onelittle = "00000000000000000000000001000000"
	most = tw > 20000 ? 8000 : 20000
	time_wait = "TIME-WAIT"; listening = "LISTEN"; local = 4; remote = 5; state = 1
	if (source == "proc") {
		time_wait = "06"; listening = "0A"; local = 2; remote = 3; state = 4
		six = 0; scan("/proc/net/tcp")
		six = 1; scan("/proc/net/tcp6")
	}
}
NR > 1 {
	six = $4 ~ /:.*:/
	if (!full[six]) row()
}
END {
	r4 = rows[0] + 0; r6 = rows[1] + 0; w4 = 1; w6 = 1
	if (full[0] && full[1]) { if (tw > r4 + r6) w4 = w6 = tw / (r4 + r6 + !(r4 + r6)) }
	else if (full[0]) { if (r4 && tw - r6 > r4) w4 = (tw - r6) / r4 }
	else if (full[1]) { if (r6 && tw - r4 > r6) w6 = (tw - r4) / r6 }
	print "source " source
	print "rows4 " r4
	print "rows6 " r6
	if (full[0]) print "cut4 yes"
	if (full[1]) print "cut6 yes"
	gather(pairs4, pairs6)
	for (k in all) {
		split(k, part, " ")
		if (loopback(part[1]) || (part[1] in mine)) internal += all[k]
		else if (part[2]) outbound += all[k]
		else inbound += all[k]
	}
	printf "inbound %.0f\noutbound %.0f\ninternal %.0f\n", inbound, outbound, internal
	gather(ports4, ports6)
	best("port")
	if (!peers) exit
	gather(peers4, peers6)
	best("peer")
	gather(dest4, dest6)
	best("dest")
}'

# --- sysctl files -----------------------------------------------------------

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
		if [ ! -f "$file" ] || ! plain_name "$file"; then continue; fi
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
		if [ -r "$path" ]; then set -- "$@" "$path"; fi
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

# --- kernel log -------------------------------------------------------------

# collate turns matching lines into a few groups. Input is the output of grep
# with a context line ("--" between stretches) or of a command (stream=1), then
# a status line that begins with our nonce. It exits 3 when the search failed
# and 4 after max lines, and prints nothing then.
# shellcheck disable=SC2016
collate_program='
# stamp splits p, what stands before a message: HOUR, SEC (of the day, or -1) and
# the REST behind the stamp.
function stamp(p,   i, s) {
	sub(/^<[0-9]+>/, "", p)
	HOUR = "-"; SEC = -1; REST = p
	if (match(p, /^[A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9] ?/)) {
		i = index(p, ":")
		HOUR = substr(p, 1, i - 1)
		daytime(p, i)
	} else if (match(p, /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9][^ ]* ?/)) {
		s = RLENGTH
		HOUR = substr(p, 1, 10) "T" substr(p, 12, 2)
		daytime(p, 14)
		i = substr(p, 20, s - 19)
		sub(/ $/, "", i)
		if (match(i, /(Z|[+-][0-9][0-9]:?[0-9][0-9])$/)) HOUR = HOUR substr(i, RSTART)
		RLENGTH = s
		RSTART = 1
	} else if (match(p, /^[A-Z][a-z][a-z] [A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [0-9][0-9][0-9][0-9] ?/)) {
		i = index(p, ":")
		HOUR = substr(p, 1, i - 1) substr(p, i + 6, 5)
		daytime(p, i)
	} else if (match(p, /^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]+\.[0-9]+ /)) {
		i = int(substr(p, 1, RLENGTH))
		SEC = i % 86400
		HOUR = sprintf("@%.0f", i - i % 3600)
	} else if (match(p, /^\[ *[0-9]+\.[0-9]+\] ?/)) {
		i = substr(p, 2, RLENGTH)
		sub(/^ */, "", i)
		i = int(i)
		SEC = i % 86400
		HOUR = sprintf("+%.0f", i - i % 3600)
	} else return
	REST = substr(p, RLENGTH + 1)
}
function daytime(p, i) { SEC = substr(p, i - 2, 2) * 3600 + substr(p, i + 1, 2) * 60 + substr(p, i + 4, 2) }
# classify reads r, what stands between stamp and message: FORM, HOST, and TIMES
# of "message repeated". Siblings have words of their own before the message.
function classify(r, sibling,   w, text) {
	FORM = "other"; HOST = "-"; TIMES = 0
	if (index(r, "[")) gsub(/\[ *[0-9]+\.[0-9]+\]:? */, "", r)
	# Most lines of a log have the same words here.
	text = r
	if (!sibling && (text in forms)) { FORM = forms[text]; HOST = hosts[text]; return }
	if (match(r, /message repeated [0-9]+ times: \[ *$/)) {
		TIMES = substr(r, RSTART + 17) + 0
		r = substr(r, 1, RSTART - 1)
	}
	if (match(r, /^[^ ]+ /)) {
		w = substr(r, 1, RLENGTH - 1)
		if (w !~ /:$/ && w !~ /^[a-z0-9]+\.[a-z]+$/) {
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
	if (!sibling && !TIMES && ++cached < 500) { forms[text] = FORM; hosts[text] = HOST }
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
	events[G] += 1 + TIMES
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
	hevents[H] += 1 + TIMES
}
function records(line,   p, pre, rest, ct) {
	while (p = index(line, ours)) {
		pre = substr(line, 1, p - 1)
		rest = substr(line, p + length(ours))
		ct = "-"
		if (match(rest, /^ \(CT[0-9]+\)/)) {
			ct = substr(rest, 3, RLENGTH - 3)
			rest = substr(rest, RLENGTH + 1)
		}
		if (max && ++found > max) { bail = 1; exit }
		stamp(pre)
		# Behind a seek the first line has lost its front.
		if (partial && NR == 1 && HOUR == "-") return
		classify(REST, 0)
		enter("ours", pre, ours (ct == "-" ? "" : " (" ct ")"), ct)
		if (G && FORM == "kernel") { waits[HOST] = G; since[HOST] = SEC; at[HOST] = H }
		line = rest
		sub(/^t?[ \t]+/, "", line)
	}
}
# sparing counts a line about suppressed messages: a window that held a record
# of ours, at most a minute ago, or none.
function sparing(line,   name, n, d) {
	if (!match(line, /[A-Za-z_0-9]+: [0-9]+ (callbacks|messages) suppressed/)) return
	name = substr(line, RSTART, RLENGTH)
	n = name
	sub(/:.*/, "", name)
	sub(/[^:]*: /, "", n)
	n += 0
	if (!((" " name " ") ~ / (net_ratelimit|__ratelimit|printk|NET) /)) return
	stamp(substr(line, 1, RSTART - 1))
	classify(REST, 0)
	if (FORM != "kernel") return
	d = since[HOST] < 0 || SEC < 0 ? 0 : SEC - since[HOST]
	if (d < 0) d += 86400
	if (waits[HOST] && d <= 60) {
		slines[waits[HOST], name]++
		ssum[waits[HOST], name] += n
		if (at[HOST]) hspared[at[HOST]] += n
		waits[HOST] = 0
	} else { ulines++; usum += n }
}
function sibling(line, kind, p) {
	stamp(substr(line, 1, p - 1))
	classify(REST, 1)
	enter(kind, line, "", "-")
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
BEGIN { ours = "TCP: time wait bucket table overflow"; status = -1 }
index($0, nonce) == 1 {
	if ($2 == "unpack") unpack = $3; else status = $3
	next
}
$0 == "--" { adjacent = 0; next }
stream && /insufficient permissions|not permitted|Permission denied/ { denied = 1 }
stream && /^No journal files/ { missing = 1; next }
stream && /^-- / { next }
stream && !denied && length($0) {
	if (!streamed++) earliest = $0
	latest = $0
	if (index($0, "kernel: ")) tagged = 1
}
adjacent && match($0, /last message repeated [0-9]+ times/) {
	n = substr($0, RSTART + 22) + 0
	events[adjacent] += n
	if (adjhour) hevents[adjhour] += n
	adjacent = 0
	next
}
{ adjacent = 0 }
index($0, ours) {
	if (siblings_only) next
	records($0)
	adjacent = G
	adjhour = H
	next
}
index($0, "s suppressed") { if (!siblings_only) sparing($0); next }
{ kind = kind_of($0); if (kind != "") { TIMES = 0; sibling($0, kind, RSTART) } }
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
	if (bail) exit 4
	if (!stream && status != 0 && status != 1) exit 3
	source_lines()
	for (g = 1; g <= groups; g++) {
		split(label[g], part, " ")
		printf "= group %s %s %.0f %.0f %s %s\n|%s\n", part[1], part[2], lines[g], events[g], part[3], part[4], first[g]
		if (lines[g] > 1) print "|" last[g]
		split("net_ratelimit __ratelimit printk NET", name, " ")
		for (i = 1; i <= 4; i++)
			if ((g, name[i]) in slines) printf "suppressed %s %.0f %.0f\n", name[i], slines[g, name[i]], ssum[g, name[i]]
		for (h = 1; h <= hours; h++)
			if (hgroup[h] == g) printf "hour %.0f %.0f %.0f %s\n", hevents[h], hlines[h], hspared[h], hstamp[h]
	}
}'

log() {
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
	log_files
	journal
	if [ "$full" = 1 ] || [ "$readable" = 0 ]; then ring; fi
	if [ "$readable" = 0 ]; then busybox_log; fi
	if [ "$skipped" -gt 0 ]; then say "skipped $skipped"; fi
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
	if [ "$full" = 1 ]; then
		value=no
		if limited "$seconds" grep -a -q -F 'kernel: ' <"$path"; then value=yes; fi
		say "kernel $value"
	fi
	take=$size
	if [ "$take" -gt "$budget" ]; then take=$budget; fi
	budget=$((budget - take))
	from_end "$take"
	if [ "$take" -le 16777216 ]; then
		search_all || search_long || give_up
	else
		search_ours 20000
		case $? in 0) ;; 4) search_newest ;; *) search_long || give_up ;; esac
		search_siblings
	fi
	value=$(exec head -c 300 <"$path")
	say "= first"
	raw "${value%%"$nl"*}"
	value=$(exec tail -c 2000 <"$path")
	value=${value##*"$nl"}
	say "= last"
	printf '|%.300s\n' "$value" || exit 1
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
# from tail would cost more than the search itself.
seek() {
	if [ "$skip" -gt 0 ]; then dd bs=65536 skip="$skip" count=0; fi
}

# search_all looks for everything at once, in at most 16 MiB. Long lines are cut
# before awk sees them: 80 MB in one line cost mawk a minute.
search_all() {
	{
		seek
		limited "$seconds" grep -a -F -A 1 -e 'TCP: time wait bucket table overflow' -e 's suppressed' \
			-e 'SYN flooding' -e 'conntrack: table full' -e 'bour table overflow' -e 'bor table overflow' \
			-e 'socket memory' -e 'consider tuning tcp_mem' -e 'orphaned sockets'
		printf '\n%s search %s\n' "$nonce" "$?"
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v took="$take" -v left="$left" -v partial="$skip" "$collate_program"
}

# search_ours MAX: our message alone, which is three times as fast as all, with
# a line around it for what was suppressed and repeated.
search_ours() {
	{
		seek
		limited "$seconds" grep -a -F -C 1 -e 'TCP: time wait bucket table overflow'
		printf '\n%s search %s\n' "$nonce" "$?"
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v max="$1" -v took="$take" -v left="$left" -v partial="$skip" "$collate_program"
}

# search_long is the second try where grep ran out of memory, which it does on a
# line of 100 MB: lines are cut first, at four times the cost.
search_long() {
	now_cs
	[ "$cs" -lt "$deadline" ] || return 1
	{
		seek
		limited "$seconds" cut -b 1-1000
	} <"$path" | {
		grep -a -F -A 1 -e 'TCP: time wait bucket table overflow' -e 's suppressed'
		printf '\n%s search %s\n' "$nonce" "$?"
	} | awk -v nonce="$nonce" -v took="$take" -v left="$left" -v partial="$skip" "$collate_program" || return
	say "gap long-lines budget"
}

# search_newest: too many records to look at each. All are counted, and the end
# of the file that holds about the newest 20000 is taken apart.
search_newest() {
	value=$({
		seek
		limited "$seconds" grep -a -c -F -e 'TCP: time wait bucket table overflow'
	} <"$path")
	case $value in '' | *[!0-9]*) give_up; return ;; esac
	say "read $take"
	if [ -n "$left" ]; then say "unread $left"; fi
	say "count $value"
	part=$((take / (value / 20000 + 1)))
	say "part $part"
	earliest=$({
		seek
		limited "$seconds" grep -a -m 1 -F -e 'TCP: time wait bucket table overflow'
	} <"$path" | cut -b 1-400)
	from_end "$part"
	take='' left=''
	search_ours 0 || say "gap ours failed"
	say "= earliest"
	raw "$earliest"
}

search_siblings() {
	from_end 16777216
	{
		seek
		limited "$seconds" grep -a -F -e 'SYN flooding' -e 'conntrack: table full' -e 'bour table overflow' \
			-e 'bor table overflow' -e 'socket memory' -e 'consider tuning tcp_mem' -e 'orphaned sockets'
		printf '\n%s search %s\n' "$nonce" "$?"
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v siblings_only=1 "$collate_program" || say "gap siblings failed"
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
	{
		{
			unpack
			printf '\n%s unpack %s\n' "$nonce" "$?"
		} | grep -a -F -A 1 -e "$nonce" -e 'TCP: time wait bucket table overflow' -e 's suppressed' \
			-e 'SYN flooding' -e 'conntrack: table full' -e 'bour table overflow' -e 'bor table overflow' \
			-e 'socket memory' -e 'consider tuning tcp_mem' -e 'orphaned sockets'
		printf '\n%s search %s\n' "$nonce" "$?"
	} <"$path" | cut -b 1-1000 | awk -v nonce="$nonce" -v tool="$tool" "$collate_program" || say "error failed${nl}unread $size"
	say "= first"
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
	if [ "$full" = 1 ]; then
		{
			ulimit -S -v 2097152
			limited 20 journalctl -q --no-pager -o short-unix --since "@$from" -n 100000 _TRANSPORT=kernel </dev/null 2>&1
			printf '\n%s search %s\n' "$nonce" "$?"
		} | awk -v nonce="$nonce" -v stream=1 -v most=100000 "$collate_program"
	else
		{
			# journalctl maps many windows of 8 MB each.
			ulimit -S -v 2097152
			limited 10 journalctl -q --no-pager -o short-unix -b -n 20000 _TRANSPORT=kernel </dev/null 2>&1
			printf '\n%s search %s\n' "$nonce" "$?"
		} | awk -v nonce="$nonce" -v stream=1 "$collate_program"
	fi
}

# ring: the kernel's own buffer, which holds the newest lines only.
ring() {
	have dmesg || return 0
	say "= source dmesg dmesg"
	{
		limited 10 dmesg </dev/null 2>&1
		printf '\n%s search %s\n' "$nonce" "$?"
	} | awk -v nonce="$nonce" -v stream=1 "$collate_program"
}

busybox_log() {
	have logread || return 0
	say "= source logread logread"
	{
		limited 10 logread </dev/null 2>&1
		printf '\n%s search %s\n' "$nonce" "$?"
	} | awk -v nonce="$nonce" -v stream=2 "$collate_program"
}

# --- the run ----------------------------------------------------------------

# rest sleeps what is left of the sample time since the first counters.
rest() {
	now_cs
	left=$((sample / 10 - cs + counted))
	[ "$left" -gt 0 ] || return 0
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
		states
		top
		config
		log
		if [ "$sample" -gt 0 ]; then
			rest
			counters counters-last
			namespaces_last
		fi
	fi
	mark end
}

main() {
	nonce=00000000000000000000000000000000
	sample=1000 since=2592000 limit=60 logs=auto peers=1 sockets=0 sudo=''
	if [ $# -eq 0 ] && [ -n "${SSH_ORIGINAL_COMMAND-}" ]; then requested; else words "$@"; fi
	exec 2>/dev/null
	skipped=0
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
