package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
)

// parseImage splits a reference. What holds a template or is no reference is
// refused.
func parseImage(ref string) (Image, bool) {
	if ref == "" || strings.ContainsAny(ref, "{}$ ") {
		return Image{}, false
	}
	ref, _, _ = strings.Cut(ref, "@")
	image := Image{RepoURL: ref}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		image = Image{RepoURL: ref[:i], Tag: ref[i+1:]}
	}
	_, err := name.NewRepository(image.RepoURL)
	return image, err == nil && image.RepoURL != ""
}

var (
	dated = regexp.MustCompile(`^20\d{2}[-.]?\d{2}`)
	built = regexp.MustCompile(`^([a-z][a-z0-9._]*-)?[0-9a-f]{7,40}$`)
)

// selection says how a Subscription chooses among tags like the one that was
// seen: fields to write, and the reason.
func (i Image) selection() (fields []string, why string) {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(i.Tag, "v"))
	switch {
	case i.Tag == "" || err == nil:
		return nil, "The greatest semantic version; narrow it with constraint: ^1.0.0."
	case slices.Contains([]string{"latest", "main", "master", "stable", "edge", "nightly"}, i.Tag):
		return []string{"imageSelectionStrategy: Digest", "constraint: " + i.Tag}, "The tag " + i.Tag + " moves, so what it points at is followed."
	case dated.MatchString(i.Tag):
		return []string{"imageSelectionStrategy: Lexical", `allowTagsRegexes: ['^20\d{2}[-.]?\d{2}']`}, "Tags begin with a date, so the greatest is the newest."
	case built.MatchString(i.Tag):
		return []string{"imageSelectionStrategy: NewestBuild", "allowTagsRegexes: ['" + built.String() + "']"}, "Tags name commits, so the newest build is taken. That asks the registry about every tag."
	}
	return []string{"strictSemvers: false"}, "Versions may lack parts, as " + i.Tag + " does."
}
