package probe

import (
	"fmt"
	"path"
	"strings"

	"twaudit/internal/text"
)

// reasons spells the one word that the script gives for what it did not read.
var reasons = map[string]string{
	"denied":    "permission denied",
	"missing":   "there is none",
	"timeout":   "it took too long",
	"failed":    "the command failed",
	"budget":    "the budget of time and bytes was used up",
	"too-large": "it is too large to be read for this",
	"no-tool":   "the tool that reads it is missing",
	"old":       "it ends before the time that was searched",
	"unclear":   "what it holds could not be understood",
	"sorted":    "this kernel lists sockets by destination, so that a part of so many is no fair sample",
}

func reason(word string) string {
	if long := reasons[word]; long != "" {
		return long
	}
	return text.CleanMax(word, 64)
}

// reported turns the script's own gap lines into ours.
func (p *parser) reported(s *section) {
	if s.cut {
		p.gap(s.name, "the answer is longer than any honest one; the rest was dropped", "")
	}
	if n := count(s.value("skipped")); n != nil && *n > 0 {
		p.gap(s.name, fmt.Sprintf("%d file names with control characters were left out", *n), "rename those files")
	}
	if s.name == "log" {
		return // its parser says them together with what the sources say
	}
	seen := map[string]bool{}
	for _, line := range s.gaps {
		what, word, _ := strings.Cut(line, " ")
		if seen[line] || len(seen) > maxGaps {
			continue
		}
		seen[line] = true
		p.gap(s.name, clean(what)+": "+reason(word), p.remedy(s.name, what, word))
	}
}

// remedy says what would let the next run read it. Empty when nothing would.
func (p *parser) remedy(section, what, word string) string {
	switch word {
	case "denied":
		if section == "log" {
			return p.logRemedy(what)
		}
		return p.asRoot()
	case "no-tool":
		return "install " + toolFor(what)
	case "budget", "timeout":
		if section == "log" {
			return "scan with --logs full and a longer --host-timeout"
		}
		return "scan with a longer --host-timeout"
	}
	return ""
}

// toolFor names the program whose absence the script met.
func toolFor(what string) string {
	switch path.Ext(what) {
	case ".gz":
		return "gzip"
	case ".xz":
		return "xz"
	case ".bz2":
		return "bzip2"
	case ".zst":
		return "zstd"
	}
	if what == "namespaces" {
		return "stat (coreutils)"
	}
	return clean(what)
}

// asRoot is the remedy for what only root can read; empty when we were root.
func (p *parser) asRoot() string {
	if uid := p.facts.Host.UID; uid != nil && *uid == 0 {
		return ""
	}
	return "run as root or with --sudo"
}

// logRemedy names the smallest right that opens a kernel log.
func (p *parser) logRemedy(source string) string {
	root := p.asRoot()
	if root == "" {
		return ""
	}
	switch {
	case strings.Contains(source, "journal"):
		return "add the login to the group systemd-journal, or " + root
	case strings.Contains(source, "dmesg"):
		return root
	}
	return "add the login to the group that owns the file (adm on Debian), or " + root
}
