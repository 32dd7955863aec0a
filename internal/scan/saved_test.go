package scan

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"twaudit/internal/audit"
	"twaudit/internal/probe"
)

// overflowedLog is the answer of an old kernel that was asked at the given time,
// half an hour after it logged an overflow.
func overflowedLog(asked time.Time) string {
	const nonce = probe.ManualNonce
	line := asked.Add(-30 * time.Minute).UTC().Format("Jan _2 15:04:05")
	return mark(nonce, "begin 1") + mark(nonce, "section identity") +
		fmt.Sprintf("ostype Linux\nkernel 2.6.32-754.el6.x86_64\nhostname web1\nboot_id x\nclock %d +0000\nuptime 864000.00\n", asked.Unix()) +
		mark(nonce, "section limits") + "net.ipv4.tcp_max_tw_buckets 1000\nnet.core.warnings 1\n" +
		mark(nonce, "section log") + fmt.Sprintf("mode full\nsince 0\n= source kern /var/log/kern.log\nsize 900\nmtime %d\nkernel yes\n", asked.Unix()) +
		"= group ours kernel 1 1 - -\n|" + line + " web1 kernel: TCP: time wait bucket table overflow\n" + mark(nonce, "end")
}

// An old answer is judged by the clock of its host: now is when it was given.
func TestSaved_nowIsWhenTheHostWasAsked(t *testing.T) {
	t.Parallel()
	imported := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, age := range []time.Duration{0, 40 * 24 * time.Hour, -3 * 24 * time.Hour} {
		a := &Auditor{Limits: audit.DefaultLimits(), Now: func() time.Time { return imported }}
		got := a.Saved(Job{Name: "web1"}, []byte(overflowedLog(imported.Add(-age))))
		if got.Status != audit.StatusAudited {
			t.Fatalf("%s: %+v", age, got.Failure)
		}
		if got.Facts.Log == nil || got.Facts.Log.Last == nil || got.Verdict != audit.VerdictOverflowing {
			t.Errorf("%s old: %s, flags %v, log %+v; want overflowing, by a line half an hour before", age, got.Verdict, got.Flags, got.Facts.Log)
		}
		if got.Facts.Host.ClockSkewMS != nil || strings.Contains(strings.Join(got.Flags, " "), "clock-skew") {
			t.Errorf("%s old: its clock is taken to be wrong: %v", age, got.Flags)
		}
		if got.Name != "web1" || got.Timing.Bytes == 0 || got.Labels == nil || got.Groups == nil {
			t.Errorf("result %+v", got)
		}
	}
}

// A run that was made after the answer was saved is not its past.
func TestSaved_pastEndsWhenTheHostWasAsked(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	for seen, counts := range map[time.Time]bool{asked.Add(-time.Hour): true, asked.Add(time.Hour): false} {
		name := ""
		a := &Auditor{Limits: audit.DefaultLimits(), Past: func(n string) *audit.Past {
			name = n
			return &audit.Past{Readings: []audit.Reading{{At: seen, BootID: "x"}}}
		}}
		got := a.Saved(Job{Name: "web1"}, []byte(overflowedLog(asked)))
		if name != "web1" || (got.History != nil) != counts {
			t.Errorf("seen at %s: past of %q, history %+v, want one: %v", seen, name, got.History, counts)
		}
	}
}

func TestSaved_formsOfTheSameAnswer(t *testing.T) {
	t.Parallel()
	answer := minimal(strings.Repeat("0a", 16))
	for name, raw := range map[string]string{
		"as printed":         answer,
		"CRLF":               strings.ReplaceAll(answer, "\n", "\r\n"),
		"with a BOM":         "\xef\xbb\xbf" + answer,
		"banner before it":   "Welcome to web1\n" + answer,
		"something after it": answer + "logout\n",
	} {
		if got := new(Auditor).Saved(Job{Name: "web1"}, []byte(raw)); got.Status != audit.StatusAudited {
			t.Errorf("%s: %+v", name, got.Failure)
		}
	}
}

func TestSaved_unusableFiles(t *testing.T) {
	t.Parallel()
	whole := minimal(probe.ManualNonce)
	for name, test := range map[string]struct {
		raw     string
		stage   audit.Stage
		message string
		hint    string
	}{
		"empty":          {"", audit.StageProbe, "the file is empty", "sh probe.sh > web1.out"},
		"blanks":         {"\n \r\n", audit.StageProbe, "the file is empty", "sh probe.sh > web1.out"},
		"cut":            {whole[:len(whole)-40], audit.StageProbe, "stops after 115 B in section identity", "copy the file again"},
		"cut at begin":   {mark(probe.ManualNonce, "begin 1"), audit.StageProbe, "stops after 0 B", "copy the file again"},
		"appended":       {whole + whole, audit.StageProbe, "holds 2 answers", "with > and not >>"},
		"cut, then new":  {whole[:len(whole)-40] + "\n" + whole, audit.StageProbe, "holds 2 answers", "with > and not >>"},
		"foreign":        {"total 12\ndrwxr-xr-x\x1b[0m", audit.StageProbe, "the file holds no answer of the script", "it begins with “total 12 drwxr-xr-x\ufffd[0m”; save it again"},
		"the script":     {probe.Script(), audit.StageProbe, "the script itself", "run it on the host"},
		"a run":          {"{\n  \"schema\": 1,", audit.StageProbe, "a saved run", "twaudit show HOST --from FILE"},
		"UTF-16":         {"\xff\xfet\x00w\x00", audit.StageProbe, "UTF-16", "Out-File"},
		"too much":       {whole + strings.Repeat("x", MaxAnswer), audit.StageProbe, "more than 2.0 MiB", "save it again"},
		"too much of 0":  {strings.Repeat("\x00", MaxAnswer+1), audit.StageProbe, "more than 2.0 MiB", "save it again"},
		"another system": {strings.Replace(whole, "ostype Linux", "ostype FreeBSD", 1), audit.StageNotLinux, "runs FreeBSD, not Linux", "leave the file out"},
		"another age":    {strings.Replace(whole, "begin 1", "begin 9", 1), audit.StageProbe, "version 9, wanted 1", "save it again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := new(Auditor).Saved(Job{Name: "web1"}, []byte(test.raw))
			if got.Status != audit.StatusFailed || got.Failure.Stage != test.stage {
				t.Fatalf("%s, %+v, want stage %s", got.Status, got.Failure, test.stage)
			}
			if strings.Contains(got.Failure.Message, "begins with") {
				t.Errorf("the message quotes the file: %s", got.Failure.Message)
			}
			if !strings.Contains(got.Failure.Message, test.message) || !strings.Contains(got.Failure.Hint, test.hint) {
				t.Errorf("%+v lacks %q or %q", got.Failure, test.message, test.hint)
			}
		})
	}
}

// Whatever stands in a file, the result is whole and its words are inert.
func FuzzSaved(f *testing.F) {
	f.Add([]byte(minimal(probe.ManualNonce)))
	f.Add([]byte(minimal(probe.ManualNonce)[:90]))
	f.Add([]byte(overflowedLog(time.Unix(1_700_000_000, 0))))
	f.Add([]byte("\x1b]0;x\x07" + mark(probe.ManualNonce, "begin 1\x1b")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := new(Auditor).Saved(Job{Name: "web1"}, raw)
		if (got.Status == audit.StatusAudited) != (got.Failure == nil) || (got.Verdict == "") != (got.Failure != nil) {
			t.Fatalf("status %s, verdict %q, failure %+v", got.Status, got.Verdict, got.Failure)
		}
		if f := got.Failure; f != nil {
			if f.Message == "" || f.Hint == "" || len(f.Message) > maxMessage || !utf8.ValidString(f.Message) || strings.ContainsRune(f.Message, 0x1b) {
				t.Errorf("failure %+v", f)
			}
		}
	})
}
