package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// RefUpdate moves one reference from an expected old value to a new one. A zero
// Old creates it, a zero New deletes it.
type RefUpdate struct {
	Name     string // full, such as refs/heads/main
	Old, New tree.Hash
}

// Push sends exactly these objects and updates the references, all or none where
// the server can (git and GitHub can). A reference without its Old value is a
// *RejectedError that matches ErrStale, other refusals are a *RejectedError that
// does not. The update is not a fast-forward when the caller says so by its New
// value; a branch protected against that is rejected.
//
// When an answer is lost, the references are read to find out what happened.
func (r *Repository) Push(ctx context.Context, updates []RefUpdate, objects []Object) error {
	if len(updates) == 0 {
		return nil
	}
	for _, u := range updates {
		if !strings.HasPrefix(u.Name, "refs/") || strings.ContainsAny(u.Name, " \n\x00") {
			return fmt.Errorf("push: reference name %q", u.Name)
		}
	}
	if err := r.back.push(ctx, updates, objects); err != nil {
		return fmt.Errorf("push %s: %w", updates[0].Name, err)
	}
	r.Keep(objects)
	return nil
}

// Keep remembers objects that the repository was given, by a push or in another
// way: what one Promotion writes is what the next one reads.
func (r *Repository) Keep(objects []Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range objects {
		r.cache.put(o)
	}
}

func (r *remote) push(ctx context.Context, updates []RefUpdate, objects []Object) error {
	caps := &capabilities{values: map[string]string{"report-status": "", "side-band-64k": ""}}
	if !r.client.opts.DirectPush {
		body, err := r.discover(ctx, receivePack)
		if err != nil {
			return r.wrap(err)
		}
		if caps, _, err = parseAdvertisement(body); err != nil {
			return r.wrap(err)
		}
	}
	req, err := pushRequest(caps, updates, objects, r.client.opts.UserAgent)
	if err != nil {
		return err
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		body, _, err := r.once(ctx, func(ctx context.Context) (*http.Request, error) {
			return r.post(ctx, receivePack, req)
		}, receivePack)
		if err == nil {
			return r.wrap(parseReport(body, caps, updates))
		}
		if !temporary(err) || ctx.Err() != nil {
			return r.wrap(err)
		}
		done, derr := r.arrived(ctx, updates)
		if derr != nil {
			return r.wrap(errors.Join(err, derr))
		}
		if done {
			return nil
		}
		if attempt >= r.client.opts.Attempts {
			return r.wrap(err)
		}
		if err := r.client.opts.Sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// arrived finds out whether a push whose answer was lost took effect.
func (r *remote) arrived(ctx context.Context, updates []RefUpdate) (bool, error) {
	var names []string
	for _, u := range updates {
		names = append(names, u.Name)
	}
	refs, err := r.refs(ctx, names)
	if err != nil {
		return false, err
	}
	now := map[string]tree.Hash{}
	for _, ref := range refs {
		now[ref.Name] = ref.Hash
	}
	for _, u := range updates {
		if now[u.Name] != u.New {
			return false, nil
		}
	}
	return true, nil
}

func pushRequest(caps *capabilities, updates []RefUpdate, objects []Object, agent string) ([]byte, error) {
	var use []string
	for _, c := range [...]string{"report-status", "side-band-64k", "atomic", "ofs-delta", "quiet"} {
		if caps.has(c) && (c != "atomic" || len(updates) > 1) {
			use = append(use, c)
		}
	}
	if caps.has("agent") {
		use = append(use, "agent="+agent)
	}
	needsPack := false
	var w pktWriter
	for i, u := range updates {
		needsPack = needsPack || !u.New.IsZero()
		if u.New.IsZero() && !caps.has("delete-refs") {
			use = append(use, "delete-refs")
		}
		if i == 0 {
			w.linef("%s %s %s\x00 %s", u.Old, u.New, u.Name, strings.Join(use, " "))
			continue
		}
		w.linef("%s %s %s", u.Old, u.New, u.Name)
	}
	w.WriteString(flushPkt)
	if needsPack {
		pack, err := encodePack(objects)
		if err != nil {
			return nil, err
		}
		w.Write(pack)
	}
	return w.Bytes(), nil
}

// parseReport reads what the server did with each reference.
func parseReport(body []byte, caps *capabilities, updates []RefUpdate) error {
	if !caps.has("report-status") {
		return nil
	}
	p := &pktReader{rest: body}
	if caps.has("side-band-64k") {
		report, err := demultiplex(p)
		if err != nil {
			return err
		}
		p = &pktReader{rest: report}
	}
	reported := map[string]bool{}
	unpacked := false
	var errs []error
	for {
		text, done, err := p.line()
		if err != nil {
			return err
		}
		if done {
			break
		}
		verb, rest, _ := strings.Cut(text, " ")
		switch verb {
		case "unpack":
			if unpacked = rest == "ok"; !unpacked {
				return fmt.Errorf("server did not take the pack: %w", &serverError{printable([]byte(rest))})
			}
		case "ok":
			reported[rest] = true
		case "ng":
			name, reason, _ := strings.Cut(rest, " ")
			reported[name] = true
			reason = printable([]byte(reason))
			errs = append(errs, &RejectedError{Ref: name, Reason: reason, Stale: isStale(reason)})
		}
	}
	for _, u := range updates {
		if !reported[u.Name] {
			errs = append(errs, &RejectedError{Ref: u.Name, Reason: "the server did not report on it"})
		}
	}
	return errors.Join(errs...)
}

// isStale recognises git's, GitHub's and go-git's words for a lost race.
func isStale(reason string) bool {
	reason = strings.ToLower(reason)
	for _, words := range [...]string{
		"failed to update ref", "failed to lock", "cannot lock ref", "fetch first", "non-fast-forward",
		"stale info", "already exists", "reference has changed", "incorrect old value",
	} {
		if strings.Contains(reason, words) {
			return true
		}
	}
	return false
}
