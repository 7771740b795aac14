package render_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kargo-app/kargo/manifest/render"
)

// mounts are repositories that lie among the files already, by "URL ref".
type mounts map[string]string

func (m mounts) Mount(_ context.Context, repoURL, ref string) (string, error) {
	dir, ok := m[repoURL+" "+ref]
	if !ok {
		return "", render.ErrRemoteNotAllowed
	}
	return dir, nil
}

func remoteFiles(address string) fstest.MapFS {
	return files(map[string]string{
		"env/prod/kustomization.yaml":          "namePrefix: prod-\nresources: ['" + address + "']\n",
		".bases/0/web/kustomization.yaml":      "resources: [../common, a.yaml]\n",
		".bases/0/web/a.yaml":                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		".bases/0/common/kustomization.yaml":   "resources: ['https://github.com/acme/more.git?ref=v2']\n",
		".bases/1/kustomization.yaml":          "resources: [b.yaml]\n",
		".bases/1/b.yaml":                      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
		".bases/2/kustomization.yaml":          "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n",
		"env/prod/components/unused/.gitkeep":  "",
		"env/prod/secret/not-of-the-base.yaml": "",
	})
}

func TestAllowedBasesOfOtherRepositoriesAreBuilt(t *testing.T) {
	t.Parallel()
	remotes := mounts{
		"https://github.com/acme/bases v1.0.0": ".bases/0", "https://github.com/acme/more v2": ".bases/1",
		"https://git.example.com/group/sub/bases v1.0.0": ".bases/0",
	}
	for _, address := range []string{
		"https://github.com/acme/bases//web?ref=v1.0.0",
		"https://github.com/acme/bases.git//web?ref=v1.0.0&timeout=90s",
		"https://github.com/acme/bases/web?ref=v1.0.0",
		"https://github.com/acme/bases/web/?version=v1.0.0",
		"github.com/acme/bases//web?ref=v1.0.0",
		"git::https://github.com/acme/bases//web?ref=v1.0.0",
		"https://git.example.com/group/sub/bases.git/web?ref=v1.0.0",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			b, err := render.Kustomize(t.Context(), remoteFiles(address), render.Kustomization{Dir: "env/prod", Remotes: remotes})
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Objects) != 2 || b.Objects[0].Name != "prod-a" || b.Objects[1].Name != "prod-b" {
				t.Errorf("built: %s", b.YAML)
			}
		})
	}
}

func TestOtherBasesOfOtherRepositoriesAreRefused(t *testing.T) {
	t.Parallel()
	remotes := mounts{"https://github.com/acme/bases v1.0.0": ".bases/0", "https://github.com/acme/../bases v1.0.0": ".bases/0"}
	for address, want := range map[string]string{
		"https://github.com/acme/bases//web":                  "?ref=",
		"https://github.com/acme/other//web?ref=v1.0.0":       "does not allow",
		"https://github.com/acme/bases//../../web?ref=v1.0.0": "is remote",
		"https://github.com/acme/..//bases?ref=v1.0.0":        "is remote",
		"https://u:p@github.com/acme/bases?ref=v1.0.0":        "is remote",
		"http://github.com/acme/bases?ref=v1.0.0":             "is remote",
		"git@github.com:acme/bases.git//web?ref=v1.0.0":       "is remote",
		"ssh://git@github.com/acme/bases.git//web?ref=v1.0.0": "is remote",
		"file:///etc": "is remote",
		"https://raw.githubusercontent.com/acme/bases/v1/a.yaml": "?ref=",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			_, err := render.Kustomize(t.Context(), remoteFiles(address), render.Kustomization{Dir: "env/prod", Remotes: remotes})
			var remote *render.RemoteError
			if !errors.As(err, &remote) || !strings.Contains(err.Error(), want) || remote.Line != 2 || remote.Field != "resources[0]" {
				t.Errorf("error %v, want %q in it", err, want)
			}
			if strings.Contains(err.Error(), "u:p@") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}
