package storetest

var metadataTests = map[string]func(*fixture){
	"metadata of stages is kept by key, and by pipeline": func(f *fixture) {
		f.repo()
		f.ok(f.PutStageMetadata(f.ctx, repoID, "prod", map[string]any{"ticket": "OPS-7", "links": map[string]any{"a": 1.0}, "gone": true}))
		f.ok(f.PutStageMetadata(f.ctx, repoID, "prod", map[string]any{"links": []any{"b"}, "gone": nil, "never": nil}))
		f.ok(f.PutStageMetadata(f.ctx, repoID, "shop/prod", map[string]any{"x": 2.0}))
		f.equal("root pipeline", must(f.StageMetadata(f.ctx, repoID, ""))(f),
			map[string]map[string]any{"prod": {"ticket": "OPS-7", "links": []any{"b"}}})
		f.equal("included one", must(f.StageMetadata(f.ctx, repoID, "shop"))(f), map[string]map[string]any{"shop/prod": {"x": 2.0}})
		f.equal("another", len(must(f.StageMetadata(f.ctx, repoID, "other"))(f)), 0)
	},
}
