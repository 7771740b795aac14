package registryhook

// readDockerHub reads the only event of Docker Hub: a push.
func readDockerHub(_ Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		Repository struct {
			RepoName string `json:"repo_name"`
		} `json:"repository"`
	}](req.body)
	if err != nil || p.Repository.RepoName == "" {
		return nil, errForm
	}
	var s sources
	s.oci("docker.io/" + p.Repository.RepoName)
	return s, nil
}
