package expr

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
)

// semverDiff names the most significant part in which two versions differ: Major, Minor,
// Patch, Metadata or None; prereleases are not compared. Incomparable means that one of
// them is not a version.
func semverDiff(args ...any) (any, error) {
	var versions [2]*semver.Version
	for i := range versions {
		s, err := text(args, i)
		if err != nil {
			return nil, err
		}
		if versions[i], err = semver.NewVersion(s); err != nil {
			return "Incomparable", nil //nolint:nilerr // that is the answer
		}
	}
	a, b := versions[0], versions[1]
	switch {
	case a.Major() != b.Major():
		return "Major", nil
	case a.Minor() != b.Minor():
		return "Minor", nil
	case a.Patch() != b.Patch():
		return "Patch", nil
	case a.Metadata() != b.Metadata():
		return "Metadata", nil
	}
	return "None", nil
}

// semverParse gives a version whose methods (Major(), IncMinor(), Prerelease(), ...)
// expressions can call.
func semverParse(args ...any) (any, error) {
	s, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	v, err := semver.NewVersion(s)
	if err != nil {
		return nil, fmt.Errorf("version %q: %w", shorten(s), err)
	}
	return v, nil
}
