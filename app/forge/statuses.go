package forge

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxStatuses      = 1000 // per commit and context
	maxStatusPhrase  = 140
	maxStatusHeads   = 10 // branches listed in the event
	maxContextLength = 255
)

type status struct {
	id                          int64
	sha                         plumbing.Hash
	state, context, description string
	target                      string
	creator                     *account
	created                     time.Time
}

// latestStatuses is the newest status of each context, newest context first.
func (r *repo) latestStatuses(sha plumbing.Hash) []*status {
	var out []*status
	for _, st := range slices.Backward(r.statuses) {
		if st.sha == sha && !slices.ContainsFunc(out, func(x *status) bool { return x.context == st.context }) {
			out = append(out, st)
		}
	}
	return out
}

func (s *Server) renderStatus(r *repo, st *status) obj {
	return obj{
		"url": s.repoURL(r, "/statuses/"+st.sha.String()), "avatar_url": s.web("/avatars/%d", st.creator.id), "id": st.id, "node_id": nodeID("SC", st.id),
		"state": st.state, "description": optString(st.description), "target_url": optString(st.target), "context": st.context,
		"created_at": timestamp(st.created), "updated_at": timestamp(st.created), "creator": s.renderUser(st.creator),
	}
}

func (s *Server) addStatus(r *repo, who actor, st *status) error {
	if len(st.description) > maxStatusPhrase {
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if st.context == "" {
		st.context = "default"
	}
	n := 0
	for _, x := range r.statuses {
		if x.sha == st.sha && x.context == st.context {
			n++
		}
	}
	if n >= maxStatuses || len(st.context) > maxContextLength {
		return customInvalid("Status", "This SHA and context has reached the maximum number of statuses.")
	}
	st.id, st.creator, st.created = s.nextID(), who.account, s.clock()
	r.statuses = append(r.statuses, st)
	commit, err := r.git.commit(st.sha)
	if err != nil {
		return err
	}
	branches := []obj{}
	refs, err := r.git.refs("refs/heads/")
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Hash() == st.sha && len(branches) < maxStatusHeads {
			branches = append(branches, s.renderBranch(r, ref.Name().Short(), ref.Hash()))
		}
	}
	s.emit(r, who, "status", obj{
		"id": st.id, "sha": st.sha.String(), "name": r.fullName(), "avatar_url": nil, "target_url": optString(st.target), "context": st.context,
		"description": optString(st.description), "state": st.state, "commit": s.renderCommit(r, commit), "branches": branches,
		"created_at": timestamp(st.created), "updated_at": timestamp(st.created),
	})
	s.autoMerge(r)
	s.advanceQueues(r)
	return nil
}

func createStatus(c *call) (reply, error) {
	in, err := c.input(fields{
		"state": oneOf("error", "failure", "pending", "success").must(), "target_url": textNull, "description": textNull, "context": text,
	})
	if err != nil {
		return reply{}, err
	}
	sha := plumbing.NewHash(c.param("sha"))
	if kind, found := c.repo.git.kind(sha); !found || kind != plumbing.CommitObject {
		return reply{}, unprocessable("No commit found for SHA: %s", c.param("sha"))
	}
	st := &status{sha: sha, state: in.str("state"), context: in.str("context"), description: in.str("description"), target: in.str("target_url")}
	if err := c.s.addStatus(c.repo, c.actor, st); err != nil {
		return reply{}, err
	}
	return created(c.s.renderStatus(c.repo, st))
}

func (c *call) refCommit() (plumbing.Hash, error) {
	h, found := c.repo.git.resolve(c.param("ref"))
	if !found {
		return h, unprocessable("No commit found for SHA: %s", c.param("ref"))
	}
	return h, nil
}

func listStatuses(c *call) (reply, error) {
	h, err := c.refCommit()
	if err != nil {
		return reply{}, err
	}
	var out []*status
	for _, st := range slices.Backward(c.repo.statuses) {
		if st.sha == h {
			out = append(out, st)
		}
	}
	return list(c, out, func(st *status) obj { return c.s.renderStatus(c.repo, st) })
}

// combinedStatus knows nothing of check runs; with no statuses at all it is "pending".
func combinedStatus(c *call) (reply, error) {
	h, err := c.refCommit()
	if err != nil {
		return reply{}, err
	}
	latest := c.repo.latestStatuses(h)
	state := "pending"
	if len(latest) > 0 {
		state = "success"
	}
	for _, st := range latest {
		if st.state == "error" || st.state == "failure" {
			state = "failure"
			break
		}
		if st.state == "pending" {
			state = "pending"
		}
	}
	cut, header := page(c, latest)
	statuses := mapSlice(cut, func(st *status) obj {
		o := c.s.renderStatus(c.repo, st)
		delete(o, "creator")
		return o
	})
	sha := h.String()
	return reply{status: http.StatusOK, header: header, body: obj{
		"state": state, "statuses": statuses, "sha": sha, "total_count": len(latest), "repository": c.s.renderRepo(c.repo),
		"commit_url": c.s.repoURL(c.repo, "/commits/"+sha), "url": c.s.repoURL(c.repo, "/commits/"+sha+"/status"),
	}}, nil
}
