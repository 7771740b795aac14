package app

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// remoteBases are the repositories of which kustomizations may take bases, each
// HOST/PATH without a slash at its end, and all beneath it.
type remoteBases []string

func setRemoteBases(c *Config, v string) error {
	for entry := range strings.SplitSeq(v, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		u, err := url.Parse("https://" + strings.TrimPrefix(entry, "https://"))
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(entry, "* ") {
			return fmt.Errorf("%q is not a host, an organisation or a repository such as github.com/acme", entry)
		}
		c.RemoteBases = append(c.RemoteBases, strings.TrimSuffix(pipeline.NormalizeGitURL(u.String()), "/"))
	}
	return nil
}

// allow reports whether a repository is among them.
func (r remoteBases) allow(repoURL string) bool {
	repo := pipeline.NormalizeGitURL(repoURL)
	for _, entry := range r {
		if repo == entry || strings.HasPrefix(repo, entry+"/") {
			return true
		}
	}
	return false
}
