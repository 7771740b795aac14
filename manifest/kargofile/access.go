package kargofile

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

var roles = []string{"role:write", "role:maintain", "role:admin"}

// access reads who may do what. It leaves verbs that are not mentioned as they are.
func (d *decoder) access(dst *pipeline.Access) reader {
	return func(n *yaml.Node, path string) {
		d.object(n, path, "access", append([]field{
			{"promote", d.people(&dst.Promote)},
			{"abort", d.people(&dst.Abort)},
			{"verify", d.people(&dst.Verify)},
			{"approve", d.people(&dst.Approve)},
			{"freeze", d.people(&dst.Freeze)},
			{"override", d.people(&dst.Override)},
		}, notYet("promotionsFrom")...)...)
	}
}

// people reads a list of roles, teams and logins. An empty one would mean the
// default, the opposite of what it looks like.
func (d *decoder) people(dst *[]string) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.problem(n, path).message("%s is empty", last(path)).expected("at least one role, team or login")
			return
		}
		d.texts(dst, checkPerson)(n, path)
	}
}

func checkPerson(s string) error {
	const form = "role:write, role:maintain, role:admin, @org/team or a login"
	if s == "codeowners" {
		return &invalid{message: "codeowners is not available in this version", expected: form}
	}
	if strings.HasPrefix(s, "role:") {
		for _, r := range roles {
			if s == r {
				return nil
			}
		}
		return &invalid{message: fmt.Sprintf("unknown role %s", quoted(s)), expected: form, suggestion: pipeline.DidYouMean(cut(s), roles)}
	}
	bare, at := strings.CutPrefix(s, "@")
	switch {
	case at && teamForm.MatchString(bare), loginForm.MatchString(bare):
		return nil
	case teamForm.MatchString(s):
		return &invalid{message: fmt.Sprintf("%s is neither a role, a team nor a login", quoted(s)), expected: form, suggestion: "@" + cut(s)}
	}
	return &invalid{message: fmt.Sprintf("%s is neither a role, a team nor a login", quoted(s)), expected: form}
}
