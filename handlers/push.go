package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Sources turns events about repositories and registries into hints.
type Sources struct {
	Hints Hints
	// CloneURL returns the address under which a repository is cloned.
	CloneURL func(r pipeline.Repo) string
	Now      func() time.Time
	Log      *slog.Logger
}

// Push handles push: a branch or tag moved. The payload's list of commits is cut
// by GitHub and is not looked at; what changed is found by comparing trees.
func (s *Sources) Push(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok {
		return nil
	}
	p, err := decode[struct {
		Ref string `json:"ref"`
	}](e)
	if err != nil {
		s.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	if internalBranch(strings.TrimPrefix(p.Ref, "refs/heads/")) {
		return nil
	}
	if err := s.remember(ctx, rec); err != nil {
		return err
	}
	if _, err := s.Hints.MarkSubscribersDue(ctx, pipeline.GitArtifact, pipeline.NormalizeGitURL(s.CloneURL(rec.Repo)), s.Now()); err != nil {
		return fmt.Errorf("note push to %s: %w", rec.Repo, err)
	}
	if branch, ok := strings.CutPrefix(p.Ref, "refs/heads/"); ok {
		if _, err := s.Hints.Wake(ctx, []string{pipeline.BranchEvent(rec.Repo, branch)}, s.Now()); err != nil {
			return fmt.Errorf("wake who waits for %s of %s: %w", branch, rec.Repo, err)
		}
	}
	if p.Ref == "refs/heads/"+rec.DefaultBranch {
		return s.reconcile(ctx, rec.ID)
	}
	return nil
}

// Package handles package and registry_package: an image was published. The
// payload is a hint only; what is there is found in the registry.
func (s *Sources) Package(ctx context.Context, e Event) error {
	type pkg struct {
		Name           string  `json:"name"`
		Namespace      string  `json:"namespace"`
		Ecosystem      string  `json:"ecosystem"`
		PackageType    string  `json:"package_type"`
		Owner          Account `json:"owner"`
		PackageVersion struct {
			PackageURL string `json:"package_url"`
		} `json:"package_version"`
		Registry struct {
			URL string `json:"url"`
		} `json:"registry"`
	}
	p, err := decode[struct {
		Package         *pkg `json:"package"`
		RegistryPackage *pkg `json:"registry_package"`
	}](e)
	if err != nil {
		s.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	v := p.Package
	if v == nil {
		v = p.RegistryPackage
	}
	if v == nil {
		return nil
	}
	found := false
	for _, url := range imageNames(v.PackageVersion.PackageURL, v.Registry.URL, v.Owner.Login, v.Namespace, v.Name) {
		some, err := s.pushed(ctx, url)
		if err != nil {
			return fmt.Errorf("note package %s: %w", url, err)
		}
		found = found || some
	}
	if found || v.Name == "" || e.Installation == nil {
		return nil
	}
	// The registry may have another name than the payload lets guess. A hint too
	// many costs one look.
	if _, err := s.Hints.MarkImagesNamedDue(ctx, e.Installation.ID, strings.ToLower(v.Name), s.Now()); err != nil {
		return fmt.Errorf("note package %s: %w", v.Name, err)
	}
	return nil
}

// pushed hints at who subscribes to an OCI repository. What was pushed there may be an
// image or a chart.
func (s *Sources) pushed(ctx context.Context, url string) (found bool, err error) {
	for kind, normalized := range map[pipeline.ArtifactKind]string{
		pipeline.ImageArtifact: pipeline.NormalizeImage(url),
		pipeline.ChartArtifact: pipeline.NormalizeChartURL("oci://" + url),
	} {
		repos, err := s.Hints.MarkSubscribersDue(ctx, kind, normalized, s.Now())
		if err != nil {
			return false, err
		}
		found = found || len(repos) > 0
	}
	return found, nil
}

// imageNames returns the image repositories that a package payload may mean:
// the one that its URL names, and the one that GitHub's container registry has
// for its owner and name.
func imageNames(packageURL, registryURL, owner, namespace, name string) []string {
	var names []string
	add := func(s string) {
		if s != "" && !strings.ContainsAny(s, " \t\n") {
			names = append(names, s)
		}
	}
	if ref := trimScheme(packageURL); ref != "" {
		ref, _, _ = strings.Cut(ref, "@")
		if slash := strings.LastIndexByte(ref, '/'); slash >= 0 {
			if colon := strings.LastIndexByte(ref, ':'); colon > slash {
				ref = ref[:colon]
			}
		}
		add(strings.TrimSuffix(ref, ":"))
	}
	host := "ghcr.io"
	if h, _, _ := strings.Cut(trimScheme(registryURL), "/"); strings.HasPrefix(h, "containers.") {
		host = h
	}
	if name == "" {
		return names
	}
	for _, o := range []string{owner, namespace} {
		if o != "" {
			add(host + "/" + strings.ToLower(o) + "/" + strings.ToLower(name))
		}
	}
	return names
}

func trimScheme(s string) string {
	s = strings.TrimPrefix(s, "https://")
	return strings.TrimPrefix(s, "http://")
}

// internalBranch reports whether a branch belongs to the machinery: Promotions'
// own branches and GitHub's merge queue.
func internalBranch(branch string) bool {
	return strings.HasPrefix(branch, "kargo/") || strings.HasPrefix(branch, "gh-readonly-queue/")
}

func (s *Sources) remember(ctx context.Context, rec store.RepoRecord) error {
	if err := s.Hints.PutRepo(ctx, rec, s.Now()); err != nil {
		return fmt.Errorf("store repository %s: %w", rec.Repo, err)
	}
	return nil
}

func (s *Sources) reconcile(ctx context.Context, repoID int64) error {
	if err := s.Hints.Enqueue(ctx, store.WorkReconcile, strconv.FormatInt(repoID, 10), s.Now()); err != nil {
		return fmt.Errorf("enqueue repository %d: %w", repoID, err)
	}
	return nil
}
