package argocd

import "regexp"

// The secrets of a repository that hold the address and the token of its Argo CD where
// a pipeline names no others.
const (
	ServerSecret = "ARGOCD_SERVER" //nolint:gosec // the name of a secret, not its value
	TokenSecret  = "ARGOCD_TOKEN"  //nolint:gosec // the name of a secret, not its value
)

var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// NamesSecret tells the name of a secret from a token, which is a JSON Web Token and so
// has dots.
func NamesSecret(token string) bool { return secretName.MatchString(token) }
