package forge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// obj is a JSON object. The wire shapes are built by hand because GitHub's schemas require keys to be present and null
// where Go structs with omitempty would drop them.
type obj = map[string]any

// apiError is an error answer in GitHub's shape.
type apiError struct {
	status  int
	message string
	errors  []any
	header  http.Header
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.status, e.message) }

func (e *apiError) body() []byte {
	o := obj{
		"message": e.message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(e.status),
	}
	if len(e.errors) > 0 {
		o["errors"] = e.errors
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return []byte(`{"message":"Server Error"}`)
	}
	return raw
}

func fail(status int, format string, args ...any) *apiError {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

func notFound() *apiError { return fail(http.StatusNotFound, "Not Found") }

func badRequest(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, format, args...)
}

// unprocessable is a 422 whose message says it all.
func unprocessable(format string, args ...any) *apiError {
	return fail(http.StatusUnprocessableEntity, format, args...)
}

// invalid is GitHub's "Validation Failed" with one error entry. code is missing, missing_field, invalid, already_exists
// or custom; only custom entries carry a message.
func invalid(resource, field, code, message string) *apiError {
	entry := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		entry["message"] = message
	}
	return &apiError{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{entry}}
}

// customInvalid is the variant without a field, which GitHub uses for pull request conflicts.
func customInvalid(resource, message string) *apiError {
	return &apiError{
		status: http.StatusUnprocessableEntity, message: "Validation Failed",
		errors: []any{obj{"resource": resource, "code": "custom", "message": message}},
	}
}

func forbiddenIntegration(accepted string) *apiError {
	e := fail(http.StatusForbidden, "Resource not accessible by integration")
	if accepted != "" {
		e.header = http.Header{"X-Accepted-Github-Permissions": {accepted}}
	}
	return e
}

func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, ", ")
}
