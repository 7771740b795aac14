package argocd_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/argocd"
)

func application(t *testing.T, spec string) argocd.Application {
	t.Helper()
	var app argocd.Application
	if err := json.Unmarshal([]byte(`{"metadata":{"name":"web"},"spec":`+spec+`}`), &app); err != nil {
		t.Fatal(err)
	}
	return app
}

func TestUpdatesFindTheirSources(t *testing.T) {
	t.Parallel()
	const several = `{"sources":[{"repoURL":"https://charts.acme.dev","chart":"web","targetRevision":"1.0.0"},{"repoURL":"https://github.com/acme/gitops"},{"repoURL":"https://github.com/acme/gitops","ref":"values"}]}`
	for name, tt := range map[string]struct {
		spec    string
		updates []argocd.Update
		wanted  []string
		patch   []string
		err     string
	}{
		"a chart by its exact address and name": {
			spec: several, updates: []argocd.Update{{RepoURL: "https://charts.acme.dev", Chart: "web", Revision: "1.1.0", SetTarget: true}},
			wanted: []string{"1.1.0", "", ""}, patch: []string{"test /spec/sources/0/repoURL", "test /spec/sources/0/chart", "add /spec/sources/0/targetRevision"},
		},
		"a repository however it is written, the first one with changes": {
			spec: several, updates: []argocd.Update{{RepoURL: "ssh://git@github.com/Acme/gitops.git", Revision: "abc", SetTarget: true}},
			wanted: []string{"", "abc", "abc"}, patch: []string{"test /spec/sources/1/repoURL", "add /spec/sources/1/targetRevision"},
		},
		"a revision alone changes nothing": {
			spec: several, updates: []argocd.Update{{RepoURL: "https://github.com/acme/gitops", Revision: "abc"}}, wanted: []string{"", "abc", "abc"},
		},
		"what is that way already changes nothing": {
			spec: several, updates: []argocd.Update{{RepoURL: "https://charts.acme.dev", Chart: "web", Revision: "1.0.0", SetTarget: true}}, wanted: []string{"1.0.0", "", ""},
		},
		"a chart is not found by its address alone": {
			spec: several, updates: []argocd.Update{{RepoURL: "https://charts.acme.dev"}}, err: "Application web has no source with repoURL https://charts.acme.dev",
		},
		"a repository is not a chart": {
			spec: several, updates: []argocd.Update{{RepoURL: "https://github.com/acme/gitops", Chart: "web"}}, err: "and chart web",
		},
		"there may be one source": {
			spec: `{"source":{"repoURL":"https://github.com/acme/gitops","helm":null}}`, updates: []argocd.Update{{RepoURL: "https://github.com/acme/gitops", HelmParameters: []argocd.HelmParameter{{Name: "a", Value: "b"}}}},
			wanted: []string{""}, patch: []string{"test /spec/source/repoURL", "add /spec/source/helm"},
		},
		"a list that was read must still be that": {
			spec:    `{"source":{"repoURL":"https://github.com/acme/gitops","kustomize":{"images":["a:1"],"namePrefix":"x"}}}`,
			updates: []argocd.Update{{RepoURL: "https://github.com/acme/gitops", KustomizeImages: []string{"a:2"}}}, wanted: []string{""},
			patch: []string{"test /spec/source/repoURL", "test /spec/source/kustomize/images", "replace /spec/source/kustomize/images"},
		},
		"several updates of one source are one patch": {
			spec: `{"source":{"repoURL":"https://github.com/acme/gitops"}}`,
			updates: []argocd.Update{
				{RepoURL: "https://github.com/acme/gitops", HelmParameters: []argocd.HelmParameter{{Name: "a", Value: "b"}}},
				{RepoURL: "https://github.com/acme/gitops", HelmParameters: []argocd.HelmParameter{{Name: "a", Value: "c"}}},
			},
			wanted: []string{""}, patch: []string{"test /spec/source/repoURL", "add /spec/source/helm"},
		},
		"an Application without sources has none":   {spec: `{}`, updates: []argocd.Update{{RepoURL: "x"}}, err: "has no source"},
		"a source that is no object makes no sense": {spec: `{"source":7}`, err: "source 1 makes no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := application(t, tt.spec)
			patch, err := app.Edit(tt.updates)
			if tt.err != "" {
				if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.err)) {
					t.Fatalf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, op := range patch {
				ops = append(ops, op.Op+" "+op.Path)
			}
			wanted, err := app.Wanted(tt.updates)
			if !slices.Equal(ops, tt.patch) || !slices.Equal(wanted, tt.wanted) || err != nil {
				t.Errorf("patch %q, wanted %q, %v", ops, wanted, err)
			}
		})
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	for annotation, want := range map[string]string{
		"shop:prod":             "",
		" a:b , shop:prod,":     "",
		"":                      "shop:prod",
		"shop:test":             "does not let Stage prod of shop change it",
		"other:prod":            "does not let Stage prod of shop",
		"shop:*, shop:prod":     "without wildcards",
		"shop:prod,nonsense":    "of the form PROJECT:STAGE",
		"shop:prod:more":        "does not let",
		"SHOP:prod":             "does not let",
		"evil\n@everyone: prod": "does not let",
	} {
		var app argocd.Application
		app.Metadata.Name, app.Metadata.Annotations = "web", map[string]string{argocd.AuthorizedStage: annotation}
		err := app.Authorize("shop", "prod")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", annotation, err, want)
		}
	}
}

// FuzzApplication reads what a server may say.
func FuzzApplication(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"web"},"spec":{"sources":[{"repoURL":"r","helm":{"parameters":[{"name":"a","value":"b"}]}}]},"operation":{},"status":{"operationState":{"phase":"Running","finishedAt":null,"syncResult":{"revisions":["x"]}},"conditions":[{"type":"ComparisonError"}]}}`))
	f.Add([]byte(`{"spec":{"source":{"repoURL":"r","kustomize":7,"helm":{"parameters":[1,null,{"name":[]}]}}}}`))
	f.Add([]byte(`{"spec":{"source":null,"sources":[null]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var app argocd.Application
		if json.Unmarshal(data, &app) != nil {
			return
		}
		updates := []argocd.Update{{RepoURL: "r", Revision: "1", SetTarget: true, KustomizeImages: []string{"i:1"}, HelmParameters: []argocd.HelmParameter{{Name: "a", Value: "c"}}}}
		if patch, err := app.Edit(updates); err == nil {
			if _, err := json.Marshal(patch); err != nil {
				t.Error(err)
			}
		}
		_, _ = app.Wanted(updates)
		_, _, _, _ = app.Running(), app.Last(), app.Errors(), app.Revisions()
		_ = app.Authorize("a", "b")
	})
}
