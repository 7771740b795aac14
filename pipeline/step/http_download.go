package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

// HTTPDownloadConfig configures http-download.
type HTTPDownloadConfig struct {
	URL                   string      `json:"url" doc:"what to download"`
	OutPath               string      `json:"outPath" doc:"file to write"`
	AllowOverwrite        bool        `json:"allowOverwrite,omitempty" doc:"replace a file that is there"`
	Headers               []NameValue `json:"headers,omitempty" doc:"headers of the request"`
	QueryParams           []NameValue `json:"queryParams,omitempty" doc:"added to those of the URL"`
	InsecureSkipTLSVerify bool        `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate"`
	Timeout               string      `json:"timeout,omitempty" doc:"for the whole download, at most 4m30s; default 5m, which means the most"`
}

// HTTPDownloadOutput is the output of http-download.
type HTTPDownloadOutput struct {
	SHA256 string `json:"sha256" doc:"digest of the file; an addition to Kargo's"`
}

const (
	downloadTimeout = 5 * time.Minute
	maxDownload     = 100 << 20
)

func httpDownload() Definition {
	return Define("http-download", Workspace, Doc{
		Secrets: true,
		Summary: `Downloads a file of at most 100 MiB. It is written when all of it is there.

A file that exists is an error for good unless ` + "`allowOverwrite`" + `. An answer that is no 2xx
is a failure that can be tried again. Addresses are refused as by [http](#http).

When a Promotion goes on after a restart its files are made again, and so is the
download; another content than the first time fails the step then.`,
		Example: `
uses: http-download
config:
  url: https://releases.acme.dev/web/${{ ctx.targetFreight.version }}/crds.yaml
  outPath: src/env/prod/crds.yaml
  allowOverwrite: true
`,
	}, runHTTPDownload)
}

// Validate implements the rules beyond types.
func (c HTTPDownloadConfig) Validate() error {
	var errs []error
	if c.URL == "" {
		errs = append(errs, errors.New("url must not be empty"))
	}
	if c.OutPath == "" {
		errs = append(errs, errors.New("outPath must not be empty"))
	}
	_, timeout := parseDuration("timeout", c.Timeout, downloadTimeout)
	return errors.Join(append(errs, timeout, checkPairs("headers", c.Headers), checkPairs("queryParams", c.QueryParams))...)
}

func runHTTPDownload(ctx context.Context, env Env, c HTTPDownloadConfig) (*HTTPDownloadOutput, error) {
	switch info, err := env.Workspace.Stat(ctx, c.OutPath); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("outPath: %w", err)
	case info.Mode.IsDir():
		return nil, &PermanentError{fmt.Errorf("outPath: %s is a directory", c.OutPath)}
	case !c.AllowOverwrite:
		return nil, &PermanentError{fmt.Errorf("outPath: %s exists already; allowOverwrite lets it be replaced", c.OutPath)}
	}
	timeout, _ := parseDuration("timeout", c.Timeout, downloadTimeout)
	r := webRequest{
		method: http.MethodGet, url: c.URL, query: c.QueryParams, header: c.Headers,
		terms: WebTerms{InsecureSkipTLSVerify: c.InsecureSkipTLSVerify, Timeout: timeout, MaxBody: maxDownload},
	}
	answer, err := r.send(ctx, env.Web)
	switch {
	case errors.Is(err, ErrTooLong):
		return nil, &PermanentError{fmt.Errorf("%s: the file is larger than %d MiB", r.place(), maxDownload>>20)}
	case err != nil:
		return nil, err
	case !answer.ok():
		return nil, &FailedError{Err: fmt.Errorf("%s answered %d%s", r.place(), answer.status, answer.text())}
	}
	digest := sha256.Sum256(answer.body)
	out := &HTTPDownloadOutput{SHA256: hex.EncodeToString(digest[:])}
	if env.Replaying {
		var before HTTPDownloadOutput
		if json.Unmarshal(env.Prior, &before) == nil && before.SHA256 != "" && before.SHA256 != out.SHA256 {
			return nil, &PermanentError{fmt.Errorf("%s is another file by now (sha256 %s, before %s); promote again", r.place(), out.SHA256, before.SHA256)}
		}
	}
	if err := env.Workspace.WriteFile(ctx, c.OutPath, answer.body, 0); err != nil {
		return nil, fmt.Errorf("outPath: %w", err)
	}
	return out, nil
}
