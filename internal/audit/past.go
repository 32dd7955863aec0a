package audit

import "time"

// History marks what earlier runs contributed to the judgement of a host.
type History struct {
	FirstSeen *time.Time `json:"first_seen,omitempty"`
	LastSeen  *time.Time `json:"last_seen,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
}

// Past is what earlier runs know of one host, oldest reading first. A nil Past
// is a host seen for the first time.
type Past struct {
	Readings []Reading
}

// Reading is one earlier look at one network namespace of a host. Readings are
// comparable only when host name, BootID and Namespace are the same: a counter
// starts again with each boot and each namespace.
type Reading struct {
	At            time.Time
	BootID        string
	Namespace     string // Namespace.ID; empty where the kernel has none
	Buckets       *int64
	Limit         *int64
	OverflowTotal *int64
}
