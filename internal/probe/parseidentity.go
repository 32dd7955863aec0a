package probe

import (
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// clockNoise is how far the two clocks may seem apart without meaning anything:
// date(1) tells whole seconds, and the network has its share.
const clockNoise = 2 * time.Second

// identity says who answered. It is the one section whose content can end the
// answer: on another system nothing that follows would mean what it says.
func (p *parser) identity() error {
	s := p.frame.sections["identity"]
	if s == nil {
		p.gap("identity", "the answer holds no such section", "")
		return nil
	}
	p.reported(s)
	b, host := s.head(), &p.facts.Host
	if system, ok := b.value("ostype"); ok && system != "Linux" {
		return &NotLinuxError{System: clean(system)}
	}
	host.Hostname, host.Kernel, host.Arch = b.text("hostname"), b.text("kernel"), b.text("arch")
	host.BootID, host.MachineID = b.text("boot_id"), b.text("machine_id")
	host.Init, host.UptimeSeconds = b.text("pid1"), b.seconds("uptime")
	host.UID, host.MemoryBytes = b.small("uid"), kilobytes(b.count("mem_total_kb"))
	host.Virtualization = virtualization(s)
	host.OS, host.OSID = release(s.block("release"))
	if bootline := s.block("cmdline"); bootline != nil {
		p.bootConfig = bootline.raw
	}
	p.clock(b)
	p.refusals(s)
	if host.UptimeSeconds == nil && !p.noProc {
		p.gap("identity", "the uptime could not be read", "let the login read /proc/uptime")
	}
	return nil
}

// clock reads the host's own time, and what follows from it.
func (p *parser) clock(b *block) {
	host := &p.facts.Host
	value, ok := b.value("clock")
	if !ok {
		return
	}
	epoch, zone, _ := strings.Cut(value, " ")
	at, ok := integer(epoch)
	offset := parseOffset(zone)
	if !ok || at < 0 || at > 1<<36 {
		p.gap("identity", syntaxError("the clock could not be read", value).Error(), "")
		return
	}
	if offset == nil {
		offset = time.UTC
	} else {
		host.UTCOffset = zone[:3] + ":" + zone[len(zone)-2:]
	}
	now := time.Unix(at, 0).In(offset)
	if zone := localZone(p.frame.sections["identity"].block("localtime"), now); zone != nil {
		now = now.In(zone)
	}
	host.Clock = &now
	if up := host.UptimeSeconds; up != nil {
		booted := now.Add(-time.Duration(*up * float64(time.Second))).Round(time.Second)
		host.BootedAt = &booted
	}
	if skew := now.Sub(p.at); !p.at.IsZero() && skew.Abs() > clockNoise {
		ms := skew.Milliseconds()
		host.ClockSkewMS = &ms
	}
}

// maxZone is more than any file of the zone database has, in bytes.
const maxZone = 16 << 10

// localZone is the host's zone with its changes of summer time, from /etc/localtime
// in hex: a stamp of July read by the offset of November would be an hour beside the
// times of files, which is on the wrong side of a raise. Nil where the file is no
// zone, or one by which the host's own date is another: TZ may say otherwise.
func localZone(b *block, now time.Time) *time.Location {
	if b == nil {
		return nil
	}
	digits := strings.Join(strings.Fields(strings.Join(b.raw, " ")), "")
	if len(digits) > 2*maxZone {
		return nil
	}
	data, err := hex.DecodeString(digits)
	if err != nil {
		return nil
	}
	zone, err := time.LoadLocationFromTZData("", data)
	if err != nil {
		return nil
	}
	_, own := now.Zone()
	if _, same := now.In(zone).Zone(); same != own {
		return nil
	}
	return zone
}

// now is the host's clock; the auditor's where that is all there is.
func (p *parser) now() time.Time {
	if c := p.facts.Host.Clock; c != nil {
		return *c
	}
	return p.at
}

// refusals are the gaps that the identity lines stand for.
func (p *parser) refusals(s *section) {
	if s.value("sudo") == "denied" {
		p.facts.Host.Sudo = "denied"
		p.gap("sudo", "sudo was refused, so the probe ran without it",
			"allow it: twaudit probe --sudoers prints the rule")
	}
	if s.value("proc") == "missing" {
		p.noProc = true
		p.gap("counters", "/proc is not mounted where the login is: nothing can be read", "mount /proc there")
	}
}

// release takes the name of the distribution from whichever file there was.
func release(b *block) (name, id string) {
	if b == nil || len(b.raw) == 0 {
		return "", ""
	}
	fields := map[string]string{}
	for _, line := range b.raw {
		if key, value, ok := strings.Cut(line, "="); ok {
			fields[key] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	if pretty := fields["PRETTY_NAME"]; pretty != "" {
		return clean(pretty), clean(fields["ID"])
	}
	return oldRelease(path.Base(b.args), clean(b.raw[0]))
}

// oldRelease knows the files from before os-release, whose first line is a
// sentence or, in two of them, no more than a number.
func oldRelease(file, line string) (name, id string) {
	switch file {
	case "debian_version":
		return "Debian " + line, "debian"
	case "alpine-release":
		return "Alpine Linux " + line, "alpine"
	case "SuSE-release":
		return line, "sles"
	}
	word, _, _ := strings.Cut(strings.ToLower(line), " ")
	if word == "red" {
		word = "rhel"
	}
	return line, word
}

// virtualization names the container that the login is inside of, if any.
func virtualization(s *section) string {
	b := s.head()
	switch {
	case b.text("container") != "":
		return b.text("container")
	case b.yes("containerenv"):
		return "podman"
	case b.yes("dockerenv"):
		return "docker"
	case b.yes("proc_vz") && !b.yes("proc_bc"):
		return "openvz"
	}
	cgroups := s.block("cgroup1")
	if cgroups == nil {
		return ""
	}
	for _, line := range cgroups.raw {
		for _, kind := range []string{"kubepods", "docker", "lxc"} {
			if strings.Contains(line, "/"+kind) {
				return kind
			}
		}
	}
	return ""
}

// small is a count that fits into an int.
func (b *block) small(key string) *int {
	v, _ := b.value(key)
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

func kilobytes(kb *int64) *int64 {
	if kb == nil || *kb > 1<<53 {
		return nil
	}
	bytes := *kb * 1024
	return &bytes
}

// kernelBefore reports whether a release is older than major.minor.patch. One
// that cannot be read is not.
func kernelBefore(release string, major, minor, patch int) bool {
	var a, b, c int
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &a, &b, &c); n < 2 {
		return false
	}
	// Under the UNAME26 personality 3.x and later call themselves 2.6.40 and up.
	if a == 2 && b == 6 && c >= 40 {
		return false
	}
	if a != major {
		return a < major
	}
	if b != minor {
		return b < minor
	}
	return c < patch
}
