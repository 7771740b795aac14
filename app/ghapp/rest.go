package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
)

// rest sends REST requests with one identity. Paths given to in-repository
// methods are relative to repos/OWNER/NAME.
type rest struct {
	gh          *github.Client
	sleep       func(context.Context, time.Duration) error
	owner, name string
}

// in returns the caller for one repository.
func (r *rest) in(owner, name string) *rest {
	return &rest{gh: r.gh, sleep: r.sleep, owner: owner, name: name}
}

// path builds the path of something in the repository. Arguments are escaped, so that
// a branch with a slash stays one segment.
func (r *rest) path(format string, args ...any) string {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = url.PathEscape(s)
		}
	}
	return "repos/" + r.owner + "/" + r.name + fmt.Sprintf(format, args...)
}

// do sends body as JSON and decodes the answer into out; both may be nil.
func (r *rest) do(ctx context.Context, method, path string, body, out any) (*github.Response, error) {
	req, err := r.gh.NewRequest(method, path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	resp, err := r.gh.Do(ctx, req, out)
	return resp, explain(err)
}

// lagPause is how long GitHub's replicas are given to see what was just written.
const lagPause = 700 * time.Millisecond

// write is do, once more when GitHub does not know yet what it made a moment ago.
func (r *rest) write(ctx context.Context, method, path string, body, out any) error {
	_, err := r.do(ctx, method, path, body, out)
	if status(err) != http.StatusUnprocessableEntity || !says(err, "does not exist") || says(err, "reference does not exist") {
		return err
	}
	if err := r.sleep(ctx, lagPause); err != nil {
		return err
	}
	_, err = r.do(ctx, method, path, body, out)
	return err
}

// maxPages bounds what is read of a list: 10,000 entries.
const maxPages = 100

// each reads a list page by page until visit returns false.
func each[P any](ctx context.Context, r *rest, path string, query url.Values, visit func(P) bool) error {
	if query == nil {
		query = url.Values{}
	}
	query.Set("per_page", "100")
	for range maxPages {
		var page P
		resp, err := r.do(ctx, "GET", path+"?"+query.Encode(), nil, &page)
		if err != nil {
			return err
		}
		if !visit(page) {
			return nil
		}
		switch {
		case resp.NextPage > 0:
			query.Set("page", strconv.Itoa(resp.NextPage))
		case resp.Cursor != "":
			query.Set("cursor", resp.Cursor)
		default:
			return nil
		}
	}
	return fmt.Errorf("%s: more than %d pages", path, maxPages)
}

// cut shortens s to at most n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "…"
}
