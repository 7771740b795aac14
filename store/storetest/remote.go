package storetest

import (
	"encoding/json"

	"github.com/kargo-app/kargo/store"
)

var remoteTests = map[string]func(*fixture){
	"what was begun may exist, until its id is known": func(f *fixture) {
		f.repo()
		obj, fresh, err := f.BeginRemote(f.ctx, repoID, "deployment", "prod-1", at(1))
		want := store.RemoteObject{Kind: "deployment", Key: "prod-1", BegunAt: at(1)}
		f.equal("first", []any{obj, fresh, err}, []any{want, true, error(nil)})
		obj, fresh, err = f.BeginRemote(f.ctx, repoID, "deployment", "prod-1", at(2))
		f.equal("after a crash", []any{obj, fresh, err}, []any{want, false, error(nil)})
		want.ID, want.Hash = 77, "h"
		f.ok(f.SaveRemote(f.ctx, repoID, want))
		obj, fresh, err = f.BeginRemote(f.ctx, repoID, "deployment", "prod-1", at(3))
		f.equal("created", []any{obj, fresh, err}, []any{want, false, error(nil)})
		_, fresh, err = f.BeginRemote(f.ctx, repoID, "check", "prod-1", at(3))
		f.equal("another kind", []any{fresh, err}, []any{true, error(nil)})
	},
	"what was never begun cannot be saved": func(f *fixture) {
		f.repo()
		f.is(f.SaveRemote(f.ctx, repoID, store.RemoteObject{Kind: "check", Key: "x", ID: 1}), store.ErrNotFound)
		_, _, err := f.BeginRemote(f.ctx, 99, "check", "x", at(1))
		f.is(err, store.ErrNotFound)
	},
	"tags are cached per repository and replaced": func(f *fixture) {
		one := store.TagRecord{Tag: "1", Digest: "sha256:a", Created: at(1), Data: json.RawMessage(`{"os":"linux"}`)}
		two := store.TagRecord{Tag: "2", Digest: "sha256:b"}
		f.ok(f.PutTags(f.ctx, "u", nil))
		f.ok(f.PutTags(f.ctx, "u", []store.TagRecord{one, two}))
		f.equal("tags", must(f.Tags(f.ctx, "u", []string{"1", "2", "3"}))(f), map[string]store.TagRecord{"1": one, "2": two})
		one.Digest = "sha256:c"
		f.ok(f.PutTags(f.ctx, "u", []store.TagRecord{one}))
		f.equal("replaced", must(f.Tags(f.ctx, "u", []string{"1"}))(f), map[string]store.TagRecord{"1": one})
		f.equal("elsewhere", must(f.Tags(f.ctx, "v", []string{"1"}))(f), map[string]store.TagRecord{})
	},
	"a setting is what was put last": func(f *fixture) {
		_, err := f.Setting(f.ctx, "k")
		f.is(err, store.ErrNotFound)
		f.ok(f.PutSetting(f.ctx, "k", "1"))
		f.ok(f.PutSetting(f.ctx, "k", "2"))
		f.equal("setting", must(f.Setting(f.ctx, "k"))(f), "2")
	},
	"an open store is ready": func(f *fixture) { f.ok(f.Ready(f.ctx)) },
}
