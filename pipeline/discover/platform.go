package discover

import (
	"fmt"
	"slices"
	"strings"
)

// runsOn reports whether one of the images is for exactly the platform: linux/arm64
// is not linux/arm64/v8, as in Kargo. Unlike there, an image that is no index counts
// too, if its configuration names the platform.
func (b Build) runsOn(platform string) bool {
	return slices.ContainsFunc(b.Platforms, func(p BuildPlatform) bool { return p.Name == platform })
}

// mismatch explains that none of the platforms is the wanted one.
func mismatch(want string, have []BuildPlatform) string {
	const most = 8
	names := make([]string, 0, most+1)
	for i, p := range have {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("is not for %s: it names no platform", want)
	}
	return fmt.Sprintf("is not for %s, only for %s", want, strings.Join(names, ", "))
}
