package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/kargo-app/kargo/app/forge"
)

// checkManifests is the organisation's continuous integration: for every open
// pull request it reports whether the images that the environments name exist.
// It runs until ctx ends.
func (w *world) checkManifests(ctx context.Context) error {
	done := map[string]bool{}
	for {
		again := w.happened.listen()
		pulls, err := w.github.PullRequests(configRepo)
		if err != nil {
			return err
		}
		for _, p := range pulls {
			if p.State != "open" || done[p.HeadSHA] {
				continue
			}
			done[p.HeadSHA] = true
			if err := w.checkPull(ctx, p); err != nil && ctx.Err() == nil {
				return fmt.Errorf("check manifests of #%d: %w", p.Number, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		}
	}
}

func (w *world) checkPull(ctx context.Context, p forge.PullRequest) error {
	if _, err := w.github.SetCheck(configRepo, p.HeadSHA, ciApp, check, ""); err != nil {
		return err
	}
	conclusion := "success"
	for _, env := range []string{"test", "staging", "prod"} {
		ok, err := w.imagesExist(ctx, p.HeadSHA, "env/"+env+"/kustomization.yaml")
		if err != nil {
			return err
		}
		if !ok {
			conclusion = "failure"
		}
	}
	defer w.happened.ring()
	_, err := w.github.SetCheck(configRepo, p.HeadSHA, ciApp, check, conclusion)
	return err
}

// imagesExist reports whether a kustomization can be read and every image in it
// can be pulled.
func (w *world) imagesExist(ctx context.Context, ref, path string) (bool, error) {
	text, err := w.github.File(configRepo, ref, path)
	if err != nil {
		return false, nil //nolint:nilerr // somebody deleted it: that is what the check reports
	}
	var k struct {
		Images []struct {
			Name   string `yaml:"name"`
			NewTag string `yaml:"newTag"`
		} `yaml:"images"`
	}
	if yaml.Unmarshal([]byte(text), &k) != nil {
		return false, nil //nolint:nilerr // that is what the check reports, too
	}
	for _, image := range k.Images {
		host, name, _ := strings.Cut(image.Name, "/")
		if !strings.HasPrefix(w.image, host+"/") {
			return false, nil
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+host+"/v2/"+name+"/manifests/"+image.NewTag, nil)
		if err != nil {
			return false, nil //nolint:nilerr // no such image can exist
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false, fmt.Errorf("ask the registry: %w", err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false, nil
		}
	}
	return true, nil
}
