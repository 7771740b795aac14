package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Charts reads chart repositories.
type Charts interface {
	// Versions lists all versions of a chart in any order. A classic repository that
	// does not have the chart has none of its versions; a repository that does not
	// exist is an error.
	Versions(ctx context.Context, c ChartRepository) ([]string, error)
}

// ChartRepository says where a chart is.
type ChartRepository struct {
	// URL is that of a classic repository (https://, index.yaml lies beneath it) or,
	// of an OCI one, oci://HOST/PATH with the chart's own name last.
	URL string
	// Name is that of the chart in a classic repository, empty for OCI.
	Name string
	// SkipTLSVerify accepts any certificate.
	SkipTLSVerify bool
}

// OCI reports whether the versions are tags of an OCI registry.
func (c ChartRepository) OCI() bool { return strings.HasPrefix(c.URL, "oci://") }

// chart chooses the greatest version within the constraint: a single listing,
// whatever the limit. Versions of a classic repository are read leniently ("1.2",
// "v1.2.0"), those of an OCI one as Helm reads them: three numbers and no prefix.
func (d *Discoverer) chart(ctx context.Context, name string, sub pipeline.ChartSubscription, rejected *rejections) ([]pipeline.Chart, error) {
	source := ChartRepository{URL: sub.RepoURL, Name: sub.Name, SkipTLSVerify: sub.InsecureSkipTLSVerify}
	order, err := newVersionOrder(sub.SemverConstraint, source.OCI())
	if err != nil {
		return nil, err
	}
	order.noPrefix = source.OCI()
	if d.Charts == nil {
		return nil, errors.New("charts cannot be read here")
	}
	versions, err := d.Charts.Versions(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	if source.OCI() {
		for i, tag := range versions {
			// A tag cannot have a plus sign; Helm writes an underscore in its place.
			versions[i] = strings.ReplaceAll(tag, "_", "+")
		}
	} else if len(versions) == 0 {
		rejected.note(sub.Name, "the repository's index.yaml has no such chart")
	}
	slices.Sort(versions)
	admitted := order.order(slices.Compact(versions), rejected)
	var out []pipeline.Chart
	for _, v := range admitted[:min(len(admitted), limitOr(sub.DiscoveryLimit))] {
		out = append(out, pipeline.Chart{RepoURL: sub.RepoURL, Name: sub.Name, Version: v, Subscription: name})
	}
	return out, nil
}
