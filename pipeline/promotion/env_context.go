package promotion

import (
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// promotionContext is what expressions see as ctx, under the names that things
// have within the pipeline.
func promotionContext(p *pipeline.Promotion, alias string, site Site) map[string]any {
	return map[string]any{
		"uiBaseUrl": site.PublicURL,
		"project":   p.Pipeline,
		"pipeline":  p.Pipeline,
		"stage":     p.Stage.LocalName(),
		"promotion": p.ID,
		"targetFreight": map[string]any{
			"name":     p.Freight.ID,
			"alias":    p.Freight.Alias,
			"headline": p.Freight.Headline(),
			"version":  p.Freight.Version(),
			"origin":   map[string]any{"kind": "Warehouse", "name": pipeline.LocalName(p.Freight.Warehouse)},
		},
		"callbacks": callbacks(p, site),
		"meta": map[string]any{
			"promotion": map[string]any{"actor": p.Actor, "rollback": p.Rollback},
			"step":      map[string]any{"alias": alias},
		},
	}
}

// callbacks are the addresses at which outside systems answer steps, by alias.
func callbacks(p *pipeline.Promotion, site Site) map[string]any {
	all := map[string]any{}
	for _, spec := range p.Stage.Steps {
		if spec.Uses == "wait-for-callback" && site.Callback != nil {
			all[spec.As] = site.Callback(p, spec.As)
		}
	}
	return all
}

func githubContext(p *pipeline.Promotion, site Site) map[string]any {
	repoURL := site.RepoURL
	if repoURL == "" {
		repoURL = site.ServerURL + "/" + p.Repo.String() + ".git"
	}
	return map[string]any{
		"repository":    p.Repo.String(),
		"repoURL":       repoURL,
		"serverURL":     site.ServerURL,
		"defaultBranch": site.DefaultBranch,
	}
}

// freight shows Freight to expressions, under the names that the Warehouses have
// within the pipeline.
func freight(collection []pipeline.Freight) []expr.Freight {
	out := make([]expr.Freight, 0, len(collection))
	for _, f := range collection {
		e := expr.Freight{Name: f.ID, Alias: f.Alias, Origin: expr.Origin{Kind: "Warehouse", Name: pipeline.LocalName(f.Warehouse)}}
		for _, i := range f.Images {
			e.Images = append(e.Images, expr.Image{RepoURL: i.RepoURL, Tag: i.Tag, Digest: i.Digest, Annotations: i.Annotations})
		}
		for _, c := range f.Commits {
			e.Commits = append(e.Commits, expr.Commit{
				RepoURL: c.RepoURL, ID: c.ID, Branch: c.Branch, Tag: c.Tag,
				Message: c.Message, Author: c.Author, Committer: c.Committer,
			})
		}
		for _, c := range f.Charts {
			e.Charts = append(e.Charts, expr.Chart{RepoURL: c.RepoURL, Name: c.Name, Version: c.Version})
		}
		out = append(out, e)
	}
	return out
}

// metadata is what steps noted about Freight, by its name.
func metadata(collection []pipeline.Freight) map[string]map[string]any {
	all := make(map[string]map[string]any, len(collection))
	for _, f := range collection {
		if len(f.Metadata) > 0 {
			all[f.ID] = f.Metadata
		}
	}
	return all
}
