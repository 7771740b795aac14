package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	// bigFiles is the number of files in the big repository, trafficLimit and
	// memoryLimit are what a promotion of three of them may transfer and what the
	// server may occupy, in bytes.
	bigFiles     = 50_000
	trafficLimit = 100_000
	memoryLimit  = 144 << 20
)

// TestBigRepository promotes three files out of many.
func TestBigRepository(t *testing.T) {
	t.Parallel()
	var api meter
	w := newWorld(t, t.TempDir(), api.around)
	files := kustomized("test")
	files["env/test/values.yaml"] = "image:\n  tag: 1.0.0\n"
	files["env/test/more.yaml"] = "image:\n  tag: 1.0.0\n"
	files[".kargo.yaml"] += "      - {image: IMAGE, file: env/test/values.yaml, key: image.tag}\n" +
		"      - {image: IMAGE, file: env/test/more.yaml, key: image.tag}\n"
	for i := range bigFiles {
		files[fmt.Sprintf("apps/team-%d/app-%d/file-%d.yaml", i/2500, i/100, i)] = fmt.Sprintf("value: %d\n", i)
	}
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, files)); err != nil {
		t.Fatal(err)
	}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	w.settled("test")
	cold := w.GitTraffic()
	t.Logf("to read the configuration and to find that nothing changes: git up %d, down %d, API %d bytes", cold.BytesUp, cold.BytesDown, api.bytes.Load())

	w.ResetTraffic()
	api.bytes.Store(0)
	if err := w.publish("1.1.0", false); err != nil {
		t.Fatal(err)
	}
	w.must("promotion", func() error { return w.kept(gitops, "test-2") })
	for _, path := range []string{"env/test/kustomization.yaml", "env/test/values.yaml", "env/test/more.yaml"} {
		content, err := w.File(gitops, "main", path)
		if err != nil || !strings.Contains(content, "1.1.0") {
			t.Errorf("%s holds %q, %v", path, content, err)
		}
	}
	git := w.GitTraffic()
	total := git.BytesUp + git.BytesDown + api.bytes.Load()
	t.Logf("promotion of three files: git up %d, down %d, API %d, together %d bytes", git.BytesUp, git.BytesDown, api.bytes.Load(), total)
	if total > trafficLimit {
		t.Errorf("%d bytes were transferred, at most %d are allowed", total, trafficLimit)
	}
	// The first look at a repository may cost no more than a promotion in it.
	if first := cold.BytesUp + cold.BytesDown; first > trafficLimit {
		t.Errorf("%d bytes of Git were transferred at first sight, at most %d are allowed", first, trafficLimit)
	}
	peak, err := peakMemory(w.server.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory %d MiB", peak>>20)
	if peak > memoryLimit {
		t.Errorf("the server occupied %d bytes, at most %d are allowed", peak, memoryLimit)
	}
}

// meter counts the bytes of REST and GraphQL bodies, both ways. Git is counted by
// the simulator itself.
type meter struct{ bytes atomic.Int64 }

func (m *meter) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		m.bytes.Add(max(0, r.ContentLength))
		next.ServeHTTP(&counted{ResponseWriter: w, bytes: &m.bytes}, r)
	})
}

type counted struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most physical memory that a process ever occupied, in bytes.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := highWater.FindSubmatch(status)
	if m == nil {
		return 0, errors.New("no VmHWM in /proc/PID/status")
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kib << 10, err
}
