package forge

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// PullRequest is a snapshot of a pull request with all that hangs on it.
type PullRequest struct {
	Number                     int
	Title, Body, Author, State string // State is open or closed
	Head, HeadSHA, Base        string
	BaseSHA                    string
	Draft, Merged              bool
	MergedBy, MergeCommit      string // MergeCommit only after the merge
	Labels, Assignees          []string
	RequestedReviewers         []string
	Comments                   []Comment
	Reviews                    []Review
	Reactions                  []Reaction
	CreatedAt, ClosedAt        time.Time
	URL                        string
}

// Comment is a snapshot of a comment.
type Comment struct {
	ID                   int64
	Author, Body         string
	Reactions            []Reaction
	CreatedAt, UpdatedAt time.Time
}

// Review is a snapshot of a review.
type Review struct {
	Author, Body, SHA string
	State             ReviewState
	SubmittedAt       time.Time
}

// Reaction is a snapshot of a reaction.
type Reaction struct{ Author, Content string }

// Issue is a snapshot of an issue that is no pull request.
type Issue struct {
	Number                     int
	Title, Body, Author, State string
	Labels, Assignees          []string
	Comments                   []Comment
	Reactions                  []Reaction
}

// Deployment is a snapshot of a deployment; Statuses are oldest first.
type Deployment struct {
	ID                                       int64
	SHA, Ref, Task, Environment, Description string
	Creator                                  string
	Payload                                  json.RawMessage
	Statuses                                 []DeploymentStatus
	CreatedAt                                time.Time
}

// DeploymentStatus is a snapshot of a deployment status.
type DeploymentStatus struct {
	State, Description, LogURL, EnvironmentURL string
	CreatedAt                                  time.Time
}

// CheckRun is a snapshot of a check run.
type CheckRun struct {
	ID                                         int64
	App, Name, SHA, Status, Conclusion         string
	Title, Summary, Text, DetailsURL, External string
	Annotations                                int
	Actions                                    []string // identifiers
}

// Commit is a snapshot of a commit.
type Commit struct {
	SHA, Message, AuthorName, AuthorEmail string
	Parents                               []string
	Verified                              bool
	At                                    time.Time
}

func people(accounts []*account) []string {
	return mapSlice(accounts, func(a *account) string { return a.login })
}

func snapshotReactions(list []*reaction) []Reaction {
	return mapSlice(list, func(x *reaction) Reaction { return Reaction{Author: x.user.login, Content: x.content} })
}

func snapshotComment(m *comment) Comment {
	return Comment{
		ID: m.id, Author: m.user.login, Body: m.body, Reactions: snapshotReactions(m.reactions), CreatedAt: m.created, UpdatedAt: m.updated,
	}
}

func (s *Server) snapshotPull(r *repo, p *pull) PullRequest {
	out := PullRequest{
		Number: p.issue.number, Title: p.issue.title, Body: p.issue.body, Author: p.issue.user.login, State: p.issue.state, Head: p.headRef,
		HeadSHA: p.headSHA.String(), Base: p.baseRef, BaseSHA: p.baseSHA.String(), Draft: p.draft, Merged: p.merged,
		Labels: mapSlice(p.issue.labels, func(l *label) string { return l.name }), Assignees: people(p.issue.assignees),
		RequestedReviewers: people(p.requested), Comments: mapSlice(p.issue.comments, snapshotComment), Reactions: snapshotReactions(p.issue.reactions),
		Reviews: mapSlice(p.reviews, func(v *review) Review {
			return Review{Author: v.user.login, Body: v.body, SHA: v.commit.String(), State: ReviewState(v.state), SubmittedAt: v.submitted}
		}),
		CreatedAt: p.issue.created, ClosedAt: p.issue.closed, URL: s.web("/%s/pull/%d", r.fullName(), p.issue.number),
	}
	if p.merged {
		out.MergedBy, out.MergeCommit = p.mergedBy.login, p.mergeCommit.String()
	}
	return out
}

// view runs f on a repository with the lock held.
func (s *Server) view(name string, f func(r *repo) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(name)
	if err != nil {
		return err
	}
	return f(r)
}

// Repositories lists "owner/name" of all repositories, sorted.
func (s *Server) Repositories() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mapSlice(orderedKeys(s.repos), func(k string) string { return s.repos[k].fullName() })
}

// PullRequests lists the pull requests of a repository ("owner/name"), oldest first.
func (s *Server) PullRequests(name string) (out []PullRequest, err error) {
	err = s.view(name, func(r *repo) error {
		out = mapSlice(r.pulls(), func(p *pull) PullRequest { return s.snapshotPull(r, p) })
		return nil
	})
	return out, err
}

// PullRequest returns one pull request.
func (s *Server) PullRequest(name string, number int) (out PullRequest, err error) {
	err = s.view(name, func(r *repo) error {
		p := r.pull(number)
		if p == nil {
			return fmt.Errorf("no pull request #%d in %s", number, r.fullName())
		}
		out = s.snapshotPull(r, p)
		return nil
	})
	return out, err
}

// Issues lists the issues of a repository that are not pull requests, oldest first.
func (s *Server) Issues(name string) (out []Issue, err error) {
	err = s.view(name, func(r *repo) error {
		for _, i := range r.issues {
			if i.pull == nil {
				out = append(out, Issue{
					Number: i.number, Title: i.title, Body: i.body, Author: i.user.login, State: i.state,
					Labels: mapSlice(i.labels, func(l *label) string { return l.name }), Assignees: people(i.assignees),
					Comments: mapSlice(i.comments, snapshotComment), Reactions: snapshotReactions(i.reactions),
				})
			}
		}
		return nil
	})
	return out, err
}

// Deployments lists the deployments of a repository ("owner/name"), oldest first.
func (s *Server) Deployments(name string) (out []Deployment, err error) {
	err = s.view(name, func(r *repo) error {
		out = mapSlice(r.deployments, func(d *deployment) Deployment {
			return Deployment{
				ID: d.id, SHA: d.sha.String(), Ref: d.ref, Task: d.task, Environment: d.environment, Description: d.description,
				Creator: d.creator.login, Payload: d.payloadJSON(), CreatedAt: d.created,
				Statuses: mapSlice(d.statuses, func(st *deploymentStatus) DeploymentStatus {
					return DeploymentStatus{State: st.state, Description: st.description, LogURL: st.logURL, EnvironmentURL: st.environmentURL, CreatedAt: st.created}
				}),
			}
		})
		return nil
	})
	return out, err
}

// CheckRuns lists every check run of a repository ("owner/name"), oldest first; an empty ref means of all commits.
func (s *Server) CheckRuns(name, ref string) (out []CheckRun, err error) {
	err = s.view(name, func(r *repo) error {
		want, found := r.git.resolve(ref)
		if ref != "" && !found {
			return fmt.Errorf("no commit %q in %s", ref, r.fullName())
		}
		for _, run := range r.runs {
			if ref == "" || run.sha == want {
				out = append(out, snapshotRun(run))
			}
		}
		return nil
	})
	return out, err
}

func snapshotRun(run *checkRun) CheckRun {
	str := func(v any) string { t, _ := v.(string); return t }
	return CheckRun{
		ID: run.id, App: run.suite.app.slug, Name: run.name, SHA: run.sha.String(), Status: run.status, Conclusion: run.conclusion,
		Title: str(run.title), Summary: str(run.summary), Text: str(run.text), DetailsURL: run.details, External: run.externalID,
		Annotations: len(run.annotations), Actions: mapSlice(run.actions, func(a obj) string { return str(a["identifier"]) }),
	}
}

// Refs returns branches and tags by full name, to SHA. refs/pull/* is left out.
func (s *Server) Refs(name string) (out map[string]string, err error) {
	err = s.view(name, func(r *repo) error {
		refs, err := r.git.refs("refs/")
		if err != nil {
			return err
		}
		out = map[string]string{}
		for _, ref := range refs {
			if !strings.HasPrefix(ref.Name().String(), "refs/pull/") {
				out[ref.Name().String()] = ref.Hash().String()
			}
		}
		return nil
	})
	return out, err
}

// Commits lists the first-parent history of a branch, tag or SHA, newest first.
func (s *Server) Commits(name, ref string) (out []Commit, err error) {
	err = s.view(name, func(r *repo) error {
		h, found := r.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q in %s", ref, r.fullName())
		}
		for {
			c, err := r.git.commit(h)
			if err != nil {
				return err
			}
			out = append(out, Commit{
				SHA: h.String(), Message: c.Message, AuthorName: c.Author.Name, AuthorEmail: c.Author.Email, Verified: r.verified[h], At: c.Committer.When,
				Parents: mapSlice(c.ParentHashes, plumbing.Hash.String),
			})
			if len(c.ParentHashes) == 0 {
				return nil
			}
			h = c.ParentHashes[0]
		}
	})
	return out, err
}

// File returns the content of a file at a branch, tag or SHA.
func (s *Server) File(name, ref, path string) (content string, err error) {
	err = s.view(name, func(r *repo) error {
		h, found := r.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q in %s", ref, r.fullName())
		}
		root, err := r.git.treeOf(h)
		if err != nil {
			return err
		}
		e, found, err := r.git.find(root, path)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("no file %s at %s in %s", path, ref, r.fullName())
		}
		data, err := r.git.blob(e.Hash)
		content = string(data)
		return err
	})
	return content, err
}

// ChangedFiles lists the paths that differ between two commits, sorted.
func (s *Server) ChangedFiles(name, from, to string) (out []string, err error) {
	err = s.view(name, func(r *repo) error {
		a, okA := r.git.resolve(from)
		b, okB := r.git.resolve(to)
		if !okA || !okB {
			return fmt.Errorf("no commits %q and %q in %s", from, to, r.fullName())
		}
		changes, err := r.git.diffCommits(a, b)
		out = mapSlice(changes, func(ch fileChange) string { return ch.path })
		return err
	})
	return out, err
}
