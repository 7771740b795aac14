package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// TestServeReportsAllProblemsAtOnce starts the server with a configuration in
// which nothing is right.
func TestServeReportsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "serve", "--addr", "nowhere")
	cmd.Env = []string{
		asKargo + "=1", "KARGO_GITHUB_URL=http://github.example.com", "KARGO_POLL_INTERVAL=often",
		"KARGO_DATABASE_URL=postgres://db/kargo", "KARGO_DATA_DIR=" + t.TempDir(), "KARGO_GITHUB_PRIVATE_KEY=not a secret key",
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("it ended with %v, want exit code 2", err)
	}
	for _, want := range []string{
		"--addr", "KARGO_GITHUB_URL", "KARGO_POLL_INTERVAL", "KARGO_DATABASE_URL", "KARGO_GITHUB_PRIVATE_KEY",
		"github-app-id", "github-webhook-secret",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the output does not mention %s:\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("not a secret key")) {
		t.Errorf("the output quotes a secret:\n%s", out)
	}
}

// get asks the server for a page.
func (w *world) get(path string) (int, string, error) {
	req, err := http.NewRequestWithContext(w.tb.Context(), http.MethodGet, "http://"+w.server.addr+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func (w *world) answers(path string, status int) error {
	got, body, err := w.get(path)
	if err == nil && got != status {
		err = fmt.Errorf("%s answers %d: %s", path, got, body)
	}
	return err
}

func TestServeTellsHowItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), nil)
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("test")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("test")
	if err := errors.Join(w.answers("/healthz", http.StatusOK), w.answers("/readyz", http.StatusOK)); err != nil {
		t.Error(err)
	}
	_, metrics, err := w.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kargo_github_request_seconds_count", "kargo_registry_request_seconds_count", "go_goroutines"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s:\n%s", want, metrics)
		}
	}
}

// TestServeIsNotReadyWithForeignKey runs the server with a key that GitHub does
// not know.
func TestServeIsNotReadyWithForeignKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), nil)
	w.set(map[string]string{"KARGO_GITHUB_APP_ID": "43"})
	if err := errors.Join(w.found(gitops, kustomized("test")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.must("not ready", func() error { return w.answers("/readyz", http.StatusServiceUnavailable) })
	if err := w.answers("/healthz", http.StatusOK); err != nil {
		t.Error(err)
	}
}

// TestServeStopsAndLosesNothing asks the server to stop, again and again, while
// promotions are under way.
func TestServeStopsAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), nil)
	w.set(map[string]string{"KARGO_REDELIVERY_INTERVAL": "1s"})
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("test", "prod")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("prod")
	for i := range 4 {
		if err := w.publish(version(i+1), false); err != nil {
			t.Fatal(err)
		}
		// Stop in the middle of each part of the work in turn.
		marks := []string{"freight created", `"step":"commit"`, `"step":"open-pr"`, `"step":"merge-pr"`}
		before := strings.Count(w.log.String(), marks[i])
		w.must("work in progress", func() error {
			if strings.Count(w.log.String(), marks[i]) == before {
				return errors.New("nothing happens")
			}
			return nil
		})
		took, err := w.server.terminate()
		if err != nil || took > 10*time.Second {
			t.Fatalf("the server stopped after %s with %v", took, err)
		}
		if err := w.start(); err != nil {
			t.Fatal(err)
		}
	}
	w.must("the newest version arrives", func() error { return errors.Join(w.holds("test", version(4)), w.holds("prod", version(4))) })
	w.must("everything settles", func() error { return w.allKept(gitops) })
}

// TestServeStopsAlthoughGitHubHangs asks the server to stop while GitHub does not
// answer.
func TestServeStopsAlthoughGitHubHangs(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 100), make(chan struct{})
	w := newWorld(t, t.TempDir(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls") {
				select {
				case <-release:
				default:
					// The end of the client is seen only by who has read the body.
					_, _ = io.Copy(io.Discard, r.Body)
					asked <- struct{}{}
					<-r.Context().Done()
					return
				}
			}
			next.ServeHTTP(rw, r)
		})
	})
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("test")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("test")
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-asked:
	case <-ctx.Done():
		t.Fatal("no pull request is opened")
	}
	took, err := w.server.terminate()
	if err != nil || took > 10*time.Second {
		t.Fatalf("the server stopped after %s with %v", took, err)
	}
	close(release)
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	w.must("promotion", func() error { return w.kept(gitops, "test-2") })
}

// TestLimitIsWaitedOut sends a retry-after that is longer than any patience of the
// server's own, and requires that nothing is asked meanwhile.
func TestLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	const wait = 4 * time.Second
	w := newWorld(t, t.TempDir(), nil)
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("test")), w.start()); err != nil {
		t.Fatal(err)
	}
	w.settled("test")
	w.ResetTraffic()
	w.Inject(forge.SecondaryLimit(http.MethodPost, "/repos/*/*/pulls", wait))
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("limit", func() error { return w.injected(1) })
	limited, asked := time.Now(), len(w.Requests())
	w.must("promotion", func() error {
		if n := len(w.Requests()); n > asked && time.Since(limited) < wait-time.Second {
			t.Fatalf("GitHub was asked %s after it said to wait %s: %+v", time.Since(limited), wait, w.Requests()[asked:])
		}
		return w.kept(gitops, "test-2")
	})
}

// injected says what is wrong unless so many requests were made to fail.
func (w *world) injected(want int) error {
	n := 0
	for _, r := range w.Requests() {
		if r.Injected {
			n++
		}
	}
	if n < want {
		return fmt.Errorf("%d requests were made to fail, not %d", n, want)
	}
	return nil
}
