package pipeline

import (
	"fmt"
	"maps"
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

// list returns the entries for one verb.
func (a Access) list(verb Verb) []string {
	switch verb {
	case VerbPromote:
		return a.Promote
	case VerbAbort:
		return a.Abort
	case VerbVerify:
		return a.Verify
	case VerbApprove:
		return a.Approve
	case VerbFreeze:
		return a.Freeze
	case VerbOverride:
		return a.Override
	}
	return nil
}

// defaultEntry is who may use a verb of which no list speaks.
func defaultEntry(verb Verb) string {
	switch verb {
	case VerbPromote, VerbAbort, VerbVerify:
		return "role:write"
	case VerbApprove, VerbFreeze:
		return "role:maintain"
	case VerbOverride:
	}
	return "role:admin"
}

// Who returns the entries that may use verb on the Stage: the Stage's own list,
// else the pipeline's, else the default: role:write to promote, abort and verify,
// role:maintain to approve and freeze, role:admin to override. The zero Stage
// stands for the whole pipeline.
func (p Pipeline) Who(verb Verb, stage Stage) []string {
	if l := stage.Access.list(verb); len(l) > 0 {
		return l
	}
	if l := p.Access.list(verb); len(l) > 0 {
		return l
	}
	return []string{defaultEntry(verb)}
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
// verb on the Stage, the zero Stage standing for the whole pipeline.
func (p Pipeline) Authorize(verb Verb, stage Stage, a Actor) error {
	who := p.Who(verb, stage)
	if Allows(who, a) {
		return nil
	}
	what := fmt.Sprintf("%s Stage %q", verb.words(), stage.Name)
	if stage.Name == "" {
		what = fmt.Sprintf("%s pipeline %q", verb.words(), p.Name)
	}
	return &UserError{
		Message: fmt.Sprintf("%s may not %s: that takes %s, and their role here is %s",
			a.Login, what, DescribeEntries(who), orNone(a.Role)),
	}
}

// words puts a verb before the name of a Stage.
func (v Verb) words() string {
	switch v {
	case VerbApprove:
		return "approve Promotions into"
	case VerbOverride:
		return "bypass verification for"
	case VerbPromote, VerbAbort, VerbVerify, VerbFreeze:
	}
	return string(v)
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

// Teams returns every "@org/team" entry of the pipeline's access lists and of
// those who approve, for which membership has to be looked up before [Authorize]
// is asked.
func (p Pipeline) Teams() []string {
	seen := map[string]bool{}
	var teams []string
	add := func(lists ...[]string) {
		for _, e := range slices.Concat(lists...) {
			if strings.HasPrefix(e, "@") && strings.Contains(e, "/") && !seen[e] {
				seen[e] = true
				teams = append(teams, e)
			}
		}
	}
	access := func(a Access) { add(a.Promote, a.Abort, a.Verify, a.Approve, a.Freeze, a.Override) }
	access(p.Access)
	for i := range p.Stages {
		s := &p.Stages[i]
		access(s.Access)
		add(s.Approvals.From)
		for _, q := range s.Approvals.Quorum {
			add(q.From)
		}
		for _, step := range s.Steps {
			if step.Uses == "wait-for-approval" || step.Uses == "get-user-input" {
				add(texts(step.Config))
			}
		}
	}
	return teams
}

// texts lists all texts in a value.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, texts(e)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, texts(v[key])...)
		}
		return all
	}
	return nil
}
