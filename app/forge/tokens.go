package forge

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// createToken narrows to the repositories and permissions asked for and refuses to widen.
func createToken(c *call) (reply, error) {
	id, err := c.number("installation_id")
	if err != nil {
		return reply{}, err
	}
	inst := c.s.installation(id)
	if inst == nil {
		return reply{}, notFound()
	}
	if !inst.suspendedAt.IsZero() {
		return reply{}, fail(http.StatusForbidden, "This installation has been suspended")
	}
	in, err := c.input(fields{
		"repositories": texts.null(), "repository_ids": {kind: "array", items: "integer", nullable: true}, "permissions": jsonObject.null(),
	})
	if err != nil {
		return reply{}, err
	}
	tok := &token{value: newTokenValue(c.s.app.id), inst: inst, permissions: maps.Clone(inst.permissions), expires: c.s.now().Add(tokenLife)}
	if err := c.narrowRepos(tok, in); err != nil {
		return reply{}, err
	}
	if want := in.object("permissions"); len(want) > 0 {
		tok.permissions = map[string]string{"metadata": "read"}
		for name, v := range want {
			level, _ := v.(string)
			if levelRank(level) == 0 || levelRank(level) > levelRank(inst.permissions[name]) {
				return reply{}, unprocessable("The permissions requested are not granted to this installation.")
			}
			tok.permissions[name] = level
		}
	}
	c.s.tokens[tok.value] = tok
	o := obj{
		"token": tok.value, "expires_at": timestamp(tok.expires), "permissions": tok.permissions, "repository_selection": inst.selection(),
	}
	if tok.repos != nil {
		o["repository_selection"] = "selected"
		o["repositories"] = mapSlice(slices.DeleteFunc(c.s.reposOf(inst), func(r *repo) bool { return !tok.repos[r.id] }), c.s.renderRepo)
	}
	return created(o)
}

func (c *call) narrowRepos(tok *token, in input) error {
	names := in.strings("repositories")
	ids, _ := in["repository_ids"].([]any)
	if len(names)+len(ids) == 0 {
		return nil
	}
	if len(names)+len(ids) > 500 {
		return unprocessable("At most 500 repositories can be listed.")
	}
	tok.repos = map[int64]bool{}
	reachable := map[string]int64{}
	for _, r := range c.s.reposOf(tok.inst) {
		reachable[strings.ToLower(r.name)], reachable[fmt.Sprint(r.id)] = r.id, r.id
	}
	for _, id := range ids {
		names = append(names, fmt.Sprint(id))
	}
	for _, name := range names {
		id, found := reachable[strings.ToLower(name)]
		if !found {
			return unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
		tok.repos[id] = true
	}
	return nil
}
