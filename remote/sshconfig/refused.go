package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"twaudit/internal/text"
)

// refusedAt is how the versions of OpenSSH name the line that they refuse.
var refusedAt = regexp.MustCompile(`^(.+?):? line ([0-9]{1,9}): (.+)$`)

// opensshRefused keeps the first line of what ssh said: it names file and line.
// What ends ssh without a place, such as an unknown user, is about a host.
func opensshRefused(said string, err error) error {
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	first = text.CleanMax(strings.TrimSpace(first), 300)
	parts := refusedAt.FindStringSubmatch(first)
	switch {
	case first == "":
		return fmt.Errorf("ssh -G: %w", err)
	case parts == nil:
		return &Error{Text: "ssh refuses its configuration", Hint: "ssh says: " + first}
	}
	where := place{File: parts[1]}
	if where.File == "command-line" {
		where.File = commandLine
	}
	where.Line, _ = strconv.Atoi(parts[2])
	// Its words may hold a path.
	return &Error{where, "ssh refuses this line", "ssh says: " + parts[3]}
}

// Check returns why ssh -G, where it is asked, refuses the files for every host;
// q is one that will be asked for. Whatever else goes wrong with q is told by
// Resolve.
func (r *Resolver) Check(ctx context.Context, q Query) error {
	if r.options.Mode != ModeOpenSSH && len(r.config.beyond) == 0 || q.check() != nil {
		return nil
	}
	_, err := r.Resolve(ctx, q)
	var refused *Error
	if !errors.As(err, &refused) {
		return nil
	}
	// A section for this host alone may be at fault. Canonical names are looked up,
	// which this one is not worth.
	args := r.openssh.arguments(Query{Alias: "any-host.invalid"})
	args = append([]string{"-G", "-o", "CanonicalizeHostname=no"}, args[1:]...)
	if _, err = r.openssh.run(ctx, args); errors.As(err, &refused) && refused.File != "" {
		return refused
	}
	return nil
}
