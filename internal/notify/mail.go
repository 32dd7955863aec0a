package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// Encryption is how a mail server is spoken to.
type Encryption string

// The ways to speak to a mail server. A password is never sent in the clear, but
// to this machine.
const (
	StartTLS Encryption = "starttls" // begins in the clear and must become TLS
	TLS      Encryption = "tls"      // TLS from the first byte
	Plain    Encryption = "none"     // in the clear, for a relay on this machine
)

// maxPage is how large a page may be: encoded it is a third larger, and many servers
// take no mail of more than 10 MB.
const maxPage = 7 << 20

// Mail sends the Markdown as text, with the page attached, by SMTP.
type Mail struct {
	Server     string // HOST:PORT
	Encryption Encryption
	User       string // empty: no login
	Password   Secret
	From       string
	To         []string

	pause func(int) time.Duration // between tries; nil: doubling
}

// Check finds wrong addresses and settings without connecting.
func (s Mail) Check() error {
	if _, err := s.client(); err != nil {
		return err
	}
	_, err := s.messages(Message{Subject: "check"})
	return err
}

// Send hands the message to the server, for each recipient on its own: one who has
// left keeps it from nobody else. It tries again where nothing was taken and the
// server was away or busy; what it may have taken before the connection was lost is
// not sent twice.
func (s Mail) Send(ctx context.Context, m Message) error {
	messages, err := s.messages(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	pause := s.pause
	if pause == nil {
		pause = doubling
	}
	err = again(ctx, perMail, pause, func(ctx context.Context) error {
		err := client.DialAndSendWithContext(ctx, messages...)
		messages = slices.DeleteFunc(messages, (*mail.Msg).IsDelivered)
		if len(messages) == 0 {
			return nil // how the conversation ended is nobody's concern
		}
		if err != nil && passes(err, messages) {
			err = temporary{error: err}
		}
		return err
	})
	if err == nil {
		return nil
	}
	err = without(fmt.Errorf("mail by %s: %w", s.Server, err), s.secrets()...)
	if len(messages) < len(s.To) {
		return PartialError{err}
	}
	return err
}

// passes reports whether a failure is one of the moment: nobody listens, or the
// server says so itself.
func passes(err error, left []*mail.Msg) bool {
	var dial *net.OpError
	var reply *textproto.Error
	switch {
	case slices.ContainsFunc(left, (*mail.Msg).HasSendError):
		return slices.ContainsFunc(left, (*mail.Msg).SendErrorIsTemp)
	case errors.As(err, &dial):
		return dial.Op == "dial" && !dial.Timeout()
	case errors.As(err, &reply):
		return reply.Code >= 400 && reply.Code < 500
	}
	return false
}

// secrets are the password as it is and in the forms in which SMTP carries it, for
// servers that quote what they refuse.
func (s Mail) secrets() []Secret {
	if s.Password == "" {
		return nil
	}
	encoded := func(text string) Secret { return Secret(base64.StdEncoding.EncodeToString([]byte(text))) }
	password := s.Password.Reveal()
	return []Secret{s.Password, encoded(password), encoded("\x00" + s.User + "\x00" + password)}
}

// messages are one for each recipient.
func (s Mail) messages(m Message) ([]*mail.Msg, error) {
	if len(s.To) == 0 {
		return nil, errors.New("to: the alarm names nobody")
	}
	var messages []*mail.Msg
	for _, to := range s.To {
		message, err := s.message(m, to)
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

func (s Mail) message(m Message, to string) (*mail.Msg, error) {
	message := mail.NewMsg()
	if err := message.From(s.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := message.To(to); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	message.Subject(m.Subject)
	message.SetDate()
	message.SetMessageID()
	// Keeps away the answers of people who are on holiday (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	text := string(m.Markdown)
	switch {
	case len(m.HTML) > maxPage:
		text += fmt.Sprintf("\nThe page is not attached: it has %d MB.\n", len(m.HTML)>>20)
	case m.HTML != nil:
		if err := message.AttachReader("twaudit.html", bytes.NewReader(m.HTML), mail.WithFileContentType(mail.TypeTextHTML)); err != nil {
			return nil, fmt.Errorf("attach the page: %w", err)
		}
	}
	message.SetBodyString(mail.TypeTextPlain, text)
	return message, nil
}

func (s Mail) client() (*mail.Client, error) {
	host, service, err := net.SplitHostPort(s.Server)
	if err != nil {
		return nil, fmt.Errorf("server: %w: write HOST:PORT", err)
	}
	port, err := strconv.Atoi(service)
	if err != nil || port < 1 || port > 65535 {
		return nil, fmt.Errorf("server: %q is no port", service)
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(perMail)}
	switch s.Encryption {
	case "", StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLS:
		options = append(options, mail.WithSSL())
	case Plain:
		if s.User != "" && !isLocal(host) {
			return nil, errors.New("encryption none would send the password in the clear: use starttls or tls")
		}
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("encryption %q: choose starttls, tls or none", s.Encryption)
	}
	if s.User != "" {
		kind := mail.SMTPAuthAutoDiscover
		if s.Encryption == Plain {
			kind = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(kind), mail.WithUsername(s.User), mail.WithPassword(s.Password.Reveal()))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return client, nil
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}
