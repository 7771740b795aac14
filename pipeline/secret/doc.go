// Package secret keeps the values of a pipeline's secrets out of everything that is
// recorded or shown: texts, JSON and logs.
//
// A [Mask] knows values and replaces them, in the forms in which they usually come
// back from outside: as they are, quoted, escaped for URLs and HTML, in hexadecimal,
// and in Base64 wherever they stand within what was encoded. It cannot recognise what
// an expression or a service made of a value otherwise, such as half of it.
//
// The package stores and decrypts nothing. A Mask is safe for concurrent use.
package secret

import "errors"

// ErrNotFound is what those who look secrets up wrap when there is none of a name.
// Without it a secret that may be missing is taken for one that cannot be read.
var ErrNotFound = errors.New("there is no such secret")

// Placeholder stands where a value is hidden.
const Placeholder = "***"
