package ghapp

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrailersAreTheLastParagraph(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		message string
		want    map[string]string
	}{
		"plain":                    {"s\n\nbody\n\nKargo-Stage: prod\nKargo-Promotion: prod-1\n", map[string]string{"Kargo-Stage": "prod", "Kargo-Promotion": "prod-1"}},
		"CRLF":                     {"s\r\n\r\nKargo-Promotion: prod-1\r\n", map[string]string{"Kargo-Promotion": "prod-1"}},
		"in the body":              {"s\n\nKargo-Promotion: prod-1\n\nmore text", map[string]string{}},
		"indented by outside text": {"s\n\n Kargo-Promotion: prod-1", map[string]string{}},
		"none":                     {"", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, trailers(tc.message)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRoutesHaveNoNames(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"app":                                   "app",
		"repos/issues/pulls/pulls/1":            "repos/{}/{}/pulls/{}",
		"repos/a/b/git/refs/heads/kargo/prod/1": "repos/{}/{}/git/refs/heads/{}",
		"repos/a/b/branches/release/1":          "repos/{}/{}/branches/{}",
		"orgs/o/teams/t/memberships/ana":        "orgs/{}/teams/{}/memberships/{}",
		"repos/a/b/commits/abc/check-runs":      "repos/{}/{}/commits/{}/check-runs",
		"app/installations/7/access_tokens":     "app/installations/{}/access_tokens",
		"repos/a/b/issues/comments/5/reactions": "repos/{}/{}/issues/comments/{}/reactions",
	} {
		if got := route(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// Whatever a Pipeline writes as URL, what comes out can stand in a path.
func FuzzSplit(f *testing.F) {
	h, err := parseHost("https://ghe.example")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"https://ghe.example/a/b.git", "https://ghe.example/a/b/", "https://GHE.example/a/b", "http://ghe.example/a/b",
		"https://ghe.example/a/..", "https://ghe.example/a/b/c", "https://ghe.example/a%2f/b", "https://x@ghe.example/a/b", "https://ghe.example.evil/a/b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		owner, name, ok := h.split(s)
		if !ok {
			return
		}
		for _, part := range []string{owner, name} {
			if part == "" || part == "." || part == ".." || url.PathEscape(part) != part {
				t.Errorf("%q gives %q and %q", s, owner, name)
			}
		}
		if !strings.HasPrefix(h.git(owner, name), "https://ghe.example/") {
			t.Errorf("%q gives %s", s, h.git(owner, name))
		}
	})
}
