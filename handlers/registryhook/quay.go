package registryhook

// readQuay reads the "Push to Repository" notification of Quay. docker_url names the
// registry, which may be somebody's own. Other notifications name a repository too,
// but tell of no tags.
func readQuay(_ Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		DockerURL   string   `json:"docker_url"`
		UpdatedTags []string `json:"updated_tags"`
	}](req.body)
	if err != nil || p.DockerURL == "" {
		return nil, errForm
	}
	var s sources
	if len(p.UpdatedTags) > 0 {
		s.oci(p.DockerURL)
	}
	return s, nil
}
