package gitrepo_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// withoutProtocol makes git's backend speak version 0.
func withoutProtocol(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Git-Protocol")
		h.ServeHTTP(w, r)
	})
}

// goGit serves the repositories beneath root with go-git, which knows neither
// version 2 nor filters nor shallow.
func goGit(t *testing.T, root string) string {
	t.Helper()
	srv := server.NewServer(server.NewFilesystemLoader(osfs.New(root)))
	fail := func(w http.ResponseWriter, err error) bool {
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
		return err != nil
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repo, service, _ := strings.Cut(r.URL.Path, ".git/")
		ep, err := transport.NewEndpoint(repo + ".git")
		if fail(w, err) {
			return
		}
		upload, err := srv.NewUploadPackSession(ep, nil)
		if fail(w, err) {
			return
		}
		receive, err := srv.NewReceivePackSession(ep, nil)
		if fail(w, err) {
			return
		}
		switch service {
		case "info/refs":
			name := r.URL.Query().Get("service")
			var adv *packp.AdvRefs
			if name == "git-upload-pack" {
				adv, err = upload.AdvertisedReferencesContext(r.Context())
			} else {
				adv, err = receive.AdvertisedReferencesContext(r.Context())
			}
			if fail(w, err) {
				return
			}
			adv.Prefix = [][]byte{[]byte("# service=" + name), pktline.Flush}
			if err := adv.Encode(w); err != nil {
				t.Error(err)
			}
		case "git-upload-pack":
			req := packp.NewUploadPackRequest()
			if fail(w, req.Decode(r.Body)) {
				return
			}
			resp, err := upload.UploadPack(r.Context(), req)
			if fail(w, err) {
				return
			}
			if err := resp.Encode(w); err != nil {
				t.Error(err)
			}
		case "git-receive-pack":
			req := packp.NewReferenceUpdateRequest()
			if fail(w, req.Decode(r.Body)) {
				return
			}
			report, err := receive.ReceivePack(r.Context(), req)
			if report == nil && fail(w, err) {
				return
			}
			if err := report.Encode(w); err != nil {
				t.Error(err)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestServers does one promotion against every kind of server.
func TestServers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wrap  func(http.Handler) http.Handler
		setup func(t *testing.T, o *origin)
	}{
		"version 2 with filters": {},
		"version 2 that refuses filters of trees": {setup: func(_ *testing.T, o *origin) {
			o.git("config", "uploadpackfilter.tree.allow", "false")
		}},
		"version 2 without filters": {setup: func(_ *testing.T, o *origin) {
			o.git("config", "uploadpack.allowFilter", "false")
		}},
		"version 0 with shallow": {wrap: withoutProtocol},
		"version 0 without side band or shallow": {setup: func(t *testing.T, o *origin) {
			t.Helper()
			o.url = goGit(t, path.Dir(o.dir)) + "/repo.git"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t, tc.wrap)
			first := o.commit("main", "one", map[string]string{"a/b/c": "old\n", "a/d": "keep\n", "e": "keep\n"})
			o.commit("main", "two", map[string]string{"e": "kept\n"})
			o.git("tag", "-a", "-m", "release", "v1", "main")
			o.git("tag", "light", first.String())
			if tc.setup != nil {
				tc.setup(t, o)
			}
			r := o.open(gitrepo.Options{})
			ctx := t.Context()

			branch, head, err := r.DefaultBranch(ctx)
			if err != nil || branch != "main" || head != o.hash("main") {
				t.Errorf("default branch = %s %s, %v", branch, head, err)
			}
			log, err := r.Log(ctx, head, 10)
			if err != nil || len(log) != 2 || log[0].Subject() != "two" || log[1].Hash != first {
				t.Fatalf("log = %v, %v", log, err)
			}
			changes, err := r.ChangedPaths(ctx, log[1].Tree, log[0].Tree)
			if err != nil || len(changes) != 1 || changes[0].Path != "e" {
				t.Errorf("changed paths = %v, %v", changes, err)
			}
			tags, err := r.Tags(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if tags, err = r.Describe(ctx, tags); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tag := range tags {
				got = append(got, fmt.Sprintf("%s %v %s %q %s", tag.Name, tag.Annotated(), tag.Tagger.Name, tag.Message, tag.Commit.Subject()))
			}
			if diff := cmp.Diff([]string{`light false  "" one`, `v1 true Bob "release\n" two`}, got); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}

			c := checkout(t, r, "main")
			if err := c.FS.WriteFile(ctx, "a/b/c", []byte("new\n"), 0); err != nil {
				t.Fatal(err)
			}
			if err := c.FS.Copy(ctx, "a", "copy/of/a", ""); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Commit(ctx, "promote", nil); err != nil {
				t.Fatal(err)
			}
			if _, err := publish(t, r, c, "promotion", tree.Hash{}); err != nil {
				t.Fatal(err)
			}
			want := "a/b/c\ncopy/of/a/b/c\ncopy/of/a/d"
			if got := o.git("diff", "--name-only", "main", "promotion"); got != want {
				t.Errorf("pushed diff:\n%s\nwant:\n%s", got, want)
			}
			o.fsck()

			if _, err := r.Commit(ctx, tree.Hash{1}); !errors.Is(err, gitrepo.ErrNoObject) {
				t.Errorf("absent commit: %v", err)
			}
			if _, err := r.ResolveBranch(ctx, "absent"); !errors.Is(err, gitrepo.ErrRefNotFound) {
				t.Errorf("absent branch: %v", err)
			}
		})
	}
}

func TestWholeFetchIsBounded(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, withoutProtocol)
	o.commit("main", "big", map[string]string{"zeros": strings.Repeat("0", 1<<20)})
	for name, opts := range map[string]gitrepo.Options{
		"inflated": {MaxInflated: 1 << 19},
		"wire":     {MaxResponse: 512},
	} {
		r := o.open(opts)
		if _, err := r.Commit(t.Context(), o.hash("main")); !errors.Is(err, gitrepo.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

// TestEvictedWholeFetch reads a tree again after the cache has let go of it.
func TestEvictedWholeFetch(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, withoutProtocol)
	o.commit("main", "one", map[string]string{"a/b": "content\n"})
	r := o.open(gitrepo.Options{CacheBytes: 1})
	c := checkout(t, r, "main")
	o.commit("other", "two", map[string]string{"x": strings.Repeat("x", 1000)})
	checkout(t, r, "other")
	if got, err := c.FS.ReadFile(t.Context(), "a/b"); err != nil || string(got) != "content\n" {
		t.Errorf("read = %q, %v", got, err)
	}
}
