package forge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func (s *Server) registerApp(cfg App) *app {
	if cfg.ID == 0 {
		cfg.ID = 1
	}
	if cfg.Slug == "" {
		cfg.Slug = "kargo"
	}
	if cfg.Name == "" {
		cfg.Name = cfg.Slug
	}
	if cfg.Permissions == nil {
		cfg.Permissions = DefaultPermissions()
	}
	if cfg.Events == nil {
		cfg.Events = DefaultEvents()
	}
	a := s.otherApp(cfg.Slug)
	s.addAccount("web-flow", "User")
	a.id, a.name, a.cfg = cfg.ID, cfg.Name, cfg
	a.hookURL, a.hookSecret = cfg.WebhookURL, cfg.WebhookSecret
	a.permissions, a.events = maps.Clone(cfg.Permissions), slices.Clone(cfg.Events)
	return a
}

// otherApp returns the App with a slug, registering it on first use.
func (s *Server) otherApp(slug string) *app {
	if a := s.apps[slug]; a != nil {
		return a
	}
	a := &app{
		id: s.nextID(), slug: slug, name: slug, owner: s.ensureUser("app-owner"), bot: s.addAccount(slug+"[bot]", "Bot"),
		permissions: map[string]string{"checks": "write", "metadata": "read", "statuses": "write"}, events: []string{}, created: s.clock(),
	}
	s.apps[slug] = a
	return a
}

func (s *Server) installationFor(r *repo) *installation {
	for _, i := range s.installs {
		if i.covers(r) {
			return i
		}
	}
	return nil
}

// Install installs the App on an account, on the named repositories ("owner/name") or on all, and returns the
// installation's id.
func (s *Server) Install(owner string, repos ...string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts[strings.ToLower(owner)]
	if acc == nil {
		return 0, fmt.Errorf("install the App: no account %q", owner)
	}
	inst := &installation{id: s.nextID(), account: acc, permissions: maps.Clone(s.app.permissions), created: s.clock()}
	if len(repos) > 0 {
		inst.selected = map[int64]bool{}
		for _, name := range repos {
			r, err := s.repo(name)
			if err != nil {
				return 0, fmt.Errorf("install the App: %w", err)
			}
			inst.selected[r.id] = true
		}
	}
	s.installs = append(s.installs, inst)
	s.emitInstallation(inst, "installation", obj{"action": "created", "repositories": s.shortRepos(inst), "requester": nil})
	return inst.id, nil
}

// Uninstall removes an installation; its tokens stop working.
func (s *Server) Uninstall(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst := s.installation(id)
	if inst == nil {
		return fmt.Errorf("no installation %d", id)
	}
	s.emitInstallation(inst, "installation", obj{"action": "deleted", "repositories": s.shortRepos(inst)})
	s.installs = slices.DeleteFunc(s.installs, func(i *installation) bool { return i == inst })
	for value, t := range s.tokens {
		if t.inst == inst {
			delete(s.tokens, value)
		}
	}
	return nil
}

// Suspend suspends an installation, or lifts the suspension.
func (s *Server) Suspend(id int64, suspended bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst := s.installation(id)
	if inst == nil {
		return fmt.Errorf("no installation %d", id)
	}
	action := "unsuspend"
	inst.suspendedAt, inst.suspendedBy = time.Time{}, nil
	if suspended {
		action = "suspend"
		inst.suspendedAt, inst.suspendedBy = s.clock(), inst.account
	}
	s.emitInstallation(inst, "installation", obj{"action": action, "repositories": s.shortRepos(inst)})
	return nil
}

// AddToInstallation adds repositories to an installation, which covers only selected ones from then on.
func (s *Server) AddToInstallation(id int64, repos ...string) error {
	return s.changeSelection(id, "added", repos)
}

// RemoveFromInstallation takes repositories out of an installation.
func (s *Server) RemoveFromInstallation(id int64, repos ...string) error {
	return s.changeSelection(id, "removed", repos)
}

func (s *Server) changeSelection(id int64, action string, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst := s.installation(id)
	if inst == nil {
		return fmt.Errorf("no installation %d", id)
	}
	if inst.selected == nil {
		inst.selected = map[int64]bool{}
		for _, r := range s.repos {
			if r.owner == inst.account {
				inst.selected[r.id] = true
			}
		}
	}
	changed := []obj{}
	for _, name := range names {
		r, err := s.repo(name)
		if err != nil {
			return err
		}
		inst.selected[r.id] = action == "added"
		changed = append(changed, s.hookRepoShort(r))
	}
	payload := obj{
		"action": action, "repository_selection": "selected", "repositories_added": []obj{}, "repositories_removed": []obj{}, "requester": nil,
	}
	payload["repositories_"+action] = changed
	s.emitInstallation(inst, "installation_repositories", payload)
	return nil
}

// emitInstallation sends an event that every App gets, subscribed or not.
func (s *Server) emitInstallation(inst *installation, event string, payload obj) {
	payload["installation"] = s.renderInstallation(inst)
	payload["sender"] = s.renderUser(inst.account)
	s.deliver(inst, 0, event, payload)
}

func (s *Server) installation(id int64) *installation {
	for _, i := range s.installs {
		if i.id == id {
			return i
		}
	}
	return nil
}

func (s *Server) reposOf(inst *installation) []*repo {
	var out []*repo
	for _, k := range orderedKeys(s.repos) {
		if inst.covers(s.repos[k]) {
			out = append(out, s.repos[k])
		}
	}
	return out
}

func (s *Server) shortRepos(inst *installation) []obj {
	return mapSlice(s.reposOf(inst), s.hookRepoShort)
}

func (i *installation) selection() string {
	if i.selected == nil {
		return "all"
	}
	return "selected"
}

func (s *Server) renderInstallation(i *installation) obj {
	// GitHub's description of the list wants the keys of a user and those of an enterprise in one object.
	account := s.renderUser(i.account)
	account["name"], account["slug"] = i.account.login, strings.ToLower(i.account.login)
	account["created_at"], account["updated_at"] = timestamp(i.created), timestamp(i.created)
	return obj{
		"id": i.id, "account": account, "repository_selection": i.selection(),
		"access_tokens_url": s.api("/app/installations/%d/access_tokens", i.id), "repositories_url": s.api("/installation/repositories"),
		"html_url": s.web("/settings/installations/%d", i.id), "app_id": s.app.id, "app_slug": s.app.slug, "client_id": clientID(s.app),
		"target_id": i.account.id, "target_type": i.account.kind, "permissions": i.permissions, "events": s.app.events,
		"created_at": timestamp(i.created), "updated_at": timestamp(i.created), "single_file_name": nil,
		"has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": s.optUser(i.suspendedBy), "suspended_at": optTime(i.suspendedAt),
	}
}

func getApp(c *call) (reply, error) {
	o := c.s.renderApp(c.s.app)
	o["installations_count"] = len(c.s.installs)
	return ok(o)
}

func listInstallations(c *call) (reply, error) {
	return list(c, c.s.installs, c.s.renderInstallation)
}

func getInstallation(c *call) (reply, error) {
	id, err := c.number("installation_id")
	if err != nil {
		return reply{}, err
	}
	inst := c.s.installation(id)
	if inst == nil {
		return reply{}, notFound()
	}
	return ok(c.s.renderInstallation(inst))
}

func getRepoInstallation(c *call) (reply, error) {
	inst := c.s.installationFor(c.repo)
	if inst == nil {
		return reply{}, notFound()
	}
	return ok(c.s.renderInstallation(inst))
}

func listInstallationRepos(c *call) (reply, error) {
	var repos []*repo
	for _, r := range c.s.reposOf(c.actor.inst) {
		if c.actor.covers(r) {
			repos = append(repos, r)
		}
	}
	rep, err := listUnder(c, "repositories", repos, c.s.renderRepo)
	rep.body.(obj)["repository_selection"] = c.actor.inst.selection()
	return rep, err
}
