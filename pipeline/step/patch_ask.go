package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
)

// ask returns what people decided, or an error that parks the step until they do.
func (r *patching) ask(ctx context.Context, found []*drifted) (OnDrift, error) {
	env := r.env
	if err := r.moved(ctx, found); err != nil {
		return "", err
	}
	asked := PatchAsked{Drift: fingerprint(found), At: env.Now()}
	prefix := ""
	switch before := r.prior.Asked; {
	case before == nil:
	case before.Drift == asked.Drift:
		asked.At = before.At
	default:
		prefix = "what was edited by hand is not what was asked about before. "
	}
	r.out.Asked = &asked
	for _, a := range env.Promotion.Answered(env.Promotion.Stage.Steps[env.Index].As) {
		if a.At.Before(asked.At) || a.Actor.Login == "" {
			continue
		}
		decision, ok := decided(a)
		if ok {
			r.out.DecidedBy = a.Actor.Login
			return decision, nil
		}
		prefix = fmt.Sprintf("the answer of %s was not taken: want drift=adopt or drift=overwrite. ", a.Actor.Login)
	}
	from := make([]string, len(r.config.Responders))
	for i, a := range r.config.Responders {
		from[i], _ = a.entry() // Validate has seen it
	}
	text := prefix + summarize(found, fmt.Sprintf("; /kargo answer %s drift=adopt|overwrite", env.Promotion.Stage.Name), maxQuestion-utf8.RuneCountInString(prefix))
	r.out.Question = &pipeline.Question{Text: text, From: from}
	wait := env.asked(text)
	wait.On = branchesOf(found)
	return "", wait
}

// branchesOf are the wake keys of pushes to the branches on which something was edited.
func branchesOf(found []*drifted) []string {
	var on []string
	for _, d := range found {
		co := d.item.to.checkout
		repo, err := repoOf(co.RepoURL)
		if key := pipeline.BranchEvent(repo, co.Branch); err == nil && co.Branch != "" && !slices.Contains(on, key) {
			on = append(on, key)
		}
	}
	return on
}

// decided reads an answer.
func decided(a pipeline.Answer) (OnDrift, bool) {
	word := a.Values["drift"]
	if word == "" && len(a.Values) == 0 {
		word = strings.TrimSpace(a.Message)
	}
	switch d := OnDrift(strings.ToLower(word)); d {
	case driftAdopt, driftOverwrite:
		return d, true
	default:
		return "", false
	}
}

// moved starts over when what was edited changed meanwhile, so that nobody is asked
// about what is not there any more.
func (r *patching) moved(ctx context.Context, found []*drifted) error {
	if r.prior.Asked == nil {
		return nil
	}
	looked := map[string]bool{}
	for _, d := range found {
		co := d.item.to.checkout
		if co.Branch == "" || looked[co.RepoURL+" "+co.Branch] {
			continue
		}
		looked[co.RepoURL+" "+co.Branch] = true
		now, err := r.env.Git.Checkout(ctx, co.RepoURL, Ref{Branch: co.Branch})
		if errors.Is(err, ErrNotFound) || (err == nil && now.Head == co.Head) {
			continue
		}
		if err != nil {
			return fmt.Errorf("patch: look at %s: %w", co.Branch, err)
		}
		tip := patchBaseline{promotion: co.Branch, files: now.FS}
		for _, other := range found {
			if other.item.to.checkout != co {
				continue
			}
			states, err := tip.recall(ctx, other.item, []*patchUnit{other.patchUnit})
			if err != nil {
				return fmt.Errorf("patch: look at %s: %w", co.Branch, err)
			}
			if states[other.patchUnit] != other.head {
				return &RewindError{Reason: fmt.Sprintf("%s changed on %s", other.path, co.Branch)}
			}
		}
	}
	return nil
}

// refuse ends the Promotion because of drift that must not be.
func (r *patching) refuse(found []*drifted) error {
	end := fmt.Sprintf("; onDrift says fail: take the edit back, or have onDrift say ask, then /kargo retry %s", r.env.Promotion.ID)
	return &FailedError{Terminal: true, Err: errors.New(summarize(found, end, maxQuestion))}
}

// maxQuestion keeps a question whole where it is shown, in characters.
const maxQuestion = 480

// summarize says in one line what was edited, with as many particulars as there is room
// for before the end.
func summarize(found []*drifted, end string, limit int) string {
	limit -= utf8.RuneCountInString(end)
	var lines []string
	for _, d := range found {
		lines = append(lines, d.report.line())
	}
	for n := min(len(lines), 3); n > 0; n-- {
		text := "edited by hand: " + strings.Join(lines[:n], "; ")
		if rest := len(lines) - n; rest > 0 {
			text += fmt.Sprintf("; and %d more", rest)
		}
		if utf8.RuneCountInString(text) <= limit {
			return text + end
		}
	}
	return truncate(fmt.Sprintf("edited by hand: %s and %d more", found[0].report.name(), len(found)-1), limit) + end
}

func (d PatchDrift) name() string { return strings.TrimSpace(oneLine(d.Path + " " + d.Key)) }

// line says what was edited where, and by whom.
func (d PatchDrift) line() string {
	const most = 60
	var b strings.Builder
	b.WriteString(d.name())
	if d.Key != "" {
		fmt.Fprintf(&b, " (%s, is %s, to become %s)", orNothing(truncate(d.Published, most)), orNothing(truncate(d.Found, most)), orNothing(truncate(d.Promoted, most)))
	} else {
		fmt.Fprintf(&b, " (%s)", d.Found)
	}
	if len(d.Commits) > 0 {
		c := d.Commits[0]
		fmt.Fprintf(&b, " by %s in %s", orNothing(truncate(oneLine(c.Author), most)), pipeline.Short(c.ID))
		if c.Subject != "" {
			fmt.Fprintf(&b, " %q", truncate(oneLine(c.Subject), most))
		}
	}
	if d.Before != "" {
		fmt.Fprintf(&b, ", adopted before in %s", d.Before)
	}
	return b.String()
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
