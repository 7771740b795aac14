package kargofile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

const smallest = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web, constraint: ^1.0.0}
stages:
  - name: test
    from: web
    autoPromote: true
    update:
      - {image: ghcr.io/acme/web, kustomize: env/test}
  - name: prod
    from: test
    soak: 1h
    update:
      - {image: ghcr.io/acme/web, kustomize: env/prod}
`

// parse parses a file that must be valid and checks that its canonical form means
// the same.
func parse(t *testing.T, src string) *kargofile.File {
	t.Helper()
	opts := kargofile.Options{Repo: "deploy"}
	f, problems := kargofile.Parse([]byte(src), opts)
	if f == nil {
		t.Fatalf("not valid:\n%s", problems.Error())
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
		t.Errorf("the canonical form means something else (-file +canonical):\n%s", diff)
	}
	twice, err := kargofile.Expand(*again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(expanded), string(twice)); diff != "" {
		t.Errorf("the canonical form of the canonical form differs:\n%s", diff)
	}
	return f
}

func TestSmallestFileExpandsToWholePromotions(t *testing.T) {
	t.Parallel()
	p := parse(t, smallest).Pipeline
	var got []string
	for _, s := range p.Stages[1].Steps {
		got = append(got, s.Uses+" as "+s.As)
	}
	want := []string{
		"git-clone as clone", "kustomize-set-image as edit-1", "git-commit as commit",
		"git-push as push", "git-open-pr as open-pr", "git-merge-pr as merge-pr",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
