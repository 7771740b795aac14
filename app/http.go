package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/handlers/registryhook"
)

// drainTime is how long requests and jobs in progress may take after the server
// was told to stop.
const drainTime = 8 * time.Second

func (a *App) router() http.Handler {
	r := chi.NewRouter()
	r.Method(http.MethodPost, "/webhooks/github", a.inbox)
	r.Method(http.MethodPost, handlers.CallbackPath+"{token}", a.callbacks)
	r.Handle(registryhook.Prefix+"*", a.hooks)
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	r.Get("/readyz", a.readyz)
	if a.cfg.MetricsAddr == "" {
		r.Method(http.MethodGet, "/metrics", a.metricsHandler())
	}
	return r
}

func (a *App) metricsHandler() http.Handler {
	return promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{})
}

// readyz says whether the server can do its work: the database answers, its
// migrations are current, and GitHub accepts the App's key.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	checks := map[string]string{"database": "ok", "key": "ok"}
	status := http.StatusOK
	if err := a.db.Ready(ctx); err != nil {
		a.log.WarnContext(ctx, "database is not ready", "err", err)
		checks["database"], status = "not ready", http.StatusServiceUnavailable
	}
	if why := a.keyRefused.Load(); why != nil {
		checks["key"], status = *why, http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(checks) // the client went away
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client went away
}

// listener is one address being served.
type listener struct {
	net.Listener
	server *http.Server
}

func listen(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (*listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return &listener{Listener: l, server: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// serve serves until ctx ends and then lets requests in progress finish.
func (l *listener) serve(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() { stopped <- l.server.Serve(l.Listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := l.server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop serving %s: %w", l.Addr(), err)
	}
	return nil
}
