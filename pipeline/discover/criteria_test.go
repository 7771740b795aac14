package discover_test

import (
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func TestCriteria(t *testing.T) {
	t.Parallel()
	f := pipeline.Freight{
		Images:  []pipeline.Image{{RepoURL: "ghcr.io/a/x", Tag: "1.0.0"}, {RepoURL: "ghcr.io/a/y", Tag: "1.1.0"}},
		Commits: []pipeline.Commit{{RepoURL: "https://github.com/a/x.git", ID: "c1", Tag: "v1.0.0", Message: "feat: x\n\nbody"}},
		Charts: []pipeline.Chart{
			{RepoURL: "https://charts.example.com", Name: "x", Version: "1.0.0"},
			{RepoURL: "https://charts.example.com", Name: "y", Version: "1.1.0"},
			{RepoURL: "oci://ghcr.io/a/charts/x", Version: "2.0.0"},
		},
	}
	now := func() time.Time { return noon }
	const same = `imageFrom("ghcr.io/a/x").Tag == imageFrom("ghcr.io/a/y").Tag`
	tests := map[string]struct {
		w    pipeline.Warehouse
		want bool
		err  bool
	}{
		"without criteria anything will do": {pipeline.Warehouse{}, true, false},
		"two images must have the same tag": {pipeline.Warehouse{FreightCreationCriteria: same}, false, false},
		"criteria that hold":                {pipeline.Warehouse{FreightCreationCriteria: "!(" + same + ")"}, true, false},
		"Manual ignores criteria":           {pipeline.Warehouse{FreightCreationCriteria: same, FreightCreationPolicy: pipeline.CreateManually}, true, false},
		"criteria that cannot be evaluated": {pipeline.Warehouse{FreightCreationCriteria: "nonsense("}, false, true},
		"criteria that give no yes or no":   {pipeline.Warehouse{FreightCreationCriteria: `"maybe"`}, false, true},
		"a chart of a classic repository, by name": {pipeline.Warehouse{
			FreightCreationCriteria: `chartFrom("https://charts.example.com", "x").Version == imageFrom("ghcr.io/a/x").Tag && chartFrom("https://charts.example.com", "y").Version == "1.1.0"`,
		}, true, false},
		"a chart of an OCI repository": {pipeline.Warehouse{FreightCreationCriteria: `chartFrom("oci://ghcr.io/a/charts/x").Version == "2.0.0"`}, true, false},
		"a chart that is not there":    {pipeline.Warehouse{FreightCreationCriteria: `chartFrom("https://charts.example.com", "z") == nil`}, true, false},
		"a commit":                     {pipeline.Warehouse{FreightCreationCriteria: `commitFrom("https://github.com/a/x.git").Tag == "v" + imageFrom("ghcr.io/a/x").Tag`}, true, false},
		"versions that are compared": {pipeline.Warehouse{
			FreightCreationCriteria: `semverDiff(imageFrom("ghcr.io/a/x").Tag, imageFrom("ghcr.io/a/y").Tag) == "Minor"`,
		}, true, false},
		"criteria that read as yes, as text": {pipeline.Warehouse{FreightCreationCriteria: `"true"`}, true, false},
	}
	for name, tt := range tests {
		got, err := discover.Satisfied(tt.w, f, now)
		if got != tt.want || (err != nil) != tt.err {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
