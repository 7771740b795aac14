package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/app/forge"
)

// pull returns the pull request of a Promotion.
func (w *world) pull(repo, promotion string) (forge.PullRequest, error) {
	pulls, err := w.pullsOf(repo, promotion)
	switch {
	case err != nil:
		return forge.PullRequest{}, err
	case len(pulls) != 1:
		return forge.PullRequest{}, fmt.Errorf("%d pull requests of %s, want 1", len(pulls), promotion)
	}
	return pulls[0], nil
}

func (w *world) pullsOf(repo, promotion string) ([]forge.PullRequest, error) {
	all, err := w.PullRequests(repo)
	return slices.DeleteFunc(all, func(p forge.PullRequest) bool { return p.Head != promotionBranch(promotion) }), err
}

// promotionBranch is the branch of a Promotion such as "prod-12".
func promotionBranch(promotion string) string {
	return "kargo/" + stageOf(promotion) + "/" + promotion
}

func stageOf(promotion string) string { return promotion[:strings.LastIndexByte(promotion, '-')] }

// state is a pull request's state in one word.
func state(p forge.PullRequest) string {
	switch {
	case p.Merged:
		return "merged"
	case p.State == "closed":
		return "closed"
	case p.Draft:
		return "draft"
	}
	return "open"
}

// deploymentsOf returns the Deployments of a Promotion.
func (w *world) deploymentsOf(repo, promotion string) ([]forge.Deployment, error) {
	all, err := w.Deployments(repo)
	return slices.DeleteFunc(all, func(d forge.Deployment) bool {
		var payload struct{ Promotion string }
		return json.Unmarshal(d.Payload, &payload) != nil || payload.Promotion != promotion
	}), err
}

// lastState is a Deployment's newest state.
func lastState(d forge.Deployment) string {
	if len(d.Statuses) == 0 {
		return "none"
	}
	return d.Statuses[len(d.Statuses)-1].State
}

// commitsOf returns the commits of a branch that name a Promotion in a trailer.
func (w *world) commitsOf(repo, branch, promotion string) ([]forge.Commit, error) {
	all, err := w.Commits(repo, branch)
	return slices.DeleteFunc(all, func(c forge.Commit) bool { return trailer(c.Message, "Kargo-Promotion") != promotion }), err
}

// trailer returns a trailer's value, "" when it is missing or there are several.
func trailer(message, key string) string {
	var value string
	for line := range strings.Lines(message) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+": "); ok {
			if value != "" {
				return ""
			}
			value = v
		}
	}
	return value
}

// describe says what can be seen on GitHub, for a test that fails.
func (w *world) describe() string {
	var b strings.Builder
	for _, repo := range w.Repositories() {
		fmt.Fprintf(&b, "%s:\n", repo)
		pulls, _ := w.PullRequests(repo)
		for _, p := range pulls {
			fmt.Fprintf(&b, "  #%d %s %s %q\n", p.Number, p.Head, state(p), p.Title)
			if w.kept(repo, p.Head[strings.LastIndexByte(p.Head, '/')+1:]) == nil {
				continue
			}
			for _, c := range p.Comments {
				fmt.Fprintf(&b, "    %s %v: %s\n", c.Author, c.Reactions, indent(c.Body))
			}
			checks, _ := w.CheckRuns(repo, p.HeadSHA)
			for _, c := range checks {
				fmt.Fprintf(&b, "    check %q %s %s %q\n", c.Name, c.Status, c.Conclusion, c.Title)
			}
		}
		deployments, _ := w.Deployments(repo)
		for _, d := range deployments {
			fmt.Fprintf(&b, "  deployment %d to %s %s %s\n", d.ID, d.Environment, lastState(d), d.Payload)
		}
		commits, _ := w.Commits(repo, "main")
		for _, c := range commits[:min(len(commits), 10)] {
			title, _, _ := strings.Cut(c.Message, "\n")
			fmt.Fprintf(&b, "  commit %.7s %q\n", c.SHA, title)
		}
	}
	for _, d := range w.Deliveries() {
		if d.StatusCode != 202 {
			fmt.Fprintf(&b, "delivery %s.%s %s %d\n", d.Event, d.Action, d.GUID, d.StatusCode)
		}
	}
	return b.String()
}

func indent(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n      ") }

// promotions names the Promotions that pull requests belong to, each once.
func promotions(pulls []forge.PullRequest) []string {
	var ids []string
	for _, p := range pulls {
		if parts := strings.Split(p.Head, "/"); len(parts) == 3 && parts[0] == "kargo" {
			ids = append(ids, parts[2])
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
