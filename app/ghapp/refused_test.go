package ghapp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/ghapp"
)

func TestKeyRefused(t *testing.T) {
	t.Parallel()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ghapp.Options){
		"unknown App":            func(o *ghapp.Options) { o.AppID = appID + 1 },
		"key of somebody else's": func(o *ghapp.Options) { o.PrivateKey = foreign },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *forge.Options, _ *forge.RepoOptions, o *ghapp.Options) { change(o) })
			if _, err := w.app.InstallationRepos(t.Context()); !ghapp.KeyRefused(err) {
				t.Errorf("err = %v, want a refused key", err)
			}
		})
	}
	t.Run("a repository that is gone is no refusal", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if _, err := w.app.ReposOf(t.Context(), w.install+1000); err == nil || ghapp.KeyRefused(err) {
			t.Errorf("err = %v, want one that is no refusal of the key", err)
		}
	})
}
