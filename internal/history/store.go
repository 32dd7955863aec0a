package history

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"twaudit/internal/audit"
)

// ErrStored is a run that the history has already. It is stored once.
var ErrStored = errors.New("the run is stored already")

// chunk is how many hosts are in work at a time: what they weigh is in memory.
const chunk = 512

// Store keeps a finished run, whole or not at all. label says for people what was
// asked for. The run stays as it is.
func (db *DB) Store(ctx context.Context, run *audit.Run, label string) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return db.explain("write to", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	s := &storing{ctx: ctx, tx: tx, db: db, run: run, now: run.Meta.FinishedAt}
	if err := s.all(label); err != nil {
		return db.explain("write to", err)
	}
	return db.explain("write to", tx.Commit())
}

// storing is a run on its way into the file.
type storing struct {
	ctx     context.Context
	tx      *sql.Tx
	db      *DB
	run     *audit.Run
	now     time.Time
	seq     int64
	seed    int64 // the newest
	seeds   map[int64][]byte
	find    *sql.Stmt
	packers sync.Pool // a packer is half a megabyte
	put     puts
}

// entry is one host on its way.
type entry struct {
	host   *audit.HostResult
	row    hostRow
	traits []byte // its JSON; nil when the host was not audited
	doc    []byte
	base   []byte // compressed with the newest seed; nil: that of row
}

// hostRow is what the file has of a host before this run. The zero value is a
// host without one.
type hostRow struct {
	id, lastRun, base, baseSeed, traits int64
	baseData, traitsData                []byte
}

func (s *storing) all(label string) error {
	var known int
	if err := s.tx.QueryRowContext(s.ctx, "SELECT count(*) FROM run WHERE id = ?", s.run.Meta.ID).Scan(&known); err != nil || known > 0 {
		return errors.Join(err, stored(known))
	}
	if err := s.begin(label); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return err
	}
	if err := s.plant(); err != nil {
		return err
	}
	return s.hosts()
}

// hosts stores them a chunk at a time: the texts of one chunk are made by all
// processors while the chunk before it is written in order.
func (s *storing) hosts() error {
	var before *batch
	for hosts := range slices.Chunk(s.run.Hosts, chunk) {
		next, err := s.start(hosts)
		if before != nil {
			err = errors.Join(err, s.finish(before))
		}
		if before = next; err != nil {
			_ = before.wait() // the first error is told
			return err
		}
	}
	if before == nil {
		return nil
	}
	return s.finish(before)
}

// batch is a chunk whose texts are being made.
type batch struct {
	entries []entry
	wait    func() error
}

func stored(known int) error {
	if known > 0 {
		return ErrStored
	}
	return nil
}

// begin writes the run without its hosts.
func (s *storing) begin(label string) error {
	head := *s.run
	head.Hosts = nil
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	m := s.run.Meta
	result, err := s.tx.ExecContext(s.ctx, "INSERT INTO run (id, started, finished, selection, label, hosts, head) VALUES (?, ?, ?, ?, ?, ?, ?)",
		m.ID, m.StartedAt.UnixMilli(), m.FinishedAt.UnixMilli(), m.Selection, label, len(s.run.Hosts), text)
	if err != nil {
		return err
	}
	s.seq, err = result.LastInsertId()
	return err
}

// plant makes a seed when there is none, or when the newest comes from a much
// smaller fleet. Hosts stand in the order of their verdicts: taken at even
// distances, they are of all kinds.
func (s *storing) plant() error {
	var from int
	err := s.tx.QueryRowContext(s.ctx, "SELECT id, host FROM piece WHERE kind = 'seed' ORDER BY id DESC LIMIT 1").Scan(&s.seed, &from)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if s.seeds, err = readSeeds(s.ctx, s.tx); err != nil || len(s.seeds) > 0 && len(s.run.Hosts) < 4*from {
		return err
	}
	var text []byte
	for i, step := 0, max(1, len(s.run.Hosts)/16); i < len(s.run.Hosts) && len(text) < seedBytes; i += step {
		more, err := s.db.encode(&s.run.Hosts[i])
		if err != nil {
			return err
		}
		text = append(text, more...)
	}
	text = text[:min(len(text), seedBytes)]
	data, err := newPacker().pack(text, nil)
	if err != nil {
		return err
	}
	if s.seed, err = s.piece(len(s.run.Hosts), "seed", nil, data); err != nil {
		return err
	}
	s.seeds[s.seed] = text
	return nil
}

// start reads what is known of some hosts, and begins to make their texts.
func (s *storing) start(hosts []audit.HostResult) (*batch, error) {
	var group errgroup.Group
	b := &batch{entries: make([]entry, len(hosts)), wait: group.Wait}
	for i := range hosts {
		b.entries[i].host = &hosts[i]
		if err := s.look(&b.entries[i]); err != nil {
			return b, err
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(hosts))
	for w := range workers {
		group.Go(func() error { // ends with its share; wait waits for it
			p, _ := s.packers.Get().(*packer)
			if p == nil {
				p = newPacker()
			}
			defer s.packers.Put(p)
			for i := w; i < len(hosts); i += workers {
				if err := s.pack(p, &b.entries[i]); err != nil {
					return fmt.Errorf("host %q: %w", hosts[i].Name, err)
				}
			}
			return nil
		})
	}
	return b, nil
}

// finish writes what start began.
func (s *storing) finish(b *batch) error {
	if err := b.wait(); err != nil {
		return err
	}
	for i := range b.entries {
		if err := s.write(&b.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// look reads what the file has of a host.
func (s *storing) look(e *entry) error {
	var base, seed, traits sql.NullInt64
	r := &e.row
	err := s.find.QueryRowContext(s.ctx, e.host.Name).Scan(&r.id, &r.lastRun, &base, &seed, &r.baseData, &traits, &r.traitsData)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	r.base, r.baseSeed, r.traits = base.Int64, seed.Int64, traits.Int64
	return err
}

// pack makes the texts of a host. It changes e alone.
func (s *storing) pack(p *packer, e *entry) error {
	text, err := s.db.encode(e.host)
	if err != nil {
		return err
	}
	if e.host.Status == audit.StatusAudited {
		if e.traits, err = json.Marshal(audit.SketchOf(e.host).Traits); err != nil {
			return err
		}
	}
	if e.row.base != 0 {
		old, err := p.unpack(e.row.baseData, s.seeds[e.row.baseSeed])
		if err != nil {
			return err
		}
		if e.doc, err = p.pack(text, old); err != nil || len(e.doc) <= enough {
			return err
		}
	}
	base, err := p.pack(text, s.seeds[s.seed])
	// A base costs once and then serves many runs, so that half the size is
	// worth one.
	if err == nil && (e.row.base == 0 || len(base) < 2*len(e.doc)) {
		e.base, e.doc = base, nil
	}
	return err
}

// enough is a doc that no new base would make much smaller.
const enough = 512

// write stores one host.
func (s *storing) write(e *entry) error {
	if err := s.enter(e); err != nil {
		return err
	}
	h := e.host
	sketch := audit.SketchOf(h)
	var traits any
	if h.Status == audit.StatusAudited {
		traits = e.row.traits
	}
	_, err := s.put.result.ExecContext(s.ctx, s.seq, e.row.id, string(h.Status), orNull(string(h.Verdict)), orNull(string(sketch.Stage)),
		sketch.Buckets, sketch.OverflowTotal, traits, e.row.base, e.doc)
	if err != nil {
		return err
	}
	if h.Kept != nil {
		return nil // nobody looked
	}
	for _, r := range audit.Readings(&s.run.Meta, h) {
		if err := s.reading(e.row.id, r); err != nil {
			return err
		}
	}
	return nil
}

// enter brings the row of a host up to date, with its pieces.
func (s *storing) enter(e *entry) error {
	r := &e.row
	if r.id == 0 {
		result, err := s.put.host.ExecContext(s.ctx, e.host.Name, s.seq)
		if err != nil {
			return err
		}
		if r.id, err = result.LastInsertId(); err != nil {
			return err
		}
	}
	if e.base != nil {
		if err := s.replace(&r.base, r, "base", s.seed, e.base); err != nil {
			return err
		}
	}
	if e.traits != nil && !bytes.Equal(e.traits, r.traitsData) {
		if err := s.replace(&r.traits, r, "traits", nil, e.traits); err != nil {
			return err
		}
	}
	return s.seen(e)
}

// replace makes data the current piece of a host. The one before it may go with
// the last run that needs it.
func (s *storing) replace(current *int64, r *hostRow, kind string, seed any, data []byte) (err error) {
	if *current != 0 {
		if _, err := s.put.retire.ExecContext(s.ctx, r.lastRun, *current); err != nil {
			return err
		}
	}
	*current, err = s.piece(r.id, kind, seed, data)
	return err
}

func (s *storing) piece(host any, kind string, seed any, data []byte) (int64, error) {
	result, err := s.put.piece.ExecContext(s.ctx, host, kind, seed, data)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// seen notes when the host answered, or that it did not. A run that ended too
// early says neither.
func (s *storing) seen(e *entry) error {
	h, r := e.host, &e.row
	at := audit.LookedAt(&s.run.Meta, h).UnixMilli()
	var err error
	switch {
	case h.Kept != nil: // nobody asked
		_, err = s.put.passed.ExecContext(s.ctx, s.seq, r.base, r.id)
	case h.Status == audit.StatusAudited:
		_, err = s.put.answered.ExecContext(s.ctx, at, s.run.Meta.ID, string(h.Verdict), s.seq, r.base, r.traits, r.id)
	case h.CutOff():
		_, err = s.put.passed.ExecContext(s.ctx, s.seq, r.base, r.id)
	default:
		_, err = s.put.missed.ExecContext(s.ctx, at, s.seq, r.base, r.id)
	}
	return err
}

// orNull keeps empty words out of the file.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
