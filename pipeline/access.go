package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Access lists who may do what. Each entry is "role:write", "role:maintain",
// "role:admin", "@org/team" or a login. An empty list means the default.
type Access struct {
	Promote []string `json:"promote,omitempty"`
	Abort   []string `json:"abort,omitempty"`
	Verify  []string `json:"verify,omitempty"`
	Approve []string `json:"approve,omitempty"`
	Freeze  []string `json:"freeze,omitempty"`
	// Override lets Freight in without upstream verification.
	Override []string `json:"override,omitempty"`
}

// Verb is an action that needs authority.
type Verb string

// The verbs that need authority.
const (
	VerbPromote Verb = "promote"
	VerbAbort   Verb = "abort"
	VerbVerify  Verb = "verify"
	VerbApprove Verb = "approve"
	VerbFreeze  Verb = "freeze"
	// VerbOverride lets Freight in without upstream verification.
	VerbOverride Verb = "override"
)

// Actor is a person and what was observed about their authority, at one moment,
// on the repository that the Stage changes.
type Actor struct {
	Login string `json:"login"`
	// Role is GitHub's role name: none, read, triage, write, maintain or admin.
	Role string `json:"role"`
	// Teams are the "@org/team" entries asked about of which the person is an
	// active member.
	Teams []string `json:"teams,omitempty"`
}

var roleRank = map[string]int{"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}

// Who returns the entries that may use verb on the Stage: the Stage's own list,
// else the pipeline's, else the default role:write.
func (p Pipeline) Who(verb Verb, stage Stage) []string {
	pick := func(a Access) []string {
		if verb == VerbAbort {
			return a.Abort
		}
		return a.Promote
	}
	if l := pick(stage.Access); len(l) > 0 {
		return l
	}
	if l := pick(p.Access); len(l) > 0 {
		return l
	}
	return []string{"role:write"}
}

// Allows reports whether one of the entries admits the actor.
func Allows(entries []string, a Actor) bool {
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e, "role:"):
			// Lesser roles are everybody's on a public repository.
			need := roleRank[strings.TrimPrefix(e, "role:")]
			if need >= roleRank["write"] && roleRank[a.Role] >= need {
				return true
			}
		case strings.HasPrefix(e, "@") && strings.Contains(e, "/"):
			if slices.ContainsFunc(a.Teams, func(t string) bool { return strings.EqualFold(t, e) }) {
				return true
			}
		case a.Login != "" && strings.EqualFold(strings.TrimPrefix(e, "@"), a.Login):
			return true
		}
	}
	return false
}

// Authorize returns a [UserError] that says who may when the actor may not use
// verb on the Stage.
func (p Pipeline) Authorize(verb Verb, stage Stage, a Actor) error {
	who := p.Who(verb, stage)
	if Allows(who, a) {
		return nil
	}
	return &UserError{
		Message: fmt.Sprintf("%s may not %s Stage %q: that takes %s, and their role here is %s",
			a.Login, verb, stage.Name, DescribeEntries(who), orNone(a.Role)),
	}
}

// DescribeEntries says in words whom a list of entries admits.
func DescribeEntries(entries []string) string {
	words := make([]string, len(entries))
	for i, e := range entries {
		if role, ok := strings.CutPrefix(e, "role:"); ok {
			words[i] = role + " permission"
		} else {
			words[i] = strings.TrimPrefix(e, "@")
		}
	}
	return strings.Join(words, " or ")
}

func orNone(role string) string {
	if role == "" {
		return "none"
	}
	return role
}

// Teams returns every "@org/team" entry of the pipeline's access lists, for which
// membership has to be looked up before [Authorize] is asked.
func (p Pipeline) Teams() []string {
	seen := map[string]bool{}
	var teams []string
	add := func(a Access) {
		for _, e := range slices.Concat(a.Promote, a.Abort) {
			if strings.HasPrefix(e, "@") && strings.Contains(e, "/") && !seen[e] {
				seen[e] = true
				teams = append(teams, e)
			}
		}
	}
	add(p.Access)
	for _, s := range p.Stages {
		add(s.Access)
	}
	return teams
}
