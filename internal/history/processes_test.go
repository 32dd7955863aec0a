package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain is also the process that TestKill kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("TWAUDIT_HISTORY_VICTIM"); path != "" {
		victim(path)
	}
	os.Exit(m.Run())
}

// victim stores run after run, and says which ones it has stored.
func victim(path string) {
	db, err := Open(context.Background(), path, Options{unsynced: true})
	for err == nil {
		run := fleet(8, rand.IntN(1<<20))
		if err = db.Store(context.Background(), run, "s"); err == nil {
			fmt.Println(run.Meta.ID)
			_, err = db.Prune(context.Background(), Keep{Since: noon.AddDate(200, 0, 0), Runs: 20})
		}
		if errors.Is(err, ErrStored) {
			err = nil
		}
	}
	fmt.Println("error:", err)
	os.Exit(1)
}

// TestKill_at_any_moment: what was stored is there, whole, and the next process
// works.
func TestKill_at_any_moment(t *testing.T) {
	t.Parallel()
	const files, moments = 4, 25
	for n := range files {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "history.db")
			random := rand.New(rand.NewPCG(uint64(n), 7))
			for range moments {
				last := killed(t, path, time.Duration(random.IntN(40_000))*time.Microsecond)
				db := opened(t, path)
				var verdict string
				if err := db.sql.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
					t.Fatalf("%s, %v", verdict, err)
				}
				for _, id := range last {
					if got := loaded(t, db, id, ""); len(got.Hosts) != 8 {
						t.Fatalf("run %s has %d hosts", id, len(got.Hosts))
					}
				}
				db.Close()
			}
		})
	}
}

// killed starts a victim, kills it so long after its first word or, for the
// shortest times, at once, and returns what it had stored last.
func killed(t *testing.T, path string, after time.Duration) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TWAUDIT_HISTORY_VICTIM="+path)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var ids []string
	// One in eight is killed while it makes or opens the file.
	if after > 5*time.Millisecond && lines.Scan() {
		ids = append(ids, lines.Text())
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	for lines.Scan() {
		ids = append(ids, lines.Text())
	}
	_ = cmd.Wait() // killed, as it has to be
	for _, id := range ids {
		if strings.HasPrefix(id, "error:") {
			t.Fatal(id)
		}
	}
	return ids[max(0, len(ids)-3):]
}

// TestStore_at_once: several processes (here: connections, which SQLite locks
// alike) write and read one file, from its first moment on.
func TestStore_at_once(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	const writers, each = 6, 5
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() { // ends with its runs; Wait waits for it
			db, err := Open(context.Background(), path, Options{unsynced: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			for i := range each {
				if err := db.Store(context.Background(), fleet(20, w*each+i), "s"); err != nil {
					t.Error(err)
				}
				if _, err := db.Past(context.Background(), "web00003.example.net", noon, noon.AddDate(0, 0, 9)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	list, err := opened(t, path).Runs(context.Background())
	if err != nil || len(list) != writers*each {
		t.Errorf("%d runs, %v", len(list), err)
	}
}

// A full disk keeps the run out, and all others in.
func TestStore_full(t *testing.T) {
	t.Parallel()
	db := opened(t, "")
	db.sql.SetMaxOpenConns(1) // the limit is one of a connection
	store(t, db, fleet(50, 0))
	if _, err := db.sql.Exec("PRAGMA max_page_count = 1"); err != nil { // no page more than there is
		t.Fatal(err)
	}
	err := db.Store(context.Background(), fleet(200, 1), "s")
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("stored on a full disk: %v", err)
	}
	if list, err := db.Runs(context.Background()); err != nil || len(list) != 1 {
		t.Errorf("%d runs, %v", len(list), err)
	}
	if got := loaded(t, db, Latest, ""); len(got.Hosts) != 50 {
		t.Errorf("%d hosts", len(got.Hosts))
	}
}
