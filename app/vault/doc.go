// Package vault encrypts what is stored and must not be readable by whoever gets hold
// of the database: registry accounts and the secrets of pipelines.
//
// Values are sealed with AES-256-GCM under a key that is derived from the operator's,
// and bound to the place where they are stored: a value that is moved to another
// repository, or to another name, does not open there. Several keys may be given, so
// that one can be replaced: the first seals, any of them opens.
//
// It stores nothing, and does not hide how long a value is. A [Vault] is safe for
// concurrent use.
package vault
