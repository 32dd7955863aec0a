package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Slack is a template for incoming webhooks of Slack, and of Mattermost, which
// takes the same.
const Slack = `{"text": {{slack . | json}}}`

// Alertmanager is a template for POST /api/v2/alerts of Prometheus Alertmanager:
// one alert for each problem, and one for those that are too many. An alert that is
// not sent again ends by itself after the resolve_timeout of the server.
const Alertmanager = `[{{range $i, $p := .Problems}}{{if $i}},{{end}}
{"labels": {"alertname": "TimeWaitBuckets", "instance": {{json $p.Host}}, "verdict": {{json $p.Verdict}}, "severity": {{json $p.Severity}}},
 "annotations": {"summary": {{json $p.Summary}}, "run": {{json $.RunID}}}}{{end}}{{if .Omitted}},
{"labels": {"alertname": "TimeWaitBucketsOnMoreHosts", "severity": "warning"},
 "annotations": {"summary": {{json .Title}}, "omitted": "{{json .Omitted}}", "run": {{json .RunID}}}}{{end}}]`

// slackProblems is how many problems a message for Slack lists: it wants 4000
// characters at most, and a summary may have 170.
const slackProblems = 20

// slackText is a message in Slack's markup, which knows neither tables nor headings.
func slackText(data Data) string {
	// Otherwise a host that calls itself <!channel> wakes everybody.
	inert := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'")
	var b strings.Builder
	b.WriteString("*" + inert.Replace(data.Title) + "*")
	listed := data.Problems[:min(len(data.Problems), slackProblems)]
	for _, p := range listed {
		fmt.Fprintf(&b, "\n• `%s` %s: %s", inert.Replace(p.Host), inert.Replace(p.Verdict), inert.Replace(cut(p.Summary)))
	}
	if more := len(data.Problems) - len(listed) + data.Omitted; more > 0 {
		fmt.Fprintf(&b, "\n… and %d more", more)
	}
	return b.String()
}

// cut shortens a sentence.
func cut(words string) string {
	const most = 170
	if r := []rune(words); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return words
}

// maxReply bounds what is read of a server's answer.
const maxReply = 64 << 10

// Webhook posts a JSON body that a template makes.
type Webhook struct {
	address Secret
	headers map[string]Secret
	body    *template.Template
	client  *http.Client
	pause   func(int) time.Duration
}

// NewWebhook posts to an http or https address. In the template every action that
// prints has to end in the function json: the names of hosts are none of ours, and
// would end a string where they like. Redirects are not followed, for they would
// carry the message to where nobody pointed it.
func NewWebhook(address Secret, headers map[string]Secret, body string) (*Webhook, error) {
	target, err := url.Parse(address.Reveal())
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("the address of the webhook is no http or https URL")
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if err := checkHeader(name, headers[name]); err != nil {
			return nil, err
		}
	}
	parsed, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	w := &Webhook{address: address, headers: headers, body: parsed, pause: doubling, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if _, err := w.render(example()); err != nil {
		if strings.Contains(err.Error(), "can't evaluate field") { // of the package, which has no error of that kind
			err = fmt.Errorf("%w: there are %s, and in each of .Problems %s", err, fields(Data{}), fields(Problem{}))
		}
		return nil, err
	}
	return w, nil
}

// fields are the names that a template may use of a value.
func fields(of any) string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
		names = append(names, "."+field.Name)
	}
	return strings.Join(names, " ")
}

// checkHeader refuses what cannot be sent (RFC 9110, 5.1 and 5.5), which would be
// noticed at the first problem only.
func checkHeader(name string, value Secret) error {
	odd := func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) }
	if name == "" || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("the webhook cannot have a header with the name %.100q", name)
	}
	if strings.ContainsFunc(value.Reveal(), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return fmt.Errorf("the value of the webhook's header %s has a line break or another control character in it", name)
	}
	return nil
}

// parseBody refuses a template in which something is printed as it is.
func parseBody(body string) (*template.Template, error) {
	functions := template.FuncMap{"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	}, "slack": slackText}
	parsed, err := template.New("body").Option("missingkey=error").Funcs(functions).Parse(body)
	if err != nil {
		return nil, fmt.Errorf("the template of the webhook: %w", err)
	}
	for _, t := range parsed.Templates() {
		if raw := unquoted(t.Root); raw != "" {
			return nil, fmt.Errorf("the template of the webhook prints %s as it is: write {{json …}}", raw)
		}
	}
	return parsed, nil
}

// unquoted is the first action below a node that prints without json; empty when
// there is none.
func unquoted(node parse.Node) string {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return ""
		}
		for _, child := range n.Nodes {
			if raw := unquoted(child); raw != "" {
				return raw
			}
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 && !endsInJSON(n.Pipe) {
			return n.String()
		}
	case *parse.IfNode:
		return firstOf(unquoted(n.List), unquoted(n.ElseList))
	case *parse.RangeNode:
		return firstOf(unquoted(n.List), unquoted(n.ElseList))
	case *parse.WithNode:
		return firstOf(unquoted(n.List), unquoted(n.ElseList))
	}
	return ""
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// endsInJSON reports whether the last command of a pipeline is the function json.
func endsInJSON(pipe *parse.PipeNode) bool {
	last := pipe.Cmds[len(pipe.Cmds)-1]
	name, ok := last.Args[0].(*parse.IdentifierNode)
	return ok && name.Ident == "json"
}

// example finds out before a scan what a template is worth.
func example() Data {
	return Data{Verdicts: map[string]int{}, Problems: []Problem{{Host: "a"}, {Host: "b", Groups: []string{"c"}}}}
}

// render makes the body, which has to be JSON.
func (w *Webhook) render(data Data) ([]byte, error) {
	var body bytes.Buffer
	if err := w.body.Execute(&body, data); err != nil {
		return nil, fmt.Errorf("the template of the webhook: %w", err)
	}
	if !json.Valid(body.Bytes()) {
		return nil, fmt.Errorf("the template of the webhook makes no JSON: %.200q", body.String())
	}
	return body.Bytes(), nil
}

// Send posts the message, up to three times where the server is away or busy.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	body, err := w.render(m.Data)
	if err != nil {
		return err
	}
	err = again(ctx, perTry, w.pause, func(ctx context.Context) error { return w.post(ctx, body) })
	return without(err, w.secrets()...)
}

// leastSecret is how long a part of an address or a header is that a server may not
// be quoted with: shorter ones are words such as v2.
const leastSecret = 4

// secrets are the address, the headers, and the parts of both, as they are written
// and as they are meant: a server may say which of them it does not like.
func (w *Webhook) secrets() []Secret {
	secrets := []Secret{w.address}
	add := func(text string) {
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/?&=:@ ", r) }) {
			if len(part) >= leastSecret {
				secrets = append(secrets, Secret(part))
			}
		}
	}
	for _, value := range w.headers {
		secrets = append(secrets, value)
		add(value.Reveal())
	}
	target, err := url.Parse(w.address.Reveal())
	if err != nil {
		return secrets
	}
	add(target.RequestURI())
	add(target.Path)
	for _, values := range target.Query() {
		for _, value := range values {
			add(value)
			if len(value) >= leastSecret {
				secrets = append(secrets, Secret(value))
			}
		}
	}
	if target.User != nil {
		password, _ := target.User.Password()
		login := target.User.Username() + ":" + password
		add(target.User.String())
		add(login)
		secrets = append(secrets, Secret(password), Secret(base64.StdEncoding.EncodeToString([]byte(login)))) // as the client sends it
	}
	return secrets
}

func (w *Webhook) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the address of the webhook is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "twaudit")
	for name, value := range w.headers {
		request.Header.Set(name, value.Reveal())
	}
	response, err := w.client.Do(request)
	if err != nil {
		// The error of the client prints the address.
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", perTry)
		}
		return temporary{error: fmt.Errorf("webhook: %w", err)}
	}
	defer response.Body.Close()
	reply, _ := io.ReadAll(io.LimitReader(response.Body, maxReply)) // only quoted
	return judge(response, hide(string(reply), w.secrets()))        // before it is quoted and cut
}

// judge says what an answer means.
func judge(response *http.Response, reply string) error {
	code := response.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("webhook: the server answered %d %s%s", code, http.StatusText(code), quoted(reply))
	switch {
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: redirects are not followed", err)
	case code == http.StatusTooManyRequests || code >= 500:
		return temporary{error: err, after: retryAfter(response)}
	}
	return err
}

// quoted is the first line of a reply, for an error.
func quoted(reply string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(reply), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": %.200q", line)
}

// retryAfter is 0 where the server does not say it in seconds.
func retryAfter(response *http.Response) time.Duration {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longest)
}
