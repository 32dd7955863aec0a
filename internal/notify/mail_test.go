package notify

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// relay is a mail server that speaks enough SMTP (RFC 5321) for one mail.
type relay struct {
	address string
	refuse  string // the reply to RCPT; empty takes everything
	to      []string
	data    string
	login   string // what came behind AUTH PLAIN
	ended   chan struct{}
}

func startRelay(t *testing.T, refuse string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), refuse: refuse, ended: make(chan struct{})}
	accepted := make(chan net.Conn, 1)
	go func() { // ends with the only connection, or with the listener
		defer close(r.ended)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		accepted <- conn
		r.serve(conn)
	}()
	t.Cleanup(func() {
		listener.Close()
		select {
		case conn := <-accepted:
			conn.Close() // the library leaves it open where a server has no TLS
		default:
		}
		<-r.ended
	})
	return r
}

func (r *relay) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // bounds a broken test only
	lines := bufio.NewScanner(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 relay ESMTP")
	for lines.Scan() {
		switch verb := strings.ToUpper(strings.Fields(lines.Text() + " x")[0]); verb {
		case "EHLO":
			say("250-relay\r\n250-AUTH PLAIN\r\n250 8BITMIME")
		case "AUTH":
			words := strings.Fields(lines.Text())
			login, _ := base64.StdEncoding.DecodeString(words[len(words)-1])
			r.login = string(login)
			say("235 in")
		case "RCPT":
			if r.refuse != "" {
				say(r.refuse)
				continue
			}
			r.to = append(r.to, lines.Text())
			say("250 ok")
		case "DATA":
			say("354 go on")
			for lines.Scan() && lines.Text() != "." {
				r.data += strings.TrimPrefix(lines.Text(), ".") + "\r\n"
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func TestMail_textAndPage(t *testing.T) {
	t.Parallel()
	r := startRelay(t, "")
	s := Mail{Server: r.address, Encryption: Plain, User: "audit", Password: token, From: "twaudit@example.test", To: []string{"ops@example.test", "Night <night@example.test>"}}
	m := message()
	m.Subject += "\r\nBcc: everybody@example.test"
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	if len(r.to) != 2 || r.login != "\x00audit\x00"+token {
		t.Errorf("to %q, login %q", r.to, r.login)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(r.data))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header.Get("Bcc") != "" || parsed.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("header %v", parsed.Header)
	}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	text, page := nextPart(t, parts), nextPart(t, parts)
	if strings.ReplaceAll(text, "\r", "") != "# two hosts\n.\nend" || page != "<p>page</p>" {
		t.Errorf("text %q, page %q", text, page)
	}
}

func nextPart(t *testing.T, parts *multipart.Reader) string {
	t.Helper()
	part, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	if part.Header.Get("Content-Transfer-Encoding") == "base64" {
		if body, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(body), "\r\n", "")); err != nil {
			t.Fatal(err)
		}
	}
	return strings.TrimRight(string(body), "\r\n")
}

func TestMail_refused(t *testing.T) {
	t.Parallel()
	r := startRelay(t, "550 nobody here, "+token)
	s := Mail{Server: r.address, Encryption: Plain, User: "audit", Password: token, From: "a@example.test", To: []string{"b@example.test"}}
	err := s.Send(t.Context(), message())
	clean(t, err)
	if err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("error %v", err)
	}
	// A server without TLS gets nothing where TLS was wanted.
	r = startRelay(t, "")
	s = Mail{Server: r.address, User: "audit", Password: token, From: "a@example.test", To: []string{"b@example.test"}}
	err = s.Send(t.Context(), message())
	clean(t, err)
	if err == nil || r.login != "" || r.data != "" {
		t.Errorf("error %v, login %q, data %q", err, r.login, r.data)
	}
}

func TestMail_Check(t *testing.T) {
	t.Parallel()
	good := Mail{Server: "mail.example.test:587", From: "a@example.test", To: []string{"b@example.test"}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for words, break_ := range map[string]func(*Mail){
		"HOST:PORT":             func(m *Mail) { m.Server = "mail.example.test" },
		"no port":               func(m *Mail) { m.Server = "mail.example.test:smtp" },
		"from":                  func(m *Mail) { m.From = "nobody" },
		"names nobody":          func(m *Mail) { m.To = nil },
		"to:":                   func(m *Mail) { m.To = []string{"a b"} },
		"choose starttls":       func(m *Mail) { m.Encryption = "ssl" },
		"password in the clear": func(m *Mail) { m.Encryption, m.User = Plain, "audit" },
	} {
		bad := good
		break_(&bad)
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error %v, want %q", err, words)
		}
	}
}
