package forge

import "fmt"

// Deploy records a deployment of a branch, tag or SHA to an environment by somebody else than the App under test, and
// returns its id.
func (s *Server) Deploy(repo, user, ref, environment string) (id int64, err error) {
	err = s.act(repo, user, "deploy", func(h *repoHandle) error {
		sha, found := h.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q", ref)
		}
		now := s.clock()
		d := &deployment{
			id: s.nextID(), sha: sha, ref: ref, task: "deploy", environment: environment, originalEnvironment: environment, payload: obj{},
			production: environment == "production", creator: h.who.account, created: now, updated: now,
		}
		s.addDeployment(h.repo, h.who, d)
		id = d.id
		return nil
	})
	return id, err
}

// SetDeploymentState says how a deployment goes: error, failure, inactive, in_progress, queued, pending or success.
func (s *Server) SetDeploymentState(repo, user string, id int64, state, description string) error {
	return s.act(repo, user, "set deployment state", func(h *repoHandle) error {
		for _, d := range h.deployments {
			if d.id == id {
				s.addDeploymentStatus(h.repo, h.who, d, &deploymentStatus{
					id: s.nextID(), state: state, description: description, environment: d.environment, creator: h.who.account, created: s.clock(),
				}, true)
				return nil
			}
		}
		return fmt.Errorf("no deployment %d", id)
	})
}
