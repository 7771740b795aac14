package registryhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// Prefix is the path beneath which receivers are served.
const Prefix = "/webhooks/registry/"

// minSecret is the least length of a secret, which is all that protects a receiver.
const minSecret = 16

// Kind is the service that a receiver listens to.
type Kind string

// The kinds. GHCR is GitHub Packages outside the App's own installations, GAR also the
// older gcr.io.
const (
	GHCR        Kind = "ghcr"
	DockerHub   Kind = "dockerhub"
	Quay        Kind = "quay"
	Harbor      Kind = "harbor"
	Artifactory Kind = "artifactory"
	ACR         Kind = "acr"
	ECR         Kind = "ecr"
	GAR         Kind = "gar"
	Gitea       Kind = "gitea"
	Generic     Kind = "generic"
)

// Kinds lists all of them, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(services())) }

// Receiver is one webhook address.
type Receiver struct {
	// Name distinguishes it from others, and is part of what its address is made of.
	Name string
	Kind Kind
	// Secret has at least 16 characters. GHCR, Gitea and Artifactory sign with it,
	// Harbor sends it as its "Auth Header"; for the others the address suffices.
	Secret string
	// When and URL are for Generic: expressions over request (method, headers, body).
	// When says whether a request matters, by default every one does; URL gives the
	// address that was pushed to, or a list of them.
	When, URL string
	// VirtualRepository replaces the repository key in what Artifactory sends, if
	// pipelines name images by a virtual repository.
	VirtualRepository string
}

// Path is where the receiver is served. It is as secret as the secret is.
func (r Receiver) Path() string { return Prefix + string(r.Kind) + "/" + r.token() }

func (r Receiver) token() string {
	sum := sha256.Sum256([]byte(r.Name + "\n" + r.Secret))
	return hex.EncodeToString(sum[:])
}

// Validate says what is wrong with a receiver.
func (r Receiver) Validate() error {
	switch _, known := services()[r.Kind]; {
	case r.Name == "" || strings.ContainsAny(r.Name, "\n\r"):
		return fmt.Errorf("a receiver needs a name")
	case !known:
		return fmt.Errorf("receiver %s: kind %q is unknown%s", r.Name, r.Kind, suggestion(r.Kind))
	case len(r.Secret) < minSecret:
		return fmt.Errorf("receiver %s: its secret must have at least %d characters", r.Name, minSecret)
	case r.Kind != Generic && (r.When != "" || r.URL != ""):
		return fmt.Errorf("receiver %s: when and url are for kind generic", r.Name)
	case r.Kind != Artifactory && r.VirtualRepository != "":
		return fmt.Errorf("receiver %s: virtualRepository is for kind artifactory", r.Name)
	case r.Kind == Generic && r.URL == "":
		return fmt.Errorf("receiver %s: kind generic needs url, an expression that gives the address pushed to", r.Name)
	}
	for field, expression := range map[string]string{"when": r.When, "url": r.URL} {
		if expression == "" {
			continue
		}
		if err := expr.CheckBare(expression); err != nil {
			return fmt.Errorf("receiver %s: %s: %w", r.Name, field, err)
		}
	}
	return nil
}

func suggestion(k Kind) string {
	var names []string
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	if m := pipeline.DidYouMean(string(k), names); m != "" {
		return fmt.Sprintf("; did you mean %q?", m)
	}
	return "; kinds: " + strings.Join(names, ", ")
}
