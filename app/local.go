package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
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
	// Token authenticates to GitHub; empty means anonymous.
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
	now        func() time.Time
}

// OpenLocal opens the clone around dir. Outside any clone only discovery in other
// repositories works.
func OpenLocal(dir string, o LocalOptions) (*Local, error) {
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return nil, err
	}
	l := &Local{steps: steps, now: o.Now, repos: &localRepositories{remote: gitrepo.New(gitrepo.Options{
		AllowHTTP: loopback,
		Credentials: func(_ context.Context, repoURL string) (string, string, error) {
			if u, err := url.Parse(repoURL); err == nil && u.Host == "github.com" && o.Token != "" {
				return "x-access-token", o.Token, nil
			}
			return "", "", nil
		},
	})}}
	if err := l.open(dir); err != nil {
		return nil, err
	}
	l.discoverer = discover.Discoverer{
		Images:  registry.New(registry.Options{Insecure: o.InsecureRegistries, Now: o.Now}),
		Commits: commits{repos: l.repos},
		RepoURL: l.site.RepoURL, Detail: true, Now: o.Now,
	}
	return l, nil
}

func (l *Local) open(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	own, err := gitrepo.OpenLocal(abs)
	if err != nil {
		l.repos.missing = fmt.Errorf("%s is not in a Git clone", abs)
		return nil //nolint:nilerr // only what needs the clone is missing
	}
	ctx := context.Background()
	l.repos.own = own
	l.site = promotion.Site{RepoURL: "file://" + filepath.ToSlash(abs), ServerURL: "https://github.com"}
	if origin, err := gitrepo.Origin(abs); err == nil && origin != "" {
		l.site.RepoURL = origin
		if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.HasPrefix(u.Scheme, "http") {
			u.User = nil // an origin may hold a password, which expressions must not see
			l.site.RepoURL, l.site.ServerURL = u.String(), u.Scheme+"://"+u.Host
		}
	}
	l.repos.url = l.site.RepoURL
	branch, head, err := own.DefaultBranch(ctx)
	if errors.Is(err, gitrepo.ErrRefNotFound) { // a detached HEAD
		ref, refErr := own.ResolveRef(ctx, "HEAD")
		branch, head, err = "HEAD", ref.Hash, refErr
	}
	if err != nil {
		return fmt.Errorf("read HEAD of %s: %w", abs, err)
	}
	l.site.DefaultBranch, l.head = branch, head
	return nil
}

// Discover looks at one Warehouse now.
func (l *Local) Discover(ctx context.Context, w pipeline.Warehouse) (pipeline.Discovery, error) {
	return l.discoverer.Discover(ctx, w, discover.Previous{})
}

// Satisfied says whether the Warehouse's freightCreationCriteria admit Freight.
func (l *Local) Satisfied(w pipeline.Warehouse, f pipeline.Freight) (bool, error) {
	return discover.Satisfied(w, f, l.now)
}

// Preview runs the steps of a Promotion on the files at HEAD.
func (l *Local) Preview(ctx context.Context, p pipeline.Promotion) (promotion.Preview, error) {
	if l.repos.own == nil {
		return promotion.Preview{}, l.repos.missing
	}
	p.Repo = l.repository()
	p.ConfigSHA = l.head.String()
	ports := step.Ports{Git: previewGit{repos: l.repos, own: l}, Now: l.now}
	return promotion.DryRun(ctx, l.steps, ports, p, l.site, slog.New(slog.DiscardHandler))
}

// repository names the clone after its origin, else after its directory.
func (l *Local) repository() pipeline.Repo {
	parts := strings.Split(strings.TrimSuffix(pipeline.NormalizeGitURL(l.site.RepoURL), "/"), "/")
	r := pipeline.Repo{Owner: "local", Name: parts[len(parts)-1]}
	if len(parts) > 4 { // https: "" host owner name
		r.Owner = parts[len(parts)-2]
	}
	return r
}

// localRepositories opens the clone for its own address, local paths as they are,
// and everything else over HTTP.
type localRepositories struct {
	own     *gitrepo.Repository
	url     string
	missing error
	remote  *gitrepo.Client
}

// Repository implements repositories.
func (l *localRepositories) Repository(repoURL string) (*gitrepo.Repository, error) {
	if repoURL == "" || pipeline.NormalizeGitURL(repoURL) == pipeline.NormalizeGitURL(l.url) {
		if l.own == nil {
			return nil, l.missing
		}
		return l.own, nil
	}
	if path, ok := strings.CutPrefix(repoURL, "file://"); ok {
		return gitrepo.OpenLocal(path)
	}
	if filepath.IsAbs(repoURL) {
		return gitrepo.OpenLocal(repoURL)
	}
	return l.remote.Repository(repoURL)
}

// previewGit is step.Git without effects: commits are named and not stored.
type previewGit struct {
	repos repositories
	// own, if set, makes a checkout of the default branch one of HEAD.
	own *Local
}

var _ step.Git = previewGit{}

// Checkout implements step.Git.
func (g previewGit) Checkout(ctx context.Context, repoURL string, ref step.Ref) (*tree.Checkout, error) {
	repo, err := g.repos.Repository(repoURL)
	if err != nil {
		return nil, err
	}
	branch := ref.Branch
	var h tree.Hash
	switch {
	case ref.Commit != "":
		h, err = tree.ParseHash(ref.Commit)
	case ref.Tag != "":
		h, err = repo.ResolveTag(ctx, ref.Tag)
	case g.own != nil && repo == g.own.repos.own && (branch == "" || branch == g.own.site.DefaultBranch):
		branch, h = g.own.site.DefaultBranch, g.own.head
	case branch != "":
		h, err = resolveBranch(ctx, repo, branch)
	default:
		branch, h, err = repo.DefaultBranch(ctx)
	}
	if errors.Is(err, gitrepo.ErrRefNotFound) {
		return nil, fmt.Errorf("%w: %w", step.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	c, err := repo.Commit(ctx, h)
	if err != nil {
		return nil, err
	}
	return tree.NewCheckout(repoURL, branch, h, repo, c.Tree), nil
}

// Commit implements step.Git.
func (g previewGit) Commit(_ context.Context, c *tree.Checkout) (string, error) {
	pending := c.Pending()
	return tree.HashObject(tree.Tree, []byte(pending[len(pending)-1].Tree.String())).String(), nil
}

// Push implements step.Git; a preview never gets there.
func (g previewGit) Push(context.Context, *tree.Checkout, step.PushRequest) (step.PushResult, error) {
	return step.PushResult{}, errors.New("a preview pushes nothing")
}

// DeleteBranch implements step.Git; a preview never gets there.
func (g previewGit) DeleteBranch(context.Context, string, string) error {
	return errors.New("a preview deletes nothing")
}
