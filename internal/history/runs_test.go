package history

import (
	"maps"
	"testing"
	"time"

	"twaudit/internal/audit"
)

func TestBaseline_takesAHostFromTheRunThatCameToIt(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	store(t, db, runAt(0, web("w1"), web("w2", verdict(audit.VerdictNearLimit)), cutOff("w3", audit.StageDeadline)))
	store(t, db, runAt(time.Hour, web("w1"), cutOff("w2", audit.StageInterrupted), cutOff("w3", audit.StageDeadline)))
	store(t, db, runAt(2*time.Hour, silent("w1"), cutOff("w2", audit.StageInterrupted), cutOff("w3", audit.StageInterrupted)))
	newest, err := db.Find(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	side, err := db.Baseline(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]audit.Verdict{}
	for _, s := range side.Hosts {
		found[s.Name] = s.Verdict
	}
	if want := map[string]audit.Verdict{"w1": "", "w2": audit.VerdictNearLimit}; !maps.Equal(found, want) {
		t.Errorf("known are %v, want %v", found, want)
	}
}

// TestSide_knowsWhatAHostWasBeforeItFailed, however long that is ago, and by runs of
// the same selection alone.
func TestSide_knowsWhatAHostWasBeforeItFailed(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	store(t, db, runAt(0, web("w1", verdict(audit.VerdictNearLimit)), web("w2"), silent("w3")))
	for i := range lookBack + 3 {
		store(t, db, runAt(time.Duration(i+1)*time.Hour, silent("w1"), silent("w2"), silent("w3")))
	}
	before := runAt(19*time.Hour, web("w1"))
	before.Meta.Selection = "another"
	store(t, db, before)
	store(t, db, runAt(20*time.Hour, silent("w1"), cutOff("w2", audit.StageInterrupted), silent("w3")))
	elsewhere := runAt(21*time.Hour, web("w1"))
	elsewhere.Meta.Selection = "another"
	store(t, db, elsewhere)
	last, err := db.Find(t.Context(), "-1")
	if err != nil {
		t.Fatal(err)
	}
	side, err := db.Baseline(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]audit.Verdict{}
	for _, s := range side.Hosts {
		if s.Known != nil && s.Status == audit.StatusFailed {
			known[s.Name] = s.Known.Verdict
			if s.Known.BootID == "" || s.Known.Others == nil {
				t.Errorf("%s: what was known lacks its traits: %+v", s.Name, s.Known)
			}
		}
	}
	if want := map[string]audit.Verdict{"w1": audit.VerdictNearLimit, "w2": audit.VerdictOK}; !maps.Equal(known, want) {
		t.Errorf("known are %v, want %v", known, want)
	}
}

// cutOff is a host that its run did not come to.
func cutOff(name string, stage audit.Stage) audit.HostResult {
	h := silent(name)
	h.Failure.Stage = stage
	return h
}
