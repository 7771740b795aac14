package store

import (
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// SecretHead is what may be said about a secret: everything but its value.
type SecretHead struct {
	Name      string
	UpdatedAt time.Time
}

// CredentialHead is what may be said about a credential: everything but its
// secret part. Kind and URL identify it in its repository.
type CredentialHead struct {
	Kind pipeline.ArtifactKind
	// URL is of the repository or registry it is for, or a regular expression over
	// such URLs when Regex is set.
	URL       string
	Regex     bool
	Username  string
	UpdatedAt time.Time
}

// Credential lets the bot read from a registry or repository that is not public.
type Credential struct {
	CredentialHead
	// Ciphertext is the password or key, encrypted by the caller.
	Ciphertext []byte
}
