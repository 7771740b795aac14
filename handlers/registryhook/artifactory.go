package registryhook

import (
	"cmp"
	"net/url"
	"path"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// readArtifactory reads "tag was pushed" of the docker domain, and "artifact was
// deployed" for charts of classic repositories. An image's address depends on how the
// server names repositories to Docker clients, which the event does not tell: by path
// and by subdomain are both meant.
func readArtifactory(r Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		Domain    string `json:"domain"`
		EventType string `json:"event_type"`
		Data      struct {
			RepoKey   string `json:"repo_key"`
			Path      string `json:"path"`
			ImageName string `json:"image_name"`
		} `json:"data"`
		Origin string `json:"jpd_origin"`
	}](req.body)
	if err != nil || p.Domain == "" {
		return nil, errForm
	}
	origin, err := url.Parse(p.Origin)
	if err != nil {
		return nil, errForm
	}
	key := cmp.Or(r.VirtualRepository, p.Data.RepoKey)
	var s sources
	if key == "" || origin.Host == "" {
		return s, nil
	}
	switch {
	case p.Domain == "docker" && p.EventType == "pushed":
		// The path is NAMESPACE/IMAGE/TAG/manifest.json; the name may lack the namespace.
		name := strings.Trim(path.Dir(path.Dir(strings.Trim(p.Data.Path, "/"))), "./")
		name = cmp.Or(name, p.Data.ImageName)
		s.oci(join(origin.Host, key, name))
		s.oci(join(key+"."+origin.Host, name))
	case p.Domain == "artifact" && p.EventType == "deployed" && strings.HasSuffix(p.Data.Path, ".tgz"):
		base := origin.Scheme + "://" + origin.Host + "/artifactory/"
		s.add(pipeline.ChartArtifact, pipeline.NormalizeChartURL(base+key))
		s.add(pipeline.ChartArtifact, pipeline.NormalizeChartURL(base+"api/helm/"+key))
	}
	return s, nil
}
