package discover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// versionOrder admits tags that are semantic versions within a constraint.
type versionOrder struct {
	constraint *semver.Constraints // nil admits every version
	text       string
	// strict demands all three numbers. A leading v is fine either way, unless
	// noPrefix forbids it.
	strict, noPrefix bool
}

func newVersionOrder(constraint string, strict bool) (versionOrder, error) {
	o := versionOrder{text: constraint, strict: strict}
	if constraint == "" {
		return o, nil
	}
	var err error
	if o.constraint, err = semver.NewConstraint(constraint); err != nil {
		return versionOrder{}, fmt.Errorf("constraint %q: %w", constraint, err)
	}
	return o, nil
}

// parse returns the version, or why the tag is not admitted. A prerelease is
// admitted unless the constraint, having none itself, excludes it: the rule of
// Masterminds.
func (o versionOrder) parse(tag string) (*semver.Version, string) {
	v, err := semver.NewVersion(tag)
	if err != nil {
		return nil, "is not a semantic version"
	}
	if o.noPrefix && strings.HasPrefix(tag, "v") {
		return nil, "is not a version of an OCI chart, which has no leading v"
	}
	if o.strict {
		if v, err = semver.StrictNewVersion(strings.TrimPrefix(tag, "v")); err != nil {
			reason := "is not a strict semantic version (MAJOR.MINOR.PATCH)"
			if !o.noPrefix {
				reason += "; strictSemvers: false would admit it"
			}
			return nil, reason
		}
	}
	switch {
	case o.constraint == nil || o.constraint.Check(v):
		return v, ""
	case v.Prerelease() != "":
		if release, err := v.SetPrerelease(""); err == nil && o.constraint.Check(&release) {
			return nil, fmt.Sprintf("is a prerelease, which %s does not include", o.text)
		}
	}
	return nil, "is outside " + o.text
}

// order returns the admitted tags, greatest version first, ties by the tag itself,
// descending: 1.0.0 stands before 1.0.
func (o versionOrder) order(tags []string, rejected *rejections) []string {
	type entry struct {
		tag     string
		version *semver.Version
	}
	entries := make([]entry, 0, len(tags))
	for _, tag := range tags {
		v, reason := o.parse(tag)
		if reason != "" {
			rejected.add(tag, reason)
			continue
		}
		entries = append(entries, entry{tag, v})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(b.version.Compare(a.version), cmp.Compare(b.tag, a.tag))
	})
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.tag
	}
	return out
}
