package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkPromoteThreeFiles promotes three files in repositories of very different
// sizes and reports what that costs the server under test, which is a process of its
// own: bytes over Git and over the API, requests, processor time and peak memory.
func BenchmarkPromoteThreeFiles(b *testing.B) {
	for _, n := range []int{100, 10_000, 200_000} {
		b.Run(fmt.Sprintf("files=%d", n), func(b *testing.B) { promoteIn(b, n) })
	}
}

func promoteIn(b *testing.B, n int) {
	b.Helper()
	var api meter
	w := newWorld(b, b.TempDir(), api.around)
	files := kustomized("test")
	files["env/test/values.yaml"] = "image:\n  tag: 1.0.0\n"
	files["env/test/more.yaml"] = "image:\n  tag: 1.0.0\n"
	files[".kargo.yaml"] += "      - {image: IMAGE, file: env/test/values.yaml, key: image.tag}\n" +
		"      - {image: IMAGE, file: env/test/more.yaml, key: image.tag}\n"
	for i := range n - len(files) {
		files[fmt.Sprintf("apps/team-%d/app-%d/file-%d.yaml", i/2500, i/100, i)] = fmt.Sprintf("value: %d\n", i)
	}
	if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, files), w.start()); err != nil {
		b.Fatal(err)
	}
	w.settled("test")
	occupied, err := resetPeak(w.server.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	// The first promotion in a repository makes what later ones find.
	promote := func(n int) {
		if err := w.publish(fmt.Sprintf("1.%d.0", n), false); err != nil {
			b.Fatal(err)
		}
		w.must("promotion", func() error { return w.kept(gitops, fmt.Sprintf("test-%d", n+1)) })
	}
	promote(1)
	var down, up, bytes, requests, cpu int64
	round := 0
	for b.Loop() {
		round++
		w.ResetTraffic()
		api.bytes.Store(0)
		before, err := processorTime(w.server.cmd.Process.Pid)
		if err != nil {
			b.Fatal(err)
		}
		promote(round + 1)
		after, err := processorTime(w.server.cmd.Process.Pid)
		if err != nil {
			b.Fatal(err)
		}
		git := w.GitTraffic()
		down, up, bytes, cpu = down+git.BytesDown, up+git.BytesUp, bytes+api.bytes.Load(), cpu+after-before
		requests += int64(len(w.Requests()))
	}
	peak, err := peakMemory(w.server.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	per := func(total int64) float64 { return float64(total) / float64(round) }
	b.ReportMetric(per(down), "git-down-B/op")
	b.ReportMetric(per(up), "git-up-B/op")
	b.ReportMetric(per(bytes), "api-B/op")
	b.ReportMetric(per(requests), "requests/op")
	b.ReportMetric(per(cpu), "cpu-ms/op")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(peak-occupied)/(1<<20), "added-MiB")
}

// resetPeak makes a process's peak what it occupies now, and returns that, in bytes.
func resetPeak(pid int) (int64, error) {
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0); err != nil {
		return 0, err
	}
	return peakMemory(pid)
}

// processorTime is what a process has used so far, in milliseconds; the kernel counts
// hundredths of a second.
func processorTime(pid int) (int64, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	// The name of the program may hold spaces, and ends with the last parenthesis.
	_, rest, ok := strings.Cut(string(raw[strings.LastIndexByte(string(raw), ')'):]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is not understood")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return 10 * (user + system), err
}
