package simulate_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/simulate"
)

// state is a scenario in which there is something of everything; expectations
// follow it.
const state = `
people: {ana: admin, ed: read}
pipeline:
  warehouses:
    - {name: web, subscriptions: [{image: {repoURL: ghcr.io/acme/web, constraint: ^1.0.0}}]}
  stages:
    - name: test
      from: web
      autoPromote: true
      promotionTemplate: {spec: {steps: [{uses: compose-output, as: out, config: {a: 1}}, {uses: deploy, as: deploy, retry: {errorThreshold: 2}}]}}
      verification:
        analysisTemplates: [{name: smoke}]
        args: [{name: url, value: "https://${{ ctx.stage }}.example"}]
    - {name: prod, from: test, soak: 1h, promotionTemplate: {spec: {steps: [{uses: wait, as: wait}]}}}
  analysisTemplates:
    - name: smoke
      spec: {args: [{name: url}], metrics: [{name: smoke, provider: {web: {url: "{{ args.url }}"}}}]}
  promotionWindows:
    - {name: mornings, kind: Allow, stageSelector: {name: test}, cron: "0 9 * * *", duration: 2h, reason: early birds}
start:
  freight: [{name: f0, metadata: {ticket: 7}, verifiedIn: [test]}]
script: {stages: {test: {steps: {deploy: [Errored again, Succeeded]}}, prod: {steps: {wait: Running for ever}}}}
timeline:
  - image: [ghcr.io/acme/web:1.0.0, ghcr.io/acme/web:3.0.0]
  - after: 30m0.5s # deploy took half a second
  - comment: {text: "/kargo approve prod f0 --bypass -- because", by: ana}
  - comment: {text: /promote prod f0, by: ana}
  - comment: {text: "/kargo hold test -- demo", by: ana}
  - comment: {text: "/kargo freeze --until 2h -- incident", by: ana}
  - comment: {text: /promote prod web@1.0.0, by: ed}
    expect: `

// TestExpectations holds every field against what is and against what is not, so
// that none is overlooked.
func TestExpectations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ right, wrong string }{
		"freight exists":       {"{freight: [f0]}", "{freight: [f9]}"},
		"freight does not":     {"{freight: {f9: false}}", "{freight: {f0: false}}"},
		"freight id":           {"{freight: {f0: {id: '/^[0-9a-f]{40}$/'}}}", "{freight: {f0: {id: xyz}}}"},
		"freight alias":        {"{freight: {f0: {alias: f0}}}", "{freight: {f0: {alias: fox}}}"},
		"freight warehouse":    {"{freight: {f0: {warehouse: web}}}", "{freight: {f0: {warehouse: api}}}"},
		"freight artifacts":    {"{freight: {web@1.0.0: {artifacts: ['web:1.0.0']}}}", "{freight: {web@1.0.0: {artifacts: []}}}"},
		"freight discoveredAt": {"{freight: {f0: {discoveredAt: -31m0.5s}}}", "{freight: {f0: {discoveredAt: now}}}"},
		"freight metadata":     {"{freight: {f0: {metadata: {ticket: 7}}}}", "{freight: {f0: {metadata: {ticket: 8}}}}"},
		"current":              {"{stages: {test: {current: web@1.0.0}}}", "{stages: {test: {current: f0}}}"},
		"current by origin":    {"{stages: {test: {current: {web: web@1.0.0}}}}", "{stages: {test: {current: {web: none}}}}"},
		"candidate":            {"{stages: {test: {candidate: web@1.0.0}}}", "{stages: {test: {candidate: none}}}"},
		"available":            {"{stages: {prod: {available: [f0]}}}", "{stages: {prod: {available: [web@1.0.0, f0]}}}"},
		"available by name":    {"{stages: {prod: {available: {f0: true, web@1.0.0: false}}}}", "{stages: {prod: {available: {web@1.0.0: true}}}}"},
		"verified":             {"{stages: {test: {verified: [f0, web@1.0.0]}}}", "{stages: {test: {verified: [f0]}}}"},
		"approved":             {"{stages: {prod: {approved: f0}}}", "{stages: {prod: {approved: []}}}"},
		"held":                 {"{stages: {test: {held: true}, prod: {held: false}}}", "{stages: {test: {held: false}}}"},
		"hold's actor":         {"{stages: {test: {held: {actor: ana, warehouse: web}}}}", "{stages: {test: {held: {actor: ed}}}}"},
		"hold's reason":        {"{stages: {test: {held: {reason: demo}}}}", "{stages: {test: {held: {reason: fun}}}}"},
		"hold's freight":       {"{stages: {test: {held: {freight: none}}}}", "{stages: {test: {held: {freight: f0}}}}"},
		"hold's promotion":     {"{stages: {test: {held: {promotion: none}}}}", "{stages: {test: {held: {promotion: test-1}}}}"},
		"autoPromotion":        {"{stages: {prod: {autoPromotion: false}}}", "{stages: {test: {autoPromotion: false}}}"},
		"queue":                {"{stages: {prod: {queue: [f0]}}}", "{stages: {prod: {queue: []}}}"},
		"queue by id":          {"{stages: {prod: {queue: prod-1}}}", "{stages: {prod: {queue: [prod-2]}}}"},
		"running":              {"{stages: {prod: {running: f0}, test: {running: none}}}", "{stages: {test: {running: f0}}}"},
		"history":              {"{stages: {test: {history: web@1.0.0}}}", "{stages: {test: {history: []}}}"},
		"closed":               {"{stages: {test: {closed: true}}}", "{stages: {test: {closed: false}}}"},
		"closed by":            {"{stages: {test: {closed: {by: freeze}}}}", "{stages: {test: {closed: {by: mornings}}}}"},
		"closed reason":        {"{stages: {test: {closed: {reason: incident}}}}", "{stages: {test: {closed: {reason: lunch}}}}"},
		"closed opens":         {"{stages: {prod: {closed: {opens: 2h}}}}", "{stages: {prod: {closed: {opens: 3h}}}}"},
		"closed closes":        {"{stages: {prod: {closed: {closes: never}}}}", "{stages: {prod: {closed: {closes: 1h}}}}"},
		"verification":         {"{stages: {test: {verification: Successful}}}", "{stages: {test: {verification: Failed}}}"},
		"no verification":      {"{stages: {prod: {verification: none}}}", "{stages: {test: {verification: none}}}"},
		"reason":               {"{stages: {prod: {reason: {web@1.0.0: soaked 30m}}}}", "{stages: {prod: {reason: {web@1.0.0: none}}}}"},
		"next":                 {"{stages: {prod: {next: {web@1.0.0: 30m}}}}", "{stages: {prod: {next: {web@1.0.0: 1h}}}}"},
		"soak":                 {"{stages: {test: {soak: {web@1.0.0: 30m}}}}", "{stages: {test: {soak: {web@1.0.0: 1h}}}}"},
		"forecast":             {"{stages: {test: {forecast: has it}}}", "{stages: {test: {forecast: tomorrow}}}"},
		"forecast at":          {"{stages: {prod: {forecast: {freight: web@1.0.0, at: 2h}}}}", "{stages: {prod: {forecast: {at: 1h}}}}"},
		"forecast remaining":   {"{stages: {prod: {forecast: {remaining: [soak in test, freeze]}}}}", "{stages: {prod: {forecast: {remaining: []}}}}"},
		"forecast needs":       {"{stages: {prod: {forecast: {needs: /promote prod}}}}", "{stages: {prod: {forecast: {needs: none}}}}"},
		"health":               {"{stages: {test: {health: Healthy}, prod: {health: Unknown}}}", "{stages: {test: {health: Unknown}}}"},
		"phase":                {"{promotions: {test-1: Succeeded}}", "{promotions: {test-1: Failed}}"},
		"absent":               {"{promotions: {test-9: none}}", "{promotions: {test-1: none}}"},
		"present":              {"{promotions: {test-1: {stage: test}}}", "{promotions: {test-9: {stage: test}}}"},
		"message":              {"{promotions: {test-1: {message: none}}}", "{promotions: {test-1: {message: oops}}}"},
		"stage":                {"{promotions: {prod-1: {stage: prod}}}", "{promotions: {prod-1: {stage: test}}}"},
		"freight":              {"{promotions: {prod-1: {freight: f0}}}", "{promotions: {prod-1: {freight: web@1.0.0}}}"},
		"collection":           {"{promotions: {prod-1: {collection: f0}}}", "{promotions: {prod-1: {collection: []}}}"},
		"previous":             {"{promotions: {test-1: {previous: none}}}", "{promotions: {test-1: {previous: f0}}}"},
		"promotion's reason":   {"{promotions: {prod-1: {reason: ana}}}", "{promotions: {prod-1: {reason: auto}}}"},
		"actor":                {"{promotions: {test-1: {actor: none}, prod-1: {actor: ana}}}", "{promotions: {test-1: {actor: ana}}}"},
		"hold":                 {"{promotions: {test-1: {hold: none}}}", "{promotions: {test-1: {hold: resume}}}"},
		"rollback":             {"{promotions: {test-1: {rollback: false}}}", "{promotions: {test-1: {rollback: true}}}"},
		"retries":              {"{promotions: {test-1: {retries: 0}}}", "{promotions: {test-1: {retries: 1}}}"},
		"rewinds":              {"{promotions: {test-1: {rewinds: 0}}}", "{promotions: {test-1: {rewinds: 1}}}"},
		"waitingOn":            {"{promotions: {prod-1: {waitingOn: for ever}}}", "{promotions: {prod-1: {waitingOn: none}}}"},
		"finishedAt":           {"{promotions: {prod-1: {finishedAt: never}}}", "{promotions: {test-1: {finishedAt: now}}}"},
		"steps":                {"{promotions: {prod-1: {steps: [Running]}}}", "{promotions: {prod-1: {steps: [none]}}}"},
		"step":                 {"{promotions: {test-1: {steps: {deploy: Succeeded}}}}", "{promotions: {test-1: {steps: {deploy: Failed}}}}"},
		"no such step":         {"{promotions: {test-1: {steps: {out: Succeeded}}}}", "{promotions: {test-1: {steps: {nope: Succeeded}}}}"},
		"step's message":       {"{promotions: {prod-1: {steps: {wait: {message: for ever}}}}}", "{promotions: {prod-1: {steps: {wait: {message: none}}}}}"},
		"attempts":             {"{promotions: {test-1: {steps: {deploy: {attempts: 2}}}}}", "{promotions: {test-1: {steps: {deploy: {attempts: 1}}}}}"},
		"errors":               {"{promotions: {test-1: {steps: {deploy: {errors: 1}}}}}", "{promotions: {test-1: {steps: {deploy: {errors: 0}}}}}"},
		"output":               {"{promotions: {test-1: {steps: {out: {output: {a: 1}}}}}}", "{promotions: {test-1: {steps: {out: {output: {a: 2}}}}}}"},
		"startedAt":            {"{promotions: {test-1: {steps: {out: {startedAt: -30m0.5s}}}}}", "{promotions: {test-1: {steps: {out: {startedAt: now}}}}}"},
		"endedAt":              {"{promotions: {test-1: {steps: {out: {endedAt: -30m0.5s}}}}}", "{promotions: {test-1: {steps: {out: {endedAt: never}}}}}"},
		"wakeAt":               {"{promotions: {prod-1: {steps: {wait: {wakeAt: 5m}}}}}", "{promotions: {prod-1: {steps: {wait: {wakeAt: never}}}}}"},
		"run":                  {"{verifications: {test-v1: Successful, test-v9: none}}", "{verifications: {test-v9: Successful}}"},
		"run's freight":        {"{verifications: {test-v1: {freight: web@1.0.0}}}", "{verifications: {test-v1: {freight: f0}}}"},
		"run's promotion":      {"{verifications: {test-v1: {promotion: test-1}}}", "{verifications: {test-v1: {promotion: none}}}"},
		"run's message":        {"{verifications: {test-v1: {message: none}}}", "{verifications: {test-v1: {message: oops}}}"},
		"run's reason":         {"{verifications: {test-v1: {reason: test-1 succeeded}}}", "{verifications: {test-v1: {reason: none}}}"},
		"run's actor":          {"{verifications: {test-v1: {actor: none}}}", "{verifications: {test-v1: {actor: ana}}}"},
		"again":                {"{verifications: {test-v1: {again: false}}}", "{verifications: {test-v1: {again: true}}}"},
		"args":                 {"{verifications: {test-v1: {args: {url: 'https://test.example'}}}}", "{verifications: {test-v1: {args: {url: x}}}}"},
		"metric":               {"{verifications: {test-v1: {metrics: {smoke: Successful}}}}", "{verifications: {test-v1: {metrics: {smoke: Failed}}}}"},
		"no such metric":       {"{verifications: {test-v1: {metrics: {smoke: {}}}}}", "{verifications: {test-v1: {metrics: {fire: {}}}}}"},
		"count":                {"{verifications: {test-v1: {metrics: {smoke: {count: 1, successful: 1}}}}}", "{verifications: {test-v1: {metrics: {smoke: {count: 2}}}}}"},
		"successful":           {"{verifications: {test-v1: {metrics: {smoke: {failed: 0, inconclusive: 0}}}}}", "{verifications: {test-v1: {metrics: {smoke: {successful: 0}}}}}"},
		"consecutive":          {"{verifications: {test-v1: {metrics: {smoke: {consecutiveError: 0, consecutiveSuccess: 1}}}}}", "{verifications: {test-v1: {metrics: {smoke: {consecutiveSuccess: 0}}}}}"},
		"newest artifacts":     {"{warehouses: {web: {artifacts: ['web:1.0.0']}}}", "{warehouses: {web: {artifacts: ['web:3.0.0']}}}"},
		"discovered":           {"{warehouses: {web: {discovered: ['web:1.0.0']}}}", "{warehouses: {web: {discovered: []}}}"},
		"rejected":             {"{warehouses: {web: {rejected: {3.0.0: outside}}}}", "{warehouses: {web: {rejected: {1.0.0: outside}}}}"},
		"withheld":             {"{warehouses: {web: {withheld: none, error: none}}}", "{warehouses: {web: {withheld: criteria}}}"},
		"discovery error":      {"{warehouses: {web: {error: none}}}", "{warehouses: {web: {error: '503'}}}"},
		"actions":              {"{actions: ['refuse: ed may not promote']}", "{actions: []}"},
		"started":              {"{started: []}", "{started: [prod-2]}"},
		"refused":              {"{refused: /may not promote/}", "{refused: none}"},
		"granted":              {"{granted: false}", "{granted: true}"},
		"expired":              {"{expired: {freight: [], promotions: []}}", "{expired: {freight: [f0]}}"},
		"expired promotions":   {"{expired: {promotions: []}}", "{expired: {promotions: [test-1]}}"},
		"frozen":               {"{frozen: true}", "{frozen: false}"},
		"next evaluation":      {"{next: 5m}", "{next: never}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, want := range map[string]string{"right": tt.right, "wrong": tt.wrong} {
				sc, err := simulate.Load(kind, []byte(state+want+"\n"), os.ReadFile)
				if err != nil {
					t.Fatal(err)
				}
				r, err := sc.Run(t.Context(), simulate.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if failed := len(r.Failures()) > 0; failed != (kind == "wrong") {
					t.Errorf("%s expectation %s: %+v", kind, want, r.Failures())
				}
			}
		})
	}
}

// TestFailure shows what a person sees when an expectation does not hold.
func TestFailure(t *testing.T) {
	t.Parallel()
	const scenario = `name: prod soaks
pipeline:
  warehouses: [{name: web, subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]}]
  stages:
    - {name: test, from: web, autoPromote: true, promotionTemplate: {spec: {steps: [{uses: deploy}]}}}
    - {name: prod, from: test, soak: 1h, promotionTemplate: {spec: {steps: [{uses: deploy}]}}}
script: {stages: {test: {steps: {step-1: Succeeded}}}}
timeline:
  - freight: f1
  - name: too early
    after: 20m
    expect:
      stages:
        prod: {candidate: f1}
`
	sc, err := simulate.Load("tests/prod.sim.yaml", []byte(scenario), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sc.Run(t.Context(), simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = `FAIL  tests/prod.sim.yaml: prod soaks
  tests/prod.sim.yaml:10: at Mon 2026-01-05 09:20: too early
    tests/prod.sim.yaml:14:27: candidate of prod
      - expected: f1
      + observed: none
        f1 into prod:
          ✗ verified in test and soaked there 1h: verified 2026-01-05 09:00 UTC, soaked 20m, ready 2026-01-05 10:00 UTC
    nothing was decided in this entry
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
