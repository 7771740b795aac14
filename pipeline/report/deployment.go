package report

import (
	"cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// Deployment is the GitHub Deployment of a Promotion.
type Deployment struct {
	// Ref is a full commit id.
	Ref, Environment, Description string
	Payload                       Payload
}

// Payload is what a Deployment carries for machines; Promotion identifies it.
type Payload struct {
	Pipeline  string `json:"pipeline"`
	Stage     string `json:"stage"`
	Promotion string `json:"promotion"`
	Freight   string `json:"freight"`
	Alias     string `json:"alias"`
	// Rollback says that earlier Freight is brought back.
	Rollback bool `json:"rollback,omitempty"`
}

// DeploymentStatus is one status of a Deployment.
type DeploymentStatus struct {
	// State is in_progress, success, failure, error or inactive.
	State, Description, LogURL string
}

// DeploymentOf returns the Deployment of a Promotion; ok is false when there is
// none: the Stage has no environment, or nothing was changed.
func DeploymentOf(p *pipeline.Promotion) (d Deployment, ok bool) {
	sha := deployed(p)
	if p.Stage.Environment == "" || sha == "" {
		return Deployment{}, false
	}
	return Deployment{
		Ref: sha, Environment: p.Stage.Environment,
		Description: oneLine(p.ID+": "+p.Freight.Headline()+" ("+p.Freight.Alias+")", 140),
		Payload: Payload{
			Pipeline: p.Pipeline, Stage: p.Stage.Name, Promotion: p.ID,
			Freight: p.Freight.ID, Alias: p.Freight.Alias, Rollback: p.Rollback,
		},
	}, true
}

// deployed is the commit that a Promotion brings to its own repository.
func deployed(p *pipeline.Promotion) string {
	if p.Pull().Number != 0 {
		return p.OwnPull().Head
	}
	return p.MergeCommit()
}

// StatusOf returns the status that a Promotion's Deployment should have now.
func StatusOf(p *pipeline.Promotion, site Site) DeploymentStatus {
	s := DeploymentStatus{State: "in_progress", LogURL: cmp.Or(site.PromotionURL(p), p.Pull().URL)}
	switch p.Phase {
	case pipeline.Succeeded:
		s.State = "success"
	case pipeline.Failed:
		s.State = "failure"
	case pipeline.Errored:
		s.State = "error"
	case pipeline.Aborted:
		s.State = "inactive"
	default: // it goes on
	}
	s.Description = oneLine(headline(p), 140)
	return s
}
