package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"twaudit/internal/audit"
	"twaudit/report"
)

// declareRedaction adds the flags of results that are to be shared.
func (f *scanFlags) declareRedaction(set *pflag.FlagSet) {
	set.BoolVar(&f.redact, "redact", false, "replace names, addresses, users and paths by pseudonyms, and leave hints out")
	set.StringVar(&f.redactKey, "redact-key", "", "as --redact, with the same pseudonyms for the same key in `FILE`, which is made where it is missing")
}

// pseudonymous is look for a redacted run: it offers no command, which would name
// a file, and groups by the name that a label has there.
func pseudonymous(look report.Options, redactor *report.Redactor) report.Options {
	look.Show = ""
	if look.GroupBy != "" && look.GroupBy != report.GroupByGroup {
		look.GroupBy = redactor.Label(look.GroupBy)
	}
	return look
}

// announce tells the redactor all names: hosts that end early may speak of those
// that end later.
func (m *mission) announce() {
	if m.redactor == nil {
		return
	}
	for i := range m.jobs {
		m.redactor.Know(m.jobs[i].Name)
	}
}

// live passes a finished host to the outputs that are written as hosts end.
func (m *mission) live(result *audit.HostResult) {
	if m.redactor != nil && m.outputs.live() {
		redacted := m.redactor.Host(result)
		result = &redacted
	}
	m.outputs.host(result)
}

// redactor is nil when nothing is to be redacted. Whoever names a key wants
// redaction: a report with real names would be the worse misunderstanding.
func (f *scanFlags) redactor() (*report.Redactor, error) {
	switch {
	case f.redactKey != "":
		key, err := redactKey(f.redactKey)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--redact-key %s: %w", f.redactKey, err), "name a file that twaudit made, or one that does not exist yet"}
		}
		return report.NewRedactor(key), nil
	case f.redact:
		return report.NewRedactor(newRedactKey()), nil
	}
	return nil, nil
}

func newRedactKey() []byte {
	key := make([]byte, report.RedactKeyBytes)
	rand.Read(key) // never fails: it ends the program instead
	return key
}

// redactKey reads the key in a file, or makes both. The key is as secret as what
// it hides, since names can be guessed and tried.
func redactKey(path string) ([]byte, error) {
	key := newRedactKey()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = file.WriteString(hex.EncodeToString(key) + "\n")
		return key, errors.Join(err, file.Sync(), file.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, bare(err)
	}
	return readRedactKey(path)
}

// readRedactKey takes nothing but what redactKey writes: a file that was named
// by mistake would be a key that others know.
func readRedactKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer file.Close()
	const size = 2 * report.RedactKeyBytes
	line, err := io.ReadAll(io.LimitReader(file, size+3)) // with a line end of any system
	if err != nil {
		return nil, bare(err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(line)))
	if err != nil || len(key) != report.RedactKeyBytes {
		return nil, fmt.Errorf("it does not hold a key, which is one line of %d hex digits", size)
	}
	return key, nil
}

// bare is err without its path, for messages that name it already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
