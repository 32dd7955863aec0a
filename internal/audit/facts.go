package audit

import "time"

// Facts is what the probe read on one host, as it read it: no judgement. A nil
// pointer or map is a section, or a part of one, that could not be read, and
// has a Gap when that matters.
type Facts struct {
	Host            HostFacts         `json:"host"`
	TimeWait        TimeWait          `json:"time_wait"`            // of the network namespace that the login is in
	TCPStates       map[string]int64  `json:"tcp_states,omitempty"` // kernel names with underscores -> TCP sockets
	TCPStatesSource string            `json:"tcp_states_source,omitempty"`
	Sysctl          map[string]string `json:"sysctl,omitempty"` // dotted name -> value, blanks folded to one
	Counters        *Counters         `json:"counters,omitempty"`
	Sockstat        *Sockstat         `json:"sockstat,omitempty"`
	Tables          map[string]Usage  `json:"tables,omitempty"` // conntrack, neighbour-ipv4, neighbour-ipv6, orphans, tcp-memory-pages
	Config          *Config           `json:"config,omitempty"`
	Log             *Log              `json:"log,omitempty"`
	Top             *Top              `json:"top,omitempty"`
	Namespaces      []Namespace       `json:"namespaces,omitempty"` // the login's own first, named "host"
	OpenVZ          *OpenVZ           `json:"openvz,omitempty"`
}

// HostFacts identify a host and its clock.
type HostFacts struct {
	Hostname       string     `json:"hostname,omitempty"`
	Kernel         string     `json:"kernel,omitempty"` // release, as uname -r
	Arch           string     `json:"arch,omitempty"`
	OS             string     `json:"os,omitempty"` // PRETTY_NAME or the first line of the release file
	OSID           string     `json:"os_id,omitempty"`
	BootID         string     `json:"boot_id,omitempty"`
	MachineID      string     `json:"machine_id,omitempty"`
	BootedAt       *time.Time `json:"booted_at,omitempty"`
	UptimeSeconds  *float64   `json:"uptime_seconds,omitempty"`
	Clock          *time.Time `json:"clock,omitempty"`      // the host's own, when the probe began
	UTCOffset      string     `json:"utc_offset,omitempty"` // +08:00
	ClockSkewMS    *int64     `json:"clock_skew_ms,omitempty"`
	UID            *int       `json:"uid,omitempty"` // as whom the probe ran; 0 is root
	Sudo           string     `json:"sudo,omitempty"`
	MemoryBytes    *int64     `json:"memory_bytes,omitempty"`
	Virtualization string     `json:"virtualization,omitempty"` // docker, lxc, openvz, … when the login is inside one
	Init           string     `json:"init,omitempty"`           // name of process 1
	ProbeVersion   string     `json:"probe_version,omitempty"`
}

// TimeWait is the TIME_WAIT bucket table of one network namespace. Buckets
// counts what the limit counts: TIME_WAIT sockets and the FIN_WAIT2 ones of
// orphans, IPv4 and IPv6 together.
type TimeWait struct {
	Buckets       *int64   `json:"buckets,omitempty"`       // at the later reading
	BucketsFirst  *int64   `json:"buckets_first,omitempty"` // at the first reading; absent when there was one
	Limit         *int64   `json:"limit,omitempty"`         // may be 0 or negative: see the rules limit-zero
	Ratio         *float64 `json:"ratio,omitempty"`         // Buckets / Limit; absent unless Limit > 0; may exceed 1
	DefaultLimit  *int64   `json:"default_limit,omitempty"` // what the kernel would have chosen by itself
	OverflowTotal *int64   `json:"overflow_total,omitempty"`
	OverflowDelta *int64   `json:"overflow_delta,omitempty"` // between the two readings; absent after a reset
	SampleSeconds *float64 `json:"sample_seconds,omitempty"` // between the two readings
}

// Counters are kernel counters of TcpExt and Tcp by name, read once or twice.
type Counters struct {
	First   map[string]int64 `json:"first,omitempty"`
	Last    map[string]int64 `json:"last,omitempty"` // nil when there was one reading
	Seconds *float64         `json:"seconds,omitempty"`
}

// Sockstat is /proc/net/sockstat. Inuse, Orphan and TW belong to the network
// namespace, Alloc and MemoryPages to the whole machine.
type Sockstat struct {
	Inuse       *int64 `json:"inuse,omitempty"`
	Inuse6      *int64 `json:"inuse6,omitempty"`
	Orphan      *int64 `json:"orphan,omitempty"`
	TW          *int64 `json:"tw,omitempty"`
	Alloc       *int64 `json:"alloc,omitempty"`
	MemoryPages *int64 `json:"memory_pages,omitempty"`
}

// Usage is how full another kernel table is.
type Usage struct {
	Used  *int64 `json:"used,omitempty"`
	Limit *int64 `json:"limit,omitempty"`
}

// Reader is the program that loads sysctl files at boot.
type Reader string

// The readers, which disagree about /etc/sysctl.conf, order and syntax.
const (
	ReaderProcps  Reader = "procps"
	ReaderSystemd Reader = "systemd"
	ReaderBusyBox Reader = "busybox"
)

// Config is what the files of this system say about
// net.ipv4.tcp_max_tw_buckets, for the reader that this system uses.
type Config struct {
	Value               *int64                  `json:"value,omitempty"`                  // nil: no file sets it
	Source              string                  `json:"source,omitempty"`                 // path:line of the assignment that wins
	ChangedAt           *time.Time              `json:"changed_at,omitempty"`             // mtime of the file in Source
	SysctlConfChangedAt *time.Time              `json:"sysctl_conf_changed_at,omitempty"` // mtime of /etc/sysctl.conf, always
	RuntimeChangedAt    *time.Time              `json:"runtime_changed_at,omitempty"`     // mtime of the /proc/sys file: best effort
	Reader              Reader                  `json:"reader,omitempty"`
	ByReader            map[Reader]ReaderResult `json:"by_reader,omitempty"` // what each reader would load
	Files               []ConfigFile            `json:"files,omitempty"`     // in the order in which they were found
}

// ReaderResult is the value one reader would load, and from where.
type ReaderResult struct {
	Value  *int64 `json:"value,omitempty"`
	Source string `json:"source,omitempty"`
}

// ConfigFile is one file that a sysctl reader may load, or that looks like it.
type ConfigFile struct {
	Path    string        `json:"path"`
	Target  string        `json:"target,omitempty"` // what the path leads to when it is a symbolic link
	MTime   *time.Time    `json:"mtime,omitempty"`  // of the target
	CTime   *time.Time    `json:"ctime,omitempty"`
	Entries []ConfigEntry `json:"entries"`           // the lines that mention our keys, in file order
	Ignored string        `json:"ignored,omitempty"` // why the system's reader does not read it
	// Kind is empty for files of the sysctl readers. The others apply their
	// values by themselves, later or earlier: script (rc.local and the like),
	// tuned, ufw, and cmdline (the kernel's command line, before all others).
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"` // why it could not be read
}

// ConfigEntry is one line of a sysctl file.
type ConfigEntry struct {
	Line      int    `json:"line"`
	Key       string `json:"key"`   // dotted, without a leading dash
	Value     string `json:"value"` // as written, trimmed
	Commented bool   `json:"commented"`
}

// Log is what the kernel log says. The counts are nil when no source could be
// read: that is not the same as no line.
type Log struct {
	OverflowLines *int64           `json:"overflow_lines,omitempty"` // records of ours as they stand, containers' included, repeats not unfolded
	ForeignLines  *int64           `json:"foreign_lines,omitempty"`  // our words inside another program's line
	Suppressed    *int64           `json:"suppressed,omitempty"`     // sum of the suppressed counts whose window holds a record of ours
	EventsMin     *int64           `json:"events_min,omitempty"`     // records after unfolding repeats
	EventsMax     *int64           `json:"events_max,omitempty"`     // EventsMin + Suppressed
	Undated       *int64           `json:"undated,omitempty"`        // of EventsMin, those whose time could not be told: they are in the window that was read
	Unattributed  *int64           `json:"unattributed,omitempty"`   // sum of the suppressed counts beside no record of ours: bounds nothing, and may hide ours
	First         *time.Time       `json:"first,omitempty"`          // first overflow
	Last          *time.Time       `json:"last,omitempty"`           // last overflow
	Histogram     []HourCount      `json:"histogram,omitempty"`      // hours with events, oldest first
	Sources       []LogSource      `json:"sources,omitempty"`
	Siblings      map[string]int64 `json:"siblings,omitempty"`   // kind -> lines: conntrack, neighbour, tcp-memory, orphans, syn-flood
	Containers    map[string]int64 `json:"containers,omitempty"` // OpenVZ container id -> records; CT0 is the host and not in here
	OtherHosts    map[string]int64 `json:"other_hosts,omitempty"`
}

// HourCount is the number of overflow events in the hour that begins at Hour.
type HourCount struct {
	Hour   time.Time `json:"hour"`
	Events int64     `json:"events"`
}

// LogSource is one place where kernel messages are kept.
type LogSource struct {
	Path        string     `json:"path"`                   // a file, "journal" or "dmesg"
	Lines       int64      `json:"lines"`                  // overflow records found in it
	First       *time.Time `json:"first,omitempty"`        // first record of any kind
	Last        *time.Time `json:"last,omitempty"`         // last record of any kind
	Kernel      bool       `json:"kernel"`                 // it holds kernel lines at all
	SizeBytes   *int64     `json:"size_bytes,omitempty"`   // on disk
	UnreadBytes *int64     `json:"unread_bytes,omitempty"` // skipped because of the byte or time budget
	Error       string     `json:"error,omitempty"`        // why it could not be read
}

// Top says who makes the TIME_WAIT sockets. When Sampled, counts are scaled up
// from the first rows of each address family, which come in hash order.
type Top struct {
	LocalPorts   []PortCount `json:"local_ports,omitempty"`  // most first
	Peers        []PeerCount `json:"peers,omitempty"`        // most first; empty with --no-peers
	Destinations []PeerCount `json:"destinations,omitempty"` // remote address and port of connections that we opened
	Inbound      *int64      `json:"inbound,omitempty"`      // local port listens, remote address is not ours
	Outbound     *int64      `json:"outbound,omitempty"`     // local port does not listen, remote address is not ours
	Internal     *int64      `json:"internal,omitempty"`     // both addresses are this host's
	Sampled      bool        `json:"sampled"`
	SampledRows  *int64      `json:"sampled_rows,omitempty"`
}

// PortCount is a local port with its TIME_WAIT sockets.
type PortCount struct {
	Port      int   `json:"port"`
	Count     int64 `json:"count"`
	Listening bool  `json:"listening"`
}

// PeerCount is a remote address, with a port where that says something.
type PeerCount struct {
	Address string `json:"address"`
	Port    int    `json:"port,omitempty"`
	Count   int64  `json:"count"`
}

// Namespace is a network namespace of the host with a table of its own.
type Namespace struct {
	ID            string  `json:"id"`              // inode number, as in net:[ID]
	PID           int     `json:"pid,omitempty"`   // a process in it
	Name          string  `json:"name,omitempty"`  // "host", a container, pod, unit or command name
	Netns         string  `json:"netns,omitempty"` // its name below /run/netns; of the login's own, which is always called "host"
	Kind          string  `json:"kind,omitempty"`  // what made it: docker, podman, pod, lxc, nspawn, container (another engine), netns, unit, process
	Buckets       *int64  `json:"buckets,omitempty"`
	Limit         *int64  `json:"limit,omitempty"`
	OverflowTotal *int64  `json:"overflow_total,omitempty"`
	OverflowDelta *int64  `json:"overflow_delta,omitempty"`
	Verdict       Verdict `json:"verdict,omitempty"`
}

// OpenVZ holds the two further limits that OpenVZ kernels have for each
// container, and its resource counters.
type OpenVZ struct {
	BucketsPerContainer *int64        `json:"buckets_per_container,omitempty"` // tcp_max_tw_buckets_ub
	KmemFraction        *int64        `json:"kmem_fraction,omitempty"`         // tcp_max_tw_kmem_fraction, in 1/1024 of kmemsize
	Beancounters        []Beancounter `json:"beancounters,omitempty"`
}

// Beancounter is one row of /proc/user_beancounters.
type Beancounter struct {
	UID      string `json:"uid"`
	Resource string `json:"resource"`
	Held     int64  `json:"held"`
	Limit    int64  `json:"limit"`
	FailCnt  int64  `json:"failcnt"`
}
