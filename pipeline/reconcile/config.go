package reconcile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// rootFile is where a repository declares its root pipeline.
const rootFile = ".kargo.yaml"

// config reads .kargo.yaml and the files that it includes if the default branch
// moved. An invalid file never replaces the last good one; a file that is gone
// takes its pipeline along. While the root's file is invalid, what it includes is
// not known, and everything stays.
func (r *Reconciler) config(ctx context.Context, rec store.RepoRecord) (store.RepoRecord, error) {
	head, err := r.Files.Head(ctx, rec)
	if err != nil {
		return rec, err
	}
	if head == rec.Config.SeenSHA {
		return rec, nil
	}
	var data []byte
	blob := ""
	if head != "" {
		if data, blob, err = r.Files.Config(ctx, rec, head); err != nil {
			return rec, err
		}
	}
	l := look{head: head, blob: blob, fresh: blob != rec.Config.SeenBlob, cfg: rec.Config}
	l.cfg.SeenSHA, l.cfg.SeenBlob = head, blob
	switch {
	case blob != "":
		l.root = r.parse(rec, FileRef{rootFile, blob}, "", data)
		if err := r.include(ctx, rec, &l); err != nil {
			return rec, err
		}
	case rec.Config.SeenBlob != "" || rec.Config.Pipeline != nil:
		r.Log.InfoContext(ctx, "configuration removed", "repo", rec.Repo.String(), "commit", head)
		l.cfg.Pipeline, l.cfg.SHA, l.cfg.Blob, l.cfg.Problems, l.fresh = nil, "", "", nil, true
		l.replace(nil)
	}
	if l.fresh && l.root.File != nil {
		l.cfg.Pipeline, l.cfg.SHA, l.cfg.Blob = &l.root.File.Pipeline, head, blob
	}
	if len(l.changed) > 0 && l.root.File != nil {
		l.cfg.SHA = head
	}
	if err := r.tell(ctx, rec, &l); err != nil {
		return rec, err
	}
	return r.saveConfig(ctx, rec, &l)
}

// look is what one look at the configuration found.
type look struct {
	head, blob string
	// fresh means that the root's file is not the one that was looked at last.
	fresh bool
	root  Checked
	// included are the files that its globs match.
	included []Checked
	// cfg is what is stored of it, changed the names of the included pipelines that
	// differ from what was stored before.
	cfg     store.Config
	changed []string
}

// tell publishes the check run when there is anything new to say. It comes before
// the look is recorded: should it fail, the same commit is read again. A host that
// refuses it for good must not keep the pipelines from running.
func (r *Reconciler) tell(ctx context.Context, rec store.RepoRecord, l *look) error {
	if l.blob == "" {
		return nil
	}
	problems, err := l.problems()
	if err != nil {
		return err
	}
	if !l.fresh && len(l.changed) == 0 && string(problems) == string(rec.Config.Problems) {
		return nil
	}
	l.cfg.Problems = problems
	r.Log.InfoContext(ctx, "configuration read", "repo", rec.Repo.String(), "commit", l.head,
		"valid", l.root.File != nil, "included", len(l.included), "changed", len(l.changed))
	if err := r.Voice.Config(ctx, rec, l.head, l.root, l.included); err != nil {
		if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
			return err
		}
		r.Log.ErrorContext(ctx, "configuration check not published", "repo", rec.Repo.String(), "commit", l.head, "err", err)
	}
	return nil
}

// problem is one of the root's file, or of one that it includes.
type problem struct {
	File string `json:"file,omitempty"`
	kargofile.Problem
}

// problems are all that were found, as they are stored: nil for none.
func (l *look) problems() (json.RawMessage, error) {
	var all []problem
	for _, c := range append([]Checked{l.root}, l.included...) {
		file := c.Path
		if file == rootFile {
			file = ""
		}
		for _, p := range c.Problems {
			all = append(all, problem{File: file, Problem: p})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode problems: %w", err)
	}
	return raw, nil
}

// saveConfig records the look. What wants the jobs of changed pipelines to run is
// asked for before it, in case the process dies in between, and again after it, in
// case they were quicker.
func (r *Reconciler) saveConfig(ctx context.Context, rec store.RepoRecord, l *look) (store.RepoRecord, error) {
	if err := r.wakeChanged(ctx, rec, l.changed); err != nil {
		return rec, err
	}
	var subs []store.Subscription
	if l.fresh || len(l.changed) > 0 {
		subs = []store.Subscription{}
		if l.cfg.Pipeline != nil {
			subs = r.subscriptions(rec, *l.cfg.Pipeline)
		}
		for _, p := range l.cfg.Included {
			subs = append(subs, r.subscriptions(rec, p)...)
		}
	}
	if err := r.Configs.SaveConfig(ctx, rec.ID, l.cfg, subs, r.Now()); err != nil {
		return rec, fmt.Errorf("store configuration: %w", err)
	}
	rec.Config = l.cfg
	return rec, r.wakeChanged(ctx, rec, l.changed)
}

func (r *Reconciler) wakeChanged(ctx context.Context, rec store.RepoRecord, names []string) error {
	for _, name := range names {
		if err := r.Work.Enqueue(ctx, store.WorkReconcile, store.PipelineKey(rec.ID, name), r.Now()); err != nil {
			return fmt.Errorf("wake pipeline %s of %s: %w", name, rec.Repo, err)
		}
	}
	return nil
}
