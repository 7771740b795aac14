package forge

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Protection is what a branch asks for before it moves.
type Protection struct {
	// RequiredChecks are names of check runs or contexts of commit statuses.
	RequiredChecks []string
	// RequiredReviews is the number of approvals by people who can write.
	RequiredReviews int
	// Strict wants the head to contain the base ("require branches to be up to date").
	Strict bool
	// PullRequestOnly forbids pushes to the branch, as RequiredReviews > 0 does.
	PullRequestOnly bool
	// DismissStale drops approvals when the head moves.
	DismissStale bool
	// CodeOwners wants an approval by an owner of each changed file that CODEOWNERS gives one.
	CodeOwners bool
	// Signatures wants every commit to be verified.
	Signatures bool
	// MergeQueue wants merges to go through a queue, which squashes.
	MergeQueue bool
	// Bypass lists App slugs and logins that the rules do not bind. GitHub honours it silently on a direct merge.
	Bypass []string
}

type ruleset struct {
	id     int64
	branch string
	Protection
}

// ProtectBranch sets classic branch protection. Only GET branches/{branch} shows its required checks to an App without
// administration.
func (s *Server) ProtectBranch(repo, branch string, p Protection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	r.protections[branch] = p
	return nil
}

// AddRuleset adds an active repository ruleset for one branch; GET rules/branches/{branch} shows it.
func (s *Server) AddRuleset(repo, branch string, p Protection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	r.rulesets = append(r.rulesets, ruleset{id: s.nextID(), branch: branch, Protection: p})
	return nil
}

// UnprotectBranch removes classic protection and all rulesets of a branch.
func (s *Server) UnprotectBranch(repo, branch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	delete(r.protections, branch)
	r.rulesets = slices.DeleteFunc(r.rulesets, func(rs ruleset) bool { return rs.branch == branch })
	return nil
}

func (s *Server) isProtected(r *repo, branch string) bool {
	_, classic := r.protections[branch]
	return classic || slices.ContainsFunc(r.rulesets, func(rs ruleset) bool { return rs.branch == branch })
}

// rules lists everything that applies to a branch.
func (s *Server) rules(r *repo, branch string) []Protection {
	var out []Protection
	if p, found := r.protections[branch]; found {
		out = append(out, p)
	}
	for _, rs := range r.rulesets {
		if rs.branch == branch {
			out = append(out, rs.Protection)
		}
	}
	return out
}

// directPushAllowed refuses pushes to branches that want pull requests or checks, except by those who may bypass.
func (s *Server) directPushAllowed(r *repo, who actor, branch string) error {
	if s.bypasses(r, who, branch) {
		return nil
	}
	for _, p := range s.rules(r, branch) {
		switch {
		case p.PullRequestOnly || p.RequiredReviews > 0 || p.CodeOwners:
			return unprocessable("Changes must be made through a pull request.")
		case p.MergeQueue:
			return unprocessable("Repository rule violations found\n\nChanges must be made through the merge queue")
		}
		if len(p.RequiredChecks) > 0 {
			return unprocessable("%d of %d required status checks are expected.", len(p.RequiredChecks), len(p.RequiredChecks))
		}
	}
	return nil
}

func (s *Server) renderBranch(r *repo, name string, h plumbing.Hash) obj {
	o := obj{
		"name": name, "commit": obj{"sha": h.String(), "url": s.repoURL(r, "/commits/"+h.String())}, "protected": s.isProtected(r, name),
		"protection": s.renderBranchChecks(r, name), "protection_url": s.repoURL(r, "/branches/"+url.PathEscape(name)+"/protection"),
	}
	return o
}

// renderBranchChecks is the part of classic protection that everybody may see.
func (s *Server) renderBranchChecks(r *repo, branch string) obj {
	p, found := r.protections[branch]
	level, checks, contexts := "off", []obj{}, []string{}
	if found && len(p.RequiredChecks) > 0 {
		level, contexts = "non_admins", p.RequiredChecks
		checks = mapSlice(contexts, func(name string) obj { return obj{"context": name, "app_id": nil} })
	}
	return obj{
		"enabled":                found,
		"required_status_checks": obj{"enforcement_level": level, "contexts": contexts, "checks": checks, "strict": p.Strict},
	}
}

func listBranches(c *call) (reply, error) {
	refs, err := c.repo.git.refs("refs/heads/")
	if err != nil {
		return reply{}, err
	}
	if want := c.query.Get("protected"); want != "" {
		refs = slices.DeleteFunc(refs, func(ref *plumbing.Reference) bool {
			return c.s.isProtected(c.repo, ref.Name().Short()) != (want == "true")
		})
	}
	return list(c, refs, func(ref *plumbing.Reference) obj { return c.s.renderBranch(c.repo, ref.Name().Short(), ref.Hash()) })
}

func getBranch(c *call) (reply, error) {
	name := c.param("branch")
	h := c.repo.git.branch(name)
	if h.IsZero() {
		return reply{}, fail(http.StatusNotFound, "Branch not found")
	}
	commit, err := c.repo.git.commit(h)
	if err != nil {
		return reply{}, err
	}
	o := c.s.renderBranch(c.repo, name, h)
	o["commit"] = c.s.renderCommit(c.repo, commit)
	o["_links"] = obj{"self": c.s.repoURL(c.repo, "/branches/"+url.PathEscape(name)), "html": c.s.web("/%s/tree/%s", c.repo.fullName(), escapePath(name))}
	return ok(o)
}

func getBranchProtection(c *call) (reply, error) {
	name := c.param("branch")
	p, found := c.repo.protections[name]
	if !found {
		return reply{}, fail(http.StatusNotFound, "Branch not protected")
	}
	self := c.s.repoURL(c.repo, "/branches/"+url.PathEscape(name)+"/protection")
	o := obj{"url": self, "enforce_admins": obj{"url": self + "/enforce_admins", "enabled": false}}
	if len(p.RequiredChecks) > 0 {
		o["required_status_checks"] = obj{
			"url": self + "/required_status_checks", "strict": p.Strict, "contexts": p.RequiredChecks, "contexts_url": self + "/required_status_checks/contexts",
			"checks": mapSlice(p.RequiredChecks, func(n string) obj { return obj{"context": n, "app_id": nil} }),
		}
	}
	if p.RequiredReviews > 0 {
		o["required_pull_request_reviews"] = obj{
			"url": self + "/required_pull_request_reviews", "dismiss_stale_reviews": p.DismissStale, "require_code_owner_reviews": p.CodeOwners,
			"required_approving_review_count": p.RequiredReviews, "require_last_push_approval": false,
		}
	}
	return ok(o)
}

// getBranchRules shows active rulesets only: not classic protection, and not who may bypass.
func getBranchRules(c *call) (reply, error) {
	out := []obj{}
	for _, rs := range c.repo.rulesets {
		if rs.branch != c.param("branch") {
			continue
		}
		rule := func(kind string, parameters obj) {
			o := obj{"type": kind, "ruleset_source_type": "Repository", "ruleset_source": c.repo.fullName(), "ruleset_id": rs.id}
			if parameters != nil {
				o["parameters"] = parameters
			}
			out = append(out, o)
		}
		if rs.PullRequestOnly || rs.RequiredReviews > 0 || rs.CodeOwners {
			rule("pull_request", obj{
				"dismiss_stale_reviews_on_push": rs.DismissStale, "require_code_owner_review": rs.CodeOwners, "require_last_push_approval": false,
				"required_approving_review_count": rs.RequiredReviews, "required_review_thread_resolution": false,
				"allowed_merge_methods": []string{"merge", "squash", "rebase"},
			})
		}
		if len(rs.RequiredChecks) > 0 {
			rule("required_status_checks", obj{
				"required_status_checks":               mapSlice(rs.RequiredChecks, func(n string) obj { return obj{"context": n} }),
				"strict_required_status_checks_policy": rs.Strict, "do_not_enforce_on_create": false,
			})
		}
		if rs.Signatures {
			rule("required_signatures", nil)
		}
		if rs.MergeQueue {
			rule("merge_queue", obj{
				"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
				"merge_method": "SQUASH", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
			})
		}
		rule("deletion", nil)
	}
	return list(c, out, func(o obj) obj { return o })
}
