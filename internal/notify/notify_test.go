package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// token is the secret of all tests: it must not be in any text they see.
const token = "s3cr3t-t0ken"

// message has everything that a host could break a format with.
func message() Message {
	hostile := "web1\"}]\r\n.\r\nDATA <script>{{.}}"
	return Message{
		Subject: "2 hosts overflowed", Markdown: []byte("# two hosts\n.\nend"), HTML: []byte("<p>page</p>"), JSON: []byte(`{"schema":1}`),
		Data: Data{
			Title: "2 hosts overflowed", Text: "**two** hosts\n" + hostile, RunID: "r1", Verdicts: map[string]int{"overflowed": 2},
			Problems: []Problem{
				{Host: hostile, Verdict: "overflowed", Severity: "warning", Summary: "7 sockets \\ destroyed"},
				{Host: "web2", Verdict: "overflowing", Severity: "critical", Summary: "now"},
			},
		},
	}
}

// clean fails when an error shows the secret.
func clean(t *testing.T, err error) {
	t.Helper()
	for _, shown := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		if strings.Contains(shown, token) {
			t.Errorf("the error shows the secret: %s", shown)
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(fmt.Sprintf("%#v", err), token) {
			t.Errorf("a cause shows the secret: %#v", err)
		}
	}
}

func TestSecret_isNeverPrinted(t *testing.T) {
	t.Parallel()
	holder := struct {
		A Secret
		B map[string]Secret
		C *Secret
	}{token, map[string]Secret{"x": token}, new(Secret)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if shown := fmt.Sprintf(verb, holder); strings.Contains(shown, token) || strings.Contains(shown, fmt.Sprintf("%x", token)) {
			t.Errorf("%s shows it: %s", verb, shown)
		}
	}
	if text, err := json.Marshal(holder); err != nil || strings.Contains(string(text), token) {
		t.Errorf("JSON shows it: %s %v", text, err)
	}
	if Secret(token).Reveal() != token {
		t.Error("Reveal does not give it away")
	}
}

func TestDoubling(t *testing.T) {
	t.Parallel()
	for try, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second} {
		if got := doubling(try); got != want {
			t.Errorf("after try %d: %s, want %s", try, got, want)
		}
	}
}

func TestWithout_everyForm(t *testing.T) {
	t.Parallel()
	secrets := []Secret{"abc\"d", "abc\"defg", "\\x"}
	err := without(errors.New("raw abc\"defg, quoted "+fmt.Sprintf("%q", "abc\"defg \\x")+"\nnext abc\"d "+strings.Repeat("ä", maxWords)), secrets...)
	if want := "raw [secret], quoted \"[secret] [secret]\"; next [secret] ä"; !strings.HasPrefix(err.Error(), want) || len(err.Error()) > maxWords+4 || !utf8.ValidString(err.Error()) {
		t.Errorf("%v, want %s", err, want)
	}
}
