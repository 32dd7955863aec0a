package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

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

// Mail sends the Markdown as text, with the page attached, by SMTP.
type Mail struct {
	Server     string // HOST:PORT
	Encryption Encryption
	User       string // empty: no login
	Password   Secret
	From       string
	To         []string
}

// Check finds wrong addresses and settings without connecting.
func (s Mail) Check() error {
	if _, err := s.client(); err != nil {
		return err
	}
	_, err := s.message(Message{Subject: "check"})
	return err
}

// Send hands the message to the server, in one try: a server that took it and was
// cut off while saying so would get it twice.
func (s Mail) Send(ctx context.Context, m Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*perTry)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return without(fmt.Errorf("mail by %s: %w", s.Server, err), s.Password)
	}
	return nil
}

func (s Mail) message(m Message) (*mail.Msg, error) {
	message := mail.NewMsg()
	if err := message.From(s.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if len(s.To) == 0 {
		return nil, errors.New("to: the alarm names nobody")
	}
	if err := message.To(s.To...); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	message.Subject(m.Subject)
	message.SetDate()
	message.SetMessageID()
	// Keeps away the answers of people who are on holiday (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, string(m.Markdown))
	if m.HTML != nil {
		if err := message.AttachReader("twaudit.html", bytes.NewReader(m.HTML), mail.WithFileContentType(mail.TypeTextHTML)); err != nil {
			return nil, fmt.Errorf("attach the page: %w", err)
		}
	}
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
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(perTry)}
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
