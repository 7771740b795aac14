package steptest_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

const url = "https://github.com/acme/gitops.git"

func stand(*testing.T) steptest.Stand { return steptest.New().Stand(url) }

func TestFakeGit(t *testing.T) { t.Parallel(); steptest.TestGit(t, stand) }

func TestFakeTags(t *testing.T) { t.Parallel(); steptest.TestTags(t, stand) }

func TestFakePulls(t *testing.T) { t.Parallel(); steptest.TestPulls(t, stand) }
