package probe

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"twaudit/internal/audit"
)

// runtimeFile is the setting itself. Its mtime moves when sysctl or a shell
// writes it.
const runtimeFile = "/proc/sys/net/ipv4/tcp_max_tw_buckets"

// readers are all that we can speak for.
var readers = []audit.Reader{audit.ReaderProcps, audit.ReaderSystemd, audit.ReaderBusyBox}

// config says what the files of this system would make of the limit.
func (p *parser) config(s *section) error {
	files, err := p.configFiles(s)
	conf := &audit.Config{Reader: configReader(s, p.facts.Host.Init)}
	if i := indexOf(files, runtimeFile); i >= 0 {
		conf.RuntimeChangedAt = files[i].MTime
	}
	if i := indexOf(files, sysctlConf); i >= 0 {
		conf.SysctlConfChangedAt = files[i].MTime
	}
	files = slices.DeleteFunc(files, func(f sysctlFile) bool { return f.Path == runtimeFile || f.irrelevant() })
	sysctls := slices.DeleteFunc(slices.Clone(files), func(f sysctlFile) bool { return f.Kind != "" })
	by := starter(s.value("sysctl_starter"))
	judgeConfig(conf, by, sysctls)
	files = append(files, p.bootSetting(conf)...)
	ignored, profile := planSysctl(conf.Reader, by, sysctls).ignored, s.value("tuned_profile")
	for _, file := range files {
		switch {
		case file.Kind == "tuned" && !strings.Contains(" "+profile+" ", " "+path.Base(path.Dir(file.Path))+" "):
			file.Ignored = "it is not the active profile of tuned"
		case file.Kind == "" && file.Error == "" && conf.Reader != "":
			file.Ignored = ignored[file.Path]
		}
		conf.Files = append(conf.Files, file.ConfigFile)
	}
	p.facts.Config = conf
	p.unreadableConfig(conf)
	return err
}

// judgeConfig asks every reader what it would load.
func judgeConfig(conf *audit.Config, by starter, files []sysctlFile) {
	conf.ByReader = map[audit.Reader]audit.ReaderResult{}
	for _, reader := range readers {
		value, at := configuredValue(reader, by, files)
		file, source := at.sourceOf(files)
		conf.ByReader[reader] = audit.ReaderResult{Value: value, Source: source}
		if reader != conf.Reader {
			continue
		}
		conf.Value, conf.Source = value, source
		if file != nil {
			conf.ChangedAt = file.MTime
		}
	}
}

// irrelevant holds for start scripts and the like that do not mention our keys.
// Sysctl files stay: that one exists and says nothing is evidence too.
func (f *sysctlFile) irrelevant() bool { return f.Kind != "" && len(f.lines) == 0 && f.Error == "" }

// configReader is the program that loads sysctl files when this system starts:
// systemd's where systemd is process 1 and has it, else what the sysctl command
// is, else what went with that process 1. Empty when there is nothing to tell it by.
func configReader(s *section, init string) audit.Reader {
	has := map[string]bool{}
	for _, pair := range s.pairs() {
		has[pair.key] = true
	}
	systemd, command := has["systemd_sysctl"], has["sysctl"]
	switch {
	case systemd && (init == "systemd" || init == "init" && !command):
		return audit.ReaderSystemd
	case has["procps_system"]:
		return audit.ReaderProcps
	case has["busybox_sysctl"]:
		return audit.ReaderBusyBox
	case command:
		return audit.ReaderProcps
	case systemd || init == "systemd":
		return audit.ReaderSystemd
	case init != "":
		// Every init before systemd ran sysctl -p, from where this login does not look.
		return audit.ReaderProcps
	}
	return ""
}

// configFiles joins what stands in three places: times, links and lines.
func (p *parser) configFiles(s *section) ([]sysctlFile, error) {
	var files []sysctlFile
	var broken error
	for _, pair := range s.pairs() {
		switch pair.key {
		case "stat":
			file, err := p.statLine(pair.value)
			if err != nil {
				broken = err
				continue
			}
			files = bounded(files, file)
		case "unreadable":
			// It may have a stat line as well, before or after.
			files = bounded(files, sysctlFile{ConfigFile: audit.ConfigFile{Path: clean(pair.value), Error: "permission denied"}})
		}
	}
	files = merged(files)
	readLinks(files, s.block("links"))
	for _, block := range s.blocks[1:] {
		if block.name == "file" {
			files = readLines(files, block)
		}
	}
	followLinks(files)
	for i := range files {
		files[i].Entries = entries(files[i].lines)
		if files[i].Kind == "" && !looksLikeSysctl(files[i].Path) {
			files[i].Kind = "script"
		}
	}
	return files, broken
}

// looksLikeSysctl holds for files that a sysctl reader reads, and for those that
// somebody may think it reads: copies, backups, other names.
func looksLikeSysctl(p string) bool {
	return strings.HasPrefix(p, sysctlConf) || slices.Contains(sysctlDirs, p) || slices.Contains(sysctlDirs, path.Dir(p))
}

// merged keeps one entry for each path, in the order in which they came.
func merged(files []sysctlFile) []sysctlFile {
	var out []sysctlFile
	for _, f := range files {
		i := indexOf(out, f.Path)
		if i < 0 {
			out = append(out, f)
			continue
		}
		if f.Error != "" {
			out[i].Error = f.Error
		}
		if f.MTime != nil {
			out[i].MTime, out[i].CTime = f.MTime, f.CTime
		}
	}
	return out
}

func indexOf(files []sysctlFile, p string) int {
	return slices.IndexFunc(files, func(f sysctlFile) bool { return f.Path == p })
}

// statLine reads "MTIME CTIME SIZE PATH".
func (p *parser) statLine(value string) (sysctlFile, error) {
	words := strings.SplitN(value, " ", 4)
	if len(words) != 4 || !strings.HasPrefix(words[3], "/") {
		return sysctlFile{}, syntaxError("stat of a file", value)
	}
	return sysctlFile{ConfigFile: audit.ConfigFile{
		Path: clean(words[3]), MTime: p.epoch(words[0]), CTime: p.epoch(words[1]),
	}}, nil
}

// epoch is a time in the host's zone; nil for "-" and for what is no time.
func (p *parser) epoch(s string) *time.Time {
	n := count(s)
	if n == nil || *n > 1<<36 {
		return nil
	}
	t := time.Unix(*n, 0).In(p.now().Location())
	return &t
}

// readLinks takes the targets from what ls -ld printed.
func readLinks(files []sysctlFile, b *block) {
	if b == nil {
		return
	}
	for _, line := range b.raw {
		left, target, ok := strings.Cut(line, " -> ")
		start := strings.Index(left, " /")
		if !ok || start < 0 {
			continue
		}
		if i := indexOf(files, clean(left[start+1:])); i >= 0 {
			files[i].Target = clean(target)
		}
	}
}

// readLines reads one "= file KIND PATH" block.
func readLines(files []sysctlFile, b *block) []sysctlFile {
	kind, name, _ := strings.Cut(b.args, " ")
	name = clean(name)
	if name == "" {
		return files
	}
	i := indexOf(files, name)
	if i < 0 {
		i, files = len(files), append(files, sysctlFile{ConfigFile: audit.ConfigFile{Path: name}})
	}
	parse := parseSysctlLine
	switch kind {
	case "sysctl", "odd":
	case "script":
		files[i].Kind, parse = "script", parseScriptLine
	default:
		files[i].Kind = clean(kind)
	}
	for _, raw := range b.raw {
		digits, text, _ := strings.Cut(raw, " ")
		n := count(digits)
		if n == nil || *n == 0 || *n > 1<<31 || len(files[i].lines) >= 100 {
			continue
		}
		if line, ok := parse(int(*n), text); ok {
			files[i].lines = append(files[i].lines, line)
		}
	}
	return files
}

var (
	sysctlWrite = regexp.MustCompile(`(-?)\b(net[./]ipv4[./]tcp_(?:max_tw_buckets\w*|tw_\w+)) *= *["']?(-?\w+)`)
	echoWrite   = regexp.MustCompile(`\becho +(?:-n +)?["']?(-?\w+)["']? *>+ *["']?/proc/sys/(net/ipv4/tcp_(?:max_tw_buckets\w*|tw_\w+))`)
)

// parseScriptLine finds the two ways in which start scripts set a value.
func parseScriptLine(number int, s string) (sysctlLine, bool) {
	line := sysctlLine{number: number, assigned: true}
	line.commented = strings.HasPrefix(strings.TrimSpace(s), "#")
	if m := echoWrite.FindStringSubmatch(s); m != nil {
		line.key, line.value = dottedKey(m[2]), m[1]
		return line, true
	}
	if m := sysctlWrite.FindStringSubmatch(s); m != nil {
		line.key, line.value = dottedKey(m[2]), m[3]
		return line, true
	}
	return line, false
}

// followLinks gives links to a file that was read the lines of that file.
func followLinks(files []sysctlFile) {
	for i := range files {
		target := linkTarget(&files[i].ConfigFile)
		if target == "" || len(files[i].lines) > 0 {
			continue
		}
		if j := indexOf(files, target); j >= 0 {
			files[i].lines = files[j].lines
		}
	}
}

func entries(lines []sysctlLine) []audit.ConfigEntry {
	list := make([]audit.ConfigEntry, 0, len(lines))
	for _, line := range lines {
		list = append(list, audit.ConfigEntry{
			Line: line.number, Key: clean(line.key), Value: clean(line.value), Commented: line.commented,
		})
	}
	return list
}

// bootSetting is the kernel command line as a file: its settings are in force
// until a file says otherwise.
func (p *parser) bootSetting(conf *audit.Config) []sysctlFile {
	const source = "/proc/cmdline"
	var lines []sysctlLine
	for _, word := range p.bootConfig {
		line, ok := parseSysctlLine(1, strings.TrimPrefix(strings.TrimSpace(word), "sysctl."))
		if !ok || len(lines) >= 100 {
			continue
		}
		lines = append(lines, line)
		unset := conf.Value == nil || conf.Source == source+":1"
		if n, ok := kernelInt(line.value); ok && line.key == limitKey && unset {
			conf.Value, conf.Source = &n, source+":1"
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return []sysctlFile{{ConfigFile: audit.ConfigFile{Path: source, Kind: "cmdline", Entries: entries(lines)}}}
}

// unreadableConfig is one gap for all files that we were not let into.
func (p *parser) unreadableConfig(conf *audit.Config) {
	var paths []string
	for _, file := range conf.Files {
		if file.Error != "" {
			paths = append(paths, file.Path)
		}
	}
	if len(paths) > 0 {
		p.gap("config", "permission denied: "+listed(paths), p.asRoot())
	}
}
