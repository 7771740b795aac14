package pipeline_test

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestFreightID(t *testing.T) {
	t.Parallel()
	sum := func(s string) string {
		h := sha1.Sum([]byte(s))
		return hex.EncodeToString(h[:])
	}
	const git = "https://github.com/acme/app"
	img := pipeline.Image{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:1"}
	commit := pipeline.Commit{RepoURL: git, ID: "c0ffee"}
	tests := map[string]struct {
		f    pipeline.Freight
		form string
	}{
		"an image":                              {pipeline.Freight{Images: []pipeline.Image{img}}, "ghcr.io/acme/web:1.0.0@sha256:1"},
		"a commit":                              {pipeline.Freight{Commits: []pipeline.Commit{commit}}, git + ":c0ffee"},
		"a tag":                                 {pipeline.Freight{Commits: []pipeline.Commit{{RepoURL: git, ID: "c0ffee", Tag: "v1"}}}, git + ":v1:c0ffee"},
		"a chart":                               {pipeline.Freight{Charts: []pipeline.Chart{{RepoURL: "https://charts.acme.io", Name: "web", Version: "1.0.0"}}}, "https://charts.acme.io/web:1.0.0"},
		"sorted":                                {pipeline.Freight{Images: []pipeline.Image{img}, Commits: []pipeline.Commit{{RepoURL: "https://a.b/c/d", ID: "1"}}}, "ghcr.io/acme/web:1.0.0@sha256:1|https://a.b/c/d:1"},
		"the order of artifacts does not count": {pipeline.Freight{Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/b", Tag: "1"}, {RepoURL: "ghcr.io/acme/a", Tag: "1"}}}, "ghcr.io/acme/a:1@|ghcr.io/acme/b:1@"},
		"a named Subscription counts":           {pipeline.Freight{Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:1", Subscription: "web"}}}, "ghcr.io/acme/web:1.0.0@sha256:1:web"},
		"branch, message and author do not count": {pipeline.Freight{Commits: []pipeline.Commit{{RepoURL: git + ".git", ID: "c0ffee", Branch: "main", Message: "m", Author: "a"}}}, git + ":c0ffee"},
		"annotations do not count":                {pipeline.Freight{Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.0.0", Digest: "sha256:1", Annotations: map[string]string{"a": "b"}}}}, "ghcr.io/acme/web:1.0.0@sha256:1"},
		"image names are made whole":              {pipeline.Freight{Images: []pipeline.Image{{RepoURL: "nginx", Tag: "1", Digest: "sha256:1"}}}, "index.docker.io/library/nginx:1@sha256:1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.f.Warehouse = "web"
			if got, want := pipeline.FreightID(tt.f), sum("Warehouse/web:"+tt.form); got != want {
				t.Errorf("got %s, want that of %q", got, tt.form)
			}
		})
	}
	// Fixed, so that nobody changes the form by changing code and test alike.
	f := pipeline.Freight{Warehouse: "web", Images: []pipeline.Image{img}}
	if got, want := pipeline.FreightID(f), "3810cb4a7371ae858efc71ab5353636d17cf297c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHeadline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		f    pipeline.Freight
		want string
	}{
		"the first image's name and tag": {image("web", "1.9.3"), "web 1.9.3"},
		"a digest where there is no tag": {pipeline.Freight{Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Digest: "sha256:0123456789"}}}, "web 0123456"},
		"a chart":                        {pipeline.Freight{Charts: []pipeline.Chart{{RepoURL: "https://x", Name: "redis", Version: "7"}}}, "redis 7"},
		"a chart of a registry":          {pipeline.Freight{Charts: []pipeline.Chart{{RepoURL: "oci://ghcr.io/acme/redis", Version: "7"}}}, "redis 7"},
		"a commit":                       {pipeline.Freight{Commits: []pipeline.Commit{{RepoURL: "https://github.com/acme/App.git", ID: "0123456789"}}}, "app 0123456"},
		"a tagged commit":                {pipeline.Freight{Commits: []pipeline.Commit{{RepoURL: "https://github.com/acme/app", ID: "0123456789", Tag: "v2"}}}, "app v2"},
		"an image before a commit":       {pipeline.Freight{Images: image("web", "1").Images, Commits: []pipeline.Commit{{ID: "0123456789"}}}, "web 1"},
		"nothing but a Warehouse":        {pipeline.Freight{ID: "0123456789", Warehouse: "web"}, "web 0123456"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.f.Headline(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNormalizeGitURL(t *testing.T) {
	t.Parallel()
	const want = "https://github.com/acme/app"
	for _, in := range []string{
		"https://github.com/acme/app", "https://github.com/acme/app/", "https://github.com/acme/app.git", "https://github.com/acme/app.git/",
		"HTTPS://GitHub.com/Acme/App", " https://github.com/acme/app ", "https://user:secret@github.com/acme/app",
		"git@github.com:acme/app.git", "ssh://git@github.com/acme/app.git", "ssh://git@github.com:22/acme/app",
	} {
		if got := pipeline.NormalizeGitURL(in); got != want {
			t.Errorf("NormalizeGitURL(%q) = %q", in, got)
		}
	}
}

func FuzzNormalizeGitURL(f *testing.F) {
	for _, s := range []string{"https://u:p@github.com/a/b.git", "git@h:a/b", "ssh://git@h:22/a", "%zz://", "::", "@:", "https://[::1]/a", "https://h/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := pipeline.NormalizeGitURL(s)
		if got != strings.ToLower(got) {
			t.Errorf("%q is not lower case", got)
		}
		if strings.HasSuffix(got, ".git") && !strings.HasSuffix(strings.ToLower(strings.TrimSpace(s)), ".git.git") && !strings.Contains(s, ".git/") && !strings.ContainsAny(s, "?#") {
			t.Errorf("%q keeps its suffix as %q", s, got)
		}
	})
}

func TestResolveFreight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, next := w.freight("1.0.0"), w.freight("1.0.1")
	w.s.Freight[0].Alias, w.s.Freight[1].Alias = "bold-otter", "calm-owl"
	w.s.Freight = append(w.s.Freight,
		pipeline.Freight{ID: "aaaaaaaaaa1", Alias: "keen-elk"}, pipeline.Freight{ID: "aaaaaaaaaa2", Alias: "keen-fox"},
		pipeline.Freight{ID: "bbbbbbbbbb1", Alias: "wise-hare", Commits: []pipeline.Commit{{RepoURL: "https://github.com/acme/App", ID: "c0ffee0123", Tag: "v1"}}},
		pipeline.Freight{ID: "cccccccccc1", Alias: "wise-hawk", Charts: []pipeline.Chart{{RepoURL: "oci://ghcr.io/acme/redis", Version: "7.0.0"}}},
	)
	tests := map[string]struct{ ref, want, refused string }{
		"an alias":                   {ref: "bold-otter", want: old.ID},
		"an alias in any case":       {ref: "Bold-Otter", want: old.ID},
		"a whole id":                 {ref: next.ID, want: next.ID},
		"a prefix of seven":          {ref: next.ID[:7], want: next.ID},
		"a prefix in capitals":       {ref: strings.ToUpper(next.ID[:9]), want: next.ID},
		"an image at a tag":          {ref: "web@1.0.0", want: old.ID},
		"an image by its whole name": {ref: "ghcr.io/acme/web@1.0.0", want: old.ID},
		"a commit at a tag":          {ref: "app@v1", want: "bbbbbbbbbb1"},
		"a commit by its short id":   {ref: "App@c0ffee0", want: "bbbbbbbbbb1"},
		"a chart at a version":       {ref: "redis@7.0.0", want: "cccccccccc1"},
		"six digits are too few":     {ref: next.ID[:6], refused: "there is no Freight \"" + next.ID[:6] + "\""},
		"a prefix of several":        {ref: "aaaaaaaaaa", refused: "aaaaaaaaaa is the beginning of the ids of 2 Freight (use an alias: keen-fox, keen-elk)"},
		"a version nobody has":       {ref: "web@9", refused: `there is no Freight "web@9"`},
		"a slip gets a suggestion":   {ref: "bold-oter", refused: `there is no Freight "bold-oter" (did you mean "bold-otter"?)`},
		"nothing":                    {ref: "", refused: `there is no Freight ""`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := w.s.ResolveFreight(tt.ref)
			switch {
			case tt.refused == "" && (err != nil || f.ID != tt.want):
				t.Errorf("got %s, %v; want %s", f.ID, err, tt.want)
			case tt.refused != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.refused)):
				t.Errorf("got %v, want %s", err, tt.refused)
			}
		})
	}
	if _, err := (pipeline.Snapshot{}).ResolveFreight("bold-otter"); err == nil || err.Hint != "/kargo status" {
		t.Errorf("without any Freight: %v", err)
	}
}

func FuzzResolveFreight(f *testing.F) {
	s := pipeline.Snapshot{Freight: []pipeline.Freight{image("web", "1.0.0"), image("api", "2.0.0")}}
	for i := range s.Freight {
		s.Freight[i].Alias = pipeline.Alias(s.Freight[i].ID, func(string) bool { return false })
		f.Add(s.Freight[i].Alias)
		f.Add(s.Freight[i].ID[:8])
	}
	f.Add("web@1.0.0")
	f.Add("@")
	f.Fuzz(func(t *testing.T, ref string) {
		got, err := s.ResolveFreight(ref)
		if (err == nil) == (got.ID == "") {
			t.Errorf("%q: %q and %v", ref, got.ID, err)
		}
	})
}

func FuzzDidYouMean(f *testing.F) {
	f.Add("prd", "prod")
	f.Add("", "")
	f.Add("\xff", "é")
	f.Fuzz(func(t *testing.T, got, valid string) {
		if s := pipeline.DidYouMean(got, []string{valid}); s != "" && s != valid {
			t.Errorf("%q suggests %q, which is not valid", got, s)
		}
	})
}

func TestCarrying(t *testing.T) {
	t.Parallel()
	const revision = "org.opencontainers.image.revision"
	w := newWorld(t)
	w.freight("1.0.0")
	w.freight("1.0.1")
	w.s.Freight[0].Images[0].Annotations = map[string]string{revision: "c0ffee"}
	w.s.Freight[1].Images[0].Annotations = map[string]string{revision: "c0ffee"}
	w.s.Freight = append(w.s.Freight, pipeline.Freight{ID: "x", Commits: []pipeline.Commit{{ID: "decade"}}})
	if f, ok := w.s.Carrying("c0ffee"); !ok || f.Version() != "1.0.1" {
		t.Errorf("of two images the newest carries it, got %q", f.Version())
	}
	if f, ok := w.s.Carrying("decade"); !ok || f.ID != "x" {
		t.Errorf("the commit itself: got %q", f.ID)
	}
	if _, ok := w.s.Carrying(""); ok {
		t.Error("Freight carries no commit at all")
	}
}

func TestAlias(t *testing.T) {
	t.Parallel()
	free := func(string) bool { return false }
	a := pipeline.Alias("0123456789abcdef0123456789abcdef01234567", free)
	if b := pipeline.Alias("0123456789abcdef0123456789abcdef01234567", free); a != b {
		t.Errorf("the same Freight is %q and %q", a, b)
	}
	if a != "daring-magpie" && strings.Count(a, "-") != 1 {
		t.Errorf("got %q", a)
	}
	taken := map[string]bool{a: true, a + "-2": true}
	if got := pipeline.Alias("0123456789abcdef0123456789abcdef01234567", func(s string) bool { return taken[s] }); got != a+"-3" {
		t.Errorf("with two taken it is %q", got)
	}
	if got := pipeline.Alias("", free); got == "" {
		t.Error("no alias for an odd id")
	}
}
