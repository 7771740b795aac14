package step

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kargo-app/kargo/pipeline"
)

// Artifacts reads and copies what OCI registries hold, with the accounts that a
// repository has there.
type Artifacts interface {
	// Layer returns a layer as it is stored; one that is too large is a *TooLargeError.
	Layer(ctx context.Context, r pipeline.Repo, l Layer) ([]byte, error)
	// Copy copies an image or an index with everything beneath it and returns the digest
	// that the destination has then. Doing it twice leaves the same. What is too large is
	// a *TooLargeError, and nothing was given a tag.
	Copy(ctx context.Context, r pipeline.Repo, c ImageCopy) (digest string, err error)
}

// Layer names a layer of an image or artifact.
type Layer struct {
	// Ref is REPOSITORY:TAG or REPOSITORY@DIGEST.
	Ref string
	// MediaType is that of the layer; empty means the first one.
	MediaType string
	// Chart uses the accounts for charts rather than those for images.
	Chart bool
	// MaxBytes bounds the layer.
	MaxBytes      int64
	SkipTLSVerify bool
}

// ImageCopy says what to copy where.
type ImageCopy struct {
	// Source is REPOSITORY:TAG or REPOSITORY@DIGEST, Destination REPOSITORY:TAG.
	Source, Destination string
	// SourceChart and DestinationChart use the accounts for charts.
	SourceChart, DestinationChart bool
	// Index and Manifest are annotations to add to the index, and to the manifest or all
	// those of the index.
	Index, Manifest map[string]string
	SkipTLSVerify   bool
}

// TooLargeError says that something in a registry is larger than what is allowed.
type TooLargeError struct{ Message string }

// Error implements error.
func (e *TooLargeError) Error() string { return e.Message }

var errNoArtifacts = &PermanentError{errors.New("registries cannot be used here")}

// artifactRef is the reference without the scheme that marks charts.
func artifactRef(ref string) (plain string, chart bool) {
	return strings.CutPrefix(ref, "oci://")
}

// byDigest reports whether a reference names a digest.
func byDigest(ref string) bool {
	plain, _ := artifactRef(ref)
	_, err := name.NewDigest(plain)
	return err == nil
}
