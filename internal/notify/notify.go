// Package notify sends finished bytes: to a webhook, to the standard input of a
// command, or by mail. It knows neither runs nor verdicts, decides nothing, and
// keeps no state: whether there is something to tell, and how often, is its
// caller's business.
//
// Where an alarm goes is a secret (a webhook's address is a password), so Secret
// hides itself from every kind of print, and errors are stripped of it. Start with
// Sink.
package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one alarm, in all the forms that sinks need.
type Message struct {
	Subject  string // one line
	Markdown []byte // for people
	HTML     []byte // the whole page, attached to a mail; nil is none
	JSON     []byte // for commands
	Data     Data   // for the templates of webhooks
}

// Data is what templates of webhooks see.
type Data struct {
	Title      string // one line
	Text       string // Markdown
	RunID      string
	StartedAt  time.Time
	FinishedAt time.Time
	Hosts      int            // of the run
	Audited    int            // those that answered
	Failed     int            // those that did not
	Verdicts   map[string]int // hosts by verdict
	Problems   []Problem      // worst first; may be cut short, see Omitted
	Omitted    int            // problems that are not in the list
}

// Problem is a host that needs somebody.
type Problem struct {
	Host     string
	Verdict  string // the verdict, or failed
	Severity string // critical, warning or info
	Summary  string // one sentence
	Groups   []string
}

// Sink is somewhere to send to. Send returns when the message was taken, or after
// the last try; its error holds no secret, and is a PartialError where some have the
// message. It is safe for concurrent use.
type Sink interface {
	Send(ctx context.Context, m Message) error
}

// PartialError says whom a message did not reach that reached others: sent again, it
// would reach those twice.
type PartialError struct{ error }

// Secret is a text that must not be shown: every verb of fmt, JSON and YAML print
// a placeholder. Only Reveal gives it away.
type Secret string

const hidden = "[secret]"

// String is the placeholder.
func (s Secret) String() string { return hidden }

// GoString is the placeholder too.
func (s Secret) GoString() string { return hidden }

// MarshalText is the placeholder too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal is the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// without replaces secrets in the text of an error. The chain of causes is cut: a
// cause could print what its wrapper hides.
func without(err error, secrets ...Secret) error {
	if err == nil {
		return nil
	}
	words := strings.ReplaceAll(hide(err.Error(), secrets), "\n", "; ") // joined errors
	return errors.New(bounded(words))
}

// hide replaces secrets, also as Go quotes them, the longest first: of one that holds
// another, nothing is left.
func hide(words string, secrets []Secret) string {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b Secret) int { return len(b) - len(a) })
	for _, s := range longest {
		if s != "" {
			quoted := strconv.Quote(s.Reveal())
			words = strings.ReplaceAll(strings.ReplaceAll(words, quoted[1:len(quoted)-1], hidden), s.Reveal(), hidden)
		}
	}
	return words
}

// maxWords bounds an error: servers may answer with a page. It is cut after the
// secrets were replaced, for half of one would be shown.
const maxWords = 600

func bounded(words string) string {
	if len(words) <= maxWords {
		return words
	}
	return strings.ToValidUTF8(words[:maxWords], "") + " …"
}

// Limits of every sink.
const (
	tries      = 3
	perTry     = 10 * time.Second
	perMail    = 30 * time.Second // for mail servers that greet late on purpose, and all recipients
	firstPause = time.Second      // before the second try; doubles
	longest    = 10 * time.Second // pause that a server may ask for
)

// temporary is an error after which another try may help.
type temporary struct {
	error
	after time.Duration // 0: the sender chooses
}

func (t temporary) Unwrap() error { return t.error }

// again calls send until it succeeds, fails for good, or has been tried often
// enough, each time within limit. The pause of a try is what pause makes of its
// number.
func again(ctx context.Context, limit time.Duration, pause func(int) time.Duration, send func(context.Context) error) error {
	for try := 1; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, limit)
		err := send(attempt)
		cancel()
		var later temporary
		if err == nil || !errors.As(err, &later) {
			return err
		}
		if try == tries {
			return fmt.Errorf("tried %d times: %w", tries, err)
		}
		wait := min(max(pause(try), later.after), longest)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// doubling waits one, two, four … seconds.
func doubling(try int) time.Duration { return firstPause << (try - 1) }
