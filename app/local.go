package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// LocalOptions configure a Local.
type LocalOptions struct {
	// InsecureRegistries may be asked over plain HTTP.
	InsecureRegistries []string
	// OutboundAllow is what steps may reach besides public addresses.
	OutboundAllow outbound.Allow
	// ServerURL is the Git host that Token is for, https://github.com if empty.
	ServerURL string
	// Token authenticates to that host; empty means anonymous.
	Token string
	Now   func() time.Time
}

// Local does without a server what needs none: it discovers, and previews
// Promotions against the clone that a directory lies in. It writes nothing.
type Local struct {
	repos      *localRepositories
	discoverer discover.Discoverer
	steps      *step.Registry
	site       promotion.Site
	head       tree.Hash
	charts     step.Charts
	now        func() time.Time
}

// OpenLocal opens the clone around dir. Outside any clone only discovery in other
// repositories works.
func OpenLocal(ctx context.Context, dir string, o LocalOptions) (*Local, error) {
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return nil, err
	}
	server := cmp.Or(o.ServerURL, gitHub)
	l := &Local{steps: steps, now: o.Now, repos: &localRepositories{remote: gitrepo.New(gitrepo.Options{
		AllowHTTP: loopback, Credentials: tokenFor(server, o.Token), AlwaysVerify: onServer(server),
	})}}
	if err := l.open(ctx, dir); err != nil {
		return nil, err
	}
	artifacts, err := openRegistries(registry.Options{Insecure: o.InsecureRegistries}, nil, o.Now)
	if err != nil {
		return nil, err
	}
	l.charts = charts{open: func(context.Context, int64) (*registry.Client, error) { return artifacts, nil }}
	l.discoverer = discover.Discoverer{
		Images: artifacts, Charts: artifacts,
		Commits: commits{repos: l.repos},
		RepoURL: l.site.RepoURL, Detail: true, Now: o.Now,
	}
	return l, nil
}

func (l *Local) open(ctx context.Context, dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	l.site.ServerURL = gitHub
	own, err := gitrepo.OpenLocal(abs)
	if err != nil {
		// Only what needs the clone is missing.
		l.repos.missing = fmt.Errorf("this needs a Git clone: %w", err)
		return nil
	}
	l.repos.own = own
	l.site.RepoURL = "file://" + filepath.ToSlash(abs)
	l.repos.urls = []string{l.site.RepoURL}
	if origin, err := gitrepo.Origin(abs); err == nil && origin != "" {
		l.site.RepoURL = webURL(origin)
		l.site.ServerURL = serverOf(l.site.RepoURL)
		l.repos.urls = append(l.repos.urls, l.site.RepoURL)
	}
	if l.site.DefaultBranch, l.head, err = headOf(ctx, own); err != nil {
		return fmt.Errorf("read HEAD of %s: %w", abs, err)
	}
	return l.nameDefaultBranch(ctx)
}

// nameDefaultBranch gives the files at HEAD the name that they have once they are
// merged: Stages that name the default branch mean them.
func (l *Local) nameDefaultBranch(ctx context.Context) error {
	const remotes = "refs/remotes/origin/"
	ref, err := l.repos.own.ResolveRef(ctx, remotes+"HEAD")
	if branch, ok := strings.CutPrefix(ref.Target, remotes); err == nil && ok {
		l.site.DefaultBranch = branch
	}
	if errors.Is(err, gitrepo.ErrRefNotFound) {
		return nil
	}
	return err
}

// Discover looks at one Warehouse now. Its Freight is withheld when its
// freightCreationCriteria do not admit it.
func (l *Local) Discover(ctx context.Context, w pipeline.Warehouse) (pipeline.Discovery, error) {
	d, err := l.discoverer.Discover(ctx, w, discover.Previous{})
	if err != nil {
		return pipeline.Discovery{}, err
	}
	f, ok := d.Freight()
	if !ok {
		return d, nil
	}
	switch satisfied, err := l.Admits(w, f); {
	case err != nil:
		d.Withheld = err.Error()
	case !satisfied:
		d.Withheld = "freightCreationCriteria is false: " + w.FreightCreationCriteria
	}
	return d, nil
}

// Admits says whether the Warehouse's freightCreationCriteria admit Freight.
func (l *Local) Admits(w pipeline.Warehouse, f pipeline.Freight) (bool, error) {
	return discover.Satisfied(w, f, l.now)
}

// RepoURL is the address of the pipeline's own repository without credentials.
func (l *Local) RepoURL() string { return l.site.RepoURL }

// Preview runs the steps of a Promotion on the files at HEAD.
func (l *Local) Preview(ctx context.Context, p pipeline.Promotion) (promotion.Preview, error) {
	switch {
	case l.repos.own == nil:
		return promotion.Preview{}, l.repos.missing
	case l.head.IsZero():
		return promotion.Preview{}, errors.New("the clone has no commit yet")
	}
	p.Repo = repositoryAt(l.site.RepoURL)
	p.ConfigSHA = l.head.String()
	ports := step.Ports{Git: previewGit{repos: l.repos, own: l}, Charts: l.charts, Now: l.now}
	return promotion.DryRun(ctx, l.steps, ports, p, l.site, slog.New(slog.DiscardHandler))
}
