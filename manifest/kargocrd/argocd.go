package kargocrd

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// argoCD makes a step that worked on a cluster's Applications one that calls the API of
// Argo CD, and says once what that needs.
func (r *resource) argoCD(step *yaml.Node, at, uses string) {
	if uses != "argocd-update" && uses != "argocd-wait" {
		return
	}
	if !r.c.argoCD {
		r.c.argoCD = true
		r.lose(step, at, "%s calls Argo CD's API and not the cluster: store its address and a token with kargo secrets set ARGOCD_SERVER and "+
			"kargo secrets set ARGOCD_TOKEN, or give the step server and token; an address that is private has to be allowed by whoever runs the server", uses)
	}
	apps := child(step, "config", "apps")
	if apps == nil {
		return
	}
	for _, app := range apps.Content {
		if sources := child(app, "sources"); sources != nil {
			for _, source := range sources.Content {
				desiredCommit(source)
			}
		}
	}
}

// desiredCommit names the revision that Kargo before 1.3 took from a step by itself.
func desiredCommit(source *yaml.Node) {
	from := scalar(source, "desiredCommitFromStep")
	if from == "" || source.Kind != yaml.MappingNode || strings.ContainsAny(from, "'${}") {
		return
	}
	m := &mapping{source}
	m.remove("desiredCommitFromStep")
	m.set("desiredRevision", text("${{ outputs['"+from+"'].commit }}"))
}
