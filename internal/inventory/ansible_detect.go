package inventory

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
)

// maxLook is how much of a text is looked at to tell its kind.
const maxLook = 1 << 20

// telling yields the lines of the beginning of data that are no comments, without
// blanks at their end.
func telling(data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(data[:min(len(data), maxLook)]) {
			line = bytes.TrimRight(line, " \t\r\n")
			start := bytes.TrimLeft(line, " \t")
			if len(start) == 0 || start[0] == '#' || start[0] == ';' {
				continue
			}
			if !yield(line) {
				return
			}
		}
	}
}

// ansibleWord is a variable of Ansible on the line of a host.
var ansibleWord = regexp.MustCompile(`^\S+\s.*\bansible_[a-z_]+=`)

// looksLikeINI asks for a section, or a host with variables of Ansible.
func looksLikeINI(data []byte) bool {
	for line := range telling(data) {
		if section.Match(line) || ansibleWord.Match(line) {
			return true
		}
	}
	return false
}

// mappingKey is a line that only YAML begins with, right or wrong.
var mappingKey = regexp.MustCompile(`^(?:"[^"]*"|'[^']*'|[\w.-]+)\s*:(?:\s+[&|>{\[!#].*)?$|^(?:---|%YAML|-)(?:\s|$)`)

// looksLikeYAML looks at the first line.
func looksLikeYAML(data []byte) bool {
	for line := range telling(data) {
		return mappingKey.Match(line) || pluginKey.Match(line)
	}
	return false
}

// pluginKey is the setting that makes a YAML file that of a plugin.
var pluginKey = regexp.MustCompile(`^(?:plugin|"plugin"|'plugin')\s*:\s+\S`)

// looksLikePlugin asks for plugin: at the top of a YAML file.
func looksLikePlugin(data []byte) bool {
	for line := range telling(data) {
		if pluginKey.Match(line) {
			return true
		}
	}
	return false
}

// looksLikeDynamic asks for an object of JSON.
func looksLikeDynamic(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && data[0] == '{'
}

// isProgram reports whether the file may be started: its owner says so by the
// exec bit, and its first bytes that it is more than a text on a file system
// where everything has that bit.
func isProgram(mode fs.FileMode, head []byte) bool {
	if !mode.IsRegular() || mode.Perm()&0o111 == 0 {
		return false
	}
	for _, magic := range []string{"#!", "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// isStuck reports whether the file is a script that nobody may start. Read as
// text it would be a riddle.
func isStuck(mode fs.FileMode, head []byte) bool {
	return mode.IsRegular() && mode.Perm()&0o111 == 0 && bytes.HasPrefix(head, []byte("#!"))
}

// errStuck names both ways out: nobody knows which of the two was meant.
func errStuck(file string) error {
	return fmt.Errorf("inventory %s: it begins with #! but may not be started: run chmod +x on it, or take the first line out", file)
}
