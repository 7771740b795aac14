package forge

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

// addPack stores all objects of from as one pack. It runs in process: git fast-import takes minutes for what this does in
// seconds where system calls are slow.
func (g *gitRepo) addPack(from *memory.Storage) error {
	hashes := make([]plumbing.Hash, 0, len(from.Objects))
	for h := range from.Objects {
		hashes = append(hashes, h)
	}
	target, isWriter := g.st.(storer.PackfileWriter)
	if !isWriter {
		return fmt.Errorf("add pack: %T takes no packs", g.st)
	}
	w, err := target.PackfileWriter()
	if err != nil {
		return fmt.Errorf("add pack: %w", err)
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	_, err = packfile.NewEncoder(buffered, from, false).Encode(hashes, 0)
	if err := errors.Join(err, buffered.Flush(), w.Close()); err != nil {
		return fmt.Errorf("add pack: %w", err)
	}
	g.reopen()
	return nil
}
