package render_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kargo-app/kargo/manifest/render"
)

// corpus reads the archives beneath testdata: the first line of each is the directory
// to render.
func corpus(tb testing.TB, kind string) map[string]archive {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
	if err != nil || len(files) < 5 {
		tb.Fatalf("%d archives of %s, %v", len(files), kind, err)
	}
	out := map[string]archive{}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		dir, _, _ := strings.Cut(string(a.Comment), "\n")
		out[strings.TrimSuffix(filepath.Base(f), ".txtar")] = archive{dir: dir, files: a.Files}
	}
	return out
}

type archive struct {
	dir   string
	files []txtar.File
}

func (a archive) fs() fstest.MapFS {
	out := fstest.MapFS{}
	for _, f := range a.files {
		out[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return out
}

// write puts the files on the disk.
func (a archive) write(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for _, f := range a.files {
		p := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, f.Data, 0o600)); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// files makes a file system of paths and contents.
func files(content map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for p, data := range content {
		out[p] = &fstest.MapFile{Data: []byte(data), Mode: 0o644}
	}
	return out
}

// The engine of "kubectl kustomize" and "kustomize build" is krusty on the disk.
func TestKustomizeEqualsKubectl(t *testing.T) {
	// Not in parallel with others: krusty on the disk has no lock. It takes our turn, since
	// a build that another test gave up may not have ended.
	for name, a := range corpus(t, "kustomize") {
		t.Run(name, func(t *testing.T) {
			options := krusty.MakeDefaultOptions()
			options.Reorder = krusty.ReorderOptionLegacy // what the commands set
			options.LoadRestrictions = types.LoadRestrictionsNone
			render.Building <- struct{}{}
			m, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), filepath.Join(a.write(t), a.dir))
			<-render.Building
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.AsYaml()
			if err != nil {
				t.Fatal(err)
			}
			got, err := render.Kustomize(t.Context(), a.fs(), render.Kustomization{Dir: a.dir})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got.YAML)); diff != "" {
				t.Errorf("output (-kubectl +ours):\n%s", diff)
			}
			if len(want) == 0 || len(got.Objects) != m.Size() {
				t.Errorf("%d objects, want %d", len(got.Objects), m.Size())
			}
		})
	}
}

func TestKustomizeNamesFiles(t *testing.T) {
	a := corpus(t, "kustomize")["namespaces"]
	b, err := render.Kustomize(t.Context(), a.fs(), render.Kustomization{Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	for naming, want := range map[render.Naming][]string{
		render.KargoNaming: {
			"clusterrole-system:aggregate.yaml", "configmap-same.yaml", "namespace-one.yaml",
			"one-configmap-same.yaml", "one-deployment-same.yaml", "two-configmap-same.yaml",
		},
		render.KustomizeNaming: {
			"one_apps_v1_deployment_same.yaml", "one_v1_configmap_same.yaml",
			"rbac.authorization.k8s.io_v1_clusterrole_system:aggregate.yaml",
			"two_v1_configmap_same.yaml", "v1_configmap_same.yaml", "v1_namespace_one.yaml",
		},
	} {
		got, err := b.Files(naming)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s names (-want +got):\n%s", naming, diff)
		}
	}
}

func TestKustomizeRefusesBadNames(t *testing.T) {
	t.Parallel()
	for rule, object := range map[string]string{
		"a path":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../x}\n",
		"a slash":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a/b}\n",
		"one file each": "apiVersion: a.dev/v1\nkind: Same\nmetadata: {name: x}\n---\napiVersion: b.dev/v1\nkind: Same\nmetadata: {name: x}\n",
	} {
		b, err := render.Kustomize(t.Context(), files(map[string]string{
			"kustomization.yaml": "resources: [o.yaml]", "o.yaml": object,
		}), render.Kustomization{Dir: "."})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Files(render.KargoNaming); err == nil {
			t.Errorf("%s: got %v", rule, slices.Collect(maps.Keys(got)))
		}
	}
}

func TestKustomizeRefusesWhatIsRemote(t *testing.T) {
	t.Parallel()
	const plugin = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\n"
	for rule, content := range map[string]map[string]string{
		"a URL":                 {"kustomization.yaml": "resources:\n  - https://127.0.0.1:1/x.yaml"},
		"a capital scheme":      {"kustomization.yaml": "resources:\n  - HTTPS://127.0.0.1:1/x.yaml"},
		"a repository":          {"kustomization.yaml": "resources:\n  - github.com/acme/base"},
		"an SSH address":        {"kustomization.yaml": "resources:\n  - git@github.com:acme/base"},
		"an explicit protocol":  {"kustomization.yaml": "resources:\n  - git::https://127.0.0.1:1/acme/base"},
		"a local repository":    {"kustomization.yaml": "resources:\n  - file:///etc//x"},
		"a base":                {"kustomization.yaml": "bases:\n  - ssh://127.0.0.1:1/a/b"},
		"a field in capitals":   {"kustomization.yaml": "RESOURCES:\n  - ssh://127.0.0.1:1/a/b"},
		"a component":           {"kustomization.yaml": "components:\n  - https://127.0.0.1:1/a/b"},
		"a CRD":                 {"kustomization.yaml": "crds:\n  - https://127.0.0.1:1/a"},
		"a configuration":       {"kustomization.yaml": "configurations:\n  - https://127.0.0.1:1/a"},
		"a schema":              {"kustomization.yaml": "openapi: {path: 'https://127.0.0.1:1/a'}"},
		"a patch":               {"kustomization.yaml": "patches: [{path: 'https://127.0.0.1:1/a'}]"},
		"a JSON patch":          {"kustomization.yaml": "patchesJson6902: [{path: 'https://127.0.0.1:1/a', target: {kind: A}}]"},
		"a merge patch":         {"kustomization.yaml": "patchesStrategicMerge: ['https://127.0.0.1:1/a']"},
		"a replacement":         {"kustomization.yaml": "replacements: [{path: 'https://127.0.0.1:1/a'}]"},
		"a generated file":      {"kustomization.yaml": "configMapGenerator: [{name: a, files: ['k=https://127.0.0.1:1/a']}]"},
		"a generated secret":    {"kustomization.yaml": "secretGenerator: [{name: a, files: ['https://127.0.0.1:1/a']}]"},
		"an env file":           {"kustomization.yaml": "configMapGenerator: [{name: a, envs: ['https://127.0.0.1:1/a']}]"},
		"an old env file":       {"kustomization.yaml": "configMapGenerator: [{name: a, env: 'https://127.0.0.1:1/a'}]"},
		"a base of a base":      {"kustomization.yaml": "resources: [a]", "a/kustomization.yaml": "resources:\n  - https://127.0.0.1:1/x"},
		"a generator":           {"kustomization.yaml": "generators: ['https://127.0.0.1:1/a']"},
		"a plugin's file":       {"kustomization.yaml": "transformers: [t.yaml]", "t.yaml": plugin + "path: https://127.0.0.1:1/a"},
		"an inline plugin":      {"kustomization.yaml": "transformers:\n  - |-\n    " + strings.ReplaceAll(plugin, "\n", "\n    ") + "PATH: https://127.0.0.1:1/a"},
		"a plugin's alias":      {"kustomization.yaml": "transformers: [t.yaml]", "t.yaml": plugin + "x: &a https://127.0.0.1:1/a\npath: *a"},
		"a plugin that is made": {"kustomization.yaml": "transformers: [t]", "t/kustomization.yaml": "resources: [t.yaml]\npatches:\n  - target: {kind: PatchTransformer}\n    patch: |-\n      - op: replace\n        path: /path\n        value: https://127.0.0.1:1/a\n", "t/t.yaml": plugin + "path: local"},
		"a list of plugins":     {"kustomization.yaml": "generators: [t.yaml]", "t.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, name: x, files: ['https://127.0.0.1:1/a']}]"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			_, err := render.Kustomize(t.Context(), files(content), render.Kustomization{Dir: "."})
			var remote *render.RemoteError
			if !errors.As(err, &remote) {
				t.Errorf("error %v, want one about something remote", err)
			}
		})
	}
}

func TestRemoteErrorsSayWhereAndHideSecrets(t *testing.T) {
	t.Parallel()
	_, err := render.Kustomize(t.Context(), files(map[string]string{
		"env/kustomization.yaml": "# bases\nresources:\n  - a.yaml\n  - https://me:hunter2@example.com/x.yaml\n", "env/a.yaml": "",
	}), render.Kustomization{Dir: "env"})
	if err == nil || !strings.Contains(err.Error(), `env/kustomization.yaml: line 4: resources[1]: "https://example.com/x.yaml" is remote`) {
		t.Errorf("error %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestKustomizeRunsNoPrograms(t *testing.T) {
	t.Parallel()
	for rule, config := range map[string]string{
		"a program":   "apiVersion: acme.dev/v1\nkind: Exec\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}\n",
		"a container": "apiVersion: acme.dev/v1\nkind: Fn\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: 'container: {image: busybox}'}\n",
		"a plugin":    "apiVersion: acme.dev/v1\nkind: Own\nmetadata: {name: x}\n",
		"starlark":    "apiVersion: acme.dev/v1\nkind: Fn\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: 'starlark: {path: x.star}'}\n",
	} {
		for _, field := range []string{"generators", "transformers", "validators"} {
			_, err := render.Kustomize(t.Context(), files(map[string]string{
				"kustomization.yaml": field + ": [p.yaml]\nresources: [o.yaml]", "p.yaml": config,
				"o.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}",
			}), render.Kustomization{Dir: "."})
			if err == nil || !strings.Contains(err.Error(), "plugins") {
				t.Errorf("%s in %s: error %v", rule, field, err)
			}
		}
	}
}

func TestKustomizeStaysInside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for p, data := range map[string]string{
		"secret/passwd": "root", "ws/app/kustomization.yaml": "configMapGenerator: [{name: a, files: ['../../secret/passwd', 'p=/secret/passwd']}]",
	} {
		p = filepath.Join(root, p)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := render.Kustomize(t.Context(), os.DirFS(filepath.Join(root, "ws")), render.Kustomization{Dir: "app"})
	if err == nil {
		t.Errorf("it read outside:\n%s", b.YAML)
	}
}

func TestKustomizeIsBounded(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		n := string(rune('0' + i + 1))
		p := "*a" + string(rune('0'+i))
		laughs += "a" + n + ": &a" + n + " [" + strings.Join(slices.Repeat([]string{p}, 9), ", ") + "]\n"
	}
	many := fstest.MapFS{"0/kustomization.yaml": {Data: []byte("resources: [o.yaml]")}, "0/o.yaml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}")}}
	for i := range 14 {
		below, here := string(rune('a'+i)), string(rune('b'+i))
		if i == 0 {
			below = "0"
		}
		many[here+"/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources: [l, r]")}
		for _, side := range []string{"l", "r"} {
			many[here+"/"+side+"/kustomization.yaml"] = &fstest.MapFile{Data: []byte("namePrefix: " + side + "\nresources: [../../" + below + "]")}
		}
	}
	for rule, c := range map[string]struct {
		files fs.FS
		dir   string
	}{
		"aliases that multiply": {files(map[string]string{
			"kustomization.yaml": "resources: [o.yaml]", "o.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n" + laughs,
		}), "."},
		"an alias of itself":  {files(map[string]string{"kustomization.yaml": "resources: [o.yaml]", "o.yaml": "a: &a [*a]"}), "."},
		"bases that multiply": {many, "o"},
	} {
		if _, err := render.Kustomize(t.Context(), c.files, render.Kustomization{Dir: c.dir}); err == nil {
			t.Errorf("%s: no error", rule)
		}
	}
}
