package notify

import (
	"bufio"
	"encoding/base64"
	"errors"
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

// relay is a mail server that speaks enough SMTP (RFC 5321) for one connection at a
// time.
type relay struct {
	address string
	refuse  func(recipient string, try int) string // the reply to RCPT; empty takes it
	cut     bool                                   // hangs up when it has taken a mail
	tries   int
	to      []string
	data    []string
	login   string // what came behind AUTH PLAIN
	ended   chan struct{}
}

func startRelay(t *testing.T, refuse func(string, int) string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), refuse: refuse, ended: make(chan struct{})}
	conns := make(chan net.Conn, 10)
	go func() { // ends with the listener
		defer close(r.ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns <- conn
			r.serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { r.end(listener, conns) })
	return r
}

// end waits until nobody writes to the relay any more.
func (r *relay) end(listener net.Listener, conns chan net.Conn) {
	listener.Close()
	for len(conns) > 0 {
		(<-conns).Close() // the library leaves it open where a server has no TLS
	}
	<-r.ended
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
			if r.tries++; r.refuse != nil {
				if reply := r.refuse(lines.Text(), r.tries); reply != "" {
					say(reply)
					continue
				}
			}
			r.to = append(r.to, lines.Text())
			say("250 ok")
		case "DATA":
			say("354 go on")
			data := ""
			for lines.Scan() && lines.Text() != "." {
				data += strings.TrimPrefix(lines.Text(), ".") + "\r\n"
			}
			r.data = append(r.data, data)
			say("250 taken")
			if r.cut {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// mailTo sends by a relay, without pauses.
func (r *relay) mailTo(to ...string) Mail {
	return Mail{Server: r.address, Encryption: Plain, User: "audit", Password: token, From: "twaudit@example.test", To: to,
		pause: func(int) time.Duration { return 0 }}
}

func TestMail_textAndPage(t *testing.T) {
	t.Parallel()
	r := startRelay(t, nil)
	m := message()
	m.Subject += "\r\nBcc: everybody@example.test"
	if err := r.mailTo("ops@example.test", "Night <night@example.test>").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(r.to) != 2 || len(r.data) != 2 || r.login != "\x00audit\x00"+token {
		t.Fatalf("to %q, login %q", r.to, r.login)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(r.data[1]))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header.Get("Bcc") != "" || parsed.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(parsed.Header.Get("To"), "<night@example.test>") {
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

// A page that no server would take is left out, and the text says so.
func TestMail_largePage(t *testing.T) {
	t.Parallel()
	r := startRelay(t, nil)
	m := message()
	m.HTML = make([]byte, maxPage+1)
	if err := r.mailTo("ops@example.test").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(r.data) != 1 || len(r.data[0]) > 4096 || !strings.Contains(r.data[0], "The page is not attached: it has 7 MB.") {
		t.Errorf("sent %.4096q", r.data)
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

// TestMail_tries: who gets the mail how often, and what is said of the others.
func TestMail_tries(t *testing.T) {
	t.Parallel()
	gone := func(recipient string, _ int) string {
		if strings.Contains(recipient, "gone@") {
			return "550 nobody here, " + token
		}
		return ""
	}
	for _, c := range []struct {
		name    string
		refuse  func(string, int) string
		cut     bool
		to      []string
		words   string // of the error
		partial bool
		tries   int // to name a recipient
		taken   int
	}{
		{"refused", gone, false, []string{"gone@x.test"}, "550", false, 1, 0},
		{"one of two refused", gone, false, []string{"gone@x.test", "b@x.test"}, "550", true, 2, 1},
		{"busy once", func(_ string, try int) string {
			if try == 1 {
				return "451 later"
			}
			return ""
		}, false, []string{"a@x.test", "b@x.test"}, "", false, 3, 2},
		{"busy", func(string, int) string { return "451 later" }, false, []string{"a@x.test"}, "tried 3 times", false, 3, 0},
		{"taken and hung up", nil, true, []string{"a@x.test"}, "", false, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := startRelay(t, c.refuse)
			r.cut = c.cut
			err := r.mailTo(c.to...).Send(t.Context(), message())
			clean(t, err)
			var partial PartialError
			if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) || errors.As(err, &partial) != c.partial {
				t.Errorf("error %v, want %q, partial %v", err, c.words, c.partial)
			}
			if r.tries != c.tries || len(r.data) != c.taken {
				t.Errorf("%d tries, %d taken", r.tries, len(r.data))
			}
		})
	}
}

// A server without TLS gets nothing where TLS was wanted.
func TestMail_noTLS(t *testing.T) {
	t.Parallel()
	r := startRelay(t, nil)
	s := r.mailTo("b@example.test")
	s.Encryption = ""
	err := s.Send(t.Context(), message())
	clean(t, err)
	if err == nil || r.login != "" || r.data != nil {
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
