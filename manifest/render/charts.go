package render

import "context"

// Charts provides charts that are not among the files.
type Charts interface {
	// Versions returns the versions of a chart in a repository, in any order: an
	// "https://" address of a classic repository, or an "oci://" one above the chart.
	Versions(ctx context.Context, repo, name string) ([]string, error)
	// Pull returns the archive of one version, gzipped tar, as the repository has it.
	Pull(ctx context.Context, repo, name, version string) ([]byte, error)
}
