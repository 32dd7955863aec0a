package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"twaudit/internal/text"
	"twaudit/remote"
)

// hostKey is a key that a host showed.
type hostKey struct {
	Type        string           `json:"type"`
	Fingerprint string           `json:"fingerprint"`
	Line        string           `json:"line"` // for known_hosts
	Status      remote.KeyStatus `json:"status"`
}

// fetchKeys asks a host for its keys within limit. Keys that came before an
// error are kept.
func fetchKeys(ctx context.Context, dialer *remote.Dialer, target remote.Target, limit time.Duration) ([]hostKey, *hostError) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found, err := dialer.HostKeys(ctx, target)
	var keys []hostKey
	for _, key := range found {
		keys = append(keys, hostKey{key.Type, key.Fingerprint, key.Line, key.Status})
	}
	var failed *remote.Error
	switch {
	case err == nil && len(keys) == 0:
		return nil, &hostError{"it showed no key of a kind that is looked for", "see HostKeyAlgorithms in ssh_config"}
	case err == nil:
		return keys, nil
	case errors.As(err, &failed):
		message := string(failed.Stage) + ": " + failed.Message
		if failed.Via != "" {
			message += " (jump host " + failed.Via + ")"
		}
		return keys, &hostError{text.CleanMax(message, 500), text.CleanMax(failed.Hint, 500)}
	}
	return keys, &hostError{Message: text.CleanMax(err.Error(), 500)}
}

// writeKeyLines prints what may be appended to known_hosts once a person has
// compared it. What contradicts known_hosts stands in a comment: appended by
// mistake, it would let in what is refused today.
func writeKeyLines(out io.Writer, entries []hostEntry) {
	for i := range entries {
		name := text.CleanMax(entries[i].Name, maxName)
		for _, key := range entries[i].Keys {
			fmt.Fprintf(out, "# %s: %s %s %s\n", name, key.Status, key.Type, key.Fingerprint)
			if key.Status == remote.KeyChanged || key.Status == remote.KeyRevoked {
				fmt.Fprint(out, "# ")
			}
			fmt.Fprintln(out, key.Line)
		}
		if failed := entries[i].Error; failed != nil {
			fmt.Fprintf(out, "# %s: failed: %s\n", name, failed.Message)
		}
	}
}
