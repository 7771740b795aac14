package pipeline

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
)

// maxMailAddress is RFC 5321's bound on a path, with room for a name.
const maxMailAddress = 254 + 256

// ParseMailAddress reads one address, such as ana@acme.dev or "Ana <ana@acme.dev>". It
// refuses what could begin another header or command, and addresses that not every server
// takes: those that are not ASCII, or have quotes.
func ParseMailAddress(s string) (mail.Address, error) {
	if len(s) > maxMailAddress {
		return mail.Address{}, fmt.Errorf("the address has %d bytes, and %d is the most", len(s), maxMailAddress)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return mail.Address{}, errors.New("the address has a line break or another control character")
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		return mail.Address{}, fmt.Errorf("%q is no mail address such as ana@acme.dev", s)
	}
	if strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\<>()[],;:`, r) }) ||
		strings.ContainsFunc(a.Name, unicode.IsControl) {
		return mail.Address{}, fmt.Errorf("%q has characters that not every mail server takes", s)
	}
	return *a, nil
}
