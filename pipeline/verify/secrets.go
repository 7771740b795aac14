package verify

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/kargo-app/kargo/pipeline"
)

// Secrets reads the secrets of a repository's pipelines.
type Secrets interface {
	// Secret returns a secret's value. That there is none is an error which says so;
	// a *pipeline.TransientError means that nothing is known.
	Secret(ctx context.Context, repo pipeline.Repo, name string) (string, error)
}

// mask takes secrets out of text, in the forms in which they may come back from
// outside.
type mask struct {
	mu    sync.Mutex
	known []string // longest first
}

const masked = "***"

// add makes a value secret.
func (m *mask) add(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range []string{value, strings.TrimSpace(value)} {
		quoted, _ := json.Marshal(v)
		forms := []string{
			v, url.QueryEscape(v), url.PathEscape(v), strings.Trim(string(quoted), `"`),
			base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)),
		}
		for _, form := range forms {
			if form != "" && !slices.Contains(m.known, form) {
				m.known = append(m.known, form)
			}
		}
	}
	slices.SortStableFunc(m.known, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// hide returns text without secrets.
func (m *mask) hide(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.known {
		text = strings.ReplaceAll(text, v, masked)
	}
	return text
}
