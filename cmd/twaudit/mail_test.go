package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// mailPassword must be in no message, whatever a server makes of it.
const mailPassword = `pa"ss 100% s3cret`

// postOffice is a mail server that wants STARTTLS and a login, and then behaves.
type postOffice struct {
	address   string
	authority string // file that makes its certificate good
	behaviour string // of the cases of TestMail_alarm
	config    *tls.Config
	login     string
	inClear   string // what came before TLS
	mails     []string
}

func startPostOffice(t *testing.T, behaviour string) *postOffice {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{address: listener.Addr().String(), behaviour: behaviour}
	o.certify(t)
	ended := make(chan struct{})
	go func() { // ends with the listener
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute)) // bounds a broken test only
			o.serve(conn)
			conn.Close()
		}
	}()
	if behaviour == "away" {
		listener.Close()
	}
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	return o
}

// certify makes a certificate that signs itself.
func (o *postOffice) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	o.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	o.authority = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(o.authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (o *postOffice) serve(conn net.Conn) {
	if o.behaviour == "hangs" {
		_, _ = io.Copy(io.Discard, conn) // until the client has had enough
		return
	}
	lines, encrypted := bufio.NewReader(conn), false
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 relay ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if !encrypted {
			o.inClear += line
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			if encrypted {
				say("250-relay\r\n250 AUTH PLAIN LOGIN")
			} else {
				say("250-relay\r\n250 STARTTLS")
			}
		case "STARTTLS":
			say("220 go on")
			conn, encrypted = tls.Server(conn, o.config), true
			lines = bufio.NewReader(conn)
		case "AUTH":
			say(o.authenticate(strings.TrimSpace(line)))
		case "RCPT":
			if o.behaviour == "nobody" {
				say("550 5.1.1 no such user, " + o.login)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			o.mails = append(o.mails, untilDot(lines))
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// authenticate answers AUTH PLAIN.
func (o *postOffice) authenticate(line string) string {
	words := strings.Fields(line)
	login, _ := base64.StdEncoding.DecodeString(words[len(words)-1])
	o.login = string(login)
	if o.behaviour == "echoes" {
		return "535 5.7.8 wrong: " + line + " is " + strings.ReplaceAll(o.login, "\x00", " ")
	}
	return "235 in"
}

func untilDot(lines *bufio.Reader) string {
	data := ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return data
		}
		data += strings.TrimPrefix(line, ".")
	}
}

// scan runs the program with an alarm by this server, and returns the directory of
// its outputs and what it said.
func (o *postOffice) scan(t *testing.T) (dir, messages string) {
	t.Helper()
	dir = t.TempDir()
	fleet, err := newScriptFleet(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.close)
	if err := fleet.add("web1", "near-limit"); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("notify: [ops]\nalarms:\n  ops:\n    mail:\n      server: %s\n      user: audit\n      password_file: password\n"+
		"      from: twaudit@example.test\n      to: [ops@example.test, \"Night <night@example.test>\"]\n", o.address)
	for name, content := range map[string]string{"config.yaml": config, "password": mailPassword + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("twaudit", "scan", "--config", "config.yaml", "-F", fleet.client.Config, "web1", "--sample", "0",
		"-f", "markdown=run.md", "-f", "html=run.html", "-f", "csv")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + filepath.Join(dir, "state"), "SSL_CERT_FILE=" + o.authority}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the status says it
	if cmd.ProcessState.ExitCode() != exitFindings || !strings.Contains(stdout.String(), "web1,,audited,near-limit") {
		t.Errorf("%v\n%s%s", cmd.ProcessState, stdout.String(), stderr.String())
	}
	if runs, err := exec.Command("twaudit", "runs", "--history", filepath.Join(dir, "state/twaudit/history.db")).Output(); err != nil || !strings.Contains(string(runs), "1 near-limit") {
		t.Errorf("the run is not kept: %s %v", runs, err)
	}
	return dir, stderr.String()
}

// TestMail_alarm: the mail that arrives, and that none that cannot be sent costs the
// run, its outputs or its exit status, or shows the password.
func TestMail_alarm(t *testing.T) {
	t.Parallel()
	for behaviour, words := range map[string]string{
		"takes":    "",
		"echoes":   "was not sent: mail by 127.0.0.1:.*535",
		"nobody":   "was not sent: mail by 127.0.0.1:.*550",
		"hangs":    "was not sent: mail by 127.0.0.1:.*timeout",
		"away":     "was not sent: mail by 127.0.0.1:.*tried 3 times: .*connection refused",
		"stranger": "was not sent: mail by 127.0.0.1:.*certificate signed by unknown authority",
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			o := startPostOffice(t, behaviour)
			if behaviour == "stranger" {
				if runtime.GOOS == "darwin" {
					t.Skip("the authorities are those of the system")
				}
				o.authority = os.DevNull
			}
			dir, said := o.scan(t)
			for _, form := range []string{mailPassword, "s3cret", base64.StdEncoding.EncodeToString([]byte("\x00audit\x00" + mailPassword))} {
				if strings.Contains(said+o.inClear, form) {
					t.Errorf("the password is in %q or went in the clear: %q", said, o.inClear)
				}
			}
			if words == "" {
				if said != "" {
					t.Errorf("said %q", said)
				}
				o.checkMails(t, dir)
				return
			}
			if !strings.HasPrefix(said, "twaudit: alarm ops ") || !matches(words, said) || strings.Count(said, "\n") != 1 {
				t.Errorf("said %q, want %q", said, words)
			}
		})
	}
}

// checkMails: each recipient has the Markdown as text and the page with it.
func (o *postOffice) checkMails(t *testing.T, dir string) {
	t.Helper()
	if len(o.mails) != 2 || o.login != "\x00audit\x00"+mailPassword {
		t.Fatalf("%d mails, login %q", len(o.mails), o.login)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(o.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.Header.Get("Subject"); got != "twaudit: 1 near-limit of 1 hosts" {
		t.Errorf("subject %q", got)
	}
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for _, file := range []string{"run.md", "run.html"} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = quotedprintable.NewReader(part)
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		got, err := io.ReadAll(body)
		if err != nil || strings.ReplaceAll(string(got), "\r\n", "\n") != load(t, filepath.Join(dir, file)) {
			t.Errorf("%s is another in the mail, %v: %.500s", file, err, got)
		}
	}
}
