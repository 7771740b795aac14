package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
)

// outcome is what one Stage ended with, once as the store has it and once as
// GitHub has it.
type outcome struct {
	stage string
	// Of the store.
	freight, promotion string
	phase              pipeline.Phase
	verified           bool
	pull               int
	commit             string
	// Of GitHub.
	pulls       []forge.PullRequest
	commits     []string
	deployments []forge.Deployment
}

// outcomes gathers what became of the new version in every Stage. history is the
// default branch, newest first.
func outcomes(m moment, history []forge.Commit) []outcome {
	if m.Pipeline == nil {
		return nil
	}
	var out []outcome
	for _, stage := range m.Pipeline.Stages {
		p, ok := m.lastInto(stage.Name, nextVersion)
		o := outcome{stage: stage.Name}
		if ok {
			o.freight, o.promotion, o.phase = p.Freight.Headline()+" ("+p.Freight.Alias+")", p.ID, p.Phase
			o.verified = m.verified(stage.Name, nextVersion)
			o.pull, o.commit = p.Pull().Number, p.MergeCommit()
			o.deployments = m.deploymentsOf(p.ID)
			for _, pr := range m.Pulls {
				if pr.Head == pipeline.PromotionBranch(&p) {
					o.pulls = append(o.pulls, pr)
				}
			}
			for _, c := range history {
				if slices.Contains(strings.Split(c.Message, "\n"), "Kargo-Promotion: "+p.ID) {
					o.commits = append(o.commits, c.SHA)
				}
			}
		}
		out = append(out, o)
	}
	return out
}

// deploymentState is the newest state of the only Deployment.
func (o outcome) deploymentState() string {
	if len(o.deployments) != 1 || len(o.deployments[0].Statuses) == 0 {
		return ""
	}
	statuses := o.deployments[0].Statuses
	return statuses[len(statuses)-1].State
}

// faults lists what is wrong with an outcome: a Promotion leaves exactly one
// pull request, one merge, one commit and one successful Deployment, and store
// and GitHub agree on them.
func (o outcome) faults(history bool) []string {
	var faults []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, o.stage+": "+fmt.Sprintf(format, args...))
		}
	}
	if o.promotion == "" {
		return []string{o.stage + ": there is no Promotion"}
	}
	want(o.phase == pipeline.Succeeded, "%s is %s", o.promotion, o.phase)
	want(o.verified, "%s is not verified", o.freight)
	want(len(o.pulls) == 1, "%d pull requests of %s", len(o.pulls), o.promotion)
	if len(o.pulls) == 1 {
		pr := o.pulls[0]
		want(pr.Merged, "#%d is not merged", pr.Number)
		want(pr.Number == o.pull, "the store says #%d, GitHub #%d", o.pull, pr.Number)
		want(pr.MergeCommit == o.commit, "the store says commit %s, GitHub %s", cmp.Or(o.commit, "none"), cmp.Or(pr.MergeCommit, "none"))
	}
	if history {
		want(len(o.commits) == 1, "%d commits of %s on %s", len(o.commits), o.promotion, branch)
		want(len(o.commits) != 1 || o.commits[0] == o.commit, "commit %s is not on %s", o.commit, branch)
	}
	want(len(o.deployments) == 1, "%d Deployments of %s", len(o.deployments), o.promotion)
	if len(o.deployments) == 1 {
		want(o.deploymentState() == "success", "the Deployment is %q", o.deploymentState())
		want(o.deployments[0].Environment == o.stage, "the Deployment is to %q", o.deployments[0].Environment)
	}
	return faults
}

// checkInvariants lists everything that is wrong with the end of the scenario.
// Without history the commits on the default branch are not counted.
func checkInvariants(m moment, history []forge.Commit) []string {
	var faults []string
	all := outcomes(m, history)
	if len(all) == 0 {
		return []string{"there are no Stages"}
	}
	for _, o := range all {
		faults = append(faults, o.faults(history != nil)...)
	}
	return faults
}

// summarize prints the table and returns an error that names every invariant
// that does not hold.
func (s *script) summarize() error {
	m, _ := s.observer.now()
	history, err := s.world.github.Commits(configRepo, branch)
	if err != nil {
		return err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STAGE\tFREIGHT\tPROMOTION\tPR\tMERGE COMMIT\tDEPLOYMENT")
	for _, o := range outcomes(m, history) {
		state := "✓ " + o.deploymentState()
		if o.deploymentState() != "success" {
			state = "✗ " + cmp.Or(o.deploymentState(), "none")
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s %s\t#%d\t%s\t%s\n", o.stage, o.freight, o.promotion, o.phase, o.pull, pipeline.Short(o.commit), state)
	}
	_ = w.Flush() // a Builder does not fail
	s.terminal.line("\n%s", strings.TrimRight(b.String(), "\n"))
	if faults := checkInvariants(m, history); len(faults) > 0 {
		return fmt.Errorf("the outcome is not what was promised:\n  %s", strings.Join(faults, "\n  "))
	}
	s.terminal.line("\nEach Promotion left one commit on %s, one pull request, one merge and one successful Deployment;\nGitHub and the store agree.", branch)
	return nil
}
