package demo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/demo"
)

// TestOnce plays the scenario from the first image to the summary, over real
// HTTP, webhooks and Git.
func TestOnce(t *testing.T) {
	t.Parallel()
	needGit(t)
	dir := t.TempDir()
	var out, log bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{
		Addr: "127.0.0.1:0", Once: true, Timeout: 5 * time.Minute, DataDir: dir, Out: &out, Log: testLog(&log),
	})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
	}
	for _, want := range []string{
		"Demo ready → http://127.0.0.1:", "git clone http://127.0.0.1:",
		"discovered: Freight", "kargo[bot] opened #1", "check manifests on #1: success", "kargo[bot] merged #1", "verified in staging",
		"ana wrote in #2: /promote prod", "waiting: 0 of 1 approvals", "ben approved #3", "verified in prod",
		"GitHub and the store agree",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("control sequences although the output is no terminal")
	}
	if t.Failed() || testing.Verbose() {
		t.Log(out.String())
	}
}

// TestOnceSaysWhatIsMissing lets the scenario run out of time.
func TestOnceSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	needGit(t)
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{
		Addr: "127.0.0.1:0", Once: true, Timeout: time.Millisecond, Out: &out, Log: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), "1ms passed while waiting for web 1.0.0") {
		t.Errorf("err = %v, want what was waited for", err)
	}
}

func TestRunStopsCleanly(t *testing.T) {
	t.Parallel()
	needGit(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &signalWriter{want: "Demo ready", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, demo.Options{Addr: "127.0.0.1:0", Out: out, Log: slog.New(slog.DiscardHandler)})
	}()
	select {
	case <-out.seen:
	case err := <-done:
		t.Fatalf("ended before it was stopped: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("err = %v, want none for a demo that was stopped", err)
	}
}

func TestRunWhenTheAddressIsTaken(t *testing.T) {
	t.Parallel()
	needGit(t)
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	var out bytes.Buffer
	o := demo.Options{Addr: addr, Once: true, Timeout: time.Millisecond, Out: &out, Log: slog.New(slog.DiscardHandler)}

	if err := demo.Run(t.Context(), o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address that was asked for: err = %v, want that it is in use", err)
	}
	o.Fallback = true
	_ = demo.Run(t.Context(), o) // it runs out of time, after it said where the page is
	if got := out.String(); !strings.Contains(got, addr+" is in use") || strings.Contains(got, "http://"+addr) {
		t.Errorf("the default address: printed %q, want another one and a note", got)
	}
}

func TestRunRefusesUsedDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kargo.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := demo.Run(t.Context(), demo.Options{Addr: "127.0.0.1:0", DataDir: dir, Out: &bytes.Buffer{}, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("err = %v, want a refusal", err)
	}
}

func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("the GitHub simulator serves repositories with git, which is not installed: ", err)
	}
}
