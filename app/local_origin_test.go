package app

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestOriginIsAddressedAsTheServerDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, origin, url, server string
		repo                      pipeline.Repo
	}{
		{"https", "https://github.com/Acme/GitOps.git", "https://github.com/Acme/GitOps.git", "https://github.com", pipeline.Repo{Owner: "Acme", Name: "GitOps"}},
		{"https with password", "https://ada:secret@github.com/acme/gitops", "https://github.com/acme/gitops", "https://github.com", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"scp form", "git@github.com:acme/gitops.git", "https://github.com/acme/gitops.git", "https://github.com", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"scp form without user", "ghes.example:acme/gitops.git", "https://ghes.example/acme/gitops.git", "https://ghes.example", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"scp form with a rooted path", "git@ghes.example:/acme/gitops.git", "https://ghes.example/acme/gitops.git", "https://ghes.example", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"ssh with port and password", "ssh://git:secret@ghes.example:2222/acme/gitops.git", "https://ghes.example/acme/gitops.git", "https://ghes.example", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"port of an HTTP server", "http://127.0.0.1:3000/acme/gitops.git", "http://127.0.0.1:3000/acme/gitops.git", "http://127.0.0.1:3000", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"trailing slash", "https://github.com/acme/gitops/", "https://github.com/acme/gitops/", "https://github.com", pipeline.Repo{Owner: "acme", Name: "gitops"}},
		{"path", "/srv/git/gitops.git", "/srv/git/gitops.git", "https://github.com", pipeline.Repo{Owner: "local", Name: "gitops"}},
		{"relative path with a colon", "../a:b/gitops", "../a:b/gitops", "https://github.com", pipeline.Repo{Owner: "local", Name: "gitops"}},
		{"file URL", "file:///srv/git/gitops.git", "file:///srv/git/gitops.git", "https://github.com", pipeline.Repo{Owner: "local", Name: "gitops"}},
		{"a password that makes the URL unreadable is not kept", "https://ada:%zz@github.com/acme/gitops", "file:///origin", "https://github.com", pipeline.Repo{Owner: "local", Name: "origin"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := webURL(tt.origin)
			if got != tt.url {
				t.Errorf("webURL = %s, want %s", got, tt.url)
			}
			if server := serverOf(got); server != tt.server {
				t.Errorf("serverOf = %s, want %s", server, tt.server)
			}
			if repo := repositoryAt(got); repo != tt.repo {
				t.Errorf("repositoryAt = %+v, want %+v", repo, tt.repo)
			}
		})
	}
}

func TestTokenGoesToItsHostOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, server, repo string
		given              bool
	}{
		{"its host", "https://github.com", "https://github.com/acme/app.git", true},
		{"hosts have no case", "https://github.com", "https://GitHub.com/acme/app.git", true},
		{"another host", "https://github.com", "https://example.com/acme/app.git", false},
		{"a host that ends alike", "https://github.com", "https://evilgithub.com/acme/app.git", false},
		{"a host hidden in the user", "https://github.com", "https://github.com@example.com/acme/app.git", false},
		{"without encryption", "https://github.com", "http://github.com/acme/app.git", false},
		{"another port", "https://github.com", "https://github.com:8443/acme/app.git", false},
		{"no server", "", "https://github.com/acme/app.git", false},
		{"a server that is no URL", "%zz", "https://github.com/acme/app.git", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, password, err := tokenFor(tt.server, "t0ken")(t.Context(), tt.repo)
			if err != nil {
				t.Fatal(err)
			}
			if given := password != ""; given != tt.given {
				t.Errorf("token given: %v, want %v", given, tt.given)
			}
		})
	}
	if user, password, err := tokenFor("https://github.com", "")(t.Context(), "https://github.com/acme/app.git"); user+password != "" || err != nil {
		t.Errorf("without a token = %q, %q, %v", user, password, err)
	}
}
