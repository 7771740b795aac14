package demo_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/demo"
)

var pageURL = regexp.MustCompile(`Demo ready → (http://\S+)`)

// startDemo runs the demo until the test ends and returns the address of its page
// once prod waits for somebody.
func startDemo(t *testing.T) string {
	t.Helper()
	needGit(t)
	ctx, stop := context.WithCancel(context.Background())
	out := &signalWriter{want: "prod waits for you", seen: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, demo.Options{Addr: "127.0.0.1:0", Out: out, Log: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("demo ended with %v", err)
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	select {
	case <-out.seen:
	case err := <-done:
		done <- err
		t.Fatalf("the demo ended early: %v\n%s", err, out.String())
	case <-time.After(time.Minute):
		t.Fatalf("nothing waits for prod\n%s", out.String())
	}
	return pageURL.FindStringSubmatch(out.String())[1]
}

// browser is a client without JavaScript.
type browser struct {
	t    *testing.T
	base string
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b browser) do(method, path string, form url.Values, header http.Header) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b browser) get(path string) string {
	b.t.Helper()
	got := b.do(http.MethodGet, path, nil, nil)
	if got.status != http.StatusOK {
		b.t.Fatalf("GET %s: %d\n%s", path, got.status, got.body)
	}
	return got.body
}

// post sends a form and follows nothing.
func (b browser) post(path string, form url.Values) (int, string, string) {
	b.t.Helper()
	got := b.do(http.MethodPost, path, form, nil)
	return got.status, got.header.Get("Location"), got.body
}

// await reads the event stream and the page until the page contains want.
func (b browser) await(path, want string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "data: ") {
			continue
		}
		if body = b.get(path); strings.Contains(body, want) {
			return body
		}
	}
	b.t.Fatalf("%q never came to %s:\n%s", want, path, body)
	return ""
}

func wantStatus(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: status %d, want %d", what, got, want)
	}
}

// TestPageWithoutJavaScript plays the last part of the scenario with forms alone.
func TestPageWithoutJavaScript(t *testing.T) {
	t.Parallel()
	b := browser{t, startDemo(t)}

	t.Log("a stranger is refused by the bot, in a reply")
	status, location, _ := b.post("/pulls/2/comment", url.Values{"as": {"carl"}, "body": {"/promote prod"}})
	wantStatus(t, "comment", status, http.StatusSeeOther)
	if location != "/?as=carl&pr=2" {
		t.Errorf("redirected to %q, want back to the pull request as the same person", location)
	}
	b.await("/?pr=2", "carl may not promote")

	t.Log("a stranger is refused by GitHub, on the page, and loses nothing typed")
	status, _, body := b.post("/pulls/2/close", url.Values{"as": {"carl"}, "body": {"half <typed>"}})
	wantStatus(t, "close as carl", status, http.StatusUnprocessableEntity)
	for _, want := range []string{`role="alert"`, "carl may not close pull requests", "half &lt;typed&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("the refusal lacks %q", want)
		}
	}

	t.Log("ana asks, ben agrees")
	status, _, _ = b.post("/pulls/2/comment", url.Values{"as": {"ana"}, "body": {"half typed"}, "quick": {"/promote prod"}})
	wantStatus(t, "comment as ana", status, http.StatusSeeOther)
	body = b.await("/", "prod-1 waits for an approval")
	if !strings.Contains(body, "promote(prod): web 1.0.0 → 1.1.0") {
		t.Error("the open pull request is not the one shown")
	}
	b.await("/", "0 of 1 approvals")
	status, _, _ = b.post("/pulls/3/approve", url.Values{"as": {"ben"}})
	wantStatus(t, "approve as ben", status, http.StatusSeeOther)
	body = b.await("/", "Everything is up to date")
	if !strings.Contains(body, "✓ verified in test, staging, prod") {
		t.Error("the Freight is not shown as verified in prod")
	}

	t.Log("the next version goes through test and staging, and closing its pull request aborts")
	status, _, _ = b.post("/publish", url.Values{"version": {"1.1.1"}})
	wantStatus(t, "publish", status, http.StatusSeeOther)
	b.await("/", "web 1.1.1 may enter prod")
	b.post("/pulls/5/comment", url.Values{"as": {"ben"}, "quick": {"/promote prod"}})
	b.await("/", "prod-2 waits for an approval")
	status, _, _ = b.post("/pulls/6/draft", url.Values{"as": {"ben"}})
	wantStatus(t, "convert to draft", status, http.StatusSeeOther)
	b.await("/?pr=6", "is held because its pull request is a draft")
	status, _, _ = b.post("/pulls/6/close", url.Values{"as": {"ben"}})
	wantStatus(t, "close", status, http.StatusSeeOther)
	b.await("/?pr=6", "– Aborted")
}

func TestPageRefuses(t *testing.T) {
	t.Parallel()
	b := browser{t, startDemo(t)}
	for name, c := range map[string]struct {
		path   string
		form   url.Values
		header http.Header
		status int
		says   string
	}{
		"forms of other sites":       {"/publish", url.Values{"version": {"1.2.0"}}, http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden, "cross-origin"},
		"tags that cannot exist":     {"/publish", url.Values{"version": {"../x"}}, nil, http.StatusUnprocessableEntity, "is not an image tag"},
		"empty comments":             {"/pulls/1/comment", url.Values{"as": {"ana"}, "body": {" "}}, nil, http.StatusUnprocessableEntity, "a comment needs a text"},
		"people who do not exist":    {"/pulls/1/approve", url.Values{"as": {"eve"}}, nil, http.StatusUnprocessableEntity, "there is no &#34;eve&#34;"},
		"what nobody can do":         {"/pulls/1/burn", url.Values{"as": {"ana"}}, nil, http.StatusUnprocessableEntity, "nobody can"},
		"merging what is merged":     {"/pulls/1/merge", url.Values{"as": {"ana"}}, nil, http.StatusUnprocessableEntity, "GitHub refused: Pull Request is not mergeable"},
		"pull requests of no number": {"/pulls/x/merge", url.Values{"as": {"ana"}}, nil, http.StatusNotFound, ""},
		"unknown pull requests":      {"/pulls/99/comment", url.Values{"as": {"ana"}, "body": {"x"}}, nil, http.StatusUnprocessableEntity, "no issue #99"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := browser{t, b.base}.do(http.MethodPost, c.path, c.form, c.header)
			wantStatus(t, c.path, got.status, c.status)
			if !strings.Contains(got.body, c.says) {
				t.Errorf("%q is missing in %s", c.says, got.body)
			}
		})
	}
}

func TestPageKeepsToItself(t *testing.T) {
	t.Parallel()
	b := browser{t, startDemo(t)}
	got := b.do(http.MethodGet, "/", nil, nil)
	if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy = %q, want a strict one", csp)
	}
	for _, inline := range []string{"<style", " style=", " onclick=", "javascript:"} {
		if strings.Contains(got.body, inline) {
			t.Errorf("the page has %q, which its policy forbids", inline)
		}
	}
	for _, asset := range regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(got.body, -1) {
		b.get(asset[1])
	}
	link := b.do(http.MethodGet, "/acme/config/promotions/test-2", nil, nil)
	if to := link.header.Get("Location"); to != "/?promotion=test-2#promotion-test-2" {
		t.Errorf("a Promotion's link leads to %q", to)
	}
}
