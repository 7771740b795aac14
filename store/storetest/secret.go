package storetest

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

var secretTests = map[string]func(*fixture){
	"a secret is kept per repository, replaced, listed without its value, and deleted": func(f *fixture) {
		f.repo()
		f.ok(f.PutRepo(f.ctx, repoRecord(7, "acme", "other"), at(0)))
		f.ok(f.PutSecret(f.ctx, repoID, "b", []byte{0, 1, 2}, at(1)))
		f.ok(f.PutSecret(f.ctx, repoID, "a", nil, at(2)))
		f.ok(f.PutSecret(f.ctx, repoID, "b", []byte{3}, at(3)))
		f.equal("value", must(f.Secret(f.ctx, repoID, "b"))(f), []byte{3})
		f.equal("empty", must(f.Secret(f.ctx, repoID, "a"))(f), []byte{})
		f.equal("list", must(f.Secrets(f.ctx, repoID))(f), []store.SecretHead{{Name: "a", UpdatedAt: at(2)}, {Name: "b", UpdatedAt: at(3)}})
		_, err := f.Secret(f.ctx, 7, "b")
		f.is(err, store.ErrNotFound)
		f.is(f.DeleteSecret(f.ctx, 7, "b"), store.ErrNotFound)
		f.ok(f.DeleteSecret(f.ctx, repoID, "b"))
		_, err = f.Secret(f.ctx, repoID, "b")
		f.is(err, store.ErrNotFound)
		f.is(f.PutSecret(f.ctx, 99, "b", nil, at(1)), store.ErrNotFound)
		if f.PutSecret(f.ctx, repoID, "", nil, at(1)) == nil {
			f.Fatal("a secret has no name")
		}
	},
	"a credential is known by kind and URL, replaced, listed without its secret part, and deleted": func(f *fixture) {
		f.repo()
		want := store.Credential{
			CredentialHead: store.CredentialHead{Kind: pipeline.ImageArtifact, URL: "ghcr.io/acme/.*", Regex: true, Username: "bot", UpdatedAt: at(2)},
			Ciphertext:     []byte{9, 0},
		}
		old := want
		old.Regex, old.Username, old.Ciphertext = false, "x", nil
		f.ok(f.PutCredential(f.ctx, repoID, old, at(1)))
		f.ok(f.PutCredential(f.ctx, repoID, want, at(2)))
		git := want
		git.Kind = pipeline.GitArtifact
		f.ok(f.PutCredential(f.ctx, repoID, git, at(2)))
		f.equal("credential", must(f.Credential(f.ctx, repoID, pipeline.ImageArtifact, want.URL))(f), want)
		f.equal("list", must(f.Credentials(f.ctx, repoID))(f), []store.CredentialHead{git.CredentialHead, want.CredentialHead})
		f.ok(f.DeleteCredential(f.ctx, repoID, pipeline.ImageArtifact, want.URL))
		f.is(f.DeleteCredential(f.ctx, repoID, pipeline.ImageArtifact, want.URL), store.ErrNotFound)
		_, err := f.Credential(f.ctx, repoID, pipeline.ChartArtifact, want.URL)
		f.is(err, store.ErrNotFound)
		wrong := want
		wrong.Kind = "floppy"
		if f.PutCredential(f.ctx, repoID, wrong, at(1)) == nil {
			f.Fatal("a credential is for a kind that does not exist")
		}
	},
	"a credential makes those due who may need it": func(f *fixture) {
		f.repo()
		f.configure("1", at(1), warehouse("web"))
		f.discovered(at(2), at(300))
		c := store.Credential{CredentialHead: store.CredentialHead{Kind: pipeline.ChartArtifact, URL: "ghcr.io/acme"}, Ciphertext: []byte{1}}
		f.ok(f.PutCredential(f.ctx, repoID, c, at(3)))
		f.equal("for charts", must(f.Warehouses(f.ctx, repoID))(f)[0].Due, at(300))
		c.Kind = pipeline.ImageArtifact
		f.ok(f.PutCredential(f.ctx, repoID, c, at(4)))
		f.equal("for images", must(f.Warehouses(f.ctx, repoID))(f)[0].Due, at(4))
		f.equal("work", f.claim(store.WorkReconcile, at(4)).Key, store.ReconcileKey(repoID, "web"))
	},
}
