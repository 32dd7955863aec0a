package probe

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"twaudit/internal/audit"
)

// limitKey is the setting that all of this is about.
const limitKey = "net.ipv4.tcp_max_tw_buckets"

// sysctlConf is where every reader but systemd's looks, whatever else exists.
const sysctlConf = "/etc/sysctl.conf"

// sysctlDirs are the directories of procps and systemd. A file in an earlier
// one replaces files of the same name in later ones. The order among the first
// two was measured, the manual page of procps says otherwise.
var sysctlDirs = []string{
	"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d",
}

// sysctlFile is a file with its lines in the detail that the readers need: they
// disagree about what ConfigEntry does not say.
type sysctlFile struct {
	audit.ConfigFile
	lines []sysctlLine
}

// sysctlLine is one line that mentions a key of ours.
type sysctlLine struct {
	number    int
	key       string // dotted, without a dash; may be a glob
	value     string // trimmed; empty also without an equals sign
	commented bool
	assigned  bool // it has an equals sign
	dashed    bool // a dash stood before the key
	apart     bool // with blanks between dash and key, which procps does not take
	rooted    bool // a slash stood before the key
}

// parseSysctlLine takes a line apart. It reports false for lines that hold no
// key, such as prose in a comment.
func parseSysctlLine(number int, s string) (sysctlLine, bool) {
	line := sysctlLine{number: number}
	s = strings.TrimSpace(s)
	bare := strings.TrimLeft(s, "#; \t")
	line.commented, s = len(bare) < len(s), bare
	if s, line.dashed = strings.CutPrefix(s, "-"); line.dashed {
		trimmed := strings.TrimLeft(s, " \t")
		line.apart, s = len(trimmed) < len(s), trimmed
	}
	key, value, assigned := strings.Cut(s, "=")
	key = strings.TrimSpace(key)
	line.rooted = strings.HasPrefix(key, "/")
	line.key, line.assigned = dottedKey(key), assigned
	line.value = strings.TrimSpace(value)
	// Prose has no equals sign and begins with a word: "# raise this when …".
	prose := line.commented && !assigned
	return line, isSysctlKey(line.key) && !prose
}

// dottedKey turns a key with slashes into dots. Whichever separator comes first
// is the separator, and the other one is then a character of a name.
func dottedKey(key string) string {
	key = strings.TrimPrefix(key, "/")
	i := strings.IndexAny(key, "./")
	if i < 0 || key[i] == '.' {
		return key
	}
	return swapSeparators(key)
}

func swapSeparators(key string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return '.'
		case '.':
			return '/'
		}
		return r
	}, key)
}

// isSysctlKey holds for what may stand left of an equals sign: a dotted name,
// perhaps with glob characters.
func isSysctlKey(key string) bool {
	if len(key) > 256 || !strings.ContainsAny(key, ".*") {
		return false
	}
	for _, r := range key {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !ok && !strings.ContainsRune("._-/*?[]!^@:", r) {
			return false
		}
	}
	return true
}

// kernelInt reads a value as the kernel does when it is written to a file under
// /proc/sys: the first word, in base 8, 10 or 16, within 32 bits. A write of
// anything else is refused and changes nothing.
func kernelInt(s string) (int64, bool) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return 0, false
	}
	digits, negative := strings.CutPrefix(words[0], "-")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(digits, base, 63)
	if err != nil {
		return 0, false
	}
	value := int64(n)
	if negative {
		value = -value
	}
	return value, value >= -1<<31 && value <= 1<<31-1
}

// sysctlPlan is what one reader does with a set of files.
type sysctlPlan struct {
	load    []*sysctlFile     // in the order in which it reads them
	ignored map[string]string // path -> why it does not read that file
}

// starter names whose start script calls the reader. It matters for BusyBox only,
// whose sysctl reads one file: the script makes a loop. Empty is any other.
type starter string

const (
	starterOpenRC starter = "openrc" // Alpine, Gentoo
	starterProcd  starter = "procd"  // OpenWrt
)

// planSysctl decides which files a reader loads, and when.
func planSysctl(reader audit.Reader, by starter, files []sysctlFile) sysctlPlan {
	if reader == audit.ReaderBusyBox {
		return planBusyBox(by, files)
	}
	plan := sysctlPlan{ignored: map[string]string{}}
	first := firstByName(reader, files)
	for i := range files {
		file := &files[i]
		if why := dropInIgnored(reader, file.Path, first); why != "" {
			plan.ignored[file.Path] = why
			continue
		}
		plan.load = append(plan.load, file)
	}
	slices.SortStableFunc(plan.load, func(a, b *sysctlFile) int {
		return strings.Compare(path.Base(a.Path), path.Base(b.Path))
	})
	plan.sysctlConf(reader, files)
	return plan
}

// sysctlConf adds /etc/sysctl.conf, which procps reads after everything else
// and systemd only through a link in one of its directories.
func (p *sysctlPlan) sysctlConf(reader audit.Reader, files []sysctlFile) {
	i := slices.IndexFunc(files, func(f sysctlFile) bool { return f.Path == sysctlConf })
	if i < 0 {
		return
	}
	delete(p.ignored, sysctlConf)
	if reader == audit.ReaderProcps {
		p.load = append(p.load, &files[i])
		return
	}
	for _, file := range p.load {
		if linkTarget(&file.ConfigFile) == sysctlConf {
			return
		}
	}
	p.ignored[sysctlConf] = "systemd-sysctl reads it only through a link in /etc/sysctl.d, and there is none"
}

// planBusyBox follows the start scripts: OpenRC's loads /etc/sysctl.conf and then
// the drop-ins, and nothing at all without the former; OpenWrt's loads the drop-ins
// first.
func planBusyBox(by starter, files []sysctlFile) sysctlPlan {
	plan := sysctlPlan{ignored: map[string]string{}}
	main := slices.IndexFunc(files, func(f sysctlFile) bool { return f.Path == sysctlConf })
	for i := range files {
		if i == main {
			continue
		}
		if why := busyBoxIgnores(by, files[i].Path, main >= 0); why != "" {
			plan.ignored[files[i].Path] = why
			continue
		}
		plan.load = append(plan.load, &files[i])
	}
	slices.SortStableFunc(plan.load, func(a, b *sysctlFile) int { return strings.Compare(a.Path, b.Path) })
	switch {
	case main < 0:
	case by == starterProcd:
		plan.load = append(plan.load, &files[main])
	default:
		plan.load = slices.Insert(plan.load, 0, &files[main])
	}
	return plan
}

// busyBoxIgnores says why a file beside /etc/sysctl.conf is not read, or nothing
// when it is. The scripts' pattern is /etc/sysctl.d/*.conf, which no dot matches
// in front.
func busyBoxIgnores(by starter, p string, hasMain bool) string {
	switch {
	case by != starterOpenRC && by != starterProcd:
		return "BusyBox sysctl reads /etc/sysctl.conf only"
	case path.Dir(p) != "/etc/sysctl.d":
		return "the start script reads /etc/sysctl.conf and /etc/sysctl.d only"
	case !strings.HasSuffix(p, ".conf"):
		return "its name does not end in .conf"
	case strings.HasPrefix(path.Base(p), "."):
		return "the start script skips hidden files"
	case by == starterOpenRC && !hasMain:
		return "OpenRC's start script loads nothing without /etc/sysctl.conf"
	}
	return ""
}

// untilRefused leaves out what BusyBox does not get to: it skips empty values, and
// ends a file at the first one that the kernel refuses. OpenRC calls it anew for
// each line.
func untilRefused(by starter, settings []setting) []setting {
	if by == starterOpenRC {
		return settings
	}
	var reached []setting
	var ended *sysctlFile
	for _, at := range settings {
		if at.file != ended && at.line.value != "" && !at.line.taken() {
			ended = at.file
		}
		if at.file != ended {
			reached = append(reached, at)
		}
	}
	return reached
}

// firstByName maps each file name to the path that wins it.
func firstByName(reader audit.Reader, files []sysctlFile) map[string]string {
	first := map[string]string{}
	rank := func(p string) int { return slices.Index(sysctlDirs, path.Dir(p)) }
	for i := range files {
		p := files[i].Path
		if nameIgnored(reader, p) != "" {
			continue
		}
		if other, ok := first[path.Base(p)]; !ok || rank(p) < rank(other) {
			first[path.Base(p)] = p
		}
	}
	return first
}

// dropInIgnored says why a file is not read, or nothing when it is.
func dropInIgnored(reader audit.Reader, p string, first map[string]string) string {
	if why := nameIgnored(reader, p); why != "" {
		return why
	}
	if winner := first[path.Base(p)]; winner != p {
		return "replaced by " + winner + ", which has the same name"
	}
	return ""
}

// nameIgnored says why a path can never be read, whatever else exists.
func nameIgnored(reader audit.Reader, p string) string {
	switch {
	case !slices.Contains(sysctlDirs, path.Dir(p)):
		return "no reader of sysctl files looks here"
	case !strings.HasSuffix(p, ".conf"):
		return "its name does not end in .conf"
	case reader == audit.ReaderSystemd && strings.HasPrefix(path.Base(p), "."):
		return "systemd-sysctl skips hidden files"
	}
	return ""
}

// linkTarget is the absolute path behind a link, or empty.
func linkTarget(file *audit.ConfigFile) string {
	if file.Target == "" || path.IsAbs(file.Target) {
		return file.Target
	}
	return path.Join(path.Dir(file.Path), file.Target)
}

// setting is one assignment that a reader would act upon.
type setting struct {
	file *sysctlFile
	line sysctlLine
}

// configuredValue is what a reader would load for the limit: nil when no file
// sets it, or when the kernel would refuse what they say.
func configuredValue(reader audit.Reader, by starter, files []sysctlFile) (*int64, setting) {
	var explicit, globs []setting
	for _, file := range planSysctl(reader, by, files).load {
		for _, line := range file.lines {
			switch at := (setting{file, line}); {
			case line.commented || !understands(reader, line):
			case line.key == limitKey:
				explicit = append(explicit, at)
			case reader != audit.ReaderBusyBox && line.assigned && globMatches(line.key):
				globs = append(globs, at)
			}
		}
	}
	if len(explicit) == 0 {
		return lastTaken(globs)
	}
	switch reader {
	case audit.ReaderSystemd:
		// It keeps only the last word on a key and writes that; the others
		// write line by line, so that a refused one leaves what was before.
		explicit = explicit[len(explicit)-1:]
	case audit.ReaderBusyBox:
		explicit = untilRefused(by, explicit)
	}
	return lastTaken(explicit)
}

func lastTaken(settings []setting) (*int64, setting) {
	for _, at := range slices.Backward(settings) {
		if value, _ := kernelInt(at.line.value); at.line.taken() {
			return &value, at
		}
	}
	return nil, setting{}
}

// taken holds for an assignment that the kernel does not refuse.
func (l *sysctlLine) taken() bool {
	_, ok := kernelInt(l.value)
	return ok && l.assigned
}

// understands holds when a reader takes a line as one about its key. To BusyBox
// a dash and a slash in front are part of the key's name.
func understands(reader audit.Reader, line sysctlLine) bool {
	switch reader {
	case audit.ReaderBusyBox:
		return !line.dashed && !line.rooted
	case audit.ReaderProcps:
		return !line.apart
	}
	return true
}

// globMatches holds for patterns that reach the limit. A star stops at dots, as
// it does at the slashes of the path that the pattern stands for.
func globMatches(pattern string) bool {
	if !strings.ContainsAny(pattern, "*?[") {
		return false
	}
	pattern = strings.ReplaceAll(swapSeparators(pattern), "[!", "[^")
	ok, err := path.Match(pattern, swapSeparators(limitKey))
	return err == nil && ok
}

// sourceOf names the line that a value comes from, through the file that one
// would edit: the target of a link where that was read too.
func (at setting) sourceOf(files []sysctlFile) (file *audit.ConfigFile, source string) {
	if at.file == nil {
		return nil, ""
	}
	file = &at.file.ConfigFile
	target := linkTarget(file)
	for i := range files {
		if target != "" && files[i].Path == target {
			file = &files[i].ConfigFile
		}
	}
	return file, file.Path + ":" + strconv.Itoa(at.line.number)
}
