package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// hook posts to a server, without pauses.
func hook(t *testing.T, address, body string) *Webhook {
	t.Helper()
	w, err := NewWebhook(Secret(address), map[string]Secret{"Authorization": "Bearer " + token}, body)
	if err != nil {
		t.Fatal(err)
	}
	w.pause = func(int) time.Duration { return 0 }
	return w
}

func TestWebhook_readyTemplates(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"slack": Slack, "alertmanager": Alertmanager} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got any
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
					t.Errorf("request %s %v", r.Method, r.Header)
				}
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
					t.Error(err)
				}
			}))
			defer server.Close()
			m := message()
			m.Data.Omitted = 3
			if err := hook(t, server.URL+"/"+token, body).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			switch name {
			case "slack":
				text, _ := got.(map[string]any)["text"].(string)
				if !strings.HasPrefix(text, "*2 hosts overflowed*\n• `") || strings.ContainsAny(text, "<>") || !strings.Contains(text, "\n• `web2` overflowing: now\n… and 3 more") {
					t.Errorf("text %q", text)
				}
			case "alertmanager":
				alerts := got.([]any)
				first := alerts[0].(map[string]any)["labels"].(map[string]any)
				if len(alerts) != 3 || first["instance"] != m.Data.Problems[0].Host || first["severity"] != "warning" {
					t.Errorf("alerts %v", alerts)
				}
				for _, alert := range alerts {
					checkAlert(t, alert.(map[string]any))
				}
			}
		})
	}
}

// checkAlert holds an alert against what version 2 of the API takes: labels with good
// names, one of them the alert's, and only texts as values.
func checkAlert(t *testing.T, alert map[string]any) {
	t.Helper()
	labels, _ := alert["labels"].(map[string]any)
	if labels["alertname"] == nil {
		t.Errorf("no name: %v", alert)
	}
	for key, set := range alert {
		if !slices.Contains([]string{"labels", "annotations", "startsAt", "endsAt", "generatorURL"}, key) {
			t.Errorf("%s is no field of an alert", key)
		}
		for name, value := range set.(map[string]any) {
			if text, isText := value.(string); !isText || !regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`).MatchString(name) || !utf8.ValidString(text) {
				t.Errorf("%s %s: %v", key, name, value)
			}
		}
	}
}

// TestWebhook_echo: a server that quotes what it got shows nobody the secrets, in
// whatever form it has them.
func TestWebhook_echo(t *testing.T) {
	t.Parallel()
	const password, key = `pa"ss/w0rd`, "hidden key"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		user, pass, _ := r.BasicAuth()
		_, _ = io.WriteString(w, strings.Repeat("x", 192)+pass+" "+user+" "+r.Header.Get("Authorization")+" "+r.URL.Query().Get("key")+" "+r.URL.RawQuery+" "+r.URL.Path)
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "//", "//operator:"+url.QueryEscape(password)+"@", 1) + "/s3cr/?key=" + url.QueryEscape(key) + "&k=pw12"
	w, err := NewWebhook(Secret(address), nil, Slack)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Send(t.Context(), message())
	for _, shown := range []string{"pa\"ss", `pa\"`, "w0rd", url.QueryEscape(password), key, url.QueryEscape(key), "b3BlcmF0b3I6", "s3cr", "pw12"} {
		if err == nil || strings.Contains(err.Error(), shown) {
			t.Errorf("%q is in %v", shown, err)
		}
	}
}

// TestWebhook_answers: which ones are tried again, and that no error shows where
// the message went.
func TestWebhook_answers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, try int32)
		tries  int32
		words  string // of the error; empty is success
	}{
		{"taken", func(w http.ResponseWriter, _ int32) { w.WriteHeader(http.StatusNoContent) }, 1, ""},
		{"busy once", func(w http.ResponseWriter, try int32) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, 2, ""},
		{"broken", func(w http.ResponseWriter, _ int32) { w.WriteHeader(http.StatusInternalServerError) }, 3, "500"},
		{"refused", func(w http.ResponseWriter, _ int32) { http.Error(w, "invalid "+token, http.StatusForbidden) }, 1, "403"},
		{"redirected", func(w http.ResponseWriter, _ int32) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(http.StatusFound)
		}, 1, "redirects are not followed"},
		{"cut off", func(http.ResponseWriter, int32) { panic(http.ErrAbortHandler) }, 3, "webhook"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				c.answer(w, tries.Add(1))
			}))
			defer server.Close()
			err := hook(t, server.URL+"/"+token, Slack).Send(t.Context(), message())
			clean(t, err)
			if tries.Load() != c.tries {
				t.Errorf("%d tries, want %d", tries.Load(), c.tries)
			}
			if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %v, want %q", err, c.words)
			}
		})
	}
}

// TestWebhook_hangs: the caller's end of patience ends a server's silence.
func TestWebhook_hangs(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(asked)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	w := hook(t, server.URL+"/"+token, Slack)
	go func() { // ends when the server was asked
		<-asked
		cancel()
	}()
	err := w.Send(ctx, message())
	clean(t, err)
	if err == nil {
		t.Error("a server that never answered took the message")
	}
}

func TestNewWebhook_refuses(t *testing.T) {
	t.Parallel()
	const good = "https://example.test/" + token
	for _, c := range []struct{ name, address, body, words string }{
		{"no URL", token, Slack, "no http or https URL"},
		{"a file", "file:///" + token, Slack, "no http or https URL"},
		{"raw text", good, `{"text": "{{.Text}}"}`, "write {{json"},
		{"raw text in a branch", good, `{{if .Text}}{"a": {{.Title}}}{{else}}{}{{end}}`, "write {{json"},
		{"raw text in a template", good, `{{define "x"}}{{.Title}}{{end}}[{{template "x" .}}]`, "write {{json"},
		{"undone json", good, `[{{json .Title | printf "%s"}}]`, "write {{json"},
		{"no JSON", good, `text={{json .Text}}`, "makes no JSON"},
		{"unknown field", good, `[{{json .Nothing}}]`, "and in each of .Problems .Host .Verdict .Severity .Summary .Groups"},
		{"broken", good, `{{`, "template"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewWebhook(Secret(c.address), nil, c.body)
			clean(t, err)
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %v, want %q", err, c.words)
			}
		})
	}
	for name, value := range map[string]Secret{"X Bad": "x", "": "x", "Ünlaut": "x", "Authorization": token + "\nX: y"} {
		_, err := NewWebhook(good, map[string]Secret{name: value}, Slack)
		clean(t, err)
		if err == nil || !strings.Contains(err.Error(), "header") {
			t.Errorf("header %q: error %v", name, err)
		}
	}
	if _, err := NewWebhook(good, nil, `{{$n := len .Problems}}{"n": {{$n | json}}, "all": [{{range $i, $p := .Problems}}{{if $i}},{{end}}{{json $p}}{{end}}]}`); err != nil {
		t.Error(err)
	}
}

func TestAgain_stopsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := again(ctx, perTry, func(int) time.Duration { return time.Hour }, func(context.Context) error {
		tries++
		cancel()
		return temporary{error: errors.New("busy")}
	})
	if tries != 1 || err == nil || err.Error() != "busy" {
		t.Errorf("%d tries, %v", tries, err)
	}
}

// TestDocs: what the manual says of templates is what there is.
func TestDocs(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/cron.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(fields(Data{}) + " " + fields(Problem{})) {
		if !strings.Contains(string(manual), "`"+field+"`") {
			t.Errorf("docs/cron.md does not name %s", field)
		}
	}
	_, rest, _ := strings.Cut(string(manual), "    body: '")
	body, _, found := strings.Cut(rest, "'\n")
	if !found {
		t.Fatal("docs/cron.md has no example of a body")
	}
	hook, err := NewWebhook("https://example.test/", nil, body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := hook.render(Data{Title: `a "title"`, Problems: []Problem{{Host: "web1"}, {Host: "web2"}}})
	if err != nil || string(got) != `{"title": "a \"title\"", "hosts": ["web1", "web2"]}` {
		t.Errorf("%s, %v", got, err)
	}
}
