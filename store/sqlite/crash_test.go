package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// ingestArg makes the test binary a process that stores Deliveries until it is
// killed.
const ingestArg = "ingest-until-killed"

var moment = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == ingestArg {
		if err := ingest(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// ingest stores Deliveries and claims every tenth job. It prints a line once it
// knows that something is durable.
func ingest(path, prefix string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	say := func(word, key string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(word, key)
	}
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				guid := fmt.Sprintf("%s-%d-%d", prefix, i, n)
				if _, err := db.PutDelivery(ctx, store.Delivery{GUID: guid, Event: "push", Body: make([]byte, 5000), ReceivedAt: moment}); err != nil {
					say("error", err.Error())
					return
				}
				say("stored", guid)
				if n%10 == 0 {
					if j, ok, err := db.Claim(ctx, []store.WorkKind{store.WorkDelivery}, moment, 24*time.Hour); err == nil && ok {
						say("claimed", j.Key)
					}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	path := file(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		words := killed(t, exec.CommandContext(t.Context(), exe, ingestArg, path, fmt.Sprint(round)), 1+rand.IntN(400))
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, guid := range words["stored"] {
			if known, _, err := db.HasDelivery(t.Context(), guid); err != nil || !known {
				t.Errorf("round %d: %s was acknowledged and is lost (%v)", round, guid, err)
			}
		}
		afterwards(t, db, words)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		sound(t, path)
	}
}

// sound lets SQLite look for damage in a file.
func sound(t *testing.T, path string) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var verdict string
	if err := raw.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check says %q, %v", verdict, err)
	}
}

// afterwards releases what the killed process held and works everything off:
// each acknowledged Delivery must come up once.
func afterwards(t *testing.T, db *sqlite.DB, words map[string][]string) {
	t.Helper()
	if err := db.ReleaseAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs := map[string]bool{}
	for {
		j, ok, err := db.Claim(t.Context(), []store.WorkKind{store.WorkDelivery}, moment, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if jobs[j.Key] {
			t.Errorf("job %s came up twice", j.Key)
		}
		jobs[j.Key] = true
		if err := db.Finish(t.Context(), j, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, guid := range append(words["stored"], words["claimed"]...) {
		if !jobs[guid] {
			t.Errorf("%s has no job", guid)
		}
	}
}

// killed runs a process, kills it after some lines of output, and returns all
// that it said, by the first word of each line.
func killed(t *testing.T, cmd *exec.Cmd, lines int) map[string][]string {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	words := map[string][]string{}
	n := 0
	for s := bufio.NewScanner(out); s.Scan(); n++ {
		word, rest, _ := strings.Cut(s.Text(), " ")
		words[word] = append(words[word], rest)
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if n < lines {
		t.Fatalf("the process ended by itself after %d lines: %v", n, words["error"])
	}
	if len(words["error"]) > 0 {
		t.Fatalf("the process reported %v", words["error"])
	}
	return words
}
