package registryhook

import (
	"net/url"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// readGitea reads package and push events of Gitea and Forgejo.
func readGitea(_ Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		Action  string `json:"action"`
		Package struct {
			Type    string `json:"type"`
			Name    string `json:"name"`
			HTMLURL string `json:"html_url"`
			Owner   struct {
				Login string `json:"login"`
			} `json:"owner"`
		} `json:"package"`
		Repository struct {
			CloneURL string `json:"clone_url"`
		} `json:"repository"`
	}](req.body)
	if err != nil {
		return nil, err
	}
	var s sources
	switch req.header.Get("X-Gitea-Event") {
	case "push":
		if p.Repository.CloneURL != "" {
			s.add(pipeline.GitArtifact, pipeline.NormalizeGitURL(p.Repository.CloneURL))
		}
	case "package":
		page, err := url.Parse(p.Package.HTMLURL)
		if err != nil {
			return nil, errForm
		}
		switch {
		case p.Action != "created":
		case p.Package.Type == "container":
			s.oci(strings.ToLower(join(page.Host, p.Package.Owner.Login, p.Package.Name)))
		case p.Package.Type == "helm" && page.Host != "" && p.Package.Owner.Login != "":
			s.add(pipeline.ChartArtifact, pipeline.NormalizeChartURL(page.Scheme+"://"+page.Host+"/api/packages/"+p.Package.Owner.Login+"/helm"))
		}
	}
	return s, nil
}
