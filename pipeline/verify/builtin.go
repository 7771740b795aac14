package verify

import "github.com/kargo-app/kargo/pipeline/actions"

// Ports is the outside, as the built-in providers see it.
type Ports struct {
	HTTP HTTP
	// InsecureHTTP does not verify certificates, for metrics that ask for that.
	InsecureHTTP HTTP
	Commits      Commits
	Workflows    actions.Workflows
	Deployments  Deployments
	CloudWatch   CloudWatch
}

// Builtin returns the built-in providers by kind.
func Builtin(p Ports) map[string]Provider {
	c := client{plain: p.HTTP, insecure: p.InsecureHTTP}
	flow := &workflow{workflows: p.Workflows}
	service := &web{c}
	const asWeb = "its HTTP interface may be asked with web"
	return map[string]Provider{
		"check":      &check{commits: p.Commits},
		"workflow":   flow,
		"job":        &job{flow},
		"deployment": &deployment{commits: p.Commits, deployments: p.Deployments},
		"argocd":     &argoCD{c},
		"web":        service,
		"http":       service,
		"prometheus": &prometheus{c},
		"datadog":    &datadog{c},
		"newRelic":   &newRelic{c},
		"cloudWatch": &cloudWatch{p.CloudWatch},
		"graphite":   &graphite{c},
		"influxdb":   &influxDB{c},
		"skywalking": unsupported{"skywalking", asWeb},
		"wavefront":  unsupported{"wavefront", asWeb},
		"kayenta":    unsupported{"kayenta", asWeb},
		"plugin":     unsupported{"plugin", "a workflow can do what the plugin does"},
	}
}
