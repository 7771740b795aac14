package forge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

func (w *world) jwt(claims jwt.MapClaims) string {
	w.t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(appKey())
	if err != nil {
		w.t.Fatal(err)
	}
	return "Bearer " + signed
}

func TestAppTokensAreHeldToGitHubsRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for name, tc := range map[string]struct {
		claims jwt.MapClaims
		want   int
	}{
		"good":                     {jwt.MapClaims{"iss": "42", "iat": at(-time.Minute), "exp": at(9 * time.Minute)}, 200},
		"a numeric issuer is good": {jwt.MapClaims{"iss": 42, "iat": at(-time.Minute), "exp": at(9 * time.Minute)}, 200},
		"expired":                  {jwt.MapClaims{"iss": "42", "iat": at(-time.Hour), "exp": at(-time.Second)}, 401},
		"too far in the future":    {jwt.MapClaims{"iss": "42", "iat": at(0), "exp": at(20 * time.Minute)}, 401},
		"issued in the future":     {jwt.MapClaims{"iss": "42", "iat": at(5 * time.Minute), "exp": at(9 * time.Minute)}, 401},
		"without an expiry":        {jwt.MapClaims{"iss": "42", "iat": at(0)}, 401},
		"of another App":           {jwt.MapClaims{"iss": "43", "iat": at(0), "exp": at(time.Minute)}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, body, _ := w.raw("GET", "/api/v3/app", w.jwt(tc.claims), ""); got != tc.want {
				t.Errorf("GET /app: %d %v, want %d", got, body["message"], tc.want)
			}
		})
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := "Bearer " + w.token()
	for name, tc := range map[string]struct {
		method, path, auth, body string
		want                     int
		message                  string
	}{
		"no credentials":             {"GET", "/repos/acme/gitops", "", "", 401, "Requires authentication"},
		"bad credentials":            {"GET", "/repos/acme/gitops", "Bearer ghs_x", "", 401, "Bad credentials"},
		"an App token on /app":       {"GET", "/app", tok, "", 401, "A JSON web token could not be decoded"},
		"broken JSON":                {"POST", "/repos/acme/gitops/git/blobs", tok, "{", 400, "Problems parsing JSON"},
		"JSON that is no object":     {"POST", "/repos/acme/gitops/git/blobs", tok, "[]", 400, "Body should be a JSON object"},
		"a missing key":              {"POST", "/repos/acme/gitops/git/refs", tok, `{"ref":"refs/heads/x"}`, 422, `"sha" wasn't supplied`},
		"a mistyped key":             {"POST", "/repos/acme/gitops/git/blobs", tok, `{"content":1}`, 422, "1 is not a string"},
		"an unknown key":             {"POST", "/repos/acme/gitops/git/blobs", tok, `{"content":"x","colour":"red"}`, 422, "is not a permitted key"},
		"a value outside the enum":   {"POST", "/repos/acme/gitops/git/blobs", tok, `{"content":"x","encoding":"rot13"}`, 422, "is not a member of"},
		"an unknown route":           {"GET", "/repos/acme/gitops/nonsense", tok, "", 404, "Not Found"},
		"an unknown repository":      {"GET", "/repos/acme/other", tok, "", 404, "Not Found"},
		"a method that is not there": {"DELETE", "/repos/acme/gitops/pulls", tok, "", 404, "Not Found"},
		"a ref without two slashes":  {"POST", "/repos/acme/gitops/git/refs", tok, `{"ref":"main","sha":"` + w.head("main") + `"}`, 422, "at least two slashes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, body, _ := w.raw(tc.method, "/api/v3"+tc.path, tc.auth, tc.body)
			message, _ := body["message"].(string)
			if got != tc.want || !strings.Contains(message, tc.message) {
				t.Errorf("%d %q, want %d %q", got, message, tc.want, tc.message)
			}
			if body["documentation_url"] == nil {
				t.Error("the error has no documentation_url")
			}
		})
	}
}

func TestContentTypeIsRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.http.URL+"/api/v3/repos/acme/gitops/git/blobs", strings.NewReader(`{"content":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token())
	req.Header.Set("Content-Type", "text/plain")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d, want 415", resp.StatusCode)
	}
}

func TestTokensCanBeNarrowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: "second", Private: true, Files: map[string]string{"a": "a"}}); err != nil {
		t.Fatal(err)
	}
	gh := w.enterprise(w.installTransport(&github.InstallationTokenOptions{
		Repositories: []string{"gitops"}, Permissions: &github.InstallationPermissions{Contents: github.String("read")},
	}))
	ctx := t.Context()
	if _, _, err := gh.Git.GetRef(ctx, "acme", "gitops", "heads/main"); err != nil {
		t.Errorf("reading the chosen repository: %v", err)
	}
	if _, _, err := gh.Repositories.Get(ctx, "acme", "second"); status(err) != 404 {
		t.Errorf("another repository: %v, want 404", err)
	}
	_, resp, err := gh.Git.CreateRef(ctx, "acme", "gitops", &github.Reference{Ref: github.String("refs/heads/x"), Object: &github.GitObject{SHA: github.String(w.head("main"))}})
	if status(err) != 403 || !strings.Contains(err.Error(), "Resource not accessible by integration") {
		t.Errorf("writing with a read token: %v, want 403", err)
	}
	if got := resp.Header.Get("X-Accepted-GitHub-Permissions"); got != "contents=write" {
		t.Errorf("X-Accepted-GitHub-Permissions: %q", got)
	}
	wide := w.enterprise(w.installTransport(&github.InstallationTokenOptions{Permissions: &github.InstallationPermissions{Administration: github.String("read")}}))
	if _, _, err := wide.Repositories.Get(ctx, "acme", "gitops"); err == nil {
		t.Error("a token got a permission that the installation does not have")
	}
}

func TestTokensExpireAndStopWhenSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := "Bearer " + w.token()
	if len(tok) < 400 {
		t.Errorf("the token has %d characters; GitHub's new ones have about 520", len(tok))
	}
	if err := w.Suspend(w.install, true); err != nil {
		t.Fatal(err)
	}
	if got, body, _ := w.raw("GET", "/api/v3/repos/acme/gitops", tok, ""); got != 403 {
		t.Errorf("suspended: %d %v, want 403", got, body)
	}
	if err := w.Suspend(w.install, false); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := w.raw("GET", "/api/v3/repos/acme/gitops", tok, ""); got != 200 {
		t.Errorf("after the suspension: %d, want 200", got)
	}
	w.clock.Advance(time.Hour)
	if got, _, _ := w.raw("GET", "/api/v3/repos/acme/gitops", tok, ""); got != 401 {
		t.Errorf("after an hour: %d, want 401", got)
	}
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, err := w.client.NewRequest("GET", "repos/acme/gitops/git/ref/heads/main", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.client.Do(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	if resp, _ = w.client.Do(t.Context(), req, nil); resp.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %d, want 304", resp.StatusCode)
	}
	w.push("main", "alice", map[string]*string{"x": forge.Text("x")})
	if resp, err = w.client.Do(t.Context(), req, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("changed: %v, want 200", err)
	}
}

func TestPagination(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	for range 45 {
		if _, err := w.CommentOn(repoName, n, "bob", "x"); err != nil {
			t.Fatal(err)
		}
	}
	first, resp, err := w.client.Issues.ListComments(t.Context(), "acme", "gitops", n, nil)
	if err != nil || len(first) != 30 || resp.NextPage != 2 || resp.LastPage != 2 {
		t.Errorf("page one: %d items, next %d, last %d (%v)", len(first), resp.NextPage, resp.LastPage, err)
	}
	second, resp, err := w.client.Issues.ListComments(t.Context(), "acme", "gitops", n, &github.IssueListCommentsOptions{ListOptions: github.ListOptions{Page: 2}})
	if err != nil || len(second) != 15 || resp.NextPage != 0 {
		t.Errorf("page two: %d items, next %d (%v)", len(second), resp.NextPage, err)
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.token()
	w.ResetTraffic()
	if _, _, err := w.client.Repositories.GetBranch(t.Context(), "acme", "gitops", "main", 0); err != nil {
		t.Fatal(err)
	}
	if got := w.RequestCounts()["GET /repos/{owner}/{repo}/branches/{branch}"]; got != 1 {
		t.Errorf("counts: %v", w.RequestCounts())
	}
}
