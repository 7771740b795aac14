package reconcile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// config reads .kargo.yaml if the default branch moved. An invalid file never
// replaces the last good one; a file that is gone takes its pipeline along.
func (r *Reconciler) config(ctx context.Context, rec store.RepoRecord) (store.RepoRecord, error) {
	head, err := r.Files.Head(ctx, rec)
	if err != nil {
		return rec, err
	}
	if head == rec.Config.SeenSHA {
		return rec, nil
	}
	cfg := rec.Config
	cfg.SeenSHA = head
	var data []byte
	blob := ""
	if head != "" {
		if data, blob, err = r.Files.Config(ctx, rec, head); err != nil {
			return rec, err
		}
	}
	// A look that was never taken has no blob either.
	if blob == cfg.SeenBlob && (blob != "" || cfg.Pipeline == nil) {
		return r.saveConfig(ctx, rec, cfg)
	}
	cfg.SeenBlob, cfg.Problems = blob, nil
	if blob == "" {
		r.Log.InfoContext(ctx, "configuration removed", "repo", rec.Repo.String(), "commit", head)
		cfg.Pipeline, cfg.SHA, cfg.Blob = nil, "", ""
		return r.saveConfig(ctx, rec, cfg)
	}
	file, problems := kargofile.Parse(data, kargofile.Options{Repo: rec.Name, Steps: r.Steps})
	if file != nil {
		cfg.Pipeline, cfg.SHA, cfg.Blob = &file.Pipeline, head, blob
	}
	if len(problems) > 0 {
		if cfg.Problems, err = json.Marshal(problems); err != nil {
			return rec, fmt.Errorf("encode problems: %w", err)
		}
	}
	r.Log.InfoContext(ctx, "configuration read", "repo", rec.Repo.String(), "commit", head, "valid", file != nil)
	// The check run comes first: should it fail, the same commit is read again. A
	// host that refuses it for good must not keep the pipeline from running.
	if err := r.Voice.Config(ctx, rec, head, file, problems); err != nil {
		if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
			return rec, err
		}
		r.Log.ErrorContext(ctx, "configuration check not published", "repo", rec.Repo.String(), "commit", head, "err", err)
	}
	return r.saveConfig(ctx, rec, cfg)
}

func (r *Reconciler) saveConfig(ctx context.Context, rec store.RepoRecord, cfg store.Config) (store.RepoRecord, error) {
	rec.Config = cfg
	var subs []store.Subscription
	if cfg.Pipeline != nil {
		subs = r.subscriptions(rec, *cfg.Pipeline)
	}
	if err := r.Configs.SaveConfig(ctx, rec.ID, cfg, subs, r.Now()); err != nil {
		return rec, fmt.Errorf("store configuration: %w", err)
	}
	return rec, nil
}
