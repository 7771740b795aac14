package render

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// resolve returns the newest version that a constraint allows, which is itself when it
// is exact. Prereleases count only where the constraint names one, or with devel.
func resolve(ctx context.Context, charts Charts, repo, name, constraint string, devel bool) (string, error) {
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(constraint, "v")); err == nil {
		return constraint, nil
	}
	want := constraint
	switch {
	case want == "" && devel:
		want = ">0.0.0-0"
	case want == "":
		want = "*"
	}
	allowed, err := semver.NewConstraint(want)
	if err != nil {
		return "", fmt.Errorf("version %q: %w", constraint, err)
	}
	known, err := charts.Versions(ctx, repo, name)
	if err != nil {
		return "", err
	}
	var versions []*semver.Version
	for _, k := range known {
		if v, err := semver.NewVersion(k); err == nil && allowed.Check(v) {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 {
		return "", fmt.Errorf("none of the %d versions in %s is %s", len(known), withoutPassword(repo), want)
	}
	return slices.MaxFunc(versions, func(a, b *semver.Version) int {
		if c := a.Compare(b); c != 0 {
			return c
		}
		return strings.Compare(a.Original(), b.Original()) // versions that differ in their build only
	}).Original(), nil
}
