package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// OCIPushConfig configures oci-push.
type OCIPushConfig struct {
	SrcRef                string            `json:"srcRef" doc:"what to copy, REPOSITORY:TAG or REPOSITORY@DIGEST; with oci:// before it, the accounts for charts are used"`
	DestRef               string            `json:"destRef" doc:"where to, REPOSITORY:TAG"`
	Annotations           map[string]string `json:"annotations,omitempty" doc:"annotations to add to the manifests, or with index: before the key to the index, which a single image does not have"`
	InsecureSkipTLSVerify bool              `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate"`
}

// OCIPushOutput is the output of oci-push.
type OCIPushOutput struct {
	Image  string `json:"image,omitempty" doc:"the destination, REPOSITORY:TAG"`
	Digest string `json:"digest,omitempty" doc:"digest of what the destination holds"`
	Tag    string `json:"tag,omitempty" doc:"tag of the destination"`
}

func ociPush() Definition {
	return Define("oci-push", Remote, Doc{
		Summary: `Copies an image, or an index with all its images, to another tag or repository.

Annotations change the digest. Copies between repositories are limited in size (1 GiB unless the
operator says otherwise), and failing that is for good; another tag in the same repository costs
nothing and is not limited. A reference that is none fails for good.`,
		Example: `
uses: oci-push
as: retag
config:
  srcRef: ghcr.io/acme/web:${{ imageFrom("ghcr.io/acme/web").Tag }}
  destRef: ghcr.io/acme/web:prod
`,
	}, runOCIPush)
}

// Validate implements the rules over several fields.
func (c OCIPushConfig) Validate() error {
	var errs []error
	src, _ := artifactRef(c.SrcRef)
	if _, err := name.ParseReference(src); err != nil {
		errs = append(errs, fmt.Errorf("srcRef %q is not REPOSITORY:TAG or REPOSITORY@DIGEST", c.SrcRef))
	}
	dest, _ := artifactRef(c.DestRef)
	if _, err := name.NewTag(dest, name.StrictValidation); err != nil {
		if _, weak := name.NewTag(dest, name.WeakValidation); weak != nil || !strings.Contains(dest[strings.LastIndexByte(dest, '/')+1:], ":") {
			errs = append(errs, fmt.Errorf("destRef %q is not REPOSITORY:TAG", c.DestRef))
		}
	}
	for key := range c.Annotations {
		if _, plain := annotationTarget(key); plain == "" {
			errs = append(errs, fmt.Errorf("annotations: %q has no key", key))
		}
	}
	return errors.Join(errs...)
}

// annotationTarget splits the prefix off an annotation's key.
func annotationTarget(key string) (target, plain string) {
	for _, target := range []string{"index", "manifest"} {
		if plain, ok := strings.CutPrefix(key, target+":"); ok {
			return target, plain
		}
	}
	return "", key
}

func runOCIPush(ctx context.Context, env Env, c OCIPushConfig) (OCIPushOutput, error) {
	if env.Artifacts == nil {
		return OCIPushOutput{}, errNoArtifacts
	}
	cp := ImageCopy{Index: map[string]string{}, Manifest: map[string]string{}, SkipTLSVerify: c.InsecureSkipTLSVerify}
	cp.Source, cp.SourceChart = artifactRef(c.SrcRef)
	cp.Destination, cp.DestinationChart = artifactRef(c.DestRef)
	for key, value := range c.Annotations {
		target, plain := annotationTarget(key)
		if target == "index" {
			cp.Index[plain] = value
		} else {
			cp.Manifest[plain] = value
		}
	}
	tag, err := name.NewTag(cp.Destination, name.WeakValidation)
	if err != nil {
		return OCIPushOutput{}, &FailedError{Err: err, Terminal: true}
	}
	digest, err := env.Artifacts.Copy(ctx, env.Promotion.Repo, cp)
	var large *TooLargeError
	switch {
	case errors.As(err, &large):
		return OCIPushOutput{}, &PermanentError{fmt.Errorf("copy %s: %w", c.SrcRef, err)}
	case err != nil:
		return OCIPushOutput{}, fmt.Errorf("copy %s to %s: %w", c.SrcRef, c.DestRef, err)
	}
	return OCIPushOutput{Image: cp.Destination, Digest: digest, Tag: tag.TagStr()}, nil
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
