package diagnose

import (
	"path"
	"strconv"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// assignment is the line of configuration that explains the running limit, or
// that would replace it.
type assignment struct {
	value  int64
	source string            // path:line
	at     *time.Time        // change of its file; nil when not known
	file   *audit.ConfigFile // nil when it is not among the facts
	line   int
}

// configure picks the assignment that counts. Start scripts, tuned and ufw set
// values by themselves, before or after the reader of sysctl files: one that
// sets what runs is what made it so. Without a match the reader's value counts,
// then the last of the others. Nil when nothing sets our key.
func (in *input) configure() *assignment {
	if in.facts.Config == nil {
		return nil
	}
	read, others := in.readerAssignment(), in.otherAssignments()
	if limit := in.own.limit; limit != nil && (read == nil || read.value != *limit) {
		for _, o := range others {
			if o.value == *limit {
				return o
			}
		}
	}
	if read == nil && len(others) > 0 {
		return others[len(others)-1]
	}
	return read
}

// readerAssignment is what the system's reader of sysctl files loads last.
func (in *input) readerAssignment() *assignment {
	c := in.facts.Config
	if c.Value == nil {
		return nil
	}
	name, line := splitSource(c.Source)
	a := &assignment{value: *c.Value, source: c.Source, at: c.ChangedAt, line: line}
	if a.source == "" {
		a.source = "the configuration"
	}
	for i := range c.Files {
		if f := &c.Files[i]; a.file == nil && (f.Path == name || (f.Target != "" && f.Target == name)) {
			a.file = f
		}
	}
	return a
}

func (in *input) otherAssignments() []*assignment {
	var list []*assignment
	for _, s := range in.settings(tcpTWBucketsKey) {
		if by := s.file.Kind; by != "" && by != "cmdline" && !s.entry.Commented && s.file.Ignored == "" {
			list = append(list, &assignment{s.value, s.where(), s.file.MTime, s.file, s.entry.Line})
		}
	}
	return list
}

// splitSource takes path:line apart; the line is 0 when there is none.
func splitSource(source string) (name string, line int) {
	at := strings.LastIndexByte(source, ':')
	if at < 0 {
		return source, 0
	}
	line, err := strconv.Atoi(source[at+1:])
	if err != nil {
		return source, 0
	}
	return source[:at], line
}

// setting is one line of a file that sets, or once set, a key.
type setting struct {
	file  *audit.ConfigFile
	entry audit.ConfigEntry
	value int64
}

// where is path:line, as Config.Source has it.
func (s *setting) where() string { return s.file.Path + ":" + strconv.Itoa(s.entry.Line) }

// settings lists the lines about key in the order of files and lines. A key may
// be written as a glob. Values that are no number are left out: the kernel
// refuses them.
func (in *input) settings(key string) []setting {
	if in.facts.Config == nil {
		return nil
	}
	var list []setting
	for i := range in.facts.Config.Files {
		f := &in.facts.Config.Files[i]
		for _, e := range f.Entries {
			if n, ok := number(e.Value); ok && names(e.Key, key) {
				list = append(list, setting{f, e, n})
			}
		}
	}
	return list
}

// names reports whether a key as written in a file means key. Both readers take
// globs; a malformed one means nothing.
func names(written, key string) bool {
	if written == key {
		return true
	}
	matched, err := path.Match(written, key)
	return err == nil && matched
}

// configEvidence is the assignment that counts; nil when nothing sets our key.
func (in *input) configEvidence() []audit.Evidence {
	if in.conf == nil {
		return nil
	}
	return []audit.Evidence{{
		Text:   tcpTWBucketsKey + " = " + strconv.FormatInt(in.conf.value, 10),
		Source: in.conf.source, At: in.conf.at,
	}}
}

// load says how this system brings the assignment into force now.
func (in *input) load() string {
	a, kind := in.conf, ""
	if a.file != nil {
		kind = a.file.Kind
	}
	name, _ := splitSource(a.source)
	switch {
	case kind == "script":
		return "run its line as root"
	case kind == "tuned":
		return "systemctl restart tuned"
	case kind == "ufw":
		return "ufw reload"
	case kind == "cmdline":
		return "it takes a boot"
	case in.facts.Config.Reader == audit.ReaderSystemd:
		return "systemctl restart systemd-sysctl"
	case in.facts.Config.Reader == audit.ReaderBusyBox || name == "/etc/sysctl.conf":
		return "sysctl -p"
	}
	return "sysctl -p " + name
}
