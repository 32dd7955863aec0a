package report

import (
	"regexp"
	"strings"
)

// commandTail finds the commands that a hint about a host key ends with.
var commandTail = regexp.MustCompile(`: ((?:mkdir -p -m |ssh-keygen -R |ssh-keyscan |ssh \S.* ssh-keyscan ).*)$`)

// hint writes a hint behind first. On a terminal the commands that it ends with have lines of
// their own, which are never folded: they are there to be pasted.
func (s *screen) hint(first, words string) {
	at := commandTail.FindStringSubmatchIndex(words)
	if !s.terminal() || at == nil || at[3]-at[2] > maxCommand {
		s.line(first, words)
		return
	}
	s.line(first, words[:at[2]])
	indent := first[:len(first)-len(strings.TrimLeft(first, " "))]
	for _, command := range commands(words[at[2]:]) {
		s.WriteString(indent + command + "\n")
	}
}

// maxCommand bounds in bytes what is not folded: a saved run may hold anything.
const maxCommand = 2000

// commands are those joined by &&. Where something is quoted they stay together.
func commands(line string) []string {
	if strings.ContainsAny(line, `'"`) {
		return []string{line}
	}
	return strings.Split(line, " && ")
}
