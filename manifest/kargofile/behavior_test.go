package kargofile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// stageOf parses a file and returns one of its Stages.
func stageOf(t *testing.T, src, name string) pipeline.Stage {
	t.Helper()
	s, ok := parse(t, src).Pipeline.Stage(name)
	if !ok {
		t.Fatalf("no Stage %s", name)
	}
	return s
}

func TestGeneratedConditions(t *testing.T) {
	t.Parallel()
	stage := stageOf(t, smallest, "prod")
	tests := map[string]struct {
		// outcome is how a step ends that runs, where that is not Succeeded.
		outcome map[string]pipeline.Phase
		want    string
	}{
		"everything runs":                        {nil, "clone edit-1 commit push open-pr merge-pr"},
		"an unchanged workspace leaves no trace": {map[string]pipeline.Phase{"commit": pipeline.Skipped}, "clone edit-1 commit"},
		"a branch without changes is not merged": {map[string]pipeline.Phase{"open-pr": pipeline.Skipped}, "clone edit-1 commit push open-pr"},
		"a failed edit ends it":                  {map[string]pipeline.Phase{"edit-1": pipeline.Failed}, "clone edit-1"},
		"a failed push ends it":                  {map[string]pipeline.Phase{"push": pipeline.Errored}, "clone edit-1 commit push"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ran []string
			var done []expr.StepStatus
			for _, step := range stage.Steps {
				condition := step.If
				if condition == "" {
					condition = "${{ success() }}"
				}
				run, err := expr.Bool(condition, expr.Env{Allow: expr.AllowOutputs | expr.AllowStatus, Steps: done})
				if err != nil {
					t.Fatalf("%s: %v", step.As, err)
				}
				phase := pipeline.Skipped
				if run {
					ran = append(ran, step.As)
					phase = pipeline.Succeeded
					if p, ok := test.outcome[step.As]; ok {
						phase = p
					}
				}
				done = append(done, expr.StepStatus{Alias: step.As, Phase: string(phase)})
			}
			if diff := cmp.Diff(test.want, strings.Join(ran, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGeneratedValuesStayStrings(t *testing.T) {
	t.Parallel()
	stage := stageOf(t, `apiVersion: kargo/v1
warehouses:
  - name: app
    subscriptions:
      - image: {repoURL: docker.io/library/nginx}
      - image: {repoURL: ghcr.io/acme/web, imageSelectionStrategy: Digest, constraint: edge}
stages:
  - name: test
    from: app
    update:
      - {image: nginx, kustomize: env}
      - {image: ghcr.io/acme/web, kustomize: env}
      - {image: nginx, file: values.yaml, key: nginx.tag}
      - {image: nginx, file: values.yaml, key: nginx.ref, value: ref}
      - {image: ghcr.io/acme/web, file: values.yaml, key: web.ref, value: ref}
      - {file: values.yaml, key: replicas, value: 3}
`, "test")
	env := expr.Env{Allow: expr.AllowAll, Freight: []expr.Freight{{
		Origin: expr.Origin{Kind: "Warehouse", Name: "app"},
		Images: []expr.Image{
			{RepoURL: "docker.io/library/nginx", Tag: "1.20", Digest: "sha256:aa"},
			{RepoURL: "ghcr.io/acme/web", Tag: "edge", Digest: "sha256:bb"},
		},
	}}}
	want := []map[string]any{
		{"path": "./src/env", "images": []any{
			map[string]any{"image": "nginx", "tag": "1.20"},
			map[string]any{"image": "ghcr.io/acme/web", "digest": "sha256:bb"},
		}},
		{"path": "./src/values.yaml", "updates": []any{
			map[string]any{"key": "nginx.tag", "value": "1.20"},
			map[string]any{"key": "nginx.ref", "value": "docker.io/library/nginx:1.20"},
			map[string]any{"key": "web.ref", "value": "ghcr.io/acme/web@sha256:bb"},
			map[string]any{"key": "replicas", "value": 3},
		}},
	}
	for i, w := range want {
		got, err := expr.EvaluateAny(stage.Steps[1+i].Config, env)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(any(w), got); diff != "" {
			t.Errorf("step %s (-want +got):\n%s", stage.Steps[1+i].As, diff)
		}
	}
}

func TestShorthandNeverOverridesPolicies(t *testing.T) {
	t.Parallel()
	src := strings.ReplaceAll(smallest, "    soak: 1h\n", "    soak: 1h\n    autoPromote: false\n")
	p := parse(t, src+"promotionPolicies:\n  - {stageSelector: {name: 'glob:t*'}, autoPromotionEnabled: true}\n").Pipeline
	if len(p.Policies) != 1 {
		t.Errorf("policies %+v, want the explicit one alone: it says the same as the shorthand", p.Policies)
	}
	for name, want := range map[string]bool{"test": true, "prod": false} {
		if s, _ := p.Stage(name); p.AutoPromotion(s) != want {
			t.Errorf("auto-promotion of %s is %t", name, !want)
		}
	}
	_, problems := kargofile.Parse([]byte(src+"promotionPolicies:\n  - {stageSelector: {}, autoPromotionEnabled: true}\n"), kargofile.Options{})
	if !strings.Contains(problems.Error(), "autoPromote: false contradicts") {
		t.Errorf("got %q", problems.Error())
	}
}

func TestPipelineNameDefaultsToRepository(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]string{
		"deploy": "deploy", "My_Repo.x": "my-repo-x", "---": "pipeline", "": "pipeline", strings.Repeat("é", 80): "pipeline",
		strings.Repeat("a", 80): strings.Repeat("a", 63),
	} {
		f, problems := kargofile.Parse([]byte(smallest), kargofile.Options{Repo: repo})
		if f == nil {
			t.Fatal(problems)
		}
		if f.Pipeline.Name != want {
			t.Errorf("repository %q: name %q, want %q", repo, f.Pipeline.Name, want)
		}
	}
}

func TestWarningsLeaveTheFileValid(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte(oneWarehouse), kargofile.Options{})
	if f == nil || len(problems) != 1 || problems[0].Severity != kargofile.Warning || problems.Err() != nil {
		t.Errorf("file %v, problems %v", f, problems)
	}
}

func TestNamesInExpressionsThatStandForNothing(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte(`apiVersion: kargo/v1
vars: {region: eu}
warehouses:
  - name: web
    subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]
  - name: api
    subscriptions: [{image: {repoURL: ghcr.io/acme/api}}]
stages:
  - name: test
    from: web
    vars: {own: "${{ vars.region }} ${{ vars.regoin }}"}
    promotionTemplate:
      spec:
        steps:
          - {uses: git-clone, as: clone, if: "${{ outputs.commit == nil }}"}
          - uses: git-commit
            as: commit
            vars: {mine: 1}
            if: ${{ status('clone') == 'Succeeded' && status('clnoe') == '' }}
            config:
              known: ${{ outputs.clone.commits }} ${{ vars.mine }} ${{ vars.own }} ${{ imageFrom('ghcr.io/acme/web').Tag }}
              other: ${{ imageFrom('ghcr.io/acme/api')?.Tag }} ${{ imageFrom(vars.own) }}
  - name: prod
    from: test
    pullRequest: {title: "${{ outputs.commit.commit }} ${{ outputs.comit }}"}
    update: [{image: ghcr.io/acme/web, kustomize: env}]
`), kargofile.Options{})
	if f == nil {
		t.Fatal(problems.Error())
	}
	want := `11:41: warning: there is no variable "regoin" (expected one of region, own, mine; did you mean "region"?)
15:51: warning: no earlier step has the alias "commit"
19:55: warning: no earlier step has the alias "clnoe" (expected one of clone; did you mean "clone"?)
22:26: warning: no Warehouse of Stage "test" subscribes to "ghcr.io/acme/api" (expected one of ghcr.io/acme/web)
25:60: warning: no earlier step has the alias "comit" (expected one of clone, edit-1, commit, push, open-pr, merge-pr; did you mean "commit"?)`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatHasNoEffectIsAWarning(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte(`apiVersion: kargo/v1
warehouses:
  - name: web
    freightCreationCriteria:
      expression: imageFrom('docker.io/acme/web').Tag == imageFrom('ghcr.io/acme/wep').Tag && chartFrom('oci://ghcr.io/acme/x/').Version != ''
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
      - image: {repoURL: acme/web}
      - chart: {repoURL: oci://ghcr.io/acme/x}
  - name: manual
    freightCreationPolicy: Manual
    freightCreationCriteria: {expression: "true"}
    subscriptions: [{git: {repoURL: https://github.com/acme/web}}]
stages:
  - name: test
    from: [web, manual]
    promotionTemplate:
      spec:
        steps:
          - uses: delete
            config:
              path: ${{ commitFrom('https://github.com/Acme/web.git').ID }} ${{ commitFrom('https://github.com/acme/wep').ID }}
              other: ${{ chartFrom('oci://ghcr.io/acme/x').Version }} ${{ chartFrom('oci://ghcr.io/acme/y').Version }}
promotionPolicies:
  - {stageSelector: {name: "glob:p*"}, autoPromotionEnabled: true}
  - {stageSelector: {matchLabels: {tier: high}}, autoPromotionEnabled: true}
promotionWindows:
  - {name: night, kind: Deny, cron: 0 22 * * *, duration: 1h, stageSelector: {name: "regex:^p"}}
`), kargofile.Options{})
	if f == nil {
		t.Fatal(problems.Error())
	}
	want := `5:58: warning: Warehouse "web" does not subscribe to "ghcr.io/acme/wep" (expected one of ghcr.io/acme/web, acme/web; did you mean "ghcr.io/acme/web"?)
12:30: warning: freightCreationCriteria has no effect with freightCreationPolicy: Manual
22:81: warning: no Warehouse of Stage "test" subscribes to "https://github.com/acme/wep" (expected one of https://github.com/acme/web; did you mean "https://github.com/acme/web"?)
23:75: warning: no Warehouse of Stage "test" subscribes to "oci://ghcr.io/acme/y" (expected one of oci://ghcr.io/acme/x; did you mean "oci://ghcr.io/acme/x"?)
25:5: warning: a promotion policy selects no Stage (expected one of test)
26:5: warning: a promotion policy selects no Stage (expected one of test)
28:12: warning: the promotion window selects no Stage (expected one of test)`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsAsJSON(t *testing.T) {
	t.Parallel()
	_, problems := kargofile.Parse([]byte(smallest+"nane: x\n"), kargofile.Options{})
	got, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"line":17,"column":1,"endColumn":5,"severity":"error","path":"nane","message":"unknown field \"nane\" in the file",` +
		`"expected":"one of apiVersion, name, include, vars, warehouses, stages, promotionPolicies, promotionWindows, promotionTasks, analysisTemplates, defaults, access, messageChannels","suggestion":"name"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if none, err := json.Marshal(kargofile.Problems(nil)); err != nil || string(none) != "[]" {
		t.Errorf("no problems are %s, %v; want an empty list", none, err)
	}
}

func TestLineEndingsDoNotMatter(t *testing.T) {
	t.Parallel()
	want := parse(t, smallest).Pipeline
	for name, src := range map[string]string{
		"CRLF":              strings.ReplaceAll(smallest, "\n", "\r\n"),
		"a byte order mark": "\ufeff" + smallest,
		"document markers":  "%YAML 1.1\n---\n" + smallest + "...\n",
	} {
		if diff := cmp.Diff(want, parse(t, src).Pipeline); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
