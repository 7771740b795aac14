package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// OCIDownloadConfig configures oci-download.
type OCIDownloadConfig struct {
	ImageRef              string `json:"imageRef" doc:"the artifact, REPOSITORY:TAG or REPOSITORY@DIGEST; with oci:// before it, the accounts for charts are used"`
	OutPath               string `json:"outPath" doc:"file to write"`
	AllowOverwrite        bool   `json:"allowOverwrite,omitempty" doc:"replace a file that exists; default false"`
	MediaType             string `json:"mediaType,omitempty" doc:"media type of the layer to download; default the first layer"`
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate"`
}

// OCIDownloadOutput is the output of oci-download.
type OCIDownloadOutput struct {
	SHA256 string `json:"sha256,omitempty" doc:"SHA-256 of the file, in hexadecimal"`
}

// maxDownload bounds a file that is downloaded from a registry.
const maxOCIDownload = 100 << 20

func ociDownload() Definition {
	return Define("oci-download", Workspace, Doc{
		Summary: `Downloads one layer of an image or artifact from an OCI registry, as it is stored: still compressed.

It is the first layer, or the first one with ` + "`mediaType`" + `, and has at most 100 MiB. A file that exists
already fails the step for good unless ` + "`allowOverwrite`" + ` is set, in which case it is replaced. Kargo has no
output; ours is the checksum, by which a download that is repeated after a restart is known to
be the same: name a digest rather than a tag to be sure that it is.`,
		Example: `
uses: oci-download
config:
  imageRef: ghcr.io/acme/manifests:1.9.3
  outPath: manifests.tar.gz
`,
	}, runOCIDownload)
}

// Validate implements the rules over several fields.
func (c OCIDownloadConfig) Validate() error {
	if strings.TrimSpace(c.OutPath) == "" {
		return errors.New("outPath must not be empty")
	}
	plain, _ := artifactRef(c.ImageRef)
	if _, err := name.ParseReference(plain); err != nil {
		return fmt.Errorf("imageRef %q is not REPOSITORY:TAG or REPOSITORY@DIGEST", c.ImageRef)
	}
	return nil
}

func runOCIDownload(ctx context.Context, env Env, c OCIDownloadConfig) (OCIDownloadOutput, error) {
	if env.Artifacts == nil {
		return OCIDownloadOutput{}, errNoArtifacts
	}
	switch info, err := env.Workspace.Stat(ctx, c.OutPath); {
	case err == nil && info.Mode.IsDir():
		return OCIDownloadOutput{}, &PermanentError{fmt.Errorf("outPath %s is a directory", c.OutPath)}
	case err == nil && !c.AllowOverwrite:
		return OCIDownloadOutput{}, &PermanentError{fmt.Errorf("outPath %s exists already; set allowOverwrite to replace it", c.OutPath)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return OCIDownloadOutput{}, err
	}
	plain, chart := artifactRef(c.ImageRef)
	data, err := env.Artifacts.Layer(ctx, env.Promotion.Repo, Layer{
		Ref: plain, MediaType: c.MediaType, Chart: chart, MaxBytes: maxOCIDownload, SkipTLSVerify: c.InsecureSkipTLSVerify,
	})
	var large *TooLargeError
	switch {
	case errors.As(err, &large):
		return OCIDownloadOutput{}, &PermanentError{fmt.Errorf("download %s: %w", c.ImageRef, err)}
	case err != nil:
		return OCIDownloadOutput{}, fmt.Errorf("download %s: %w", c.ImageRef, err)
	}
	out := OCIDownloadOutput{SHA256: sha256Hex(data)}
	if env.Replaying {
		before, err := recorded[OCIDownloadOutput](env)
		if err != nil {
			return out, err
		}
		if before.SHA256 != out.SHA256 {
			return before, &PermanentError{fmt.Errorf("%s was replaced while the Promotion ran; name a digest", c.ImageRef)}
		}
	}
	return out, env.Workspace.WriteFile(ctx, c.OutPath, data, 0)
}
