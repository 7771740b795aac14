package forge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// SetStatus sets a commit status as user; state is error, failure, pending or success. ref is a branch, tag or SHA.
func (s *Server) SetStatus(repo, ref, user, context, state string) error {
	return s.act(repo, user, "set status", func(h *repoHandle) error {
		sha, found := h.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q", ref)
		}
		return s.addStatus(h.repo, h.who, &status{sha: sha, context: context, state: state})
	})
}

// SetCheck reports a check run by another App, which is registered on first use. An empty conclusion means in progress.
// Called again for the same ref, App and name, it updates the run. It returns the run's id.
func (s *Server) SetCheck(repo, ref, appSlug, name, conclusion string) (id int64, err error) {
	err = s.act(repo, "app-owner", "set check", func(h *repoHandle) error {
		sha, found := h.git.resolve(ref)
		if !found {
			return fmt.Errorf("no commit %q", ref)
		}
		a := s.otherApp(appSlug)
		who := actor{account: a.bot, app: a}
		run := h.runOf(a, sha, name)
		if run == nil {
			run = &checkRun{id: s.nextID(), suite: s.suite(h.repo, a, sha, ""), sha: sha, name: name, status: "in_progress", started: s.clock()}
			h.runs = append(h.runs, run)
			s.emitRun(h.repo, who, run, "created", nil)
		}
		id = run.id
		if conclusion == "" {
			run.status, run.conclusion = "in_progress", ""
			return nil
		}
		run.status, run.conclusion, run.completed = "completed", conclusion, s.clock()
		s.emitRun(h.repo, who, run, "completed", nil)
		return nil
	})
	return id, err
}

func (r *repo) runOf(a *app, sha plumbing.Hash, name string) *checkRun {
	for _, run := range r.latestRuns(sha) {
		if run.suite.app == a && run.name == name {
			return run
		}
	}
	return nil
}

// RequestCheckAction presses a button of a check run as user. Only runs of the App under test send the event.
func (s *Server) RequestCheckAction(repo string, runID int64, user, identifier string) error {
	return s.onRun(repo, runID, user, "request check action", func(h *repoHandle, run *checkRun) error {
		for _, a := range run.actions {
			if a["identifier"] == identifier {
				s.emitRun(h.repo, h.who, run, "requested_action", obj{"requested_action": obj{"identifier": identifier}})
				return nil
			}
		}
		return fmt.Errorf("check run %d has no action %q", runID, identifier)
	})
}

// RerequestCheck presses "Re-run" on a check run as user. The run itself stays as it is, as on GitHub.
func (s *Server) RerequestCheck(repo string, runID int64, user string) error {
	return s.onRun(repo, runID, user, "rerequest check", func(h *repoHandle, run *checkRun) error {
		s.emitRun(h.repo, h.who, run, "rerequested", nil)
		return nil
	})
}

func (s *Server) onRun(repo string, id int64, user, what string, f func(*repoHandle, *checkRun) error) error {
	return s.act(repo, user, what, func(h *repoHandle) error {
		for _, run := range h.runs {
			if run.id == id && run.suite.app == s.app {
				return f(h, run)
			}
		}
		return fmt.Errorf("no check run %d of this App", id)
	})
}

// Package is a published container image version.
type Package struct {
	Name     string // such as "guestbook"
	Registry string // host, such as "127.0.0.1:5000" or "ghcr.io"
	Tag      string // may be empty: GitHub fires once per manifest and children have no tag
	Digest   string // sha256:...; empty derives one from the tag
}

// PublishPackage tells the App that user published an image that belongs to repo, with a registry_package event.
func (s *Server) PublishPackage(repo, user string, p Package) error {
	return s.act(repo, user, "publish package", func(h *repoHandle) error {
		if p.Digest == "" {
			sum := sha256.Sum256([]byte(p.Name + ":" + p.Tag))
			p.Digest = "sha256:" + hex.EncodeToString(sum[:])
		}
		s.emit(h.repo, h.who, "registry_package", obj{"action": "published", "registry_package": s.renderPackage(h, p)})
		return nil
	})
}

func (s *Server) renderPackage(h *repoHandle, p Package) obj {
	id, version := s.nextID(), s.nextID()
	web := s.web("/%s/pkgs/container/%s", h.fullName(), p.Name)
	address := p.Registry + "/" + h.owner.login + "/" + p.Name
	now := timestamp(s.clock())
	return obj{
		"id": id, "name": p.Name, "namespace": h.owner.login, "description": "", "ecosystem": "CONTAINER", "package_type": "CONTAINER",
		"html_url": web, "created_at": now, "updated_at": now, "owner": s.renderUser(h.owner),
		"registry": obj{"about_url": "", "name": "GitHub CONTAINER registry", "type": "CONTAINER", "url": "https://" + address, "vendor": "GitHub Inc"},
		"package_version": obj{
			"id": version, "version": p.Digest, "name": p.Digest, "description": "", "summary": "", "html_url": web + "/" + itoa(int(version)),
			"target_commitish": h.defaultBranch, "target_oid": h.git.branch(h.defaultBranch).String(), "created_at": now, "updated_at": now, "metadata": []obj{},
			"author": s.renderUser(h.who.account), "package_url": address + ":" + p.Tag, "installation_command": "docker pull " + address + ":" + p.Tag,
			"container_metadata": obj{"tag": obj{"name": p.Tag, "digest": p.Digest}, "labels": obj{}, "manifest": obj{}},
		},
	}
}
