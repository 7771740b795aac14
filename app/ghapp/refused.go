package ghapp

import "net/http"

// KeyRefused reports whether GitHub did not accept the App's id and private key.
func KeyRefused(err error) bool { return status(err) == http.StatusUnauthorized }
