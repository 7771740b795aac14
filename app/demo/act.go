package demo

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/ociregistry"
)

// refusal is why somebody may not or cannot do something, in words for the page.
type refusal struct{ message string }

func (e *refusal) Error() string { return e.message }

func refuse(format string, args ...any) error { return &refusal{message: fmt.Sprintf(format, args...)} }

// statusCode is what stands before a message of GitHub's.
var statusCode = regexp.MustCompile(`^[45]\d\d `)

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// publish does what a build does: it pushes an image, and GitHub tells the App.
func (w *world) publish(version string) error {
	version = strings.TrimSpace(version)
	if !tagForm.MatchString(version) {
		return refuse("%q is not an image tag such as %s", version, nextVersion)
	}
	digest, err := w.registry.Push(w.build(version))
	if err != nil {
		return fmt.Errorf("publish %s: %w", version, err)
	}
	host := strings.TrimSuffix(w.image, "/"+imageName)
	defer w.happened.ring()
	return w.github.PublishPackage(sourceRepo, people[0].Login, forge.Package{Name: packageName, Registry: host, Tag: version, Digest: digest})
}

// build makes an image whose digest depends on the version alone.
func (w *world) build(version string) ociregistry.Image {
	return ociregistry.Image{
		Repository: imageName, Tag: version, Created: w.now(), Content: version,
		Labels: map[string]string{
			"org.opencontainers.image.version": version,
			"org.opencontainers.image.source":  w.github.BaseURL() + "/" + sourceRepo,
		},
	}
}

// proposal is the version that comes after the newest one that became Freight.
func proposal(m moment) string {
	newest := semver.MustParse(firstVersion)
	for _, f := range m.Snapshot.Freight {
		if v, err := semver.StrictNewVersion(f.Version()); err == nil && v.GreaterThan(newest) {
			newest = v
		}
	}
	if newest.String() == firstVersion {
		return nextVersion
	}
	return newest.IncPatch().String()
}

// The gestures of a person on a pull request.
const (
	actComment = "comment"
	actApprove = "approve"
	actMerge   = "merge"
	actClose   = "close"
	actReopen  = "reopen"
	actDraft   = "draft"
	actReady   = "ready"
)

// act makes a person do something to a pull request. What GitHub would not let
// them do is a refusal.
func (w *world) act(number int, login, what, text string) error {
	who, ok := personBy(login)
	if !ok {
		return refuse("there is no %q here", login)
	}
	if !who.writes() && what != actComment && what != actApprove {
		return refuse("%s may not %s pull requests: their role on %s is %s", who.Login, what, configRepo, who.Role)
	}
	defer w.happened.ring()
	var err error
	switch what {
	case actComment:
		if strings.TrimSpace(text) == "" {
			return refuse("a comment needs a text, such as /kargo status")
		}
		_, err = w.github.CommentOn(configRepo, number, login, text)
	case actApprove:
		err = w.github.Review(configRepo, number, login, forge.Approved, text)
	case actMerge:
		_, err = w.github.Merge(configRepo, number, login, "squash", true)
	case actClose:
		err = w.github.ClosePullRequest(configRepo, number, login)
	case actReopen:
		err = w.github.ReopenPullRequest(configRepo, number, login)
	case actDraft, actReady:
		err = w.github.SetDraft(configRepo, number, login, what == actDraft)
	default:
		return refuse("nobody can %q a pull request", what)
	}
	if err != nil {
		return refuse("GitHub refused: %s", statusCode.ReplaceAllString(rootCause(err), ""))
	}
	return nil
}

// rootCause is the innermost message: what GitHub itself would say.
func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
