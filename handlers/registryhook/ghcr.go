package registryhook

import (
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// readGHCR reads events of a GitHub repository or organisation that the App is not
// installed on: package and registry_package, and push for git Subscriptions.
func readGHCR(_ Receiver, req request) ([]source, error) {
	type pkg struct {
		Name           string `json:"name"`
		Namespace      string `json:"namespace"`
		PackageType    string `json:"package_type"`
		Ecosystem      string `json:"ecosystem"`
		PackageVersion struct {
			PackageURL string `json:"package_url"`
		} `json:"package_version"`
		Owner struct {
			Login string `json:"login"`
		} `json:"owner"`
	}
	p, err := decode[struct {
		Package         *pkg `json:"package"`
		RegistryPackage *pkg `json:"registry_package"`
		Repository      struct {
			CloneURL string `json:"clone_url"`
		} `json:"repository"`
	}](req.body)
	if err != nil {
		return nil, err
	}
	var s sources
	switch req.header.Get("X-GitHub-Event") {
	case "push":
		if p.Repository.CloneURL != "" {
			s.add(pipeline.GitArtifact, pipeline.NormalizeGitURL(p.Repository.CloneURL))
		}
	case "package", "registry_package":
		v := p.Package
		if v == nil {
			v = p.RegistryPackage
		}
		if v == nil {
			return nil, errForm
		}
		if kind := strings.ToLower(v.PackageType + v.Ecosystem); !strings.Contains(kind, "container") && !strings.Contains(kind, "docker") {
			return s, nil
		}
		s.oci(v.PackageVersion.PackageURL)
		for _, owner := range []string{v.Owner.Login, v.Namespace} {
			s.oci(strings.ToLower(join("ghcr.io", owner, v.Name)))
		}
	}
	return s, nil
}
