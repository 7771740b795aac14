package e2e_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/app/forge"
)

// kept says what is wrong with what a Promotion that succeeded left behind: one
// commit on the base, one merged pull request whose branch is gone, one
// Deployment that ended well, one check run on every head, one sticky comment.
func (w *world) kept(repo, promotion string) error {
	pr, err := w.pull(repo, promotion)
	if err != nil {
		return err
	}
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(promotion+": "+format, args...))
		}
	}
	want(pr.Merged, "#%d is %s", pr.Number, state(pr))
	commits, err := w.commitsOf(repo, pr.Base, promotion)
	if err != nil {
		return err
	}
	want(len(commits) == 1, "%d commits on %s", len(commits), pr.Base)
	if len(commits) == 1 {
		c := commits[0]
		want(c.SHA == pr.MergeCommit, "the commit on %s is %s, the merge %s", pr.Base, c.SHA, pr.MergeCommit)
		for key, value := range map[string]string{"Kargo-Stage": stageOf(promotion), "Kargo-Freight": "", "Kargo-Pipeline": ""} {
			got := trailer(c.Message, key)
			want(got != "" && (value == "" || got == value), "trailer %s is %q in %q", key, got, c.Message)
		}
	}
	refs, err := w.Refs(repo)
	if err != nil {
		return err
	}
	want(refs["refs/heads/"+pr.Head] == "", "branch %s is still there", pr.Head)
	deployments, err := w.deploymentsOf(repo, promotion)
	if err != nil {
		return err
	}
	want(len(deployments) == 1, "%d Deployments", len(deployments))
	for _, d := range deployments {
		want(succeeded(d), "Deployment %d is %s", d.ID, lastState(d))
		want(d.Environment == stageOf(promotion), "Deployment %d is to %s", d.ID, d.Environment)
	}
	checks, err := w.CheckRuns(repo, "")
	if err != nil {
		return err
	}
	perHead := map[string]int{}
	for _, c := range checks {
		if c.Name != "kargo / promotion" || c.External != promotion {
			continue
		}
		perHead[c.SHA]++
		want(c.SHA != pr.HeadSHA || c.Conclusion == "success", "check run %d is %s %s", c.ID, c.Status, c.Conclusion)
	}
	want(perHead[pr.HeadSHA] == 1, "%d check runs on the head", perHead[pr.HeadSHA])
	for sha, n := range perHead {
		want(n == 1, "%d check runs on %s", n, sha)
	}
	sticky := 0
	for _, c := range pr.Comments {
		if c.Author == bot && !strings.Contains(c.Body, "reply=") {
			sticky++
		}
	}
	want(sticky == 1, "%d sticky comments", sticky)
	return errors.Join(faults...)
}

// undone says what is wrong with what a Promotion that was aborted left behind: one
// closed pull request without a branch and without a commit on the base, and one
// Deployment and one check run per head that say so.
func (w *world) undone(repo, promotion string) error {
	pr, err := w.pull(repo, promotion)
	if err != nil {
		return err
	}
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(promotion+": "+format, args...))
		}
	}
	want(state(pr) == "closed", "#%d is %s", pr.Number, state(pr))
	commits, err := w.commitsOf(repo, pr.Base, promotion)
	if err != nil {
		return err
	}
	want(len(commits) == 0, "%d commits on %s", len(commits), pr.Base)
	refs, err := w.Refs(repo)
	if err != nil {
		return err
	}
	want(refs["refs/heads/"+pr.Head] == "", "branch %s is still there", pr.Head)
	deployments, err := w.deploymentsOf(repo, promotion)
	if err != nil {
		return err
	}
	want(len(deployments) == 1, "%d Deployments", len(deployments))
	for _, d := range deployments {
		want(lastState(d) == "inactive", "Deployment %d is %s", d.ID, lastState(d))
		want(!succeeded(d), "Deployment %d was a success", d.ID)
	}
	checks, err := w.CheckRuns(repo, "")
	if err != nil {
		return err
	}
	runs := 0
	for _, c := range checks {
		if c.Name == "kargo / promotion" && c.External == promotion && c.SHA == pr.HeadSHA {
			runs++
			want(c.Conclusion == "cancelled", "check run %d is %s %s", c.ID, c.Status, c.Conclusion)
		}
	}
	want(runs == 1, "%d check runs on the head", runs)
	return errors.Join(faults...)
}

// allEnded checks every Promotion that has a pull request, whether it was merged
// or closed.
func (w *world) allEnded(repo string) error {
	pulls, err := w.PullRequests(repo)
	if err != nil {
		return err
	}
	var faults []error
	for _, promotion := range promotions(pulls) {
		pr, err := w.pull(repo, promotion)
		switch {
		case err != nil:
			faults = append(faults, err)
		case pr.State == "closed" && !pr.Merged:
			faults = append(faults, w.undone(repo, promotion))
		default:
			faults = append(faults, w.kept(repo, promotion))
		}
	}
	return errors.Join(faults...)
}

// allKept checks every Promotion that has a pull request.
func (w *world) allKept(repo string) error {
	pulls, err := w.PullRequests(repo)
	if err != nil {
		return err
	}
	var faults []error
	for _, promotion := range promotions(pulls) {
		faults = append(faults, w.kept(repo, promotion))
	}
	refs, err := w.Refs(repo)
	if err != nil {
		return err
	}
	for ref := range refs {
		if strings.HasPrefix(ref, "refs/heads/kargo/") {
			faults = append(faults, fmt.Errorf("branch %s is left", ref))
		}
	}
	return errors.Join(faults...)
}

// succeeded reports whether a Deployment ended well. GitHub makes it inactive once
// a later one to the same environment does, which is no other end.
func succeeded(d forge.Deployment) bool {
	states := make([]string, 0, len(d.Statuses))
	for _, s := range d.Statuses {
		states = append(states, s.State)
	}
	for len(states) > 0 && states[len(states)-1] == "inactive" {
		states = states[:len(states)-1]
	}
	return len(states) > 0 && states[len(states)-1] == "success"
}
