package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// WaitForApprovalConfig configures wait-for-approval.
type WaitForApprovalConfig struct {
	Approvers    []Approver        `json:"approvers,omitempty" doc:"whose approvals count; default those who may approve Promotions into the Stage"`
	MinApprovals *int              `json:"minApprovals,omitempty" doc:"how many different people have to approve; default 1"`
	PollInterval pipeline.Duration `json:"pollInterval,omitempty" doc:"no effect: an approval is noticed when it is given"`
}

// Approver is one rule of a WaitForApprovalConfig.
type Approver struct {
	Claim    string `json:"claim,omitempty" doc:"with value: login (or sub, preferred_username) for a person, groups (or teams) for a team"`
	Value    string `json:"value,omitempty" doc:"a login, or a team as @org/team"`
	Role     string `json:"role,omitempty" doc:"write, maintain or admin: whoever has at least this role on the repository"`
	Required bool   `json:"required,omitempty" doc:"whether one of the approvals has to come from here"`
}

// WaitForApprovalOutput is the output of wait-for-approval.
type WaitForApprovalOutput struct {
	Responses []ApprovalResponse `json:"responses" doc:"the approvals that count, oldest first"`
	Question  *pipeline.Question `json:"question,omitempty" doc:"what is asked, while it is"`
}

// ApprovalResponse is one approval.
type ApprovalResponse struct {
	User   string    `json:"user" doc:"a login"`
	Action string    `json:"action" doc:"approve"`
	Time   time.Time `json:"time" doc:"when"`
}

func waitForApproval() Definition {
	return Define("wait-for-approval", Remote, Doc{
		Summary: `Waits until people approve the Promotion with ` + "`/kargo approve STAGE`" + `.

Approvals count that are given while the step waits, one for each person; each rule that
is ` + "`required`" + ` needs one of its own. ` + "`/kargo reject STAGE -- REASON`" + ` ends the
Promotion as Failed. Those who are named here may approve even where the ` + "`access`" + ` of the
pipeline does not list them. GitHub knows logins, teams and roles: other claims are
refused.`,
		Example: `
uses: wait-for-approval
as: sign-off
config:
  minApprovals: 2
  approvers:
    - claim: groups
      value: "@acme/leads"
      required: true
    - role: maintain
`,
	}, runWaitForApproval)
}

// entry is the rule as [pipeline.Access] spells it.
func (a Approver) entry() (string, error) {
	switch {
	case a.Role != "" && a.Claim == "" && a.Value == "":
		role := strings.TrimPrefix(a.Role, "role:")
		if !slices.Contains([]string{"write", "maintain", "admin"}, role) {
			return "", fmt.Errorf("role %q: want write, maintain or admin, the roles that GitHub has", a.Role)
		}
		return "role:" + role, nil
	case a.Role != "" || a.Claim == "" || a.Value == "":
		return "", errors.New("want either role, or claim and value")
	}
	team := strings.HasPrefix(a.Value, "@") && strings.Contains(a.Value, "/")
	switch strings.ToLower(a.Claim) {
	case "groups", "group", "teams", "team":
		if !team {
			return "", fmt.Errorf("value %q: want a team as @org/team", a.Value)
		}
		return a.Value, nil
	case "login", "sub", "preferred_username", "username", "user":
		if team {
			return "", fmt.Errorf("value %q: want a login", a.Value)
		}
		return a.Value, nil
	}
	return "", fmt.Errorf("claim %q: GitHub knows people by login and groups only", a.Claim)
}

// Validate implements the rules beyond types.
func (c WaitForApprovalConfig) Validate() error {
	var errs []error
	for i, a := range c.Approvers {
		if _, err := a.entry(); err != nil {
			errs = append(errs, fmt.Errorf("approvers[%d]: %w", i, err))
		}
	}
	if c.MinApprovals != nil && *c.MinApprovals < 1 {
		errs = append(errs, errors.New("minApprovals must be at least 1"))
	}
	return errors.Join(errs...)
}

func runWaitForApproval(_ context.Context, env Env, c WaitForApprovalConfig) (WaitForApprovalOutput, error) {
	from := make([]string, len(c.Approvers))
	for i, a := range c.Approvers {
		from[i], _ = a.entry() // Validate has seen it
	}
	need := 1
	if c.MinApprovals != nil {
		need = *c.MinApprovals
	}
	out := WaitForApprovalOutput{Responses: []ApprovalResponse{}}
	var actors []pipeline.Actor
	for _, a := range env.Promotion.Approvals {
		if a.At.Before(env.since()) || (len(from) > 0 && !pipeline.Allows(from, a.Actor)) {
			continue
		}
		if slices.ContainsFunc(actors, func(o pipeline.Actor) bool { return strings.EqualFold(o.Login, a.Actor.Login) }) {
			continue
		}
		actors = append(actors, a.Actor)
		out.Responses = append(out.Responses, ApprovalResponse{User: a.Actor.Login, Action: "approve", Time: a.At})
	}
	var missing []string
	if len(actors) < need {
		whom := ""
		if len(from) > 0 {
			whom = " from " + pipeline.DescribeEntries(from)
		}
		missing = append(missing, fmt.Sprintf("%d of %d approvals%s", len(actors), need, whom))
	}
	for i, a := range c.Approvers {
		if a.Required && count(actors, from[i:i+1]) == 0 {
			missing = append(missing, "an approval from "+pipeline.DescribeEntries(from[i:i+1])+" is required")
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	stage := env.Promotion.Stage.Name
	text := fmt.Sprintf("%s; /kargo approve %s, or /kargo reject %s -- REASON", strings.Join(missing, "; "), stage, stage)
	out.Question = &pipeline.Question{Text: text, From: from, Approve: true}
	return out, env.asked(text)
}

// since is when the step began: what was said before that was said to something
// else.
func (e Env) since() time.Time { return e.Promotion.Steps[e.Index].StartedAt }

// asked parks a step that waits for people or for an outside system. What they say
// makes the Stage due, so that nothing needs to be polled.
func (e Env) asked(text string) *WaitError {
	return &WaitError{Message: text, Until: e.Now().Add(max(e.PollInterval, answerPoll))}
}

// answerPoll is how often a step looks for answers although none was announced.
const answerPoll = time.Hour
