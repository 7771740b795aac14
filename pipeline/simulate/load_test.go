package simulate_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/simulate"
)

// valid is a pipeline for scenarios that are wrong elsewhere.
const valid = `pipeline:
  warehouses: [{name: web, subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]}]
  stages: [{name: test, from: web, promotionTemplate: {spec: {steps: [{uses: deploy, as: deploy}]}}}]
`

func TestProblemsOfAScenario(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		src  string
		want []string
	}{
		"everything that is wrong at once": {
			valid + "piepline: x\ntimeline:\n  - after: soon\n  - {comment: {txt: hi}}\n",
			[]string{
				`4:1: error: unknown field "piepline" (expected one of name, pipeline, repo, checkSteps, requiredChecks, people, start, script, timeline; did you mean "pipeline"?)`,
				`6:12: error: after is "soon" (expected a duration such as 90s, 15m, 1h30m or 7d)`,
				`7:16: error: unknown field "txt" (expected one of text, by, on; did you mean "text"?)`,
			},
		},
		"names that nothing has": {
			valid + "start:\n  freight: [f1]\n  promotions: [{stage: tets, freight: f2}]\n  holds: [{stage: test, warehouse: wep}]\n",
			[]string{
				`6:16: error: there is no Stage "tets" (expected one of test; did you mean "test"?)`,
				`6:16: error: there is no Freight "f2" (expected one of f1; did you mean "f1"?)`,
				`7:11: error: there is no Warehouse "wep" (expected one of web; did you mean "web"?)`,
			},
		},
		"words that are none": {
			valid + "script: {stages: {test: {steps: {deploy: [Succeeeded], verify: Failed}, verification: Passed}}}\ntimeline:\n  - {at: now, after: 1h}\n",
			[]string{
				`4:43: error: an answer cannot be "Succeeeded" (expected one of Succeeded, Skipped, Running, Failed, Errored, Aborted; did you mean "Succeeded"?)`,
				`4:64: error: there is no step "verify" (expected one of deploy)`,
				`4:87: error: an answer cannot be "Passed" (expected one of Successful, Running, Failed, Error, Inconclusive)`,
				`6:5: error: the clock cannot move both to a time and by a duration (expected one of at and after)`,
			},
		},
		"a health that is none": {
			valid + "script: {stages: {test: {health: [Healthy, Sick]}}}\ntimeline:\n  - {at: now}\n",
			[]string{`4:44: error: an answer cannot be "Sick" (expected one of Healthy, NotApplicable, Progressing, Unknown, Unhealthy)`},
		},
		"steps that there are not, and a clock that cannot do both": {
			valid + "script: {stages: {test: {steps: {depoy: Failed}}}}\ntimeline:\n  - {at: now, after: 1h}\n",
			[]string{
				`4:41: error: there is no step "depoy" (expected one of deploy; did you mean "deploy"?)`,
				`6:5: error: the clock cannot move both to a time and by a duration (expected one of at and after)`,
			},
		},
		"a pipeline that is not there": {
			"pipeline: gone.yaml\n",
			[]string{`1:11: error: there is no file tests/gone.yaml (expected the path of a .kargo.yaml, relative to the scenario)`},
		},
		"no pipeline at all": {
			"timeline: []\n",
			[]string{`1:1: error: there is no .kargo.yaml beside the scenario or above it (expected pipeline: with a path or the pipeline itself)`},
		},
		"an inline pipeline is wrong where it stands": {
			"name: x\npipeline:\n  warehouses: [{name: web, subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]}]\n  stages:\n    - {name: test, from: wed}\ntimeline: []\n",
			[]string{`5:26: error: Stage "test" takes Freight from "wed", which is neither a Warehouse nor a Stage (expected one of web, test; did you mean "web"?)`},
		},
		"policies are wrong": {
			valid + "start:\n  policies: [{stage: prod, autoPromotionEnabled: true}]\n",
			[]string{`5:13: error: `},
		},
		"no YAML":            {"a: [", []string{"1:1: error: "}},
		"nothing":            {"", []string{"1:1: error: the file is empty (expected a scenario)"}},
		"an alias to itself": {"start: &a {freight: *a}\n", []string{"1:", "1:8: error: freight is a mapping (expected a list)"}},
		"not even a mapping": {"[]", []string{"1:1: error: the scenario is a list (expected a mapping with name, "}},
		"Freight that is other Freight": {
			valid + "start: {freight: [{name: f1, images: ghcr.io/acme/web:1}, {name: f2, images: ghcr.io/acme/web:1}]}\n",
			[]string{`4:59: error: the Freight f2 has the same Warehouse and artifacts, and so the same id, as f1`},
		},
		"Freight without name": {
			valid + "start: {freight: [{id: abc}, f1, f1]}\n",
			[]string{
				`4:19: error: the Freight has no name (expected a name)`,
				`4:34: error: there are two Freight "f1" (expected a name of its own)`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := simulate.Load("tests/x.sim.yaml", []byte(tt.src), missing)
			var invalid *simulate.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			got := strings.Split(invalid.Problems.Error(), "\n")
			for i := range min(len(got), len(tt.want)) {
				if strings.HasPrefix(got[i], tt.want[i]) {
					got[i] = tt.want[i]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func missing(string) ([]byte, error) { return nil, fs.ErrNotExist }

func TestPipelineBesideOrAbove(t *testing.T) {
	t.Parallel()
	read := func(name string) ([]byte, error) {
		if name == ".kargo.yaml" {
			body := strings.TrimPrefix(valid, "pipeline:\n")
			return []byte("apiVersion: kargo/v1\n" + strings.ReplaceAll(body, "\n  ", "\n")[2:]), nil
		}
		return nil, fs.ErrNotExist
	}
	if _, err := simulate.Load("a/b/x.sim.yaml", []byte("timeline: []\n"), read); err != nil {
		t.Error(err)
	}
}

// FuzzLoad: whatever a file holds, loading it ends, and what was loaded can be
// played.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sim.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sc, err := simulate.Load("x.sim.yaml", data, missing)
		if err != nil {
			return
		}
		// A clock that jumps far past something that is looked at every second is slow.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := sc.Run(ctx, simulate.Options{Verdicts: true}); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
}
