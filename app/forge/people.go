package forge

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// act runs f as a person on a repository, with the lock held.
func (s *Server) act(repo, user, what string, f func(r *repoHandle) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := f(&repoHandle{repo: r, who: actor{account: s.ensureUser(user)}}); err != nil {
		return fmt.Errorf("%s in %s as %s: %w", what, repo, user, err)
	}
	return nil
}

// repoHandle is a repository and who acts on it.
type repoHandle struct {
	*repo
	who actor
}

func (h *repoHandle) mustPull(number int) (*pull, error) {
	if p := h.pull(number); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no pull request #%d", number)
}

func (h *repoHandle) mustIssue(number int) (*issue, error) {
	if i := h.issue(number); i != nil {
		return i, nil
	}
	return nil, fmt.Errorf("no issue #%d", number)
}

// Text is the content of a file for Push.
func Text(content string) *string { return &content }

// Push commits files on a branch as user and returns the commit's SHA. A nil content deletes the file; a missing branch
// starts at the default branch. Protection is not consulted: people who seed a demo may push anywhere.
func (s *Server) Push(repo, branch, user, message string, files map[string]*string) (sha string, err error) {
	err = s.act(repo, user, "push", func(h *repoHandle) error {
		before := h.git.branch(branch)
		parent := before
		if parent.IsZero() {
			parent = h.git.branch(h.defaultBranch)
		}
		commit, err := s.commitFiles(h.repo, parent, message, s.signature(h.who.account), files)
		if err != nil {
			return err
		}
		if err := h.git.setRef("refs/heads/"+branch, commit); err != nil {
			return err
		}
		sha = commit.String()
		return s.refsMoved(h.repo, h.who, []refMove{{ref: "refs/heads/" + branch, before: before, after: commit}})
	})
	return sha, err
}

// ForcePush points a branch at a commit that the repository has.
func (s *Server) ForcePush(repo, branch, user, sha string) error {
	return s.act(repo, user, "force push", func(h *repoHandle) error {
		before, after := h.git.branch(branch), plumbing.NewHash(sha)
		if _, found := h.git.peel(after); !found {
			return fmt.Errorf("no commit %s", sha)
		}
		if err := h.git.setRef("refs/heads/"+branch, after); err != nil {
			return err
		}
		return s.refsMoved(h.repo, h.who, []refMove{{ref: "refs/heads/" + branch, before: before, after: after}})
	})
}

// DeleteBranch deletes a branch; an open pull request from it is closed.
func (s *Server) DeleteBranch(repo, branch, user string) error {
	return s.act(repo, user, "delete branch", func(h *repoHandle) error { return s.deleteBranch(h.repo, h.who, branch) })
}

// CreateTags creates lightweight tags in one push. More than three at once cause no webhook at all.
func (s *Server) CreateTags(repo, user, ref string, names ...string) error {
	return s.tag(repo, user, ref, "", names)
}

// CreateAnnotatedTag creates one annotated tag.
func (s *Server) CreateAnnotatedTag(repo, user, ref, name, message string) error {
	return s.tag(repo, user, ref, message, []string{name})
}

func (s *Server) tag(repo, user, ref, message string, names []string) error {
	return s.act(repo, user, "tag", func(h *repoHandle) error {
		target, found := h.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q", ref)
		}
		var moves []refMove
		for _, name := range names {
			full := "refs/tags/" + name
			if !h.git.ref(full).IsZero() {
				return fmt.Errorf("tag %s exists", name)
			}
			object := target
			if message != "" {
				var err error
				if object, err = h.git.writeTag(name, message, target, plumbing.CommitObject, s.signature(h.who.account)); err != nil {
					return err
				}
			}
			if err := h.git.setRef(full, object); err != nil {
				return err
			}
			moves = append(moves, refMove{ref: full, after: object})
		}
		return s.refsMoved(h.repo, h.who, moves)
	})
}

// NewPullRequest is what OpenPullRequest needs.
type NewPullRequest struct {
	Title, Body, Head, Base string
	Draft                   bool
}

// OpenPullRequest opens a pull request as user and returns its number.
func (s *Server) OpenPullRequest(repo, user string, n NewPullRequest) (number int, err error) {
	err = s.act(repo, user, "open pull request", func(h *repoHandle) error {
		if n.Base == "" {
			n.Base = h.defaultBranch
		}
		p, err := s.openPull(h.repo, h.who, pullRequest{title: n.Title, head: n.Head, base: n.Base, body: n.Body, draft: n.Draft})
		if err != nil {
			return err
		}
		number = p.issue.number
		return nil
	})
	return number, err
}

// OpenIssue opens an issue as user and returns its number.
func (s *Server) OpenIssue(repo, user, title, body string) (number int, err error) {
	err = s.act(repo, user, "open issue", func(h *repoHandle) error {
		if err := checkText("Issue", title, body); err != nil {
			return err
		}
		i := s.newIssue(h.repo, h.who, title, body)
		number = i.number
		s.emit(h.repo, h.who, "issues", obj{"action": "opened", "issue": s.renderIssue(h.repo, i)})
		return nil
	})
	return number, err
}

// CloseIssue closes an issue as user.
func (s *Server) CloseIssue(repo string, number int, user string) error {
	return s.act(repo, user, "close issue", func(h *repoHandle) error {
		i, err := h.mustIssue(number)
		if err != nil {
			return err
		}
		if i.pull != nil || i.state == "closed" {
			return fmt.Errorf("#%d is no open issue", number)
		}
		s.setIssueState(h.repo, h.who, i, "closed", "completed")
		return nil
	})
}

// CommentOn comments on an issue or pull request as user and returns the comment's id.
func (s *Server) CommentOn(repo string, number int, user, body string) (id int64, err error) {
	err = s.act(repo, user, "comment", func(h *repoHandle) error {
		i, err := h.mustIssue(number)
		if err != nil {
			return err
		}
		m, err := s.addComment(h.repo, h.who, i, body)
		if err != nil {
			return err
		}
		id = m.id
		return nil
	})
	return id, err
}

// EditComment changes a comment as user.
func (s *Server) EditComment(repo string, id int64, user, body string) error {
	return s.act(repo, user, "edit comment", func(h *repoHandle) error {
		m := h.comment(id)
		if m == nil {
			return fmt.Errorf("no comment %d", id)
		}
		return s.editComment(h.repo, h.who, m, body)
	})
}

// DeleteComment deletes a comment as user.
func (s *Server) DeleteComment(repo string, id int64, user string) error {
	return s.act(repo, user, "delete comment", func(h *repoHandle) error {
		m := h.comment(id)
		if m == nil {
			return fmt.Errorf("no comment %d", id)
		}
		s.removeComment(h.repo, h.who, m)
		return nil
	})
}

// ReviewState is a verdict on a pull request.
type ReviewState string

// The verdicts that people give.
const (
	Approved         ReviewState = "APPROVED"
	ChangesRequested ReviewState = "CHANGES_REQUESTED"
	Commented        ReviewState = "COMMENTED"
)

// Review submits a review as user. Authors cannot approve their own pull request.
func (s *Server) Review(repo string, number int, user string, state ReviewState, body string) error {
	return s.act(repo, user, "review", func(h *repoHandle) error {
		p, err := h.mustPull(number)
		if err != nil {
			return err
		}
		event := map[ReviewState]string{Approved: "APPROVE", ChangesRequested: "REQUEST_CHANGES", Commented: "COMMENT"}[state]
		if event == "" {
			return fmt.Errorf("unknown review state %q", state)
		}
		if state != Approved && body == "" {
			body = strings.ToLower(strings.ReplaceAll(string(state), "_", " "))
		}
		_, err = s.submitReview(h.repo, h.who, p, event, body)
		return err
	})
}

// Merge merges a pull request by hand with "merge", "squash" or "rebase" and returns the new head of the base.
func (s *Server) Merge(repo string, number int, user, method string, deleteBranch bool) (sha string, err error) {
	err = s.act(repo, user, "merge", func(h *repoHandle) error {
		p, err := h.mustPull(number)
		if err != nil {
			return err
		}
		merged, err := s.merge(h.repo, h.who, p, mergeOrder{method: method})
		if err != nil {
			return err
		}
		sha = merged.String()
		if deleteBranch {
			return s.deleteBranch(h.repo, h.who, p.headRef)
		}
		return nil
	})
	return sha, err
}

// ClosePullRequest closes without merging.
func (s *Server) ClosePullRequest(repo string, number int, user string) error {
	return s.onPull(repo, number, user, "close", func(h *repoHandle, p *pull) error {
		if p.issue.state == "closed" {
			return fmt.Errorf("#%d is closed", number)
		}
		s.closePull(h.repo, h.who, p)
		return nil
	})
}

// ReopenPullRequest reopens a closed pull request whose branch still exists.
func (s *Server) ReopenPullRequest(repo string, number int, user string) error {
	return s.onPull(repo, number, user, "reopen", func(h *repoHandle, p *pull) error { return s.reopenPull(h.repo, h.who, p) })
}

// SetDraft converts to draft, or marks ready for review.
func (s *Server) SetDraft(repo string, number int, user string, draft bool) error {
	return s.onPull(repo, number, user, "set draft", func(h *repoHandle, p *pull) error {
		s.setDraft(h.repo, h.who, p, draft)
		return nil
	})
}

// EditPullRequest changes title and body; empty leaves one as it is.
func (s *Server) EditPullRequest(repo string, number int, user, title, body string) error {
	return s.onPull(repo, number, user, "edit", func(h *repoHandle, p *pull) error {
		in := input{}
		if title != "" {
			in["title"] = title
		}
		if body != "" {
			in["body"] = body
		}
		return s.editPull(h.repo, h.who, p, in)
	})
}

func (s *Server) onPull(repo string, number int, user, what string, f func(*repoHandle, *pull) error) error {
	return s.act(repo, user, what, func(h *repoHandle) error {
		p, err := h.mustPull(number)
		if err != nil {
			return err
		}
		return f(h, p)
	})
}

func (s *Server) setDraft(r *repo, who actor, p *pull, draft bool) {
	if p.draft == draft {
		return
	}
	p.draft = draft
	p.issue.updated = s.clock()
	action := "ready_for_review"
	if draft {
		action = "converted_to_draft"
	}
	s.emitPull(r, who, p, action, nil)
}
