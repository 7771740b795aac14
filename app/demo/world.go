package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/ociregistry"
)

// world is the example organisation and all that serves it: GitHub, the registry
// and the server under show.
type world struct {
	github   *forge.Server
	registry *ociregistry.Registry
	server   *app.App
	// image is the image repository that the pipeline watches.
	image string
	// pageURL is where the page is, without a trailing slash.
	pageURL string
	// happened rings when something may have changed on GitHub.
	happened *bell
	now      func() time.Time

	githubListener, registryListener net.Listener
}

// newWorld opens ports and the database and seeds the organisation; nothing runs
// before run. dir must be an empty directory.
func newWorld(ctx context.Context, dir, pageURL string, log *slog.Logger) (w *world, err error) {
	w = &world{registry: ociregistry.New(ociregistry.Options{}), pageURL: pageURL, happened: newBell(), now: time.Now}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.githubListener, _, err = listen(ctx, "127.0.0.1:0", false); err != nil {
		return nil, err
	}
	if w.registryListener, _, err = listen(ctx, "127.0.0.1:0", false); err != nil {
		return nil, err
	}
	who, err := newOperator()
	if err != nil {
		return nil, err
	}
	githubURL, registryHost := "http://"+w.githubListener.Addr().String(), w.registryListener.Addr().String()
	w.image = registryHost + "/" + imageName

	repositories := filepath.Join(dir, "github")
	if err := os.MkdirAll(repositories, 0o700); err != nil {
		return nil, err
	}
	w.github, err = forge.New(forge.Options{
		Dir: repositories, BaseURL: githubURL, Logger: log.With("component", "simulator"),
		App: forge.App{ID: appID, Slug: "kargo", Name: "kargo", PublicKey: &who.key.PublicKey},
	})
	if err != nil {
		return nil, fmt.Errorf("start the GitHub simulator: %w", err)
	}
	cfg, err := who.config(githubURL, pageURL, registryHost, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	if w.server, err = app.New(ctx, cfg, app.Options{Log: log}); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	w.github.SetWebhook("http://"+w.server.Addr()+"/webhooks/github", who.secret)
	if _, err := w.registry.Push(w.build(firstVersion)); err != nil {
		return nil, err
	}
	if err := seed(w.github, w.image); err != nil {
		return nil, fmt.Errorf("seed the example: %w", err)
	}
	return w, nil
}

// close releases what newWorld opened, for a world that never ran.
func (w *world) close() {
	for _, l := range []net.Listener{w.githubListener, w.registryListener} {
		if l != nil {
			_ = l.Close() // nothing was served
		}
	}
	if w.server != nil {
		_ = w.server.Close()
	}
}

// run serves until ctx ends and joins everything. It must be called once.
func (w *world) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, w.githubListener, w.front()) })
	group.Go(func() error { return serve(ctx, w.registryListener, w.registry) })
	group.Go(func() error { return w.github.Run(ctx) })
	group.Go(func() error { return w.checkManifests(ctx) })
	group.Go(func() error {
		if err := w.server.Run(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("the server stopped: %w", err)
		}
		return nil
	})
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// front is the simulator as the world sees it. The simulator has no pages for
// people, so links to a pull request lead to the demo's page, and every request
// that may change something is announced.
func (w *world) front() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+configRepo+"/pull/{number}", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, w.pageURL+"/?pr="+url.QueryEscape(r.PathValue("number")), http.StatusFound)
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		w.github.ServeHTTP(rw, r)
		if r.Method != http.MethodGet {
			w.happened.ring()
		}
	})
	return mux
}
