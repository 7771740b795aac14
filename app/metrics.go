package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/store"
)

// metrics are what /metrics shows. Labels hold no name of a repository, Stage or
// person: their number is bounded.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	jobs       *prometheus.HistogramVec
	github     *prometheus.HistogramVec
	registries *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kargo_webhook_deliveries_total", Help: "Webhook deliveries received, by event and outcome.",
		}, []string{"event", "outcome"}),
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kargo_job_seconds", Help: "Time that jobs took, by kind and result.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 8),
		}, []string{"kind", "result"}),
		github: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kargo_github_request_seconds", Help: "GitHub API requests, by method, route and status.", Buckets: prometheus.ExponentialBuckets(0.02, 3, 7),
		}, []string{"method", "route", "status"}),
		registries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kargo_registry_request_seconds", Help: "Container registry requests, by method and status.", Buckets: prometheus.ExponentialBuckets(0.02, 3, 7),
		}, []string{"method", "status"}),
	}
	m.registry.MustRegister(m.deliveries, m.jobs, m.github, m.registries,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// received counts a delivery. The event is what a signed request said it was, or
// what a stranger did: strangers count under one name.
func (m *metrics) received(event, outcome string) {
	if outcome != "accepted" && outcome != "duplicate" {
		event = "unknown"
	}
	m.deliveries.WithLabelValues(event, outcome).Inc()
}

// registryHook counts a webhook of a registry, whichever receiver it was for.
func (m *metrics) registryHook(_, outcome string) {
	m.deliveries.WithLabelValues("registry", outcome).Inc()
}

func (m *metrics) job(kind store.WorkKind, result string, took time.Duration) {
	m.jobs.WithLabelValues(string(kind), result).Observe(took.Seconds())
}

func (m *metrics) githubRequest(method, route string, status int, took time.Duration) {
	m.github.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) registryRequest(r registry.Request) {
	m.registries.WithLabelValues(r.Method, strconv.Itoa(r.Status)).Observe(r.Took.Seconds())
}
