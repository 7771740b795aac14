package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
)

// Changed reports whether the Promotion changed anything outside: false when
// the files already held what the Freight asks for, which leaves no pull
// request and no Deployment behind.
func (p *Promotion) Changed() bool {
	return p.Pull().Number != 0 || p.outputString("commit", pushes[:]...) != ""
}

// pushes are the steps that publish commits.
var pushes = [...]string{"git-push", "github-push"}

// IsPush reports whether a step of that kind publishes commits.
func IsPush(uses string) bool { return slices.Contains(pushes[:], uses) }

// PullRef is the pull request of a Promotion as its steps reported it.
type PullRef struct {
	Number int    `json:"id"`
	URL    string `json:"url"`
	// Head is the commit that was opened for merging.
	Head   string `json:"head,omitempty"`
	Merged bool   `json:"merged,omitempty"`
	// Repo is "owner/name".
	Repo string `json:"repo,omitempty"`
}

// Pull returns the Promotion's pull request, the zero value before it exists.
func (p *Promotion) Pull() PullRef {
	var ref PullRef
	for i := range p.Steps {
		switch p.Stage.Steps[i].Uses {
		case "git-open-pr", "git-wait-for-pr", "git-merge-pr":
		default:
			continue
		}
		var out struct {
			PR PullRef `json:"pr"`
		}
		if json.Unmarshal(p.Steps[i].Output, &out) == nil && out.PR.Number != 0 {
			// The step that opened it knows best what it stands for: the ones
			// after it may not have run again since a new start.
			if ref.Head != "" && out.PR.Number == ref.Number {
				out.PR.Head = ref.Head
			}
			ref = out.PR
		}
	}
	return ref
}

// pullClosed reports whether the Promotion's pull request was last seen closed
// without having been merged.
func (p *Promotion) pullClosed() bool {
	closed := false
	for i := range p.Steps {
		var out struct {
			PR struct {
				Open   *bool `json:"open"`
				Merged bool  `json:"merged"`
			} `json:"pr"`
		}
		switch p.Stage.Steps[i].Uses {
		case "git-open-pr", "git-wait-for-pr", "git-merge-pr":
		default:
			continue
		}
		if json.Unmarshal(p.Steps[i].Output, &out) == nil && out.PR.Open != nil {
			closed = !*out.PR.Open && !out.PR.Merged
		}
	}
	return closed
}

// OwnPull is [Promotion.Pull] if that is in the Promotion's own repository: the
// bot writes about a Promotion nowhere else.
func (p *Promotion) OwnPull() PullRef {
	if ref := p.Pull(); ref.Repo == "" || strings.EqualFold(ref.Repo, p.Repo.String()) {
		return ref
	}
	return PullRef{}
}

// OwnBranch returns the branch that the Promotion pushed for itself alone, empty
// when it has none. What an earlier start pushed counts.
func (p *Promotion) OwnBranch() string {
	for i := range p.Steps {
		var out struct {
			Branch string `json:"branch"`
		}
		if !IsPush(p.Stage.Steps[i].Uses) || json.Unmarshal(p.Steps[i].Output, &out) != nil {
			continue
		}
		if out.Branch == PromotionBranch(p) {
			return out.Branch
		}
	}
	return ""
}

// PromotionBranch is the name of the branch that belongs to a Promotion alone.
func PromotionBranch(p *Promotion) string {
	return "kargo/" + p.Stage.Name + "/" + p.ID
}

// MergeCommit returns the commit that the Promotion left on the base branch,
// empty while there is none.
func (p *Promotion) MergeCommit() string {
	if p.Pull().Number != 0 {
		return p.outputString("commit", "git-merge-pr", "git-wait-for-pr")
	}
	return p.outputString("commit", pushes[:]...)
}

func (p *Promotion) outputString(field string, uses ...string) string {
	for i := len(p.Steps) - 1; i >= 0; i-- {
		for _, u := range uses {
			if p.Stage.Steps[i].Uses != u || p.Steps[i].Phase == Skipped {
				continue
			}
			var out map[string]any
			if json.Unmarshal(p.Steps[i].Output, &out) == nil {
				if v, ok := out[field].(string); ok && v != "" {
					return v
				}
			}
		}
	}
	return ""
}
