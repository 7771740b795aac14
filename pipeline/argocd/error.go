package argocd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Error is an answer that is no 2xx.
type Error struct {
	// Application is how messages call it, empty for all.
	Application string
	Status      int
	// Code is that of gRPC, as Argo CD's gateway passes it on.
	Code int
	// Message is what the server says, cut to a line.
	Message string
}

const (
	// failedPrecondition is gRPC's code for what cannot be done now.
	failedPrecondition = 9
	maxMessage         = 300
)

// Error implements error.
func (e *Error) Error() string {
	what := "Applications"
	if e.Application != "" {
		what = e.Application
	}
	text := fmt.Sprintf("%s: Argo CD answered %d", what, e.Status)
	if e.Message != "" {
		text += ": " + e.Message
	}
	switch {
	case e.Status == http.StatusUnauthorized:
		text += " (the token is not, or no longer, valid)"
	case e.Hidden():
		text += " (there is none of that name and namespace, or the token does not allow this)"
	}
	return text
}

// Hidden reports whether the Application does not exist or the token does not allow
// what was asked for.
func (e *Error) Hidden() bool {
	return e.Status == http.StatusNotFound || e.Status == http.StatusForbidden && !e.Closed()
}

// Busy reports whether an operation is under way already.
func (e *Error) Busy() bool {
	return e.Code == failedPrecondition && strings.Contains(e.Message, "operation is already in progress")
}

// Closed reports whether a sync window keeps the Application from being synced now.
func (e *Error) Closed() bool {
	return strings.Contains(strings.ToLower(e.Message), "blocked by sync window")
}

// Temporary reports whether the same request may well succeed a little later.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// refusal reads an answer that is no 2xx.
func refusal(k Key, a Answer) *Error {
	e := &Error{Status: a.Status}
	if k.Name != "" {
		e.Application = k.title()
	}
	var said struct {
		Error, Message string
		Code           int
	}
	if json.Unmarshal(a.Body, &said) == nil {
		e.Code, e.Message = said.Code, said.Message
		if e.Message == "" {
			e.Message = said.Error
		}
	} else if text := strings.TrimSpace(string(a.Body)); !strings.HasPrefix(text, "<") {
		e.Message = text
	}
	e.Message = Line(e.Message, maxMessage)
	return e
}

// Line makes one line of outside text, of at most n bytes.
func Line(s string, n int) string {
	cut := len(s) > n
	if cut {
		s = s[:n]
	}
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))), " ")
	if cut {
		s += "..."
	}
	return s
}
