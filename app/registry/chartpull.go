package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// maxChart bounds the archive of a chart.
const maxChart = maxAnswer

// chartLayers are the media types of a chart's archive in an OCI registry, the one of
// old first releases included.
var chartLayers = []string{"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"}

// ChartVersions returns the versions of a chart in a repository as a Chart.yaml names
// it: for OCI, the address above the chart.
func (c *Client) ChartVersions(ctx context.Context, repository, chart string) ([]string, error) {
	if !isOCI(repository) {
		return c.Versions(ctx, discover.ChartRepository{URL: repository, Name: chart})
	}
	tags, err := c.Versions(ctx, discover.ChartRepository{URL: joinOCI(repository, chart)})
	for i, tag := range tags {
		// Tags cannot have a plus sign; Helm writes it so.
		tags[i] = strings.ReplaceAll(tag, "_", "+")
	}
	return tags, err
}

// PullChart returns the archive of a version of a chart, in a repository as a
// Chart.yaml names it. What the repository says of its digest is checked.
func (c *Client) PullChart(ctx context.Context, repository, chart, version string) ([]byte, error) {
	var archive []byte
	var err error
	if isOCI(repository) {
		archive, err = c.pullOCI(ctx, joinOCI(repository, chart), strings.ReplaceAll(version, "+", "_"))
	} else {
		archive, err = c.pullClassic(ctx, repository, chart, version)
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, discover.ErrNotFound) {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("%s has no version %s of chart %s", printable(bareString(repository)), printable(version), printable(chart)), Err: err,
		}
	}
	return archive, err
}

func isOCI(repository string) bool { return strings.HasPrefix(repository, "oci://") }

func joinOCI(repository, chart string) string {
	return strings.TrimSuffix(repository, "/") + "/" + chart
}

func (c *Client) pullOCI(ctx context.Context, address, tag string) ([]byte, error) {
	r := discover.Repository{URL: strings.TrimPrefix(address, "oci://")}
	return ask(ctx, c, pipeline.ChartArtifact, r, tag, func(p *remote.Puller, repo name.Repository) ([]byte, error) {
		ref, err := reference(repo, tag)
		if err != nil {
			return nil, err
		}
		desc, err := p.Get(ctx, ref)
		if err != nil {
			return nil, err
		}
		img, err := desc.Image()
		if err != nil {
			return nil, err
		}
		manifest, err := img.Manifest()
		if err != nil {
			return nil, err
		}
		for _, l := range manifest.Layers {
			if !slices.Contains(chartLayers, string(l.MediaType)) {
				continue
			}
			if l.Size > maxChart {
				return nil, tooLarge(repo.Name())
			}
			layer, err := img.LayerByDigest(l.Digest)
			if err != nil {
				return nil, err
			}
			blob, err := layer.Compressed()
			if err != nil {
				return nil, err
			}
			defer blob.Close()      //nolint:errcheck // only read
			return io.ReadAll(blob) // no more than the size that the manifest says
		}
		return nil, &pipeline.UserError{Message: fmt.Sprintf("%s:%s is not a Helm chart", repo.Name(), tag)}
	})
}

func tooLarge(what string) error {
	return &pipeline.UserError{Message: fmt.Sprintf("the archive of chart %s has more than %d MiB", what, maxChart>>20)}
}

func (c *Client) pullClassic(ctx context.Context, repository, chart, version string) ([]byte, error) {
	repo, err := classic(repository)
	if err != nil {
		return nil, err
	}
	entry, err := c.entry(ctx, repo, chart, version)
	if err != nil {
		return nil, err
	}
	if len(entry.URLs) == 0 {
		return nil, fmt.Errorf("chart repository %s: version %s of %s has no address", bare(repo), printable(version), printable(chart))
	}
	at, err := archiveOf(repo, entry.URLs[0])
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, at, repo)
	if err != nil {
		return nil, err
	}
	resp, err := c.http(at, maxChart, false).Do(req)
	if err != nil {
		return nil, explainChart(err, repo)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, discover.ErrNotFound
	default:
		return nil, explainIndexStatus(resp, repo)
	}
	archive, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, explainChart(err, repo)
	}
	sum := sha256.Sum256(archive)
	if want := strings.TrimPrefix(entry.Digest, "sha256:"); want != "" && !strings.EqualFold(want, hex.EncodeToString(sum[:])) {
		return nil, fmt.Errorf("chart repository %s: the archive of %s %s does not have the digest that the index says",
			bare(repo), printable(chart), printable(version))
	}
	return archive, nil
}

// entry reads what an index says of one version.
func (c *Client) entry(ctx context.Context, repo *url.URL, chart, version string) (chartEntry, error) {
	req, err := c.request(ctx, indexOf(repo), repo)
	if err != nil {
		return chartEntry{}, err
	}
	resp, err := c.http(repo, maxIndex, false).Do(req)
	if err != nil {
		return chartEntry{}, explainChart(err, repo)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return chartEntry{}, explainIndexStatus(resp, repo)
	}
	r := indexReader{chart: chart, wanted: version}
	if _, err := r.from(resp.Body); err != nil {
		return chartEntry{}, fmt.Errorf("chart repository %s: index.yaml: %w", bare(repo), safe(err))
	}
	if r.kept == nil {
		return chartEntry{}, discover.ErrNotFound
	}
	return *r.kept, nil
}

// archiveOf resolves the address of an archive. Only an archive on the host of its
// repository may be asked for without encryption: others are named by whoever wrote
// the index.
func archiveOf(repo *url.URL, address string) (*url.URL, error) {
	base := *repo
	base.Path = strings.TrimSuffix(repo.Path, "/") + "/"
	at, err := base.Parse(address)
	if err != nil || at.Host == "" || at.User != nil || at.Scheme != "https" && (at.Scheme != repo.Scheme || at.Host != repo.Host) {
		return nil, fmt.Errorf("chart repository %s: the address of an archive, %q, is not one that is asked", bare(repo), printable(bareString(address)))
	}
	return at, nil
}
