package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoKey says that there is no key. It names the settings that give one.
	ErrNoKey = errors.New("there is no key to encrypt secrets with: set KARGO_SECRET_KEY or KARGO_SECRET_KEY_FILE to at least 32 random characters (openssl rand -base64 32)")
	// ErrSealed says that none of the keys opens a value.
	ErrSealed = errors.New("the value was encrypted with a key that is not given: add it as a further line of KARGO_SECRET_KEY or KARGO_SECRET_KEY_FILE")
	// ErrDamaged says that a value is not what was sealed for this place.
	ErrDamaged = errors.New("the stored value is damaged or was stored for something else")
)

// A sealed value is the version, the id of the key, the nonce and the ciphertext.
const (
	version   = 1
	idSize    = 4
	nonceSize = 12
	header    = 1 + idSize + nonceSize
	// minKey is the least length of a key, in bytes. It is not stretched, so it must be
	// random.
	minKey = 32
)

// Vault seals and opens values. A nil Vault has no key and does neither.
type Vault struct{ keys []key }

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New returns a Vault with the keys in text, one a line; nil if there is none.
func New(text string) (*Vault, error) {
	var v Vault
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(line) < minKey {
			return nil, fmt.Errorf("a key needs at least %d characters, and better be random: openssl rand -base64 32", minKey)
		}
		k, err := derive(line)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, k)
	}
	if len(v.keys) == 0 {
		return nil, nil
	}
	return &v, nil
}

func derive(text string) (key, error) {
	secret, err := hkdf.Key(sha256.New, []byte(text), nil, "kargo vault 1", 32+idSize)
	if err != nil {
		return key{}, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(secret[:32])
	if err != nil {
		return key{}, fmt.Errorf("derive key: %w", err)
	}
	k := key{id: [idSize]byte(secret[32:])}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return key{}, fmt.Errorf("derive key: %w", err)
	}
	return k, nil
}

// Seal encrypts a value for a place. It is [ErrNoKey] without a key.
func (v *Vault) Seal(p Place, value []byte) ([]byte, error) {
	if v == nil {
		return nil, ErrNoKey
	}
	k := v.keys[0]
	sealed := make([]byte, header, header+len(value)+k.aead.Overhead())
	sealed[0] = version
	copy(sealed[1:], k.id[:])
	nonce := sealed[1+idSize : header]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return k.aead.Seal(sealed, nonce, value, []byte(p)), nil
}

// Open decrypts a value that was sealed for the same place. It is [ErrNoKey] without a
// key, [ErrSealed] if the value needs another one, else [ErrDamaged].
func (v *Vault) Open(p Place, sealed []byte) ([]byte, error) {
	if v == nil {
		return nil, ErrNoKey
	}
	if len(sealed) < header || sealed[0] != version {
		return nil, ErrDamaged
	}
	known := false
	for _, k := range v.keys {
		if !bytes.Equal(k.id[:], sealed[1:1+idSize]) {
			continue
		}
		known = true
		if value, err := k.aead.Open(nil, sealed[1+idSize:header], sealed[header:], []byte(p)); err == nil {
			return value, nil
		}
	}
	if !known {
		return nil, ErrSealed
	}
	return nil, ErrDamaged
}
