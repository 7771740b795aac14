package registryhook

// readACR reads an event of an Azure container registry. A ping is about nothing.
func readACR(_ Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		Action string `json:"action"`
		Target struct {
			Repository string `json:"repository"`
		} `json:"target"`
		Request struct {
			Host string `json:"host"`
		} `json:"request"`
	}](req.body)
	if err != nil || p.Action == "" {
		return nil, errForm
	}
	var s sources
	if p.Action == "push" || p.Action == "chart_push" {
		s.oci(join(p.Request.Host, p.Target.Repository))
	}
	return s, nil
}
