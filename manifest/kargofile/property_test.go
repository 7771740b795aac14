package kargofile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

// parts of Stages, which may be combined freely.
var (
	stageHeads = []string{
		"name: s%d", "name: s%d\n    matrix: {a: [x, y], n: [1, 2]}", "name: 's%d-${{ matrix.a }}'\n    matrix: {a: [x]}",
	}
	stageSources = []string{
		"from: w1", "from: [w1, w2]",
		"requestedFreight: [{origin: {name: w1}, sources: {direct: true}}]",
		"requestedFreight: [{origin: {kind: Warehouse, name: w2}, sources: {direct: true, availabilityStrategy: All}}]",
	}
	stageWork = []string{
		"", "update: [{file: v.yaml, key: a, value: '${{ ctx.stage }}'}, {copy: a, to: b}]",
		"promotionTemplate: {spec: {steps: [{uses: delete}, {task: t1}, {uses: delete}, {task: t2, as: two, vars: {b: 1}}, {uses: delete, as: last}]}}",
		"promotionTemplate: {spec: {vars: {a: x}, steps: [{task: t2, vars: {b: '${{ outputs.x }}'}}, {task: acme/lib//t.yaml@v1, vars: {q: ''}}, {uses: delete}]}}",
	}
	stageExtras = []string{
		"autoPromote: true", "autoRollback: {onPromotion: [Errored]}", "concurrency: latest", "environment: false",
		"approvals: {required: 1, quorum: [{from: [ana], required: 2}]}", "access: {override: [role:admin], verify: [bob]}",
		"pullRequest: {merge: manual, title: 'T ${{ ctx.stage }}', labels: [a, b]}",
	}
	stageChecks = []string{
		"", "verify: [{check: c}, {http: 'https://${{ ctx.stage }}', interval: 5s}, {template: one, args: {a: 1}, timeout: 1h}]",
		"verification: {analysisTemplates: [{name: one}, {name: two}], args: [{name: a, value: '${{ vars.v }}'}], checks: [{name: own, dryRun: true, provider: {graphite: {query: '{{ args.a }}'}}}]}",
	}
	fileExtras = []string{
		"promotionWindows: [{name: n, kind: Deny, cron: '0 1 * * *', duration: 90m}, {name: m, kind: Allow, rrule: FREQ=DAILY, dtstart: 2026-01-02T03:04:05.5+01:00, duration: 1h, timezone: Asia/Tokyo, stageSelector: {name: 'regex:s'}}]",
		"promotionPolicies: [{stageSelector: {name: 'glob:s*', matchExpressions: [{key: tier, operator: NotIn, values: ['1', b]}]}, autoRollback: true}]",
		"include: [apps/*.yaml]", "name: my", "vars: [{name: v, value: true}]", "access: {promote: ['@acme/sre'], freeze: [role:admin]}",
		"messageChannels: [{name: s, slack: {token: T, channelID: C1}}, {name: h, http: {url: 'https://x.example', method: PUT, headers: [{name: a, value: b}, {name: c, secret: D}]}}, {name: u, http: {urlSecret: U}}, {name: m, smtp: {host: h.example, port: 25, tls: none, insecureSkipTLSVerify: true, from: 'A <a@b.example>', to: [c@d.example]}}, {name: n, smtp: {host: h, from: a@b.c, username: U, password: P}}]",
		"defaults: {concurrency: queue, environment: env, pullRequest: {draft: true}}",
	}
)

const fileBase = `apiVersion: kargo/v1
warehouses:
  - name: w1
    subscriptions: [{image: {repoURL: ghcr.io/acme/w1, cacheByTag: true}}]
  - name: w2
    subscriptions: [{chart: {repoURL: 'https://charts.acme.dev', name: x}}, {name: g, git: {since: 2026-01-01, includePaths: [a]}}]
promotionTasks:
  - {name: t1, steps: [{uses: delete}, {uses: compose-output, as: out, config: {x: '${{ task.outputs["step-1"].y }}'}}]}
  - {name: t2, vars: {a: 1, b: , c: [x]}, steps: [{uses: delete, if: '${{ always() }}', vars: {own: '${{ vars.b }}'}, retry: {timeout: 1m}}]}
analysisTemplates:
  - name: one
    args: [{name: a}, {name: s, valueFrom: {secretKeyRef: {name: x, key: y}}}]
    metrics: [{name: m1, count: 2, interval: 1m, successCondition: 'result > {{ args.a }}', provider: {web: {url: x, jsonBody: {a: [1, 2.5, null]}}}}]
    dryRun: [{metricName: m}]
  - name: two
    args: [{name: a, value: ""}, {name: n, value: "3"}]
    metrics: [{name: m2, failureLimit: "{{ args.n }}", provider: {job: {workflow: w.yaml}}}]
`

func TestWhateverIsCombinedItsCanonicalFormMeansTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := []string{fileBase}
		src = append(src, rapid.Permutation(fileExtras).Draw(t, "file")[:rapid.IntRange(0, len(fileExtras)).Draw(t, "n")]...)
		var b strings.Builder
		for i := range rapid.IntRange(0, 4).Draw(t, "stages") {
			lines := []string{
				fmt.Sprintf(rapid.SampledFrom(stageHeads).Draw(t, "head"), i), rapid.SampledFrom(stageSources).Draw(t, "from"),
				"labels: {tier: '1', b: ''}", `vars: {v: 1.5, w: [1, {x: null}], m: "a\n b ", n: "no"}`,
			}
			if work := rapid.SampledFrom(stageWork).Draw(t, "work"); work != "" {
				lines = append(lines, work)
				extras := rapid.Permutation(stageExtras).Draw(t, "extras")[:rapid.IntRange(0, 4).Draw(t, "k")]
				lines = append(append(lines, extras...), rapid.SampledFrom(stageChecks).Draw(t, "checks"))
			}
			b.WriteString("  - " + strings.Join(lines, "\n    ") + "\n")
		}
		if b.Len() > 0 {
			src = append(src, "stages:\n"+b.String())
		}
		text := strings.Join(src, "\n")
		opts := kargofile.Options{Repo: "deploy"}
		if !strings.Contains(text, "include:") { // which is for the root only
			opts.Qualify = rapid.SampledFrom([]string{"", "shop"}).Draw(t, "qualify")
		}
		f, problems := kargofile.Parse([]byte(text), opts)
		if f == nil {
			t.Fatalf("%s\n%s", problems.Error(), text)
		}
		expanded, err := kargofile.Expand(*f)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := kargofile.Parse(expanded, opts)
		if again == nil {
			t.Fatalf("the canonical form is not valid:\n%s\n%s", problems.Error(), expanded)
		}
		if diff := cmp.Diff(f, again); diff != "" {
			t.Errorf("the canonical form means something else:\n%s", diff)
		}
	})
}
