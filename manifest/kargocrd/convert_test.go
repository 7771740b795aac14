package kargocrd_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargocrd"
)

var update = flag.Bool("update", false, "rewrite golden files")

var known = []string{"git-clone", "git-clear", "kustomize-set-image", "yaml-update", "git-commit", "git-push", "git-open-pr", "fail", "http", "argocd-update", "argocd-wait", "jira"}

func TestGolden(t *testing.T) {
	t.Parallel()
	const name = "testdata/demo.yaml"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	res, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "demo.yaml", Data: data}}, kargocrd.Options{Steps: known})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.FromSlash("testdata/demo.golden")
	if *update {
		if err := os.WriteFile(golden, res.YAML, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(res.YAML)); diff != "" {
		t.Error(diff)
	}
}

// object makes the manifest of one resource with this spec.
func object(kind, spec string) string {
	group := "kargo.akuity.io/v1alpha1"
	switch {
	case strings.Contains(kind, "AnalysisTemplate"):
		group = "argoproj.io/v1alpha1"
	case strings.Contains(kind, "Channel"), kind == "EventRouter":
		group = "ee." + group
	}
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ")
	return "apiVersion: " + group + "\nkind: " + kind + "\nmetadata: {name: x, namespace: shop}\nspec:\n" + indented + "\n"
}

const warehouse = "subscriptions:\n- image: {repoURL: ghcr.io/acme/web}\n"

func TestConvert(t *testing.T) {
	t.Parallel()
	subscription := func(s string) string { return object("Warehouse", "subscriptions:\n- "+s) }
	steps := func(s string) string { return object("Stage", "promotionTemplate:\n  spec:\n    steps:\n    - "+s) }
	tests := map[string]struct {
		in string
		// has are lines of the result, without indentation.
		has []string
		// losses are parts of the losses, in order.
		losses []string
	}{
		"a constraint on an image was called semverConstraint": {
			in: subscription("image: {repoURL: r, semverConstraint: ^1.0.0}"), has: []string{"constraint: ^1.0.0"},
		},
		"allowTags becomes a list of expressions": {
			in: subscription("image: {repoURL: r, allowTags: '^v'}"), has: []string{"allowTagsRegexes:", "- ^v"},
		},
		"ignored tags were exact": {
			in: subscription("git: {repoURL: 'https://github.com/a/b', ignoreTags: [v1.0]}"), has: []string{"ignoreTagsRegexes:", `- ^v1\.0$`},
		},
		"the source of an image is in its annotations": {
			in: subscription("image: {repoURL: r, gitRepoURL: 'https://x.example/y'}"), losses: []string{"subscriptions[0].image.gitRepoURL: the source of an image"},
		},
		"addresses of SSH become addresses of HTTPS": {
			in: subscription("git: {repoURL: 'ssh://git@github.com/a/b.git'}"), has: []string{"repoURL: https://github.com/a/b.git"}, losses: []string{"reads over HTTPS"},
		},
		"a subscription of another kind is named": {
			in: subscription("subscriptionType: rpm\n  name: y"), losses: []string{"only git, image and chart"},
		},
		"a certificate that was not verified is not": {
			in: subscription("git: {repoURL: 'https://git.example/b', insecureSkipTLSVerify: true}"), has: []string{"insecureSkipTLSVerify: true"},
		},
		"a channel of Slack": {
			in:     object("MessageChannel", "slack: {channelID: C1}\nsecretRef: {name: slack-token}"),
			has:    []string{"messageChannels:", "- name: x", "slack:", "channelID: C1", "token: SLACK_TOKEN_APIKEY"},
			losses: []string{"spec.secretRef: the Secret slack-token is read as the secrets SLACK_TOKEN_APIKEY"},
		},
		"a channel of Slack without a Secret": {in: object("MessageChannel", "slack: {channelID: C1}"), losses: []string{"no Secret holds its token"}},
		"a channel of mail": {
			in:     object("ClusterMessageChannel", "smtp: {from: a@b.c, to: [d@e.f], host: h, port: 587, useTLS: true, insecureSkipVerify: false}\nsecretRef: {name: smtp, namespace: n}"),
			has:    []string{"smtp:", "from: a@b.c", "- d@e.f", "host: h", "port: 587", "username: SMTP_USERNAME", "password: SMTP_PASSWORD"},
			losses: []string{"read as the secrets SMTP_USERNAME, SMTP_PASSWORD"},
		},
		"a channel of mail with TLS from the start": {
			in:  object("MessageChannel", "smtp: {from: a@b.c, to: d@e.f, host: h, port: 465, insecureSkipVerify: true}"),
			has: []string{"port: 465", "tls: tls", "- d@e.f", "insecureSkipTLSVerify: true"},
		},
		"a channel of mail in the clear": {
			in:  object("MessageChannel", "smtp: {from: a@b.c, host: h, port: 25, useTLS: false}\nsecretRef: {name: smtp}"),
			has: []string{"tls: none"}, losses: []string{"without TLS no login is sent"},
		},
		"a channel of HTTP": {
			in:     object("MessageChannel", "http: {url: 'https://x.example', method: PUT, headers: [{name: a, value: b}], colour: red}\nsecretRef: {name: s}"),
			has:    []string{"url: 'https://x.example'", "method: PUT", "- name: a", "value: b"},
			losses: []string{"spec.http.colour: the field is not known", "spec.secretRef: what its values are for is not known"},
		},
		"a channel of a cluster gives way to that of the project": {
			in:     object("ClusterMessageChannel", "http: {url: 'https://all.example'}") + "---\n" + object("MessageChannel", "http: {url: 'https://own.example'}"),
			has:    []string{"url: 'https://own.example'"},
			losses: []string{"a MessageChannel of the same name"},
		},
		"a channel of nothing": {in: object("MessageChannel", "pigeon: {}"), losses: []string{"spec.pigeon: the field is not known", "neither of Slack"}},
		"what sends by itself": {in: object("EventRouter", "types: [PromotionFailed]"), losses: []string{"send-message says it"}},
		"the Secret of a Jira is told of once": {
			in: steps("uses: jira\n      config: {credentials: {secretName: jira-x}, deleteIssue: {issueKey: A-1}}\n" +
				"    - uses: jira\n      config: {credentials: {secretName: jira-x}, deleteIssue: {issueKey: A-2}}"),
			has:    []string{"- uses: jira", "secretName: jira-x", "issueKey: A-2"},
			losses: []string{"steps[0].config.credentials.secretName: the Secret jira-x is read as the secrets JIRA_X_DOMAIN, JIRA_X_USERNAME, JIRA_X_PASSWORD"},
		},
		"a shard is named":           {in: object("Stage", "shard: eu"), losses: []string{"spec.shard: there are no shards"}},
		"an unknown field is named":  {in: object("Stage", "colour: red"), losses: []string{"spec.colour: the field is not known"}},
		"status is no configuration": {in: object("Stage", "vars: []") + "status: {phase: Steady}\n", losses: []string{"status: it is state"}},
		"labels of Stages stay": {
			in:  "apiVersion: kargo.akuity.io/v1alpha1\nkind: Stage\nmetadata: {name: x, labels: {tier: prod}}\nspec: {}\n",
			has: []string{"labels:", "tier: prod"},
		},
		"before 1.0 promotions were written otherwise": {
			in: object("Stage", "promotionMechanisms: {}\nsubscriptions: {}"), losses: []string{"promotionTemplate", "requestedFreight"},
		},
		"an empty strategy is the default": {
			in:  object("Stage", "requestedFreight:\n- origin: {kind: Warehouse, name: w}\n  sources: {stages: [test], availabilityStrategy: ''}"),
			has: []string{"- test"},
		},
		"both kinds of templates are one": {
			in:  object("Stage", "verification:\n  analysisTemplates:\n  - {name: a, kind: ClusterAnalysisTemplate}"),
			has: []string{"- name: a"},
		},
		"a step that is not known fails": {
			in:  steps("uses: tf-plan\n      as: sync\n      config: {dir: .}"),
			has: []string{"- uses: fail", "as: sync", "message: the step tf-plan is not available in this version of kargo"}, losses: []string{"tf-plan is not available"},
		},
		"Argo CD is called, which is said once": {
			in:     steps("uses: argocd-update\n      config: {apps: [{name: web, sources: [{repoURL: r, desiredRevision: abc}]}]}\n    - uses: argocd-wait\n      config: {apps: [{name: web}]}"),
			has:    []string{"- uses: argocd-update", "desiredRevision: abc", "- uses: argocd-wait"},
			losses: []string{"argocd-update calls Argo CD's API and not the cluster: store its address and a token with kargo secrets set ARGOCD_SERVER and kargo secrets set ARGOCD_TOKEN"},
		},
		"a commit from a step is its output": {
			in:  steps("uses: argocd-update\n      config: {apps: [{name: web, sources: [{repoURL: r, desiredCommitFromStep: commit, updateTargetRevision: true}]}]}"),
			has: []string{"desiredRevision: ${{ outputs['commit'].commit }}", "updateTargetRevision: true"}, losses: []string{"argocd-update calls"},
		},
		"helm-update-image is a yaml-update": {
			in:  steps("uses: helm-update-image\n      config:\n        path: v.yaml\n        images: [{image: r/x, key: image.tag, value: Tag}]"),
			has: []string{"- uses: yaml-update", "- key: image.tag", `value: ${{ quote(imageFrom("r/x").Tag) }}`}, losses: []string{"written as yaml-update"},
		},
		"an image without a tag takes that of the Freight": {
			in:  steps("uses: kustomize-set-image\n      config: {path: p, images: [{image: r/x}]}"),
			has: []string{`tag: ${{ quote(imageFrom("r/x").Tag) }}`},
		},
		"an expression that reads from a cluster is named": {
			in: steps("uses: yaml-update\n      config: {path: p, updates: [{key: k, value: '${{ secret(\"s\").token }}'}]}"), losses: []string{"secret() reads from a cluster"},
		},
		"members of Secrets are secrets of the repository, where a step takes them": {
			in: steps(`uses: http
      config:
        url: https://x.example/?q=${{ secret('api').query }}
        headers: [{name: Authorization, value: "Bearer ${{ sharedSecret('1-web.api')[\"api-key\"] }}"}]
        body: ${{ secret("api") }}`),
			has: []string{"url: https://x.example/?q=${{ secrets.API_QUERY }}", `value: "Bearer ${{ secrets._1_WEB_API_API_KEY }}"`, `body: ${{ secret("api") }}`},
			losses: []string{
				"secret('api').query is written as secrets.API_QUERY; store its value with kargo secrets set",
				"is written as secrets._1_WEB_API_API_KEY", "secret() reads from a cluster",
			},
		},
		"a task is referred to by name": {
			in: steps("task: {name: t, kind: ClusterPromotionTask}\n      vars: [{name: a, value: b}]"), has: []string{"- task:", "name: t", "- name: a"},
		},
		"inputs of a task are its vars": {
			in: object("PromotionTask", "inputs: [{name: a, default: b}]\nsteps: [{uses: fail, config: {message: m}}]"), has: []string{"vars:", "- name: a", "value: b"},
		},
		"policies of a Project stay": {
			in:  strings.Replace(object("Project", "promotionPolicies: [{stage: test, autoPromotionEnabled: true}]"), "name: x", "name: shop", 1) + "---\n" + strings.Replace(object("Stage", "vars: []"), "name: x", "name: test", 1),
			has: []string{"promotionPolicies:", "- stage: test"},
		},
		"a policy for a Stage that is not there is named": {
			in: object("ProjectConfig", "promotionPolicies: [{stageSelector: {name: gone}, autoPromotionEnabled: true}]"), losses: []string{"no Stage gone among the manifests"},
		},
		"a window has a start and a duration": {
			in:  object("ProjectConfig", "promotionWindows: [{name: n, kind: Deny, rrule: FREQ=DAILY, dtstart: 'TZID=Europe/Berlin:20260301T220000', dtend: 'TZID=Europe/Berlin:20260302T063000'}]"),
			has: []string{`dtstart: "2026-03-01T22:00:00+01:00"`, "duration: 8h30m", "timezone: Europe/Berlin"},
		},
		"a window that happens once says why": {
			in:  object("ProjectConfig", "promotionWindows: [{name: n, kind: Deny, description: a freeze, disabled: false, dtstart: '20261224T000000', dtend: '20261227T000000'}]"),
			has: []string{`dtstart: "2026-12-24T00:00:00Z"`, "duration: 72h", "reason: a freeze"},
		},
		"a window that is switched off is left out": {
			in:     object("ProjectConfig", "promotionWindows: [{name: n, kind: Allow, disabled: true, rrule: FREQ=DAILY, dtstart: '20260101T000000', dtend: '20260101T010000'}]"),
			losses: []string{"nothing here switches one off"},
		},
		"a window without an end is named": {
			in: object("ProjectConfig", "promotionWindows: [{name: n, kind: Deny, dtstart: 20260301T220000Z}]"), losses: []string{"no start or no end"},
		},
		"a receiver of GitHub is the App": {
			in: object("ProjectConfig", "webhookReceivers: [{name: n, github: {}}]"), losses: []string{"receives GitHub's events already"},
		},
		"the spec of a template stands under its name": {
			in: object("AnalysisTemplate", "metrics: [{name: m, provider: {job: {}}}]"), has: []string{"analysisTemplates:", "- name: x", "metrics:"},
		},
		"a resource of somebody else is named": {
			in: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n", losses: []string{"Deployment web: it is nothing of Kargo's"},
		},
		"lists of resources are read": {
			in:  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: kargo.akuity.io/v1alpha1, kind: Stage, metadata: {name: inner}, spec: {}}\n",
			has: []string{"- name: inner"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := object("Warehouse", warehouse) + "---\n" + tt.in
			res, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "m.yaml", Data: []byte(in)}}, kargocrd.Options{Steps: known, Secrets: []string{"http"}})
			if err != nil {
				t.Fatal(err)
			}
			lines := map[string]bool{}
			for line := range strings.Lines(string(res.YAML)) {
				lines[strings.TrimSpace(line)] = true
			}
			for _, want := range tt.has {
				if !lines[want] {
					t.Errorf("no line %q in\n%s", want, res.YAML)
				}
			}
			if len(res.Losses) != len(tt.losses) {
				t.Fatalf("losses %v, want %q", res.Losses, tt.losses)
			}
			for i, want := range tt.losses {
				if !strings.Contains(res.Losses[i].String(), want) {
					t.Errorf("loss %q, want %q", res.Losses[i], want)
				}
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	two := strings.Replace(object("Warehouse", warehouse), "shop", "other", 1) + "---\n" + object("Warehouse", warehouse)
	for name, tt := range map[string]struct{ in, project, want string }{
		"nothing of Kargo's":          {in: "apiVersion: v1\nkind: Secret\n", want: "no manifest of kargo.akuity.io"},
		"several Projects":            {in: two, want: "several Projects"},
		"a Project that is not there": {in: two, project: "third", want: `no Project "third"`},
		"what is no manifest":         {in: "a: 1\n", want: "line 1"},
		"what is no YAML":             {in: "a: [\n", want: "yaml"},
		"aliases":                     {in: "apiVersion: kargo.akuity.io/v1alpha1\nkind: Stage\nmetadata: &m {name: x}\nspec: *m\n", want: "aliases are not read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "m.yaml", Data: []byte(tt.in)}}, kargocrd.Options{Project: tt.project})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	res, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "m.yaml", Data: []byte(two)}}, kargocrd.Options{Project: "shop"})
	if err != nil || len(res.Losses) != 1 || !strings.Contains(res.Losses[0].Reason, "Project other") {
		t.Errorf("the Project that is not chosen: %v, %v", res.Losses, err)
	}
}

func FuzzConvert(f *testing.F) {
	data, err := os.ReadFile("testdata/demo.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(object("Stage", "promotionTemplate: [1, {spec: 3}]\nverification: null\nrequestedFreight: x")))
	f.Add([]byte("kind: List\nitems: {a: b}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		res, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "m.yaml", Data: in}}, kargocrd.Options{Steps: known})
		if err != nil {
			return
		}
		again, err := kargocrd.Convert([]kargocrd.Manifest{{Name: "m.yaml", Data: in}}, kargocrd.Options{Steps: known})
		if err != nil || string(again.YAML) != string(res.YAML) {
			t.Errorf("the same manifests are converted differently: %v", err)
		}
	})
}
