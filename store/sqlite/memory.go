package sqlite

import (
	lru "github.com/hashicorp/golang-lru/v2"
)

// rememberedSpecs bounds how many specs are kept decoded.
const rememberedSpecs = 4096

// specs keeps decoded specs by their hash, so that what many Promotions share is
// decoded once and held once. Whoever gets one must not modify it.
type specs struct {
	byHash *lru.Cache[specHash, *spec]
}

func newSpecs() (*specs, error) {
	c, err := lru.New[specHash, *spec](rememberedSpecs)
	return &specs{c}, err
}

func (s *specs) get(hash specHash) (*spec, bool) { return s.byHash.Get(hash) }

func (s *specs) put(hash specHash, v *spec) { s.byHash.Add(hash, v) }
