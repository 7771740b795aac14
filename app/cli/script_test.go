package cli_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/app/cli"
	"github.com/kargo-app/kargo/app/forge/ociregistry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

var update = flag.Bool("update", false, "write what the scripts' cmp commands see into the scripts")

// TestMain lets scripts run the command line as the program kargo.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kargo": func() {
			os.Exit(cli.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the scenarios in testdata. Beside testscript's own commands
// they have
//
//	status CODE COMMAND...      the command exits with this code
//	image REPO:TAG [KEY=VALUE]  pushes an image; keys are created, platform (again
//	                            for an index), content and annotation (NAME:VALUE)
//	secret REPO:TAG             pushes one to the registry that wants credentials
//	repository DIR OWNER/NAME   makes a server's database that knows the repository
//	fingerprint DIR FILE        writes the names and contents of all files below DIR
//
// The registries are registry.example and private.example (user ada, password
// lovelace), and charts.example serves the files below $WORK/charts; all are reached
// through a proxy so that their names, which Freight ids are made
// of, are always the same. GIT_HTTP serves the bare repositories below $WORK/srv;
// those below $WORK/srv/private want the password t0ken. Files may use it and WORK.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", Setup: setUp, RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "image": image, "secret": secret, "fingerprint": fingerprint, "repository": repository,
		},
	})
}

// registries is the key of what a script's servers are.
type registries struct{ open, private *ociregistry.Registry }

type registriesKey struct{}

func setUp(env *testscript.Env) error {
	r := registries{
		open:    ociregistry.New(ociregistry.Options{PageSize: 3}),
		private: ociregistry.New(ociregistry.Options{Username: "ada", Password: "lovelace"}),
	}
	env.Values[registriesKey{}] = r
	serve := func(variable string, h http.Handler) {
		s := httptest.NewServer(h)
		env.Defer(s.Close)
		env.Setenv(variable, s.URL)
	}
	serve("HTTP_PROXY", hosts{
		"registry.example": r.open, "private.example": r.private,
		"charts.example": http.FileServer(http.Dir(filepath.Join(env.WorkDir, "charts"))),
	})
	env.Setenv("KARGO_INSECURE_REGISTRIES", "registry.example, private.example, charts.example")
	git, err := gitServer(filepath.Join(env.WorkDir, "srv"))
	if err != nil {
		return err
	}
	serve("GIT_HTTP", git)
	argo := argocdtest.New("a.b.c", time.Now)
	if err := argo.Add(`{metadata: {name: web, annotations: {kargo.akuity.io/authorized-stage: "shop:prod"}}, spec: {source: {repoURL: r, targetRevision: abc}}}`); err != nil {
		return err
	}
	serve("ARGOCD", argo)
	for name, value := range map[string]string{
		"HOME": filepath.Join(env.WorkDir, "home"), "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "bob@example.com", "GIT_COMMITTER_DATE": "2026-01-02T03:04:06Z",
	} {
		env.Setenv(name, value)
	}
	return substitute(env)
}

// substitute writes the addresses of this run into the script's files.
func substitute(env *testscript.Env) error {
	var pairs []string
	for _, name := range []string{"GIT_HTTP", "ARGOCD", "WORK"} {
		pairs = append(pairs, "$"+name, env.Getenv(name))
	}
	values := strings.NewReplacer(pairs...)
	return filepath.WalkDir(env.WorkDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(values.Replace(string(data))), 0o600)
	})
}

// hosts is a proxy in front of hosts that exist nowhere else.
type hosts map[string]http.Handler

func (h hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if host, ok := h[r.Host]; ok {
		host.ServeHTTP(w, r)
		return
	}
	http.Error(w, "no such host", http.StatusBadGateway)
}

// gitServer serves bare repositories with git's own HTTP backend.
func gitServer(root string) (http.Handler, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_SYSTEM=" + os.DevNull,
			"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowFilter", "GIT_CONFIG_VALUE_0=true",
			"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
		},
		Stderr: io.Discard,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); strings.HasPrefix(r.URL.Path, "/private/") && password != "t0ken" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}), nil
}

// repository makes a server's database that knows a repository.
func repository(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: repository DIR OWNER/NAME")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "kargo.db"), sqlite.Options{})
	ts.Check(err)
	owner, name, _ := strings.Cut(args[1], "/")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ts.Check(errors.Join(
		db.PutRepo(context.Background(), store.RepoRecord{Repo: pipeline.Repo{ID: 7, Owner: owner, Name: name}, Installation: 1}, now),
		db.Close(),
	))
}

// status runs a command that must exit with a given code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

func image(ts *testscript.TestScript, neg bool, args []string) {
	push(ts, ts.Value(registriesKey{}).(registries).open, args)
}

func secret(ts *testscript.TestScript, neg bool, args []string) {
	push(ts, ts.Value(registriesKey{}).(registries).private, args)
}

func push(ts *testscript.TestScript, r *ociregistry.Registry, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: image REPO:TAG [KEY=VALUE]...")
	}
	repo, tag, _ := strings.Cut(args[0], ":")
	img := ociregistry.Image{Repository: repo, Tag: tag, Content: tag}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "created":
			at, err := time.Parse(time.RFC3339, value)
			ts.Check(err)
			img.Created = at
		case "platform":
			img.Platforms = append(img.Platforms, value)
		case "content":
			img.Content = value
		case "annotation":
			name, text, _ := strings.Cut(value, ":")
			img.Annotations = map[string]string{name: text}
		default:
			ts.Fatalf("unknown key %s", key)
		}
	}
	_, err := r.Push(img)
	ts.Check(err)
}

func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fingerprint DIR FILE")
	}
	root := ts.MkAbs(args[0])
	var b strings.Builder
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%x %s\n", sha256.Sum256(data), strings.TrimPrefix(path, root))
		return err
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}
