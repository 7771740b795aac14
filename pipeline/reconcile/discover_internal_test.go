package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func TestSubscriptionsAreIndexedUnderNormalisedAddresses(t *testing.T) {
	t.Parallel()
	r := &Reconciler{CloneURL: func(r pipeline.Repo) string { return "https://github.com/" + r.String() + ".git" }}
	chart := func(url, name string) pipeline.Subscription {
		return pipeline.Subscription{Chart: &pipeline.ChartSubscription{RepoURL: url, Name: name}}
	}
	got := r.subscriptions(store.RepoRecord{Repo: pipeline.Repo{Owner: "Acme", Name: "deploy"}}, pipeline.Pipeline{
		Warehouses: []pipeline.Warehouse{{Name: "w", Subscriptions: []pipeline.Subscription{
			{Git: &pipeline.GitSubscription{}},
			{Git: &pipeline.GitSubscription{RepoURL: "git@github.com:acme/web.git"}},
			{Image: &pipeline.ImageSubscription{RepoURL: "nginx"}},
			chart("https://Charts.example.com/", "web"),
			chart("oci://docker.io/acme/web", ""),
		}}},
	})
	want := []store.Subscription{
		{Kind: pipeline.GitArtifact, URL: "https://github.com/acme/deploy", Warehouse: "w"},
		{Kind: pipeline.GitArtifact, URL: "https://github.com/acme/web", Warehouse: "w"},
		{Kind: pipeline.ImageArtifact, URL: "index.docker.io/library/nginx", Warehouse: "w"},
		{Kind: pipeline.ChartArtifact, URL: "https://charts.example.com", Warehouse: "w"},
		{Kind: pipeline.ChartArtifact, URL: "index.docker.io/acme/web", Warehouse: "w"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
