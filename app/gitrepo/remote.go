package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// remote is a repository over smart HTTP.
type remote struct {
	client   *Client
	http     *http.Client
	url      string // as the caller named it, for credentials and errors
	counters counters

	mu     sync.Mutex
	base   string // where requests go
	caps   *capabilities
	filter filter
	roots  []tree.Hash // commits fetched whole, most recent last
}

var _ backend = (*remote)(nil)

// filter is how much of a commit the server can leave out.
type filter string

const (
	filterTrees filter = "tree:0"
	filterBlobs filter = "blob:none"
	filterNone  filter = ""
)

// maxRoots is how many wholesale fetches are remembered to be repeated.
const maxRoots = 8

func (r *remote) traffic() Traffic { return r.counters.load() }

func (r *remote) wholesale() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caps != nil && (r.caps.version < 2 || r.filter == filterNone)
}

// capabilities returns what the server can do; asked once.
func (r *remote) capabilities(ctx context.Context) (*capabilities, error) {
	r.mu.Lock()
	caps := r.caps
	r.mu.Unlock()
	if caps != nil {
		return caps, nil
	}
	caps, _, err := r.advertisement(ctx)
	return caps, err
}

func (r *remote) advertisement(ctx context.Context) (*capabilities, []Ref, error) {
	body, err := r.discover(ctx, uploadPack)
	if err != nil {
		return nil, nil, r.wrap(err)
	}
	caps, refs, err := parseAdvertisement(body)
	if err != nil {
		return nil, nil, r.wrap(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caps = caps
	if caps.version >= 2 && !caps.canFilter() {
		r.filter = filterNone
	}
	return caps, refs, nil
}

func (r *remote) refs(ctx context.Context, prefixes []string) ([]Ref, error) {
	caps, err := r.capabilities(ctx)
	if err != nil {
		return nil, err
	}
	if caps.version < 2 {
		_, refs, err := r.advertisement(ctx)
		return refs, err
	}
	body, err := r.ask(ctx, lsRefs(prefixes, r.client.opts.UserAgent))
	if err != nil {
		return nil, r.wrap(err)
	}
	refs, err := parseRefs(body)
	return refs, r.wrap(err)
}

func (r *remote) fetch(ctx context.Context, want []tree.Hash, depth int) ([]Object, error) {
	caps, err := r.capabilities(ctx)
	if err != nil {
		return nil, err
	}
	var out []Object
	if caps.version < 2 {
		out, err = r.fetchWhole(ctx, caps, want, depth)
	} else {
		out, err = r.fetchPart(ctx, want, depth)
	}
	return out, r.wrap(err)
}

// fetchPart fetches with version 2, leaving out as much as the server allows.
func (r *remote) fetchPart(ctx context.Context, want []tree.Hash, depth int) ([]Object, error) {
	for {
		r.mu.Lock()
		f := r.filter
		r.mu.Unlock()
		out, err := r.exchange(ctx, fetchV2(want, depth, f, r.client.opts.UserAgent), unpackV2)
		se := (*serverError)(nil)
		if errors.As(err, &se) && f != filterNone && strings.Contains(se.message, "filter") {
			r.mu.Lock()
			if r.filter = filterNone; f == filterTrees {
				r.filter = filterBlobs
			}
			r.mu.Unlock()
			continue
		}
		return out, err
	}
}

func (r *remote) exchange(ctx context.Context, req []byte, unpack func([]byte) ([]byte, error)) ([]Object, error) {
	body, err := r.ask(ctx, req)
	if err != nil {
		return nil, err
	}
	pack, err := unpack(body)
	if err != nil {
		if se := (*serverError)(nil); errors.As(err, &se) && isMissing(se.message) {
			return nil, fmt.Errorf("%w: %w", ErrNoObject, err)
		}
		return nil, err
	}
	return decodePack(pack, r.client.opts.MaxInflated)
}

// isMissing recognises git's and go-git's words for an object that cannot be
// had.
func isMissing(message string) bool {
	return strings.Contains(message, "not our ref") || strings.Contains(message, "object not found") ||
		strings.Contains(message, "unadvertised object")
}

func (r *remote) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", r.url, err)
}
