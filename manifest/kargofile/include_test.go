package kargofile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

const included = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]
  - name: api
    subscriptions: [{image: {repoURL: ghcr.io/acme/api}}]
vars: {region: eu}
stages:
  - {name: test, from: [web, api], autoPromote: true, update: [{image: ghcr.io/acme/web, kustomize: env/test}]}
  - name: prod
    requestedFreight: [{origin: {kind: Warehouse, name: web}, sources: {stages: [test]}}]
    environment: production
    update: [{image: ghcr.io/acme/web, kustomize: env/prod}]
promotionPolicies:
  - {stage: prod, autoPromotionEnabled: true}
promotionWindows:
  - {name: night, kind: Deny, stageSelector: {name: "regex:^pro"}, cron: 0 22 * * *, duration: 8h}
`

func TestNamesOfIncludedFilesAreQualified(t *testing.T) {
	t.Parallel()
	opts := kargofile.Options{Repo: "deploy", Qualify: "shop"}
	f, problems := kargofile.Parse([]byte(included), opts)
	if f == nil {
		t.Fatal(problems.Error())
	}
	p := f.Pipeline
	type names struct {
		Name, Environment string
		Requests          []pipeline.FreightRequest
	}
	var got []names
	for _, s := range p.Stages {
		got = append(got, names{s.Name, s.Environment, s.Requests})
		if !p.AutoPromotion(s) {
			t.Errorf("no policy selects %s", s.Name)
		}
	}
	want := []names{
		{"shop/test", "shop/test", []pipeline.FreightRequest{{Origin: "shop/web", Direct: true}, {Origin: "shop/api", Direct: true}}},
		{"shop/prod", "production", []pipeline.FreightRequest{{Origin: "shop/web", Stages: []string{"shop/test"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Name != "shop" || p.Warehouses[1].Name != "shop/api" || p.Vars[0].Name != "region" {
		t.Errorf("pipeline %q, Warehouse %q, vars %v", p.Name, p.Warehouses[1].Name, p.Vars)
	}
	if path := p.Stages[0].Steps[1].Config["path"]; path != "./src/env/test" {
		t.Errorf("path %v, want it as written", path)
	}
	expanded, err := kargofile.Expand(*f)
	if err != nil {
		t.Fatal(err)
	}
	again, problems := kargofile.Parse(expanded, opts)
	if again == nil {
		t.Fatal(problems.Error())
	}
	if diff := cmp.Diff(f, again); diff != "" {
		t.Errorf("the canonical form means something else:\n%s", diff)
	}
}

func TestAnIncludedFileNamesItsPipeline(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte("name: cart\n"+included), kargofile.Options{Qualify: "shop"})
	if f == nil {
		t.Fatal(problems.Error())
	}
	if f.Pipeline.Name != "cart" || f.Pipeline.Stages[0].Name != "cart/test" {
		t.Errorf("pipeline %q, Stage %q", f.Pipeline.Name, f.Pipeline.Stages[0].Name)
	}
}

func TestIncludeIsForTheRootOnly(t *testing.T) {
	t.Parallel()
	src := smallest + "include: [apps/*/.kargo.yaml, 'teams/**/*.kargo.yaml']\n"
	if diff := cmp.Diff([]string{"apps/*/.kargo.yaml", "teams/**/*.kargo.yaml"}, parse(t, src).Include); diff != "" {
		t.Error(diff)
	}
	_, problems := kargofile.Parse([]byte(src), kargofile.Options{Qualify: "shop"})
	if want := "17:10: error: an included file cannot include others"; !strings.HasPrefix(problems.Error(), want) {
		t.Errorf("got %q, want %q", problems.Error(), want)
	}
	_, problems = kargofile.Parse([]byte(smallest+"include: [/etc/*.yaml, ../x.yaml, .kargo.yaml, 'a[', a, a]\n"), kargofile.Options{})
	want := `17:11: error: "/etc/*.yaml" is absolute (expected a path relative to the root of the repository)
17:24: error: "../x.yaml" leaves the repository (expected a path relative to the root of the repository)
17:35: error: ".kargo.yaml" is not another file (expected a glob such as apps/*/.kargo.yaml)
17:48: error: invalid glob "a[" (expected *, **, ?, [class] and {choice,choice})
17:57: error: "a" stands twice (expected one)`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestIncludedName(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"apps/shop/.kargo.yaml": "shop", "apps/shop.yaml": "shop", "apps/shop.kargo.yml": "shop",
		"apps/My_Shop/kargo.yaml": "my-shop", ".kargo.yaml": "pipeline",
	} {
		if got := kargofile.IncludedName(file); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

func TestFileThatOnlyIncludesNeedsNoPipeline(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte("apiVersion: kargo/v1\ninclude: [apps/*.yaml]\n"), kargofile.Options{Repo: "deploy"})
	if f == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	canonical, err := kargofile.Expand(*f)
	if err != nil {
		t.Fatal(err)
	}
	again, problems := kargofile.Parse(canonical, kargofile.Options{Repo: "deploy"})
	if again == nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, canonical)
	}
	if diff := cmp.Diff(f, again); diff != "" {
		t.Error(diff)
	}
}
