package renderer

import (
	"context"
	"errors"
	"io/fs"

	"github.com/kargo-app/kargo/manifest/render"
)

// maxPrefetched bounds the bytes that one prefetch brings along; the rest is read
// when it is asked for.
const maxPrefetched = 64 << 20

// host answers a child's questions.
type host struct {
	files   fs.FS
	charts  render.Charts
	remotes render.Remotes
	// given are the errors that were answered; a child names them by their number.
	given []error
}

var (
	errNoCharts  = errors.New("no charts can be pulled here")
	errNoRemotes = errors.New("no other repositories can be opened here")
	errQuestion  = errors.New("the renderer asked for nothing")
)

// answer answers one question. Paths are checked by the file system itself.
func (h *host) answer(ctx context.Context, q *question) answer {
	a, err := h.find(ctx, q)
	if err != nil {
		h.given = append(h.given, err)
		a.Fault = &fault{Text: err.Error(), NotExist: errors.Is(err, fs.ErrNotExist), Answers: []int{len(h.given)}}
	}
	return a
}

func (h *host) find(ctx context.Context, q *question) (a answer, err error) {
	if (q.Versions != nil || q.Pull != nil) && h.charts == nil {
		return a, errNoCharts
	}
	if q.Mount != nil && h.remotes == nil {
		return a, errNoRemotes
	}
	switch {
	case q.Read != "":
		a.Data, err = fs.ReadFile(h.files, q.Read)
	case q.Stat != "":
		var info fs.FileInfo
		if info, err = fs.Stat(h.files, q.Stat); err == nil {
			a.Info = infoOf(info)
		}
	case q.List != "":
		a.Infos, err = h.list(q.List)
	case q.Prefetch != nil:
		a.Files = h.prefetch(q.Prefetch)
	case q.Versions != nil:
		a.Versions, err = h.charts.Versions(ctx, q.Versions.Repo, q.Versions.Name)
	case q.Pull != nil:
		a.Data, err = h.charts.Pull(ctx, q.Pull.Repo, q.Pull.Name, q.Pull.Version)
	case q.Mount != nil:
		a.Dir, err = h.remotes.Mount(ctx, q.Mount.RepoURL, q.Mount.Ref)
	default:
		err = errQuestion
	}
	return a, err
}

func (h *host) list(dir string) ([]fileInfo, error) {
	entries, err := fs.ReadDir(h.files, dir)
	if err != nil {
		return nil, err
	}
	out := make([]fileInfo, len(entries))
	for i, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		out[i] = infoOf(info)
	}
	return out, nil
}

// prefetch reads what is there; what is not, or cannot be read, shows when it is asked
// for.
func (h *host) prefetch(paths []string) []prefetched {
	if p, ok := h.files.(interface{ Prefetch(paths ...string) error }); ok && p.Prefetch(paths...) != nil {
		return nil
	}
	var out []prefetched
	left := maxPrefetched
	for _, p := range paths {
		info, err := fs.Stat(h.files, p)
		if err != nil {
			continue
		}
		one := prefetched{Path: p, Info: infoOf(info)}
		if info.Mode().IsRegular() {
			if one.Data, err = fs.ReadFile(h.files, p); err != nil {
				continue
			}
			if left -= len(one.Data); left < 0 {
				break
			}
		}
		out = append(out, one)
	}
	return out
}
