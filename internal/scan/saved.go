package scan

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
	"twaudit/internal/text"
	"twaudit/remote"
)

// MaxAnswer is what an answer may have, in bytes. Who reads a saved one stops
// one byte later, which Saved takes for too much.
const MaxAnswer = maxAnswer

// beginMark is where an answer begins, whatever its nonce.
var beginMark = regexp.MustCompile(`(?m)^twaudit-probe [0-9a-f]{32} begin `)

// Saved judges an answer that somebody saved on a host which cannot be reached:
// raw is what the script printed. It is judged as of the moment at which the
// script ran there, which the host's own clock tells: a file that waited for a
// week proves nothing about today, and its clock is not a week slow.
func (a *Auditor) Saved(job Job, raw []byte) audit.HostResult {
	result := job.Blank()
	result.Timing.Bytes = int64(len(raw))
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // editors of other systems put it there
	// Without a time of arrival there is no clock skew.
	answer, err := probe.Parse(raw, "", time.Time{})
	if n := len(beginMark.FindAllIndex(raw, -1)); err == nil && n > 1 {
		result.Status, result.Failure = audit.StatusFailed, several(n)
		return result
	}
	if len(raw) > MaxAnswer || err != nil {
		result.Status, result.Failure = audit.StatusFailed, unusable(raw, err)
		return result
	}
	now := a.now()
	if clock := answer.Facts.Host.Clock; clock != nil {
		now = *clock
	}
	a.judge(&result, answer, now)
	return result
}

// several is the failure of a file that was appended to: taking any one of the
// answers would hide the others, which may be of other hosts.
func several(n int) *audit.Failure {
	return &audit.Failure{
		Stage:   audit.StageProbe,
		Message: fmt.Sprintf("the file holds %d answers, and a host has one", n),
		Hint:    "save each into a file of its own, with > and not >>",
	}
}

// saveAgain is the way out of most of what may be wrong with a file.
const saveAgain = "save it again: twaudit probe > probe.sh here, then on the host: sh probe.sh > web1.out"

// unusable is the failure of a file that holds no complete answer; why is the
// error of probe.Parse, or nil where only the size is wrong.
func unusable(raw []byte, why error) *audit.Failure {
	var notLinux *probe.NotLinuxError
	var incomplete *probe.IncompleteError
	var version *probe.VersionError
	f := &audit.Failure{Stage: audit.StageProbe, Hint: saveAgain}
	switch {
	case len(raw) > MaxAnswer:
		f.Message = fmt.Sprintf("the file has more than %s, which no answer has", text.Bytes(MaxAnswer))
		f.Hint = beginning(raw) + saveAgain
	case errors.As(why, &notLinux):
		f = unanswered(&remote.Output{}, why)
		f.Hint = "leave the file out"
	case errors.As(why, &version):
		f.Message, f.Hint = unanswered(&remote.Output{}, why).Message, saveAgain
	case errors.As(why, &incomplete):
		f.Message = "the saved answer stops after " + text.Bytes(int64(incomplete.Bytes))
		if incomplete.Section != "" {
			f.Message += " in section " + text.CleanMax(incomplete.Section, 40)
		}
		f.Hint = "copy the file again; if it is cut off on the host too, the disk was full or the script's time was used up: run it again there"
	case len(bytes.TrimSpace(raw)) == 0:
		f.Message = "the file is empty"
	default:
		f.Message, f.Hint = foreign(raw)
	}
	return f
}

// foreign explains a file in which the script never spoke by what people take
// for an answer, or make of one.
func foreign(raw []byte) (message, hint string) {
	title, _, _ := strings.Cut(probe.Script(), "\n")
	switch {
	case bytes.HasPrefix(raw, []byte(title)):
		return "the file is the script itself, not what it prints", "run it on the host: sh probe.sh > web1.out"
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return "the file is in UTF-16, which is what PowerShell makes of saved output",
			"redirect on the host itself, or in cmd.exe, or use: Out-File -Encoding ascii"
	case bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`{`)) && bytes.Contains(raw, []byte(`"schema"`)):
		return "the file is a saved run, not an answer of the script", "look at it with: twaudit show HOST --from FILE"
	}
	return "the file holds no answer of the script", beginning(raw) + saveAgain
}

// beginning quotes a file, so that its owner recognises it. That is for a hint
// and no message: runs are handed on, and by a slip of the shell the file may be
// anything that the operator can read.
func beginning(raw []byte) string {
	words := firstWords(raw)
	if words == "" {
		return "it begins with blanks; "
	}
	return fmt.Sprintf("it begins with “%s”; ", words)
}
