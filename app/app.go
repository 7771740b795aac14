package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/app/sandbox"
	"github.com/kargo-app/kargo/app/vault"
	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/handlers/registryhook"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// jobsAtOnce is how many jobs run at the same time. They wait for GitHub most of
// the time.
const jobsAtOnce = 16

// Options are what New needs beside the configuration.
type Options struct {
	Log *slog.Logger
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Renderer renders manifests; nil renders in this process, which one hostile
	// template can then bring down.
	Renderer step.Renderer
}

// App is the server.
type App struct {
	cfg        Config
	log        *slog.Logger
	now        func() time.Time
	db         *sqlite.DB
	github     *ghapp.App
	metrics    *metrics
	inbox      *handlers.Inbox
	dispatcher *handlers.Dispatcher
	reconciler *reconcile.Reconciler
	safe       *Safe
	hooks      *registryhook.Handler
	callbacks  *handlers.Callbacks
	engine     *promotion.Engine
	main       *listener
	meters     *listener // nil when metrics are served with the rest
	// keyRefused says why GitHub does not accept the App's key, nil when it does
	// or has not been asked.
	keyRefused atomic.Pointer[string]
}

// New opens the database, listens, and wires everything together; nothing runs
// before Run. The caller must call Run or Close.
func New(ctx context.Context, cfg Config, o Options) (*App, error) {
	a := &App{cfg: cfg, log: o.Log, now: o.Now, metrics: newMetrics()}
	if a.now == nil {
		a.now = func() time.Time { return time.Now().UTC() }
	}
	if err := os.MkdirAll(filepath.Dir(cfg.DatabasePath), 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	db, err := sqlite.Open(ctx, cfg.DatabasePath, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	a.db = db
	if err := a.wire(o.Renderer); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if a.main, err = listen(ctx, cfg.Addr, a.router(), a.log); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if cfg.MetricsAddr != "" {
		if a.meters, err = listen(ctx, cfg.MetricsAddr, a.metricsHandler(), a.log); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

// Addr is the address that webhooks are served on.
func (a *App) Addr() string { return a.main.Addr().String() }

// DB is the stored state, for reading.
func (a *App) DB() *sqlite.DB { return a.db }

// Close releases what New opened, for an App that never ran.
func (a *App) Close() error {
	var errs []error
	for _, l := range []*listener{a.main, a.meters} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(append(errs, a.db.Close())...)
}

// Run serves and works until ctx ends, then lets what is in progress finish
// within ten seconds. Whatever does not is taken up at the next start.
func (a *App) Run(ctx context.Context) error {
	// This process is the only one on its database: leases of a predecessor that
	// was killed are nobody's.
	if err := a.db.ReleaseAll(ctx); err != nil {
		return errors.Join(fmt.Errorf("take over work in progress: %w", err), a.Close())
	}
	a.log.InfoContext(ctx, "kargo is up", "addr", a.Addr(), "github", a.cfg.GitHubURL, "app", a.cfg.AppID, "database", a.cfg.DatabasePath)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.main.serve(ctx) })
	if a.meters != nil {
		group.Go(func() error { return a.meters.serve(ctx) })
	}
	group.Go(func() error { a.workers().Run(ctx, jobsAtOnce); return nil })
	group.Go(func() error { a.keepInstallations(ctx); return nil })
	group.Go(func() error { a.sweepDeliveries(ctx); return nil })
	group.Go(func() error { a.prune(ctx); return nil })
	group.Go(func() error { a.retire(ctx); return nil })
	err := group.Wait()
	a.log.Info("kargo is down")
	return errors.Join(err, a.db.Close())
}

// cloneURL is the address under which GitHub serves a repository to Git.
func (a *App) cloneURL(r pipeline.Repo) string {
	return a.cfg.GitHubURL + "/" + r.String() + ".git"
}

// wire builds the object graph from the outside in.
func (a *App) wire(renderer step.Renderer) error {
	var err error
	a.github, err = ghapp.New(ghapp.Options{
		ServerURL: a.cfg.GitHubURL, AppID: a.cfg.AppID, PrivateKey: a.cfg.PrivateKey,
		Installations: a.installationOf, UserAgent: "kargo", Now: a.now, Log: a.log, Metrics: a.metrics.githubRequest,
	})
	if err != nil {
		return err
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return err
	}
	reader := a.github.ReaderOptions(gitrepo.Options{UserAgent: "kargo"})
	repos := gitrepo.New(reader)
	registries, err := openRegistries(
		registry.Options{Insecure: a.cfg.InsecureRegistries, Observe: a.metrics.registryRequest, UserAgent: "kargo"}, a.cfg.RegistryCredentials, a.now)
	if err != nil {
		return err
	}
	keys, err := vault.New(a.cfg.SecretKey)
	if err != nil {
		return err
	}
	a.safe = &Safe{db: a.db, vault: keys, now: a.now}

	tokens, err := newCallbacks(a.cfg.WebhookSecret, a.cfg.PublicURL)
	if err != nil {
		return err
	}
	a.callbacks = &handlers.Callbacks{Answers: a.db, Open: tokens.open, Now: a.now, Log: a.log}
	publisher := &promotion.Publisher{
		Remotes: remotes{db: a.db, now: a.now}, Checks: a.github.Checks(), Deployments: a.github.Deployments(), Comments: a.github.Comments(),
		Journeys: journeys{db: a.db, now: a.now}, History: history{db: a.db}, PublicURL: "", Started: a.now(), Now: a.now,
	}
	logins := &accounts{safe: a.safe, registries: registries, repos: repos, reader: reader}
	pulled := charts{open: logins.registry}
	git := a.github.Git(repos)
	a.engine = &promotion.Engine{
		Steps: steps,
		Ports: step.Ports{
			Git: git, Tags: git.Tags(), Pulls: a.github.Pulls(), Gates: a.github.Gates(), Queues: a.github.Queues(), Rules: a.github.Gates(),
			Histories: histories{db: a.db, github: a.github},
			Notes:     notes{db: a.db, now: a.now}, StageNotes: notes{db: a.db, now: a.now},
			Web:  web{allow: a.cfg.OutboundAllow},
			Mail: mails(a.cfg.OutboundAllow),
			Past: history{db: a.db}, PathCommits: a.github,
			Charts:   pulled,
			Renderer: renderer, RemoteBases: a.cfg.RemoteBases.allow,
			Audit:      audit{db: a.db, now: a.now},
			Repository: a.github.Repository, Workflows: a.github.Workflows(), WorkflowOutputs: a.github.Workflows(),
			Issues: a.github.Issues(), IssueComments: a.github.IssueComments(),
			Artifacts: artifacts{of: logins.registry, limit: a.cfg.OCIPushLimit},
			Sandbox:   sandbox.New(),
			Now:       a.now, PollInterval: a.cfg.PollInterval,
		},
		Verifier: a.verifier(), Reporter: publisher, Secrets: secrets{open: a.safe.Secret}, ServerURL: a.cfg.GitHubURL, PublicURL: a.cfg.PublicURL,
		DefaultBranch: a.defaultBranch, Log: a.log,
	}
	if a.cfg.PublicURL != "" {
		a.engine.Ports.Callback = tokens.address
	}
	tree := files{repos: repos, cloneURL: a.cloneURL}
	sources := &handlers.Sources{Hints: a.db, CloneURL: a.cloneURL, Now: a.now, Log: a.log}
	dryRuns := matcher{repos: repos, charts: pulled, renderer: renderer, bases: a.cfg.RemoteBases, steps: steps, server: a.cfg.GitHubURL, cloneURL: a.cloneURL, now: a.now, log: a.log}
	comments := &handlers.Comments{
		Sources: sources, People: people{App: a.github, publisher: publisher, cloneURL: a.cloneURL}, State: a.db,
		Previewer: previewer{dryRuns}, Registry: imageLookup{logins}, Carriers: a.db,
		Unstarted: func(repo int64) map[string]string { return a.reconciler.Unstarted(repo) },
	}
	speaker := &voice{db: a.db, publisher: publisher, comments: comments, files: tree, steps: steps, now: a.now}
	a.reconciler = &reconcile.Reconciler{
		Configs: a.db, Discoveries: a.db, Decisions: a.db, Files: tree, Voice: speaker, Steps: steps,
		Discoverer: sourceDiscoverer{
			base:     discover.Discoverer{Cache: tagCache{db: a.db}, Now: a.now},
			accounts: logins,
			cloneURL: a.cloneURL,
		},
		Matcher: dryRuns, Tasks: tasks{repos: repos, known: a.db, cloneURL: a.cloneURL}, Work: a.db,
		CloneURL: a.cloneURL, Interval: a.cfg.ReconcileInterval, Now: a.now, Log: a.log,
	}
	if a.hooks, err = registryhook.New(a.cfg.RegistryWebhooks, a.db, registryhook.Options{
		Received: a.metrics.registryHook, Now: a.now, Log: a.log,
	}); err != nil {
		return err
	}
	a.inbox = &handlers.Inbox{Secret: a.cfg.WebhookSecret, Deliveries: a.db, Received: a.metrics.received, Now: a.now, Log: a.log}
	pulls := &handlers.Pulls{Sources: sources, Configs: speaker, Groups: groups{app: a, publisher: publisher}}
	installations := &handlers.Installations{Sources: sources, Registrar: registrar{DB: a.db, app: a}}
	a.dispatcher = &handlers.Dispatcher{
		Journal: a.db, Now: a.now, Log: a.log,
		Handlers: map[string]handlers.Handler{
			"push":                      sources.Push,
			"package":                   sources.Package,
			"registry_package":          sources.Package,
			"pull_request":              pulls.PullRequest,
			"pull_request_review":       pulls.PullRequest,
			"merge_group":               pulls.MergeGroup,
			"check_run":                 pulls.Commit,
			"check_suite":               pulls.Commit,
			"status":                    pulls.Commit,
			"workflow_run":              pulls.WorkflowRun,
			"deployment_status":         pulls.DeploymentStatus,
			"issues":                    pulls.Issue,
			"issue_comment":             comments.Comment,
			"installation":              installations.Installation,
			"installation_repositories": installations.Repositories,
			"repository":                installations.Repository,
		},
	}
	return nil
}

// workers runs the three kinds of work.
func (a *App) workers() *workers {
	return &workers{
		queue: a.db, now: a.now, log: a.log, done: a.metrics.job,
		run: map[store.WorkKind]func(context.Context, store.Job) (time.Time, error){
			store.WorkDelivery: func(ctx context.Context, j store.Job) (time.Time, error) {
				return a.dispatcher.Dispatch(ctx, j.Key)
			},
			store.WorkReconcile: func(ctx context.Context, j store.Job) (time.Time, error) {
				id, name, err := store.ParseReconcileKey(j.Key)
				if err != nil {
					return time.Time{}, err
				}
				return a.reconciler.Reconcile(ctx, id, name)
			},
			store.WorkStage: func(ctx context.Context, j store.Job) (time.Time, error) {
				id, stage, err := store.ParseStageKey(j.Key)
				if err != nil {
					return time.Time{}, err
				}
				return a.engine.Advance(ctx, ledger{db: a.db, job: j, repo: id, name: stage, now: a.now})
			},
		},
	}
}

// installationOf finds who serves a repository among what is stored.
func (a *App) installationOf(ctx context.Context, owner, name string) (installation, repoID int64, err error) {
	r, err := a.db.RepoByName(ctx, owner, name)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	return r.Installation, r.ID, err
}

func (a *App) defaultBranch(ctx context.Context, r pipeline.Repo) (string, error) {
	rec, err := a.db.Repo(ctx, r.ID)
	if err != nil {
		return "", err
	}
	return rec.DefaultBranch, nil
}
