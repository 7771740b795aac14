package registryhook

// readGAR reads what Pub/Sub pushes of the topic gcr, to which Artifact Registry and
// the older Container Registry publish.
func readGAR(_ Receiver, req request) ([]source, error) {
	envelope, err := decode[struct {
		Message *struct {
			Data []byte `json:"data"` // base64
		} `json:"message"`
	}](req.body)
	if err != nil || envelope.Message == nil {
		return nil, errForm
	}
	p, err := decode[struct {
		Action string `json:"action"`
		Digest string `json:"digest"`
		Tag    string `json:"tag"`
	}](envelope.Message.Data)
	if err != nil {
		return nil, err
	}
	var s sources
	if p.Action == "INSERT" {
		s.oci(p.Tag)
		s.oci(p.Digest)
	}
	return s, nil
}
