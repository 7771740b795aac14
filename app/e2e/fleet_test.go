package e2e_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// fleetPipelines of fleetStages each are what one repository declares.
const fleetPipelines, fleetStages = 100, 20

// BenchmarkThousandsOfStages has one repository declare them in files that it
// includes, waits until each Stage was compared with what its files hold, and
// changes one of the files: a push must not make the server look at the pipelines
// that it does not concern.
func BenchmarkThousandsOfStages(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, b.TempDir(), nil)
		w.set(map[string]string{"KARGO_LOG_LEVEL": "info"})
		if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, fleet())); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		begun := time.Now()
		if err := w.start(); err != nil {
			b.Fatal(err)
		}
		w.must("configuration", func() error { return w.loggedTimes(`"msg":"configuration read"`, 1) })
		read := time.Since(begun)
		w.must("rest", func() error { return w.loggedTimes(`"msg":"freight verified"`, fleetPipelines*fleetStages) })
		b.ReportMetric(read.Seconds(), "s-to-read")
		b.ReportMetric(time.Since(begun).Seconds(), "s-to-compare")
		if err := w.WaitDelivered(b.Context()); err != nil {
			b.Fatal(err)
		}
		before := w.idle()

		changed := strings.Replace(fleetPipeline(7), "soak: 1h", "soak: 2h", 1)
		begun = time.Now()
		if _, err := w.Push(gitops, "main", "ben", "Wait longer", map[string]*string{"apps/app-7/.kargo.yaml": forge.Text(w.fill(changed))}); err != nil {
			b.Fatal(err)
		}
		w.must("the change", func() error { return w.loggedTimes(`"msg":"configuration read"`, 2) })
		b.ReportMetric(time.Since(begun).Seconds(), "s-after-push")
		// The root, which reads the files, once before and once after the pipelines whose
		// files changed are known, and that pipeline.
		if n := w.idle() - before; n > 4 {
			b.Errorf("%d pipelines were looked at, of which one changed", n)
		}
		if !strings.Contains(w.log.String(), `"included":100,"changed":1}`) {
			b.Error("it is not one pipeline that changed")
		}
		peak, err := peakMemory(w.server.cmd.Process.Pid)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
	}
}

func fleet() map[string]string {
	files := map[string]string{".kargo.yaml": "apiVersion: kargo/v1\ninclude: [apps/*/.kargo.yaml]\n"}
	for i := range fleetPipelines {
		dir := fmt.Sprintf("apps/app-%d/", i)
		files[dir+".kargo.yaml"] = fleetPipeline(i)
		for s := range fleetStages {
			files[fmt.Sprintf("%sstage-%d/kustomization.yaml", dir, s)] = "images:\n  - name: IMAGE\n    newTag: 1.0.0\n"
		}
	}
	return files
}

// fleetPipeline promotes to one Stage first, and from there to all others.
func fleetPipeline(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: kargo/v1\nname: app-%d\nwarehouses:\n  - name: web\n    subscriptions:\n      - image: {repoURL: IMAGE}\nstages:\n", i)
	for s := range fleetStages {
		from := "stage-0, soak: 1h"
		if s == 0 {
			from = "web"
		}
		fmt.Fprintf(&b, "  - {name: stage-%d, from: %s, update: [{image: IMAGE, kustomize: apps/app-%d/stage-%d}]}\n", s, from, i, s)
	}
	return b.String()
}

func (w *world) loggedTimes(text string, want int) error {
	if n := strings.Count(w.log.String(), text); n < want {
		return fmt.Errorf("%d times instead of %d", n, want)
	}
	return nil
}

var reconciliations = regexp.MustCompile(`(?m)^kargo_job_seconds_count\{kind="reconcile",result="[a-z]+"\} (\d+)$`)

// idle waits until no pipeline is looked at for a while, and returns how many were so
// far.
func (w *world) idle() int {
	w.tb.Helper()
	last, since := -1, time.Now()
	w.must("idle", func() error {
		_, metrics, err := w.get("/metrics")
		if err != nil {
			return err
		}
		n := 0
		for _, m := range reconciliations.FindAllStringSubmatch(metrics, -1) {
			one, _ := strconv.Atoi(m[1])
			n += one
		}
		if n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) < 500*time.Millisecond {
			return fmt.Errorf("%d pipelines were looked at, and more are", n)
		}
		return nil
	})
	return last
}
