package renderer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/renderer"
	"github.com/kargo-app/kargo/manifest/render"
)

// Arguments that make the test binary a child: one that renders, and one that tells
// its environment.
const (
	asRenderer = "as-renderer"
	asTeller   = "as-teller"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == asRenderer:
		if err := renderer.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case os.Args[1] == asTeller:
		panic(fmt.Sprintf("environment %q", os.Environ()))
	}
	os.Exit(m.Run())
}

func newRenderer(o renderer.Options) *renderer.Renderer {
	if o.Args == nil {
		o.Args = []string{asRenderer}
	}
	return renderer.New(o)
}

func files(content map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range content {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// chart is a chart with one template.
func chart(template string) fstest.MapFS {
	return files(map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/a.yaml": template})
}

var release = render.Template{Path: "c", ReleaseName: "rel", Namespace: "ns"}

// prefetching is a file system that can read ahead.
type prefetching struct {
	fstest.MapFS
	asked [][]string
}

func (p *prefetching) Prefetch(paths ...string) error {
	p.asked = append(p.asked, paths)
	return nil
}

func overlay() fstest.MapFS {
	return files(map[string]string{
		"app/kustomization.yaml":  "namePrefix: p-\nnamespace: prod\nresources: [../base, cluster.yaml]\nhelmCharts: [{name: c, releaseName: r}]\nhelmGlobals: {chartHome: ..}\n",
		"app/cluster.yaml":        "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n",
		"base/kustomization.yaml": "resources: [a.yaml]\n",
		"base/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		"c/Chart.yaml":            "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"c/templates/a.yaml":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart, namespace: {{ .Release.Namespace }}}\n",
	})
}

func TestResultsAreThoseOfPackageRender(t *testing.T) {
	t.Parallel()
	r := newRenderer(renderer.Options{})
	ctx := t.Context()

	want, err := render.Kustomize(ctx, overlay(), render.Kustomization{Dir: "app"})
	if err != nil {
		t.Fatal(err)
	}
	source := &prefetching{MapFS: overlay()}
	got, err := r.Kustomize(ctx, source, render.Kustomization{Dir: "app"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("build (-in process +own process):\n%s", diff)
	}
	if len(source.asked) == 0 {
		t.Error("nothing was read ahead")
	}

	templates := chart("kind: A\nmetadata: {name: {{ .Release.Name }}}\n")
	wantRelease, err := render.Helm(ctx, templates, release)
	if err != nil {
		t.Fatal(err)
	}
	gotRelease, err := r.Helm(ctx, templates, release)
	if diff := cmp.Diff(wantRelease, gotRelease); err != nil || diff != "" {
		t.Errorf("%v, release (-in process +own process):\n%s", err, diff)
	}
}

// shop is where charts come from.
type shop struct{ archive []byte }

var errShop = errors.New("the shop is closed")

func (s shop) Versions(context.Context, string, string) ([]string, error) {
	return []string{"1.0.0", "1.2.0"}, nil
}

func (s shop) Pull(_ context.Context, _, _, version string) ([]byte, error) {
	if version != "1.2.0" {
		return nil, errShop
	}
	return s.archive, nil
}

func TestChartsComeFromTheParent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	local := files(map[string]string{
		"all/Chart.yaml": "apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies: [{name: d, version: 1.x, repository: 'file://../d'}]\n",
		"d/Chart.yaml":   "apiVersion: v2\nname: d\nversion: 1.2.0\n",
	})
	update := render.Update{Path: "all", ChartYAML: local["all/Chart.yaml"].Data, Generated: time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)}
	packed, err := render.UpdateDependencies(ctx, local, update)
	if err != nil {
		t.Fatal(err)
	}
	from := shop{packed.Files["charts/d-1.2.0.tgz"]}

	r := newRenderer(renderer.Options{})
	update.ChartYAML = []byte("apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies: [{name: d, version: 1.x, repository: 'https://x'}]\n")
	update.Charts = from
	want, err := render.UpdateDependencies(ctx, local, update)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.UpdateDependencies(ctx, local, update)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, update (-in process +own process):\n%s", err, diff)
	}
	update.ChartYAML = []byte("apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies: [{name: d, version: 1.0.0, repository: 'https://x'}]\n")
	if _, err := r.UpdateDependencies(ctx, local, update); !errors.Is(err, errShop) {
		t.Errorf("error %v, want that of the shop", err)
	}
}

// mounts are repositories that lie among the files already.
type mounts map[string]string

func (m mounts) Mount(_ context.Context, repoURL, ref string) (string, error) {
	dir, ok := m[repoURL+" "+ref]
	if !ok {
		return "", render.ErrRemoteNotAllowed
	}
	return dir, nil
}

func TestBasesComeFromTheParent(t *testing.T) {
	t.Parallel()
	r := newRenderer(renderer.Options{})
	source := files(map[string]string{
		"app/kustomization.yaml":        "resources: ['https://github.com/acme/bases//web?ref=v1']\n",
		".bases/web/kustomization.yaml": "resources: [a.yaml]\n",
		".bases/web/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	})
	k := render.Kustomization{Dir: "app", Remotes: mounts{"https://github.com/acme/bases v1": ".bases"}}
	if b, err := r.Kustomize(t.Context(), source, k); err != nil || len(b.Objects) != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	k.Remotes = mounts{}
	_, err := r.Kustomize(t.Context(), source, k)
	var remote *render.RemoteError
	if !errors.Is(err, render.ErrRemoteNotAllowed) || !errors.As(err, &remote) || remote.Line != 1 {
		t.Errorf("error %v, want that it is not allowed", err)
	}
	k.Remotes = nil
	if _, err = r.Kustomize(t.Context(), source, k); !errors.As(err, &remote) || errors.Is(err, render.ErrRemoteNotAllowed) {
		t.Errorf("error %v, want a RemoteError", err)
	}
}

// faulty cannot be read.
type faulty struct{ fstest.MapFS }

var errFaulty = errors.New("GitHub does not answer")

func (f faulty) ReadFile(string) ([]byte, error) { return nil, errFaulty }

func TestErrorsKeepWhatTheyAre(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRenderer(renderer.Options{})

	_, err := r.Kustomize(ctx, faulty{overlay()}, render.Kustomization{Dir: "app"})
	if !errors.Is(err, errFaulty) {
		t.Errorf("error %v, want that of the files", err)
	}
	_, err = r.Kustomize(ctx, overlay(), render.Kustomization{Dir: "none"})
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("error %v", err)
	}
	missing := release
	missing.ValuesFiles = []string{"none.yaml"}
	if _, err = r.Helm(ctx, chart("a: b"), missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one of a missing file", err)
	}
	remote := overlay()
	remote["app/kustomization.yaml"].Data = []byte("resources: ['https://example.com/a.yaml']\n")
	_, err = r.Kustomize(ctx, remote, render.Kustomization{Dir: "app"})
	var remoteErr *render.RemoteError
	if !errors.As(err, &remoteErr) || remoteErr.Address != "https://example.com/a.yaml" {
		t.Errorf("error %v, want a RemoteError", err)
	}
	dependent := chart("a: b")
	dependent["c/Chart.yaml"].Data = append(dependent["c/Chart.yaml"].Data, "dependencies: [{name: db, version: 1.0.0, repository: https://x}]\n"...)
	_, err = r.Helm(ctx, dependent, release)
	var missingErr *render.MissingDependenciesError
	if !errors.As(err, &missingErr) || !cmp.Equal(missingErr.Names, []string{"db"}) {
		t.Errorf("error %v, want a MissingDependenciesError", err)
	}
	_, err = r.UpdateDependencies(ctx, chart("a: b"), render.Update{Path: "c", ChartYAML: []byte("name: c")})
	if !errors.Is(err, render.ErrNoDependencies) {
		t.Errorf("error %v, want ErrNoDependencies", err)
	}
}

func TestHostileTemplatesEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct{ template, want string }{
		"a list without end":        {`{{ range until 2000000000 }}{{ end }}`, "MiB of memory"},
		"a text that grows":         {`{{ $x := "0123456789abcdef" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}`, "MiB of memory"},
		"a text repeated":           {`{{ repeat 2000000000 "0123456789" }}`, "MiB of memory"},
		"recursion that tpl begins": {`{{ $t := "{{ tpl .t . }}" }}{{ tpl $t (dict "t" $t "Template" .Template) }}`, "MiB of memory"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			r := newRenderer(renderer.Options{Memory: 96 << 20})
			if _, err := r.Helm(t.Context(), chart(c.template), release); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

// endless computes without allocating much.
const endless = `{{ define "loop" }}{{ range until 3000 }}{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}{{ end }}{{ end }}{{ include "loop" . }}`

func TestEndlessTemplateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRenderer(renderer.Options{AtOnce: 1})
	cause := errors.New("somebody aborted it")
	ctx, stop := context.WithCancelCause(t.Context())
	begun := &begins{MapFS: chart(endless), begun: make(chan struct{})}
	var rendering sync.WaitGroup
	rendering.Go(func() {
		if _, err := r.Helm(ctx, begun, release); !errors.Is(err, cause) {
			t.Errorf("error %v, want the cause", err)
		}
	})
	<-begun.begun

	// Another one waits for its turn, as long as it likes to.
	waiting, giveUp := context.WithCancelCause(t.Context())
	giveUp(cause)
	if _, err := r.Helm(waiting, chart("a: b"), release); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	stop(cause)
	rendering.Wait()
	if _, err := r.Helm(t.Context(), chart("a: b"), release); err != nil {
		t.Errorf("the next one: %v", err)
	}

	short := newRenderer(renderer.Options{MaxTime: 200 * time.Millisecond})
	if _, err := short.Helm(t.Context(), chart(endless), release); err == nil || !strings.Contains(err.Error(), "more than 200ms") {
		t.Errorf("error %v, want one of time", err)
	}
}

// begins tells when it is read first.
type begins struct {
	fstest.MapFS
	once  sync.Once
	begun chan struct{}
}

func (b *begins) Stat(name string) (fs.FileInfo, error) {
	b.once.Do(func() { close(b.begun) })
	return b.MapFS.Stat(name)
}

func TestChildHasNoEnvironment(t *testing.T) {
	t.Setenv("KARGO_GITHUB_WEBHOOK_SECRET", "it is a secret")
	_, err := newRenderer(renderer.Options{Args: []string{asTeller}}).Helm(t.Context(), chart("a: b"), release)
	if err == nil || err.Error() != "the renderer crashed: environment []" {
		t.Errorf("error %v", err)
	}
}

func TestProgramThatIsNoRenderer(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		"/nonexistent/kargo": "start the renderer",
		"/bin/true":          "without a result",
		"/bin/cat":           "",
	} {
		if _, err := newRenderer(renderer.Options{Program: program}).Helm(t.Context(), chart("a: b"), release); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", program, err)
		}
	}
}

func BenchmarkHelmInItsOwnProcess(b *testing.B) {
	r := newRenderer(renderer.Options{})
	templates := chart("a: {{ .Release.Name }}")
	for b.Loop() {
		if _, err := r.Helm(b.Context(), templates, release); err != nil {
			b.Fatal(err)
		}
	}
}
