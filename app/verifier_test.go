package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/store"
)

func TestMissingSecretSaysHowToSetIt(t *testing.T) {
	t.Parallel()
	locked := errors.New("no key opens it")
	s := secrets{open: func(_ context.Context, repo int64, name string) (string, error) {
		switch {
		case repo != 7:
			t.Errorf("asked for repository %d", repo)
		case name == "LOCKED":
			return "", locked
		case name == "TOKEN":
			return "value", nil
		}
		return "", store.ErrNotFound
	}}
	repo := pipeline.Repo{ID: 7, Owner: "acme", Name: "gitops"}
	if v, err := s.Secret(t.Context(), repo, "TOKEN"); v != "value" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	_, err := s.Secret(t.Context(), repo, "OTHER")
	if !errors.Is(err, secret.ErrNotFound) || !strings.Contains(err.Error(), "kargo secrets set acme/gitops OTHER") {
		t.Errorf("%v", err)
	}
	if _, err := s.Secret(t.Context(), repo, "LOCKED"); !errors.Is(err, locked) || errors.Is(err, secret.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
