package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"twaudit/internal/audit"
)

// loaded is a stored run, or one host of it, with its hosts in the order of
// reports.
func loaded(t *testing.T, db *DB, arg, host string) *audit.Run {
	t.Helper()
	e, err := db.Find(context.Background(), arg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Open(context.Background(), e, host)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var run audit.Run
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	audit.SortHosts(run.Hosts)
	return &run
}

// asJSON is what of a run the history promises to give back.
func asJSON(t *testing.T, run *audit.Run) string {
	t.Helper()
	sorted := *run
	sorted.Hosts = append([]audit.HostResult{}, run.Hosts...)
	audit.SortHosts(sorted.Hosts)
	text, err := json.MarshalIndent(sorted, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStore_gives_back_what_it_got(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	// A first fleet, the same an hour later, a larger one with its own seed, one
	// with hosts that fail, and one that looks like nothing before it.
	odd := web("web00001.example.net", func(h *audit.HostResult) {
		for i := range 300 {
			h.Gaps = append(h.Gaps, audit.Gap{Section: fmt.Sprint(i * 7919), Reason: fmt.Sprint(i * 104729)})
		}
	})
	runs := []*audit.Run{
		fleet(3, 0), fleet(3, 1), fleet(150, 2),
		runAt(3*time.Hour, fullHost(0, 3, noon), silent("web00001.example.net"), silent("new")),
		runAt(4*time.Hour, odd, silent("new")), runAt(5 * time.Hour), fleet(3, 6),
	}
	for _, run := range runs {
		store(t, db, run)
	}
	for i, run := range runs {
		if diff := cmp.Diff(asJSON(t, run), asJSON(t, loaded(t, db, run.Meta.ID, ""))); diff != "" {
			t.Errorf("run %d: -stored +loaded\n%.2000s", i, diff)
		}
	}
	if got := loaded(t, db, "-2", "web00001.example.net"); len(got.Hosts) != 1 || len(got.Hosts[0].Gaps) != 300 {
		t.Errorf("one host alone: %d hosts", len(got.Hosts))
	}
	if err := db.Store(context.Background(), runs[1], ""); !errors.Is(err, ErrStored) {
		t.Errorf("a second time: %v", err)
	}
	if e, err := db.Newest(context.Background(), "new"); err != nil || e.Meta.ID != runs[4].Meta.ID {
		t.Errorf("the newest run with host new is %+v, %v", e, err)
	}
	if _, err := db.Newest(context.Background(), "nobody"); !errors.As(err, new(*NoRunError)) {
		t.Errorf("the newest run of nobody: %v", err)
	}
}

// A host that changed for good costs once more, and not from then on.
func TestStore_anotherBase(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	changed := web("w", func(h *audit.HostResult) {
		for i := range 300 {
			h.Gaps = append(h.Gaps, audit.Gap{Section: fmt.Sprint(i * 7919), Reason: fmt.Sprint(i * 104729)})
		}
	})
	for i, h := range []audit.HostResult{web("w"), changed, changed} {
		h.Timing.TotalMS = float64(i)
		store(t, db, runAt(time.Duration(i)*time.Hour, h))
	}
	var size int
	if err := db.sql.QueryRow("SELECT length(doc) FROM result ORDER BY run DESC LIMIT 1").Scan(&size); err != nil || size > 400 {
		t.Errorf("the second time the changed host takes %d bytes, %v", size, err)
	}
}

// A quiet hour costs a fraction of the first one: CI holds the ratio, the
// benchmark has the numbers.
func TestStore_again_costs_little(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	const hosts = 200
	store(t, db, fleet(hosts, 0))
	first := sizeOf(t, db)
	store(t, db, fleet(hosts, 1))
	if second := sizeOf(t, db) - first; first > hosts*4000 || second > first/2 {
		t.Errorf("%d bytes, then %d more", first, second)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	var ids []string
	for i := range 4 {
		run := runAt(time.Duration(i)*time.Hour, web("web1"))
		run.Meta.ID = fmt.Sprintf("20261122T1%d0000Z-0000000a", i)
		if i == 3 { // a clock that was set back
			run.Meta.ID = "20261122T090000Z-0000000a"
		}
		if i == 1 {
			run.Meta.Selection = "other"
		}
		ids = append(ids, run.Meta.ID)
		store(t, db, run)
	}
	for arg, want := range map[string]string{
		"latest": ids[3], "-0": ids[3], "-1": ids[2], "latest-3": ids[0], ids[1]: ids[1], "20261122T11": ids[1],
		"-4": "does not go back so far", "20261122T1": "several begin so", "latest-4": `"-4"`, "2025": "no id begins so", "": "no id begins so", "%": "no id begins so",
	} {
		got := ""
		if e, err := db.Find(context.Background(), arg); err != nil {
			got = err.Error()
		} else {
			got = e.Meta.ID
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q is %q, want %q", arg, got, want)
		}
	}
	newest, err := db.Find(context.Background(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := db.Before(context.Background(), "s", newest.Seq); err != nil || e.Meta.ID != ids[2] {
		t.Errorf("before the newest: %+v, %v", e, err)
	}
	if e, err := db.Before(context.Background(), "other", 0); err != nil || e.Meta.ID != ids[1] {
		t.Errorf("the newest of another selection: %+v, %v", e, err)
	}
	if e, err := db.Before(context.Background(), "none", 0); err != nil || e != nil {
		t.Errorf("of no selection: %+v, %v", e, err)
	}
	if list, err := db.Runs(context.Background()); err != nil || len(list) != 4 || list[0].Meta.ID != ids[3] || list[0].Label != "a selection" {
		t.Errorf("runs %+v, %v", list, err)
	}
}

// TestSide: what is kept ready for comparing is what the runs themselves say.
func TestSide_isThatOfTheRun(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	before := fleet(40, 0)
	after := fleet(41, 1)
	after.Hosts[3].Facts.TimeWait.Limit = new(int64(7))
	after.Hosts[5] = silent(after.Hosts[5].Name)
	after.Hosts[6].Facts.Host.BootID = "another"
	after.Hosts[7].Verdict = audit.VerdictOverflowing
	store(t, db, before)
	store(t, db, after)
	want := audit.Compare(audit.SideOf(before), audit.SideOf(after))
	got := between(t, db, "-1", Latest)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-by the runs +by the history\n%s", diff)
	}
	if got.Summary[audit.ChangeNew] != 1 || got.Worse != 2 || got.Summary[audit.ChangeLimit] != 1 || got.Summary[audit.ChangeRebooted] != 1 {
		t.Errorf("%+v", got.Summary)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := opened(t, "")
	const day = 24 * time.Hour
	store(t, db, runAt(0, web("gone"), web("web1", boot("boot-0")), fullHost(1, 0, noon)))
	for i := 1; i < 10; i++ {
		store(t, db, runAt(time.Duration(i)*day, web("web1", limit(int64(i)*1000)), fullHost(1, i*1000, noon)))
	}
	whole := asJSON(t, loaded(t, db, "-2", ""))
	prune := func(want int, keep Keep) {
		t.Helper()
		if got, err := db.Prune(ctx, keep); err != nil || got != want {
			t.Errorf("%+v: removed %d (%v), want %d", keep, got, err, want)
		}
	}
	prune(0, Keep{})
	prune(0, Keep{Since: noon})
	prune(0, Keep{Since: noon.AddDate(1, 0, 0), Runs: 10})
	prune(2, Keep{Since: noon.Add(2 * day)})
	if past, err := db.Past(ctx, "gone", noon, noon.Add(20*day)); err != nil || past != nil {
		t.Errorf("a host of removed runs is still known: %+v, %v", past, err)
	}
	past, err := db.Past(ctx, "web1", noon, noon.Add(20*day))
	if err != nil || past.Readings[0].BootID != "boot-1" {
		t.Errorf("the past of web1 begins with %+v, %v", past.Readings[0], err)
	}
	prune(5, Keep{Since: noon.AddDate(1, 0, 0), Runs: 3})
	if got := asJSON(t, loaded(t, db, "-2", "")); got != whole {
		t.Errorf("a run that stays changed:\n%s", cmp.Diff(whole, got))
	}
	e, err := db.Find(ctx, "-2")
	if err != nil {
		t.Fatal(err)
	}
	if side, err := db.Side(ctx, e); err != nil || side.Hosts[0].Limit == nil || *side.Hosts[0].Limit != 7000 {
		t.Errorf("the oldest run that stays is %+v, %v", side.Hosts, err)
	}
	prune(2, Keep{Bytes: 1}) // the newest stays, whatever its size
	prune(0, Keep{Since: noon.AddDate(1, 0, 0)})
	var left int
	if err := db.sql.QueryRow("SELECT count(*) FROM piece WHERE kind <> 'seed'").Scan(&left); err != nil || left != 4 {
		t.Errorf("%d pieces are left (%v), want a base and the traits of two hosts", left, err)
	}
}

// A clock that was wrong for one run takes no other run with it.
func TestPrune_wrongClock(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	for _, after := range []time.Duration{0, time.Hour, -100 * 24 * time.Hour, 2 * time.Hour} {
		store(t, db, runAt(after, web("web1")))
	}
	if n, err := db.Prune(context.Background(), Keep{Since: noon.Add(-time.Hour)}); err != nil || n != 0 {
		t.Errorf("removed %d, %v", n, err)
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, change func([]byte) []byte) string {
		path := filepath.Join(dir, name)
		db := opened(t, path)
		store(t, db, fleet(50, 0))
		db.Close()
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := opened(t, filepath.Join(dir, "newer"))
	if _, err := newer.sql.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	isForeign := func(err error) bool { return errors.Is(err, ErrForeign) }
	isDamaged := func(err error) bool { return errors.As(err, new(*DamagedError)) }
	for path, is := range map[string]func(error) bool{
		newer.Path(): func(err error) bool {
			var e *NewerError
			return errors.As(err, &e) && e.Have == 99 && e.Know == 2 && e.Path == newer.Path()
		},
		file("words", func([]byte) []byte { return []byte("web1\nweb2\n") }):                     isForeign,
		file("short words", func([]byte) []byte { return []byte("x") }):                          isForeign,
		file("of another program", func(b []byte) []byte { copy(b[68:72], "fossil"); return b }): isForeign,
		dir: isForeign,
		file("half", func(b []byte) []byte { return b[:len(b)/2] }):                                                        isDamaged,
		file("a page", func(b []byte) []byte { return b[:4096] }):                                                          isDamaged,
		file("a beginning", func(b []byte) []byte { return b[:40] }):                                                       isDamaged,
		file("zeros", func(b []byte) []byte { return make([]byte, len(b)) }):                                               isDamaged,
		file("a torn header", func(b []byte) []byte { copy(b, "garbage"); return b }):                                      isDamaged,
		file("no tables", func(b []byte) []byte { return append(b[:100:100], bytes.Repeat([]byte{0xff}, len(b)-100)...) }): isDamaged,
	} {
		before, _ := os.ReadFile(path)
		db, err := Open(context.Background(), path, Options{unsynced: true})
		if err == nil {
			db.Close()
		}
		if !is(err) {
			t.Errorf("%s: %v", path, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
	}
	if _, err := Open(context.Background(), filepath.Join(dir, "missing"), Options{Existing: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// Damage in the middle shows when it is met, by reading or by writing.
func TestStore_damage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	db := opened(t, path)
	store(t, db, fleet(200, 0))
	db.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 3 * 4096; i < len(text); i++ {
		text[i] = 0xff
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err = Open(context.Background(), path, Options{unsynced: true})
	var damaged *DamagedError
	if err == nil {
		defer db.Close()
		err = db.Store(context.Background(), fleet(200, 1), "")
	}
	if !errors.As(err, &damaged) {
		t.Fatalf("%v", err)
	}
	aside, err := SetAside(damaged, noon)
	if err != nil || aside != path+".damaged-20261122T120000Z" {
		t.Fatalf("%q, %v", aside, err)
	}
	// Another process that met the same damage must not take the new file.
	store(t, opened(t, path), fleet(1, 2))
	if again, err := SetAside(damaged, noon); again != "" || err != nil {
		t.Errorf("a second time: %q, %v", again, err)
	}
	if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("what was set aside changed (%v)", err)
	}
}

func TestOpen_modes(t *testing.T) {
	t.Parallel()
	db := opened(t, filepath.Join(t.TempDir(), "a", "b", "history.db"))
	for path, want := range map[string]fs.FileMode{db.Path(): 0o600, filepath.Dir(db.Path()): 0o700 | fs.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	odd := filepath.Join(t.TempDir(), "what?mode=memory&x=%2e #1;'.db")
	store(t, opened(t, odd), fleet(1, 0))
	if e, err := opened(t, odd).Find(context.Background(), Latest); err != nil || e.Hosts != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestMigrate goes from each earlier version to the newest, and keeps what is
// there.
func TestMigrate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	steps := append(migrations(), "ALTER TABLE run ADD COLUMN place TEXT NOT NULL DEFAULT 'here'", "CREATE TABLE more (x)")
	db := opened(t, "")
	store(t, db, fleet(2, 0))
	if err := migrate(ctx, db.sql, steps, false); err == nil || !strings.Contains(err.Error(), "schema 2, and this twaudit reads schema 4") {
		t.Errorf("for reading: %v", err)
	}
	broken := append(steps[:3:3], "CREATE TABLE more (x); nonsense")
	if err := migrate(ctx, db.sql, broken, true); err == nil {
		t.Error("a broken step is no error")
	}
	if v, err := version(ctx, db.sql); v != 2 || err != nil {
		t.Errorf("after a broken step the version is %d (%v)", v, err)
	}
	for range 2 { // the second time there is nothing to do
		if err := migrate(ctx, db.sql, steps, true); err != nil {
			t.Fatal(err)
		}
	}
	var place string
	if err := db.sql.QueryRow("SELECT place FROM run, more").Scan(&place); err == nil || place != "" {
		t.Errorf("%q, %v: more has a row", place, err)
	}
	if got := loaded(t, db, Latest, ""); len(got.Hosts) != 2 {
		t.Errorf("%d hosts", len(got.Hosts))
	}
}

func TestOpen_makesAFileThatCanShrink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	stale, young := path+unborn+"1", path+unborn+"2"
	for _, left := range []string{stale, stale + "-journal", young} {
		if err := os.WriteFile(left, []byte("half of it"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Chtimes(stale, long, long), os.Chtimes(stale+"-journal", long, long)); err != nil {
		t.Fatal(err)
	}
	db := opened(t, path)
	for pragma, want := range map[string]int{"auto_vacuum": 2, "application_id": applicationID, "user_version": len(migrations())} {
		var got int
		if err := db.sql.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", pragma, got, err, want)
		}
	}
	left, err := filepath.Glob(path + "*")
	if want := []string{path, young}; err != nil || !slices.Equal(left, want) {
		t.Errorf("beside the history there is %q, want %q: %v", left, want, err)
	}
}
