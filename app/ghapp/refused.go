package ghapp

import "net/http"

// KeyRefused reports whether GitHub did not accept the App's id and private key.
// GitHub answers 401 to a key that is not the App's, and 404 "Integration not
// found" to the id of an App that does not exist.
func KeyRefused(err error) bool {
	switch status(err) {
	case http.StatusUnauthorized:
		return true
	case http.StatusNotFound:
		return says(err, "integration not found")
	}
	return false
}
