package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Tag is a tag. Tags fills in the names; Describe fills in the rest.
type Tag struct {
	// Name is without refs/tags/.
	Name string
	// Object is the tag object of an annotated tag, or else the commit.
	Object tree.Hash
	// Target is the commit.
	Target tree.Hash
	// Tagger and Message are zero for a tag without annotation.
	Tagger  Signature
	Message string
	// Commit is the commit with its author, dates and message.
	Commit Commit
}

// Annotated reports whether the tag has an object of its own.
func (t Tag) Annotated() bool { return t.Object != t.Target }

// Tags returns all tags, sorted by name, without reading an object.
func (r *Repository) Tags(ctx context.Context) ([]Tag, error) {
	refs, err := r.Refs(ctx, tagPrefix)
	if err != nil {
		return nil, err
	}
	out := make([]Tag, 0, len(refs))
	for _, ref := range refs {
		out = append(out, Tag{Name: strings.TrimPrefix(ref.Name, tagPrefix), Object: ref.Hash, Target: ref.Commit()})
	}
	return out, nil
}

// Describe reads the tag objects and commits of tags in one round trip. A tag
// of something other than a commit is left out.
func (r *Repository) Describe(ctx context.Context, tags []Tag) ([]Tag, error) {
	var want []tree.Hash
	for _, t := range tags {
		want = append(want, t.Object)
		if t.Annotated() {
			want = append(want, t.Target)
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	got, err := r.get(ctx, want, 1)
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	out := make([]Tag, 0, len(tags))
	for _, t := range tags {
		if o := got[t.Object]; o.Type == TypeTag {
			g, err := decodeTag(o)
			if err != nil {
				return nil, err
			}
			t.Tagger, t.Message = fromGit(g.Tagger), g.Message
		}
		target := got[t.Target].Type
		if target != TypeCommit && target != TypeTag {
			continue
		}
		// A server that does not peel names the tag object as the target.
		if t.Commit, err = r.Commit(ctx, t.Target); err != nil {
			if errors.Is(err, ErrNoObject) {
				continue
			}
			return nil, err
		}
		t.Target = t.Commit.Hash
		out = append(out, t)
	}
	return out, nil
}

func decodeTag(o Object) (object.Tag, error) {
	var g object.Tag
	if err := g.Decode(memoryObject(o)); err != nil {
		return object.Tag{}, fmt.Errorf("decode tag %s: %w", o.Hash, err)
	}
	return g, nil
}

// EncodeTag returns the object of an annotated, unsigned tag of a commit.
func EncodeTag(name string, commit tree.Hash, tagger Signature, message string) (Object, error) {
	g := object.Tag{
		Name:       name,
		Tagger:     toGit(tagger),
		Message:    strings.ReplaceAll(message, "\x00", ""),
		TargetType: plumbing.CommitObject,
		Target:     plumbing.Hash(commit),
	}
	if strings.ContainsAny(name, "\n\x00") {
		return Object{}, fmt.Errorf("encode tag: name %q", name)
	}
	return encode(TypeTag, g.Encode)
}
