package forge_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

func TestWebhooksAreSignedAndLabelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	if _, err := w.CommentOn(repoName, n, "carol", "/promote prod"); err != nil {
		t.Fatal(err)
	}
	comments := w.hooks("issue_comment")
	if len(comments) != 1 {
		t.Fatalf("%d issue_comment events, want 1", len(comments))
	}
	h := comments[0]
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(h.raw)
	if got, want := h.header.Get("X-Hub-Signature-256"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if h.header.Get("X-GitHub-Hook-Installation-Target-ID") != "42" || h.header.Get("X-GitHub-Hook-Installation-Target-Type") != "integration" || h.guid == "" {
		t.Errorf("headers: %v", h.header)
	}
	parsed, err := github.ParseWebHook("issue_comment", h.raw)
	if err != nil {
		t.Fatal(err)
	}
	e := parsed.(*github.IssueCommentEvent)
	if e.GetSender().GetLogin() != "carol" || e.GetInstallation().GetID() != w.install || e.GetRepo().GetFullName() != repoName || !e.GetIssue().IsPullRequest() {
		t.Errorf("event: sender %s installation %d repo %s", e.GetSender().GetLogin(), e.GetInstallation().GetID(), e.GetRepo().GetFullName())
	}
}

func TestOwnActionsComeFromTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.openPR("topic")
	if _, _, err := w.client.Issues.CreateComment(t.Context(), "acme", "gitops", n, &github.IssueComment{Body: github.String("hi")}); err != nil {
		t.Fatal(err)
	}
	p := w.hooks("issue_comment")[0].payload
	sender := p["sender"].(map[string]any)
	if sender["login"] != "kargo[bot]" || sender["type"] != "Bot" {
		t.Errorf("sender is %v", sender)
	}
	if via := p["comment"].(map[string]any)["performed_via_github_app"].(map[string]any); via["slug"] != "kargo" {
		t.Errorf("performed via %v", via)
	}
}

func TestFailedDeliveriesAreKeptAndRedeliveredWithTheSameGUID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks("installation")
	w.mu.Lock()
	w.answer = http.StatusInternalServerError
	w.mu.Unlock()
	w.push("main", "alice", map[string]*string{"x": forge.Text("x")})
	if n := len(w.hooks("push")); n != 1 {
		t.Fatalf("%d attempts, want one: GitHub does not retry", n)
	}
	failed := w.failures()
	if len(failed) != 2 { // push and check_suite
		t.Fatalf("%d failed deliveries, want 2", len(failed))
	}
	w.mu.Lock()
	w.answer = http.StatusAccepted
	w.mu.Unlock()
	var push *github.HookDelivery
	for _, d := range failed {
		if d.GetEvent() == "push" {
			push = d
		}
	}
	if _, _, err := w.app.Apps.RedeliverHookDelivery(t.Context(), push.GetID()); err != nil {
		if _, accepted := err.(*github.AcceptedError); !accepted { //nolint:errorlint // go-github returns it bare
			t.Fatal(err)
		}
	}
	got := w.hooks("push")
	if len(got) != 2 || got[0].guid != got[1].guid {
		t.Fatalf("redelivery: %d pushes", len(got))
	}
	if diff := cmp.Diff(got[0].payload, got[1].payload); diff != "" {
		t.Errorf("the payload changed:\n%s", diff)
	}
	var same []bool
	for _, d := range w.Deliveries() {
		if d.GUID == got[0].guid {
			same = append(same, d.Redelivery)
		}
	}
	if diff := cmp.Diff([]bool{false, true}, same); diff != "" {
		t.Errorf("redelivery flags (-want +got):\n%s", diff)
	}
}

// failures pages through the failed deliveries one at a time.
func (w *world) failures() []*github.HookDelivery {
	w.t.Helper()
	var out []*github.HookDelivery
	cursor := ""
	for {
		req, err := w.app.NewRequest("GET", "app/hook/deliveries?status=failure&per_page=1&cursor="+cursor, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		var page []*github.HookDelivery
		resp, err := w.app.Do(w.t.Context(), req, &page)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, page...)
		if cursor = resp.Cursor; cursor == "" {
			return out
		}
	}
}

func TestDeliveryFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind     forge.DeliveryFaultKind
		want     []string // push branches that arrive
		recorded int
	}{
		"dropped ones are recorded as failed": {forge.DropDelivery, []string{"b"}, 2},
		"lost ones leave no trace":            {forge.LoseDelivery, []string{"b"}, 1},
		"duplicates arrive twice":             {forge.DuplicateDelivery, []string{"a", "a", "b"}, 3},
		"reordered ones are overtaken":        {forge.ReorderDelivery, []string{"b", "a"}, 2},
		"delayed ones arrive":                 {forge.DelayDelivery, []string{"b", "a"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *forge.Options, _ *forge.RepoOptions) { o.App.Events = []string{"push"} })
			w.InjectDelivery(forge.DeliveryFault{Event: "push", Kind: tc.kind, Delay: 300 * time.Millisecond})
			w.push("a", "alice", map[string]*string{"x": forge.Text("x")})
			w.push("b", "alice", map[string]*string{"x": forge.Text("x")})
			var got []string
			for _, h := range w.hooks("push") {
				got = append(got, h.payload["ref"].(string)[len("refs/heads/"):])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("arrivals (-want +got):\n%s", diff)
			}
			n := 0
			for _, d := range w.Deliveries() {
				if d.Event == "push" {
					n++
				}
			}
			if n != tc.recorded {
				t.Errorf("%d deliveries on record, want %d", n, tc.recorded)
			}
		})
	}
}

func TestEventsReachOnlyInstalledAndSubscribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *forge.Options, _ *forge.RepoOptions) { o.App.Events = []string{"push"} })
	if err := w.CreateRepo(forge.RepoOptions{Owner: "alice", Name: "own", Files: map[string]string{"a": "a"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push("alice/own", "main", "alice", "m", map[string]*string{"a": forge.Text("b")}); err != nil {
		t.Fatal(err)
	}
	w.openPR("topic")
	if n := len(w.hooks("pull_request")); n != 0 {
		t.Errorf("%d events that the App did not subscribe to", n)
	}
	if n := len(w.hooks("push")); n != 1 {
		t.Errorf("%d pushes, want only the one in the installed repository", n)
	}
}

func TestPublishedPackage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.PublishPackage(repoName, "bob", forge.Package{Name: "web", Registry: "127.0.0.1:5000", Tag: "v2", Digest: "sha256:abc"}); err != nil {
		t.Fatal(err)
	}
	p := w.hooks("registry_package")[0].payload["registry_package"].(map[string]any)
	version := p["package_version"].(map[string]any)
	tag := version["container_metadata"].(map[string]any)["tag"].(map[string]any)
	if tag["name"] != "v2" || tag["digest"] != "sha256:abc" || p["package_type"] != "CONTAINER" {
		t.Errorf("package: %v", p)
	}
}
